"""Modulators as operations of a program: ticks end no chunk, other numbers compile nothing, and what they compute is as NumPy has it.

Why to believe it: the oracle judges the values (tests/contract/test_modulators.py); here are the properties that it does not see.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.engine.effects.kernels import mean, refractory_steps
from neuropil.model.base.grid import nearest
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Kernel, Operation, Phase
from neuropil.plan.spec import in_order
from neuropil.units import Hz, Time, cm, mM, mS, ms, mV, nM, pA, uM, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP
from neuropil.zoo.synapses.scaled import Scaled


def network(tick=1 * ms, by=-6 * mV, ec50=600 * nM, low=None):
    """Cells whose threshold follows a substance that a nucleus releases."""
    net = npl.Network("modulated")
    nucleus = net.population("nucleus", PoissonSource(rate=200 * Hz), 5)
    cells = net.population("cells", LIFExp(), 14)
    net.stimulate(cells, npl.Step(360 * pA), input="current")
    m = net.modulator("da", npl.FirstOrder(baseline=50 * nM, tau=40 * ms), volume=cells, tick=tick).released_by(nucleus, 100 * nM)
    m.receptor("D1", ec50=ec50).modulates(cells, "v_th", npl.Shift(by=by), receptor="D1", low=low)
    return net


def calls(simulation: npl.Simulation, steps: int) -> int:
    """How often native code is entered for so many steps."""
    entered, advance = [], simulation.core.advance

    def counted(n: int):
        entered.append(n)
        return advance(n)

    simulation.core.advance = counted  # type: ignore[method-assign]
    simulation.step(steps)
    return len(entered)


def test_ticks_end_no_chunk_and_other_numbers_compile_nothing() -> None:
    """As many chunks with a tick in every step as with none within the run; the digest is that of single steps."""
    digests = set()
    with npl.Simulation(network(tick=0.1 * ms), threads=1) as often, npl.Simulation(network(tick=100 * ms), threads=1) as seldom:
        assert calls(often, 500) == calls(seldom, 500) < 20
        digests.add(often.result().summary["digest"])
        assert len(often.result().modulators["da"]) == 500
    with npl.Simulation(network(tick=0.1 * ms), threads=2) as single:
        for _ in range(500):
            single.step(1)
        digests.add(single.result().summary["digest"])
    assert len(digests) == 1
    other = npl.run(network(tick=0.7 * ms, by=-3 * mV, ec50=1 * uM), 50 * ms, threads=1)
    assert other.summary["compiled_kernels"] == 0


def cells(tick=0.1 * ms, low=None):
    """Cells with morphology whose leak, which differs along the cell, follows a substance."""
    cell = npl.Cell(npl.Morphology.cable(300 * um, 2 * um), discretisation=npl.FixedCount(5), initial=-65 * mV)
    cell.paint("all", Leak(), name="leak", g=lambda x: (0.05 + 0.001 * x) * mS / cm**2)
    net = npl.Network("modulated cells")
    made = net.population("cells", cell, 3)
    net.probe(made, "v")
    m = net.modulator("da", npl.FirstOrder(baseline=50 * nM, tau=40 * ms), volume=made, tick=tick).receptor("D1", ec50=600 * nM)
    m.modulates(made, "leak.e", npl.Shift(by=30 * mV), receptor="D1", low=low).modulates(made, "leak.g", npl.Gain(by=1.0), receptor="D1")
    return net


def test_ticks_on_membranes_end_no_chunk() -> None:
    with npl.Simulation(cells(), threads=1) as often, npl.Simulation(cells(100 * ms), threads=1) as seldom:
        for one in (often, seldom):
            one.modulators["da"].release(300 * nM)
        assert calls(often, 500) == calls(seldom, 500) < 20
        v = [one.result().traces["cells.v"].values for one in (often, seldom)]
    assert np.abs(v[0] - v[1]).max() > 1.0  # the level decays at one's ticks, and the leak with it


class Drift(npl.Synapse):
    """A weight that moves by itself, at a rate times a mark that fades: nothing else happens to it."""

    rate: float = 0.0
    tau: Time = 30 * ms

    mark = npl.State(0.5)
    efficacy = npl.State(0.25)

    def derivative(self, s, x):
        return dict(mark=-s.mark / self.tau, efficacy=self.rate * s.mark / self.tau)

    def arrive(self, s, w):
        return dict(mark=s.mark + 1.0)

    def transmits(self, s, w):
        return w * s.efficacy


def drifting(tick, diffusion=None):
    """Synapses without spikes, whose rate of drift is the concentration itself."""
    net = npl.Network("drifting")
    source, target = net.population("source", PoissonSource(rate=0 * Hz), 20), net.population("target", LIFExp(), 30)
    (into,) = net.project(source, target, npl.FixedProbability(0.5), weight=1 * pA, delay=1.5 * ms, port="exc", synapse=Drift(), name="into")
    m = net.modulator("da", npl.FirstOrder(baseline=0 * mM, tau=40 * ms), volume=into, tick=tick, diffusion=diffusion)
    m.modulates(into, "rate", npl.Becomes(1 / mM))
    return net


@pytest.mark.parametrize("diffusion", [None, npl.Apart()])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_synapses_drift_by_the_value_that_was_in_force(diffusion, precision) -> None:
    """Closed form: between ticks the rate r stands still and the mark fades, so the efficacy gains r·(m(t₀) - m(t₁)); and no chunk ends."""
    with npl.Simulation(drifting(0.1 * ms, diffusion), threads=2, precision=precision) as simulation:
        simulation.modulators["da"].release(0.4 * mM)
        assert calls(simulation, 500) < 100  # chunks are shorter on a busy machine
        made = simulation.synapses("into")
        (trace,) = simulation.result().modulators.values()
    mark = 0.5 * np.exp(-0.1 * np.arange(501) / 30.0)
    np.testing.assert_allclose(made["efficacy"], 0.25 + np.sum(trace.values[:, 0] * (mark[:-1] - mark[1:])), rtol=1e-5 if precision == "float32" else 1e-12)
    assert abs(made["efficacy"][0] - 0.25) > 0.02


def test_rates_of_learning_end_no_chunk_until_float32_does_not_resolve_them() -> None:
    """What spikes add to a weight is compared with the weight within the operation; Python is asked where it may be too little."""
    net = npl.Network("learning")
    source, target = net.population("source", PoissonSource(rate=20 * Hz), 20), net.population("target", LIFExp(), 30)
    (into,) = net.project(source, target, npl.FixedProbability(0.5), weight=1 * pA, delay=1.5 * ms, port="exc", synapse=AdditiveSTDP(a_plus=0.02, a_minus=0.02), name="into")
    m = net.modulator("da", npl.FirstOrder(baseline=0 * mM, tau=40 * ms), volume=into, tick=0.1 * ms)
    for name in ("a_plus", "a_minus"):
        m.modulates(into, name, npl.Gain(by=-1 / mM))
    with npl.Simulation(net, threads=2, precision="float32") as simulation:
        simulation.modulators["da"].release(0.5 * mM)
        assert calls(simulation, 300) < 100
        simulation.modulators["da"].release(0.999999 * mM - simulation.modulators["da"].concentration)
        with pytest.raises(npl.SimulationError, match="too slow for float32"):
            simulation.step(10)


def test_a_fault_of_a_membrane_names_the_effect() -> None:
    with npl.Simulation(cells(low=-62 * mV), threads=2) as simulation, pytest.raises(npl.SimulationError, match=r"leaves its bounds: da by D1: .* on cells\.leak\.e"):
        simulation.run(10 * ms)


def test_a_fault_at_a_tick_stops_all_owners_before_the_step() -> None:
    """No owner goes on into the step, whoever's neurons are concerned (what was recorded is kept: test_modulators.py)."""
    net = network(by=-40 * mV, low=-65 * mV)
    with npl.Simulation(net, threads=2) as simulation:
        with pytest.raises(npl.SimulationError, match=r"leaves its bounds: da by D1: .* on cells\.v_th at t = (\d+) ms") as caught:
            simulation.run(500 * ms)
        at = int(str(caught.value).split("t = ")[1].split(" ms")[0])
        assert simulation.core.step == 10 * at


