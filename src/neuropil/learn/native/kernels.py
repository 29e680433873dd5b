"""Kernels between populations: lists of neurons, weights sent along synapses, and the same backward.

Each takes the step k, the row of the tape, and its arrays. A list is made of one step, or of all steps from k up to `row` (`whole`): `first` says where in `who` that of each
step begins, and the kernels that read it do so for the same steps. Sums have one order, that of steps and lists, but for the product of two rows, which is summed in the
lanes of a vector. A matrix is taken in blocks of columns, which stay in a processor's cache over all steps.
"""

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.marked import LINE, bytes_with
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.rows import WIDE, add_listed, eight_products, four_products
from neuropil.codegen.vectors import lowest_bit, wide_vectors

_ONE = np.uint64(1)
NEAREST = 2**15
"""Bytes of a matrix that stay in a processor's nearest cache while they are used over several steps."""


# --- lists ---------------------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def list_codes(k, row, whole, codes, bits, who, first):  # type: ignore[no-untyped-def]
    """Neurons whose code has any of these bits."""
    end = row if whole else k + 1
    found = 0
    for t in range(k, end):
        for line in range(0, codes.shape[1], LINE):
            mask = bytes_with(codes[t], line, bits)
            while mask:
                who[found] = line + lowest_bit(mask)
                found += 1
                mask &= mask - _ONE
        first[t - k + 1] = found


@cached_njit(**KERNEL_FLAGS)
def take_rows(k, row, given, taken):  # type: ignore[no-untyped-def]
    """Rows of the steps from k up to `row`, which are counted around in what is taken."""
    for t in range(k, row):
        at = np.uint64(t % taken.shape[0])
        for i in range(np.uint64(taken.shape[1])):
            taken[at, i] = given[np.uint64(t), i]


@cached_njit(**KERNEL_FLAGS)
def clear_rows(k, row, values):  # type: ignore[no-untyped-def]
    """Set rows of the steps from k up to `row` to zero."""
    for t in range(k, row):
        values[t % values.shape[0]] = 0


@cached_njit(**KERNEL_FLAGS)
def mark(k, row, step, neuron, codes, size, bits):  # type: ignore[no-untyped-def]
    """Set the codes [steps, width] of listed steps and neurons, all others to 0; entries with other steps and neurons are left out, as JAX does."""
    codes[:] = 0
    for q in range(step.size):
        i = neuron[q] + size if neuron[q] < 0 else neuron[q]
        if 0 <= step[q] < codes.shape[0] and 0 <= i < size:
            codes[step[q], i] = bits


@cached_njit(**KERNEL_FLAGS)
def read(codes, bits, numbers):  # type: ignore[no-untyped-def]
    """1 where a code [samples, steps, width] has any of these bits, else 0, as numbers [samples, steps, neurons]."""
    for b in range(numbers.shape[0]):
        for k in range(numbers.shape[1]):
            for i in range(np.uint64(numbers.shape[2])):
                numbers[b, k, i] = np.uint8((codes[b, k, i] & bits) != 0)


# --- what begins and ends a sample ------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def assign(k, row, source, target):  # type: ignore[no-untyped-def]
    """Copy."""
    for i in range(np.uint64(target.size)):
        target[i] = source[i]


@cached_njit(**KERNEL_FLAGS)
def keep(k, row, value, kept):  # type: ignore[no-untyped-def]
    """Put into row k of what is kept."""
    for i in range(np.uint64(value.size)):
        kept[np.uint64(k), i] = value[i]


@cached_njit(**KERNEL_FLAGS)
def restore(k, row, kept, value):  # type: ignore[no-untyped-def]
    """Take from row k of what is kept."""
    for i in range(np.uint64(value.size)):
        value[i] = kept[np.uint64(k), i]


@cached_njit(**KERNEL_FLAGS)
def open_ring(k, row, origin, flight, ring):  # type: ignore[no-untyped-def]
    """What arrives from step k on, from rows counted around from step 0 of the network; step 0 here is step `origin[0]` there."""
    ring[:] = 0
    n = flight.shape[0]
    for t in range(k, k + n):
        ring[t % ring.shape[0]] = flight[(origin[0] + t) % n]


