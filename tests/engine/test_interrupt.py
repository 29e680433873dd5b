"""Ctrl-C: a simulation that is interrupted goes on as if nothing had been, or says why it does not.

Why to believe them: signals are raised at chosen instants inside a run, and what follows is compared, bit by bit, with a run that
nothing disturbed.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from engine.guarded import equal, network, undisturbed
from neuropil.engine import interrupt
from neuropil.engine.interrupt import stoppable
from neuropil.errors import SimulationError
from neuropil.units import ms


@pytest.fixture(scope="module")
def straight() -> npl.Result:
    return undisturbed()


def signals(simulation: npl.Simulation, *instants: int) -> None:
    """Raise SIGINT inside the n-th call of native code, right after it, for each n."""
    advance, calls = simulation.core.advance, iter(range(10**9))

    def disturbed(steps: int) -> Any:
        done = advance(steps)
        for _ in range(instants.count(next(calls))):
            signal.raise_signal(signal.SIGINT)
        return done

    simulation.core.advance = disturbed  # type: ignore[method-assign]


@pytest.mark.parametrize("threads", [1, 2])
def test_step_goes_on_after_ctrl_c_as_if_nothing_had_been(straight: npl.Result, threads: int) -> None:
    with npl.Simulation(network(), threads=threads) as simulation:
        signals(simulation, 0, 2, 2, 4)  # twice in a row, too
        spikes, left = [], 1999
        while left:
            before = simulation.core.step
            try:
                spikes.append(simulation.step(left))
            except npl.Interrupted as stop:
                spikes.append(stop.spikes)
                assert stop.result.summary["interrupted"] and stop.result.duration_ms == pytest.approx(float(simulation.time.value))
            left -= simulation.core.step - before
        assert len(spikes) == 4
        before_the_last = straight.spikes.step < 2000
        assert np.array_equal(np.concatenate([n for _, n in spikes]), straight.spikes.neuron[before_the_last])
        assert equal(simulation.run_until(200 * ms), straight)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sweep_ends_with_what_there_is_and_a_run_goes_on(straight: npl.Result, threads: int, tmp_path: Path) -> None:
    """`Interrupted` is a KeyboardInterrupt: a loop that catches Exception does not go on with the next point."""
    assert issubclass(npl.Interrupted, KeyboardInterrupt) and not issubclass(npl.Interrupted, Exception)
    with npl.Simulation(network(), threads=threads, out=tmp_path) as simulation:
        signals(simulation, 3)
        with pytest.raises(npl.Interrupted, match="Ctrl-C at t = ") as stop:
            simulation.run_until(200 * ms, checkpoint_every=100 * ms)
        result = stop.value.result
        saved = npl.Result.load(tmp_path)
        assert 0 < result.duration_ms < 200 and saved.duration_ms == result.duration_ms and saved.summary["interrupted"]
        assert equal(npl.run(network(), result.duration_ms * ms, threads=1), saved)
    with npl.Simulation(network(), threads=1, out=tmp_path, resume=tmp_path) as again:
        assert float(again.time.value) == result.duration_ms, "the checkpoint is of where it stopped"
        assert equal(again.run_until(200 * ms), straight)


def test_ctrl_c_after_the_last_step_costs_nothing(straight: npl.Result) -> None:
    with npl.Simulation(network(), threads=1) as simulation:
        result = simulation._result
        simulation._result = lambda: (signal.raise_signal(signal.SIGINT), result())[1]  # type: ignore[method-assign]
        with pytest.raises(npl.Interrupted) as stop:
            simulation.run_until(200 * ms)
        assert equal(stop.value.result, straight) and not stop.value.result.summary["interrupted"]


def test_the_third_ctrl_c_ends_at_once_and_the_simulation_says_so() -> None:
    with npl.Simulation(network(), threads=2) as simulation:
        signals(simulation, 1, 1, 1)
        with pytest.raises(KeyboardInterrupt):
            simulation.step(2000)
        with pytest.raises(SimulationError, match="in the middle of a step"):
            simulation.step()


@pytest.mark.parametrize("phase", ["trace", "compile", "build"])
def test_ctrl_c_while_it_is_built(phase: str) -> None:
    def progress(now: str, fraction: float, info: Any) -> None:
        if now == phase:
            signal.raise_signal(signal.SIGINT)

    before = threading.active_count()
    with pytest.raises(npl.Interrupted, match="was traced" if phase == "trace" else "was built") as stop:
        npl.Simulation(network(), threads=2, progress=progress)
    assert stop.value.result is None and threading.active_count() == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_handlers_of_ctrl_c_are_respected() -> None:
    heard: list[int] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
        with stoppable() as outer:
            with stoppable() as inner:
                signal.raise_signal(signal.SIGINT)
            assert outer.is_set() and not inner.is_set(), "the outermost acts"
        assert heard == [signal.SIGINT]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with stoppable() as stop:
            signal.raise_signal(signal.SIGINT)
        assert not stop.is_set(), "a job in the background goes on"
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_at_any_instant_of_a_step_is_heard_and_leaves_a_whole_simulation(straight) -> None:
    """At every call and return within `step(1)`: whoever loops over steps is ended, the next Ctrl-C is heard as this one, and nothing is lost."""

    def step(simulation: npl.Simulation, instant: int) -> int:
        """Raise SIGINT at the n-th call or return of a step; returns how many there were."""
        passed = 0

        def look(frame: Any, event: str, argument: Any) -> None:
            nonlocal passed
            passed += 1
            if passed == instant:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

        try:
            sys.setprofile(look)
            simulation.step(1)
        finally:
            sys.setprofile(None)
        return passed

    with npl.Simulation(network(), threads=1) as simulation:
        simulation.step(5)
        # The last ones are outside of the step: those of the profile itself.
        for instant in range(1, step(simulation, 0) - 1):
            with pytest.raises(KeyboardInterrupt):
                step(simulation, instant)
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler and not interrupt._active
        assert equal(simulation.run(200 * ms - simulation.time), straight)
