"""What the malformed inputs are made with, and those that are one of a kind: name -> (call, word the error must say)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.model import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    InhomogeneousPoisson,
    Input,
    LogNormal,
    Network,
    Neuron,
    Noise,
    Normal,
    OneToOne,
    Poisson,
    Port,
    Regular,
    Sine,
    SpikeList,
    State,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.model.network.validate import validate
from neuropil.units import Hz, Quantity, ms, mV, pA, um
from neuropil.zoo.circuits.brunel import brunel
from neuropil.zoo.circuits.microcircuit import microcircuit
from neuropil.zoo.circuits.vogels_abbott import vogels_abbott
from neuropil.zoo.neurons.lif import LIFExp


def pair(positions: Any = None) -> tuple[Network, Any, Any]:
    """A network of two small populations to misuse."""
    net = Network("misused")
    return net, net.population("a", LIFExp(), 4, positions=positions), net.population("b", LIFExp(), 3)


def project(**change: Any) -> Any:
    net, a, b = pair()
    arguments = {"source": a, "target": b, "rule": AllToAll(), "weight": 1 * pA, "delay": 1 * ms, "port": "exc", **change}
    return net.project(**arguments)


def one_to_one(**change: Any) -> Any:
    net, a, _ = pair()
    arguments = {"rule": OneToOne(), "weight": 1 * pA, "delay": 1 * ms, "port": "exc", **change}
    return net.project(a, a, **arguments)


def stimulate(stimulus: Any, **change: Any) -> Any:
    net, a, _ = pair()
    return net.stimulate(a, stimulus, **change)


def probe(**change: Any) -> Any:
    net, a, _ = pair()
    return net.probe(**{"target": a, "variable": "v", **change})


def population(**change: Any) -> Any:
    return Network("misused").population(**{"name": "c", "neuron": LIFExp(), "size": 4, **change})


class Nothing:
    """An object of nobody's."""


# --- one by one ---------------------------------------------------------------------------------------------------


def _positions() -> Any:
    return np.zeros((4, 2)) * um


def _spatial(rule: Any, positions: Any = None) -> Any:
    net, a, _ = pair(positions)
    net.project(a, a, rule, weight=1 * pA, delay=1 * ms, port="exc")
    return validate(net, 0.1 * ms)


def validated(**change: Any) -> Any:
    net, a, b = pair()
    arguments = {"rule": AllToAll(), "weight": 1 * pA, "delay": 1 * ms, "port": "exc", **change}
    net.project(a, b, **arguments)
    return validate(net, 0.1 * ms)


def _driven(stimulus: Any, **where: Any) -> Any:
    net, a, _ = pair()
    net.stimulate(a, stimulus, **where)
    return validate(net, 0.1 * ms)


def _probed(**change: Any) -> Any:
    net, a, _ = pair()
    net.probe(a, "v", **change)
    return validate(net, 0.1 * ms)


def _sized(neuron: Any) -> Any:
    net = Network("misused")
    net.population("c", neuron, 4)
    return validate(net, 0.1 * ms)


def _model(**body: Any) -> Any:
    annotations = body.pop("annotations", {})
    return type("Mine", (Neuron,), {"__annotations__": annotations, "__module__": __name__, **body})


def _twice() -> Any:
    net, _, _ = pair()
    return net.population("a", LIFExp(), 1)


def _twice_probed() -> Any:
    net, a, _ = pair()
    net.probe(a, "v")
    return net.probe(a, "v")


