"""Kernels of what flows into inputs in every step: weights times what elements sent, and the same backward.

Each takes the step k, the row of the tape, and its arrays. What was sent in step t stands in row t of `value`, counted around. Sums have one order, that of the lists or of the
sources, but for the product of two rows, which is summed in the lanes of a vector.
"""

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.codegen.vectors import wide_vectors

_IN_LANES = {**KERNEL_FLAGS, "fastmath": {"nsz", "afn", "reassoc", "contract"}}


# --- what was sent before ----------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def open_past(k, row, past, value):  # type: ignore[no-untyped-def]
    """Fill in what was sent before step k, the latest first; the rest is zero."""
    value[:] = 0
    for j in range(past.shape[0]):
        value[(k - 1 - j) % value.shape[0]] = past[j]


@cached_njit(**KERNEL_FLAGS)
def close_past(k, row, value, past):  # type: ignore[no-untyped-def]
    """The same, the other way."""
    for j in range(past.shape[0]):
        past[j] = value[(k - 1 - j) % value.shape[0]]


@cached_njit(**KERNEL_FLAGS)
def keep_past(k, row, value, kept):  # type: ignore[no-untyped-def]
    """Put what was sent before step `row` into entry k of what is kept, [copies, longest delay, n]."""
    for j in range(kept.shape[1]):
        kept[k, j] = value[(row - 1 - j) % value.shape[0]]


@cached_njit(**KERNEL_FLAGS)
def restore_past(k, row, kept, value):  # type: ignore[no-untyped-def]
    """Take it from there."""
    for j in range(kept.shape[1]):
        value[(row - 1 - j) % value.shape[0]] = kept[k, j]


# --- weight by weight ---------------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def flow_listed(k, row, value, pre, post, delay, weight, flow):  # type: ignore[no-untyped-def]
    """Add weights times what their sources sent a delay before."""
    for e in range(np.uint64(weight.size)):
        at = (k - delay[e]) % value.shape[0]
        flow[np.uint64(post[e])] += weight[e] * value[np.uint64(at), np.uint64(pre[e])]


@cached_njit(**KERNEL_FLAGS)
def gather_listed(k, row, flow_bar, pre, post, delay, weight, value_bar):  # type: ignore[no-untyped-def]
    """What the sources' values would change."""
    for e in range(np.uint64(weight.size)):
        at = (k - delay[e]) % value_bar.shape[0]
        value_bar[np.uint64(at), np.uint64(pre[e])] += weight[e] * flow_bar[np.uint64(post[e])]


@cached_njit(**KERNEL_FLAGS)
def weigh_listed(k, row, flow_bar, pre, post, delay, value, weight_bar):  # type: ignore[no-untyped-def]
    """The cotangents of the weights."""
    for e in range(np.uint64(weight_bar.size)):
        at = (k - delay[e]) % value.shape[0]
        weight_bar[e] += value[np.uint64(at), np.uint64(pre[e])] * flow_bar[np.uint64(post[e])]


# --- all pairs ------------------------------------------------------------------------------------------------------------------------


@cached_njit(**KERNEL_FLAGS)
def flow_matrix(k, row, value, pre, post, delay, weight, room, flow):  # type: ignore[no-untyped-def]
    """Add a matrix [sources, targets] times what the sources sent; `room` is for the targets of the matrix."""
    wide_vectors()
    at, n = np.uint64((k - delay[0]) % value.shape[0]), np.uint64(room.size)
    room[:] = 0
    for source in range(weight.shape[0]):
        i = np.uint64(source)
        x = value[at, np.uint64(pre[i])]
        for j in range(n):
            room[j] += weight[i, j] * x
    for j in range(n):
        flow[np.uint64(post[j])] += room[j]


@inner_njit(**KERNEL_FLAGS)
def _pick(values, post, room, n):  # type: ignore[no-untyped-def]
    for j in range(n):
        room[j] = values[np.uint64(post[j])]


@inner_njit(**_IN_LANES)
def _product(weight, i, room, n):  # type: ignore[no-untyped-def]
    total = weight.dtype.type(0)
    for j in range(n):
        total += weight[i, j] * room[j]
    return total


@cached_njit(**KERNEL_FLAGS)
def gather_matrix(k, row, flow_bar, pre, post, delay, weight, room, value_bar):  # type: ignore[no-untyped-def]
    """What the sources' values would change, through a matrix."""
    wide_vectors()
    at, n = np.uint64((k - delay[0]) % value_bar.shape[0]), np.uint64(room.size)
    _pick(flow_bar, post, room, n)
    for source in range(weight.shape[0]):
        i = np.uint64(source)
        value_bar[at, np.uint64(pre[i])] += _product(weight, i, room, n)


@cached_njit(**KERNEL_FLAGS)
def weigh_matrix(k, row, flow_bar, pre, post, delay, value, room, weight_bar):  # type: ignore[no-untyped-def]
    """The cotangents of a matrix."""
    wide_vectors()
    at, n = np.uint64((k - delay[0]) % value.shape[0]), np.uint64(room.size)
    _pick(flow_bar, post, room, n)
    for source in range(weight_bar.shape[0]):
        i = np.uint64(source)
        x = value[at, np.uint64(pre[i])]
        for j in range(n):
            weight_bar[i, j] += x * room[j]
