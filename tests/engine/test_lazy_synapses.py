"""Event-driven synapses that respond to their targets: when a spike is made up for must not matter."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from neuropil.codegen.event_driven_source import HISTORY, LONGEST
from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError
from neuropil.learn import Rollout
from neuropil.maths import maximum, minimum
from neuropil.model import Edges, FixedProbability, Network, Rewiring, SpikeList, State, Step, Synapse, Uniform
from neuropil.oracle import simulate
from neuropil.plan.plan import make_plan
from neuropil.units import Current, Hz, Time, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from pairings import Listening


class Pair(Synapse):
    """Pairs of spikes change the weight."""

    tau_plus: Time = 20 * ms
    tau_minus: Time = 25 * ms
    a_plus: Current = 5 * pA
    a_minus: Current = 5.5 * pA
    w_max: Current = 1000 * pA

    weight = State(0 * pA)
    pre = State(0.0)
    post = State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau_plus, post=-s.post / self.tau_minus)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, weight=maximum(w - self.a_minus * s.post, 0.0))

    def respond(self, s, w):
        return dict(post=s.post + 1.0, weight=minimum(w + self.a_plus * s.pre, self.w_max))


class Tagged(Pair):
    """Pairs leave a tag that fades, and that a third factor turns into weight; a state that waits of each synapse's own."""

    tau_tag: Time = 50 * ms
    factor: float = 0.02

    tag = State(0 * pA)

    def derivative(self, s, x):
        return {**super().derivative(s, x), "tag": -s.tag / self.tau_tag, "weight": self.factor * s.tag / ms}

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, tag=s.tag - self.a_minus * s.post)

    def respond(self, s, w):
        return dict(post=s.post + 1.0, tag=s.tag + self.a_plus * s.pre * (1.0 + s.post))


class Seen(Synapse):
    """Marks either side's last spike, for who looks: nothing else reads it."""

    tau: Time = 20 * ms

    seen = State(0.0)

    def derivative(self, s, x):
        return dict(seen=-s.seen / self.tau)

    def arrive(self, s, w):
        return dict(seen=1.0)

    def respond(self, s, w):
        return dict(seen=1.0)


class Both(Tagged):
    """What both sides do to the tag reads the trace of the source, each at its own time."""

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, tag=s.tag * (1.0 + 0.1 * s.pre) - self.a_minus * s.post)

    def respond(self, s, w):
        return dict(post=s.post + 1.0, tag=s.tag * (1.0 + 0.1 * s.pre) + self.a_plus * s.pre)


MODELS = {
    "pair": Pair(),
    "tagged": Tagged(),
    "both": Both(),
    "gains drawn": Pair(a_plus=Uniform(3 * pA, 6 * pA)),
    "traces drawn": Tagged(tau_plus=Uniform(10 * ms, 20 * ms), tau_minus=Uniform(10 * ms, 20 * ms)),
}


def network(model, clock_driven=False, structure=None, response_delay=0.0 * ms):
    made = Network("plastic")
    source = made.population("source", PoissonSource(rate=60 * Hz), 12)
    target = made.population("target", LIFExp(), 17)
    made.stimulate(target, Step(380 * pA), input="current")
    how = dict(synapse=model, port="exc", clock_driven=clock_driven, structure=structure, response_delay=response_delay)
    made.project(source, target, FixedProbability(0.5), weight=300 * pA, delay=Uniform(0.3 * ms, 2 * ms), name="in", **how)
    made.project(target, target, FixedProbability(0.3), weight=100 * pA, delay=1.5 * ms, name="back", **how)
    return made


def finished(made, duration=300 * ms, **options):
    simulation = Simulation(made, **options)
    result = simulation.run_until(duration)
    states = {p.name: simulation.synapses(p) for p in made.projections}
    simulation.close()
    return result, states


def test_what_is_shared_is_found():
    side = make_plan(network(MODELS["tagged"])).synapses[0].form.side
    assert side == {"weight": "", "pre": "source", "post": "target", "tag": ""}
    assert set(make_plan(network(MODELS["traces drawn"])).synapses[0].form.side.values()) == {""}
    rewiring = network(MODELS["pair"], structure=Rewiring(20 * ms, eliminate=5 * Hz))
    assert set(make_plan(rewiring).synapses[0].form.side.values()) == {""}, "a newborn synapse has traces of its own"


