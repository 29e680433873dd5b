"""Random networks: the engine, however it is driven, against the oracle.

Believed because the oracle shares no lowering code, and because every run of the engine must give the same bits. Checked of
each network, in float64: the same spikes as the oracle, and traces and states of synapses equal to 10⁻⁹ of their largest
value; the same bits on 1, 2 and 3 threads, in chunks, after a checkpoint, and after a snapshot was restored in place, or started from. In float32: the same bits in all these
ways (of each seventh structure); as many spikes, within 10 and a quarter of them (single spikes differ, and what follows from them).

Structures are numbered (`fuzz.structures`); of each, thirty networks are tried, drawn by Hypothesis with the number as its seed.
The 210 of seven structures take seven minutes of a processor, nearly all of it compilation.

    NEUROPIL_FUZZ=5000 pytest -m fuzz             this many networks, from the first structure on (200 without it)
    NEUROPIL_FUZZ_FIRST=100                       begin at this structure
    NEUROPIL_FUZZ_EACH=60                         this many networks of each structure (30 without it)
    NEUROPIL_FUZZ_SHRINK=1                        make a network that fails smaller (takes minutes)
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz.networks import Case, Drawing
from fuzz.structures import structure
from neuropil.connectivity.draw import numbered_edges
from neuropil.engine import Simulation
from neuropil.oracle import simulate

pytestmark = pytest.mark.fuzz
EACH = int(os.environ.get("NEUROPIL_FUZZ_EACH", "30"))
"""Networks of a structure: compiling one takes as long as running fifty."""

NETWORKS = int(os.environ.get("NEUROPIL_FUZZ", "200"))
FIRST = int(os.environ.get("NEUROPIL_FUZZ_FIRST", "0"))
PHASES = (Phase.generate, *([Phase.shrink] if os.environ.get("NEUROPIL_FUZZ_SHRINK") else []))


class Run:
    """A simulation that is driven to its end, with everything that is done on the way."""

    def __init__(self, case: Case, threads: int, precision: str = "float64", **options: Any):
        self.case = case
        given = {} if "start" in options else {"dt": case.dt, "seed": case.seed}  # a snapshot has them
        self.simulation = Simulation(case.network, threads=threads, precision=precision, **given, **options)

    def go(self, chunks: list[int]) -> None:
        """Advance by these steps; what is done at a step is done before it."""
        case, simulation = self.case, self.simulation
        acts = sorted({*case.weights, *case.plastic, *case.settings, *(k for signal in case.signals.values() for k in signal)})
        for chunk in chunks:
            end = simulation.core.step + chunk
            while simulation.core.step < end:
                now = simulation.core.step
                for target, values in case.settings.get(now, ()):
                    if values:
                        simulation.set(target, **values)
                for name, signal in case.signals.items():
                    if now in signal:
                        simulation.modulators[name].set_signal(signal[now])
                for name, weight in case.weights.get(now, {}).items():
                    simulation.set_weights(name, weight)
                if now in case.plastic:
                    simulation.plasticity = case.plastic[now]
                until = min([k for k in acts if k > now] + [end])
                simulation.step(until - now)

    def finish(self) -> tuple[Any, dict[str, Any]]:
        """The result, and what synapses are in the end."""
        found = self.found()
        self.simulation.close()
        return found

    def found(self) -> tuple[Any, dict[str, Any]]:
        """The result so far, and what synapses are."""
        listed = [p for p in self.case.network.projections if p.per_synapse]
        states = {p.name: self.simulation.synapses(p) for p in listed}
        return self.simulation.result(), states


def whole(case: Case, threads: int, **options: Any) -> tuple[Any, dict[str, Any]]:
    """In one piece."""
    run = Run(case, threads, **options)
    run.go([case.steps])
    return run.finish()


def divided(case: Case, folder: Any, threads: tuple[int, int], **options: Any) -> tuple[tuple[Any, dict[str, Any]], ...]:
    """In chunks, with a checkpoint at `case.cut` that changes nothing; woken from it on other threads; once more from a snapshot at `case.cut`,
    restored in place, and in a simulation that starts from it."""
    run, left, path = Run(case, threads[0], **options), list(case.chunks), folder / f"{len(list(folder.iterdir()))}.h5"
    run.go(until(left, case.cut))
    run.simulation.checkpoint(path)
    snapshot = run.simulation.snapshot()
    run.go(left)
    chunked = run.found()
    woken = Run(case, threads[1], resume=path, **options)
    woken.go([case.steps - case.cut])
    run.simulation.restore(snapshot)
    run.go([case.steps - case.cut])
    started = Run(case, threads[0], start=snapshot, **options) if case.starts else None
    if started is not None:
        started.go([case.steps - case.cut])
    return chunked, woken.finish(), run.finish(), *([] if started is None else [started.finish()])


def until(chunks: list[int], cut: int) -> list[int]:
    """Take chunks of `cut` steps in all from the list."""
    taken = []
    while cut:
        taken.append(min(cut, chunks[0]))
        cut -= taken[-1]
        chunks[:1] = [chunks[0] - taken[-1]] if chunks[0] > taken[-1] else []
    return taken


def same_bits(one: Any, other: Any, since: int = 0) -> None:
    """Two runs of the engine; the second may have recorded from a step on."""
    (a, states), (b, others) = one, other
    late = a.spikes.step > since
    np.testing.assert_array_equal(a.spikes.step[late], b.spikes.step)
    np.testing.assert_array_equal(a.spikes.neuron[late], b.spikes.neuron)
    for name, trace in a.traces.items():
        got = b.traces[name].values
        np.testing.assert_array_equal(trace.values[len(trace.values) - len(got) :], got, err_msg=name)
    for name, arrays in states.items():
        for variable, values in arrays.items():
            np.testing.assert_array_equal(values, others[name][variable], err_msg=f"{name}.{variable}")


def same_in_parts(case: Case, reference: Any, folder: Any, threads: Any, **options: Any) -> None:
    """The same bits however a run is divided."""
    chunked, *later = divided(case, folder, threads, **options)
    same_bits(reference, chunked)
    for again in later:
        same_bits(reference, again, since=case.cut)


def by_oracle(case: Case) -> Any:
    network, h = case.network, float(case.dt.value)
    drawn: dict[Any, Any] = {j: numbered_edges(p, case.seed, h) for j, p in enumerate(network.projections)}
    drawn |= {p.name: numbered_edges(replace(p, delay=h) if p.uniform_delay else p, case.seed, h)[:5] for p in network.graded if p.matrix is None}
    sizes = {p.name: len(drawn[j][0]) for j, p in enumerate(network.projections)}
    changes = {k: {n: {"weight": np.full(sizes[n], w)} for n, w in new.items()} for k, new in case.weights.items()}
    states = learned(case) if case.plastic else {}
    held = {k: dict.fromkeys(states) if on else states for k, on in case.plastic.items()}
    return simulate(network, case.steps * case.dt, dt=case.dt, seed=case.seed, edges=drawn, signals=case.signals, changes=changes, held=held, settings=case.settings)


def learned(case: Case) -> dict[str, tuple[str, ...]]:
    """What each projection that learns holds while plasticity is off."""
    from neuropil.lower.learned import learned_states
    from neuropil.lower.synapse import plan_synapses

    programs = plan_synapses(case.network)
    return {case.network.projections[j].name: learned_states(p.traced) for j, p in programs.items()}


def close(expected: Any, got: Any, what: str) -> None:
    """Equal to 1e-9 of the largest value; both are NaN where a mechanism is not in a compartment."""
    expected, got = np.asarray(expected, float), np.asarray(got, float)
    assert expected.shape == got.shape, what
    if "electrodes" in what:  # the engine adds potentials up in units of 2⁻⁴⁰ mV, one for each cell
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11, err_msg=what)
        return
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * max(float(np.nanmax(np.abs(expected), initial=0.0)), 1e-300), err_msg=what)


def check(case: Case, folder: Any, single: bool) -> None:
    """All that is asked of one network."""
    reference = whole(case, case.threads[0])
    result, states = reference
    truth = by_oracle(case)
    for name, values in truth.traces.items():
        close(values, result.traces[name].values, f"trace {name}")
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name, arrays in truth.synapses.items():
        for variable, values in arrays.items():
            close(values, states[name][variable], f"{name}.{variable}")
    same_in_parts(case, reference, folder, case.threads[1:])
    if single:
        one = whole(case, 1, precision="float32")
        same_in_parts(case, one, folder, (3, 2), precision="float32")
        spikes = len(result.spikes.step)
        assert abs(len(one[0].spikes.step) - spikes) <= 10 + 0.25 * spikes


@pytest.mark.parametrize("number", range(FIRST, FIRST + -(-NETWORKS // EACH)))
def test_networks_of_a_structure(number, tmp_path):
    made = structure(number)

    @seed(number)
    @settings(max_examples=EACH, database=None, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck), report_multiple_bugs=False)
    @given(st.data())
    def every(data: Any) -> None:
        check(Drawing(data, made).case(), tmp_path, single=number % 7 == 0)

    every()
