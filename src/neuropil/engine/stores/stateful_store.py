"""What the stores of synapses with states, or that come and go, have in common: arrays of one entry per synapse.

Each synapse belongs to the thread that owns its target. What it hands to a port is added to a float64 accumulator of the
target, in an order that the step contract fixes: by the step of emission, then the source, then the index in the list. All
spikes of a step that a projection sees come from one population, whose neurons the owners publish in ascending order, so
filing them owner by owner files them by index, whatever the number of threads. Event-driven synapses lie in the order of
their sources (`neuropil.engine.stores.event_driven_store`), clock-driven ones in that of their targets (`neuropil.engine.stores.clock_driven_store`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neuropil.connectivity.draw import delay_steps, expected_synapses
from neuropil.engine.compose import Machine, potential_buffer
from neuropil.engine.layout import Layout
from neuropil.engine.ring import ring_length
from neuropil.engine.saved import Arrays, array, group
from neuropil.engine.stores.buckets import Buckets
from neuropil.engine.stores.constant_table import ConstantTable
from neuropil.engine.stores.stateful_kind import StatefulKind
from neuropil.engine.stores.synapse_list import SynapseList, low_bits
from neuropil.engine.stores.synapse_targets import targets_of
from neuropil.engine.stores.target_spikes import TargetSpikes
from neuropil.lower.before_change import BeforeChange
from neuropil.lower.graph import Graph
from neuropil.lower.learned import PLASTIC
from neuropil.lower.synapse import SynapseProgram, check_finite
from neuropil.lower.synapse_form import SIDES
from neuropil.model.base import grid
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import split
from neuropil.model.synapse.context import POST_TIME
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.plan import Plan
from neuropil.plan.signature import Argument, Kind, state
from neuropil.units import Quantity

_WIRED = ("pre", "post", "site", "delay", "weight")
"""What a checkpoint holds of where synapses are."""


class SynapseStore(StatefulKind):
    """The synapses of one projection; see `neuropil.engine.stores.packed_store` for what the loop asks of it.

    Args:
        index: of the projection.
        room: spikes for which there is room at the start.

    Attributes:
        in_force: values of parameters that operations of modulators have given them since it was last asked.
        renewed: what is done when constants have been evaluated anew.
        by_target: constants that differ are the same for all synapses of a target.
        before: what operations of modulators do before they change parameters; None: none change any, or they are changed between chunks: those that
            are drawn, of which there is one for each synapse, and the time constant of the targets' activity.
    """

    def __init__(self, plan: Plan, index: int, layout: Layout, machine: Machine, room: int):
        self.plan, self.index, self.layout, self.room = plan, index, layout, room
        self.projection = plan.network.projections[index]
        self.program: SynapseProgram = plan.synapses[index]
        self.real = np.dtype(plan.synapse_precision(index))
        self.signal = np.zeros(1, self.real)
        self.in_force: Callable[[], Mapping[str, Any]] = dict
        self.renewed: list[Callable[[], None]] = []
        modulated, traced = effects_on(plan.network.modulators, self.projection), self.program.traced
        self.by_target = bool(traced.varied) and not traced.drawn
        within = modulated and not traced.drawn and POST_TIME not in modulated
        self.before = BeforeChange.of(self.program, modulated) if within else None
        delays = delay_steps(self.projection, plan.dt)
        self.delay_ring, self.segments = ring_length(int(delays[-1])), delays.size
        self.targets = [targets_of(plan, layout, machine, index, t) for t in range(len(layout.shares))]
        self.late = grid.steps(self.projection.response_delay, plan.dt, "response_delay", least=0)
        # Steps within which a spike may still be on its way, from a source or from a target.
        self.ring = max(self.delay_ring, ring_length(self.late))
        self.streams = machine.streams
        self.buckets: list[Buckets] = []
        self.spiked = TargetSpikes.of(layout, self.targets, self.program.responds, self.late, machine.exchange.interval, room)
        self.changed: dict[str, Any] = {}
        self.plastic = True  # the rule acts
        self.reweighed = False  # the weights that the synapses were made with, `given`, have been replaced
        self.given = np.empty(0)
        self.first: SynapseList | None = None
        self.declare(machine)
        self.prepare()
        self.use(SynapseList.empty(plan, index))

    def declare(self, machine: Machine) -> None:
        """The buffers that the operations use."""
        p, plan = self.projection, self.plan
        count = expected_synapses(p)
        self.states = Buffer(f"synapses of {p.name}", self.real, count * (len(self.program.states) + 1), Owner.TARGET, saved=True)
        self.under_way = Buffer(f"segments under way of {p.name}", np.int64, self.room)
        self.seen = tuple(
            potential_buffer(plan, machine, p.target, p.part) if n == "v" else plan.buffer(p.target, p.part, state(n)) for n in self.targets[0].seen
        )
        self.port = () if p.port is None else (plan.buffer(p.target, p.part, Argument(Kind.REAL, split(p.port)[1])),)
        self.flow = () if p.input is None else (plan.buffer(p.target, p.part, Argument(Kind.INPUT, split(p.input)[1])),)

    # --- contents ----------------------------------------------------------------------------------------------------

    def begin(self, shared: tuple[SynapseList, Any] | None) -> None:
        """Hold the synapses of the start: those that are drawn, or those that `shared` gave of the same projection, whose states are still to
        be restored."""
        if shared is None:
            self.use(self.drawn())
        else:
            self.use(*shared)
            if "weight" not in self.program.states:
                self.write("weight", self.synapses.weight)
        self.first = replace(self.synapses, constants=dict(self.synapses.constants))

    def shared(self) -> tuple[SynapseList, Any] | None:
        """The synapses of the start, as another simulation may begin with them; None of those that come and go."""
        return None if self.first is None or self.projection.structure is not None else (self.first, self.made())

    def use(self, synapses: SynapseList, made: Any = None) -> None:
        """Hold these synapses; nothing is under way.

        Args:
            synapses: the list.
            made: what a store of this kind made of this list.
        """
        self.synapses = self._fitted(synapses)
        if made is None:
            self.take(self.synapses)
        else:
            self.adopt(made)
            self.renew()
        self.buckets = [Buckets.empty(1, self.delay_ring, 1, self.room * self.segments) for _ in self.targets]
        self._make_room(self.room)
        # What stays the same is kept once, in the list; what changes is in the arrays.
        self.synapses = replace(self.synapses, states={}, last={})

    def drawn(self) -> SynapseList:
        """The synapses at the start, on the targets that threads of this process own."""
        return SynapseList.drawn(self.plan, self.index, self.layout.owned(self.projection.target))

    # --- saved and restored ------------------------------------------------------------------------------------------

    def save(self) -> Arrays:
        """Everything that a checkpoint needs, independent of threads: by side ("own", "source", "target") its states, and "last", to which
        step they are up to date; "wired", where the synapses are, of those that come and go."""
        self.flush_pending()
        saved: Arrays = {"signal": self.signal.copy(), "plastic": np.array(self.plastic)}
        held = [self.kept(t) for t in range(len(self.targets))]
        for side in held[0]:
            saved[side or "own"] = {name: self._whole(side, [kept[side][name] for kept in held]) for name in held[0][side]}
        if self.projection.structure is not None:
            saved["wired"] = {name: getattr(self.synapses, name).view() for name in _WIRED}
        elif self.reweighed:
            saved["weight"] = self.synapses.weight.view()
        return saved

    def restore(self, arrays: Arrays) -> None:
        """Restore the `arrays` that `save` returned, in place unless synapses have come or gone; nothing may be under way."""
        if self.projection.structure is not None:
            wired = {name: array(group(arrays, "wired"), name) for name in _WIRED}
            if not all(np.array_equal(getattr(self.synapses, name), values) for name, values in wired.items()):
                pre, post, site, delay, weight = wired.values()
                self.use(SynapseList.made(self.plan, self.index, pre, post, site, weight, delay, 0))
        elif "weight" in arrays or self.reweighed:
            self._weigh(array(arrays, "weight") if "weight" in arrays else None)
        if bool(array(arrays, "plastic")) != self.plastic:
            self.plastic = not self.plastic
            self.synapses = self._fitted(self.synapses)
            self.renew()
        self.signal[:] = arrays["signal"]
        for t in range(len(self.targets)):
            for side, kept in self.kept(t).items():
                saved = group(arrays, side or "own") if (side or "own") in arrays else {}
                for name, values in kept.items():
                    if name in saved:
                        values[...] = self._part(side, t, array(saved, name), values)
        self.drop_pending()

    def _weigh(self, weights: np.ndarray | None) -> None:
        """Give the synapses other weights, or those of the description."""
        if not self.reweighed:
            self.given = self.synapses.weight
        self.reweighed = weights is not None
        self.synapses = replace(self.synapses, weight=self.given if weights is None else weights)
        self.write("weight", self.synapses.weight)

    def _whole(self, side: str, parts: Sequence[np.ndarray]) -> np.ndarray:
        """What the threads hold of a side, in one: [synapses], [sources · delays] or [sites, targets]."""
        if side == "target":
            return np.concatenate([part.reshape(t.sites, t.neurons) for t, part in zip(self.targets, parts, strict=True)], axis=1)
        whole = np.array(parts[0]) if side == "source" else np.empty(self.synapses.size, parts[0].dtype)
        for t, part in enumerate(parts):
            if side == "source":  # every thread has all segments, those without synapses as at the start
                np.copyto(whole, part, where=self.used(t))
            else:
                whole[self.list_index(t)] = part
        return whole

    def _part(self, side: str, t: int, whole: np.ndarray, like: np.ndarray) -> np.ndarray:
        """What thread t holds of what `_whole` gave."""
        if side == "target":
            target = self.targets[t]
            return whole[:, target.low : target.low + target.neurons].reshape(like.shape)
        return whole if side == "source" else whole[self.list_index(t)]

    def forget(self, step: int) -> None:
        """No spike is in flight, nothing is pending, and all states are of this step, whatever they are: before they are restored."""
        self.drop_pending()
        for t in range(len(self.targets)):
            for kept in self.kept(t).values():
                if "last" in kept:
                    kept["last"][...] = low_bits(step)

    def read(self, name: str, step: int) -> np.ndarray:
        """float64[n]: a state of every synapse, or the weight, at a step.

        Args:
            name: of the state, or "weight".
        """
        if name not in self.program.states:
            return self.synapses.weight
        if name in self.program.drifting:
            return self.listed().up_to(self.program, step, self.plan.dt)[name]
        self.flush_pending()
        return self.gather(name)

    def put(self, values: Mapping[str, np.ndarray], step: int) -> None:
        """Give states, or the weight, new values at a step; what went before meets the old ones.

        Args:
            values: by name, float64[n] in the order of the synapses.
        """
        states = self.program.states
        for name in values:
            if name in states:
                self.synapses.require_alike(self.program.form.side[name], values[name], f"projection {self.projection.name!r}: the state {name!r}")
        if any(n in self.program.drifting for n in values):
            self.bring_up(step)  # a state that moves by itself has an age, and those of its side share it
        else:
            self.flush_pending()
        if "weight" in values and "weight" not in states:
            self._weigh(np.array(values["weight"], float))
        for name, given in values.items():
            self.write(name, given)

    def change(self, parameters: Mapping[str, Any], step: int) -> None:
        """Give parameters new values at a step: what went before keeps the old ones.

        Args:
            parameters: by name, one for all synapses; one for each target, of a parameter that varies; one for each synapse, of a drawn one.
        """
        self.bring_up(step)
        self.give(parameters)

    def give(self, parameters: Mapping[str, Any]) -> None:
        """Give parameters new values where nothing went before.

        Args:
            parameters: as of `change`.
        """
        self.changed |= {n: v.value if isinstance(v, Quantity) else v for n, v in parameters.items()}
        self.synapses = self._fitted(self.synapses)
        self.renew()

    def switch(self, plastic: bool, step: int) -> None:
        """Let the rule act (`plastic`), or hold what it has learnt, from a step on."""
        if plastic != self.plastic:
            self.bring_up(step)
            self.plastic = plastic
            self.synapses = self._fitted(self.synapses)
            self.renew()

    def reset(self, weights: bool, end: int, step: int) -> None:
        """Begin again at a step, with nothing under way: all states as at the start.

        Args:
            weights: keep the synapses that there are, their weights, and what they have learnt.
            end: step that was reached.
            step: at which it begins again.
        """
        if weights:
            self.bring_up(end)
            now = self.listed()
            s = SynapseList.made(self.plan, self.index, now.pre, now.post, now.site, now.weight, now.delay, step, now.number)
            s = replace(s, states={**s.states, **{n: now.states[n] for n in self.program.learned}})
        else:
            s, self.reweighed = self.drawn(), False
        self.use(s)
        self.begin_at(step)
        self.drop()

    def begin_at(self, step: int) -> None:
        """Take all states to be of this step."""
        s = self.listed()
        self.use(replace(s, last={side: np.full(s.size, low_bits(step)) for side in SIDES}))

    def drop(self) -> None:
        """Nothing is under way, from sources or from targets."""
        for bucket in (*self.buckets, *self.spiked.buckets):
            bucket.clear()

    @property
    def size(self) -> int:
        """Number of synapses."""
        return self.synapses.size

    @property
    def learns(self) -> bool:
        """There is something to hold."""
        return bool(self.program.learned) or self.projection.structure is not None

    def present(self) -> SynapseList:
        """The synapses with the constants that are in force: operations of modulators change those that kernels read."""
        if since := self.in_force():
            self.changed |= since
            self.synapses = self._fitted(self.synapses)
        return self.synapses

    def _fitted(self, synapses: SynapseList) -> SynapseList:
        """With the constants that follow from what was changed."""
        self.changed |= self.in_force()
        if not self.changed:
            return replace(synapses, constants={**synapses.constants, PLASTIC: float(self.plastic)})
        traced, post = self.program.traced, synapses.post
        if traced.drawn:
            given = {n: self.changed.get(n, synapses.constants[n] if n in traced.drawn else getattr(traced.model, n).value) for n in traced.spec.parameters}
            given = {n: v[post] if np.ndim(v) and n not in traced.drawn else v for n, v in given.items()}
            return replace(synapses, constants=self.program.constants(given, self.plan.dt, self.plastic))
        return replace(synapses, constants={n: v[post] if np.ndim(v) else v for n, v in self._of_targets().items()})

    def _of_targets(self) -> dict[str, Any]:
        """Everything static, by name, where no parameter is drawn: numbers, or float64[neurons of the target population]."""
        model = self.program.traced.model
        given = {n: self.changed.get(n, getattr(model, n).value) for n in model.spec.parameters}
        return self.program.constants(given, self.plan.dt, self.plastic)

    def evaluate(self, table: ConstantTable) -> dict[int, np.ndarray]:
        """Evaluate a kernel's constants anew, into its table.

        Args:
            table: of the kernel.

        Returns:
            Of constants that differ between synapses, by index, float64[synapses].
        """
        by_target = self.by_target and bool(self.changed)
        known = self._of_targets() if by_target else self.synapses.constants
        values = table.graph.evaluate(table.hoisted, {f"p.{n}": v for n, v in known.items()})
        check_finite(f"projection {self.projection.name!r} ({self.program.traced.name})", values)
        alike = [0.0 if k in table.varying else float(np.ravel(v)[0]) for k, v in enumerate(values)]
        for t, target in enumerate(self.targets):
            table.numbers[t][:] = alike
            if self.by_target:
                for k, row in zip(sorted(table.varying), table.targets[t], strict=True):
                    row.reshape(target.sites, -1)[:] = np.broadcast_to(values[k], self.projection.target.size)[target.low : target.low + target.neurons]
        for renewed in self.renewed:
            renewed()
        return {} if self.by_target else {k: np.broadcast_to(values[k], self.synapses.size) for k in table.varying}

    def table(self, graph: Graph, hoisted: tuple[int, ...], varying: frozenset[int]) -> ConstantTable:
        """Room for a kernel's constants.

        Args:
            graph, hoisted, varying: as of `ConstantTable`.
        """
        return ConstantTable.of(graph, hoisted, varying, [t.size if self.by_target else 0 for t in self.targets], self.real)

    def memory(self) -> int:
        """Bytes held."""
        s = self.synapses
        total = s.pre.nbytes + s.post.nbytes + s.site.nbytes + s.delay.nbytes + s.weight.nbytes + sum(b.nbytes for b in (*self.buckets, *self.spiked.buckets))
        return total + self.held_bytes() + sum(np.asarray(c).nbytes for c in s.constants.values())

    # --- what the loop asks ------------------------------------------------------------------------------------------

    def _make_room(self, spikes: int) -> None:
        # A spike adds at most one segment to a bucket.
        self.capacity, self.due = spikes, [np.zeros(spikes, np.int64) for _ in self.targets]

    def grow(self, spikes: int) -> None:
        """Twice the room that is needed now.

        Args:
            spikes: that wait now.
        """
        if spikes > self.capacity:
            for bucket in self.buckets:
                bucket.grow(2 * spikes * self.segments)
            self.spiked.grow(2 * spikes)
            self._make_room(2 * spikes)

    def refile(self, neurons: np.ndarray, emitted: np.ndarray, now: int) -> None:
        """Those of the sources, and those of the targets to which synapses have yet to respond.

        Args:
            neurons, emitted, now: as of `Store.refile`.
        """
        self.refile_segments(neurons, emitted, now)
        self.spiked.refile(neurons, emitted, now)
