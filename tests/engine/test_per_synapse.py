"""Parameters and starting states with a value for each synapse, weights as a matrix, and rules that read states of their target."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.errors import NetworkError, UnitError
from neuropil.learn import Rollout
from neuropil.model import (
    AllToAll,
    Edges,
    FixedProbability,
    Input,
    Network,
    Neuron,
    OneToOne,
    Port,
    Rewiring,
    SpikeList,
    State,
    Step,
    Synapse,
    Uniform,
)
from neuropil.oracle import simulate
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, Time, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

ETA = np.array([[0.0, 0.01], [0.02, 0.03], [0.04, 0.05]])


class Calcium(Neuron):
    """Fires when its port is hit; every spike adds 1 to a calcium that decays."""

    tau: Time = 100 * ms

    hit = State(0.0)
    ca = State(0.0)
    go = Port()
    syn = Port(pA)

    def derivative(self, s, x):
        return {"ca": -s.ca / self.tau}

    def receive(self, s, w):
        return {"hit": w.go + 0.0 * (w.syn / pA)}

    def fires(self, s):
        return s.hit > 0.5

    def reset(self, s):
        return {"hit": 0.0, "ca": s.ca + 1.0}


def pairing(rule, synapse, initial=None, clock_driven=False):
    """Three sources at 10 ms, two targets at 15 ms, a delay of 1 ms: each synapse sees one pair, 4 ms apart."""
    made = Network("pairing")
    source, target = made.population("source", Relay(), 3), made.population("target", Calcium(), 2)
    made.stimulate(source, SpikeList([10.0] * ms), port="spikes", weight=1.0)
    made.stimulate(target, SpikeList([15.0] * ms), port="go", weight=1.0)
    made.project(source, target, rule, weight=100 * pA, delay=1 * ms, port="syn", synapse=synapse, name="s", initial=initial, clock_driven=clock_driven)
    return made


@pytest.mark.parametrize("way", ["matrix", "array", "edges", "clock-driven"])
def test_a_learning_rate_for_each_synapse(way):
    """One pairing: the efficacy grows by η·exp(-4 ms / 20 ms), from its own start; edges are given in another order than they are kept in."""
    start, values, rule = np.linspace(0.1, 0.6, 6).reshape(3, 2), ETA, AllToAll()
    order = np.arange(6)
    if way == "edges":
        order = np.array([5, 0, 3, 1, 4, 2])
        rule = Edges(order // 2, order % 2)
    if way in ("array", "edges"):
        values, start = ETA.ravel()[order], start.ravel()[order]
    made = pairing(rule, AdditiveSTDP(a_plus=values), {"efficacy": start}, way == "clock-driven")
    simulation = Simulation(made, threads=1, precision="float64")
    simulation.step(300)
    found = simulation.synapses("s")
    expected = np.linspace(0.1, 0.6, 6) + ETA.ravel() * np.exp(-4 / 20)
    np.testing.assert_allclose(found["efficacy"], expected[found["source"] * 2 + found["target"]], rtol=1e-12)
    simulation.close()


def drawn_network(structure=None):
    """A rule that draws its synapses: matrices of weights, rates, time constants and starting traces; and a plain projection."""
    rng = np.random.default_rng(0)
    made = Network("matrices")
    source, target = made.population("source", PoissonSource(rate=60 * Hz), 12), made.population("target", LIFExp(), 17)
    made.stimulate(target, Step(375 * pA), input="current")
    matrix = rng.uniform(0.5, 1.5, (12, 17))
    rule = AdditiveSTDP(a_plus=0.02 * matrix, tau_minus=20 * ms * matrix, start=Uniform(0.3, 0.9))
    initial = {"post": matrix, "pre": Uniform(0.0, 1.0)}
    made.project(source, target, FixedProbability(0.5), weight=200 * pA * matrix, delay=1 * ms, port="exc", synapse=rule, initial=initial, name="learning")
    made.project(source, target, FixedProbability(0.5), weight=100 * pA * matrix, delay=Uniform(0.3 * ms, 2 * ms), port="exc", name="plain")
    made.project(target, target, AllToAll(allow_self=False), weight=5 * pA, delay=1 * ms, port="exc", synapse=AdditiveSTDP(a_plus=np.linspace(0, 0.02, 17 * 16)), name="back")
    return made


def test_matrices_with_a_rule_that_draws_its_synapses():
    """Engine on two threads, oracle and rollout; each synapse has the entry of its neurons."""
    made = drawn_network()
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    pre, post, weight, *_ = drawn[1]
    np.testing.assert_array_equal(weight, made.projections[1].weight[pre, post])
    truth = simulate(made, 60 * ms, edges=drawn)
    assert len(truth.spikes.of("target")) > 20, "alive"
    simulation = Simulation(made, threads=2, precision="float64")
    result = simulation.run_until(60 * ms)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name in ("learning", "back"):
        for state in ("efficacy", "pre", "post"):
            np.testing.assert_allclose(simulation.synapses(name)[state], truth.synapses[name][state], rtol=1e-9, atol=1e-12, err_msg=f"{name}.{state}")
    np.testing.assert_allclose(simulation.weights("plain"), weight, rtol=1e-9)
    form = make_plan(made).synapses
    assert set(form[0].form.side.values()) == {""}, "traces that start apart are not shared"
    assert form[2].form.side["pre"] == "source", "traces that a rate does not enter still are"
    with jax.enable_x64(True):
        rollout = Rollout(made, precision="float64")
        rolled = rollout.run(600, inputs=rollout.inputs(600))
        np.testing.assert_array_equal(np.nonzero(np.asarray(rolled.spikes["target"]))[0] + 1, truth.spikes.of("target").step)
        for state, values in rolled.state["synapses"]["learning"]["states"].items():
            np.testing.assert_allclose(np.asarray(values), truth.synapses["learning"][state], rtol=1e-10, atol=1e-12, err_msg=state)
    simulation.close()


def test_weights_of_edges_as_a_matrix():
    made = Network("edges")
    a, b = made.population("a", Relay(), 2), made.population("b", LIFExp(), 2)
    matrix = np.array([[0.0, 3.0], [5.0, 0.0]])
    made.project(a, b, Edges([1, 0], [0, 1]), weight=matrix * pA, delay=1 * ms, port="exc", name="edges")
    made.project(a, b, OneToOne(), weight=np.diag([2.0, 4.0]) * pA, delay=1 * ms, port="exc", name="diagonal")
    simulation = Simulation(made, threads=1, precision="float64")
    np.testing.assert_allclose(np.nan_to_num(simulation.weights("edges", dense=True)), matrix, rtol=1e-12)
    np.testing.assert_allclose(simulation.weights("diagonal"), [2.0, 4.0], rtol=1e-12)
    simulation.close()
    with pytest.raises(NetworkError, match=r"5 at \[1, 0\]"):
        made.project(a, b, OneToOne(), weight=np.array([[1.0, 0.0], [5.0, 1.0]]) * pA, delay=1 * ms, port="exc")


@pytest.mark.parametrize(
    ("rule", "how", "words"),
    [
        (AllToAll(), {"synapse": AdditiveSTDP(a_plus=np.ones(5))}, "(6,), one for each synapse, or (3, 2)"),
        (FixedProbability(0.5), {"synapse": AdditiveSTDP(a_plus=np.ones(6))}, "draws its synapses when"),
        (AllToAll(), {"synapse": AdditiveSTDP(a_plus=ETA.T)}, "wrong shape"),
        (AllToAll(), {"synapse": AdditiveSTDP(), "initial": {"eficacy": 0.5}}, "no state 'eficacy' to initialise"),
        (AllToAll(), {"synapse": AdditiveSTDP(), "initial": {"efficacy": np.ones(5)}}, "wrong shape"),
        (AllToAll(), {"synapse": AdditiveSTDP(), "initial": 0.5}, "must be a dict"),
        (AllToAll(), {"initial": {"efficacy": 0.5}}, "no state 'efficacy' to initialise"),
        (AllToAll(), {"synapse": AdditiveSTDP(a_plus=ETA), "structure": Rewiring(10 * ms, eliminate=1 * Hz)}, "synapses that rewire"),
        (AllToAll(), {"synapse": AdditiveSTDP(), "initial": {"efficacy": ETA}, "structure": Rewiring(10 * ms, eliminate=1 * Hz)}, "new synapses need"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(rule, how, words):
    made = Network("refused")
    source, target = made.population("source", Relay(), 3), made.population("target", LIFExp(), 2)
    with pytest.raises(NetworkError) as caught:
        made.project(source, target, rule, weight=1 * pA, delay=1 * ms, port="exc", **how)
    assert words in str(caught.value)


# --- states of the target ----------------------------------------------------------------------------------------------


class Homeostatic(Synapse):
    """The efficacy falls while its target's calcium is up."""

    ca = Input(1.0)
    tau: Time = 50 * ms

    efficacy = State(1.0)

    def derivative(self, s, x):
        return {"efficacy": -x.ca / self.tau}


