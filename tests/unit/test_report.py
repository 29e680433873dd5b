"""The report and the raster: they say the right numbers, need no network and cope with runs that have little to show."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from neuropil.result import Result, Spikes, Trace
from neuropil.view import draw_raster, raster_figure, render_report, write_report
from neuropil.view.panels import thin
from neuropil.view.raster import raster_window
from neuropil.view.style import EXCITATORY, INHIBITORY, colour, kind

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers identifiers, references and visible text."""

    def __init__(self, document):
        super().__init__()
        self.open, self.ids, self.references, self.tags, self.parts = [], [], [], [], []
        self.feed(document)
        self.close()
        assert self.open == [], "tags left open"
        self.text = " ".join(" ".join(self.parts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._attributes(attrs)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self._attributes(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.parts.append(data)

    def _attributes(self, attrs):
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href"):
                self.references.append(value)
            self.references += re.findall(r"url\(([^)]*)\)", value or "")


def network(duration_ms=600.0, seed=0):
    rng = np.random.default_rng(seed)
    populations, rates = {"L4E": (0, 400), "L4I": (400, 100)}, {"L4E": 5.0, "L4I": 10.0}
    pairs = set()
    for name, (first, size) in populations.items():
        count = round(size * rates[name] * duration_ms / 1000)
        while sum(first <= n < first + size for _, n in pairs) < count:
            pairs.add((int(rng.integers(1, round(duration_ms * 10) + 1)), first + int(rng.integers(size))))
    step, neuron = np.array(sorted(pairs)).T
    spikes = Spikes(step, neuron, populations, 0.1)
    values = rng.normal(-60, 3, (500, 9))
    traces = {"v": Trace(np.arange(500) * 1.0, values, np.arange(9), "mV", "v", "L4E")}
    summary = {
        "model": "Balanced <network> & friends",
        "neurons": 500,
        "synapses": 123456,
        "wall_seconds": 1.5,
        "real_time_factor": 2.5,
        "compile_seconds": 0.5,
        "build_seconds": 3.25,
        "peak_memory_bytes": 250_000_000,
        "threads": 2,
        "precision": "float32",
        "seed": 4711,
        "spikes": len(spikes),
        "synaptic_events": 3_000_000,
        "neuron_steps": 3_000_000,
        "digest": spikes.digest(),
        "phases": {"deliver": 0.9, "update": 0.6},
        "memory": {"synapses": 1.0e8, "state": 3.0e6},
        "command": "neuropil run balanced.py --seed 4711 > out",
        "plan": "population L4E\n  exact propagator <linear>",
    }
    return Result(spikes, traces, summary, duration_ms)


def test_the_report_says_what_the_run_was():
    result = network()
    page = Page(render_report(result, {"L4E": 4.0, "L4I": 10.0}))
    for expected in (
        "Balanced <network> & friends",
        "500 neurons",
        "123,456 synapses",
        "Real-time factor 2.50",
        "Wall time 1.50 s",
        "Build 3.25 s",
        "Compile 500 ms",
        "Peak memory 250 MB",
        "Spikes 1,800",
        "Synaptic events 3.00 million",
        "Threads 2 float32 state",
        "Seed 4711",
        result.summary["digest"],
        "L4E 400 5.00 4.00 +25.0 %",
        "L4I 100 10.00 10.00 +0.0 %",
        "neuron-steps 3,000,000 500 ns",
        "deliver 900 ms · 60.0 %",
        "synapses 100 MB · 97.1 %",
        "neuropil run balanced.py --seed 4711 > out",
        "exact propagator <linear>",
        "6 of 9 columns",
    ):
        assert expected in page.text, expected
    assert page.tags.count("svg") == 4  # raster, distributions, spectra, probes


def test_the_report_needs_nothing_outside_itself():
    document = render_report(network(), {"L4E": 4.0})
    assert "http" not in document.replace("neuropil run", "")
    assert "@import" not in document
    page = Page(document)
    assert not {"script", "link", "iframe", "object", "img"} & set(page.tags)
    assert page.references, "the raster is an image inside its picture"
    assert all(each.startswith(("data:image/png;base64,", "#")) for each in page.references)


def test_identifiers_are_unique_and_every_reference_is_met():
    page = Page(render_report(network()))
    assert len(page.ids) == len(set(page.ids))
    assert {each[1:] for each in page.references if each.startswith("#")} <= set(page.ids)


def test_the_report_is_reproducible():
    assert render_report(network()) == render_report(network())


def test_the_picture_takes_its_ink_from_the_page():
    document = render_report(network())
    assert "currentColor" in document
    assert "prefers-color-scheme:dark" in document
    svg = document[document.index("<svg") : document.rindex("</svg>")]
    assert "#000000" not in svg


def empty():
    return Result(Spikes.empty({"cells": (0, 10)}, 0.1), {}, {"model": "silent"}, 100.0)


def nothing():
    return Result(Spikes.empty({}, 0.1))


def one_neuron():
    return Result(Spikes(np.arange(1, 50) * 200, np.zeros(49, np.int64), {"cell": (0, 1)}, 0.1), {}, {}, 1000.0)


def empty_population():
    return Result(Spikes.from_unsorted([3, 5], [0, 1], {"a": (0, 2), "none": (2, 0)}, 0.1), {}, {}, 5.0)


def late():
    return Result(Spikes.from_unsorted([20_001, 20_500], [0, 1], {"a": (0, 2)}, 0.1), {}, {}, 100.0, 2000.0)


def many_populations():
    rng = np.random.default_rng(0)
    populations = {f"area {i}/x": (10 * i, 10) for i in range(60)}
    return Result(
        Spikes.from_unsorted(rng.integers(1, 3000, 5000), rng.integers(0, 600, 5000), populations, 0.1), {}, {}, 300.0
    )


@pytest.mark.parametrize("make", [empty, nothing, one_neuron, empty_population, late, many_populations])
def test_a_run_with_little_to_show_still_has_a_page(make):
    result = make()
    page = Page(render_report(result))
    assert f"{result.duration_ms:,g} ms of biological time" in page.text
    assert "nan" not in page.text.lower().split()
    assert result.spikes.digest() in page.text


def test_a_silent_run_says_so():
    page = Page(render_report(empty()))
    assert "No neuron fired" in page.text
    assert "cells 10 0.00" in page.text
    assert "100.0 %" in page.text


def test_a_partial_run_says_so():
    result = one_neuron()
    result.summary["partial"] = True
    assert "stopped before its end" in Page(render_report(result)).text


def test_write_report_into_a_folder(tmp_path):
    path = write_report(empty(), tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert empty().report(tmp_path / "deep" / "r.html").exists()


# --- the raster


def test_populations_are_coloured_by_their_names():
    assert [kind(name) for name in ("L23E", "exc", "L5I", "inh", "V1 inh", "relay", "DA", "e", "tone")] == [
        "E", "E", "I", "I", "I", "", "", "E", "",
    ]  # fmt: skip
    assert (colour("L6E"), colour("L6I")) == (EXCITATORY, INHIBITORY)


def lines(ax):
    return [line for line in ax.get_lines() if line.get_linestyle() == "None"]


def test_the_raster_draws_every_spike_of_a_small_network():
    result = network()
    ax = raster_figure(result).axes[0]
    drawn = lines(ax)
    assert [len(line.get_xdata()) for line in drawn] == [1200, 600]
    np.testing.assert_allclose(np.sort(drawn[1].get_xdata()), np.sort(result.spikes.of("L4I").times()))
    top, bottom = drawn[0].get_ydata(), drawn[1].get_ydata()
    assert 0 < top.min() < top.max() < bottom.min() < bottom.max() < 1
    assert ax.get_ylim() == (1.0, 0.0)  # the first population on top


def test_the_raster_is_thinned_alike_in_every_population():
    result = network()
    figure, fraction = raster_figure(result, max_dots=300, with_fraction=True)
    counts = [len(line.get_xdata()) for line in lines(figure.axes[0])]
    assert 0 < sum(counts) <= 300
    assert fraction <= 300 / 1800
    rows = [len(np.unique(line.get_ydata())) for line in lines(figure.axes[0])]
    assert rows[0] <= round(fraction * 400) and rows[1] <= round(fraction * 100)
    # The share of the 600 inhibitory spikes among the 1800 survives the thinning, to 5 binomial deviations.
    share, total = counts[1] / sum(counts), sum(counts)
    assert abs(share - 1 / 3) < 5 * np.sqrt(2 / 9 / total) + 0.05


def test_rates_below_the_raster_are_the_mean_of_the_group():
    result = network()
    axes = raster_figure(result).axes[1]
    rates = {line.get_label(): line.get_ydata().mean() for line in axes.get_lines()}
    assert rates == pytest.approx({"inhibitory": 10.0, "excitatory": 5.0}, rel=1e-9)


def test_a_long_busy_run_shows_its_last_second():
    result = Result(Spikes(np.arange(1, 50_001), np.zeros(50_000, np.int64), {"p": (0, 1)}, 0.1), {}, {}, 5000.0)
    assert raster_window(result) == (4000.0, 5000.0)
    assert raster_window(one_neuron()) == (0.0, 1000.0)


def test_a_raster_into_given_axes():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    result = network()
    assert result.plot_raster(ax, t_from=100.0, t_to=200.0) is ax.figure
    assert ax.get_xlim() == (100.0, 200.0)
    assert sum(len(line.get_xdata()) for line in lines(ax)) == len(result.spikes.between(100.0, 200.0))
    assert draw_raster(Figure().subplots(), result.spikes) == 1.0


def test_plot_writes_a_picture(tmp_path):
    network().plot(tmp_path / "raster.png")
    assert (tmp_path / "raster.png").read_bytes().startswith(b"\x89PNG")


def test_drawing_leaves_pyplot_alone():
    import subprocess
    import sys

    code = "import sys, neuropil.view as v; from neuropil.result import *; v.render_report(Result(Spikes([1],[0],{'a':(0,1)},.1)))"
    code += "; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_thinning_a_trace_keeps_its_extremes():
    times = np.arange(100_000) * 0.1
    values = np.zeros(times.size)
    values[[12_345, 54_321]] = [40.0, -90.0]
    few_times, few = thin(times, values)
    assert few.size <= 1500
    assert (few.max(), few.min()) == (40.0, -90.0)
    assert few_times[np.argmax(few)] == times[12_345]
    assert np.all(np.diff(few_times) >= 0)


def test_cost_beside_the_clock():
    """Operations, bytes and joules of the work that the summary lists, as often as its counters say."""
    work = {"what": "p", "kind": "neuron", "count": 10, "per": "step", "flops": 7, "bytes": 12, "source": "here", "owner": ""}
    event = {**work, "kind": "synaptic event", "count": 50, "per": "event", "flops": 1, "owner": "p"}
    summary = {"work": [work, event], "neurons": 10, "neuron_steps": 1000, "synaptic_events": 400, "spikes": 3, "wall_seconds": 1e-6}
    result = network()
    costed = Result(result.spikes, {}, {**result.summary, **summary}, result.duration_ms)
    page = Page(render_report(costed)).text
    assert "neuron 1,000 7.00 12.0 7,000 12.0 kB" in page
    assert "synaptic event 400 1.00 12.0 400 4.80 kB" in page
    assert "all 7,400 16.8 kB" in page
    assert "7.40 GFLOP/s" in page  # 7400 FLOPs in a microsecond
    assert "Loihi" in page
    without = {k: v for k, v in result.summary.items() if k != "work"}
    assert "Loihi" not in Page(render_report(Result(result.spikes, {}, without, result.duration_ms))).text
