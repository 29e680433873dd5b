"""Sites in every executor: synapses, stimuli and probes at the branches of a neuron, whatever the threads."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract.contract_networks import assert_same, by_engine, by_oracle, by_rollout
from neuropil.engine import Simulation
from neuropil.errors import SimulationError
from neuropil.learn import Rollout
from neuropil.model import (
    AllToAll,
    Branch,
    Branched,
    Edges,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    InhomogeneousPoisson,
    Input,
    Network,
    Noise,
    Poisson,
    Port,
    Regular,
    SpikeList,
    State,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.units import Capacitance, Conductance, Hz, Time, Voltage, ms, mV, nS, pA, pF
from neuropil.zoo.neurons.lif import LIFExp

DT = 0.1 * ms
TOLERANCE = 1e-12


class Dendrite(Branch):
    """A conductance-driven branch with a current of its own."""

    c_m: Capacitance = 20 * pF
    g_l: Conductance = 2 * nS
    g_c: Conductance = 4 * nS
    e_l: Voltage = -70 * mV
    tau: Time = 5 * ms

    v = State("e_l")
    g = State(0 * nS)
    v_soma = Input(mV)
    current = Input(pA)
    exc = Port(nS)

    def derivative(self, s, x):
        flow = -self.g_l * (s.v - self.e_l) - s.g * s.v + self.g_c * (x.v_soma - s.v) + x.current
        return {"v": flow / self.c_m, "g": -s.g / self.tau}

    def receive(self, s, w):
        return {"g": w.exc}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


def branched(count, soma=None, **parameters):
    return Branched(soma or LIFExp(), Dendrite(), count, reads={"v_soma": "v"}, **parameters)


def network() -> Network:
    """Two populations of one branch kernel but other constants, every kind of stimulus, and all ways to name a site."""
    net, draw = Network("sites"), np.random.default_rng(3)
    varied = {"g_l": np.array([1.0, 2.0, 3.0, 4.0]) * nS, "g_c": Uniform(3 * nS, 5 * nS)}
    a = net.population("a", branched(4, **varied), 7, initial={"branch.v": Uniform(-70 * mV, -60 * mV)})
    b = net.population("b", branched(3, LIFExp(tau_m=9 * ms), g_c=np.linspace(3, 5, 15) * nS), 5)
    c = net.population("c", LIFExp(), 6)
    net.stimulate(a, Poisson(200 * Hz), port="branch.exc", weight=8 * nS)
    net.stimulate(a, Poisson(100 * Hz), port="branch.exc[2]", weight=Uniform(2 * nS, 8 * nS))
    net.stimulate(b, Poisson(np.linspace(100, 300, 5) * Hz), port="branch.exc", weight=8 * nS)
    net.stimulate(b, Poisson(Uniform(50 * Hz, 150 * Hz)), port="branch.exc", weight=np.linspace(1, 3, 5) * nS)
    net.stimulate(b, SpikeList(np.array([5.0, 6, 7]) * ms, np.array([0, 1, 4])), port="branch.exc", weight=8 * nS)
    net.stimulate(b, SpikeList(np.array([9.0]) * ms), port="branch.exc[2]", weight=8 * nS)
    net.stimulate(b, Regular(3 * ms), port="branch.exc[1]", weight=3 * nS)
    net.stimulate(b, InhomogeneousPoisson(np.full((4, 5), 100.0) * Hz, 20 * ms), port="branch.exc", weight=3 * nS)
    net.stimulate(a, Noise(0 * pA, 20 * pA), input="branch.current[1]")
    net.stimulate(b, Noise(5 * pA, Uniform(1 * pA, 20 * pA)), input="branch.current")
    net.stimulate(b, Step(np.arange(5.0) * pA), input="branch.current[0]")
    net.stimulate(b, TimeArray(draw.normal(size=(50, 5)) * pA, 1 * ms), input="branch.current")
    net.stimulate(a, Step(200 * pA), input="current")
    net.stimulate(c, Step(400 * pA), input="current")
    net.project(a, (b, a), FixedProbability(0.5), weight=5 * nS, delay=1 * ms, port="branch.exc")
    net.project(c, a, AllToAll(), weight=3 * nS, delay=0.5 * ms, port="branch.exc[3]")
    rule = Edges(draw.integers(0, 6, 40), draw.integers(0, 5, 40))
    weight, delay = draw.uniform(1, 4, 40) * nS, draw.integers(1, 15, 40) * DT
    net.project(c, b, rule, weight=weight, delay=delay, port="branch.exc", site=draw.integers(0, 3, 40))
    net.project(b, c, FixedTotal(30), weight=50 * pA, delay=0.3 * ms, port="exc")
    net.project(c, (a, b), FixedOutDegree(2), weight=50 * pA, delay=0.3 * ms, port="exc")
    for pop in (a, b):
        net.probe(pop, "v")
        net.probe(pop, "branch.v")
        net.probe(pop, "branch.g", sites=[2, 0], neurons=[1, 3], interval=0.5 * ms)
    net.probe(c, "v")
    return net


@cache
def truth():
    run = by_oracle(network(), DT, steps=600)
    assert min(len(run.spikes.of(p)) for p in ("a", "b", "c")) >= 5
    return run


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_engine_equals_the_oracle(threads):
    assert_same(by_engine(network(), DT, threads=threads, steps=600), truth(), TOLERANCE)


def test_the_rollout_equals_the_oracle():
    assert_same(by_rollout(network(), DT, steps=600), truth(), TOLERANCE)


def test_single_precision_does_not_depend_on_the_threads():
    one, three = (by_engine(network(), DT, "float32", threads, steps=600) for threads in (1, 3))
    assert one.spikes.digest() == three.spikes.digest()
    for name, values in one.traces.items():
        np.testing.assert_array_equal(values, three.traces[name])


def test_a_trace_says_which_neuron_and_site_a_column_is(tmp_path):
    simulation = Simulation(network(), out=tmp_path, threads=2)
    trace = simulation.run_until(10 * ms).traces["a.branch.g"]
    simulation.close()
    assert trace.neurons.tolist() == [1, 1, 3, 3] and trace.sites.tolist() == [2, 0, 2, 0]
    np.testing.assert_array_equal(trace.of(3, site=0), trace.values[:, 3])
    np.testing.assert_array_equal(trace.of(3), trace.values[:, 2])


def test_a_run_resumes_on_another_number_of_threads_to_the_same_bits(tmp_path):
    whole = Simulation(network(), threads=1)
    expected = whole.run(40 * ms)
    first = Simulation(network(), threads=3)
    first.run_until(23 * ms)
    first.set_drive("Step→b", np.arange(5.0) * pA)  # as it was
    first.checkpoint(tmp_path / "half.h5")
    second = Simulation(network(), threads=2, resume=tmp_path / "half.h5")
    later = second.run_until(40 * ms)
    late = expected.spikes.step > 230
    np.testing.assert_array_equal(later.spikes.neuron, expected.spikes.neuron[late])
    for name in ("v", "branch.v", "branch.g"):
        np.testing.assert_array_equal(second.state("a", name).value, whole.state("a", name).value)
    for simulation in (whole, first, second):
        simulation.close()


def test_states_are_read_and_set_neuron_by_neuron():
    simulation = Simulation(network(), threads=2)
    values = np.arange(28.0) - 90.0
    simulation.set_state("a", "branch.v", values * mV)
    np.testing.assert_array_equal(simulation.state("a", "branch.v").value, values.astype(np.float32))
    found = simulation.synapses("c→a")
    assert set(found["site"]) == {3}
    simulation.close()


def test_a_runaway_branch_is_named():
    simulation = Simulation(network(), threads=2)
    values = np.full(28, -70.0)
    values[4 * 5 + 2] = 1e30
    simulation.set_state("a", "branch.v", values * mV)
    with pytest.raises(SimulationError, match=r"branch\.v\[2\] of neuron 5"):
        simulation.run_until(5 * ms)
    simulation.close()


def test_gradients_through_branches_equal_finite_differences():
    """By a weight onto a branch, a branch's coupling and the soma's time constant; nobody spikes."""
    net = Network("smooth")
    source, pop = net.population("s", LIFExp(), 2), net.population("p", branched(3, g_l=np.array([1.0, 2.0, 3.0]) * nS), 2)
    net.stimulate(source, Step(600 * pA), input="current")
    rule = Edges([0, 0, 1, 1], [0, 1, 0, 1])
    net.project(source, pop, rule, weight=2 * nS, delay=1 * ms, port="branch.exc", site=[0, 1, 2, 1], name="w")
    net.probe(pop, "v", name="v")
    with jax.enable_x64(True):
        roll = Rollout(net, precision="float64")

        def loss(parameters):
            rolled = roll.apply(parameters, roll.initial(), roll.inputs(300))
            return jnp.mean((rolled.traces["v"] + 60.0) ** 2)

        assert float(roll.run(300).spikes["p"].sum()) == 0 < float(roll.run(300).spikes["s"].sum())
        gradient = jax.jit(jax.grad(loss))(roll.parameters)
        value = jax.jit(loss)
        checked = [("weights", "w", None, 2), ("neurons", "p", "branch.g_c", ()), ("neurons", "p", "branch.g_l", 4), ("neurons", "p", "tau_m", ())]
        for kind, owner, name, index in checked:
            leaf = gradient[kind][owner] if name is None else gradient[kind][owner][name]

            def at(shift, kind=kind, owner=owner, name=name, index=index):
                tree = jax.tree.map(lambda a: np.array(a, float), roll.parameters)
                array = tree[kind][owner] if name is None else tree[kind][owner][name]
                array[index] += shift
                return float(value(tree))

            h = 1e-4
            truth = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            assert truth != 0.0
            np.testing.assert_allclose(float(leaf[index]), truth, rtol=1e-6, err_msg=str((kind, owner, name)))