@pytest.mark.parametrize("late", [0.0, pytest.param(3.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("clock_driven", [False, True])
@pytest.mark.parametrize("name", list(MODELS))
def test_engine_equals_oracle(name, clock_driven, late):
    """Also where the target's spikes take a while to reach the synapses."""
    made = network(MODELS[name], clock_driven, response_delay=late * ms)
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, 150 * ms, edges=drawn)
    assert len(truth.spikes.of("target")) > 20, "alive"
    result, states = finished(made, 150 * ms, precision="float64", threads=2)
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for projection, expected in truth.synapses.items():
        for state, values in expected.items():
            np.testing.assert_allclose(states[projection][state], values, rtol=1e-11, atol=1e-11 * np.abs(values).max(), err_msg=state)


def test_a_state_that_nothing_reads_is_told_as_it_is():
    made = network(Seen())
    truth = simulate(made, 60 * ms, edges={j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)})
    _, states = finished(made, 60 * ms, precision="float64", threads=2)
    for projection, expected in truth.synapses.items():
        np.testing.assert_allclose(states[projection]["seen"], expected["seen"], rtol=1e-11, err_msg=projection)


@pytest.mark.parametrize("clock_driven", [False, True])
def test_no_synapses_at_all(clock_driven):
    """A rule that made none, or a list without any, is no error, neither for the engine nor for the oracle."""
    made = Network("none")
    source, target = made.population("source", PoissonSource(rate=60 * Hz), 3), made.population("target", LIFExp(), 2)
    how = dict(port="exc", synapse=Tagged(), clock_driven=clock_driven)
    made.project(source, target, FixedProbability(0.0), weight=1 * pA, delay=1 * ms, name="in", **how)
    empty = dict(weight=np.empty(0) * pA, delay=np.empty(0) * ms)
    made.project(source, target, Edges([], []), **empty, name="listed", **how)
    made.project(source, target, Edges([], []), **empty, name="bare", port="exc")
    truth = simulate(made, 20 * ms, edges={j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)})
    result, states = finished(made, 20 * ms, precision="float64")
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name in ("in", "listed"):
        assert states[name]["tag"].size == truth.synapses[name]["tag"].size == 0


@pytest.mark.parametrize("targets", [[0, 1, 2, 3], [3, 2, 1, 0], [3, 0], [2], []])
def test_every_thread_tells_its_own_synapses(targets):
    """Written and read again: a thread may hold the first of the list alone, one, or none of a few."""
    made = Network("few")
    source, target = made.population("source", PoissonSource(rate=60 * Hz), 1), made.population("target", LIFExp(), 4)
    rule = Edges(np.zeros(len(targets), int), np.array(targets, int))
    made.project(source, target, rule, weight=100 * pA, delay=1 * ms, port="exc", synapse=Pair(), name="few")
    with Simulation(made, dt=0.1 * ms, threads=3) as simulation:
        expected = 10.0 * np.arange(1, len(targets) + 1)
        simulation.set_weights("few", expected)
        np.testing.assert_array_equal(simulation.weights("few"), expected)
        simulation.set_synapses("few", pre=0.25)
        np.testing.assert_array_equal(simulation.synapses("few")["pre"], np.full(len(targets), 0.25))


@pytest.mark.parametrize("late", [0.0, 3.0])
def test_rollout_equals_oracle(late):
    made = network(MODELS["tagged"], response_delay=late * ms)
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, 150 * ms, edges=drawn)
    with jax.enable_x64(True):
        rollout = Rollout(made, precision="float64")
        rolled = rollout.run(1500, inputs=rollout.inputs(1500))
        assert len(truth.spikes.of("target")) > 20, "alive"
        np.testing.assert_array_equal(np.nonzero(np.asarray(rolled.spikes["target"]))[0] + 1, truth.spikes.of("target").step)
        for projection, expected in truth.synapses.items():
            for state, values in rolled.state["synapses"][projection]["states"].items():
                np.testing.assert_allclose(np.asarray(values), expected[state], rtol=1e-10, atol=1e-10, err_msg=state)


def test_rewiring_equals_oracle():
    made = network(MODELS["tagged"], structure=Rewiring(20 * ms, eliminate=5 * Hz))
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, 300 * ms, edges=drawn)
    result, states = finished(made, precision="float64", threads=2)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for state in ("source", "target", "weight", "tag", "pre", "post"):
        np.testing.assert_allclose(states["in"][state], truth.synapses["in"][state], rtol=1e-10, atol=1e-10, err_msg=state)


@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["pair", "tagged"])
def test_the_bits_do_not_depend_on_threads_or_on_when_spikes_are_made_up_for(name, precision):
    """Looking at the synapses makes up for everything; so does a wake from a checkpoint, and each thread in its own time."""
    whole, states = finished(network(MODELS[name]), precision=precision, threads=1)
    curious = Simulation(network(MODELS[name]), precision=precision, threads=3)
    for _ in range(9):
        curious.run_until((curious.time.value + 30.0) * ms)
        curious.synapses("in")
    result = curious.run_until(300 * ms)
    assert result.summary["digest"] == whole.summary["digest"]
    for state, values in states["in"].items():
        np.testing.assert_array_equal(curious.synapses("in")[state], values, err_msg=state)
    curious.close()


@pytest.mark.parametrize("late", [0.0, 3.0])
@pytest.mark.parametrize("name", ["pair", "tagged"])
def test_waking_is_exact(name, late, tmp_path):
    made = network(MODELS[name], response_delay=late * ms)
    whole, states = finished(made, threads=2)
    first = Simulation(made, threads=2, out=tmp_path / "run")
    first.run_until(137 * ms)
    first.checkpoint()
    first.close()
    second = Simulation(made, threads=1, out=tmp_path / "run", resume=tmp_path / "run")
    result = second.run_until(300 * ms)
    assert result.summary["digest"] == whole.summary["digest"]
    for projection, expected in states.items():
        for state, values in expected.items():
            np.testing.assert_array_equal(second.synapses(projection)[state], values, err_msg=state)
    second.close()


