"""What is trained: gradients by free numbers, and networks with the trained values.

Why to believe it: below threshold gradients equal central differences of a smooth loss; the network that is written back runs in the engine, under
another seed, with the rollout's spikes and potentials in float64.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract.cell_networks import Twig
from neuropil.engine.simulation import Simulation
from neuropil.errors import ModelError
from neuropil.learn import FreeParameters, Rollout, Trainable, longest_delays
from neuropil.model import (
    AllToAll,
    Edges,
    FixedCount,
    FixedProbability,
    Gain,
    Graded,
    Morphology,
    Network,
    Normal,
    SpikeList,
    Step,
    Uniform,
)
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branched
from neuropil.units import cm, mS, ms, mV, nM, nS, pA, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.modulators.dopamine import Dopamine
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.fast_weights import FastWeights
from neuropil.zoo.synapses.ampa import AMPAExponential

STEPS = 300


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


def network(gain: float = 1.0) -> Network:
    """Relays drive neurons through drawn synapses, and, through fast weights whose rate dopamine changes, others whose spike times are given."""
    net = Network("trained")
    relay = net.population("relay", Relay(), 6)
    net.stimulate(relay, SpikeList(np.array([1.0, 3.0, 5.0, 7.0, 9.0, 12.0, 15.0, 15.0, 21.0]) * ms, np.array([0, 1, 2, 3, 4, 5, 0, 2, 1])), port="spikes", weight=1.0)
    hidden = net.population("hidden", LIFExp(tau_m=Uniform(8 * ms, 14 * ms), t_ref=1 * ms), 5, initial={"v": Normal(-68 * mV, 1 * mV)})
    net.stimulate(hidden, Step((200 if gain < 1 else 500) * pA), input="current")
    paced = net.population("paced", LIFDelta(t_ref=0.5 * ms), 5)
    net.stimulate(paced, SpikeList(np.array([4.0, 6.0, 8.0, 10.0, 13.0, 16.0, 17.0, 23.0]) * ms, np.array([0, 1, 2, 3, 4, 4, 3, 2])), port="syn", weight=80 * mV)
    net.project(relay, hidden, FixedProbability(0.5), weight=Normal(150 * gain * pA, 30 * pA), delay=Uniform(0.5 * ms, 3 * ms), port="exc", name="drawn")
    net.project(hidden, hidden, AllToAll(allow_self=False), weight=-60 * gain * pA, delay=1 * ms, port="inh", name="mutual")
    plastic = net.project(relay, paced, Edges(np.array([5, 0, 1, 2, 0, 4]), np.array([0, 4, 1, 2, 3, 4])), weight=2 * mV, delay=1.5 * ms, port="syn", synapse=FastWeights(), name="plastic")
    dopamine = net.modulator("dopamine", Dopamine(), volume=[plastic], tick=1 * ms)
    dopamine.released_by(relay, 40 * nM).receptor("D1", ec50=100 * nM)
    dopamine.modulates(plastic, "eta_fast", Gain(by=0.5), receptor="D1")
    net.probe(hidden, "v", name="v")
    net.probe(paced, "v", name="paced v")
    return net


def asked(net: Network) -> list[Trainable]:
    drawn, mutual, plastic = net.projections
    dopamine = net.modulators["dopamine"]
    return [
        Trainable(drawn, "weight", sign="dale", bounds=(None, 400 * pA)), Trainable(drawn, "delay", bounds=(0.1 * ms, 4 * ms)),
        Trainable(mutual, "weight", sign="dale"), Trainable(net["hidden"], "tau_m"), Trainable(net["hidden"], "v_th", bounds=(-60 * mV, -40 * mV), each=True),
        Trainable(net["hidden"], "v"), Trainable(plastic, "weight"), Trainable(plastic, "eta_fast", bounds=(0.0, 1.0)), Trainable(plastic, "tau", each=True),
        Trainable(plastic, "delay", bounds=(0.1 * ms, 3 * ms)), Trainable(plastic, "efficacy", bounds=(0.0, 1.0)), Trainable(dopamine, "D1.ec50"),
        Trainable(dopamine.effects[0], "by"),
    ]  # fmt: skip


@cache
def free(gain: float = 1.0, surrogate: str | None = None) -> FreeParameters:
    net = network(gain)
    trainable = asked(net)
    return FreeParameters(Rollout(net, precision="float64", surrogate=surrogate, delays=longest_delays(net, trainable)), trainable)


def moved(of: FreeParameters, amount: float = 0.05):
    draw = np.random.default_rng(1)
    return {n: v + amount * draw.normal(size=np.shape(v)) for n, v in of.start.items()}


def loss(x, of: FreeParameters):
    """A smooth functional of potentials."""
    roll = of.rollout
    rolled = roll.apply(*of.values(x), roll.inputs(STEPS))
    return jnp.mean((rolled.traces["v"] + 65.0) ** 2) + 10.0 * jnp.mean((rolled.traces["paced v"] + 65.0) ** 2)


def test_gradients_by_free_numbers_equal_finite_differences():
    """Of weights, delays, time constants, starting states, rules, receptors and effects, through their constraints."""
    of = free(0.3)
    x = moved(of, 0.02)
    function = jax.jit(lambda x: loss(x, of))
    assert float(jax.jit(lambda x: of.rollout.apply(*of.values(x), of.rollout.inputs(STEPS)).spikes["hidden"].sum())(x)) == 0
    gradient = jax.jit(jax.grad(function))(x)
    for label, values in x.items():
        direction = np.random.default_rng(2).normal(size=np.shape(values))
        slope = float(np.sum(np.asarray(gradient[label]) * direction))
        if label in ("hidden.v_th", "mutual.weight"):  # without spikes nothing depends on them
            assert slope == 0.0
            continue
        h = 1e-5
        there = {d: float(function({**x, label: values + d * h * direction})) for d in (-2, -1, 1, 2)}
        truth = (8 * (there[1] - there[-1]) - (there[2] - there[-2])) / (12 * h)
        assert truth != 0.0, label
        np.testing.assert_allclose(slope, truth, rtol=2e-5, err_msg=label)


def test_the_network_of_trained_values_runs_alike_in_the_engine_under_any_seed():
    of = free()
    x = moved(of)
    roll = of.rollout
    parameters, state = of.rounded(x)
    rolled = jax.jit(roll.apply)(parameters, state, roll.inputs(STEPS))
    with Simulation(of.network(x), dt=0.1 * ms, seed=77, precision="float64") as sim:
        result = sim.run(STEPS * 0.1 * ms)
    expected = np.argwhere(np.asarray(rolled.spikes["hidden"]))
    assert len(expected) >= 5
    found = result.spikes.of("hidden")
    np.testing.assert_array_equal(np.stack([found.step - 1, found.neuron], 1), expected)
    for name in ("v", "paced v"):
        np.testing.assert_allclose(result.traces[name].values, np.asarray(rolled.traces[name]), rtol=1e-9)


def test_constraints_hold_and_rounding_is_on_the_levels():
    """Far from the start: Dale's signs, bounds, positive time constants, delays on the grid, 2^bits - 1 levels."""
    of = free()
    x = moved(of, 30.0)
    parameters, _ = of.rounded(x)
    assert np.all(np.asarray(parameters["weights"]["mutual"]) <= 0) and np.all(np.asarray(parameters["neurons"]["hidden"]["tau_m"]) >= 0)
    threshold = np.asarray(parameters["neurons"]["hidden"]["v_th"])
    assert threshold.shape == (5,) and threshold.min() >= -60 and threshold.max() <= -40
    delay = np.asarray(parameters["delays"]["drawn"]) / 0.1
    np.testing.assert_allclose(delay, np.round(delay), atol=1e-9)
    assert delay.min() >= 1 and delay.max() <= 40
    net = of.rollout.network
    for bits, bounds, levels in ((3, None, 7), (2, (0 * pA, 300 * pA), 4)):
        coarse = FreeParameters(Rollout(net, precision="float64"), Trainable(net.projections[0], "weight", bits=bits, bounds=bounds))
        draw = {"drawn.weight": np.linspace(-3, 3, coarse.count)}
        values = np.asarray(coarse.values(draw)[0]["weights"]["drawn"])
        step = (300 / 3) if bounds else np.abs(values).max() / 3
        np.testing.assert_allclose(values / step, np.round(values / step), atol=1e-9)
        assert len(np.unique(np.round(values / step))) == levels
        passed = jax.grad(lambda x, c=coarse: c.values(x)[0]["weights"]["drawn"].sum())(draw)["drawn.weight"]
        smooth = FreeParameters(Rollout(net, precision="float64"), Trainable(net.projections[0], "weight", bounds=bounds))
        np.testing.assert_allclose(passed, jax.grad(lambda x, c=smooth: c.values(x)[0]["weights"]["drawn"].sum())(draw)["drawn.weight"])


