"""Weights with a structure that is described outside of the package, one class each: in engine, oracle and rollout.

Why to believe it: the oracle makes the matrix from the equation, the engine runs a kernel that is written from its trace, or one that is
registered, and never makes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest

import neuropil as npl
from neuropil import maths
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.learn.rollout import Rollout
from neuropil.oracle import simulate
from neuropil.plan.operations import Kernel
from neuropil.units import ms, mV, nM, nS, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.rate import RateUnit

DT, TIME, N = 0.1 * ms, 4 * ms, 23


@dataclass(frozen=True, eq=False)
class Hat(npl.WeightMatrix):
    """Weights that fall with the distance of two neurons on a ring."""

    n: int
    height: Any = 1.0
    width: float = 0.4

    @property
    def shape(self):
        return self.n, self.n

    def entry(self, source, target):
        apart = 2 * math.pi * (source - target) / self.n
        return self.height * maths.exp((maths.cos(apart) - 1) / self.width**2)


@dataclass(frozen=True, eq=False)
class OuterProduct(npl.WeightMatrix):
    """Weights of rank one: a[source] · b[target]."""

    a: Any
    b: Any

    @property
    def shape(self):
        return len(self.a), len(self.b)

    def entry(self, source, target):
        return self.a[source] * self.b[target]

    def product(self, x):
        return (x @ self.a) * self.b

    @property
    def multiply_adds(self):
        return float(len(self.a) + len(self.b))


@cached_njit(**KERNEL_FLAGS)
def multiply_outer(k, out, into, published, lag, total, a, b):
    x = published[(k - lag) & (published.shape[0] - 1)]
    projected = 0.0
    for j in range(a.size):
        projected += a[j] * np.float64(x[j])
    for i in range(into.size):
        out[into[i]] += projected * b[i]


@npl.register(OuterProduct, "engine")
def outer(matrix, rows):
    return Kernel.of(multiply_outer), (np.array(matrix.a), np.array(matrix.b)[rows])


MATRICES = {
    "equation": lambda: Hat(N, 0.7),
    "kernel": lambda: OuterProduct(np.linspace(-1.0, 1.0, N), np.cos(np.arange(N))),
}  # fmt: skip


def network(matrix: npl.WeightMatrix) -> npl.Network:
    made = npl.Network("outside")
    units = made.population("units", RateUnit(), N, initial={"r": npl.Uniform(0.0, 1.0)})
    made.project(units, units, npl.AllToAll(), weight=matrix, delay=0.2 * ms, input="drive", synapse=npl.Graded("r"), name="made")
    made.probe(units, "r", name="r")
    return made


@pytest.mark.parametrize("kind", MATRICES)
def test_engine_and_rollout_equal_the_oracle(kind):
    described = network(MATRICES[kind]())
    truth = simulate(described, TIME, dt=DT).traces["r"]
    values = [npl.run(described, TIME, dt=DT, threads=threads, precision="float64").traces["r"].values for threads in (1, 2, 3)]
    np.testing.assert_allclose(values[0], truth, rtol=0, atol=1e-13)
    assert all(np.array_equal(v, values[0]) for v in values)
    np.testing.assert_allclose(Rollout(described, dt=DT, precision="float64").run(TIME).traces["r"], truth, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", MATRICES)
def test_gradients_reach_the_parameters(kind):
    with jax.enable_x64(True):
        rollout = Rollout(network(MATRICES[kind]()), dt=DT, precision="float64")
        state, inputs = rollout.initial(), rollout.inputs(10)

        def loss(parameters):
            return (rollout.apply(parameters, state, inputs).traces["r"] ** 2).sum()

        gradient = jax.jit(jax.grad(loss))(rollout.parameters)["graded"]["made"]
        value, own = jax.jit(loss), rollout.parameters["graded"]["made"]
        for name, values in own.items():
            step = np.random.default_rng(1).normal(size=np.shape(values)) * 1e-5
            up, down = (float(value({**rollout.parameters, "graded": {"made": {**own, name: values + s}}})) for s in (step, -step))
            assert float((np.asarray(gradient[name]) * step).sum()) * 2 == pytest.approx(up - down, rel=1e-5)


def test_what_does_not_fit_is_refused():
    made = npl.Network("refused")
    units, cells = made.population("units", RateUnit(), N), made.population("cells", LIFExp(), N)
    given = {"delay": 0 * ms, "input": "drive", "synapse": npl.Graded("r")}

    @dataclass(frozen=True, eq=False)
    class Nothing(npl.WeightMatrix):
        shape = (N, N)

    with pytest.raises(NetworkError, match=r"define Nothing\.entry"):
        made.project(units, units, npl.AllToAll(), weight=Nothing(), **given)
    with pytest.raises(ModelError, match="wrong shape"):
        made.project(units, units, npl.AllToAll(), weight=Hat(N - 1), **given)
    with pytest.raises(UnitError, match="wrong unit"):
        made.project(units, units, npl.AllToAll(), weight=Hat(N, 3 * pA), **given)
    with pytest.raises(UnitError, match="nS"):  # potentials into a current
        made.project(cells, cells, npl.AllToAll(), weight=Hat(N, 3 * pA), delay=0 * ms, input="current", synapse=npl.Graded())
    with pytest.raises(NetworkError, match="join all pairs"):
        made.project(units, units, npl.AllToAll(allow_self=False), weight=Hat(N), **given)
    with pytest.raises(ModelError, match="not finite"):
        made.project(units, units, npl.AllToAll(), weight=Hat(N, np.nan), **given)
    with pytest.raises(NetworkError, match="which state"):
        made.project(units, units, npl.AllToAll(), weight=1.0, delay=0 * ms, input="drive", synapse=npl.Graded())
    with pytest.raises(NetworkError, match="no state 'v'"):
        made.project(units, units, npl.AllToAll(), weight=1.0, delay=0 * ms, input="drive", synapse=npl.Graded("v"))
    with pytest.raises(NetworkError, match="has no input"):
        made.project(units, units, npl.AllToAll(), weight=1.0, delay=0 * ms, input="syn", synapse=npl.Graded("r"))
    with pytest.raises(NetworkError, match="has no port"):
        made.project(units, units, npl.AllToAll(), weight=1.0, delay=0 * ms, port="syn", input="drive", synapse=npl.Graded("r"))
    with pytest.raises(NetworkError, match="has no structure"):
        made.project(units, units, npl.AllToAll(), weight=1.0, structure=npl.Rewiring(10 * ms, eliminate=1 / ms), **given)
    with pytest.raises(NetworkError, match="must not be negative"):
        made.project(units, units, npl.AllToAll(), weight=1.0, **{**given, "delay": -1 * ms})
    with pytest.raises(ModelError, match="no state 'absent'"):
        made.project(units, units, npl.AllToAll(), weight=1.0, delay=0 * ms, input="drive", synapse=npl.Graded(lambda s, p: s.absent))
    with pytest.raises(ModelError, match="permutation"):
        npl.Permutation([0, 0, 1])
    with pytest.raises(NetworkError, match="graded transmission"):
        made.project(cells, cells, npl.AllToAll(), weight=Hat(N, 3 * pA), delay=1 * ms, port="exc")
    assert not made.graded
    made.project(cells, cells, npl.AllToAll(), weight=Hat(N, 3 * nS), delay=0 * ms, input="current", synapse=npl.Graded(lambda s, p: s.v + 65 * mV))
    made.project(units, units, npl.AllToAll(), weight=1.0, **{**given, "delay": 0.15 * ms}, name="off the grid")
    with pytest.raises(NetworkError, match="off the grid: the delay"):
        npl.Simulation(made, dt=DT)
    for refused in (
        lambda: made.probe(made.graded[0], "weight", interval=1 * ms), lambda: made.normalise(made.graded[0], 1 * nS, interval=1 * ms),
        lambda: made.modulator("m", npl.FirstOrder(tau=10 * ms, baseline=0 * nM), volume=[made.graded[0]]),
    ):  # fmt: skip
        with pytest.raises(NetworkError, match="graded projection"):
            refused()
