"""What the compiled operations of modulators have in common: when they act, what was released, sums as NumPy makes them, what is recorded."""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.model.base.grid import TOLERANCE

EPSILON = float(np.finfo(float).eps)
MOST_STEPS = float(1 << 30)
ALWAYS = np.ones(1, np.int64)
"""Ticks of what is called outside of a step."""


@inner_njit(**KERNEL_FLAGS)
def is_tick(step, ticks):
    """Whether a step is a multiple of any of some numbers (int64[n])."""
    due = False
    for every in ticks:
        due |= step % every == 0
    return due


@inner_njit(**KERNEL_FLAGS)
def refractory_steps(period, dt, steps):
    """The nearest number of steps of refractory periods, as `neuropil.model.base.grid.nearest` has it.

    Args:
        period: float64[1 or n], ms.
        dt: ms.
        steps: int32[n], the result.

    Returns:
        1 if there is one of too many steps, else 0.
    """
    long = np.int64(0)
    for i in range(steps.size):
        exact = period[i if period.size > 1 else 0] / dt
        nearest = np.floor(exact + 0.5 + max(TOLERANCE, 4.0 * EPSILON * abs(exact)))
        fits = nearest <= MOST_STEPS
        long |= np.int64(0 if fits else 1)
        steps[i] = np.int32(nearest if fits else 0.0)
    return long


@cached_njit(**KERNEL_FLAGS)
def count_spikes(published, bounds, nuclei, counts):
    """Count everyone's spikes of a step in nuclei.

    Args:
        published: int32[owners, room], neurons that fired.
        bounds: int64[owners, 8], where those of the step begin and end.
        nuclei: int64[releases, 3], first neuron, the one after the last, and the place of the first in `counts`.
        counts: int64[neurons of all nuclei].
    """
    for owner in range(bounds.shape[0]):
        for q in range(bounds[owner, 0], bounds[owner, 1]):
            neuron = np.int64(published[owner, q])
            for r in range(nuclei.shape[0]):
                if nuclei[r, 0] <= neuron < nuclei[r, 1]:
                    counts[nuclei[r, 2] + neuron - nuclei[r, 0]] += 1


@cached_njit(**KERNEL_FLAGS)
def commit(moved, staged, which, numbers, staged_targets, rows, targets):
    """Let constants that have been made take the place of those that kernels read.

    Args:
        moved: int64[2], whether there are any.
        staged, numbers: float[constants], those that are one number, as made and as read; which: int64[n], those that may have changed.
        staged_targets, targets: float[constants, targets], likewise those that differ between targets; rows: int64[n].

    Returns:
        0.
    """
    if moved[0]:
        for j in which:
            numbers[j] = staged[j]
        for r in rows:
            for n in range(targets.shape[1]):
                targets[r, n] = staged_targets[r, n]
    return np.int64(0)


@inner_njit(**KERNEL_FLAGS)
def released_since(doses, nuclei, amounts, sites, counts, released):
    """What doses and spikes since the last tick make of concentrations; both begin anew.

    Args:
        doses: float64[2], the dose, and the most that may be supplied and released in a tick.
        nuclei, counts: as of `count_spikes`.
        amounts: float64[releases], by which a spike raises the mean concentration.
        sites: int64[neurons of all nuclei], the place into which each releases; -1: everywhere alike.
        released: float64[places], the result.
    """
    released[:] = doses[0]
    doses[0] = 0.0
    for r in range(nuclei.shape[0]):
        start, size = nuclei[r, 2], nuclei[r, 1] - nuclei[r, 0]
        if size > 0 and sites[start] >= 0:
            scattered(counts[start : start + size], sites[start : start + size], amounts[r] * released.size, released)
        else:
            total = np.int64(0)
            for j in range(start, start + size):
                total += counts[j]
            rise = amounts[r] * np.float64(total)
            for i in range(released.size):
                released[i] += rise
    counts[:] = 0


@inner_njit(**KERNEL_FLAGS)
def scattered(counts, sites, amount, released):
    """Add amount * spikes at each place: spikes of a place are counted first."""
    whole = np.zeros(released.size)
    for j in range(counts.size):
        whole[sites[j]] += np.float64(counts[j])
    for i in range(released.size):
        released[i] += amount * whole[i]


@inner_njit(**KERNEL_FLAGS)
def limited(given, released, cap, resting):
    """Hold what is supplied (`given`, one or each place), and what is released beside it, to a cap of their mean.

    Args:
        given, released: changed in place; cap: infinite without a limit; resting: nothing is supplied.
    """
    if resting:
        given[:] = 0.0
    if cap == np.inf:
        return
    for i in range(given.size):
        given[i] = cap if given[i] > cap else given[i]
    total = mean(released, np.arange(released.size))
    room = cap - mean(given, np.arange(given.size))
    if total > room:
        for i in range(released.size):
            released[i] = released[i] * (room / total)


@inner_njit(**KERNEL_FLAGS)
def recorded(c, places, starts, samples, filled):
    """Append the mean concentration over each watched population.

    Args:
        c: float64[places].
        places: int64[cells of all populations], of each cell.
        starts: int64[populations + 1], where the cells of each begin among these.
        samples: float64[rows, populations]; with no rows nothing is recorded.
        filled: int64[1], rows in use.
    """
    if samples.shape[0] == 0:
        return
    for p in range(samples.shape[1]):
        samples[filled[0], p] = mean(c, places[starts[p] : starts[p + 1]])
    filled[0] += 1


SHORT_SUM = 128
"""So many terms NumPy sums without dividing them in two."""


@inner_njit(**KERNEL_FLAGS)
def mean(values, places):
    """The mean of values at some places, in the order in which NumPy sums: halves of halves down to 128 terms, these by eights."""
    begin, count, stage, left = np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros(64, np.int64), np.zeros(64)
    depth, total = 0, 0.0
    count[0] = places.size
    while depth >= 0:
        if count[depth] <= SHORT_SUM:
            total = summed(values, places, begin[depth], count[depth])
            depth -= 1
            continue
        half = count[depth] // 2
        half -= half % 8
        if stage[depth] == 2:
            total = left[depth] + total
            depth -= 1
            continue
        if stage[depth] == 0:
            begin[depth + 1], count[depth + 1] = begin[depth], half
        else:
            left[depth] = total
            begin[depth + 1], count[depth + 1] = begin[depth] + half, count[depth] - half
        stage[depth] += 1
        depth += 1
        stage[depth] = 0
    return total / np.float64(places.size)


@inner_njit(**KERNEL_FLAGS)
def summed(values, places, begin, count):
    """The sum of `count` values at places from `begin` on."""
    total = 0.0
    if count < 8:
        for q in range(begin, begin + count):
            total += values[places[q]]
        return total
    whole = count - count % 8
    e0 = e1 = e2 = e3 = e4 = e5 = e6 = e7 = 0.0
    for q in range(begin, begin + whole, 8):
        e0 += values[places[q]]
        e1 += values[places[q + 1]]
        e2 += values[places[q + 2]]
        e3 += values[places[q + 3]]
        e4 += values[places[q + 4]]
        e5 += values[places[q + 5]]
        e6 += values[places[q + 6]]
        e7 += values[places[q + 7]]
    total = ((e0 + e1) + (e2 + e3)) + ((e4 + e5) + (e6 + e7))
    for q in range(begin + whole, begin + count):
        total += values[places[q]]
    return total
