"""Synapses as they were built, for simulations that would build the same: shared by reference, copied before they are written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neuropil.engine.layout import Layout
from neuropil.engine.stores.packed import PackedSynapses
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Built:
    """What a simulation has built.

    Attributes:
        plan, layout: of the simulation.
        packed: by word, the packed synapses with the weights of the description.
        lists: by name of projection, synapses with states: the list of those that were drawn, and what their store made of it.
        same: names of the projections that another simulation describes alike.
    """

    plan: Plan
    layout: Layout
    packed: dict[Any, PackedSynapses]
    lists: dict[str, tuple[SynapseList, Any]]
    same: frozenset[str] = frozenset()

    def alike(self, plan: Plan, layout: Layout) -> bool:
        """Whether neurons, parts and threads of another simulation are numbered alike."""
        mine, theirs = self.plan, plan
        if mine.seed != theirs.seed or mine.dt != theirs.dt or list(mine.parts) != list(theirs.parts) or mine.precision != theirs.precision:
            return False
        if [(p.first, p.size) for p in mine.parts.values()] != [(p.first, p.size) for p in theirs.parts.values()]:
            return False
        same = self.layout.owners == layout.owners and self.layout.blocks == layout.blocks
        return same and np.array_equal(self.layout.thread_of, layout.thread_of) and np.array_equal(self.layout.slot_of, layout.slot_of)

    def words(self, plan: Plan, word: Any) -> PackedSynapses | None:
        """The packed synapses of a word, if a simulation would build the same; with accounts of its own.

        Args:
            plan: of the simulation; word: type of a stored synapse.
        """
        then = [self.plan.network.projections[j].name for j in self.plan.packed.get(word, [])]
        now = [plan.network.projections[j].name for j in plan.packed[word]]
        # Words lie by class, and hold multiples of the weight scale, if any: of a size that depends on all projections onto a port.
        stored = [[(p.classes(word).of[j], word == np.uint16 or p.scale[j]) for j in p.packed.get(word, [])] for p in (self.plan, plan)]
        if word not in self.packed or then != now or not self.same.issuperset(now) or stored[0] != stored[1]:
            return None
        built, index_of = self.packed[word], {p.name: j for j, p in enumerate(self.plan.network.projections)}
        there = [index_of.get(p.name, -1) for p in plan.network.projections]

        def moved(account: list[Any]) -> list[Any]:
            return [account[j] if j >= 0 else 0 for j in there]

        return replace(built, scale=list(plan.scale), rounding=moved(built.rounding), saturated=moved(built.saturated), vanished=moved(built.vanished))

    def synapses(self, name: str) -> tuple[SynapseList, Any] | None:
        """The list of the projection of this name and what its store made of it, if it is described alike."""
        return self.lists.get(name) if name in self.same else None


def twin(held: Any, shared: tuple[str, ...]) -> Any:
    """A copy of what a thread holds of synapses.

    Args:
        held: a data class of arrays.
        shared: names of what never changes, and is not copied.
    """

    def copied(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, dict):
            return {key: copied(one) for key, one in value.items()}
        return tuple(map(copied, value)) if isinstance(value, tuple) else value

    made = replace(held, **{name: copied(value) for name, value in vars(held).items() if name in held.__dataclass_fields__ and name not in shared})
    vars(made).update({name: value for name, value in vars(held).items() if name not in held.__dataclass_fields__})  # cached properties, which follow from the layout alone
    return made
