"""Snapshots: back to a state, from a file, with other random streams, in another network; always the same bits.

Believed because what goes on from a snapshot is compared, bit for bit, with a run that was never interrupted, in networks that hold every
mechanism; and because what must differ (other streams) is seen to differ.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from contract.noisy_cells import noisy_network
from engine.test_everything_on import network as everything
from neuropil.engine import Simulation
from neuropil.units import Hz, ms, mV, nM, nS, pA
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def state(simulation):
    """All that checkpoints hold, flat."""

    def flat(arrays, path=""):
        for name, value in arrays.items():
            if isinstance(value, dict):
                yield from flat(value, f"{path}/{name}")
            else:
                yield f"{path}/{name}", np.array(value)

    return dict(flat(simulation.snapshot().saved))


def same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_back_and_forth_with_every_mechanism(tmp_path):
    """Plastic, shared, rewiring synapses, modulators, branches: back in place after the run, and in another simulation on other threads."""
    with Simulation(everything(), threads=1) as simulation:
        start = simulation.snapshot()
        simulation.run_until(60.3 * ms)
        snapshot = simulation.snapshot()
        straight = simulation.run_until(140 * ms)
        then = state(simulation)
        late = straight.spikes.step > 603
        simulation.restore(snapshot)
        assert float(simulation.time.to(ms)) == pytest.approx(60.3)
        again = simulation.run_until(140 * ms)
        same(state(simulation), then)
        assert again.t_start_ms == pytest.approx(60.3) and again.summary["spikes"] == straight.summary["spikes"]
        np.testing.assert_array_equal(again.spikes.step, straight.spikes.step[late])
        np.testing.assert_array_equal(again.spikes.neuron, straight.spikes.neuron[late])
        simulation.restore(start)  # to the very beginning, before the first tick
        assert simulation.run_until(140 * ms).spikes == straight.spikes
        same(state(simulation), then)
        path = snapshot.save(tmp_path / "s.h5")
    with Simulation(everything(), threads=3) as other:
        other.run(10 * ms)
        other.restore(npl.load_snapshot(path))
        other.run_until(140 * ms)
        same(state(other), then)


def coupled(delay=3.0, beside=None):
    """Cells with noise in their channels, gap junctions between neurons and graded projections with a delay; no kernel of its own."""
    net = noisy_network()
    cells = net["cells"]
    rates = net.population("rates", LIFExp(i_e=380 * pA), 5, initial={"v": npl.Uniform(-65 * mV, -56 * mV)})
    net.couple((rates, "current"), (rates, "current"), [(0, 1), (1, 2), (3, 4)], g=3 * nS)
    slow = npl.Graded(lambda s, p: (s.v - p.e_l) / mV)
    net.project(rates, rates, npl.FixedProbability(0.7), weight=10 * pA, delay=delay * ms, input="current", synapse=slow, name="graded")
    net.project(cells, rates, npl.FixedProbability(0.5), weight=20 * pA, delay=1 * ms, port="exc", name="up")
    if beside is not None:
        net.project(rates, rates, npl.FixedProbability(0.7), weight=10 * pA, delay=beside * ms, input="current", synapse=slow, name="beside")
    net.probe(rates, "v")
    return net


def test_cells_graded_projections_and_junctions_go_back(tmp_path):
    """Back in place, and from a file on other threads: the bits of a run that was never interrupted."""
    with Simulation(coupled(), dt=0.025 * ms, seed=2, threads=1) as simulation:
        simulation.step(160)
        snapshot = simulation.snapshot()
        straight, then = simulation.run(4 * ms), state(simulation)
        assert np.any(np.array(straight.traces["rates.v"].values[1:]) != np.array(straight.traces["rates.v"].values[:-1]))
        simulation.restore(snapshot)
        again = simulation.run(4 * ms)
        same(state(simulation), then)
        for name, trace in straight.traces.items():
            np.testing.assert_array_equal(again.traces[name].values, trace.values[-160:])
        path = snapshot.save(tmp_path / "s.h5")
    with Simulation(coupled(), dt=0.025 * ms, seed=2, threads=3) as other:
        other.step(7)
        other.restore(npl.load_snapshot(path))
        other.step(160)
        same(state(other), then)


def test_another_graded_delay_starts_from_what_was_sent_or_is_refused():
    """A shorter delay needs a part of what was sent within the longer one; of a longer one a part is not known."""
    with Simulation(coupled(delay=3.0), dt=0.025 * ms, seed=2, threads=1) as simulation:
        simulation.step(200)
        snapshot = simulation.snapshot()
    sent = snapshot.saved["graded"]["graded"]["past"]
    assert sent.shape == (120, 5) and np.all(sent != 0)
    with Simulation(coupled(delay=1.0), start=snapshot, threads=1) as shorter:
        np.testing.assert_array_equal(shorter.snapshot().saved["graded"]["graded"]["past"], sent[:40])
    with Simulation(coupled(beside=5.0), start=snapshot, threads=1) as more:  # what another transmits alike may be kept for longer
        np.testing.assert_array_equal(more.snapshot().saved["graded"]["graded"]["past"], sent)
    with pytest.raises(npl.CheckpointError, match="cannot start") as error:
        Simulation(coupled(delay=4.0), start=snapshot, threads=1)
    assert "a delay of 4 ms" in str(error.value) and "its delay then, 3 ms" in str(error.value) and "at most 3 ms" in str(error.value)


# --- other random streams ----------------------------------------------------------------------------------------------


class Jitter(npl.CurrentStimulus):
    """Uniform noise, from an equation."""

    size: npl.Current = 50 * pA

    def value(self, t, uniform):
        return self.size * uniform


class Noisy(npl.Synapse):
    """A synapse whose weight walks at random."""

    weight, noise = npl.State(0 * pA), npl.Input()

    def derivative(self, s, x):
        return dict(weight=0.3 * pA / ms * x.noise)


def kinds_of_noise():
    """Each of these draws its numbers by itself: whatever does not follow the seed is found."""
    from neuropil.zoo.neurons.escape_lif import EscapeLIF
    from neuropil.zoo.neurons.poisson_source import PoissonSource

    net = npl.Network("noise")
    source = net.population("source", PoissonSource(rate=40 * Hz), 20)
    for name, stimulus, where in (
        ("counted", npl.Poisson(9000 * Hz), {"port": "exc", "weight": 30 * pA}),
        ("drawn", npl.Poisson(npl.Uniform(5000 * Hz, 9000 * Hz)), {"port": "exc", "weight": 30 * pA}),
        ("gaussian", npl.Noise(100 * pA, 100 * pA, interval=1 * ms), {"input": "current"}),
        ("equation", Jitter(), {"input": "current"}),
    ):
        cells = net.population(name, LIFExp(), 4)
        net.stimulate(cells, stimulus, **where)
        net.probe(cells, "v", interval=1 * ms)
    net.population("hazard", EscapeLIF(), 20)
    net.stimulate(net["hazard"], npl.Step(300 * pA), input="current")
    quiet = net.population("quiet", LIFExp(), 10)
    net.project(source, quiet, npl.FixedProbability(0.5), weight=20 * pA, delay=1 * ms, port="exc", synapse=Noisy(), name="walk")
    net.project(
        source, quiet, npl.FixedProbability(0.5), weight=npl.Uniform(1 * pA, 2 * pA), delay=1 * ms, port="exc", structure=npl.Rewiring(7 * ms, eliminate=20 * Hz), name="moving",
    )  # fmt: skip
    return net


def after(simulation, snapshot, seed):
    simulation.restore(snapshot, seed=seed)
    result = simulation.run(31 * ms)
    found = {name: trace.values for name, trace in result.traces.items()}
    found |= {name: np.stack([result.spikes.of(name).step, result.spikes.of(name).neuron]) for name in ("source", "hazard")}
    return found | {"walk": simulation.weights("walk"), "moving": simulation.weights("moving")}


def test_another_seed_gives_other_noise_of_every_kind_and_the_same_network():
    with Simulation(kinds_of_noise(), seed=3, threads=1) as simulation:
        simulation.run(20.1 * ms)  # an odd step: numbers that were drawn ahead must not outlive their seed
        snapshot = simulation.snapshot()
        where = simulation.synapses("walk")
        other = after(simulation, snapshot, 8)  # at once, where numbers of the old seed are drawn ahead
        own = after(simulation, snapshot, None)
        for name in own:
            assert not np.array_equal(own[name], other[name]), name
        same(after(simulation, snapshot, 8), other)
        same(after(simulation, snapshot, None), own)
        same(after(simulation, snapshot, 3), own)
        np.testing.assert_array_equal(simulation.synapses("walk")["source"], where["source"])
        simulation.restore(snapshot, seed=8)
        simulation.run(10 * ms)
        later = simulation.snapshot()
        simulation.run(21 * ms)
        then = state(simulation)
    with Simulation(kinds_of_noise(), seed=3, threads=2) as resumed:  # the seed of the streams belongs to the state
        resumed.restore(later)
        resumed.run(21 * ms)
        same(state(resumed), then)


# --- other networks from one state -------------------------------------------------------------------------------------


def balanced(amplitude=200.0, tau=10.0, size=60, extra=False, probed=False, inhibition=True, delay=1.0, rewards=True, noise=60.0):
    net = npl.Network("balanced")
    if extra:  # first, so that all indices of the others move
        net.population("new", LIFExp(), 7)
        net.stimulate(net["new"], npl.Step(500 * pA), input="current")
    exc, inh = net.population("exc", LIFExp(tau_m=tau * ms), size), net.population("inh", LIFExp(), 15)
    net.stimulate(exc, npl.Poisson(9000 * Hz), port="exc", weight=noise * pA)
    net.stimulate(exc, npl.Step(amplitude * pA), input="current", name="clamp")
    net.project(exc, inh, npl.FixedProbability(0.3), weight=npl.Normal(90 * pA, 9 * pA), delay=1.5 * ms, port="exc", name="up")
    if inhibition:
        net.project(inh, exc, npl.FixedProbability(0.3), weight=-90 * pA, delay=1 * ms, port="inh", name="down")
    net.project(
        exc, exc, npl.FixedProbability(0.2), weight=20 * pA, delay=delay * ms, port="exc", synapse=AdditiveSTDP(), name="learning"
    )
    if rewards:
        net.modulator("reward", npl.FirstOrder(tau=40 * ms), volume=[exc], tick=1 * ms).modulates(exc, "v_th", lambda value, c: value + 0.1 * mV * (c / (1 * nM)))
    if extra:
        net.project(net["new"], exc, npl.FixedProbability(0.3), weight=0 * pA, delay=1 * ms, port="exc", name="of new ones")
    if probed:
        net.probe(exc, "v", interval=1 * ms)
    return net


@pytest.fixture(scope="module")
def equilibrium():
    with Simulation(balanced(), seed=2, threads=1) as simulation:
        simulation.modulators["reward"].release(3 * nM)
        simulation.run(50.5 * ms)
        snapshot = simulation.snapshot()
        yield simulation, snapshot


def spikes(result):
    return {name: (result.spikes.of(name).step, result.spikes.of(name).neuron) for name in ("exc", "inh")}


def agree(one, other):
    for name, (step, neuron) in spikes(one).items():
        np.testing.assert_array_equal(step, other.spikes.of(name).step)
        np.testing.assert_array_equal(neuron, other.spikes.of(name).neuron)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_network_started_goes_on_as_if_nothing_had_been(equilibrium, threads):
    simulation, snapshot = equilibrium
    simulation.restore(snapshot)
    straight = simulation.run(30 * ms)
    then = state(simulation)
    with Simulation(balanced(), start=snapshot, threads=threads) as started:
        shares = np.shares_memory(started.core.packed[0].words, simulation.core.packed[0].words)
        assert shares == (threads == 1)  # nothing is built where neurons are numbered alike
        agree(started.run(30 * ms), straight)
        same(state(started), then)


def test_what_differs_is_that_of_the_network_and_the_rest_goes_on(equilibrium):
    """Against the first simulation, restored, in which the same is set between steps; new neurons beside change no bit."""
    simulation, snapshot = equilibrium
    simulation.restore(snapshot)
    simulation.set_drive("clamp", 420 * pA)
    raised = simulation.run(30 * ms)
    later = simulation.snapshot()
    with Simulation(balanced(420.0, extra=True, probed=True), start=snapshot) as started:
        result = started.run(30 * ms)
        agree(result, raised)
        assert len(result.spikes.of("new")) > 0 and result.spikes.of("new").step.min() > 505
        assert result.traces["exc.v"].times_ms[0] == 51.0 and len(result.traces["exc.v"].values) == 30
    with Simulation(balanced(), start=later) as kept:  # described as before: what was set goes on
        assert np.all(kept.core.amplitude(1) == 420.0)
    with Simulation(balanced(100.0), start=later) as anew:
        assert np.all(anew.core.amplitude(1) == 100.0)
    with Simulation(balanced(tau=5.0), start=snapshot) as faster:
        assert faster.plan.groups[0].members[0].parameters["tau_m"] == 5.0
        simulation.restore(snapshot)
        np.testing.assert_array_equal(faster.state("exc", "v").value, simulation.state("exc", "v").value)


def test_another_seed_is_other_noise_in_the_same_network(equilibrium):
    _, snapshot = equilibrium
    found = []
    for seed in (None, 2, 9, 9):
        with Simulation(balanced(), start=snapshot, seed=seed) as started:
            assert started.plan.seed == 2
            found.append(started.run(30 * ms).summary["digest"])
    assert found[0] == found[1] != found[2] == found[3]


def test_weights_are_copied_by_who_writes_them(equilibrium):
    simulation, snapshot = equilibrium
    simulation.restore(snapshot)
    before = simulation.weights("up").copy()
    with Simulation(balanced(), start=snapshot, threads=1) as started:
        started.set_weights("up", 10 * pA)
        np.testing.assert_array_equal(simulation.weights("up"), before)
        written = started.snapshot()
        simulation.set_weights("up", 55 * pA)  # another scale for the port
        np.testing.assert_allclose(started.weights("up"), 10.0, rtol=1e-4)
        with Simulation(balanced(), start=written, threads=1) as again:
            np.testing.assert_array_equal(again.weights("up"), started.weights("up"))
        started.restore(snapshot)
        np.testing.assert_array_equal(started.weights("up"), before)
    simulation.restore(snapshot)
    np.testing.assert_array_equal(simulation.weights("up"), before)
    with Simulation(balanced(), start=snapshot, threads=1) as third:
        np.testing.assert_array_equal(third.weights("up"), before)


def test_what_is_missing_or_resized_is_named(equilibrium, tmp_path):
    _, snapshot = equilibrium
    loaded = npl.load_snapshot(snapshot.save(tmp_path / "s.h5"))
    for other, match in (
        (balanced(size=61), "population 'exc' has another size"), (balanced(inhibition=False), "projection 'down' of the snapshot is missing"),
        (balanced(delay=2.0), "projection 'learning' has other synapses"), (balanced(rewards=False), "modulator 'reward' of the snapshot is missing"),
    ):  # fmt: skip
        for start in (snapshot, loaded):
            with pytest.raises(npl.CheckpointError, match="cannot start") as error:
                Simulation(other, start=start)
            assert match in str(error.value)
    with pytest.raises(npl.CheckpointError, match="another dt"):
        Simulation(balanced(), start=snapshot, dt=0.05 * ms)
    with pytest.raises(npl.CheckpointError, match="another precision"):
        Simulation(balanced(), start=snapshot, precision="float64")
    with pytest.raises(npl.CheckpointError, match="another network"):
        Simulation(balanced(tau=5.0), seed=2).restore(snapshot)
    with pytest.raises(npl.SimulationError, match="snapshot"):
        Simulation(balanced(), start=tmp_path)
    with Simulation(balanced(), seed=2, out=tmp_path / "out") as recording, pytest.raises(npl.SimulationError, match="folder"):
        recording.restore(snapshot)


def test_what_was_set_belongs_to_the_state(equilibrium):
    """Parameters that were set, with modulators acting on the same population, in both directions."""
    simulation, snapshot = equilibrium
    simulation.restore(snapshot)
    plain = simulation.run(30 * ms)
    simulation.restore(snapshot)
    simulation.set("exc", tau_m=6 * ms, v_th=-53 * mV)
    later = simulation.snapshot()
    changed = simulation.run(30 * ms)
    then = state(simulation)
    simulation.restore(snapshot)
    agree(simulation.run(30 * ms), plain)
    simulation.restore(later)
    agree(simulation.run(30 * ms), changed)
    same(state(simulation), then)
    assert changed.summary["digest"] != plain.summary["digest"]
    with Simulation(balanced(), start=later) as started:
        agree(started.run(30 * ms), changed)
    with Simulation(balanced(tau=20.0), start=later) as anew:  # described anew: what is described comes first
        assert anew._interventions.value(anew.plan.network["exc"], "tau_m") == 20.0
        assert anew._interventions.value(anew.plan.network["exc"], "v_th") == -53.0  # this one is described as it was
        assert [e["parameter"] for e in anew.summary()["interventions"]] == ["v_th"]
    with Simulation(balanced(noise=40.0), start=later) as quieter:  # a stimulus is not the population that it acts on
        assert quieter._interventions.value(quieter.plan.network["exc"], "tau_m") == 6.0


def test_parameters_of_parts_that_are_described_anew_come_first(tmp_path):
    """Of branches, and of channels of cells: as of neurons."""
    usual = HodgkinHuxleyMembrane().g_k

    def described(g_l, g_k):
        net = npl.Network("parts")
        net.population("branched", BranchNeuron(branches=2, dendrite=BranchNeuron().branch.with_(g_l=g_l * nS)), 2)
        cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(1)).paint("all", HodgkinHuxleyMembrane(g_k=g_k * usual), name="hh")
        net.population("cells", cell, 2)
        return net

    with Simulation(described(0.2, 1.0), seed=1, dt=0.025 * ms, threads=1) as simulation:
        simulation.set("branched", branch__g_l=0.3 * nS)
        simulation.set("cells", hh__g_k=0.5 * usual)
        snapshot = simulation.snapshot()
    loaded = npl.load_snapshot(snapshot.save(tmp_path / "s.h5"))
    for start in (snapshot, loaded):
        for g_l, g_k, found in ((0.2, 1.0, (0.3, 0.5)), (0.4, 1.0, (0.4, 0.5)), (0.2, 0.8, (0.3, 0.8))):
            with Simulation(described(g_l, g_k), start=start, threads=1) as started:
                value, network = started._interventions.value, started.plan.network
                assert np.all(value(network["branched"], "branch.g_l") == found[0])
                np.testing.assert_allclose(value(network["cells"], "hh.g_k"), found[1] * usual.value)
