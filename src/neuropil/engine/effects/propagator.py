"""Exact propagators of modulated parameters: which matrices they are exponentials of (`neuropil.codegen.propagator_source` writes how they are computed)."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuropil.codegen.effect_source import Propagated
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.codegen.propagator_source import Pattern
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.integrate import Advance
from neuropil.lower.modulation import graft, within_mechanism
from neuropil.lower.propagator import entries


@dataclass(frozen=True)
class Propagation:
    """The propagators of a model, as matrix exponentials.

    Attributes:
        coefficients: graph and nodes of the entries of the matrix; positions: where each stands among those of the pattern.
        entries: leaves of the propagators' entries, with the number of the exponential and the position there.
        pattern: of the matrix.
        spans: float64[kinds], ms, by which the matrix is multiplied; held: of each kind, rows of states that are held, which count as zero.
    """

    coefficients: tuple[Graph, list[int]]
    positions: list[int]
    entries: list[tuple[str, int, int]]
    pattern: Pattern
    spans: np.ndarray
    held: list[list[int]]

    @classmethod
    def of(cls, step: Advance, dt: float, mechanism: str = "") -> Propagation:
        """Of a model's step.

        Args:
            step: of the model.
            dt: ms.
            mechanism: which it is of a membrane, whose leaves carry its name; "": the model is alone.
        """
        system, exact, inputs = step.scheme.system, step.scheme.exact, tuple(step.traced.spec.inputs)
        index: dict[str | None, int] = {n: k for k, n in enumerate((*exact, *inputs, None))}
        at = [*((index[i], index[j]) for i, j in (*system.a, *system.b)), *((index[i], index[None]) for i in system.constant)]
        graph = Graph()
        nodes = graft(graph, system.graph, [*system.a.values(), *system.b.values(), *system.constant.values()], mechanism)
        pattern = Pattern.of(len(index), at)
        held = [[index[n] for n in held if n in exact] for _, held in step.prefixes.values()]
        named = [
            (within_mechanism(parameter_leaf(name), mechanism), kind, pattern.positions.index((index[i], index[j])))
            for kind, prefix in enumerate(step.prefixes) for name, (i, j) in entries(step.scheme, prefix).items()
        ]  # fmt: skip
        spans = np.array([fraction * dt for fraction, _ in step.prefixes.values()])
        return cls((graph, nodes), [pattern.positions.index(p) for p in at], named, pattern, spans, held)

    def wanted(self, spread: bool) -> Propagated:
        """What is to be computed.

        Args:
            spread: whether they differ between elements.
        """
        return Propagated(self.coefficients, self.positions, self.entries, self.pattern, self.held, spread)


@inner_njit(**KERNEL_FLAGS)
def halved(largest, scale, halvings):
    """How often matrices are halved before the polynomial.

    Args:
        largest: float64[n], norms, which are finite.
        scale, halvings: float64[n or more], the factors and how often, the result.

    Returns:
        The most halvings of any.
    """
    for m in range(largest.size):
        scale[m], halvings[m] = 1.0, 0.0
    most, more = np.int64(0), np.int64(1)
    while more:
        more = np.int64(0)
        for m in range(largest.size):
            over = largest[m] * scale[m] > 0.25
            scale[m] = scale[m] * 0.5 if over else scale[m]
            halvings[m] = halvings[m] + 1.0 if over else halvings[m]
            more |= np.int64(1 if over else 0)
        most += more
    return most