def test_what_cannot_be_trained_is_refused_in_words():
    net = network()
    roll = Rollout(net)
    drawn, mutual, plastic = net.projections
    faults = [
        (Trainable(net["hidden"], "tau"), "no 'tau' to train"), (Trainable(net["hidden"], "t_ref"), "counts whole steps"),
        (Trainable(drawn, "delay"), "are fixed in this rollout"), (Trainable(net["hidden"], "v", sign="dale"), "Dale's law"),
        (Trainable(drawn, "weight", bounds=(0 * pA, 100 * pA)), "strictly within its bounds"), (Trainable(net["hidden"], "tau_m", each=False), "differ"),
        (Trainable(plastic, "rate"), "no 'rate' to train"), (Trainable(mutual, "weight", scale=-1 * pA), "scale must be positive"),
        (Trainable("hidden", "tau_m"), "not something that can be trained"),
    ]  # fmt: skip
    for one, words in faults:
        with pytest.raises(ModelError, match=words):
            FreeParameters(roll, one)
    with pytest.raises(ModelError, match="trained twice"):
        FreeParameters(roll, [Trainable(drawn, "weight"), Trainable(drawn, "weight")])
    with pytest.raises(ModelError, match="bits must be"):
        Trainable(drawn, "weight", bits=1)
    with pytest.raises(ModelError, match="upper bound"):
        longest_delays(net, [Trainable(drawn, "delay")])
    one = FreeParameters(roll, Trainable(drawn, "weight"))
    with pytest.raises(ModelError, match="wrong shape"):
        one.values({"drawn.weight": np.zeros(3)})


