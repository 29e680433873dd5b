"""The linear system of a branched cable in JAX: solved in linear time, differentiated without storing the solver's steps.

For every compartment i with parent p(i) the matrix has `diagonal[i]` on its diagonal and -axial[i] at (i, p(i)) and
(p(i), i). It is symmetric, so the gradient of x = A⁻¹ b is one more solve with the same matrix:

    b̄ = A⁻¹ x̄,   d̄_i = -b̄_i x_i,   axial̄_i = b̄_i x_p(i) + b̄_p(i) x_i.

Elimination goes from the leaves to the root, one compartment after the other (Hines 1984, Int. J. Bio-Med. Comput.
15:69). XLA runs such a loop in 13 to 24 ns per compartment for one cell and compiles it in 0.3 s. Eliminating independent
compartments together, in logarithmically many rounds, was no faster for one cell of 1780 compartments (30 against 23 µs)
and took 8 s or more to compile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import dynamic_slice_in_dim as row_of
from jax.lax import dynamic_update_slice_in_dim as with_row


@dataclass(frozen=True)
class Tree:
    """The shape of a system.

    Attributes:
        parent: int[n], the neighbour towards the root; that of the root is not read.
        order: int[n], every compartment after its parent, the root first.
    """

    parent: np.ndarray
    order: np.ndarray

    def diagonal(self, axial: Any) -> Any:
        """Sums of the axial conductances at each compartment, [n, …]; `axial` is [n, …], zero at the root."""
        child = self.order[1:]
        return axial.at[self.parent[child]].add(axial[child])

    def flow(self, axial: Any, v: Any) -> Any:
        """Current into each compartment from its neighbours at potentials v, [n, cells].

        Args:
            axial: conductances to the parents, nS, [n, 1] or [n, cells].
            v: mV, [n, cells].
        """
        child = self.order[1:]
        parent = self.parent[child]
        towards = axial[child] * (v[parent] - v[child])
        return jnp.zeros_like(v).at[child].add(towards).at[parent].add(-towards)

    def solve(self, axial: Any, diagonal: Any, right: Any) -> Any:
        """x with A x = right.

        Args:
            axial: [n, 1] or [n, cells], conductance to the parent.
            diagonal, right: [n, cells].

        Returns:
            [n, cells]; can be differentiated by all three.
        """
        child = self.order[1:]
        parent = self.parent[child]

        def multiply(x: Any) -> Any:
            return (diagonal * x).at[child].add(-axial[child] * x[parent]).at[parent].add(-axial[child] * x[child])

        def solved(_: Any, b: Any) -> Any:
            return self._hines(axial, diagonal, b)

        return jax.lax.custom_linear_solve(multiply, right, solved, symmetric=True)

    def _hines(self, axial: Any, diagonal: Any, right: Any) -> Any:
        n, rank = len(self.order), np.empty(len(self.order), np.int32)
        rank[self.order] = np.arange(n)
        parent = jnp.asarray(rank[self.parent[self.order]])
        g, d, b = axial[self.order], diagonal[self.order], right[self.order]

        def eliminate(k: Any, carry: Any) -> Any:
            d, b = carry
            i = n - 1 - k
            p, mine = parent[i], row_of(g, i, 1)
            share = mine / row_of(d, i, 1)
            return with_row(d, row_of(d, p, 1) - share * mine, p, 0), with_row(b, row_of(b, p, 1) + share * row_of(b, i, 1), p, 0)

        def substitute(i: Any, x: Any) -> Any:
            towards = row_of(g, i, 1) * row_of(x, parent[i], 1)
            return with_row(x, (row_of(x, i, 1) + towards) / row_of(d, i, 1), i, 0)

        d, b = jax.lax.fori_loop(0, n - 1, eliminate, (d, b))
        return jax.lax.fori_loop(1, n, substitute, b.at[0].divide(d[0]))[rank]
