"""What generated synapse kernels call, and what stands around them: filing, activity of targets, sums in fixed order."""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np
from numba import njit

from neuropil.engine.deliver import push
from neuropil.lower.flags import KERNEL_FLAGS
from neuropil.lower.numerics import flush_subnormal


@njit(nogil=True)
def file_own(step, threads, published, count, rows, segments, fill):
    """File the segments, within one thread's own synapses, of every neuron that any owner published in `step`."""
    side = step & 1
    for t in range(threads):
        for q in range(count[side, 8 * t]):
            push(published[side, t, q], step, 0, 0, 1, rows, segments, fill)


@njit(nogil=True)
def file_again(neurons, emitted, now, rows, segments, fill):
    """File spikes of earlier steps once more, leaving out what arrived before step `now`."""
    for q in range(neurons.size):
        push(neurons[q], emitted[q], now - 1 - emitted[q], 0, 1, rows, segments, fill)


@njit(nogil=True)
def file_segments(step, threads, published, count, first, size, delays, bounds, segments, fill):
    """File, by their numbers, the segments of every neuron of one population that any owner published in `step`.

    Segments are numbered source by source and delay by delay; segments[ring, capacity], fill[ring].
    """
    side = step & 1
    for t in range(threads):
        for q in range(count[side, 8 * t]):
            _file(published[side, t, q] - first, step, 0, size, delays, bounds, segments, fill)


@njit(nogil=True)
def file_segments_again(neurons, emitted, now, first, size, delays, bounds, segments, fill):
    """File spikes of earlier steps once more, leaving out what arrived before step `now`."""
    for q in range(neurons.size):
        _file(neurons[q] - first, emitted[q], now - 1 - emitted[q], size, delays, bounds, segments, fill)


@njit(nogil=True)
def _file(source, step, age, size, delays, bounds, segments, fill):
    if 0 <= source < size:
        for k in range(delays.size):
            number = source * delays.size + k
            if delays[k] > age and bounds[number + 1] > bounds[number]:
                row = (step + delays[k]) & (fill.size - 1)
                segments[row, fill[row]] = number
                fill[row] += 1


@njit(nogil=True)
def own_spikes(step, thread, published, count, place, first, neurons, who, many):
    """Keep, by their numbers, a thread's own targets, all sites of the neurons that fired in `step`: who[ring, targets], many[ring]."""
    side, row, n = step & 1, step & (many.size - 1), 0
    for q in range(count[side, 8 * thread]):
        at = place[published[side, thread, q]] - first
        if 0 <= at < neurons:
            for target in range(at, who.shape[1], neurons):
                who[row, n] = target
                n += 1
    many[row] = n


@njit(nogil=True)
def note_own(step, thread, published, count, place, first, neurons, post, jump):
    """Raise the activity `post` of a thread's own targets that fired in `step`: `place` is where each neuron lies."""
    side = step & 1
    for q in range(count[side, 8 * thread]):
        at = place[published[side, thread, q]] - first
        if 0 <= at < neurons:
            for target in range(at, post.size, neurons):
                post[target] += jump


@njit(**KERNEL_FLAGS)
def flush(values):
    """Zero for what has decayed until it is subnormal, which processors handle many times slower."""
    for i in range(np.uint64(values.size)):
        values[i] = flush_subnormal(values[i])


@njit(**KERNEL_FLAGS)
def total(part, n):
    """Sum of part[:n] in float64 and one fixed order: eight running sums, so that each addition need not wait for the last."""
    real = np.float64
    a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = real(0.0)
    whole = n & ~np.uint64(7)
    for i in range(np.uint64(0), whole, np.uint64(8)):
        a0 += part[i]
        a1 += part[i + np.uint64(1)]
        a2 += part[i + np.uint64(2)]
        a3 += part[i + np.uint64(3)]
        a4 += part[i + np.uint64(4)]
        a5 += part[i + np.uint64(5)]
        a6 += part[i + np.uint64(6)]
        a7 += part[i + np.uint64(7)]
    rest = real(0.0)
    for i in range(whole, n):
        rest += part[i]
    return ((a0 + a1) + (a2 + a3)) + ((a4 + a5) + (a6 + a7)) + rest