def test_conductances_and_geometry_of_cells_are_written_back():
    """Gradients by a leak along the cell, the capacitance and the axial conductance; the engine runs the described cell with the rollout's potentials."""
    build = Morphology.builder("stick")
    build.section("soma", kind="soma", length=20 * um, diameter=18 * um)
    build.section("dend", kind="apical", length=120 * um, diameter=2 * um, parent="soma")
    cell = Cell(build.build(), discretisation=FixedCount(2), initial=-70 * mV).paint("all", Leak(), name="leak")
    cell.place("syn", AMPAExponential(), at=["dend(0.9)"])
    net = Network("cell")
    relay, cells = net.population("relay", Relay(), 1), net.population("cells", cell, 1)
    net.stimulate(relay, SpikeList(np.array([1.0, 4.0]) * ms, np.array([0, 0])), port="spikes", weight=1.0)
    net.project(relay, cells, Edges(np.array([0]), np.array([0])), weight=0.5 * nS, delay=0.5 * ms, port="syn.exc", name="to")
    net.probe(cells, "v", name="v")
    roll = Rollout(net, dt=0.05 * ms, precision="float64")
    names = ("leak.g", "capacitance", "axial")
    of = FreeParameters(roll, [*(Trainable(cells, n, each=True) for n in names), Trainable(cells, "syn.tau"), Trainable(net.projections[0], "weight")])
    assert of.start["cells.leak.g"].size == len(cell) - 1 or of.start["cells.leak.g"].size == len(cell)
    x, inputs = moved(of), roll.inputs(200)
    function = jax.jit(lambda x: jnp.mean((roll.apply(*of.values(x), inputs).traces["v"] + 70.0) ** 2))
    gradient = jax.jit(jax.grad(function))(x)
    for label, values in x.items():
        direction = np.ones(np.shape(values)) + np.arange(np.size(values)).reshape(np.shape(values))
        ends = [float(function({**x, label: values + h * direction})) for h in (1e-5, -1e-5)]
        np.testing.assert_allclose(float(np.sum(np.asarray(gradient[label]) * direction)), (ends[0] - ends[1]) / 2e-5, rtol=1e-5, err_msg=label)
    rolled = roll.run(200, of.values(x)[0])
    with Simulation(of.network(x), dt=0.05 * ms, seed=5, precision="float64") as sim:
        np.testing.assert_allclose(sim.run(10 * ms).traces["v"].values, np.asarray(rolled.traces["v"]), rtol=1e-9)


