"""Mistakes of a first hour, each answered with what to write instead, and conveniences that a newcomer tries first."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

import neuropil as npl
from neuropil.result.trace import Trace
from neuropil.units import ms, mV, nS, pA
from neuropil.view import progress
from neuropil.zoo.neurons.lif import LIFExp


@pytest.fixture(scope="module")
def network() -> npl.Network:
    net = npl.Network("n")
    exc, inh = net.population("exc", LIFExp(), 20), net.population("inh", LIFExp(), 5)
    net.stimulate(exc, npl.Step(500 * pA), input="current")
    net.probe(inh, "v", name="v")
    assert exc.size
    return net


@pytest.mark.parametrize(
    ("mistake", "remedy"),
    [
        (lambda n: LIFExp(tau_m=20 * mV), "for example 20 * ms"),
        (lambda n: n.population("more", LIFExp(), "100"), "int('100')"),
        (lambda n: n.project(n["exc"], n["inh"], npl.AllToAll(), weight=1 * pA, delay=1 * ms), "port='exc'"),
        (lambda n: n.stimulate(n["exc"], npl.Step(1 * pA)), "input='current'"),
        (lambda n: n.stimulate(n["exc"], 100 * pA, input="current"), "npl.Step(100 * pA)"),
        (lambda n: npl.FixedProbability(10), "FixedProbability(0.1) for 10 %"),
        (lambda n: float(5 * mV), "value.to(mV)"),
        (lambda n: npl.Poisson(10 * ms), "10 * Hz"),
        (lambda n: LIFExp(v_th=0 * ms), "expected: mV"),
        (lambda n: n.project(n["exc"], n["inh"], npl.AllToAll(), weight=1 * nS, delay=1 * ms, port="exc"), "1 * pA"),
    ],
)
def test_the_message_says_what_to_write(network: npl.Network, mistake: Callable[[npl.Network], object], remedy: str) -> None:
    with pytest.raises(npl.NeuropilError) as error:
        mistake(network)
    assert remedy in str(error.value)


def test_a_result_gives_populations_and_probes_by_name(network: npl.Network, tmp_path, capfd: pytest.CaptureFixture[str]) -> None:
    result = npl.run(network, 50 * ms, out=tmp_path / "run")
    assert capfd.readouterr().err == "", "nothing is shown where nobody watches"
    assert result["exc"] == result.spikes["exc"] == result.spikes.of("exc") and np.array_equal(result["exc"].times(), result.spikes.times("exc"))
    trace = result["v"]
    assert isinstance(trace, Trace) and repr(trace) == "Trace(v of inh in mV: 500 samples, 0.1 to 50 ms, 5 columns)"
    assert len(trace.plot().axes[0].lines) == 5
    with pytest.raises(npl.ResultError, match="did you mean 'exc'"):
        result["ex"]
    assert npl.load(tmp_path / "run").spikes == result.spikes
    assert "interrupted" in repr(npl.Result(result.spikes, {}, {"interrupted": True}))


def test_progress_is_shown_when_it_is_asked_for(network: npl.Network, capfd: pytest.CaptureFixture[str]) -> None:
    npl.run(network, 5 * ms, progress=True)
    shown = capfd.readouterr().err
    assert "compiling (once)" in shown and "simulating" in shown
    npl.run(network, 5 * ms, progress=False)
    with npl.Simulation(network, progress=True) as simulation:
        simulation.run(5 * ms)
    assert capfd.readouterr().err.count("simulating") == 1
    with pytest.raises(npl.SimulationError, match="True, False"):
        npl.Simulation(network, progress="yes")  # type: ignore[arg-type]


def test_a_display_opens_by_itself_only_after_a_while(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shown = progress.display(None)
    assert shown is not None
    shown("trace", 0.0)
    shown("run", 1.0)
    assert capfd.readouterr().err == "", "a run that ended before"
    late = progress.Display(after=0.01)
    late("compile", 0.0)
    assert late._timer is not None
    late._timer.join()  # the phase reports nothing more
    assert "compiling (once)" in capfd.readouterr().err
    late.close()
    late._open()  # a timer that was waiting while it was closed
    assert late._reporter is None