@cached_njit(**KERNEL_FLAGS)
def close_ring(k, row, origin, ring, flight):  # type: ignore[no-untyped-def]
    """The same, the other way."""
    n = flight.shape[0]
    for t in range(k, k + n):
        flight[(origin[0] + t) % n] = ring[t % ring.shape[0]]


# --- all pairs -----------------------------------------------------------------------------------------------------------------


@inner_njit(**KERNEL_FLAGS)
def _add_rows(to, at, rows, listed, q, end, block, width):  # type: ignore[no-untyped-def]
    """Add to one row the listed ones, eight at a time, in order; of `width` columns from `block` on."""
    while q + 8 <= end:
        a, b = np.uint64(listed[q]), np.uint64(listed[q + 1])
        c, d = np.uint64(listed[q + 2]), np.uint64(listed[q + 3])
        e, f = np.uint64(listed[q + 4]), np.uint64(listed[q + 5])
        g, h = np.uint64(listed[q + 6]), np.uint64(listed[q + 7])
        for i in range(width):
            j = block + i
            half = (((to[at, j] + rows[a, j]) + rows[b, j]) + rows[c, j]) + rows[d, j]
            to[at, j] = (((half + rows[e, j]) + rows[f, j]) + rows[g, j]) + rows[h, j]
        q += 8
    while q < end:
        a = np.uint64(listed[q])
        for i in range(width):
            to[at, block + i] += rows[a, block + i]
        q += 1


@inner_njit(**KERNEL_FLAGS)
def _add_block(to, at, rows, listed, q, end, begin, full):  # type: ignore[no-untyped-def]
    """Add to one row the listed ones, in the columns from `begin` on: `full` ones, or the last ones."""
    n = to.shape[1]
    if begin + full <= n:
        add_listed(to, at, np.uint64(begin), rows, listed, q, end)
    else:
        _add_rows(to, at, rows, listed, q, end, np.uint64(begin), np.uint64(n - begin))


@cached_njit(**KERNEL_FLAGS)
def send_dense(k, row, whole, who, first, weight, delay, ring):  # type: ignore[no-untyped-def]
    """Add the rows of a matrix [sources, targets] that belong to spikes, in order."""
    noalias_arguments()
    wide_vectors()
    full = WIDE // weight.itemsize
    for begin in range(0, weight.shape[1], full):
        for t in range(k, row if whole else k + 1):
            _add_block(ring, np.uint64((t + delay) % ring.shape[0]), weight, who, first[t - k], first[t - k + 1], begin, full)


