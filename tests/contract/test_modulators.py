"""Modulated networks: the engine does what the oracle does, whatever is modulated, and whatever the threads and the chunks.

The two share the equations of concentrations and effects, which is the description, and nothing of how parameters become
kernels; that the equations are right is tested in tests/analytic/test_modulators.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from contract.modulated_networks import (
    branches,
    clocked_synapse,
    composed,
    drawn_factors,
    drawn_membranes,
    drifting_and_rewired,
    every_change_of_synapses,
    every_mechanism,
    every_own_change_of_synapses,
    gain,
    morphologies,
    over_positions,
    own_clocked_factors,
    own_factors_drifting_and_rewired,
    own_factors_rewired,
    own_third_factors,
    refractory,
    rewired,
    short_term,
    three_factors,
    threshold,
    time_constants,
)
from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation, run
from neuropil.learn import Rollout
from neuropil.model.modulation.modulator import trace_name
from neuropil.oracle import simulate
from neuropil.units import mM, ms

pytestmark = pytest.mark.filterwarnings("ignore:.* is coarse for:UserWarning")  # squid axons at 0.1 ms: only equality matters here

STEPS = 900
TOLERANCE = 1e-9


_OTHERS = (rewired, own_third_factors, drifting_and_rewired, every_mechanism)  # what a case that runs by default has, and less; or all at once
CASES = [threshold, time_constants, refractory, gain, short_term, clocked_synapse, three_factors, composed, over_positions, own_clocked_factors, own_factors_rewired, own_factors_drifting_and_rewired, drawn_factors, branches, morphologies, drawn_membranes]
CASES += [every_change_of_synapses, pytest.param(every_own_change_of_synapses, marks=pytest.mark.slow)]
CASES += [pytest.param(case, marks=pytest.mark.slow) for case in _OTHERS]
APART = [composed, over_positions, clocked_synapse, three_factors, drifting_and_rewired, morphologies, drawn_membranes, pytest.param(rewired, marks=pytest.mark.slow)]
APART += [every_change_of_synapses, pytest.param(every_own_change_of_synapses, marks=pytest.mark.slow)]
_OWN = [own_third_factors, own_factors_rewired, own_factors_drifting_and_rewired, own_clocked_factors, drawn_factors]
APART += [pytest.param(case, marks=() if case is own_factors_rewired else pytest.mark.slow) for case in _OWN]
SIGNALS = {"da": {300: 2.0, 705: -1.0, 800: 0.0}}
DOSES = {"da": {503: 4e-4}}


def by_engine(network, threads=1, precision="float64", chunks=(STEPS,), between=None, with_simulation=False):
    """Step by step, with the signals and doses given at their times."""
    simulation = Simulation(network, threads=threads, precision=precision)
    stops = sorted({*SIGNALS["da"], *DOSES["da"], *np.cumsum(chunks).tolist()} - {STEPS})
    for stop in [*stops, STEPS]:
        simulation.step(stop - simulation.core.step)
        if stop in SIGNALS["da"]:
            simulation.modulators["da"].set_signal(SIGNALS["da"][stop])
        if stop in DOSES["da"]:
            simulation.modulators["da"].release(DOSES["da"][stop] * mM)
        if between is not None:
            simulation = between(simulation, stop)
    result = simulation.result()
    simulation.close()
    return (result, simulation) if with_simulation else result


@pytest.mark.parametrize("case", CASES)
def test_engine_equals_oracle(case) -> None:
    network = case()
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(network.projections)}
    truth = simulate(network, STEPS * 0.1 * ms, edges=drawn, signals=SIGNALS, doses=DOSES)
    result, simulation = by_engine(network, threads=2, chunks=(137, 400), with_simulation=True)
    plain = case()
    plain.modulators.clear()
    still = run(plain, STEPS * 0.1 * ms, precision="float64")
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name, values in truth.traces.items():
        found = result.traces[name].values  # NaN where a compartment has no such channel
        np.testing.assert_allclose(found, values, rtol=0.0, atol=TOLERANCE * np.nanmax(np.abs(values)), err_msg=name)
    for name, arrays in truth.synapses.items():
        for state in set(arrays) - {"source", "target"}:
            np.testing.assert_allclose(simulation.synapses(name)[state], arrays[state], rtol=1e-9, atol=1e-9, err_msg=f"{name}.{state}")
    for name, values in truth.modulators.items():
        np.testing.assert_array_equal(result.modulators[name].values[:, 0], values)
    # The modulator did change something, or the test would prove nothing.
    assert any(np.nanmax(np.abs(result.traces[n].values - still.traces[n].values)) > 1e-3 for n in truth.traces)


@pytest.mark.parametrize("case", APART)
@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_threads_and_chunks_change_nothing(case, precision) -> None:
    found = [by_engine(case(), threads, precision, chunks, with_simulation=True) for threads, chunks in [(1, (STEPS,)), (2, (1, 6, 700)), (3, (333, 10, 10, 1))]]
    assert len({result.summary["digest"] for result, _ in found}) == 1
    assert_equal_synapses(found)


def assert_equal_synapses(found):
    """To the last bit, in all simulations."""
    first, *others = [simulation for _, simulation in found]
    for p in first.network.projections:
        for name, values in first.synapses(p.name).items():
            for other in others:
                np.testing.assert_array_equal(other.synapses(p.name)[name], values, err_msg=f"{p.name}.{name}")


@pytest.mark.parametrize("case", APART)
@pytest.mark.parametrize("when", [503, pytest.param(500, marks=pytest.mark.slow), pytest.param(804, marks=pytest.mark.slow)])
def test_resuming_changes_nothing(case, when, tmp_path) -> None:
    """A checkpoint at a tick and between ticks, resumed on another number of threads."""

    def resume(simulation, stop):
        if stop != when:
            return simulation
        path = simulation.checkpoint(tmp_path / "c.h5")
        simulation.close()
        return Simulation(case(), threads=3, resume=path, precision="float64")

    (whole, simulation), (resumed, other) = by_engine(case(), with_simulation=True), by_engine(case(), threads=2, chunks=(when,), between=resume, with_simulation=True)
    assert_equal_synapses([(whole, simulation), (resumed, other)])
    late = whole.spikes.step > when
    np.testing.assert_array_equal(whole.spikes.step[late], resumed.spikes.step)
    np.testing.assert_array_equal(whole.spikes.neuron[late], resumed.spikes.neuron)
    for name, trace in resumed.modulators.items():
        before = whole.modulators[name].values
        np.testing.assert_array_equal(trace.values, before[len(before) - len(trace) :])


ROLLED = [time_constants, over_positions, own_third_factors, *(pytest.param(c, marks=pytest.mark.slow) for c in (threshold, refractory, gain, short_term, clocked_synapse, three_factors, composed, own_clocked_factors, drawn_factors, branches))]  # fmt: skip


@pytest.mark.parametrize("case", ROLLED)
def test_rollout_equals_oracle(case) -> None:
    """Spikes one for one, potentials and levels to rounding: the same equations, by JAX within one scan."""
    network = case()
    truth = simulate(network, STEPS * 0.1 * ms, edges={j: edges(p, 1, 0.1) for j, p in enumerate(network.projections)}, signals=SIGNALS, doses=DOSES)
    rollout = Rollout(network, precision="float64")
    inputs = rollout.inputs(STEPS)
    for name, given in SIGNALS.items():
        for k, value in given.items():
            inputs["signals"][name][k:] = value
    for name, given in DOSES.items():
        for k, value in given.items():
            inputs["doses"][name][k] = value
    rolled = rollout.run(STEPS, inputs=inputs)
    first = {p.name: p.first for p in network.populations.values()}
    found = sorted((int(k) + 1, first[name] + int(j)) for name, spikes in rolled.spikes.items() for k, j in np.argwhere(np.asarray(spikes) > 0))
    assert found == sorted(zip(truth.spikes.step.tolist(), truth.spikes.neuron.tolist(), strict=True))
    for name, values in truth.traces.items():
        np.testing.assert_allclose(rolled.traces[name], values, rtol=0.0, atol=TOLERANCE * np.abs(values).max(), err_msg=name)
    for name, modulator in network.modulators.items():
        for population in modulator.watched:
            last = modulator.grid.mean(np.asarray(rolled.state["modulators"][name]["level"]), population)
            assert last == pytest.approx(truth.modulators[trace_name(modulator, population)][-1], rel=1e-9), name
