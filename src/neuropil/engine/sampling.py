"""Probes: sample into a thread's buffer.

A sample is written to the row that the buffer's count names; `next_row` ends it.
"""

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit


@inner_njit(**KERNEL_FLAGS)
def due(step, first, every):
    """Whether a sample is taken at the end of a step: the first at the beginning of step `first`, then every so many steps."""
    return step + 1 >= first and (step + 1 - first) % every == 0


@cached_njit(**KERNEL_FLAGS)
def sample(step, first, every, pieces, values, filled):
    """Copy from arrays: for each (array, indices in it, columns of `values`)."""
    if due(step, first, every):
        row = filled[0]
        for source, indices, columns in pieces:
            for j in range(indices.size):
                values[row, columns[j]] = source[indices[j]]


@cached_njit(**KERNEL_FLAGS)
def next_row(step, first, every, filled):
    """End a sample."""
    if due(step, first, every):
        filled[0] += 1


@cached_njit(**KERNEL_FLAGS)
def arrive(step, first, every, exact, counted, real, out):
    """What arrives at a port, before its reader sets it to zero: a whole multiple of the weight scale, counts and real numbers.

    Args:
        exact: (array, indices, table of numbers, row of each element, column of the weight scale); no indices: there are none.
        counted: (array, indices, table, rows, column of the weight, weights of elements); if these are given they count.
        real: (array, indices).
        out: float64[elements].
    """
    if due(step, first, every):
        for j in range(out.size):
            total = 0.0
            if exact[1].size:
                total += exact[0][exact[1][j]] * float(exact[2][exact[3][j], exact[4]])
            if counted[1].size:
                weight = float(counted[5][counted[1][j]]) if counted[5].size else float(counted[2][counted[3][j], counted[4]])
                total += counted[0][counted[1][j]] * weight
            if real[1].size:
                total += real[0][real[1][j]]
            out[j] = total


@cached_njit(**KERNEL_FLAGS)
def axial(step, first, every, v, here, there, bounds, conductance, at, values, filled):
    """Currents that flow into compartments from their neighbours.

    Args:
        v: potentials; here: int64[n], where the compartments lie in it.
        there: int64[links], their neighbours; bounds: int64[n + 1], where those of each begin.
        conductance: float64[links], nS.
        at: columns of `values`.
    """
    if due(step, first, every):
        row = filled[0]
        for j in range(here.size):
            own, total = float(v[here[j]]), 0.0
            for e in range(bounds[j], bounds[j + 1]):
                total += conductance[e] * (float(v[there[e]]) - own)
            values[row, at[j]] = total


@cached_njit(**KERNEL_FLAGS)
def clear(step, first, every, values, filled):
    """Begin a sum with 0."""
    if due(step, first, every):
        values[filled[0], :] = 0.0


@cached_njit(**KERNEL_FLAGS)
def add(step, first, every, given, into, factor, values, filled):
    """Add multiples of what elements gave to columns, in their order.

    Args:
        given: float64[1, elements]; into: int64[elements], columns; factor: float64[elements].
    """
    if due(step, first, every):
        row = filled[0]
        for e in range(into.size):
            values[row, into[e]] += factor[e] * given[0, e]


@cached_njit(**KERNEL_FLAGS)
def potentials(step, first, every, matrix, through, scale, far, values, beyond, filled):
    """Potentials at electrodes, in whole multiples of a unit, so that their sum over the cells of all threads is exact.

    Args:
        matrix: float64[cells, electrodes, compartments], mV/pA.
        through: float64[1, cells * compartments], currents through membranes, pA.
        scale: units in 1 mV; far: mV beyond which a cell's part is not represented.
        values: int64[rows, electrodes]; beyond: uint8[rows, electrodes], where a part was too large or not a number.
    """
    if due(step, first, every):
        row, count = filled[0], matrix.shape[2]
        values[row, :] = 0
        beyond[row, :] = 0
        for c in range(matrix.shape[0]):
            for e in range(matrix.shape[1]):
                total = 0.0
                for k in range(count):
                    total += matrix[c, e, k] * through[0, c * count + k]
                if abs(total) < far:
                    values[row, e] += np.int64(np.rint(total * scale))
                else:
                    beyond[row, e] = 1