SINGULAR: dict[str, tuple[Callable[[], Any], str]] = {
    # Neurons
    "unknown parameter": (lambda: LIFExp(tau=1 * ms), "tau"),
    "unknown parameter, with_": (lambda: LIFExp().with_(x=1), "x"),
    "assignment": (lambda: setattr(LIFExp(), "tau_m", 1 * ms), "tau_m"),
    "state from nowhere": (lambda: _model(v=State("e_l")), "e_l"),
    "state of text": (lambda: _model(v=State(None)), "Mine.v"),
    "state of a list": (lambda: _model(v=State([1, 2])), "Mine.v"),
    "port without a unit": (lambda: _model(p=Port("pA")), "Mine.p"),
    "input without a unit": (lambda: _model(p=Input(None)), "Mine.p"),
    "unknown integrator": (lambda: _model(integrator="rk5"), "rk5"),
    "integrator of no text": (lambda: _model(integrator=4), "integrator"),
    "unknown spikes_on": (lambda: _model(spikes_on="peak"), "peak"),
    "refractory without a time": (lambda: _model(refractory="t_ref"), "t_ref"),
    "clamps nothing": (lambda: _model(clamps=("u",), v=State(0.0)), "u"),
    "clamps without refractory": (lambda: _model(clamps=("v",), v=State(0.0)), "refractory"),
    "parameter without a unit": (lambda: _model(annotations={"k": Any}), "Mine.k"),
    "parameter of text": (lambda: _model(annotations={"k": float}, k="3"), "Mine.k"),
    "tau zero": (lambda: _sized(LIFExp(tau_m=0 * ms)), "tau_m"),
    "tau negative": (lambda: _sized(LIFExp(tau_exc=-1 * ms)), "tau_exc"),
    "tau negative in an array": (lambda: _sized(LIFExp(tau_inh=[1, 1, -1, 1] * ms)), "tau_inh"),
    "tau drawn below zero": (lambda: _sized(LIFExp(tau_m=Normal(10 * ms, 5 * ms))), "tau_m"),
    "capacitance zero": (lambda: _sized(LIFExp(c_m=Quantity(0.0, (1, -1, 1, 0, 0)))), "c_m"),
    "refractory negative": (lambda: _sized(LIFExp(t_ref=-2 * ms)), "t_ref"),
    "refractory endless": (lambda: _sized(LIFExp(t_ref=1e30 * ms)), "t_ref"),
    # Populations
    "no name": (lambda: population(name=""), "name"),
    "name of no text": (lambda: population(name=3), "name"),
    "name with a dot": (lambda: population(name="a.b"), "a.b"),
    "name with a slash": (lambda: population(name="a/b"), "a/b"),
    "name taken": (_twice, "'a'"),
    "class for a model": (lambda: population(neuron=LIFExp), "LIFExp"),
    "text for a model": (lambda: population(neuron="LIFExp"), "neuron"),
    "none for a model": (lambda: population(neuron=None), "neuron"),
    "size zero": (lambda: population(size=0), "empty"),
    "size negative": (lambda: population(size=-3), "'c'"),
    "size of a fraction": (lambda: population(size=4.0), "size"),
    "size true": (lambda: population(size=True), "size"),
    "size of text": (lambda: population(size="4"), "size"),
    "size none": (lambda: population(size=None), "size"),
    "size beyond memory": (lambda: population(size=10**30), "size"),
    "array parameter of another length": (lambda: population(neuron=LIFExp(tau_m=[1, 2, 3] * ms)), "tau_m"),
    "empty array parameter": (lambda: population(neuron=LIFExp(tau_m=np.ones(0) * ms)), "tau_m"),
    "initial of a parameter": (lambda: population(initial={"tau_m": 1 * ms}), "tau_m"),
    "initial of another length": (lambda: population(initial={"v": [1, 2] * mV}), "c.v"),
    "initial of a list": (lambda: population(initial=["v"]), "initial"),
    "initial of a number": (lambda: population(initial=3), "initial"),
    "initial keyed by a number": (lambda: population(initial={3: 1 * mV}), "3"),
    "positions of one axis": (lambda: population(positions=np.zeros(4) * um), "positions"),
    "positions of four axes": (lambda: population(positions=np.zeros((4, 4)) * um), "positions"),
    "positions of fewer neurons": (lambda: population(positions=np.zeros((3, 2)) * um), "positions"),
    "no such population": (lambda: pair()[0]["c"], "c"),
    "population by number": (lambda: pair()[0][0], "0"),
    "population by a list": (lambda: pair()[0][[]], "[]"),
    # Projections
    "unknown port": (lambda: project(port="ex"), "ex"),
    "port none": (lambda: project(port=None), "port"),
    "port of a list": (lambda: project(port=["exc"]), "port"),
    "source by name": (lambda: project(source="a"), "source"),
    "target by name": (lambda: project(target="b"), "target"),
    "no source": (lambda: project(source=()), "source"),
    "source none": (lambda: project(source=None), "source"),
    "source of another network": (lambda: project(source=pair()[1]), "another network"),
    "rule by name": (lambda: project(rule="all"), "rule"),
    "rule by class": (lambda: project(rule=AllToAll), "rule"),
    "rule none": (lambda: project(rule=None), "rule"),
    "one-to-one of unequal sizes": (lambda: project(rule=OneToOne()), "OneToOne"),
    "delay zero": (lambda: project(delay=0 * ms), "delay"),
    "delay negative": (lambda: project(delay=-1 * ms), "delay"),
    "delays partly negative": (lambda: project(rule=Edges([0, 1], [0, 1]), delay=[1, -1] * ms), "delay"),
    "weights of another shape": (lambda: project(weight=np.ones((3, 4)) * pA), "weight"),
    "weights of unknown number": (lambda: project(rule=FixedProbability(0.5), weight=np.ones(6) * pA), "weight"),
    "fewer weights than edges": (lambda: project(rule=Edges([0, 1], [0, 1]), weight=np.ones(1) * pA), "weight"),
    "delay below dt": (lambda: validated(delay=0.04 * ms), "delay"),
    "one delay below dt": (lambda: validated(rule=Edges([0, 1], [0, 1]), delay=[1, 0.01] * ms), "delay"),
    "delays drawn below dt": (lambda: validated(delay=Normal(1.5 * ms, 0.75 * ms)), "delay"),
    "delays drawn from zero": (lambda: validated(delay=Uniform(0 * ms, 1 * ms)), "delay"),
    "delay of an age": (lambda: validated(delay=1e12 * ms), "delay"),
    # Rules
    "probability above one": (lambda: FixedProbability(1.5), "FixedProbability"),
    "probability negative": (lambda: FixedProbability(-0.1), "FixedProbability"),
    "probability nan": (lambda: FixedProbability(float("nan")), "FixedProbability.p"),
    "probability of text": (lambda: FixedProbability("0.1"), "FixedProbability.p"),
    "probability none": (lambda: FixedProbability(None), "FixedProbability.p"),
    "probability true": (lambda: FixedProbability(True), "FixedProbability.p"),
    "probability of a list": (lambda: FixedProbability([0.1]), "FixedProbability.p"),
    "probability with a unit": (lambda: FixedProbability(0.1 * ms), "FixedProbability.p"),
    **{
        f"{rule.__name__} of {name}": (lambda rule=rule, value=value: rule(value), rule.__name__)
        for rule in (FixedTotal, FixedInDegree, FixedOutDegree)
        for name, value in {
            "a fraction": 1.5, "a negative": -1, "text": "3", "none": None, "true": True, "nan": float("nan"),
            "a list": [3], "a quantity": 3 * ms, "an array": np.array([1, 2]),
        }.items()
    },
    "in-degree beyond the sources": (lambda: project(rule=FixedInDegree(5, allow_multiple=False)), "FixedInDegree"),
    "out-degree beyond the targets": (lambda: project(rule=FixedOutDegree(4, allow_multiple=False)), "FixedOutDegree"),
    "total beyond the pairs": (lambda: project(rule=FixedTotal(13, allow_multiple=False)), "FixedTotal"),
    "edges of unequal length": (lambda: Edges([0, 1], [0]), "Edges"),
    "edges of fractions": (lambda: Edges([0.5], [0]), "Edges.pre"),
    "edges of text": (lambda: Edges(["a"], [0]), "Edges.pre"),
    "edges of bools": (lambda: Edges([0], [True]), "Edges.post"),
    "edges ragged": (lambda: Edges([[0], [1, 2]], [0]), "Edges.pre"),
    "edges none": (lambda: Edges(None, [0]), "Edges.pre"),
    "edges of one number": (lambda: Edges(0, 0), "Edges.pre"),
    "edges of two axes": (lambda: Edges([[0]], [[0]]), "Edges.pre"),
    "edges of objects": (lambda: Edges([Nothing()], [0]), "Edges.pre"),
    "edges of a quantity": (lambda: Edges([0, 1] * ms, [0, 1]), "Edges.pre"),
    "edge from a negative": (lambda: project(rule=Edges([-1], [0])), "Edges.pre"),
    "edge from beyond": (lambda: project(rule=Edges([4], [0])), "Edges.pre"),
    "edge to beyond": (lambda: project(rule=Edges([0], [3])), "Edges.post"),
    "sparse of a list": (lambda: Edges.from_sparse([[1]]), "from_sparse"),
    "distance without a function": (lambda: DistanceDependent(0.3), "DistanceDependent"),
    "distance without positions": (lambda: _spatial(DistanceDependent(np.exp)), "positions"),
    "distance with a failing function": (lambda: _spatial(DistanceDependent(lambda d: d.x), _positions()), "probability"),
    "distance to more than one": (lambda: _spatial(DistanceDependent(lambda d: d + 2), _positions()), "probability"),
    "distance to nan": (lambda: _spatial(DistanceDependent(lambda d: d * np.nan), _positions()), "probability"),
    "distance to a number": (lambda: _spatial(DistanceDependent(lambda d: 0.5), _positions()), "probability"),
    "distance to text": (lambda: _spatial(DistanceDependent(lambda d: "no"), _positions()), "probability"),
    "box of three sides for two": (
        lambda: _spatial(DistanceDependent(lambda d: 0 * d, periodic=[1, 1, 1] * um), _positions()), "periodic"
    ),
    "box of no size": (lambda: DistanceDependent(np.exp, periodic=[0, 1] * um), "periodic"),
    "box negative": (lambda: DistanceDependent(np.exp, periodic=-1 * um), "periodic"),
    # Distributions
    "normal without spread": (lambda: Normal(1 * mV, 0 * mV), "Normal"),
    "normal of two units": (lambda: Normal(1 * mV, 1 * ms), "Normal.sd"),
    "normal of bounds reversed": (lambda: Normal(0 * mV, 1 * mV, low=2 * mV, high=1 * mV), "Normal"),
    "normal of bounds far away": (lambda: Normal(0 * mV, 1 * mV, low=90 * mV), "Normal"),
    "lognormal negative": (lambda: LogNormal(-1 * ms, 1 * ms), "LogNormal"),
    "uniform reversed": (lambda: Uniform(2 * ms, 1 * ms), "Uniform"),
    "uniform of no width": (lambda: Uniform(1 * ms, 1 * ms), "Uniform"),
    # Stimuli
    "not a stimulus": (lambda: stimulate(8 * Hz, port="exc", weight=1 * pA), "stimulus"),
    "stimulus class": (lambda: stimulate(Poisson, port="exc", weight=1 * pA), "stimulus"),
    "events without a port": (lambda: stimulate(Poisson(1 * Hz), weight=1 * pA), "port"),
    "events without a weight": (lambda: stimulate(Poisson(1 * Hz), port="exc"), "weight"),
    "events into an input": (lambda: stimulate(Poisson(1 * Hz), input="current", weight=1 * pA), "port"),
    "events into no port": (lambda: stimulate(Poisson(1 * Hz), port="e", weight=1 * pA), "'e'"),
    "current without an input": (lambda: stimulate(Step(1 * pA)), "input"),
    "current into no input": (lambda: stimulate(Step(1 * pA), input="i"), "'i'"),
    "current into a port": (lambda: stimulate(Step(1 * pA), port="exc"), "input"),
    "current with a weight": (lambda: stimulate(Step(1 * pA), input="current", weight=1 * pA), "input"),
    "current in volts": (lambda: stimulate(Step(1 * mV), input="current"), "unit"),
    "current of other neurons": (lambda: stimulate(Step([1, 2] * pA), input="current"), "amplitude"),
    "input by a list": (lambda: stimulate(Step(1 * pA), input=[]), "input"),
    "rate negative": (lambda: Poisson(-1 * Hz), "Poisson.rate"),
    "rate drawn negative": (lambda: Poisson(Normal(8 * Hz, 8 * Hz)), "Poisson.rate"),
    "rates of other neurons": (lambda: stimulate(Poisson([1, 2] * Hz), port="exc", weight=1 * pA), "rate"),
    "rates of no time": (lambda: InhomogeneousPoisson(np.ones((0, 4)) * Hz, 1 * ms), "rates"),
    "rates of one number": (lambda: InhomogeneousPoisson(1 * Hz, 1 * ms), "rates"),
    "rates of other columns": (
        lambda: stimulate(InhomogeneousPoisson(np.ones((2, 3)) * Hz, 1 * ms), port="exc", weight=1 * pA), "column"
    ),
    "currents of other columns": (lambda: stimulate(TimeArray(np.ones((2, 3)) * pA, 1 * ms), input="current"), "column"),
    "interval zero": (lambda: Regular(0 * ms), "Regular.interval"),
    "interval negative": (lambda: TimeArray([1] * pA, -1 * ms), "TimeArray.interval"),
    "interval drawn": (lambda: Regular(Uniform(1 * ms, 2 * ms)), "Regular.interval"),
    "regular stops first": (lambda: Regular(1 * ms, start=5 * ms, stop=2 * ms), "Regular"),
    "step stops first": (lambda: Step(1 * pA, start=5 * ms, stop=2 * ms), "Step"),
    "step starts below zero": (lambda: Step(1 * pA, start=-5 * ms), "Step.start"),
    "step starts by chance": (lambda: Step(1 * pA, start=Uniform(1 * ms, 2 * ms), stop=3 * ms), "Step.start"),
    "phase with a unit": (lambda: Sine(1 * pA, 1 * Hz, phase=1 * ms), "Sine.phase"),
    "phase of text": (lambda: Sine(1 * pA, 1 * Hz, phase="0"), "Sine.phase"),
    "spread negative": (lambda: Noise(0 * pA, -1 * pA), "Noise.sd"),
    "spread in volts": (lambda: Noise(1 * pA, 1 * mV), "Noise"),
    "spike before zero": (lambda: SpikeList([-1.0] * ms), "SpikeList.times"),
    "spikes of two axes": (lambda: SpikeList([[1.0]] * ms), "SpikeList.times"),
    "spike times drawn": (lambda: SpikeList(Uniform(1 * ms, 2 * ms)), "SpikeList.times"),
    "spikes of fewer neurons": (lambda: SpikeList([1.0, 2.0] * ms, [0]), "SpikeList.neurons"),
    "spikes of half neurons": (lambda: SpikeList([1.0] * ms, [0.5]), "SpikeList.neurons"),
    "spikes of named neurons": (lambda: SpikeList([1.0] * ms, ["a"]), "SpikeList.neurons"),
    "spikes of ragged neurons": (lambda: SpikeList([1.0, 2.0] * ms, [[0], [1, 2]]), "SpikeList.neurons"),
    "spikes beyond the population": (lambda: stimulate(SpikeList([1.0] * ms, [4]), port="exc", weight=1 * pA), "neuron"),
    "spike at zero": (lambda: _driven(SpikeList([0.0] * ms), port="exc", weight=1 * pA), "SpikeList"),
    "rate of megahertz": (lambda: _driven(Poisson(1e9 * Hz), port="exc", weight=1 * pA), "Poisson"),
    "interval off the grid": (lambda: _driven(TimeArray([1, 2] * pA, 0.25 * ms), input="current"), "TimeArray"),
    "target by name, driven": (lambda: pair()[0].stimulate("a", Step(1 * pA), input="current"), "target"),
    # Probes
    "unknown variable": (lambda: probe(variable="u"), "u"),
    "variable none": (lambda: probe(variable=None), "None"),
    "variable of a list": (lambda: probe(variable=["v"]), "v"),
    "interval zero, probe": (lambda: probe(interval=0 * ms), "interval"),
    "interval drawn, probe": (lambda: probe(interval=Uniform(1 * ms, 2 * ms)), "interval"),
    "neurons beyond": (lambda: probe(neurons=[4]), "probe"),
    "neurons negative": (lambda: probe(neurons=[-1]), "probe"),
    "neurons of fractions": (lambda: probe(neurons=[0.5]), "probe"),
    "neurons of text": (lambda: probe(neurons="all"), "probe"),
    "neurons ragged": (lambda: probe(neurons=[[0], [1, 2]]), "probe"),
    "neurons of two axes": (lambda: probe(neurons=[[0, 1]]), "probe"),
    "neurons of bools": (lambda: probe(neurons=[True, False]), "probe"),
    "neurons by a bad slice": (lambda: probe(neurons=slice("a", None)), "probe"),
    "probe twice": (_twice_probed, "a.v"),
    "probe target by name": (lambda: probe(target="a"), "target"),
    "probe of a list": (lambda: probe(target=[]), "target"),
    "probe of no neurons": (lambda: _probed(neurons=[]), "probe"),
    "probe off the grid": (lambda: _probed(interval=0.25 * ms), "0.2 or 0.3 ms"),
    "probe below the grid": (lambda: _probed(interval=0.05 * ms), "0.1 ms"),
    # Networks and circuits
    "validate none": (lambda: validate(None, 0.1 * ms), "network"),
    "empty network": (lambda: validate(Network("void"), 0.1 * ms), "void"),
    "dt zero": (lambda: validate(pair()[0], 0 * ms), "dt"),
    "dt negative": (lambda: validate(pair()[0], -0.1 * ms), "dt"),
    "dt drawn": (lambda: validate(pair()[0], Uniform(1 * ms, 2 * ms)), "dt"),
    "published of no dict": (lambda: Network("n", published=3), "published"),
    "name of no text, network": (lambda: Network(3), "name"),
    "microcircuit of no size": (lambda: microcircuit(scale=0), "scale"),
    "microcircuit too large": (lambda: microcircuit(scale=2), "scale"),
    "microcircuit of text": (lambda: microcircuit(scale="1"), "scale"),
    "microcircuit driven by what": (lambda: microcircuit(drive="ac"), "drive"),
    "microcircuit with a bare delay": (lambda: microcircuit(shortest_delay=0.1), "Normal.low"),
    "brunel of no regime": (lambda: brunel("E"), "regime"),
    "brunel of a number": (lambda: brunel(3), "regime"),
    "brunel of no order": (lambda: brunel(order=0), "order"),
    "brunel of text": (lambda: brunel(order="big"), "order"),
    "vogels_abbott of what": (lambda: vogels_abbott("hh"), "synapses"),
    "vogels_abbott of a list": (lambda: vogels_abbott(["cuba"]), "synapses"),
    "vogels_abbott of one": (lambda: vogels_abbott(size=1), "size"),
    "vogels_abbott of nan": (lambda: vogels_abbott(scale=float("nan")), "scale"),
}
