"""Equations without effects: each is traced twice, and both traces must be the same equations.

A model is traced once, so whatever its Python code draws, counts or reads from a clock is one number for all elements and
all steps. Of two traces into one graph, equal equations give equal nodes; where the nodes differ, or where the global
generator of `numpy.random` or `random` has moved, the equation has an effect.
"""

from __future__ import annotations

import random
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from neuropil.errors import ModelError
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.later import jax, jnp
from neuropil.lower.trace import Traced, scalar_jaxpr

ATTEMPTS = 3
"""How often the shared generators are looked at where they alone have moved: another thread may be drawing from them."""

_PURE: WeakKeyDictionary[type, set[tuple[str, ...]]] = WeakKeyDictionary()
"""Classes that were found without effects -> for which of their equations: a sweep asks once."""


def check_pure(traced: Traced) -> None:
    """Refuse equations that change something outside, or that are others at every call.

    Raises:
        ModelError: names the equation and what differed.
    """
    spec, known, names = traced.spec, _PURE.setdefault(type(traced.model), set()), tuple(traced.equations)
    if names in known:
        return
    trees: dict[str, Any] = {"s": dict.fromkeys(spec.states), "x": dict.fromkeys(spec.inputs), "w": dict.fromkeys(spec.ports), "weight": None}
    for name, (equation, of) in traced.equations.items():
        named = [{n: f"p.{n}" for n in spec.parameters}]
        named += [f"{kind}." if trees[kind] is None else {n: f"{kind}.{n}" for n in trees[kind]} for kind in of]  # type: ignore[misc]
        traced_twice(Graph(), equation, named, traced.name, f"{traced.name}.{name}()")
    known.add(names)


def traced_twice(graph: Graph, equation: Any, named: list[Any], owner: str, where: str = "", *, static: tuple[str, ...] = (), remedy: str | None = None) -> list[int]:
    """The nodes of an equation's results, after tracing it twice into the graph.

    Args:
        graph: an empty one.
        equation: a function of trees of scalars.
        named: these trees, with the names of the graph's leaves; those that begin with "p." are static.
        owner: whose equation it is; where: its name, in messages (None: the same).
        static: further leaves that are.
        remedy: what to write instead of an effect; None: as for neurons and synapses.

    Raises:
        ModelError: the equation has an effect.
    """
    for _ in range(ATTEMPTS):
        before = _generators()
        first, second = (_nodes(graph, equation, named, owner, static) for _ in range(2))
        drawn = [source for source, state in _generators().items() if state != before[source]]
        if not drawn or first != second:
            break
    if drawn or first != second:
        raise _error(where or owner, graph, first, second, drawn, remedy)
    return first


def _nodes(graph: Graph, equation: Any, named: list[Any], where: str, static: tuple[str, ...]) -> list[int]:
    """The results of an equation, traced into the graph."""
    closed = scalar_jaxpr(lambda *a: jax.tree.map(lambda v: jnp.asarray(v, "float64"), equation(*a)), *named)
    return absorb(graph, closed, [graph.leaf(n, static=n.startswith("p.") or n in static) for n in jax.tree.leaves(named)], where)


def _generators() -> dict[str, Any]:
    """The states of the generators that everybody shares."""
    kind, words, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return {"numpy.random": (kind, np.asarray(words).tobytes(), *rest), "random": random.getstate()}


def _error(where: str, graph: Graph, first: list[int], second: list[int], drawn: list[str], remedy: str | None) -> ModelError:
    apart = [sorted(graph.literal(n) for n in set(graph.reach(a)) - set(graph.reach(b)) if graph.literal(n) is not None) for a, b in ((first, second), (second, first))]
    numbers = " in the first trace, ".join(", ".join(f"{v:.6g}" for v in values[:3]) for values in apart) if all(apart) else ""
    found = [f"{' and '.join(drawn)} was drawn from"] if drawn else []
    found += [f"{numbers} in the second"] if numbers else ["other operations in the second trace"] if first != second else []
    return ModelError(
        f"{where} has an effect: it does not give the same equations twice", got="; ".join(found),
        expected="equations of states, inputs and parameters alone; they are traced once, so what is drawn or counted then is one number for all neurons and all steps",
        fix=remedy or "for noise, declare an Input and stimulate it: net.stimulate(population, npl.Noise(mean, sd), input=...) (a synapse declares the input `noise`); "
        "for random spikes, define hazard(); for values that differ between neurons, give a parameter or an initial value a distribution; what counts is a State",
    )  # fmt: skip
