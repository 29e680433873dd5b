"""The tree solver: one implicit step of the potentials of a block of cells, side by side.

A vector holds neighbouring cells, and goes through the whole tree: while a compartment's parent is the one before it, which is so
along every unbranched stretch, sums and changes stay in registers. Arrays are [compartment * lanes + cell].
"""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.codegen.vector_values import access, prefer_widest, spread


def _sweep(count):
    """A function that solves for `count` cells, from the cell q on."""
    load, store = access(count)
    everywhere = spread(count)

    @inner_njit(**KERNEL_FLAGS)
    def sweep(q, lanes, v, d, b, parent, axial):
        prefer_widest()
        i = parent.size - 1
        at = i * lanes + q
        one = everywhere(v.dtype.type(1.0))
        potential, diagonal, current = load(v, at), load(d, at), load(b, at)
        while i > 0:  # from the leaves to the root, adding axial currents on the way; leaves the reciprocal of each diagonal in d
            p = parent[i]
            above, before = p * lanes + q, at - lanes
            a = everywhere(axial[i])
            r = one / diagonal
            f = a * r
            parental = load(v, above)
            flow = a * (parental - potential)
            own = current + flow
            store(b, at, own)
            store(d, at, r)
            i -= 1
            at = before
            if p == i:
                diagonal = load(d, at) - f * a
                current = load(b, at) + (f * own - flow)
                potential = parental
            else:
                store(d, above, load(d, above) - f * a)
                store(b, above, load(b, above) + (f * own - flow))
                potential, diagonal, current = load(v, at), load(d, at), load(b, at)
        change = current / diagonal
        store(b, q, change)
        store(v, q, potential + change)
        for i in range(1, parent.size):  # from the root to the leaves: changes into b, potentials into v
            at = i * lanes + q
            a = everywhere(axial[i])
            p = parent[i]
            if p != i - 1:
                change = load(b, p * lanes + q)
            change = (load(b, at) + a * change) * load(d, at)
            store(b, at, change)
            store(v, at, load(v, at) + change)

    return sweep


_sweep_32, _sweep_16, _sweep_8, _sweep_4, _sweep_2, _sweep_1 = (_sweep(count) for count in (32, 16, 8, 4, 2, 1))


@inner_njit(**KERNEL_FLAGS)
def solve(lanes, v, d, b, tree):
    """Advance the potentials v of a block by one implicit step (Hines 1984).

    Solved for is the change, not the potential: where axial conductances are large against capacitance / dt, their sum in
    the diagonal loses digits, and what it loses would act as a current of that share times v itself.

    Args:
        v: potentials (mV), replaced by the new ones.
        d, b: diagonal (nS) and current that flows in (pA), as assembled; used as scratch.
        tree: (parent, axial, …) as `CablePlan` has them.
    """
    parent, axial = tree[0], tree[1]
    q = 0
    while q + 32 <= lanes:
        _sweep_32(q, lanes, v, d, b, parent, axial)
        q += 32
    if lanes & 16:
        _sweep_16(q, lanes, v, d, b, parent, axial)
        q += 16
    if lanes & 8:
        _sweep_8(q, lanes, v, d, b, parent, axial)
        q += 8
    if lanes & 4:
        _sweep_4(q, lanes, v, d, b, parent, axial)
        q += 4
    if lanes & 2:
        _sweep_2(q, lanes, v, d, b, parent, axial)
        q += 2
    if lanes & 1:
        _sweep_1(q, lanes, v, d, b, parent, axial)
