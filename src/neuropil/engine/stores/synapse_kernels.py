"""What generated synapse kernels call, and what stands around them: filing, activity of targets, sums in fixed order."""

# mypy: ignore-errors
# (Numba infers the types of these functions from their arguments.)

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.numerics import flush_subnormal
from neuropil.engine.stores.buckets import RING, append
from neuropil.engine.stores.deliver import push
from neuropil.plan.operations import Given

ALL_SPIKES = (Given.EMITTED, Given.PUBLISHED, Given.BOUNDS)
"""What kernels are given that record the spikes of all owners."""


@cached_njit(nogil=True)
def file_own(step, published, bounds, rows, buckets):
    """File the segments, within one owner's own synapses, of every neuron that any owner published for `step`."""
    for t in range(bounds.shape[0]):
        for q in range(bounds[t, 0], bounds[t, 1]):
            push(published[t, q], step, 0, 0, 1, rows, buckets)


@cached_njit(nogil=True)
def file_segments(step, published, spikes, first, size, delays, bounds, buckets):
    """File, by their numbers, the segments of every neuron of one population that any owner published for `step`.

    Segments are numbered source by source and delay by delay.
    """
    for t in range(spikes.shape[0]):
        for q in range(spikes[t, 0], spikes[t, 1]):
            _file(published[t, q] - first, step, 0, size, delays, bounds, buckets)


@cached_njit(nogil=True)
def file_segments_again(neurons, emitted, now, first, size, delays, bounds, buckets):
    """File spikes of earlier steps once more, leaving out what arrived before step `now`."""
    for q in range(neurons.size):
        _file(neurons[q] - first, emitted[q], now - 1 - emitted[q], size, delays, bounds, buckets)


@inner_njit(nogil=True)
def _file(source, step, age, size, delays, bounds, buckets):
    if 0 <= source < size:
        for k in range(delays.size):
            number = source * delays.size + k
            if delays[k] > age and bounds[number + 1] > bounds[number]:
                append(buckets, (step + delays[k]) & (buckets[RING] - 1), number)


@cached_njit(nogil=True)
def own_spikes(step, fired, slot, first, neurons, targets, waiting):
    """Keep, by their numbers, an owner's own targets, all sites of the neurons that fired in `step`, until synapses respond."""
    for q in range(fired.size):
        _keep(slot[fired[q]] - first, step, neurons, targets, waiting)


@cached_njit(nogil=True)
def own_spikes_again(spiked, emitted, now, late, slot, first, neurons, targets, waiting):
    """Keep once more the targets among neurons that fired earlier, leaving out those to whom synapses responded before step `now`."""
    for q in range(spiked.size):
        if emitted[q] + late >= now:
            _keep(slot[spiked[q]] - first, emitted[q], neurons, targets, waiting)


@inner_njit(nogil=True)
def _keep(at, step, neurons, targets, waiting):
    if 0 <= at < neurons:
        for target in range(at, targets, neurons):
            append(waiting, step & (waiting[RING] - 1), target)


@cached_njit(nogil=True)
def add_activity(fired, slot, first, neurons, post, jump):
    """Raise the activity `post` of an owner's own targets that fired: `slot` is where each neuron lies."""
    for q in range(fired.size):
        at = slot[fired[q]] - first
        if 0 <= at < neurons:
            for target in range(at, post.size, neurons):
                post[target] += jump


@inner_njit(**KERNEL_FLAGS)
def flush(values):
    """Zero for what has decayed until it is subnormal, which processors handle many times slower."""
    for i in range(np.uint64(values.size)):
        values[i] = flush_subnormal(values[i])


@inner_njit(**KERNEL_FLAGS)
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
