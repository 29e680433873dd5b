"""Networks with graded transmission, one for each form of weights, and how every executor runs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

import neuropil as npl
from neuropil import maths
from neuropil.connectivity.draw import edges
from neuropil.oracle import simulate
from neuropil.units import ms
from neuropil.zoo.neurons.rate import RateUnit

DT, TIME = 0.1 * ms, 4 * ms
A, B = 37, 19


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + sum(shape)).normal(size=shape)


def transmitted(s: Any, p: Any) -> Any:
    """What a rate unit sends: a function of a state and of a parameter that differs between neurons."""
    return maths.tanh(3.0 * s.r - s.h) * p.a


FORMS: dict[str, tuple[Callable[..., Any], ...]] = {
    # name: source, target, rule, weight, delay
    "matrix": (lambda a, b: a, lambda a, b: a, npl.AllToAll, lambda: _random(A, A), lambda: 0 * ms),
    "matrix between views": (lambda a, b: a[[5, 30, 2, 9]], lambda a, b: b[3:12], npl.AllToAll, lambda: _random(4, 9), lambda: 0.2 * ms),
    "one number": (lambda a, b: a, lambda a, b: b, npl.AllToAll, lambda: 0.1, lambda: 0.3 * ms),
    "without self": (lambda a, b: a, lambda a, b: a, lambda: npl.AllToAll(allow_self=False), lambda: 0.1, lambda: 0.1 * ms),
    "drawn": (lambda a, b: a, lambda a, b: b, lambda: npl.FixedProbability(0.3), lambda: npl.Normal(0.0, 1.0), lambda: 0 * ms),
    "drawn delays": (lambda a, b: b, lambda a, b: a, lambda: npl.FixedInDegree(5), lambda: npl.Normal(0.0, 1.0), lambda: npl.Uniform(0.1 * ms, 1 * ms)),
    "one to one, all": (lambda a, b: a, lambda a, b: a, npl.OneToOne, lambda: 0.3, lambda: 0 * ms),
    "one to one": (lambda a, b: a[:B], lambda a, b: b, npl.OneToOne, lambda: _random(B), lambda: 0.1 * ms),
    "circulant": (lambda a, b: a, lambda a, b: a, npl.AllToAll, lambda: npl.Circulant(_random(A)), lambda: 0 * ms),
    "circulant, 16": (lambda a, b: a[3:19], lambda a, b: b[:16], npl.AllToAll, lambda: npl.Circulant(_random(16)), lambda: 0.4 * ms),
    "permutation": (lambda a, b: a[:B], lambda a, b: b, npl.AllToAll, lambda: npl.Permutation(np.argsort(_random(B)), _random(B)), lambda: 0.1 * ms),
    "kronecker": (lambda a, b: a[:12], lambda a, b: b[4:14], npl.AllToAll, lambda: npl.Kronecker(_random(3, 2), _random(4, 5)), lambda: 0.1 * ms),
    "convolution": (lambda a, b: a[3:35], lambda a, b: b[2:10], npl.AllToAll, lambda: npl.Convolution(_random(2, 2, 3, 3), (2, 4, 4)), lambda: 0.1 * ms),
    "pooling": (lambda a, b: a[:36], lambda a, b: b[3:], npl.AllToAll, lambda: npl.Pooling((4, 3, 3), 2, 0.25, stride=1), lambda: 0 * ms),
    "blocks, wide": (lambda a, b: a[1:36], lambda a, b: a[3:37], npl.AllToAll, lambda: npl.Blocks(_random(1, 35, 34)), lambda: 0.2 * ms),
    "blocks, wide, in another order": (lambda a, b: a[1:11], lambda a, b: a[np.arange(27, -1, -1)], npl.AllToAll, lambda: npl.Blocks(_random(2, 5, 14)), lambda: 0.2 * ms),
    "blocks": (lambda a, b: a[:12], lambda a, b: b[:15], npl.AllToAll, lambda: npl.Blocks(_random(3, 4, 5)), lambda: 0 * ms),
}  # fmt: skip


def network(*forms: str) -> npl.Network:
    """Two populations of rate units that differ from each other, joined in these forms."""
    made = npl.Network("graded")
    start = {"r": npl.Uniform(0.0, 1.0), "h": npl.Uniform(-0.5, 0.5)}
    a = made.population("a", RateUnit(a=np.linspace(0.5, 2.0, A)), A, initial=start)
    b = made.population("b", RateUnit(a=1.5), B, initial=start)
    for form in forms:
        source, target, rule, weight, delay = FORMS[form]
        made.project(source(a, b), target(a, b), rule(), weight=weight(), delay=delay(), input="drive", synapse=npl.Graded(transmitted), name=form)
    for population in (a, b):
        made.probe(population, "r", name=population.name)
    return made


def oracle_of(described: npl.Network, time: Any = TIME) -> dict[str, np.ndarray]:
    """The truth. Weights left to chance are those that the engine draws."""
    given = {}
    for p in described.graded:
        if p.matrix is None and not p.dense:
            given[p.name] = edges(dataclasses.replace(p, delay=float(DT.to(ms))) if p.uniform_delay else p, 1, float(DT.to(ms)))
    return simulate(described, time, dt=DT, edges=given).traces