@pytest.mark.parametrize("by", ["operation", "between chunks"])
def test_after_a_fault_results_are_read_and_a_snapshot_is_gone_back_to(by) -> None:
    """What was recorded is that of a run up to the fault; nothing else may be asked of a state that is none, until it is another."""
    net = network(by=-12 * mV, low=-59 * mV)
    if by == "between chunks":
        (into,) = net.project(net["nucleus"], net["cells"], npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=Scaled())
        net.modulator("other", npl.Signal(), volume=into, tick=1 * ms).modulates(into, "scale", npl.Gain(by=0.0))
    with npl.Simulation(net, threads=2) as simulation, npl.Simulation(net, threads=1) as whole:
        early = simulation.snapshot()
        with pytest.raises(npl.SimulationError, match="leaves its bounds"):
            simulation.run(500 * ms)
        kept, steps = simulation.result(), simulation.core.step
        assert steps > 50 and kept.spikes == whole.run(steps * 0.1 * ms).spikes and len(kept.modulators["da"]) == steps // 10
        for call in (lambda: simulation.step(1), simulation.snapshot, simulation.reset, lambda: simulation.set("cells", tau_m=9 * ms)):
            with pytest.raises(npl.SimulationError, match=r"restore\(snapshot\) goes back"):
                call()
        simulation.restore(early)
        assert simulation.run(steps * 0.1 * ms).spikes == kept.spikes


