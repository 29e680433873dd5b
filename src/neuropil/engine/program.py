"""The program of a network: its operations in order, as a table that the loop over steps goes through.

Each operation is an entry into its kernel and packed arguments, so a program is data: whatever a network does, nothing is compiled for it but
its kernels, each once for all networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import is_
from typing import Any

import numpy as np
from numba import typeof, types

from neuropil.codegen.ahead import Task, begin, busy_with, take
from neuropil.codegen.entries import packed, words
from neuropil.codegen.linked import entry_of, found
from neuropil.engine import steps
from neuropil.engine.steps import FRAME, GIVEN, PHASES, execute, run
from neuropil.plan.operations import Given, Operation, Phase, Result, TimeTable

_INT, _INTS, _MATRIX = types.int64, types.int64[::1], types.int64[:, ::1]
_RUN = (
    types.Tuple((_MATRIX, _MATRIX, _INTS)), types.Tuple((types.int32[:, :, ::1], types.int64[:, :, :, ::1], _INTS, _INTS)),
    types.Tuple((_INTS, types.int32[::1], _INTS, _INTS, _INTS)), _INTS, _MATRIX, _INTS,
)  # fmt: skip
"""Types of the arguments of the loop."""
_EXECUTE = types.int64, types.int64
_RESULTS = {
    None: steps.NOTHING, Result.FIRED_COUNT: steps.FIRED_COUNT, Result.EVENTS: steps.EVENT_COUNT, Result.DIVERGED: steps.DIVERGED, Result.FAULT: steps.NOTHING,
}  # fmt: skip

AHEAD = 64
"""Steps that are tabulated at least."""

Types = tuple[types.Type, ...]
Linked = tuple[int, dict[Operation, tuple[Types, int]]]


@dataclass(frozen=True)
class Program:
    """Operations in the order in which a step calls them.

    Attributes:
        operations: in order.
    """

    operations: tuple[Operation, ...]

    @cached_property
    def tables(self) -> tuple[TimeTable, ...]:
        """What of the operations' arguments depends on the step alone."""
        return tuple(dict.fromkeys(g for op in self.operations for g in op.given if isinstance(g, TimeTable)))

    @cached_property
    def calls(self) -> tuple[Operation, ...]:
        """The operations as the loop calls them: first those that file what was published, then those with a period, last those that check."""
        return tuple(sorted(self.operations, key=lambda op: 0 if op.phase is Phase.SPIKES else 1 if op.periods else 3 if op.checks else 2))

    @cached_property
    def filing(self) -> int:
        """How many operations file what was published."""
        return sum(op.phase is Phase.SPIKES for op in self.operations)

    @cached_property
    def ticking(self) -> int:
        """How many operations have a period."""
        return sum(bool(op.periods) for op in self.operations)

    @cached_property
    def checking(self) -> int:
        """How many operations check what a run leaves."""
        return sum(op.checks for op in self.operations)

    @cached_property
    def periods(self) -> list[int]:
        """All periods, steps."""
        return sorted({n for op in self.operations for n in op.periods})

    def columns(self, first: int, number: int, precision: str) -> tuple[np.ndarray, int]:
        """The tables for the steps from `first` on: int64[rows, tables], bits of whole numbers, or of values in a precision; and the row of `first`.

        Args:
            number: of steps; of few, those that follow are tabulated as well, since single steps are most often followed by others.
            precision: of the values.
        """
        row = first - self._tabulated[0]
        if not 0 <= row <= len(self._tabulated[1]) - number:
            self._tabulated[:] = first, self._tabulate(first, max(number, AHEAD), precision)
            row = 0
        return self._tabulated[1], row

    @cached_property
    def _tabulated(self) -> list[Any]:
        """The first step of the tables that were made last, and these."""
        return [0, np.empty((0, len(self.tables)), np.int64)]

    def _tabulate(self, first: int, number: int, precision: str) -> np.ndarray:
        columns = np.zeros((number, len(self.tables)), np.int64)
        for j, table in enumerate(self.tables):
            values = table.values(np.arange(first, first + number))
            columns[:, j] = values if table.index else np.asarray(values, precision).view(np.int32 if precision == "float32" else np.int64)
        return columns

    def link(self, own: Sequence[tuple[Any, ...]], precision: str) -> Linked:
        """Compile, or load from the cache, the loop and the kernels.

        Args:
            own: of any owner, the own arguments of `calls`.
            precision: of the run.

        Returns:
            The entry of the loop; for each operation the types of its own arguments, and the entry of its kernel, which holds for arguments of these types alone.
        """
        real = types.float32 if precision == "float32" else types.float64

        def given(g: Given | TimeTable) -> types.Type:
            return GIVEN[g][1] if isinstance(g, Given) else types.int64 if g.index else real

        mine = {op: tuple(map(typeof, arguments)) for op, arguments in zip(self.calls, own, strict=True)}
        wanted = {op: (found(op.kernel), (*map(given, op.given), *mine[op])) for op in self.calls}
        tasks = {op: Task.of(*each) for op, each in wanted.items()}
        execution = Task.of(execute, _EXECUTE)
        begin([Task.of(run, _RUN), *tasks.values(), execution])
        for op, each in wanted.items():
            if not busy_with(tasks[op]):  # what another process compiles is left for last
                entry_of(*each)
        loop = entry_of(run, _RUN)
        take(execution)
        execute.compile(_EXECUTE)
        return loop, {op: (mine[op], entry_of(*each)) for op, each in wanted.items()}


