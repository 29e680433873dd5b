"""Results given to other libraries, drawn, and shown in notebooks.

What goes out is compared with the arrays that it was made of, and Elephant computes of it what is known in closed form. Lines of
pictures are compared with counts taken from the spikes. One small plastic network serves all.
"""

from __future__ import annotations

import base64
import io
import re
import sys

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose, assert_array_equal

import neuropil as npl
from neuropil.errors import NeuropilError, ResultError, UnitError
from neuropil.result import Result, Spikes, Trace
from neuropil.result.exported import interval_of
from neuropil.result.quantities import unit_of
from neuropil.units import Hz, Quantity, mM, ms, mV, nS, pA, second, um, uV, volt
from neuropil.view import power_spectrum, traces_figure
from neuropil.view.panels import thin
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


@pytest.fixture(scope="module")
def simulation() -> npl.Simulation:
    net = npl.Network("small")
    exc, inh = net.population("exc", LIFExp(), 20), net.population("inh", LIFExp(), 5)
    net.stimulate(exc, npl.Poisson(20000 * Hz), port="exc", weight=80 * pA)
    (learning,) = net.project(exc, exc, npl.FixedProbability(0.3), weight=npl.Normal(30 * pA, 5 * pA), delay=1.5 * ms, port="exc", synapse=AdditiveSTDP(), name="learning")
    net.project(exc, inh, npl.FixedProbability(0.5), weight=3000 * pA, delay=1.5 * ms, port="exc", name="forward")
    net.probe(exc, "v", neurons=[0, 3], interval=0.5 * ms)
    net.probe(learning, "weight", interval=50 * ms, name="w")
    return npl.Simulation(net, seed=3, threads=1)


@pytest.fixture(scope="module")
def result(simulation: npl.Simulation) -> Result:
    found = simulation.run(300 * ms)
    assert len(found.spikes.of("exc")) > 60 and len(found.spikes.of("inh")) > 5  # else there is nothing to compare
    return found


def lines(figure, ax=0):
    return [line.get_xydata() for line in figure.axes[ax].get_lines()]


# --- other libraries


