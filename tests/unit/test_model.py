"""Declarations of models and networks: what is collected from a class, and that errors name the culprit and the fix."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.errors import ModelError, NetworkError, NeuropilError, UnitError
from neuropil.model import (
    AllToAll,
    Branched,
    Edges,
    FixedInDegree,
    FixedProbability,
    FixedTotal,
    Input,
    LogNormal,
    Network,
    Neuron,
    Normal,
    OneToOne,
    Poisson,
    Port,
    Sine,
    SpikeList,
    State,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.units import Hz, Time, Voltage, ms, mV, nA, nS, pA, second, um
from neuropil.zoo.contract import DRIVES, contract_drive
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.registry import NEURONS, neuron, neuron_names


def says(error: NeuropilError, *parts: str) -> None:
    for part in parts:
        assert part in str(error), f"{part!r} is not in: {error}"


# --- a class becomes a spec ----------------------------------------------------------------------------------------


def test_spec_collects_what_a_class_declares_and_inherits():
    spec = LIFExp.spec
    assert list(spec.states) == ["v", "i_exc", "i_inh"]
    assert spec.state_dimensions["v"] == mV.dimension and spec.state_dimensions["i_exc"] == pA.dimension
    assert spec.ports == {"exc": pA.dimension, "inh": pA.dimension} and spec.inputs == {"current": pA.dimension}
    assert spec.parameters["tau_m"] == ms.dimension and "tau_exc" in spec.parameters
    assert "tau_exc" not in LIFDelta.spec.parameters, "a sibling's parameters must not leak"


def test_values_are_held_in_base_units():
    assert LIFExp(tau_m=0.02 * second).tau_m.value == pytest.approx(20.0)
    assert LIFExp(i_e=0.3 * nA).i_e.value == pytest.approx(300.0)


def test_with_changes_a_copy_only():
    first = LIFExp(tau_m=20 * ms)
    second_ = first.with_(v_th=-40 * mV)
    assert (first.v_th.value, second_.v_th.value, second_.tau_m.value) == (-50.0, -40.0, 20.0)


def test_parameters_may_be_arrays_or_distributions():
    model = LIFExp(tau_m=[10, 20] * ms, v_th=Normal(-50 * mV, 1 * mV))
    np.testing.assert_array_equal(model.tau_m.value, [10.0, 20.0])
    assert isinstance(model.v_th, Normal)


@pytest.mark.parametrize(
    ("make", "kind", "parts"),
    [
        (lambda: LIFExp(taum=10 * ms), ModelError, ["LIFExp", "'taum'", "did you mean 'tau_m'"]),
        (lambda: LIFExp(tau_m=10 * mV), UnitError, ["LIFExp.tau_m", "mV", "ms"]),
        (lambda: LIFExp(tau_m=10), UnitError, ["LIFExp.tau_m", "needs a unit", "ms"]),
        (lambda: LIFExp(tau_m=float("nan") * ms), ModelError, ["LIFExp.tau_m", "not finite"]),
        (lambda: LIFExp(tau_m=np.ones((2, 2)) * ms), ModelError, ["LIFExp.tau_m", "one per neuron"]),
        (lambda: setattr(LIFExp(), "tau_m", 3 * ms), ModelError, ["cannot be changed", "with_(tau_m=...)"]),
    ],
)
def test_a_bad_parameter_is_named(make, kind, parts):
    with pytest.raises(kind) as caught:
        make()
    says(caught.value, *parts)


def test_a_bad_class_is_refused_when_it_is_made():
    with pytest.raises(ModelError) as caught:

        class Lost(Neuron):
            v = State("e_l")

    says(caught.value, "Lost.v", "e_l")
    with pytest.raises(ModelError) as caught:

        class Deaf(Neuron):
            t_ref: Time = 2 * ms
            v = State(0 * mV)
            refractory = "t_ref"
            clamps = ("w",)

    says(caught.value, "Deaf.clamps", "use one of: v")
    with pytest.raises(UnitError) as caught:

        class Confused(Neuron):
            v_th: Voltage = 2 * ms

    says(caught.value, "Confused.v_th", "ms", "mV")
    with pytest.raises(ModelError) as caught:

        class Odd(Neuron):
            integrator = "rk5"

    says(caught.value, "Odd.integrator", "did you mean 'rk4'")


def test_values_refuse_typos_and_assignment():
    class Typo(Neuron):
        v = State(0 * mV)
        x = Input(pA)
        syn = Port(mV)

        def derivative(self, s, x):
            return {"v": s.volts / ms}

    from neuropil.oracle import simulate

    net = Network()
    net.population("p", Typo(), 1)
    with pytest.raises(ModelError) as caught:
        simulate(net, 1 * ms)
    says(caught.value, "Typo has no state 'volts'", "v")


# --- networks ------------------------------------------------------------------------------------------------------


@pytest.fixture
def net():
    network = Network("test")
    network.population("a", LIFExp(), 4)
    network.population("b", LIFExp(), 3)
    return network


def test_populations_are_numbered_in_order(net):
    assert (net["a"].first, net["b"].first, net.size) == (0, 4, 7)
    assert net["a"] + net["b"] == (net["a"], net["b"])


def test_projections_between_several_populations(net):
    made = net.project(net["a"] + net["b"], net["a"] + net["b"], AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")
    assert [(p.source.name, p.target.name) for p in made] == [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    assert [p.recurrent for p in made] == [True, False, False, True]


def project(net, rule=None, weight=1 * pA, delay=1 * ms, port="exc", source="a", target="b"):
    net.project(net[source], net[target], rule or AllToAll(), weight=weight, delay=delay, port=port)


@pytest.mark.parametrize(
    ("do", "kind", "parts"),
    [
        (lambda n: n.population("a", LIFExp(), 1), NetworkError, ["'a'", "already"]),
        (lambda n: n.population("c", LIFExp, 1), NetworkError, ["pass a model", "LIFExp()"]),
        (lambda n: n.population("c", LIFExp(), 0), NetworkError, ["'c'", "at least 1"]),
        (lambda n: n.population("c", LIFExp(tau_m=[1, 2] * ms), 3), ModelError, ["c.tau_m", "(2,)", "(3,)"]),
        (lambda n: n.population("c", LIFExp(), 2, initial={"u": 1 * mV}), NetworkError, ["'u'", "v"]),
        (lambda n: n.population("c", LIFExp(), 2, initial={"v": 1 * ms}), UnitError, ["c.v", "mV"]),
        (lambda n: n.population("c", LIFExp(), 2, positions=np.zeros((3, 2)) * um), NetworkError, ["(3, 2)", "(2, "]),
        (lambda n: n["c"], NetworkError, ["'c'"]),
        (lambda n: project(n, port="ex"), NetworkError, ["'ex'", "did you mean 'exc'"]),
        (lambda n: project(n, weight=1 * nS), UnitError, ["a→b", "weight", "nS", "pA"]),
        (lambda n: project(n, delay=0 * ms), NetworkError, ["a→b", "delay", "at least one time step"]),
        (lambda n: project(n, OneToOne()), NetworkError, ["OneToOne", "4 and 3"]),
        (lambda n: project(n, Edges([0, 4], [0, 0])), NetworkError, ["Edges.pre", "4", "0 … 3"]),
        (lambda n: project(n, Edges([0], [0]), weight=[1, 2] * pA), ModelError, ["weight", "(2,)", "(1,)"]),
        (lambda n: project(n, FixedInDegree(9, allow_multiple=False)), NetworkError, ["FixedInDegree", "allow_multiple"]),
        (lambda n: project(n, FixedTotal(13, allow_multiple=False)), NetworkError, ["13", "12"]),
        (lambda n: project(n, FixedProbability(1.5)), NetworkError, ["FixedProbability", "0 <= p <= 1"]),
        (lambda n: n.stimulate(n["a"], Poisson(8 * Hz), port="exc"), NetworkError, ["port and a weight"]),
        (lambda n: n.stimulate(n["a"], Step(8 * pA), port="exc"), NetworkError, ["needs an input"]),
        (lambda n: n.stimulate(n["a"], Step(8 * mV), input="current"), NetworkError, ["mV", "pA"]),
        (lambda n: n.stimulate(n["a"], Step(8 * pA), input="curent"), NetworkError, ["did you mean 'current'"]),
        (lambda n: n.stimulate(n["a"], TimeArray(np.ones((5, 3)) * pA, 1 * ms), input="current"), NetworkError, ["(5, 3)", "4"]),
        (lambda n: n.stimulate(n["a"], SpikeList([1.0] * ms, [7]), port="exc", weight=1 * pA), NetworkError, ["7", "0 … 3"]),
        (lambda n: n.probe(n["a"], "u"), NetworkError, ["'u'", "v"]),
        (lambda n: n.probe(n["a"], "v", neurons=[4]), NetworkError, ["no such neuron", "4"]),
    ],
)
def test_a_network_refuses_what_does_not_fit(net, do, kind, parts):
    with pytest.raises(kind) as caught:
        do(net)
    says(caught.value, *parts)


def test_populations_of_another_network_are_refused(net):
    other = Network("other")
    stranger = other.population("a", LIFExp(), 4)
    with pytest.raises(NetworkError, match="belongs to another network"):
        net.project(stranger, net["b"], AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: Poisson(-1 * Hz), ["Poisson.rate", "negative"]),
        (lambda: Step(1 * pA, start=5 * ms, stop=5 * ms), ["stop is not after start"]),
        (lambda: SpikeList([1.0, 2.0] * ms, [0]), ["one whole number per time", "(2,)"]),
        (lambda: TimeArray(1 * pA, 1 * ms), ["TimeArray.values", "[times]"]),
        (lambda: Uniform(2 * mV, 1 * mV), ["low must be below high"]),
        (lambda: Normal(0 * mV, 0 * mV), ["standard deviation"]),
        (lambda: Normal(0 * mV, 1 * mV, low=50 * mV), ["almost none"]),
    ],
)
def test_stimuli_and_distributions_refuse_nonsense(make, parts):
    with pytest.raises(NeuropilError) as caught:
        make()
    says(caught.value, *parts)


def test_units_of_a_sine_are_those_of_its_amplitude():
    assert Sine(3 * pA, 8 * Hz).dimension() == pA.dimension


@pytest.mark.parametrize(
    "distribution",
    [Normal(5 * mV, 2 * mV), Normal(5 * mV, 2 * mV, low=4 * mV), LogNormal(5 * mV, 3 * mV), Uniform(1 * mV, 4 * mV)],
)
def test_quantile_and_cdf_are_inverse_and_the_moments_are_as_named(distribution):
    u = (np.arange(20000) + 0.5) / 20000
    x = distribution.quantile(u)
    np.testing.assert_allclose(distribution.cdf(x), u, atol=1e-9)
    assert np.all(np.diff(x) > 0) and x.min() >= distribution.low
    if np.isinf(distribution.low) or distribution.kind == "lognormal":
        assert x.mean() == pytest.approx(5.0, rel=1e-3)
        assert x.std() == pytest.approx(distribution.sd, rel=1e-2)


# --- the zoo's registry --------------------------------------------------------------------------------------------


def test_every_registered_neuron_can_be_made_and_driven():
    for name in neuron_names():
        model = neuron(name)()
        assert isinstance(model, (Neuron, Branched)) and type(model).__doc__
        drive = contract_drive(name)
        network = Network()
        drive.apply(network, network.population("p", model, 2))
        assert {d.port for d in network.drives if d.port} == set(model.spec.ports), f"{name}: a port is not exercised"
        assert {d.input for d in network.drives if d.input} == set(model.spec.inputs), f"{name}: an input is not exercised"
    assert set(DRIVES) == set(NEURONS)


def test_an_unknown_neuron_is_named():
    with pytest.raises(ModelError) as caught:
        neuron("lif_epx")
    says(caught.value, "'lif_epx'", "did you mean 'lif_exp'")
