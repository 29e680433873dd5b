"""Compiled parts of a cell's step that do not depend on its channels: the tree solver and what touches single places.

All arrays of a block are [compartment * lanes + cell]; `lanes` is the number of cells side by side.
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.noalias import noalias_arguments


@inner_njit(**KERNEL_FLAGS)
def assemble(lanes, g, out, tree):
    """Turn what membranes conduct into the system of a step, to which point processes are then added.

    Args:
        g, out: conductance and outward current per area (nS/µm², pA/µm²), replaced by the diagonal (nS) and by the current
            that flows in (pA).
        tree: (parent, axial, area, diagonal, …) as `CablePlan` has them.
    """
    _assemble(lanes, g, out, tree[2], tree[3])


@inner_njit(**KERNEL_FLAGS)
def _assemble(lanes, g, out, area, diagonal):
    noalias_arguments()  # of arrays within a tuple nothing is known
    for i in range(area.size):
        a, d = area[i], diagonal[i]
        e = np.uint64(i * lanes)
        for q in range(e, e + np.uint64(lanes)):
            out[q] = -a * out[q]
            g[q] = d + a * g[q]


@inner_njit(**KERNEL_FLAGS)
def solve(lanes, v, g, out, tree):
    """Advance the potentials v of a block by one implicit step.

    Solved for is the change, not the potential: where axial conductances are large against capacitance / dt, their sum in
    the diagonal loses digits, and what it loses would act as a current of that share times v itself.

    Args:
        v: potentials (mV), replaced by the new ones.
        g, out: diagonal and current that flows in, as assembled; used as scratch.
        tree: (parent, axial, …) as `CablePlan` has them.
    """
    parent, axial = tree[0], tree[1]
    _eliminate(lanes, v, g, out, parent, axial)
    _substitute(lanes, v, g, out, parent, axial)


@inner_njit(**KERNEL_FLAGS)
def _eliminate(lanes, v, d, b, parent, axial):
    """From the leaves to the root, adding axial currents on the way; leaves the reciprocal of each diagonal in d."""
    noalias_arguments()
    one = d.dtype.type(1.0)
    for i in range(parent.size - 1, 0, -1):
        a = axial[i]
        e, p = np.uint64(i * lanes), np.uint64(parent[i] * lanes)
        for q in range(np.uint64(lanes)):
            r = one / d[e + q]
            f = a * r
            flow = a * (v[p + q] - v[e + q])
            own = b[e + q] + flow
            d[p + q] -= f * a
            b[p + q] += f * own - flow
            b[e + q] = own
            d[e + q] = r


@inner_njit(**KERNEL_FLAGS)
def _substitute(lanes, v, d, b, parent, axial):
    """From the root to the leaves: changes into b, potentials into v."""
    noalias_arguments()
    for q in range(np.uint64(lanes)):
        b[q] = b[q] / d[q]
        v[q] += b[q]
    for i in range(1, parent.size):
        a = axial[i]
        e, p = np.uint64(i * lanes), np.uint64(parent[i] * lanes)
        for q in range(np.uint64(lanes)):
            change = (b[e + q] + a * b[p + q]) * d[e + q]
            b[e + q] = change
            v[e + q] += change


@inner_njit(**KERNEL_FLAGS)
def add_sites(b, lanes, own, g, out, sites):
    """Add what point processes conduct, in place order.

    Args:
        g, out: the system as assembled.
        own: cells of this thread; sites: (compartment, conductance, outward current, potential), the last three
            [site * own + cell], conductances in nS and currents in pA.
    """
    compartment, conductance, current, _ = sites
    first = b * lanes
    n = min(lanes, own - first)
    for s in range(compartment.size):
        e, o = compartment[s] * lanes, s * own + first
        for q in range(n):
            g[e + q] += conductance[o + q]
            out[e + q] -= current[o + q]


@inner_njit(**KERNEL_FLAGS)
def read_sites(b, lanes, own, v, sites):
    """Copy the potentials at sites to where point processes read them."""
    compartment, potential = sites[0], sites[3]
    first = b * lanes
    n = min(lanes, own - first)
    for s in range(compartment.size):
        e, o = compartment[s] * lanes, s * own + first
        for q in range(n):
            potential[o + q] = v[e + q]


@cached_njit(**KERNEL_FLAGS)
def read_blocks(lanes, own, v, sites):
    """The same for all blocks, v [blocks, compartments * lanes]: called from Python."""
    for b in range(v.shape[0]):
        read_sites(b, lanes, own, v[b], sites)


@inner_njit(**KERNEL_FLAGS)
def add_at(b, lanes, own, whole, values, sites, per_area):
    """Add currents at sites (pA, [site * own + cell]) to a density in compartments (pA/µm²); per_area: 1/µm², 0 where there is no membrane."""
    compartment = sites[0]
    first = b * lanes
    n = min(lanes, own - first)
    for s in range(compartment.size):
        e, o, w = compartment[s] * lanes, s * own + first, per_area[s]
        for q in range(n):
            whole[e + q] += values[o + q] * w


@inner_njit(**KERNEL_FLAGS)
def read_at(b, lanes, own, whole, values, sites):
    """Copy what compartments have, such as concentrations, to where point processes read it."""
    compartment = sites[0]
    first = b * lanes
    n = min(lanes, own - first)
    for s in range(compartment.size):
        e, o = compartment[s] * lanes, s * own + first
        for q in range(n):
            values[o + q] = whole[e + q]


@inner_njit(**KERNEL_FLAGS)
def look(b, lanes, own, v, seen, tree):
    """Note the potentials where spikes are detected."""
    place, first = tree[4], b * lanes
    for q in range(min(lanes, own - first)):
        seen[first + q] = v[place * lanes + q]


@inner_njit(**KERNEL_FLAGS)
def detect(b, lanes, own, v, seen, fired, tree):
    """Note which cells' potential has risen through the threshold since `look`."""
    place, threshold, first = tree[4], tree[5], b * lanes
    for q in range(min(lanes, own - first)):
        fired[first + q] = 1 if v[place * lanes + q] >= threshold and seen[first + q] < threshold else 0


@inner_njit(**KERNEL_FLAGS)
def runaway(b, lanes, own, v, limit):
    """Cells whose root is not within bounds: what goes wrong anywhere reaches the root in the same solution."""
    diverged = 0
    for q in range(min(lanes, own - b * lanes)):
        diverged += 0 if abs(v[q]) < limit else 1
    return diverged
