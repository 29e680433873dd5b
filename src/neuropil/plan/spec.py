"""The executable specification of a program: in which order a step calls its operations, and what a legal program is.

The order follows from what operations do to buffers. Of each buffer, within a step,

    sets < adds < reads < updates < completes < observes,

and who adds does so phase by phase (stimuli and junctions before branches), within a phase in the order in which the operations
stand: sums of real numbers depend on it, and it is part of the step contract (docs/design.md). Operations of the phase "spikes" concern the step before and come first, as they stand;
those with a period come next.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from neuropil.errors import PlanError
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Operation, Phase

USES = ("sets", "adds", "reads", "updates", "completes", "observes")
"""What an operation may do to a buffer, in the order in which a step does it."""


def in_order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """The operations as a step calls them; what may be in any order stays phase by phase, as it stands.

    Raises:
        PlanError: the program is not legal, see `check`.
    """
    phases = list(Phase)
    given = sorted(operations, key=lambda op: phases.index(op.phase))  # Python's sort keeps the order otherwise
    check(given)
    first = [op for op in given if op.phase is Phase.SPIKES]
    rest = [op for op in given if op.phase is not Phase.SPIKES]
    after, missing = _relations(rest)
    ready = [(phases.index(op.phase), j) for j, op in enumerate(rest) if not missing[j]]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, j = heapq.heappop(ready)
        order.append(j)
        for k in after[j]:
            missing[k] -= 1
            if not missing[k]:
                heapq.heappush(ready, (phases.index(rest[k].phase), k))
    if len(order) < len(rest):
        stuck = [op.label for j, op in enumerate(rest) if missing[j]]
        raise PlanError("the operations of a step form a cycle", got="; ".join(stuck))
    made = [rest[j] for j in order]
    for before, after_it in pairwise(made):
        if after_it.periods and not before.periods:
            raise PlanError("an operation with a period must come before those of every step", got=f"{after_it.label}, after {before.label}")
    return (*first, *made)


def _relations(operations: Sequence[Operation]) -> tuple[list[set[int]], list[int]]:
    """For each operation those that come after it, and how many must come before it."""
    users: dict[Buffer, list[list[int]]] = defaultdict(lambda: [[] for _ in USES])
    for j, op in enumerate(operations):
        for rank, use in enumerate(USES):
            for buffer in getattr(op, use):
                users[buffer][rank].append(j)
    after: list[set[int]] = [set() for _ in operations]
    for ranks in users.values():
        occupied = [rank for rank in ranks if rank]
        for earlier, later in pairwise(occupied):
            for j in earlier:
                after[j].update(k for k in later if k != j)
        adding = ranks[USES.index("adds")]
        for j, k in pairwise(adding):
            after[j].add(k)
    missing = [0] * len(operations)
    for later_ones in after:
        for k in later_ones:
            missing[k] += 1
    return after, missing


def check(operations: Sequence[Operation]) -> None:
    """Whether each buffer has one that sets it and one that updates it at most, whether what is added to is ever emptied, and whether what checks needs
    nothing of a step.

    Raises:
        PlanError: names buffer and operations.
    """
    users: dict[Buffer, dict[str, list[str]]] = defaultdict(lambda: {use: [] for use in USES})
    for op in operations:
        if op.checks and (op.given or op.periods or op.phase is Phase.SPIKES):
            raise PlanError(f"{op.label}: an operation that checks is called once after the last step, without anything of a step", got=f"given={op.given}, periods={op.periods}, {op.phase}")
        for use in USES:
            for buffer in getattr(op, use):
                users[buffer][use].append(op.label)
    for buffer, uses in users.items():
        for use, wanted in (("sets", "sets"), ("updates", "updates")):
            if len(uses[use]) > 1:
                raise PlanError(f"the buffer {buffer.name!r} has more than one operation that {wanted} it", got="; ".join(uses[use]))
        if uses["adds"] and not uses["sets"] and not uses["updates"]:
            raise PlanError(f"the buffer {buffer.name!r} is added to and never emptied", got="; ".join(uses["adds"]))
