"""One caller at a time, whole steps, and the network as it was: what else is called is refused, and the simulation goes on as if nothing had been.

Why to believe them: what follows is compared, bit by bit, with a run that nothing disturbed.
"""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from engine.guarded import equal, network, undisturbed
from neuropil import oracle
from neuropil.engine.core import Core
from neuropil.errors import NetworkError, NeuropilError, SimulationError
from neuropil.units import Hz, ms, mV, nM, pA
from neuropil.zoo.modulators.dopamine import Dopamine
from neuropil.zoo.neurons.lif import LIFExp


@pytest.fixture(scope="module")
def straight() -> npl.Result:
    return undisturbed()


def test_an_error_of_the_progress_function_leaves_a_whole_simulation(straight: npl.Result) -> None:
    failures = iter([ValueError("mine")])

    def progress(phase: str, fraction: float, info: Any) -> None:
        if phase == "run" and fraction > 0.3:
            for failure in failures:
                raise failure

    with npl.Simulation(network(), threads=1, progress=progress) as simulation:
        with pytest.raises(ValueError, match="mine"):
            simulation.run_until(200 * ms)
        assert equal(simulation.run_until(200 * ms), straight)


# --- one caller at a time ----------------------------------------------------------------------------------------


def elsewhere(call: Callable[[], Any]) -> Any:
    """What a call in another thread returns, or the error it raises."""
    out: list[Any] = []

    def attempt() -> None:
        try:
            out.append(call())
        except BaseException as error:
            out.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(30)
    return out[0] if out else "hangs"


def test_a_second_thread_is_refused_and_the_first_goes_on(straight: npl.Result) -> None:
    with npl.Simulation(network(), threads=2) as simulation:
        advance, errors = simulation.core.advance, []

        def while_it_runs(steps: int) -> Any:
            if not errors:
                errors.extend(elsewhere(call) for call in (simulation.step, lambda: simulation.run(1 * ms), simulation.close, lambda: simulation.checkpoint("x.h5")))
            return advance(steps)

        simulation.core.advance = while_it_runs  # type: ignore[method-assign]
        assert equal(simulation.run_until(200 * ms), straight)
    assert len(errors) == 4 and all(isinstance(e, SimulationError) and "another Python thread" in str(e) for e in errors), errors


def test_a_simulation_may_be_handed_to_another_thread(straight: npl.Result) -> None:
    with npl.Simulation(network(), threads=2) as simulation:
        simulation.step(100)
        assert equal(elsewhere(lambda: simulation.run_until(200 * ms)), straight)


def test_a_progress_function_may_look_but_not_run() -> None:
    errors: list[Exception] = []

    def progress(phase: str, fraction: float, info: Any) -> None:
        if phase == "run" and not errors:
            simulation.state("e", "v")
            for call in (simulation.step, simulation.close):
                try:
                    call()
                except SimulationError as error:
                    errors.append(error)

    with npl.Simulation(network(), threads=1, progress=progress) as simulation:
        simulation.run(10 * ms)
    assert len(errors) == 2 and all("is running" in str(e) for e in errors)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_closed_simulation_can_be_read_and_nothing_else(threads: int, tmp_path: Path) -> None:
    simulation = npl.Simulation(network(), threads=threads)
    simulation.step(10)
    simulation.close()
    simulation.close()
    assert simulation.state("e", "v").value.size == 100 and simulation.summary()["spikes"] >= 0
    calls: list[Callable[[], Any]] = [simulation.step, lambda: simulation.run(5 * ms), lambda: simulation.checkpoint(tmp_path / "c.h5")]
    calls += [lambda: simulation.set_state("e", "v", -60 * mV), lambda: simulation.set_weights("e→e", 1.0)]
    for call in calls:
        with pytest.raises(SimulationError, match="is closed"):
            call()


def test_a_modulator_is_driven_by_one_caller_between_steps() -> None:
    """Signal, dose and cap reach every owner or none: not while another thread runs the steps, not after the simulation was closed."""
    net = network()
    net.modulator("m", Dopamine(), volume=net["e"])
    simulation, errors = npl.Simulation(net, threads=2), []
    modulator, advance = simulation.modulators["m"], simulation.core.advance
    calls = [lambda: modulator.set_signal(1.0), lambda: modulator.release(5 * nM), lambda: modulator.set_cap(8 * nM)]

    def while_it_runs(steps: int) -> Any:
        errors.extend(elsewhere(call) for call in calls)
        return advance(steps)

    simulation.core.advance = while_it_runs  # type: ignore[method-assign]
    simulation.step(1)
    assert len(errors) == 3 and all(isinstance(e, SimulationError) and "another Python thread" in str(e) for e in errors), errors
    assert modulator.signal == 0.0 and modulator.cap == np.inf and not any(doses[0] for doses in modulator.level.doses)
    for call in calls:
        call()
    assert modulator.signal == 1.0 and modulator.cap < np.inf
    simulation.close()
    for call in calls:
        with pytest.raises(SimulationError, match="is closed"):
            call()
    assert modulator.concentration.value > 0.0  # to be read as before