@cached_njit(**KERNEL_FLAGS)
def gather_dense(k, row, whole, who, first, weight, delay, ring_bar, spike_bar, cursor):  # type: ignore[no-untyped-def]
    """What the spikes of the listed neurons would change, through a matrix. Over several steps its rows are taken in blocks that a cache holds; `cursor` says how far the list of
    each step is done."""
    wide_vectors()
    end, sources = row if whole else k + 1, weight.shape[0]
    block = max(8, NEAREST // (weight.shape[1] * weight.itemsize)) if whole else sources
    for t in range(k, end):
        cursor[t - k] = first[t - k]
    for limit in range(block, sources + block, block):
        for t in range(k, end):
            at, mine = np.uint64((t + delay) % ring_bar.shape[0]), np.uint64(t % spike_bar.shape[0])
            q = cursor[t - k]
            last = q
            while last < first[t - k + 1] and who[last] < limit:
                last += 1
            cursor[t - k] = last
            while q + 4 < last:
                eight = eight_products(weight, who, q, last, ring_bar, at)
                for j in range(min(np.int64(8), last - q)):
                    spike_bar[mine, np.uint64(who[q + j])] += eight[j]
                q += 8
            if q < last:
                four = four_products(weight, who, q, last, ring_bar, at)
                for j in range(last - q):
                    spike_bar[mine, np.uint64(who[q + j])] += four[j]


@cached_njit(**KERNEL_FLAGS)
def turn_list(k, row, who, first, when, begin):  # type: ignore[no-untyped-def]
    """The list of all steps from k up to `row` by neuron: its steps, the last one first, stand in `when` from `begin[neuron]` on."""
    begin[:] = 0
    for q in range(first[row - k]):
        begin[who[q] + 1] += 1
    for i in range(1, begin.size):
        begin[i] += begin[i - 1]
    for t in range(k, row):  # filled from the ends, so the last step stands first
        for q in range(first[t - k], first[t - k + 1]):
            begin[who[q] + 1] -= 1
            when[begin[who[q] + 1]] = t
    for i in range(begin.size - 1):
        begin[i] = begin[i + 1]
    begin[begin.size - 1] = first[row - k]


@cached_njit(**KERNEL_FLAGS)
def weigh_dense(k, row, when, begin, lines, weight_bar, delay, ring_bar):  # type: ignore[no-untyped-def]
    """The cotangents of a matrix's rows that belong to spikes; `lines` is room for the rows of the ring."""
    noalias_arguments()
    wide_vectors()
    full = WIDE // weight_bar.itemsize
    for q in range(begin[weight_bar.shape[0]]):
        lines[q] = (when[q] + delay) % ring_bar.shape[0]
    for at in range(0, weight_bar.shape[1], full):
        for source in range(weight_bar.shape[0]):
            _add_block(weight_bar, np.uint64(source), ring_bar, lines, begin[source], begin[source + 1], at, full)


# --- synapse by synapse --------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def send_sparse(k, row, whole, who, first, weight, segment, delay, begin, target, ring):  # type: ignore[no-untyped-def]
    """Add the weights of the synapses of spikes: segments segment[i] to segment[i + 1] of neuron i, each of one delay, with synapses from begin[s] on."""
    noalias_arguments()
    for t in range(k, row if whole else k + 1):
        for q in range(first[t - k], first[t - k + 1]):
            i = np.uint64(who[q])
            for s in range(np.uint64(segment[i]), np.uint64(segment[i + _ONE])):
                at = np.uint64((t + delay[s]) % ring.shape[0])
                for e in range(np.uint64(begin[s]), np.uint64(begin[s + _ONE])):
                    ring[at, np.uint64(target[e])] += weight[e]


@cached_njit(**KERNEL_FLAGS)
def gather_sparse(k, row, whole, who, first, weight, segment, delay, begin, target, ring_bar, spike_bar):  # type: ignore[no-untyped-def]
    """What the spikes of the listed neurons would change, through their synapses."""
    noalias_arguments()
    for t in range(k, row if whole else k + 1):
        mine = np.uint64(t % spike_bar.shape[0])
        for q in range(first[t - k], first[t - k + 1]):
            i = np.uint64(who[q])
            total = weight.dtype.type(0)
            for s in range(np.uint64(segment[i]), np.uint64(segment[i + _ONE])):
                at = np.uint64((t + delay[s]) % ring_bar.shape[0])
                for e in range(np.uint64(begin[s]), np.uint64(begin[s + _ONE])):
                    total += weight[e] * ring_bar[at, np.uint64(target[e])]
            spike_bar[mine, i] += total


@cached_njit(**KERNEL_FLAGS)
def weigh_sparse(k, row, when, turned, weight_bar, segment, delay, begin, target, ring_bar):  # type: ignore[no-untyped-def]
    """The cotangents of the weights of the synapses of spikes."""
    noalias_arguments()
    for source in range(segment.size - 1):
        i = np.uint64(source)
        for q in range(turned[source], turned[source + 1]):
            for s in range(np.uint64(segment[i]), np.uint64(segment[i + _ONE])):
                at = np.uint64((when[q] + delay[s]) % ring_bar.shape[0])
                for e in range(np.uint64(begin[s]), np.uint64(begin[s + _ONE])):
                    weight_bar[e] += ring_bar[at, np.uint64(target[e])]
