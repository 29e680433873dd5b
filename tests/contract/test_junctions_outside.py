"""Junctions that are described outside of the package, one class each: in engine, oracle and rollout.

Why to believe it: the oracle calls the equation on NumPy, the engine runs a kernel that is written from its trace. A rectifier lets
no charge vanish, and none flow back.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil import maths
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.learn.rollout import Rollout
from neuropil.model import Branched
from neuropil.oracle import simulate
from neuropil.units import ms, mV, nS, pA, pF
from neuropil.zoo.neurons.lif import LIFExp

DT, TIME = 0.1 * ms, 30 * ms
PAIRS = [(0, 1), (1, 2), (2, 0), (0, 3), (3, 1)]


class Rectifier(npl.Junction):
    """Lets current flow from the first site of a pair to the second."""

    g: npl.units.Conductance = 4 * nS

    def current(self, v_here, v_there, side):
        return -side * self.g * maths.maximum(side * (v_here - v_there), 0 * mV)


class Saturating(npl.Junction):
    """A conductance that falls with the voltage across it."""

    g: npl.units.Conductance = 4 * nS
    half: npl.units.Voltage = 3 * mV

    def current(self, v_here, v_there):
        across = v_there - v_here
        return self.g * across / (1.0 + (across / self.half) ** 2)


class LouderOhmic(npl.OhmicJunction):
    """A junction of the package with an equation of its own."""

    def current(self, v_here, v_there):
        return 2.0 * self.g * (v_there - v_here)


class Passive(npl.Branch):
    """A leaky branch with an input."""

    c_m: npl.units.Capacitance = 20 * pF
    g_c: npl.units.Conductance = 3 * nS
    e_l: npl.units.Voltage = -70 * mV

    v = npl.State("e_l")
    current = npl.Input(pA)
    v_soma = npl.Input(mV)

    def derivative(self, s, x):
        return {"v": (1 * nS * (self.e_l - s.v) - self.output(s, x) + x.current) / self.c_m}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


G = np.array([5.0, 2.0, 0.5, 7.0, 0.0]) * nS


def network(*junctions: npl.Junction, **parameters) -> npl.Network:
    made = npl.Network("points")
    population = made.population("cells", LIFExp(**parameters), 4)
    made.stimulate(population, npl.Step(np.array([2000.0, 0.0, 0.0, 300.0]) * pA), input="current")
    for junction in junctions:
        made.couple((population, "current"), (population, "current"), PAIRS, junction=junction)
    made.probe(population, "v", name="v")
    return made


@pytest.mark.parametrize(
    "junctions", [(Rectifier(g=G),), (Saturating(half=2 * mV),), (Rectifier(), Saturating(g=G), npl.OhmicJunction(g=1 * nS)), (LouderOhmic(g=G),)],
    ids=["rectifier", "saturating", "three kinds", "louder"],
)  # fmt: skip
def test_engine_and_rollout_equal_the_oracle(junctions):
    described = network(*junctions)
    truth = simulate(described, TIME, dt=DT)
    assert truth.spikes.step.size > 2
    values = []
    for threads in (1, 2, 3):
        result = npl.run(described, TIME, dt=DT, threads=threads, precision="float64")
        assert result.spikes.digest() == truth.spikes.digest()
        values.append(result.traces["v"].values)
        np.testing.assert_allclose(values[-1], truth.traces["v"], rtol=1e-11)
    assert all(np.array_equal(v, values[0]) for v in values)
    calm = network(*junctions, v_th=1e6 * mV)
    np.testing.assert_allclose(Rollout(calm, dt=DT, precision="float64").run(5 * ms).traces["v"], simulate(calm, 5 * ms, dt=DT).traces["v"], rtol=1e-11)


def test_louder_is_not_its_base_class():
    loud, plain = (simulate(network(j, v_th=1e6 * mV), 5 * ms, dt=DT).traces["v"] for j in (LouderOhmic(g=G), npl.OhmicJunction(g=G / 1.0)))
    twice = simulate(network(npl.OhmicJunction(g=2.0 * G), v_th=1e6 * mV), 5 * ms, dt=DT).traces["v"]
    assert np.abs(loud - plain).max() > 0.1
    np.testing.assert_allclose(loud, twice, rtol=1e-12)


def test_a_rectifier_conserves_charge_and_lets_nothing_back():
    """Of two equal membranes without a drive the mean potential follows the membrane alone; the lower first one changes nothing."""
    for start, moves in (([-60.0, -70.0], True), ([-70.0, -60.0], False)):
        made = npl.Network("pair")
        pair = made.population("pair", LIFExp(e_l=-70 * mV), 2, initial={"v": np.array(start) * mV})
        made.couple((pair, "current"), (pair, "current"), [(0, 1)], junction=Rectifier(g=10 * nS))
        made.probe(pair, "v", name="v")
        v = npl.run(made, 20 * ms, dt=DT, threads=1, precision="float64").traces["v"].values + 70.0
        k = np.arange(1, len(v) + 1)
        np.testing.assert_allclose(v.sum(axis=1), 10.0 * np.exp(-0.1 * k / 10.0), rtol=1e-9)
        assert (v[:, start.index(-70.0)].max() > 1e-3) == moves


def test_branches():
    """A rectifier between branches, in the engine as in the oracle."""
    made = npl.Network("branches")
    neuron = Branched(LIFExp(), Passive(), 2, into="current", reads={"v_soma": "v"})
    population = made.population("cells", neuron, 2)
    made.stimulate(population, npl.Step(np.array([90.0, 0.0]) * pA), input="branch.current[0]")
    made.couple((population, "branch.current"), (population, "branch.current"), [(0, 1)], sites=(0, 1), junction=Rectifier(g=2 * nS))
    made.probe(population, "branch.v", name="v")
    truth = simulate(made, 5 * ms, dt=DT).traces["v"]
    assert np.ptp(truth[:, 3]) > 0.0
    np.testing.assert_allclose(npl.run(made, 5 * ms, dt=DT, threads=2, precision="float64").traces["v"].values, truth, rtol=1e-11)


def test_refused():
    class Nothing(npl.Junction):
        g: npl.units.Conductance = 1 * nS

    class NoCurrent(npl.Junction):
        g: npl.units.Conductance = 1 * nS

        def current(self, v_here, v_there):
            return self.g

    made = npl.Network("refused")
    population = made.population("cells", LIFExp(), 4)
    ends = ((population, "current"), (population, "current"), PAIRS)
    with pytest.raises(ModelError, match="define current"):
        made.couple(*ends, junction=Nothing())
    with pytest.raises(UnitError, match=r"NoCurrent.current\(\)"):
        made.couple(*ends, junction=NoCurrent())
    with pytest.raises(NetworkError, match="both given"):
        made.couple(*ends, g=1 * nS, junction=Rectifier())
    with pytest.raises(NetworkError, match="not a junction"):
        made.couple(*ends, junction=3.0)
    with pytest.raises(ModelError, match="wrong shape"):
        made.couple(*ends, junction=Rectifier(g=np.ones(4) * nS))
    with pytest.raises(ModelError, match="number or an array"):
        made.couple(*ends, junction=Rectifier(g=npl.Normal(1 * nS, 0.1 * nS)))
    with pytest.raises(ModelError, match="argument 'v'"):

        class Asks(npl.Junction):
            def current(self, v):
                return v

    assert not made.couplings
