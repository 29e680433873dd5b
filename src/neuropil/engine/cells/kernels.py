"""Compiled parts of a cell's step that touch single compartments.

All arrays of a block are [compartment * lanes + cell]; `lanes` is the number of cells side by side.
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit


@inner_njit(**KERNEL_FLAGS)
def assemble_bare(lanes, g, out, diagonal, tree):
    """The system where there is no membrane: at ends and branch points of sections.

    Args:
        g, out: the system: diagonal (nS) and current that flows in (pA); elsewhere the loops over membranes have written it.
        diagonal: what of it never changes.
        tree: (…, compartments without membrane) as `CellArrays` has it.
    """
    for i in tree[4]:
        for q in range(i * lanes, (i + 1) * lanes):
            g[q] = diagonal[q]
            out[q] = 0.0


@inner_njit(**KERNEL_FLAGS)
def add_sites(b, lanes, own, g, out, sites):
    """Add what point processes conduct, in the order of the sites.

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
def bring(b, lanes, own, drawn, into):
    """Copy what is drawn for a channel (values [site * own + cell], the site of each element) to its elements in a block."""
    values, sites = drawn
    first = b * lanes
    n = min(lanes, own - first)
    for s in range(sites.size):
        e, o = s * lanes, sites[s] * own + first
        for q in range(n):
            into[e + q] = values[o + q]


@inner_njit(**KERNEL_FLAGS)
def look(b, lanes, own, v, seen, tree):
    """Store the potentials where spikes are detected."""
    trigger, first = tree[2], b * lanes
    for q in range(min(lanes, own - first)):
        seen[first + q] = v[trigger * lanes + q]


@inner_njit(**KERNEL_FLAGS)
def detect(b, lanes, own, v, seen, fired, tree):
    """Mark the cells whose potential has risen through the threshold since `look`."""
    trigger, threshold, first = tree[2], tree[3], b * lanes
    for q in range(min(lanes, own - first)):
        fired[first + q] = 1 if v[trigger * lanes + q] >= threshold and seen[first + q] < threshold else 0


@inner_njit(**KERNEL_FLAGS)
def runaway(b, lanes, own, v, limit):
    """Cells whose root is not within bounds: what goes wrong anywhere reaches the root in the same solution."""
    diverged = 0
    for q in range(min(lanes, own - b * lanes)):
        diverged += 0 if abs(v[q]) < limit else 1
    return diverged