class Calls:
    """The calls of a program in one thread, as the loop reads them. It holds the arrays whose addresses it contains.

    Whatever the loop works on lies packed in memory, and what changes from one run to the next is a few numbers: so a single step costs little.

    Args:
        program: of the network.
        linked: from `Program.link`.
        owner: the thread, among all that share the network.
    """

    def __init__(self, program: Program, linked: Linked, owner: int):
        self._program, (self._loop, self._linked) = program, linked
        self._own = [op.own for op in program.calls]
        self._held: list[tuple[Any, ...]] = [(None,)] * len(program.calls)
        columns = {table: FRAME + j for j, table in enumerate(program.tables)}
        table = np.full((len(program.calls), 5), -1, np.int64)
        copies: list[tuple[int, int]] = []
        sizes = [[words(GIVEN[g][1]) if isinstance(g, Given) else 1 for g in op.given] for op in program.calls]
        begins = [0, *accumulate(sum(s) + sum(map(words, self._linked[op][0])) for s, op in zip(sizes, program.calls, strict=True))]
        self._words = np.zeros(begins[-1], np.uint64)
        self._slices = []
        base = _address(self._words)
        for j, op in enumerate(program.calls):
            to = begins[j]
            for g, size in zip(op.given, sizes[j], strict=True):
                at = GIVEN[g][0] if isinstance(g, Given) else columns[g]
                copies += [(at + w, base + 8 * (to + w)) for w in range(size)]
                to += size
            self._slices.append(slice(to, begins[j + 1]))
            table[j, steps.ENTRY], table[j, steps.ARGUMENTS] = self._linked[op][1], base + 8 * begins[j]
            table[j, steps.RESULT], table[j, steps.COPIES] = _RESULTS[op.result], len(copies)
            if j + 1 == len(program.calls) or program.calls[j + 1].phase is not op.phase or program.calls[j + 1].checks:
                table[j, steps.LAP] = PHASES.index(op.phase.value)
        self._arrays = table, np.array(copies, np.int64).reshape(-1, 2), np.zeros(FRAME + len(columns), np.int64)
        self._call = np.array([0] * steps.PERIODS + program.periods, np.int64)
        self._record = self._call.data  # a number is written three times as fast as into the array
        counts = {steps.OWNER: owner, steps.FILING: program.filing, steps.TICKING: program.ticking, steps.CHECKING: program.checking}
        for entry, number in counts.items():
            self._record[entry] = number
        self._arguments = np.zeros(sum(map(words, _RUN)), np.uint64)
        self._at = _address(self._arguments)
        self._given: tuple[Any, ...] = (None,) * (len(_RUN) - 2)

    def take(self, thread: int, given: tuple[Any, ...]) -> None:
        """Take the arguments of the loop, and the operations' own, as they are now.

        Args:
            thread: which of this process.
            given: exchange, log, clock and columns, as `neuropil.engine.steps.run` takes them.

        Raises:
            TypeError: arguments are of other types than the program was linked for.
        """
        if not all(map(is_, given, self._given)):
            self._given = given
            self._arguments[:] = packed(types.Tuple(_RUN), (self._arrays, *given, self._call))
        held = self._held
        for j, own in enumerate(self._own):
            mine = own(thread)
            if mine is not held[j] and not all(map(is_, mine, held[j])) and not _same(mine, held[j]):
                self._pack(j, mine)

    def run(self, step: int, number: int, unfiled: int, room: int, row: int, ticked: int) -> tuple[int, int, int, int]:
        """Run steps, on what was taken last.

        Args:
            step: the first; number: how many.
            unfiled: steps whose spikes wait to be filed.
            room: for spikes in the stores.
            row: of the columns, for the first step.
            ticked: the step of the last tick.

        Returns:
            Steps done, why it ended, steps whose spikes wait to be filed, the step of the last tick.
        """
        record = self._record
        record[steps.FIRST], record[steps.STEPS], record[steps.UNFILED], record[steps.ROOM], record[steps.ROW], record[steps.TICKED] = step, number, unfiled, room, row, ticked
        why = execute(self._loop, self._at)
        return record[steps.DONE], why, record[steps.UNFILED], record[steps.TICKED]

    def _pack(self, j: int, mine: tuple[Any, ...]) -> None:
        op = self._program.calls[j]
        types_ = self._linked[op][0]
        if tuple(map(typeof, mine)) != types_:
            raise TypeError(f"{op.label}: arguments are of other types than its kernel was compiled for: {[str(typeof(a)) for a in mine]}")
        self._words[self._slices[j]] = [word for t, value in zip(types_, mine, strict=True) for word in packed(t, value)]
        self._held[j] = mine


def _address(array: np.ndarray) -> int:
    """Where an array's data begin."""
    return int(array.__array_interface__["data"][0])


def _same(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Whether tuples hold the same objects, also within tuples in them."""
    return len(some) == len(others) and all(a is b or (type(a) is tuple and type(b) is tuple and _same(a, b)) for a, b in zip(some, others, strict=True))
