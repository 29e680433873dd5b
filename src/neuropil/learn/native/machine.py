"""What native gradients do: the kernels of a network's populations and projections, and the order in which a sample runs through them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from neuropil.learn.native import flow_kernels, kernels
from neuropil.learn.native.emission import Emission
from neuropil.learn.native.flow import Flow
from neuropil.learn.native.links import Link
from neuropil.learn.native.loop import Call, Slot, Stretch
from neuropil.learn.native.order import components
from neuropil.learn.native.part import Part
from neuropil.learn.native.synapses import Synapses
from neuropil.learn.native.workspace import Workspace
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.gradient_signature import FIRED, NEAR, Argument, Role

START, END, START_BAR, END_BAR = "start", "end", "start bar", "end bar"
"""First part of the keys of arrays by sample: states before and after, and their cotangents."""
_FIRED, _NEAR = np.uint8(FIRED), np.uint8(NEAR)
_WINDOW, _MOST, _LEAST = 2**19, 256, 16
"""Bytes of what arrives in a window, which a cache holds; and its most and least steps."""


class Machine:
    """The kernels of a network for one choice of what is given and wanted.

    Args:
        parts: of every population, in the network's order.
        links: of every projection of spikes, in the network's order.
        flows: what flows into inputs in every step, in the order in which it is added; emissions: what is sent, of each flow.
        synapses: those with states.
        wanted: paths of the arrays whose cotangents are wanted.

    Attributes:
        lock: held by a batch under way, which uses what follows.
        spaces: arrays by thread; sums: partial sums [groups, ...] of cotangents, by key.
        weights, starts, pasts: projections, states at the start, and graded projections what was sent before it, whose cotangents are wanted.
    """

    def __init__(self, parts: tuple[Part, ...], links: tuple[Link, ...], flows: tuple[Flow, ...], emissions: tuple[Emission, ...], synapses: tuple[Synapses, ...], wanted: frozenset[tuple[str, ...]]):
        self.parts, self.links, self.flows, self.emissions, self.synapses = parts, links, flows, emissions, synapses
        self.mapped = [*(e.mapped for e in emissions), *(m for of in synapses for m in of.mapped)]
        self.weights = frozenset(path[1] if path[0] == "weights" else path for path in wanted if path[0] in ("weights", "graded"))
        roles = {"states": Role.STATE, "flight": Role.RING}
        self.starts = frozenset((path[1], roles[path[0]], path[2]) for path in wanted if path[0] in roles)
        self.pasts = frozenset(path[1] for path in wanted if path[0] == "past")
        self.lock = Lock()
        self.spaces: dict[int, Workspace] = {}
        self.sums: dict[Any, np.ndarray] = {}

    @cached_property
    def order(self) -> list[list[Part]]:
        """Components of the graph, each after what it depends on."""
        place = {(part.name, part.part): j for j, part in enumerate(self.parts)}
        edges = [(place[link.wiring.source, ""], place[link.wiring.target, split(link.wiring.port)[0]]) for link in self.links]
        edges += [(place[of.part.name, ""], place[target]) for of in self.synapses for target in of.targets]
        edges += [(place[target], place[of.part.name, ""]) for of in self.synapses for target in of.seen]
        edges += [(place[flow.source, flow.parts[0]], place[flow.target, flow.parts[1]]) for flow in self.flows]
        return [[self.parts[j] for j in component] for component in components(len(self.parts), edges)]

    @cached_property
    def window(self) -> int:
        """Steps that a component runs before the next one does. It does not depend on memory or threads, since the order of some sums depends on it."""
        row = sum(part.size * np.dtype(part.precision).itemsize * (1 + len(part.rings)) for part in self.parts)
        return max(_LEAST, min(_MOST, _WINDOW // max(row, 1)))

    @property
    def tape_bytes(self) -> int:
        """Bytes of the tape for one step of one sample."""
        taped = [(part, len(part.step.program.tape)) for part in self.parts if part.step is not None]
        taped += [(m.part, len(m.program.tape)) for m in self.mapped] + [(e.part, 2) for e in self.emissions]
        return sum(count * part.size * np.dtype(part.precision).itemsize for part, count in taped)

    def rows(self, steps: int, memory: float) -> int:
        """Rows of a tape in so much memory: whole windows, at least one, at most all steps."""
        if memory >= self.tape_bytes * steps:
            return max(steps, 1)
        return max(1, min(steps, max(1, int(memory / self.tape_bytes) // self.window) * self.window))

    def tapes(self, samples: int, steps: int) -> dict[Any, tuple[tuple[int, ...], np.dtype]]:
        """Shapes and types of the tapes of a batch.

        Args:
            samples, steps: of the batch.
        """
        taped: list[tuple[Part, Any]] = [(part, part.key(Role.TAPE, leaf)) for part in self.parts if part.step is not None for leaf in part.step.program.tape]
        taped += [(m.part, (m.name, Role.TAPE, leaf)) for m in self.mapped for leaf in m.program.tape]
        codes = {part.key(Role.CODE): ((samples, steps, part.width), np.dtype(np.uint8)) for part in self.parts if part.coded and not part.given}
        return codes | {key: ((samples, steps, part.size), np.dtype(part.precision)) for part, key in taped}

    def forward(self, space: Workspace, kept: bool) -> list[Stretch]:
        """A sample's way forward.

        Args:
            space: its arrays.
            kept: whether its tape is kept.
        """
        own = _Calls(self, space, frozenset({Role.CODE, Role.RECORD, *([Role.TAPE] if kept else [])}))
        made = [Stretch.once(own.begin()), *own.onward(0, space.steps, 0 if kept else None), Stretch.once(own.finish(), space.steps)]
        return [*made, Stretch.once(own.finish_codes(), 0, space.steps)] if kept else made

    def backward(self, space: Workspace, spikes: frozenset[str], kept: bool) -> list[Stretch]:
        """A sample's way back, where its tape was not kept after it went forward again: all at once or between checkpoints.

        Args:
            space: its arrays.
            spikes: populations with cotangents of their spikes; of the others they are zero.
            kept: whether its tape was kept.
        """
        own = _Calls(self, space, frozenset({Role.CODE, Role.TAPE} if kept else ()), spikes)
        if kept:
            return [Stretch.once(own.begin_given()), Stretch.once(own.begin_bars(), space.steps), *own.back(0, space.steps), Stretch.once(own.finish_bars())]
        firsts = list(range(0, space.steps, space.rows))
        made = [Stretch.once(own.begin()), Stretch.once(own.begin_bars(), space.steps)]
        moving = space.kept(len(firsts)) if len(firsts) > 1 else []
        past = space.kept_past(self.emissions, len(firsts)) if len(firsts) > 1 else []
        save = (*(Call(kernels.keep, pair) for pair in moving), *(Call(flow_kernels.keep_past, pair) for pair in past))
        load = (*(Call(kernels.restore, pair[::-1]) for pair in moving), *(Call(flow_kernels.restore_past, pair[::-1]) for pair in past))
        for j, first in enumerate(firsts[:-1]):
            made += [Stretch.once(save, j, first), *own.onward(first, first + space.rows, None)]
        for j, first in reversed(list(enumerate(firsts))):
            end = min(first + space.rows, space.steps)
            made += [Stretch.once(load, j, first)] if j < len(firsts) - 1 else []
            made += [*own.onward(first, end, first), *own.back(first, end)]
        return [*made, Stretch.once(own.finish_bars())]


class _Calls:
    """The calls of one program.

    Args:
        machine: of which; space: the arrays of a sample.
        outside: what is not in the workspace, but in arrays of the batch.
        spikes: on the way back, populations with cotangents of their spikes.
    """

    def __init__(self, machine: Machine, space: Workspace, outside: frozenset[Role], spikes: frozenset[str] | None = None):
        self.machine, self.space, self.outside, self.spikes = machine, space, outside, spikes or frozenset()
        self._given = {part.name for part in machine.parts if part.given}
        self._onward = [self._component(component) for component in machine.order]
        self._back = [self._component_back(component) for component in reversed(machine.order)] if spikes is not None else []

    def at(self, *key: Any) -> Any:
        """An array of the workspace, or where one is taken from. Codes of given spikes are made in the workspace."""
        out = key[1] in self.outside and not (key[1] is Role.CODE and key[0] in self._given)
        return self.space.arrays[key] if key in self.space.arrays and not out else Slot(key)

    def of(self, part: Part, role: Any, n: str = "") -> Any:
        """An array of a part."""
        return self.at(*part.key(role, n))

    # --- the start and the end ---

    def begin(self) -> tuple[Call, ...]:
        """The state at the start, and given spikes."""
        return (*self.begin_given(), *(self._open(part, role, n, START, role) for part in self.machine.parts for role, n in part.moving), *self._past(flow_kernels.open_past, START, Role.VALUE))

    def begin_given(self) -> tuple[Call, ...]:
        """Codes of given spikes, from their lists."""
        given = [part for part in self.machine.parts if part.given]
        return tuple(Call(kernels.mark, (*(Slot((part.name, of)) for of in ("step", "neuron")), self.at(part.name, Role.CODE, ""), part.size, _FIRED)) for part in given)

    def finish(self) -> tuple[Call, ...]:
        """The state at the end."""
        return (*(self._close(part, role, n, END, role) for part in self.machine.parts for role, n in part.moving), *self._past(flow_kernels.close_past, END, Role.VALUE))

    def finish_codes(self) -> tuple[Call, ...]:
        """Codes as they come out, besides those that are kept."""
        return tuple(Call(kernels.take_rows, (self.of(part, Role.CODE), Slot((END, *part.key(Role.CODE))))) for part in self.machine.parts if part.coded and not part.given)

    def begin_bars(self) -> tuple[Call, ...]:
        """Cotangents of the state at the end."""
        own = (self._open(part, role, n, END_BAR, _BAR[role]) for part in self.machine.parts for role, n in part.moving if role in _BAR)
        return (*own, *self._past(flow_kernels.open_past, END_BAR, Role.VALUE_BAR))

    def finish_bars(self) -> tuple[Call, ...]:
        """Those of the state at the start that are wanted."""
        own = (self._close(part, role, n, START_BAR, _BAR[role]) for part in self.machine.parts for role, n in part.moving if (part.name, role, full_name(part.part, n)) in self.machine.starts)
        return (*own, *self._past(flow_kernels.close_past, START_BAR, Role.VALUE_BAR))

    def _open(self, part: Part, role: Role, n: str, where: str, own: Role) -> Call:
        given, mine = Slot((where, *part.key(role, n))), self.of(part, own, n)
        return Call(kernels.open_ring, (self.space.origin, given, mine)) if role is Role.RING else Call(kernels.assign, (given, mine))

    def _close(self, part: Part, role: Role, n: str, where: str, own: Role) -> Call:
        given, mine = Slot((where, *part.key(role, n))), self.of(part, own, n)
        return Call(kernels.close_ring, (self.space.origin, mine, given)) if role is Role.RING else Call(kernels.assign, (mine, given))

    def _past(self, kernel: Any, where: str, own: Role) -> list[Call]:
        """What was sent, and is under way, before the start or at the end. Of what no delay has nothing is under way."""
        made = []
        for e in self.machine.emissions:
            if e.longest and (where != START_BAR or e.name[1] in self.machine.pasts):
                given, mine = Slot((where, e.name, Role.PAST, "")), self.at(e.name, own, "")
                made.append(Call(kernel, (given, mine) if kernel is flow_kernels.open_past else (mine, given)))
        return made

    # --- over time ---

    def _windows(self, first: int, end: int) -> list[tuple[int, int]]:
        return [(a, min(a + self.machine.window, end)) for a in range(first, end, self.machine.window)]

    def onward(self, first: int, end: int, base: int | None) -> Iterator[Stretch]:
        """Steps forward, one component after the other in each window; row 0 of the tape is of step `base`, or there is none."""
        for a, b in self._windows(first, end):
            for steps, after in self._onward:
                if steps:
                    yield Stretch(steps, a, b, base)
                if after:
                    yield Stretch.once(after, a, b)

    def back(self, first: int, end: int) -> Iterator[Stretch]:
        """Steps backward; row 0 of the tape is of step `first`."""
        for a, b in reversed(self._windows(first, end)):
            for before, steps, after in self._back:
                if before:
                    yield Stretch.once(before, a, b)
                if steps:
                    yield Stretch(steps, b - 1, a - 1, first)
                if after:
                    yield Stretch.once(after, a, b)

    def _sent(self, part: Part, component: list[Part], within: bool) -> list[Link]:
        """Projections from a population, within its component or to others."""
        names = {(p.name, p.part) for p in component}
        if part.part:
            return []
        return [link for link in self.machine.links if link.wiring.source == part.name and ((link.wiring.target, split(link.wiring.port)[0]) in names) == within]

    def _flows(self, component: list[Part]) -> list[tuple[Emission, Flow | None]]:
        """What is sent by a component and what flows into it, in order: None stands for the emission itself. An emission that reads inputs follows what flows into them."""
        names, mine = {(p.name, p.part) for p in component}, list(zip(self.machine.emissions, self.machine.flows, strict=True))
        made: list[tuple[Emission, Flow | None]] = [(e, None) for e, _ in mine if not e.reads_inputs and (e.part.name, e.part.part) in names]
        for e, flow in mine:
            if e.reads_inputs and (e.part.name, e.part.part) in names:
                made.append((e, None))
            if (flow.target, flow.parts[1]) in names:
                made.append((e, flow))
        return made

    def _component(self, component: list[Part]) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
        """Calls of every step, and those after a window."""
        after: list[Call] = []
        steps: list[Call] = []
        given = {(part.name, part.part) for part in component if part.given}
        steps += [of.advance.forward(self.at) for of in self._synapses(component) if of.advance is not None]
        for e, flow in self._flows(component):
            if flow is None:
                steps.append(e.mapped.forward(self.at))
            elif (flow.target, flow.parts[1]) not in given:
                steps.append(flow.forward(self.at))
        for part in component:
            if part.step is None:
                continue
            if part.given:
                after += [Call(kernels.clear_rows, (self.of(part, Role.RING, n),)) for n in part.rings]
            else:
                steps.append(Call(part.step.module.forward, self._arguments(part, part.step.signature.forward)))
        for part in component:
            for within, calls in ((True, steps), (False, after)):
                if part.fires and (sent := self._sent(part, component, within)):
                    calls.append(self._list(part, _FIRED, not within))
                    calls += [self._link(kernels.send_dense, kernels.send_sparse, link, not within, self.at(link.wiring.name, "weight"), Role.RING) for link in sent]
        steps += [of.respond.forward(self.at) for of in self._synapses(component) if of.respond is not None]
        return tuple(steps), tuple(after)

    def _synapses(self, component: list[Part]) -> list[Synapses]:
        """The synapses of a component."""
        return [of for of in self.machine.synapses if any(of.part is part for part in component)]

    def _component_back(self, component: list[Part]) -> tuple[tuple[Call, ...], tuple[Call, ...], tuple[Call, ...]]:
        """Calls before a window, of every step, and after the window."""
        before: list[Call] = []
        steps: list[Call] = []
        after: list[Call] = []
        steps += [of.respond.backward(self.at) for of in reversed(self._synapses(component)) if of.respond is not None and of.respond.product]
        for part in component:
            if part.step is None:
                continue
            if not part.product:  # what arrives changes nothing
                before += [Call(kernels.clear_rows, (self.of(part, Role.RING_BAR, n),)) for n in part.rings]
            if part.spike_matters:
                mine, sent = self.of(part, Role.SPIKE_BAR), [self._sent(part, component, within) for within in (True, False)]
                if any(sent) and part.name in self.spikes:
                    before.append(Call(kernels.take_rows, (Slot((part.name, "spikes")), mine)))
                elif part.name not in self.spikes:
                    before.append(Call(kernels.clear_rows, (mine,)))
                for within, links, calls in ((False, sent[1], before), (True, sent[0], steps)):
                    if links:
                        calls.append(self._list(part, _NEAR, not within))
                        calls += [self._link(kernels.gather_dense, kernels.gather_sparse, link, not within, self.at(link.wiring.name, "weight"), Role.RING_BAR, mine) for link in links]
            wanted = [link for link in self.machine.links if not part.part and link.wiring.source == part.name and link.wiring.name in self.machine.weights]
            if wanted and part.fires:
                after += [self._list(part, _FIRED, True), Call(kernels.turn_list, (*self._listed(part), *self._turned(part)))]
                after += [self._weigh(link, self._turned(part)) for link in wanted]
        steps += [Call(part.step.module.backward, self._arguments(part, part.step.signature.backward)) for part in component if part.step is not None and part.product]
        steps += self._flows_back(component)
        return tuple(before), tuple(steps), tuple(after)

    def _flows_back(self, component: list[Part]) -> Iterator[Call]:
        """Calls of every step, after the products of its neurons: `_flows` from the last to the first."""
        active = {(part.name, part.part) for part in component if part.product}
        for e, flow in reversed(self._flows(component)):
            if flow is None:
                if e.mapped.product:
                    yield e.mapped.backward(self.at)
            elif (flow.target, flow.parts[1]) in active:
                if e.mapped.product:
                    yield flow.gather(self.at)
                if flow.name in self.machine.weights:
                    yield flow.weigh(self.at)
        yield from (of.advance.backward(self.at) for of in reversed(self._synapses(component)) if of.advance is not None and of.advance.product)

    # --- single calls ---

    def _listed(self, part: Part) -> tuple[Any, Any]:
        return self.of(part, "who"), self.of(part, "first")

    def _turned(self, part: Part) -> tuple[Any, Any]:
        return self.of(part, "when"), self.of(part, "begin")

    def _list(self, part: Part, bits: Any, whole: bool) -> Call:
        return Call(kernels.list_codes, (whole, self.of(part, Role.CODE), bits, *self._listed(part)))

    def _link(self, dense: Any, sparse: Any, link: Link, whole: bool, weight: Any, role: Role, *more: Any) -> Call:
        listed = next(self._listed(part) for part in self.machine.parts if part.name == link.wiring.source and not part.part)
        ring = self.at(link.wiring.target, role, link.wiring.port)
        if link.dense:
            room = (self.at(link.wiring.source, "cursor", ""),) if dense is kernels.gather_dense else ()
            return Call(dense, (whole, *listed, weight, int(link.delay[0]), ring, *more, *room))
        return Call(sparse, (whole, *listed, weight, link.first, self._delay(link), link.begin, link.target, ring, *more))

    def _delay(self, link: Link) -> Any:
        """The delays of a list of synapses."""
        return self.at(link.wiring.name, "delay") if link.timed else link.delay

    def _weigh(self, link: Link, turned: tuple[Any, Any]) -> Call:
        bar, ring = self.at(link.wiring.name, "weight_bar"), self.at(link.wiring.target, Role.RING_BAR, link.wiring.port)
        if link.dense:
            return Call(kernels.weigh_dense, (*turned, self.at(link.wiring.source, "lines", ""), bar, int(link.delay[0]), ring))
        return Call(kernels.weigh_sparse, (*turned, bar, link.first, self._delay(link), link.begin, link.target, ring))

    def _arguments(self, part: Part, arguments: tuple[Argument, ...]) -> tuple[Any, ...]:
        alone = part.name in self.spikes and not part.part and not any(link.wiring.source == part.name for link in self.machine.links)
        return (part.size, *(Slot((part.name, "spikes")) if a.role is Role.SPIKE_BAR and alone else self.of(part, a.role, a.name) for a in arguments))


_BAR = {Role.STATE: Role.STATE_BAR, Role.RING: Role.RING_BAR}
