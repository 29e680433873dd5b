"""Kernels between populations: lists of neurons, weights sent along synapses, and the same backward.

Each takes the step, the row of the tape, and its arrays. `who[: count[0]]` lists neurons of the source. Sums have one order, that of the lists, but
for the product of two rows, which is summed in the lanes of a vector.
"""

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.marked import list_marked
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.vectors import wide_vectors

_IN_LANES = {**KERNEL_FLAGS, "fastmath": {"nsz", "afn", "reassoc", "contract"}}


# --- lists ---------------------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def list_codes(k, row, codes, width, bits, who, count):  # type: ignore[no-untyped-def]
    """Neurons whose code of this step has any of these bits."""
    count[0] = list_marked(codes, k * width, width, bits, who)


@cached_njit(**KERNEL_FLAGS)
def list_given(k, row, bounds, spikes, who, count):  # type: ignore[no-untyped-def]
    """Neurons whose spikes are given: those of step k lie between two bounds."""
    found = 0
    for q in range(bounds[k], bounds[k + 1]):
        who[found] = spikes[q]
        found += 1
    count[0] = found


@cached_njit(**KERNEL_FLAGS)
def take_spike_bars(k, row, who, count, spikes_bar, spike_bar):  # type: ignore[no-untyped-def]
    """The cotangents of the spikes of a step, of the listed neurons; zero for the others."""
    spike_bar[:] = 0
    for q in range(count[0]):
        spike_bar[who[q]] = spikes_bar[k, who[q]]


@cached_njit(**KERNEL_FLAGS)
def clear(k, row, values):  # type: ignore[no-untyped-def]
    """Set to zero."""
    values[:] = 0


# --- all to all ----------------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def send_dense(k, row, who, count, weight, delay, ring):  # type: ignore[no-untyped-def]
    """Add the rows of a matrix [sources, targets] that belong to spikes; four at a time, in order."""
    noalias_arguments()
    wide_vectors()
    at, n, found = (k + delay) % ring.shape[0], np.uint64(weight.shape[1]), count[0]
    q = 0
    while q + 4 <= found:
        a, b, c, d = np.uint64(who[q]), np.uint64(who[q + 1]), np.uint64(who[q + 2]), np.uint64(who[q + 3])
        for j in range(n):
            ring[at, j] = (((ring[at, j] + weight[a, j]) + weight[b, j]) + weight[c, j]) + weight[d, j]
        q += 4
    while q < found:
        a = np.uint64(who[q])
        for j in range(n):
            ring[at, j] += weight[a, j]
        q += 1


@inner_njit(**_IN_LANES)
def _product(weight, i, bar, at, n):  # type: ignore[no-untyped-def]
    """Sum of the products of two rows."""
    total = weight.dtype.type(0)
    for j in range(n):
        total += weight[i, j] * bar[at, j]
    return total


@cached_njit(**KERNEL_FLAGS)
def gather_dense(k, row, who, count, weight, delay, ring_bar, spike_bar):  # type: ignore[no-untyped-def]
    """What the spikes of the listed neurons would change, through a matrix."""
    wide_vectors()
    at, n = np.uint64((k + delay) % ring_bar.shape[0]), np.uint64(weight.shape[1])
    for q in range(count[0]):
        i = np.uint64(who[q])
        spike_bar[i] += _product(weight, i, ring_bar, at, n)


@cached_njit(**KERNEL_FLAGS)
def weigh_dense(k, row, who, count, weight_bar, delay, ring_bar):  # type: ignore[no-untyped-def]
    """The cotangents of a matrix's rows that belong to spikes."""
    noalias_arguments()
    wide_vectors()
    at, n = np.uint64((k + delay) % ring_bar.shape[0]), np.uint64(weight_bar.shape[1])
    for q in range(count[0]):
        i = np.uint64(who[q])
        for j in range(n):
            weight_bar[i, j] += ring_bar[at, j]


# --- synapse by synapse --------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def send_sparse(k, row, who, count, weight, first, delay, begin, target, ring):  # type: ignore[no-untyped-def]
    """Add the weights of the synapses of spikes: segments first[i] to first[i + 1] of neuron i, each of one delay, with synapses from begin[s] on."""
    noalias_arguments()
    for q in range(count[0]):
        i = np.uint64(who[q])
        for s in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            at = np.uint64((k + delay[s]) % ring.shape[0])
            for e in range(np.uint64(begin[s]), np.uint64(begin[s + np.uint64(1)])):
                ring[at, np.uint64(target[e])] += weight[e]


@cached_njit(**KERNEL_FLAGS)
def gather_sparse(k, row, who, count, weight, first, delay, begin, target, ring_bar, spike_bar):  # type: ignore[no-untyped-def]
    """What the spikes of the listed neurons would change, through their synapses."""
    noalias_arguments()
    for q in range(count[0]):
        i = np.uint64(who[q])
        total = weight.dtype.type(0)
        for s in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            at = np.uint64((k + delay[s]) % ring_bar.shape[0])
            for e in range(np.uint64(begin[s]), np.uint64(begin[s + np.uint64(1)])):
                total += weight[e] * ring_bar[at, np.uint64(target[e])]
        spike_bar[i] += total


@cached_njit(**KERNEL_FLAGS)
def weigh_sparse(k, row, who, count, weight_bar, first, delay, begin, target, ring_bar):  # type: ignore[no-untyped-def]
    """The cotangents of the weights of the synapses of spikes."""
    noalias_arguments()
    for q in range(count[0]):
        i = np.uint64(who[q])
        for s in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            at = np.uint64((k + delay[s]) % ring_bar.shape[0])
            for e in range(np.uint64(begin[s]), np.uint64(begin[s + np.uint64(1)])):
                weight_bar[e] += ring_bar[at, np.uint64(target[e])]