@pytest.mark.parametrize(("call", "name"), [("to_frame", "pandas"), ("to_xarray", "xarray"), ("to_neo", "neo")])
def test_a_library_that_is_missing_is_named_with_its_extra(call, name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(NeuropilError, match=rf"pip install {name} \(or neuropil\[{name}\]\)"):
        getattr(Result(Spikes.empty({"exc": (0, 4)}, 0.1)), call)()


def test_frames_hold_every_spike_and_sample(result):
    pytest.importorskip("pandas")
    frame = result.to_frame()
    assert list(frame.columns) == ["time_ms", "population", "neuron"] and frame.attrs == {"dt_ms": 0.1}
    for name in ("exc", "inh"):
        mine, local = frame[frame.population == name], result[name]
        assert_array_equal(mine.time_ms, local.times())
        assert_array_equal(mine.neuron, local.neuron)
        assert_array_equal(result.to_frame(name).neuron, local.neuron)
    assert_array_equal(frame.groupby("population", observed=True).size().loc[["exc", "inh"]], [len(result["exc"]), len(result["inh"])])
    v = result.to_frame("exc.v")
    assert v.columns.name == "neuron" and v.columns.tolist() == [0, 3] and v.attrs["unit"] == "mV"
    assert_array_equal(v[3], result["exc.v"].of(3))
    sited = Trace(np.arange(2.0), np.arange(4.0).reshape(2, 2), [7, 7], "mV", "v", "cells", [0, 4])
    assert_array_equal(sited.to_frame()[7, 4], [1.0, 3.0])


def test_xarray_finds_neurons_and_times_by_their_values(result):
    pytest.importorskip("xarray")
    tree = result.to_xarray()
    v = tree["traces/exc.v"]["value"]
    assert v.attrs["units"] == "mV" and v.time.attrs["units"] == "ms"
    assert float(v.sel(neuron=3, time=100.0, method="nearest")) == result["exc.v"].of(3)[np.argmin(abs(result["exc.v"].times_ms - 100))]
    assert (tree["spikes"].population == "inh").sum() == len(result["inh"])
    assert_array_equal(tree["spikes"].neuron[tree["spikes"].population == "inh"], result["inh"].neuron)
    assert tree.attrs["digest"] == result.summary["digest"]
    sited = Trace(np.arange(2.0), np.arange(4.0).reshape(2, 2), [7, 7], "", "v", "cells", [0, 4]).to_xarray()
    assert_array_equal(sited[:, sited.site == 4].values[:, 0], [1.0, 3.0])
    Result(Spikes.empty({}, 0.1)).to_xarray()


def test_neo_holds_every_train_and_trace(result):
    neo = pytest.importorskip("neo")
    segment = result.to_neo().segments[0]
    assert len(segment.spiketrains) == 25
    assert_allclose(segment.spiketrains[3].rescale("ms").magnitude, result.spikes.trains("exc")[3])
    v, w = segment.analogsignals
    assert isinstance(v, neo.AnalogSignal) and v.name == "exc.v" and str(v.units.dimensionality) == "mV"
    assert float(v.sampling_period.rescale("ms")) == 0.5 and float(v.t_start.rescale("ms")) == result["exc.v"].times_ms[0]
    assert_array_equal(v.magnitude, result["exc.v"].values)
    assert_allclose(v.times.rescale("ms").magnitude, result["exc.v"].times_ms)
    assert_array_equal(v.array_annotations["neuron"], [0, 3])
    assert w.shape[1] == result["w"].neurons.size


@pytest.mark.parametrize("unit", ["mV", "nS", "GΩ", "µm", "1/ms", "pA·ms^2", "mM", "dimensionless", ""])
def test_units_go_to_neo(unit):
    pytest.importorskip("neo")
    uneven = Trace([0.0, 1.0, 3.0], np.ones((3, 1)), [0], unit, "x", "p")
    (signal,) = Result(Spikes.empty({}, 0.1), {"x": uneven}, duration_ms=5.0).to_neo().segments[0].irregularlysampledsignals
    one = signal.units.simplified
    si = {"ms": 1e-3, "mV": 1e-3, "pA": 1e-12, "µm": 1e-6, "mM": 1.0}
    expected = np.prod([si[base] ** power for base, power in zip(si, unit_of(unit).dimension, strict=True)])
    assert float(one) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")  # Elephant gives it
def test_elephant_accepts_signals_and_trains():
    pytest.importorskip("elephant")
    from elephant.spectral import welch_psd
    from elephant.statistics import cv, isi

    times = np.arange(2000) * 0.1
    wave = Trace(times, np.sin(2 * np.pi * 0.25 * times)[:, None].astype(np.float32), [0], "mV", "v", "exc")
    spikes = Spikes.from_unsorted(np.arange(10, 2000, 10), np.zeros(199, int), {"exc": (0, 1)}, 0.1)
    segment = Result(spikes, {"v": wave}, duration_ms=200.0).to_neo().segments[0]
    frequencies, density = welch_psd(segment.analogsignals[0], n_segments=4)
    assert float(frequencies[np.argmax(density[0])].rescale("Hz")) == pytest.approx(250.0, abs=25.0)
    assert_allclose(isi(segment.spiketrains[0]).rescale("ms").magnitude, 1.0)
    assert float(cv(isi(segment.spiketrains[0]))) == pytest.approx(0.0, abs=1e-9)


def test_only_even_times_have_an_interval():
    assert interval_of(0.7 + 0.1 * np.arange(1000)) == 0.1
    assert interval_of(np.array([0.0, 0.1, 0.21])) is None
    assert interval_of(np.array([1.0])) is None


# --- quantities


def test_results_take_and_give_quantities(result):
    assert result.rates(0.1 * second) == result.rates(100.0)
    assert result.spikes.between(50 * ms, 0.1 * second) == result.spikes.between(50, 100)
    with pytest.raises(UnitError, match="unit"):
        result.rates(5 * mV)
    with pytest.raises(ResultError, match="one time"):
        result.spikes.between([1, 2], 5)
    assert (result.t_start, result.t_stop, result.duration) == (0 * ms, 300 * ms, 0.3 * second)
    v = result["exc.v"]
    assert_allclose(v.quantity.to(uV), 1000.0 * v.values, rtol=1e-6)
    assert_allclose(v.quantity.to(volt), v.values / 1000.0, rtol=1e-6)
    assert_array_equal(v.times.to(ms), v.times_ms)
    cut = v.between(10 * ms, 20 * ms)
    assert_allclose(cut.times_ms, np.arange(20, 41) * 0.5)
    assert_array_equal(cut.values, v.values[np.searchsorted(v.times_ms, 10.0 - 1e-9) :][:21])


@pytest.mark.parametrize("one", [ms, mV, nS, mM, um, pA * ms**2, 1 / ms, mV / ms, mV / (pA * ms), Quantity(1.0)])
def test_units_are_read_as_they_are_written(one):
    assert unit_of(one.unit).dimension == one.dimension


def test_an_unknown_unit_is_an_error():
    with pytest.raises(UnitError, match="not known"):
        unit_of("furlong")


# --- pictures


def test_rates_are_counts_of_spikes_by_bins(result):
    exc, inh = lines(result.plot_rates(bin=50 * ms))
    assert_allclose(exc[:, 0], np.arange(6) * 50.0 + 25.0)
    for line, name, size in ((exc, "exc", 20), (inh, "inh", 5)):
        counts = [len(result[name].between(a, a + 50)) for a in range(0, 300, 50)]
        assert_allclose(line[:, 1], np.array(counts) / (size * 0.05))
    (one,) = lines(result.plot_rates("inh", t_from=100 * ms, t_to=200 * ms, bin=100))
    assert one[0, 1] == pytest.approx(len(result["inh"].between(100, 200)) / 0.5)
    for wrong in ({"bin": 0.25 * ms}, {"t_from": 400 * ms}, {"t_from": 20 * ms, "t_to": 10 * ms}):
        with pytest.raises(ResultError):
            result.plot_rates(**wrong)
    with pytest.raises(ResultError, match="did you mean 'exc'"):
        result.plot_rates("exe")


def test_intervals_are_those_between_spikes(result):
    known = Spikes.from_unsorted([10, 30, 50, 20, 60], [0, 0, 0, 1, 1], {"p": (0, 3)}, 0.1)
    figure = Result(known, duration_ms=10.0).plot_isi()
    (stairs,) = figure.axes[0].patches
    values, edges, _ = stairs.get_data()
    density = {round(float((a + b) / 2), 3): v for v, a, b in zip(values, edges, edges[1:], strict=False) if v}
    assert density == pytest.approx({2.0: 2 / 3 / 0.1, 4.0: 1 / 3 / 0.1})
    with pytest.raises(ResultError, match="no intervals"):
        Result(Spikes.from_unsorted([10], [0], {"p": (0, 3)}, 0.1), duration_ms=10.0).plot_isi()
    assert len(result.plot_isi("exc", t_from=50 * ms).axes[0].patches) == 1


def test_spectra_are_those_of_the_statistics(result):
    figure = result.plot_psd("exc")
    frequencies, power = power_spectrum(result.spikes, "exc", 0.0, 300.0)
    assert_allclose(lines(figure)[0], np.column_stack((frequencies, power))[1:])
    with pytest.raises(ResultError, match="at least 256 ms"):
        result.plot_psd(t_from=100 * ms)


def test_weights_are_drawn_at_the_first_and_last_sample(result):
    trace = result["w"]
    figure = result.plot_weights()
    first, last = (patch.get_data() for patch in figure.axes[0].patches)
    assert first.values.sum() == last.values.sum() == trace.neurons.size
    assert_array_equal(last.values, np.histogram(trace.values[-1], last.edges)[0])
    assert_allclose(lines(figure, 1)[0][:, 1], trace.values.mean(axis=1))
    with pytest.raises(ResultError, match=r"net\.probe"):
        Result(result.spikes, duration_ms=300.0).plot_weights()


def test_a_long_trace_keeps_every_extreme_and_every_gap():
    """10,007 samples in stretches of 14: a spike among the last 11, one beside a missing sample, and a stretch of which nothing is known."""
    values = np.zeros(10_007)
    values[[-1, 141]], values[140], values[700:728] = (5.0, 7.0), np.nan, np.nan
    times, shown = thin(np.arange(values.size) * 0.1, values)
    assert shown.size <= 1500 and np.all(np.diff(times) >= 0) and {5.0, 7.0} <= set(shown) and times[-1] == pytest.approx(1000.6)
    assert np.isnan(shown).any(), "what is missing is not drawn as a line"


def test_columns_of_several_sites_are_told_apart():
    trace = Trace(np.arange(2.0), np.zeros((2, 2)), np.array([3, 3]), "", "v", "cells", np.array([0, 4]))
    assert [a.get_text() for a in traces_figure({"v": trace}).axes[0].texts] == ["cells[3, 0]", "cells[3, 4]"]
    assert repr(trace).startswith("Trace(v of cells: 2 samples"), "a variable without a unit"


def test_traces_and_rasters_take_windows(result):
    figure = result.plot_traces("exc.v", t_from=50 * ms, t_to=0.1 * second)
    assert_allclose(lines(figure)[0], np.column_stack((result["exc.v"].between(50, 100).times_ms, result["exc.v"].between(50, 100).of(0))))
    assert len(result.plot_traces().axes) == 2
    with pytest.raises(ResultError, match="no probe of this name"):
        result.plot_traces("exc.w")
    assert result.plot_raster(t_from=50 * ms, t_to=100 * ms).axes[0].get_xlim() == (50, 100)
    axes = result.plot_rates().axes[0]
    assert result.plot_isi(ax=axes) is axes.figure


def test_nothing_is_drawn_of_spikes_that_were_not_recorded(result):
    blind = Result(result.spikes, summary={"record_spikes": False}, duration_ms=300.0)
    for draw in (blind.plot_raster, blind.plot, blind.plot_rates, blind.plot_isi, blind.plot_psd):
        with pytest.raises(ResultError, match="not recorded"):
            draw()


# --- notebooks


def test_a_result_is_shown_with_rates_cost_and_raster(result):
    html = result._repr_html_()
    assert f"{result.rates()['exc']:.2f}" in html and "Real-time factor" in html and result.summary["digest"][:8] in html
    picture = imread(io.BytesIO(base64.b64decode(re.search(r'base64,([^"]*)"', html)[1])), format="png")
    assert_array_equal(picture[0, 0], [1, 1, 1, 1][: picture.shape[2]])  # white and opaque, legible in a dark notebook
    assert 0 < np.count_nonzero(picture[..., 2] < 0.5) < picture[..., 2].size / 2
    assert len(html) < 400_000
    assert "exc.v" in html and "<script" not in html
    hostile = Result(Spikes.empty({"<b>": (0, 1)}, 0.1), summary={"model": "<i>", "interrupted": True}, duration_ms=1.0)._repr_html_()
    assert "<b>" not in hostile and "<i>" not in hostile and "interrupted" in hostile and "base64" not in hostile


def test_a_trace_is_shown_with_its_picture(result):
    assert "base64" in result["exc.v"]._repr_html_()
    assert "base64" not in result["exc.v"].between(10.1, 10.2)._repr_html_()


def test_a_simulation_is_shown_with_its_time_and_parts(simulation, result):
    html = simulation._repr_html_()
    for text in ("small", "300 ms", "exc", "inh", "learning", "LIFExp", "FixedProbability"):
        assert text in html
