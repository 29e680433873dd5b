"""Graded projections in the engine: the weights on own targets, in the form that the description asks for, and their operations.

How a structured weight matrix is multiplied is said by a builder that is registered for its class, or follows from its equation:

    @npl.register(Circulant, "engine")
    def circulant(matrix, rows): ...      # (kernel, its arguments), see `neuropil.engine.stores.graded_kernels`
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.equation_source import NAME, weights_source
from neuropil.connectivity.draw import edges, numbered_edges
from neuropil.engine.exchange.graded import Published
from neuropil.engine.layout import Layout
from neuropil.engine.stores.circulant import circulant_arguments, multiply_circulant
from neuropil.engine.stores.graded_kernels import (
    gather_sources,
    multiply_blocks,
    multiply_delayed,
    multiply_kronecker,
    multiply_list,
    multiply_matrix,
    multiply_single,
)
from neuropil.lower.equation import parameter_leaves, weights_program
from neuropil.model.base import grid
from neuropil.model.connection.matrices import Blocks, Circulant, Kronecker, Permutation
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.contents.chosen import inverse_index
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.pairs import ends_of
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.graded import LANES, SUMMED, TILE, columns_of
from neuropil.plan.operations import Given, Kernel, Operation, Phase
from neuropil.plan.plan import Plan
from neuropil.registry import nearest_builder, register

Multiplied = tuple[Kernel, tuple[Any, ...]]
"""What multiplies, and its arguments after (k, out, into, published, lag, total)."""


class GradedWeights:
    """The weights of one graded projection on the targets of this process.

    Args:
        plan, layout: the network's.
        projection: as described.
        published: what its sources transmit.
        inputs: of each thread the array of the input, [sites × own neurons]; buffer: what is declared of it.

    Attributes:
        changed: weights that were set, by name; None: those of the description.
    """

    def __init__(self, plan: Plan, layout: Layout, projection: GradedProjection, published: Published, inputs: list[np.ndarray], buffer: Buffer):
        self.plan, self.layout, self.projection, self.published, self.inputs, self.buffer = plan, layout, projection, published, inputs, buffer
        self.real: Any = np.dtype(plan.precision)
        self.changed: dict[str, np.ndarray] | None = None
        p = projection
        self.lag = grid.steps(p.delay, plan.dt, f"projection {p.name}: the delay", least=0) if p.uniform_delay else 0
        self._sums = Buffer(f"chosen sources of {p.name}", plan.precision, 1, Owner.EACH)
        self._chosen = [np.zeros((1, columns_of(p.ends[0])), self.real) for _ in inputs]
        self._own = [self._targets(t) for t in range(len(inputs))]
        self._use([(rows[:0], into[:0]) for rows, into in self._own])

    # --- building ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Take the weights into use."""
        self._use(self._own)

    def _use(self, own: list[tuple[np.ndarray, np.ndarray]]) -> None:
        listed = self.projection.matrix is None and not self.projection.dense
        made = self._lists(own) if listed else [self._rows(rows) for rows, _ in own]
        self.kernel = made[0][0]
        lag = 0 if self._gathers else self.lag
        self._arguments = []
        for t, (_, arguments) in enumerate(made):
            into, seen = own[t][1], self._chosen[t] if self._gathers else self.published.values
            total = np.zeros(-(-into.size // TILE) * TILE + TILE)
            self._arguments.append((self.inputs[t], into, seen, lag, total, *arguments))

    @property
    def _gathers(self) -> bool:
        """The sources of a view are put side by side first."""
        p = self.projection
        return p.sources is not None and (p.matrix is not None or p.dense)

    def _targets(self, t: int) -> tuple[np.ndarray, np.ndarray]:
        """Of a thread's own targets: their indices in the projection's matrix (of listed weights: all own sites), and in the input's array."""
        p = self.projection
        mine = self.layout.slice(p.target, p.part, t)
        if p.matrix is None and not p.dense:
            every = np.arange(mine.neurons * mine.sites)
            return every, every
        within = np.arange(mine.lower, mine.lower + mine.neurons)
        rows = within if p.targets is None else inverse_index(p.targets, p.target.size)[within]
        into = int(p.site or 0) * mine.neurons + np.arange(mine.neurons)
        return rows[rows >= 0], into[rows >= 0]

    def _rows(self, rows: np.ndarray) -> Multiplied:
        """Weights of own targets, as a matrix or with a structure."""
        p = self.projection
        if p.matrix is None:
            return Kernel.of(multiply_matrix), (self._tiles(rows),)
        matrix = p.matrix if self.changed is None else p.matrix.bound(self.changed)
        made: Multiplied = nearest_builder(matrix, "engine", WeightMatrix, "entry")(matrix, rows)
        return made

    def _tiles(self, rows: np.ndarray) -> np.ndarray:
        """[tiles of targets, blocks of sources, SUMMED, TILE], the rest 0."""
        p = self.projection
        blocks, tiles = columns_of(p.ends[0]) // SUMMED, -(-rows.size // TILE)
        w = np.zeros((tiles, blocks, SUMMED, TILE), self.real)
        if not rows.size:
            return w
        weight = self._matrix(rows)
        for b in range(tiles):
            some = weight[:, b * TILE : (b + 1) * TILE]
            padded = np.zeros((blocks * SUMMED, TILE), self.real)
            padded[: p.ends[0], : some.shape[1]] = some
            w[b] = padded.reshape(blocks, SUMMED, TILE)
        return w

    def _matrix(self, rows: np.ndarray | None = None) -> np.ndarray:
        """[sources, targets] (some), within the views."""
        p, columns = self.projection, slice(None) if rows is None else rows
        if self.changed is not None:
            return self.changed["weight"].reshape(p.ends)[:, columns]
        if isinstance(p.weight, (float, np.ndarray)):
            return np.broadcast_to(p.weight, p.ends)[:, columns]
        pre, post, weight, *_ = edges(dataclasses.replace(p, delay=self.plan.dt), self.plan.seed, self.plan.dt)
        matrix = np.zeros(p.ends)
        matrix[p.within(pre, post)] = weight
        return matrix[:, columns]

    def _lists(self, own: list[tuple[np.ndarray, np.ndarray]]) -> list[Multiplied]:
        """Weights of own targets, listed; where each target has one at most, without lists (the bits are the same)."""
        p = self.projection
        drawn = None if all(rows.size == 0 for rows, _ in own) else self._drawn(self.layout.owned(p.target))
        found = [self._listed(t, rows.size, drawn) for t, (rows, _) in enumerate(own)]
        single = p.rule.largest_in_degree(ends_of(p)) <= 1 if drawn is None else all(np.bincount(element).max(initial=0) <= 1 for element, *_ in found)
        made: list[Multiplied] = []
        for (element, pre, weight, steps), (rows, _) in zip(found, own, strict=True):
            bounds, entry = (None, element) if single and p.uniform_delay else side_by_side(element, rows.size)
            length = rows.size if bounds is None else bounds[-1]
            w, source, lags = np.zeros(length, self.real), np.full(length, p.source.size, np.uint32), np.zeros(length, np.int32)
            w[entry], source[entry], lags[entry] = weight, pre, steps
            if bounds is None:
                made.append(one_each(w, source))
            elif p.uniform_delay:
                made.append((Kernel.of(multiply_list), (bounds, w, source)))
            else:
                made.append((Kernel.of(multiply_delayed), (bounds, w, source, lags, np.zeros(LANES, np.int64))))
        return made

    def _listed(self, t: int, size: int, drawn: tuple[np.ndarray, ...] | None) -> tuple[np.ndarray, ...]:
        """Of a thread's own weights the site of the target, the source, the weight and the delay."""
        if drawn is None or not size:
            return np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros(0, int)
        mine = self.layout.slice(self.projection.target, self.projection.part, t)
        which = (drawn[1] >= mine.lower) & (drawn[1] < mine.lower + mine.neurons)
        pre, post, weight, steps, site = (a[which] for a in drawn)
        return site * mine.neurons + post - mine.lower, pre, weight, steps

    def _drawn(self, within: slice | None = None) -> tuple[np.ndarray, ...]:
        """Source, target, weight, delay and site of each weight, by source."""
        p = self.projection
        plain = dataclasses.replace(p, delay=self.plan.dt) if p.uniform_delay else p
        pre, post, weight, steps, site, _ = numbered_edges(plain, self.plan.seed, self.plan.dt, within)
        if self.changed is not None:
            weight = self.changed["weight"]
        return pre, post, weight, steps, site

    # --- weights -------------------------------------------------------------------------------------------------------

    def weights(self) -> dict[str, np.ndarray]:
        """The present weights as they are multiplied: "weight" [weights] by source; by their names the parameters of a structure."""
        p = self.projection
        if p.matrix is not None:
            return {n: np.array(v, float) for n, v in (p.matrix.parameters if self.changed is None else self.changed).items()}
        values = self._matrix().ravel() if p.dense else self._drawn()[2]
        return {"weight": np.asarray(values).astype(self.real).astype(float)}

    def set(self, values: dict[str, np.ndarray] | None) -> None:
        """Take other weights.

        Args:
            values: as of `weights`; None: those of the description.
        """
        if values is not None or self.changed is not None:
            self.changed = values
            self.draw()

    def ends(self) -> tuple[np.ndarray, ...]:
        """Source, target, delay in steps and site of each weight, by source; of a structure, of all pairs."""
        p = self.projection
        if p.matrix is None and not p.dense:
            pre, post, _, steps, site = self._drawn()
            return pre, post, np.full(pre.shape, self.lag) if p.uniform_delay else steps, site
        rows, columns = np.indices(p.ends).reshape(2, -1)
        pre, post = (n if chosen is None else chosen[n] for n, chosen in ((rows, p.sources), (columns, p.targets)))
        order = np.lexsort((post, pre)) if p.matrix is not None else slice(None)
        return pre[order], post[order], np.full(pre.shape, self.lag), np.full(pre.shape, int(p.site or 0))

    # --- running -------------------------------------------------------------------------------------------------------

    def operations(self) -> list[Operation]:
        """What a step does: in the phase of delivery, after stimuli and junctions."""
        p, seen, made = self.projection, self.published.buffer, []
        if self._gathers:
            assert p.sources is not None
            chosen = [(array, self.published.values, self.lag, p.sources) for array in self._chosen]
            made.append(Operation(f"{p.name}: sources", Phase.DELIVERY, Kernel.of(gather_sources), chosen.__getitem__, (Given.STEP,), sets=(self._sums,), reads=(seen,)))
            seen = self._sums
        made.append(Operation(f"{p.name}: graded", Phase.DELIVERY, self.kernel, lambda t: self._arguments[t], (Given.STEP,), adds=(self.buffer,), reads=(seen,)))
        return made


def side_by_side(element: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where listed weights lie: LANES targets side by side, the weights of each one after the other.

    Args:
        element: int64[weights], the target of each, in the order in which they are summed; size: number of targets.

    Returns:
        bounds: int64[chunks + 1], where each LANES targets begin; entry: int64[weights], of each.
    """
    chunks = -(-size // LANES)
    count = np.bincount(element, minlength=chunks * LANES)
    rows = count.reshape(chunks, LANES).max(axis=1, initial=0)
    bounds = np.concatenate([[0], np.cumsum(rows * LANES)]).astype(np.int64)
    order = np.argsort(element, kind="stable")
    rank = np.empty(element.size, np.int64)
    rank[order] = np.arange(element.size) - np.repeat(np.cumsum(count) - count, count)
    return bounds, bounds[element // LANES] + rank * LANES + element % LANES


def one_each(w: np.ndarray, source: np.ndarray) -> Multiplied:
    """One weight for each target.

    Args:
        w: [targets]; source: uint32[targets], of each.
    """
    neighbours = source.size > 0 and np.array_equal(source, source[0] + np.arange(source.size))
    return Kernel.of(multiply_single), (w, source[:1] if neighbours else source)


# --- structured weights --------------------------------------------------------------------------------------------------


@register(WeightMatrix, "engine")
def equation(matrix: WeightMatrix, rows: np.ndarray) -> Multiplied:
    """Weights that are computed anew in every step, by a kernel that is written from their equation.

    Args:
        matrix: the weights, with parameters that are numbers.
        rows: int64[own targets], their indices in the matrix.
    """
    program = weights_program(matrix)
    numbers = program.constants({leaf: matrix.parameters[n] for n, leaf in parameter_leaves(matrix.parameters).items()})
    kernel = load(NAME, weights_source(program))
    return Kernel.of(kernel.multiply), (rows.astype(float), matrix.shape[0], np.array(numbers, float))


@register(Circulant, "engine")
def circulant(matrix: Circulant, rows: np.ndarray) -> Multiplied:
    """By Fourier transforms; see `equation`."""
    return Kernel.of(multiply_circulant), circulant_arguments(_float(matrix, "kernel"), rows)


@register(Permutation, "engine")
def permutation(matrix: Permutation, rows: np.ndarray) -> Multiplied:
    """One source for each target; see `equation`."""
    source = np.argsort(matrix.target)[rows]
    return one_each(np.broadcast_to(_float(matrix, "weight"), matrix.target.shape)[source], source.astype(np.uint32))


@register(Kronecker, "engine")
def kronecker(matrix: Kronecker, rows: np.ndarray) -> Multiplied:
    """One factor after the other; see `equation`."""
    first, second = _float(matrix, "first"), _float(matrix, "second")
    half = np.zeros((first.shape[0], second.shape[1]))
    return Kernel.of(multiply_kronecker), (first, second, half, rows // second.shape[1], rows % second.shape[1])


@register(Blocks, "engine")
def blocks(matrix: Blocks, rows: np.ndarray) -> Multiplied:
    """Own columns of the blocks; see `equation`."""
    weights = _float(matrix, "weights")
    size, columns = weights.shape[1:]
    block, column = rows // columns, rows % columns
    begin = _beginnings(block)
    alike = begin.size * LANES <= 2 * rows.size  # else the room that groups leave empty would cost more than groups of any targets
    if not alike:
        begin = np.arange(0, rows.size, LANES)
    own = np.arange(rows.size)
    group = np.searchsorted(begin, own, "right") - 1
    lane = own - begin[group]
    w, first = np.zeros((begin.size, size, LANES)), np.zeros((begin.size, LANES), np.uint32)
    w[group, :, lane] = weights[block, :, column]
    first[group, lane] = block * size
    return Kernel.of(multiply_blocks), (size, w.ravel(), first[:, 0].copy() if alike else first.ravel(), begin if alike else begin[:0])


def _beginnings(block: np.ndarray) -> np.ndarray:
    """Where groups of targets begin that are neighbours of one block, at most LANES each: int64[groups], for the block of each target."""
    change = np.flatnonzero(np.diff(block, prepend=-1))
    within = np.arange(block.size) - np.repeat(change, np.diff(change, append=block.size))
    return np.flatnonzero(within % LANES == 0)


def _float(matrix: WeightMatrix, name: str) -> np.ndarray:
    return np.array(matrix.parameters[name], float)