@pytest.mark.parametrize("spikes", [HISTORY - 1, HISTORY, 9 * HISTORY])
def test_a_target_that_spikes_often_while_its_source_is_silent(spikes):
    """One arrival, then more spikes of the target than are remembered: w = a₊ Σ exp(-t/τ₊), by hand."""
    made = Network("silence")
    source, driver, target = (made.population(n, Relay(), 1) for n in ("source", "driver", "target"))
    made.stimulate(source, SpikeList(np.array([1.0]) * ms), port="spikes", weight=1.0)
    late = 2.0 + 0.3 * np.arange(spikes)
    made.stimulate(driver, SpikeList(late * ms), port="spikes", weight=1.0)
    made.project(driver, target, Edges([0], [0]), weight=1.0, delay=0.1 * ms, port="spikes")

    made.project(source, target, Edges([0], [0]), weight=0.0, delay=0.5 * ms, port="spikes", synapse=Listening(), name="p")
    result, states = finished(made, (5.0 + late[-1]) * ms, precision="float64", threads=1)
    when = result.spikes.of("target").step * 0.1
    assert when.size == spikes
    arrived = result.spikes.of("source").step[0] * 0.1 + 0.5
    assert states["p"]["weight"][0] == pytest.approx(np.exp(-(when - arrived) / 20.0).sum(), rel=1e-12)


@pytest.mark.parametrize("name, begin", [("tagged", LONGEST), ("tagged", 2 * LONGEST), ("tagged", 15 * LONGEST), ("pair", 15 * LONGEST), ("pair", 10**12)])
def test_times_of_many_hours_are_not_mistaken(name, begin):
    """Times are kept by their lowest 28 bits, decays by powers of two of all steps; hours and years after the start both forms still agree."""
    runs = []
    for clock_driven in (False, True):
        simulation = Simulation(network(MODELS[name], clock_driven), precision="float64", threads=1)
        simulation.core.begin_at(begin - 400)
        simulation.step(1500)
        runs.append(simulation.synapses("in"))
        simulation.close()
    for state, values in runs[1].items():
        np.testing.assert_allclose(runs[0][state], values, rtol=1e-11, atol=1e-11, err_msg=state)
    assert np.abs(runs[0]["weight"] - 300.0).max() > 1.0, "something was learnt"


def test_dendritic_delay_by_hand():
    """A spike arrives at 1.5 ms; the target's, at 0.6 ms, takes 2 ms to the synapse and finds a trace 1.1 ms old."""
    made = Network("dendrite")
    source, target = made.population("source", Relay(), 1), made.population("target", Relay(), 1)
    made.stimulate(source, SpikeList(np.array([0.4]) * ms), port="spikes", weight=1.0)
    made.stimulate(target, SpikeList(np.array([0.5]) * ms), port="spikes", weight=1.0)

    made.project(source, target, Edges([0], [0]), weight=0.0, delay=1.0 * ms, port="spikes", synapse=Listening(), name="p", response_delay=2 * ms)
    result, states = finished(made, 5 * ms, precision="float64")
    arrived, spiked = (result.spikes.of(n).step[0] * 0.1 for n in ("source", "target"))
    assert states["p"]["weight"][0] == pytest.approx(np.exp(-(spiked + 2.0 - arrived - 1.0) / 20.0), rel=1e-12)


def test_a_state_cannot_take_the_name_of_an_address():
    with pytest.raises(ModelError, match="address of a synapse"):

        class Lost(Synapse):
            target = State(0.0)


def test_a_response_delay_needs_a_response():
    made = Network("none")
    a = made.population("a", Relay(), 1)
    with pytest.raises(NetworkError, match="respond"):
        made.project(a, a, Edges([0], [0]), weight=1.0, delay=1 * ms, port="spikes", response_delay=1 * ms)


def test_a_parameter_changes_from_now_on():
    """Both forms, told at the same step to learn by another factor and with other traces, go on alike."""
    runs = []
    for clock_driven in (False, True):
        simulation = Simulation(network(Tagged(), clock_driven), precision="float64", threads=2)
        for k, factor in enumerate((0.0, 0.05, -0.03, 0.02)):
            for store in simulation.core.per_synapse.values():
                store.change({"factor": factor, "tau_minus": (20.0 + k) * ms, "tau_tag": (50.0 - 10 * k) * ms}, simulation.core.step)
            simulation.step(500)
        runs.append((simulation.synapses("in"), simulation.synapses("back")))
        simulation.close()
    for lazy, clocked in zip(*runs, strict=True):
        for state, values in clocked.items():
            np.testing.assert_allclose(lazy[state], values, rtol=1e-11, atol=1e-11, err_msg=state)
    assert np.abs(runs[0][0]["weight"] - 300.0).max() > 1.0, "something was learnt"
