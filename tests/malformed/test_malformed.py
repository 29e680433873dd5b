"""Malformed descriptions: each must end in a neuropil error that names the culprit, never in one from inside NumPy.

`SLOTS` is every argument of the public constructors that takes a value; `BAD` is what people, and loaders of other
people's files, put there. Their product, the singular cases below and hypothesis's own inventions are the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malformed.malformed_cases import SINGULAR as CASES
from malformed.malformed_cases import Nothing, one_to_one, pair, population, probe, project, stimulate
from malformed.malformed_learning import LEARNING
from neuropil.errors import NeuropilError
from neuropil.model import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    InhomogeneousPoisson,
    LogNormal,
    Noise,
    Normal,
    Poisson,
    Regular,
    Sine,
    SpikeList,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.model.network.validate import validate
from neuropil.units import Dimension, Hz, Quantity, kHz, mM, ms, mV, pA, um
from neuropil.zoo.circuits.brunel import brunel
from neuropil.zoo.circuits.microcircuit import microcircuit
from neuropil.zoo.circuits.vogels_abbott import vogels_abbott
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp

# --- every slot that takes a quantity, with everything that is none -------------------------------------------------


class Slot(NamedTuple):
    """An argument: how to fill it, its dimension, and the word the error must contain."""

    fill: Callable[[Any], Any]
    dimension: Dimension
    culprit: str
    optional: bool = False  # None is a fair value


SLOTS = {
    "parameter": Slot(lambda v: LIFExp(tau_m=v), ms.dimension, "tau_m"),
    "with_": Slot(lambda v: LIFExp().with_(c_m=v), (pA * ms / mV).dimension, "c_m"),
    "initial": Slot(lambda v: population(initial={"v": v}), mV.dimension, "c.v"),
    "positions": Slot(lambda v: population(positions=v), um.dimension, "positions", optional=True),
    "weight": Slot(lambda v: project(weight=v), pA.dimension, "weight"),
    "delay": Slot(lambda v: project(delay=v), ms.dimension, "delay"),
    "weight one-to-one": Slot(lambda v: one_to_one(weight=v), pA.dimension, "weight"),
    "drive weight": Slot(lambda v: stimulate(Poisson(8 * Hz), port="exc", weight=v), pA.dimension, "weight"),
    "Poisson.rate": Slot(Poisson, kHz.dimension, "Poisson.rate"),
    "InhomogeneousPoisson.rates": Slot(lambda v: InhomogeneousPoisson(v, 1 * ms), kHz.dimension, "rates"),
    "InhomogeneousPoisson.interval": Slot(lambda v: InhomogeneousPoisson([1, 2] * Hz, v), ms.dimension, "interval"),
    "Regular.interval": Slot(Regular, ms.dimension, "Regular.interval"),
    "Regular.start": Slot(lambda v: Regular(1 * ms, start=v), ms.dimension, "Regular.start", optional=True),
    "Regular.stop": Slot(lambda v: Regular(1 * ms, stop=v), ms.dimension, "Regular.stop", optional=True),
    "SpikeList.times": Slot(SpikeList, ms.dimension, "SpikeList.times"),
    "Step.amplitude": Slot(lambda v: stimulate(Step(v), input="current"), pA.dimension, ""),
    "Step.start": Slot(lambda v: Step(1 * pA, start=v), ms.dimension, "Step.start"),
    "Step.stop": Slot(lambda v: Step(1 * pA, stop=v), ms.dimension, "Step.stop", optional=True),
    "Sine.amplitude": Slot(lambda v: stimulate(Sine(v, 1 * Hz), input="current"), pA.dimension, ""),
    "Sine.frequency": Slot(lambda v: Sine(1 * pA, v), kHz.dimension, "Sine.frequency"),
    "Noise.mean": Slot(lambda v: Noise(v, 1 * pA), pA.dimension, "Noise.mean"),
    "Noise.sd": Slot(lambda v: Noise(1 * pA, v), pA.dimension, "Noise"),
    "Noise.interval": Slot(lambda v: Noise(1 * pA, 1 * pA, interval=v), ms.dimension, "Noise.interval", optional=True),
    "TimeArray.values": Slot(lambda v: stimulate(TimeArray(v, 1 * ms), input="current"), pA.dimension, ""),
    "TimeArray.interval": Slot(lambda v: TimeArray([1, 2] * pA, v), ms.dimension, "TimeArray.interval"),
    "Normal.mean": Slot(lambda v: Normal(v, 1 * mV), mV.dimension, "Normal"),
    "Normal.sd": Slot(lambda v: Normal(1 * mV, v), mV.dimension, "Normal"),
    "Normal.low": Slot(lambda v: Normal(1 * mV, 1 * mV, low=v), mV.dimension, "Normal", optional=True),
    "LogNormal.mean": Slot(lambda v: LogNormal(v, 1 * ms), ms.dimension, "LogNormal"),
    "LogNormal.sd": Slot(lambda v: LogNormal(1 * ms, v), ms.dimension, "LogNormal"),
    "Uniform.low": Slot(lambda v: Uniform(v, 1e9 * ms), ms.dimension, "Uniform"),
    "Uniform.high": Slot(lambda v: Uniform(-1e9 * ms, v), ms.dimension, "Uniform"),
    "probe.interval": Slot(lambda v: probe(interval=v), ms.dimension, "interval", optional=True),
    "validate dt": Slot(lambda v: validate(pair()[0], v), ms.dimension, "dt"),
    "periodic": Slot(lambda v: DistanceDependent(np.exp, periodic=v), um.dimension, "periodic", optional=True),
}


# A value, given the dimension of the slot. Lengths and shapes are such that they fit no slot.
BAD: dict[str, Callable[[Dimension], Any]] = {
    "none": lambda d: None,
    "text": lambda d: "12 ms",
    "bytes": lambda d: b"12",
    "true": lambda d: True,
    "object": lambda d: Nothing(),
    "class": lambda d: Nothing,
    "dict": lambda d: {"value": 1},
    "bare number": lambda d: 3.5,
    "bare array": lambda d: np.ones(4),
    "wrong unit": lambda d: 2.0 * mM,
    "wrong unit, array": lambda d: np.ones(4) * mM,
    "nan": lambda d: Quantity(float("nan"), d),
    "nan in an array": lambda d: Quantity(np.array([1.0, np.nan, 1.0, 1.0]), d),
    "infinite": lambda d: Quantity(float("inf"), d),
    "text with a unit": lambda d: Quantity("twelve", d),
    "none with a unit": lambda d: Quantity(None, d),
    "bool with a unit": lambda d: Quantity(True, d),
    "complex": lambda d: Quantity(1 + 2j, d),
    "complex array": lambda d: Quantity(np.ones(4) * 1j, d),
    "objects": lambda d: Quantity(np.array([Nothing(), None], dtype=object), d),
    "ragged": lambda d: Quantity([[1.0], [1.0, 2.0]], d),
    "three axes": lambda d: Quantity(np.ones((2, 2, 2)), d),
    "texts": lambda d: Quantity(np.array(["a", "b"]), d),
    "quantity of a quantity": lambda d: Quantity(Quantity(1.0, d), d),
    "distribution in the wrong unit": lambda d: Normal(1 * mM, 1 * mM),
}


def malformed_values() -> list[Any]:
    return [
        pytest.param(slot, BAD[bad], id=f"{name}-{bad}")
        for name, slot in SLOTS.items()
        for bad in BAD
        if not (bad == "none" and slot.optional)
    ]


@pytest.mark.parametrize(("slot", "bad"), malformed_values())
def test_value_is_refused_by_name(slot: Slot, bad: Callable[[Dimension], Any]) -> None:
    with pytest.raises(NeuropilError) as caught:
        slot.fill(bad(slot.dimension))
    assert slot.culprit in str(caught.value)


# --- one by one --------------------------------------------------------------------------------


SINGULAR = CASES | LEARNING


@pytest.mark.parametrize("case", SINGULAR)
def test_case_is_refused_by_name(case: str) -> None:
    make, culprit = SINGULAR[case]
    with pytest.raises(NeuropilError) as caught:
        make()
    assert culprit in str(caught.value)


def test_enough_of_them() -> None:
    assert len(malformed_values()) + len(SINGULAR) >= 200


def test_all_faults_at_once() -> None:
    net, a, b = pair()
    net.project(a, b, AllToAll(), weight=1 * pA, delay=0.01 * ms, port="exc")
    net.probe(a, "v", interval=0.25 * ms)
    with pytest.raises(NeuropilError, match="2 faults") as caught:
        validate(net, 0.1 * ms)
    assert "a→b" in str(caught.value) and "probe a.v" in str(caught.value)


def test_fair_network_passes() -> None:
    net, a, b = pair()
    net.project(a, b, AllToAll(), weight=1 * pA, delay=Normal(1.5 * ms, 0.75 * ms, low=0.05 * ms), port="exc")
    net.project(a, b, Edges([], []), weight=1 * pA, delay=1 * ms, port="exc")
    net.probe(a, "v", interval=0.3 * ms)
    net.population("c", LIFDelta(t_ref=0 * ms), 1)
    validate(net, 0.1 * ms)


# --- what nobody thought of -------------------------------------------------------------------------------------------

_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(max_size=4), st.binary(max_size=4)
)
_anything = st.one_of(
    _scalars,
    st.lists(_scalars, max_size=4),
    st.dictionaries(st.text(max_size=2), _scalars, max_size=2),
    st.lists(st.lists(_scalars, max_size=3), max_size=3),
)
_units = st.sampled_from([ms.dimension, mV.dimension, pA.dimension, kHz.dimension, um.dimension, (0, 0, 0, 0, 0)])
_values = st.one_of(_anything, st.builds(Quantity, _anything, _units))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(value=_values)
@pytest.mark.parametrize("name", SLOTS)
def test_whatever_comes_no_foreign_error(name: str, value: Any) -> None:
    """Accepted, or refused by neuropil; nothing else."""
    try:
        SLOTS[name].fill(value)
    except NeuropilError as error:
        assert str(error)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(value=_anything)
@pytest.mark.parametrize(
    "make",
    [
        FixedProbability, FixedTotal, FixedInDegree, FixedOutDegree, lambda v: Edges(v, v), DistanceDependent,
        lambda v: population(size=v) if not (isinstance(v, int) and v > 0) else None, lambda v: population(name=v),
        lambda v: population(neuron=v), lambda v: population(initial=v), lambda v: project(port=v),
        lambda v: project(rule=v), lambda v: project(source=v), lambda v: probe(neurons=v), lambda v: probe(variable=v),
        lambda v: SpikeList([1.0] * ms, v), lambda v: stimulate(v), lambda v: stimulate(Step(1 * pA), input=v),
        lambda v: brunel(v), lambda v: vogels_abbott(v), lambda v: microcircuit(scale=v), lambda v: pair()[0][v],
    ],
)  # fmt: skip
def test_whatever_comes_elsewhere(make: Callable[[Any], Any], value: Any) -> None:
    try:
        make(value)
    except NeuropilError as error:
        assert str(error)