def test_counts_are_read_and_not_written() -> None:
    """They are what rates and checkpoints are made of; a restart sets them back."""
    with npl.Simulation(network(), threads=1) as simulation:
        simulation.step(300)
        counts = simulation.counts
        assert counts.sum() == len(simulation.result().spikes) > 0
        with pytest.raises(ValueError, match="read-only"):
            counts[:] = 0
        simulation.reset(restart=True)
        assert not simulation.counts.any()


@cached_njit(**KERNEL_FLAGS)
def compiled_mean(values, places):
    return mean(values, places)


@cached_njit(**KERNEL_FLAGS)
def compiled_steps(period, dt, steps):
    return refractory_steps(period, dt, steps)


@pytest.mark.parametrize("size", [1, 7, 8, 100, 128, 129, 1000, 10_007])
def test_means_have_the_bits_of_numpy(size) -> None:
    values = np.random.default_rng(size).normal(size=size) * 10.0 ** np.random.default_rng(1).integers(-8, 8, size)
    places = np.random.default_rng(2).permutation(size)
    assert compiled_mean(values, places) == values[places].mean()


def test_refractory_periods_are_rounded_as_on_the_grid() -> None:
    period = np.concatenate([np.arange(0, 40) * 0.05, np.random.default_rng(1).uniform(0, 100, 200)])
    steps = np.zeros(period.size, np.int32)
    assert compiled_steps(period, 0.1, steps) == 0
    np.testing.assert_array_equal(steps, nearest(period, 0.1))
    assert compiled_steps(np.array([1e12]), 0.1, steps[:1]) == 1


def test_an_operation_with_a_period_comes_first() -> None:
    """It may not wait for what is done in every step."""
    made = Buffer("made in every step", np.float64, 1)
    each = Operation("each step", Phase.NEURONS, Kernel("module", "each"), lambda t: (), sets=(made,))
    tick = Operation("tick", Phase.MODULATION, Kernel("module", "tick"), lambda t: (), reads=(made,), periods=(10,))
    with pytest.raises(npl.PlanError, match="must come before those of every step"):
        in_order([each, tick])
    assert in_order([each, Operation("tick", Phase.MODULATION, Kernel("module", "tick"), lambda t: (), periods=(10,))])[0].label == "tick"