def test_a_rule_reads_a_state_of_its_target():
    """Calcium held over each step: efficacy = 1 - Σ dt/τ·ca_k, summed by hand; oracle and rollout do the same."""
    made = pairing(AllToAll(), Homeostatic())
    simulation = Simulation(made, threads=2, precision="float64")
    simulation.step(300)
    ca = np.exp(-0.1 * np.arange(150) / 100.0)
    np.testing.assert_allclose(simulation.synapses("s")["efficacy"], 1.0 - 0.1 / 50.0 * ca.sum(), rtol=1e-12)
    np.testing.assert_allclose(simulate(made, 30 * ms).synapses["s"]["efficacy"], 1.0 - 0.1 / 50.0 * ca.sum(), rtol=1e-12)
    with jax.enable_x64(True):
        rollout = Rollout(made, precision="float64")
        rolled = rollout.run(300, inputs=rollout.inputs(300))
        np.testing.assert_allclose(np.asarray(rolled.state["synapses"]["s"]["states"]["efficacy"]), 1.0 - 0.1 / 50.0 * ca.sum(), rtol=1e-12)
    simulation.close()


def test_what_the_target_does_not_have_cannot_be_read():
    made = Network("unknown")
    source, target = made.population("source", Relay(), 3), made.population("target", LIFExp(), 2)

    class Wrong(Synapse):
        i_exc = Input(mV)

    with pytest.raises(NetworkError, match="reads 'ca', which is not a state of target"):
        made.project(source, target, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=Homeostatic())
    with pytest.raises(UnitError, match="in another unit"):
        made.project(source, target, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=Wrong())
