"""The loop over steps: it calls a network's operations, one after the other, by a table of their entries.

There is one loop for all networks. What a network does is the table, its arguments and its copies (`neuropil.engine.program`).
"""

from __future__ import annotations

from numba import types

from neuropil.codegen.entries import call_entry, store_word
from neuropil.codegen.flags import PROGRAM_FLAGS
from neuropil.codegen.kernel_cache import cached_njit, inner_njit
from neuropil.engine.clock import cycles
from neuropil.engine.exchange.exchange import alarmed, meet
from neuropil.engine.exchange.spikes import EVENTS, MEETINGS, account, log_spikes
from neuropil.plan.operations import Given, Phase

PHASES = tuple(phase.value for phase in Phase)
"""Names of the phases, in the order of the clock's entries."""
SAMPLED = 17
"""One step in so many is timed, so that reading the processor's counter costs nothing; odd, as some work is done every other step."""
TIMED_STEPS = len(PHASES)
"""The clock's entry that counts the steps that were timed."""
_SPIKES, _MODULATION, _WAITING = (PHASES.index(phase.value) for phase in (Phase.SPIKES, Phase.MODULATION, Phase.WAITING))

GIVEN: dict[Given, tuple[int, types.Type]] = {
    Given.STEP: (0, types.int64), Given.NEXT_STEP: (1, types.int64), Given.EMITTED: (2, types.int64), Given.FIRED_COUNT: (3, types.int64),
    Given.PUBLISHED: (4, types.int32[:, ::1]), Given.BOUNDS: (9, types.int64[:, ::1]), Given.OWN_SPIKES: (14, types.int32[::1]), Given.FIRED: (17, types.int32[::1]),
}  # fmt: skip
"""Where in the frame, the words that the loop brings up to date, each thing that it hands to kernels begins; and its type."""
(_STEP, _NEXT, _EMITTED, _COUNT, _PUBLISHED, _BOUNDS, _OWN, _FIRED) = (at for at, _ in GIVEN.values())
FRAME = 20
"""Words of the frame before what depends on the step alone."""

ENTRY, ARGUMENTS, RESULT, LAP, COPIES = range(5)
"""Columns of the table: address of the kernel's entry; of its arguments; what is done with its result; the phase that ends with it, or -1; where its
copies end."""
OWNER, FIRST, STEPS, UNFILED, ROOM, ROW, TICKED, DONE, FILING, TICKING, CHECKING, PERIODS = range(12)
"""Entries of a call: see `run`."""
NOTHING, FIRED_COUNT, EVENT_COUNT, DIVERGED = range(4)
"""What is done with a result."""


@inner_njit(**PROGRAM_FLAGS)
def _describe(frame, at, rows, columns, size):
    """Put shape and strides of a matrix, whose elements have `size` bytes, into the frame."""
    frame[at + 1], frame[at + 2], frame[at + 3], frame[at + 4] = rows, columns, columns * size, size


@inner_njit(**PROGRAM_FLAGS)
def _call(program, j):
    """Hand operation j what it is given, and call it; what it returned."""
    table, copies, frame = program
    for c in range(table[j - 1, COPIES] if j else 0, table[j, COPIES]):
        store_word(copies[c, 1], frame[copies[c, 0]])
    return call_entry(table[j, ENTRY], table[j, ARGUMENTS])


@inner_njit(**PROGRAM_FLAGS)
def _call_all(program, first, end):
    """Call operations, one after the other; what any of them returned, all bits together."""
    found = 0
    for j in range(first, end):
        found |= _call(program, j)
    return found


@inner_njit(**PROGRAM_FLAGS)
def _call_timed(program, first, end, timed, clock, phase):
    """The same, counted to a phase."""
    c0 = cycles() if timed else 0
    found = _call_all(program, first, end)
    c1 = cycles() if timed else 0
    clock[phase] += c1 - c0
    return found


@inner_njit(**PROGRAM_FLAGS)
def _due(call, begun, window):
    """Whether a tick is due before a step, and how many steps, of a window, may be done until the next."""
    due = False
    for p in range(PERIODS, call.size):
        due |= begun % call[p] == 0
        window = min(window, call[p] - begun % call[p])
    return due and call[TICKED] != begun, window


@inner_njit(**PROGRAM_FLAGS)
def _step(program, row, k, own, fired, each, last, counters, clock):
    """Call the operations of a step.

    Args:
        program: as of `run`; row: what depends on the step alone; k: the step.
        own: where this owner's spikes of the step will lie; fired: how many there have been since the owners met.
        each: the first operation of every step; last: where they end.
        counters: of the log; clock: as of `run`.

    Returns:
        How many own neurons have fired since the owners met, and states beyond all bounds.
    """
    table, _, frame = program
    timed, before, diverged = k % SAMPLED == 0, fired, 0
    frame[_STEP], frame[_NEXT], frame[_OWN] = k, k + 1, own
    for c in range(row.size):
        frame[FRAME + c] = row[c]
    c0 = cycles() if timed else 0
    for j in range(each, last):
        frame[_COUNT], frame[_OWN + 1] = fired, fired - before
        value = _call(program, j)
        result = table[j, RESULT]
        if result == FIRED_COUNT:
            fired = value
        elif result == EVENT_COUNT:
            counters[EVENTS] += value
        elif result == DIVERGED:
            diverged += value
        if timed and table[j, LAP] >= 0:
            c1 = cycles()
            clock[table[j, LAP]] += c1 - c0
            c0 = c1
    clock[TIMED_STEPS] += 1 if timed else 0
    return fired, diverged


