"""The synapses of a projection as a list, each with its states: what a store is built from and turned back into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.connectivity.draw import numbered_edges
from neuropil.errors import PlanError, SimulationError
from neuropil.lower.synapse import SynapseProgram
from neuropil.lower.synapse_form import SIDES, age
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.per_synapse import in_order
from neuropil.plan.plan import Plan
from neuropil.units import Quantity


@dataclass(frozen=True)
class SynapseList:
    """Synapses sorted by source; those of a source in the order of their birth.

    Attributes:
        pre, post: int32[n], indices within their populations.
        site: int32[n], of the target; delay: int32[n], steps.
        weight: float64[n], in base units: the weight each was made with.
        states: by name, float64[n].
        last: by whose they are (`neuropil.lower.synapse.SIDES`), uint32[n], the step to which waiting states are up to date, by its
            lowest 32 bits.
        number: int64[n], what distinguishes each from the others in draws of its own: among all that the whole populations would have.
        constants: everything static about the model, by name: floats, or float64[n] where it varies between synapses.
    """

    pre: np.ndarray
    post: np.ndarray
    site: np.ndarray
    delay: np.ndarray
    weight: np.ndarray
    states: dict[str, np.ndarray]
    last: dict[str, np.ndarray]
    number: np.ndarray
    constants: dict[str, Any]

    @property
    def size(self) -> int:
        """Number of synapses."""
        return self.pre.size

    def require_alike(self, side: str, values: np.ndarray, what: str) -> None:
        """Refuse a state that is kept once for several synapses, and has not one value for them.

        Args:
            side: whose it is: "source", "target" or "" for each synapse's own.
            values: float64[n].
            what: it is; begins the message.

        Raises:
            SimulationError: with the first two that differ.
        """
        if not side or not self.size:
            return
        mine, other = (self.pre, self.delay) if side == "source" else (self.post, self.site)
        key = mine.astype(np.int64) * (int(other.max()) + 1) + other
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        differs = values != values[first][which]
        if differs.any():
            j = int(np.argmax(differs))
            whose = "source and delay" if side == "source" else "target"
            raise SimulationError(
                f"{what} is kept once for each {whose}, so its synapses cannot differ",
                got=f"{values[j]:g} and {values[first][which][j]:g} at synapses {j} and {int(first[which[j]])}",
                fix="one value for all of them, or clock_driven=True in the description",
            )  # fmt: skip

    @classmethod
    def drawn(cls, plan: Plan, index: int, within: slice | None = None) -> SynapseList:
        """The synapses of a projection at the start.

        Args:
            index: of the projection.
            within: keep those on these neurons of its target alone.

        Raises:
            PlanError: some of a projection's synapses, where a rule looks at all of them.
        """
        projection = plan.network.projections[index]
        if within is not None:
            _require_divisible(plan, index)
        pre, post, weight, delay, site, number = numbered_edges(projection, plan.seed, plan.dt, within)
        # Those that come and go are numbered by their indices.
        return cls.made(plan, index, pre, post, site, weight, delay, 0, None if projection.structure is not None else number)

    @classmethod
    def empty(cls, plan: Plan, index: int) -> SynapseList:
        """A list without synapses, of the types of the projection with this index."""
        none = np.empty(0, np.int64)
        return cls.made(plan, index, none, none, none, np.empty(0), none, 0)

    @classmethod
    def made(cls, plan: Plan, index: int, pre: Any, post: Any, site: Any, weight: Any, delay: Any, now: int, number: Any = None) -> SynapseList:
        """Synapses in the state in which they begin, at step `now`; `number`: see the class (their indices, if None).

        Args:
            index: of the projection.
            pre, post, site: int64[n].
            weight: float64[n], base units; delay: int64[n], steps.
        """
        program, projection = plan.synapses[index], plan.network.projections[index]
        n = pre.size
        number = np.arange(n) if number is None else number
        given = parameters(program, projection, plan.seed, pre, post, number)
        whole = given if n else {name: v if np.ndim(v) == 0 else np.ones(1) for name, v in given.items()}
        constants = {c: v if np.ndim(v) == 0 else np.asarray(v)[:n] for c, v in program.constants(whole, plan.dt).items()}
        states = {}
        for name, state in program.traced.spec.states.items():
            value: Any = projection.initial.get(name, state.initial)
            if name == "weight":
                found = weight
            else:
                found = given[value] if isinstance(value, str) else _each(value, projection, plan.seed, pre, post, number, "synapse state", name)
            states[name] = np.array(np.broadcast_to(found, n), float)
        pre, post, site, delay = (np.ascontiguousarray(a, np.int32) for a in (pre, post, site, delay))
        return cls(pre, post, site, delay, np.asarray(weight, float), states, {side: np.full(n, low_bits(now)) for side in SIDES}, number, constants)

    def take(self, which: np.ndarray) -> SynapseList:
        """Some of the synapses, in the order of the indices `which`."""
        cut = {n: c[which] if np.ndim(c) else c for n, c in self.constants.items()}
        states = {n: s[which] for n, s in self.states.items()}
        return replace(
            self, pre=self.pre[which], post=self.post[which], site=self.site[which], delay=self.delay[which], weight=self.weight[which],
            states=states, last={side: last[which] for side, last in self.last.items()}, number=self.number[which], constants=cut,
        )  # fmt: skip

    def joined(self, other: SynapseList) -> SynapseList:
        """This list with others (`other`) put in after those of the same source, and numbered by their indices; constants that vary are still to be found."""
        order = np.argsort(np.concatenate([self.pre, other.pre]), kind="stable")

        def both(name: str) -> Any:
            return np.concatenate([getattr(self, name), getattr(other, name)])[order]

        states = {n: np.concatenate([s, other.states[n]])[order] for n, s in self.states.items()}
        last = {side: np.concatenate([mine, other.last[side]])[order] for side, mine in self.last.items()}
        return replace(
            self, pre=both("pre"), post=both("post"), site=both("site"), delay=both("delay"), weight=both("weight"), states=states, last=last,
            number=np.arange(order.size),
        )

    def sent(self, program: SynapseProgram, step: int, dt: float) -> np.ndarray:
        """What a spike that arrived at a step would hand to the port, in float64.

        Args:
            program: of the synapse model.
            step: of the arrival.
            dt: time step, ms.
        """
        assert program.sent is not None
        leaves = {f"p.{n}": v for n, v in self.constants.items()} | {f"s.{n}": v for n, v in self.states.items()}
        leaves |= {age(side): steps_since(last, step) * dt for side, last in self.last.items()} | {"w": self.weight}
        return np.array(np.broadcast_to(program.arrival.evaluate([program.sent], leaves)[0], self.size))

    def up_to(self, program: SynapseProgram, step: int, dt: float) -> dict[str, np.ndarray]:
        """The states brought up to date at a step, in float64.

        Args:
            program: of the synapse model.
            step: to which.
            dt: time step, ms.
        """
        leaves = {f"p.{n}": v for n, v in self.constants.items()} | {f"s.{n}": v for n, v in self.states.items()}
        leaves |= {age(side): steps_since(last, step) * dt for side, last in self.last.items()} | {"w": self.weight}
        values = program.arrival.evaluate([program.ready[n] for n in program.states], leaves)
        return {n: np.array(np.broadcast_to(v, self.size)) for n, v in zip(program.states, values, strict=True)}


def _require_divisible(plan: Plan, index: int) -> None:
    """Refuse what needs the list of all synapses."""
    projection, model = plan.network.projections[index], plan.synapses[index].traced.model
    values = [getattr(model, name) for name in model.spec.parameters] + list(projection.initial.values())
    listed = any(np.ndim(v.value if isinstance(v, Quantity) else v) == 1 for v in values if not isinstance(v, (Distribution, str)))
    if projection.structure is not None or listed:
        raise PlanError(
            f"projection {projection.name!r} cannot be divided among processes", got="structure=" if projection.structure is not None else "a value for each synapse",
            fix="threads of one process, or, for values that differ, a matrix or a distribution",
        )  # fmt: skip


def parameters(program: SynapseProgram, projection: Projection, seed: int, pre: np.ndarray, post: np.ndarray, number: np.ndarray) -> dict[str, Any]:
    """Parameters by name: floats, or float64[n] where drawn (by its number) or given for every synapse.

    Args:
        program: of the synapse model.
        seed: of the network's random numbers.
        pre, post: int64[n], indices within the populations.
        number: int64[n], counters of the draws.
    """
    model = program.traced.model
    return {name: _each(getattr(model, name), projection, seed, pre, post, number, "synapse", name) for name in model.spec.parameters}


def _each(value: Any, projection: Projection, seed: int, pre: np.ndarray, post: np.ndarray, number: np.ndarray, purpose: str, name: str) -> Any:
    """A value of the synapses that join these neurons."""
    if isinstance(value, Distribution):
        return value.quantile(rng.uniform(rng.stream_key(seed, purpose, *projection.stream, name), number, 0))
    raw = value.value if isinstance(value, Quantity) else value
    return in_order(raw, projection, pre, post) if pre.size or np.ndim(raw) == 0 else np.empty(0)


REFRESHED = 1 << 31
"""Steps after which all that waits is brought up to date at the latest, so that the lowest 32 bits determine how long it has waited."""


def low_bits(step: int) -> np.uint32:
    """What is kept of a step."""
    return np.uint32(step & 0xFFFFFFFF)


def steps_since(last: np.ndarray, step: int) -> np.ndarray:
    """int64[n]: steps to `step` from those whose lowest bits are `last`."""
    return (step - last.astype(np.int64)) & 0xFFFFFFFF