@pytest.mark.parametrize("copied", [False, True])
def test_what_belongs_to_another_network_is_refused_though_its_name_is_known(copied: bool) -> None:
    """A copy of a network has populations of its own: which of them is meant is for the caller to say. The network that was given, and the
    simulation's own, are both accepted."""
    net = network()
    other = copy.copy(net) if copied else network()
    with npl.Simulation(net, threads=1) as simulation:
        theirs: list[Callable[[npl.Network], Any]] = [
            lambda n: simulation.set(n["e"], tau_m=12 * ms), lambda n: simulation.set(n["e"][:5], tau_m=12 * ms), lambda n: simulation.set(n.drives[0], rate=9000 * Hz),
            lambda n: simulation.state(n["e"], "v"), lambda n: simulation.set_state(n["e"][3:], "v", -60 * mV), lambda n: simulation.weights(n.projections[0]),
            lambda n: simulation.set_synapses(n.projections[0], weight=1 * pA), lambda n: simulation.set_weights(n.projections[0], 1 * pA),
        ]  # fmt: skip
        for call in theirs:
            with pytest.raises(NetworkError, match=r"belongs to another network(.|\n)*fix:"):
                call(other)
        assert not simulation.summary()["interventions"]
        for call in theirs[:-2]:
            call(net)
            call(simulation.network)
        assert len(simulation.summary()["interventions"]) == 6
    with pytest.raises(NetworkError, match="set: 'e' belongs to another network"):
        oracle.simulate(net, 1 * ms, edges={0: (np.zeros(0, int),) * 4}, settings={0: [(other["e"], {"tau_m": 12 * ms})]})


def test_it_is_neither_copied_nor_pickled_but_its_result_is() -> None:
    with npl.Simulation(network(), threads=1) as simulation:
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(SimulationError, match=r"checkpoint\(path\)"):
                attempt(simulation)
        result = simulation.run(20 * ms)
    again = pickle.loads(pickle.dumps(result))
    assert again.spikes == result.spikes and again.summary == result.summary and again.rates() == result.rates()
    assert np.array_equal(again.traces["e.v"].values, result.traces["e.v"].values)
    assert copy.deepcopy(result).spikes == result.spikes


def _child(pipe: Any, simulation: npl.Simulation) -> None:
    try:
        simulation.step()
    except NeuropilError as error:
        pipe.send(str(error))
    simulation.close()
    pipe.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*")
def test_after_a_fork_it_belongs_to_the_parent() -> None:
    with npl.Simulation(network(), threads=2) as simulation:
        simulation.step(10)
        here, there = multiprocessing.Pipe()
        child = multiprocessing.get_context("fork").Process(target=_child, args=(there, simulation))
        child.start()
        assert here.poll(30) and "another process" in here.recv()
        child.join(30)
        assert child.exitcode == 0
        simulation.step(10)


# --- the network stays as it was -----------------------------------------------------------------------------------


def changes(net: npl.Network) -> dict[str, Callable[[], Any]]:
    e = net["e"]
    return {
        "probes": lambda: net.probe(e, "i_exc"),
        "drives": lambda: net.stimulate(e, npl.Step(1e6 * pA), input="current"),
        "populations": lambda: net.population("q", LIFExp(), 3),
        "projections": lambda: net.project(e, e, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", name="new"),
        "modulators": lambda: net.modulator("da", npl.FirstOrder(baseline=1 * nM, tau=9 * ms), volume=[e]),
    }


@pytest.mark.parametrize("what", ["probes", "drives", "populations", "projections", "modulators"])
def test_a_change_of_the_network_is_not_ignored(what: str) -> None:
    net = network()
    with npl.Simulation(net, threads=1) as simulation:
        simulation.step(10)
        changes(net)[what]()
        for call in (simulation.step, lambda: simulation.run(5 * ms)):
            with pytest.raises(SimulationError, match=rf"was changed(.|\n)*\+1 {what}(.|\n)*new Simulation"):
                call()
        with pytest.raises(NetworkError, match="cannot be changed"):
            changes(simulation.network)[what]()
        with pytest.raises(NetworkError, match="no projection 'new'"):
            simulation.synapses("new")
        assert simulation.summary()["neurons"] == 100


def test_a_change_that_fails_is_none(straight: npl.Result) -> None:
    net = network()
    with npl.Simulation(net, threads=1) as simulation:
        with pytest.raises(NetworkError):
            net.probe(net["e"], "V")
        assert equal(simulation.run_until(200 * ms), straight)


def test_a_failure_in_native_code_of_one_thread_frees_the_others() -> None:
    with npl.Simulation(network(), threads=2) as simulation:
        call = Core._together

        def failing(self: Core, t: int, *rest: Any) -> Any:
            if t == 0:
                raise MemoryError("none left")
            return call(self, t, *rest)

        Core._together = failing  # type: ignore[method-assign, assignment]
        try:
            with pytest.raises(MemoryError):
                simulation.step(100)
        finally:
            Core._together = call  # type: ignore[method-assign]
        assert isinstance(elsewhere(simulation.step), SimulationError)
