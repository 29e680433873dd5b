"""How many bits a neuron can store by choosing which input contacts which branch (Poirazi & Mel 2001, Neuron 29:779).

A cell of m branches with k synapses each, on d input lines, distinguishes as many patterns as there are ways to fill it: a
branch is a multiset of k of d lines, and the cell a multiset of m branches, or, where branches do nothing, of s = m k lines:

    B_N = 2 log2 C(f + m - 1, m),  f = C(k + d - 1, k);        B_L = 2 log2 C(s + d - 1, s).

The factor 2 is theirs (excitation and inhibition). Whole numbers of Python are exact, so nothing is approximated but the
logarithm at the end.

Args:
    synapses: of the neuron; lines: inputs to choose from.
    branches: their number; per_branch: synapses of each.
"""

from __future__ import annotations

from math import comb, log2


def linear_bits(synapses: int, lines: int) -> float:
    """B_L: the capacity of a neuron without branches, bits."""
    return 2 * log2(comb(synapses + lines - 1, synapses))


def branched_bits(branches: int, per_branch: int, lines: int) -> float:
    """B_N: the capacity of a neuron of nonlinear branches, bits."""
    fillings = comb(per_branch + lines - 1, per_branch)
    return 2 * log2(comb(fillings + branches - 1, branches))