@inner_njit(**PROGRAM_FLAGS)
def _file(program, emitted, owner, published, fell, log, call, clock):
    """Log the spikes of a step that owners have published, and file them; whether there is room for them.

    Args:
        program, log, clock, call: as of `run`; emitted: the step; published, fell: spikes and bounds of the meeting.
    """
    log_step, log_neuron, counters, recent, counts = log
    if not account(emitted, fell, counters, recent, call[ROOM], log_step.size):
        return False
    log_spikes(emitted, owner, published, fell, log_step, log_neuron, counters, counts)
    frame = program[2]
    frame[_EMITTED], frame[_BOUNDS] = emitted, fell.ctypes.data
    _call_timed(program, 0, call[FILING], emitted % SAMPLED == 0, clock, _SPIKES)
    return True


@inner_njit(**PROGRAM_FLAGS)
def _meet_timed(barrier, owner, owners, timed, clock):
    """Meet the other owners, counted as waiting; false if one of them failed."""
    c0 = cycles() if timed else 0
    met = meet(barrier, owner, owners)
    c1 = cycles() if timed else 0
    clock[_WAITING] += c1 - c0
    return met


@cached_njit(**PROGRAM_FLAGS)
def run(program, exchange, log, clock, columns, call):
    """Run steps.

    Args:
        program: (table int64[operations, 5], those of spikes published first, then those with a period, last those that check; copies int64[n, 2], from a word of the
            frame to an address; words of the frame, int64).
        exchange: (spikes, bounds, alarm, barrier) of `Exchange`; log: the arrays of `SpikeLog`; clock: int64[phases + 1].
        columns: int64[rows, n], bits of what depends on the step alone, copied behind the frame.
        call: int64[11 + periods]: the owner, the first step, steps to do, steps whose spikes wait to be filed (before, and after), room for spikes in the stores, the row
            of the first step, the step of the last tick (which is written), steps done (which are written), operations of spikes published, those with a period, those
            that check, and the periods.

    Returns:
        Why it ended: 0 as asked, 1 room for spikes is short, 2 a state diverged, 3 another owner failed, 4 a fault at the tick of the next step.
    """
    table, _, frame = program
    spikes, bounds, alarm, barrier = exchange
    counters = log[2]
    owner, start, first, filing = call[OWNER], call[FIRST], call[ROW], call[FILING]
    each, last = filing + call[TICKING], table.shape[0] - call[CHECKING]  # the operations of every step
    interval, owners, most = bounds.shape[1], bounds.shape[2], spikes.shape[2]
    _describe(frame, _PUBLISHED, owners, most, 4)
    _describe(frame, _BOUNDS, owners, bounds.shape[3], 8)
    frame[_OWN + 2] = frame[_FIRED + 2] = 4
    frame[_FIRED + 1] = most
    call[DONE] = 0
    while True:
        done = call[DONE]
        side = (counters[MEETINGS] - 1) & 1
        published, when = spikes[side], bounds[side]
        frame[_PUBLISHED] = published.ctypes.data
        while call[UNFILED]:
            emitted = start + done - call[UNFILED]
            if not _file(program, emitted, owner, published, when[emitted % interval], log, call, clock):
                return 1
            call[UNFILED] -= 1
        if done == call[STEPS]:
            return 2 if _call_all(program, last, table.shape[0]) else 0
        side = counters[MEETINGS] & 1
        mine, when = spikes[side, owner], bounds[side]
        begun, window = start + done, min(interval, call[STEPS] - done)
        if call[TICKING]:
            # Owners meet at every tick: before it, since all spikes count, and after it, since the fault of one stops all.
            due, window = _due(call, begun, window)
            if due:
                call[TICKED] = frame[_STEP] = begun
                alarm[8 * owner + 1] = begun + 1 if _call_timed(program, filing, each, begun % SAMPLED == 0, clock, _MODULATION) else 0
                if not meet(barrier, owner, owners):
                    return 3
                if alarmed(alarm[1:], begun, begun + 1):
                    return 4
        frame[_FIRED] = mine.ctypes.data
        fired = 0
        for k in range(begun, begun + window):
            before = fired
            fired, diverged = _step(program, columns[first + k - start], k, mine.ctypes.data + 4 * before, before, each, last, counters, clock)
            when[k % interval, owner, 0] = before
            when[k % interval, owner, 1] = fired
            if diverged and alarm[8 * owner] <= begun:
                alarm[8 * owner] = k + 1
        call[DONE] = done + window
        timed = counters[MEETINGS] % SAMPLED == 0
        counters[MEETINGS] += 1
        if not _meet_timed(barrier, owner, owners, timed, clock):
            return 3
        call[UNFILED] = window
        if alarmed(alarm, begun, begun + window):
            return 2


@cached_njit(**PROGRAM_FLAGS)
def execute(entry, arguments):
    """Call a kernel by its entry with packed arguments: Python hands over two numbers, however many arguments there are."""
    return call_entry(entry, arguments)