def test_one_factor_keeps_the_proportions_of_densities_along_a_cell():
    """Bounds and scale are of the factor, which is 1 at the start; the description gets every compartment's value."""
    cell = Cell(Morphology.cable(300 * um, 2 * um), discretisation=FixedCount(4), initial=-70 * mV).paint("all", Leak(), g=lambda x: (1 + x / 100) * 0.03 * mS / cm**2)
    net = Network("cell")
    cells = net.population("cells", cell, 1)
    roll = Rollout(net, dt=0.05 * ms, precision="float64")
    of = FreeParameters(roll, Trainable(cells, "Leak.g", each="factor", bounds=(0.25, 4.0)))
    start = roll.parameters["neurons"]["cells"]["Leak.g"]
    assert of.count == 1 and np.ptp(start) > 0
    np.testing.assert_allclose(of.values(of.start)[0]["neurons"]["cells"]["Leak.g"], start, rtol=1e-12)
    x = {"cells.Leak.g": of.bound["cells.Leak.g"].interval.free(np.asarray(2.5), "factor")}
    np.testing.assert_allclose(of.values(x)[0]["neurons"]["cells"]["Leak.g"], 2.5 * start, rtol=1e-12)
    again = Rollout(of.network(x), dt=0.05 * ms, precision="float64").parameters["neurons"]["cells"]["Leak.g"]
    np.testing.assert_allclose(again, 2.5 * start, rtol=1e-12)
    high = np.asarray(of.values({"cells.Leak.g": np.asarray(50.0)})[0]["neurons"]["cells"]["Leak.g"])
    np.testing.assert_allclose(high, 4.0 * start, rtol=1e-6)
    for wrong, words in ((Trainable(cells, "Leak.g", each=False), "one factor that keeps"), (Trainable(cells, "Leak.g", each="factor", bounds=(2.0, 4.0)), "strictly within")):
        with pytest.raises(ModelError, match=words):
            FreeParameters(roll, wrong)
    with pytest.raises(ModelError, match="each must be"):
        Trainable(cells, "Leak.g", each="ratio")


def test_branches_and_graded_weights_are_written_back():
    """Drawn and dense graded weights, values for each branch and each neuron: the engine's potentials are the rollout's, under another seed."""
    net = Network("parts")
    relay, branched = net.population("relay", Relay(), 4), net.population("branched", Branched(LIFExp(), Twig(), 2, reads={"v_soma": "v"}), 3)
    first, second = net.population("first", LeakyReadout(), 3), net.population("second", LeakyReadout(), 2)
    net.stimulate(relay, SpikeList(np.array([1.0, 3.0, 5.0, 7.0]) * ms, np.array([0, 1, 2, 3])), port="spikes", weight=1.0)
    projections = [
        net.project(relay, branched, FixedProbability(0.7), weight=Normal(4 * mV, 1 * mV), delay=1 * ms, port="branch.exc"),
        net.project(relay, first, AllToAll(), weight=Normal(0.0, 1.0), delay=1 * ms, port="syn"),
        net.project(first, second, FixedProbability(0.6), weight=Normal(0.0, 1.0), delay=0 * ms, input="drive", synapse=Graded("y"), name="drawn"),
        net.project(first, second, AllToAll(), weight=Normal(0.0, 1.0), delay=0 * ms, input="drive", synapse=Graded("y"), name="dense"),
    ]
    for population, state in ((branched, "v"), (branched, "branch.v"), (second, "y")):
        net.probe(population, state, name=state)
    asked = [Trainable(p, "weight") for p in projections] + [Trainable(branched, "branch.tau", each=True), Trainable(branched, "branch.v"), Trainable(second, "tau", each=True)]
    roll = Rollout(net, precision="float64")
    of = FreeParameters(roll, asked)
    x = moved(of)
    rolled = jax.jit(roll.apply)(*of.values(x), roll.inputs(150))
    with Simulation(of.network(x), dt=0.1 * ms, seed=9, precision="float64") as sim:
        result = sim.run(15 * ms)
    for name, trace in rolled.traces.items():
        np.testing.assert_allclose(result.traces[name].values, np.asarray(trace), rtol=1e-9, atol=1e-12)
