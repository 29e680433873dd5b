"""What native gradients do: the kernels of a network's populations and projections, and the order in which a sample runs through them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from neuropil.learn.native import kernels
from neuropil.learn.native.links import Link
from neuropil.learn.native.loop import Call, Slot, Stretch
from neuropil.learn.native.order import components
from neuropil.learn.native.part import Part
from neuropil.learn.native.workspace import Workspace
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
        links: of every projection, in the network's order.
        wanted: paths of the arrays whose cotangents are wanted.

    Attributes:
        lock: held by a batch under way, which uses what follows.
        spaces: arrays by thread; sums: partial sums [groups, ...] of cotangents, by key.
        weights, starts: projections and states at the start whose cotangents are wanted.
    """

    def __init__(self, parts: tuple[Part, ...], links: tuple[Link, ...], wanted: frozenset[tuple[str, ...]]):
        self.parts, self.links = parts, links
        self.weights = frozenset(path[1] for path in wanted if path[0] == "weights")
        roles = {"states": Role.STATE, "flight": Role.RING}
        self.starts = frozenset((path[1], roles[path[0]], path[2]) for path in wanted if path[0] in roles)
        self.lock = Lock()
        self.spaces: dict[int, Workspace] = {}
        self.sums: dict[Any, np.ndarray] = {}

    @cached_property
    def order(self) -> list[list[Part]]:
        """Components of the graph, each after what it depends on."""
        place = {part.name: j for j, part in enumerate(self.parts)}
        edges = [(place[link.wiring.source], place[link.wiring.target]) for link in self.links]
        return [[self.parts[j] for j in component] for component in components(len(self.parts), edges)]

    @cached_property
    def window(self) -> int:
        """Steps that a component runs before the next one does. It does not depend on memory or threads, since the order of some sums depends on it."""
        row = sum(part.size * np.dtype(part.step.precision).itemsize * (1 + len(part.rings)) for part in self.parts)
        return max(_LEAST, min(_MOST, _WINDOW // max(row, 1)))

    @property
    def tape_bytes(self) -> int:
        """Bytes of the tape for one step of one sample."""
        return sum(len(part.step.program.tape) * part.size * np.dtype(part.step.precision).itemsize for part in self.parts)

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
        return {(part.name, Role.TAPE, leaf): ((samples, steps, part.size), np.dtype(part.step.precision)) for part in self.parts for leaf in part.step.program.tape}

    def forward(self, space: Workspace, kept: bool) -> list[Stretch]:
        """A sample's way forward.

        Args:
            space: its arrays.
            kept: whether its tape is kept.
        """
        own = _Calls(self, space, frozenset({Role.CODE, Role.RECORD, *([Role.TAPE] if kept else [])}))
        return [Stretch.once(own.begin()), *own.onward(0, space.steps, 0 if kept else None), Stretch.once(own.finish(), space.steps)]

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
        kept = space.kept(len(firsts)) if len(firsts) > 1 else []
        save, load = (tuple(Call(kernels.keep, pair) for pair in kept), tuple(Call(kernels.restore, pair[::-1]) for pair in kept))
        for j, first in enumerate(firsts[:-1]):
            made += [Stretch.once(save, j), *own.onward(first, first + space.rows, None)]
        for j, first in reversed(list(enumerate(firsts))):
            end = min(first + space.rows, space.steps)
            made += [Stretch.once(load, j)] if j < len(firsts) - 1 else []
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

    # --- the start and the end ---

    def begin(self) -> tuple[Call, ...]:
        """The state at the start, and given spikes."""
        return (*self.begin_given(), *(self._open(part, role, n, START, role) for part in self.machine.parts for role, n in part.moving))

    def begin_given(self) -> tuple[Call, ...]:
        """Codes of given spikes, from their lists."""
        given = [part for part in self.machine.parts if part.given]
        return tuple(Call(kernels.mark, (*(Slot((part.name, of)) for of in ("step", "neuron")), self.at(part.name, Role.CODE, ""), part.size, _FIRED)) for part in given)

    def finish(self) -> tuple[Call, ...]:
        """The state at the end."""
        return tuple(self._close(part, role, n, END, role) for part in self.machine.parts for role, n in part.moving)

    def begin_bars(self) -> tuple[Call, ...]:
        """Cotangents of the state at the end."""
        return tuple(self._open(part, role, n, END_BAR, _BAR[role]) for part in self.machine.parts for role, n in part.moving if role in _BAR)

    def finish_bars(self) -> tuple[Call, ...]:
        """Those of the state at the start that are wanted."""
        return tuple(self._close(part, role, n, START_BAR, _BAR[role]) for part in self.machine.parts for role, n in part.moving if (part.name, role, n) in self.machine.starts)

    def _open(self, part: Part, role: Role, n: str, where: str, own: Role) -> Call:
        given, mine = Slot((where, part.name, role, n)), self.at(part.name, own, n)
        return Call(kernels.open_ring, (self.space.origin, given, mine)) if role is Role.RING else Call(kernels.assign, (given, mine))

    def _close(self, part: Part, role: Role, n: str, where: str, own: Role) -> Call:
        given, mine = Slot((where, part.name, role, n)), self.at(part.name, own, n)
        return Call(kernels.close_ring, (self.space.origin, mine, given)) if role is Role.RING else Call(kernels.assign, (mine, given))

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
        names = {p.name for p in component}
        return [link for link in self.machine.links if link.wiring.source == part.name and (link.wiring.target in names) == within]

    def _component(self, component: list[Part]) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
        """Calls of every step, and those after a window."""
        steps, after = [], []
        for part in component:
            if part.given:
                after += [Call(kernels.clear_rows, (self.at(part.name, Role.RING, n),)) for n in part.rings]
            else:
                steps.append(Call(part.step.module.forward, self._arguments(part, part.step.signature.forward)))
        for part in component:
            for within, calls in ((True, steps), (False, after)):
                if part.fires and (sent := self._sent(part, component, within)):
                    calls.append(self._list(part, _FIRED, not within))
                    calls += [self._link(kernels.send_dense, kernels.send_sparse, link, not within, self.at(link.wiring.name, "weight"), Role.RING) for link in sent]
        return tuple(steps), tuple(after)

    def _component_back(self, component: list[Part]) -> tuple[tuple[Call, ...], tuple[Call, ...], tuple[Call, ...]]:
        """Calls before a window, of every step, and after the window."""
        before: list[Call] = []
        steps: list[Call] = []
        after: list[Call] = []
        for part in component:
            if not part.step.program.use.product:  # what arrives changes nothing
                before += [Call(kernels.clear_rows, (self.at(part.name, Role.RING_BAR, n),)) for n in part.rings]
            if part.step.program.spike_matters and part.step.program.use.product:
                mine, sent = self.at(part.name, Role.SPIKE_BAR, ""), [self._sent(part, component, within) for within in (True, False)]
                if any(sent) and part.name in self.spikes:
                    before.append(Call(kernels.take_rows, (Slot((part.name, "spikes")), mine)))
                elif part.name not in self.spikes:
                    before.append(Call(kernels.clear_rows, (mine,)))
                for within, links, calls in ((False, sent[1], before), (True, sent[0], steps)):
                    if links:
                        calls.append(self._list(part, _NEAR, not within))
                        calls += [self._link(kernels.gather_dense, kernels.gather_sparse, link, not within, self.at(link.wiring.name, "weight"), Role.RING_BAR, mine) for link in links]
            wanted = [link for link in self.machine.links if link.wiring.source == part.name and link.wiring.name in self.machine.weights]
            if wanted and part.fires:
                after += [self._list(part, _FIRED, True), Call(kernels.turn_list, (*self._listed(part), *self._turned(part)))]
                after += [self._weigh(link, self._turned(part)) for link in wanted]
        steps += [Call(part.step.module.backward, self._arguments(part, part.step.signature.backward)) for part in component if part.step.program.use.product]
        return tuple(before), tuple(steps), tuple(after)

    # --- single calls ---

    def _listed(self, part: Part) -> tuple[Any, Any]:
        return self.at(part.name, "who", ""), self.at(part.name, "first", "")

    def _turned(self, part: Part) -> tuple[Any, Any]:
        return self.at(part.name, "when", ""), self.at(part.name, "begin", "")

    def _list(self, part: Part, bits: Any, whole: bool) -> Call:
        return Call(kernels.list_codes, (whole, self.at(part.name, Role.CODE, ""), bits, *self._listed(part)))

    def _link(self, dense: Any, sparse: Any, link: Link, whole: bool, weight: Any, role: Role, *more: Any) -> Call:
        listed = next(self._listed(part) for part in self.machine.parts if part.name == link.wiring.source)
        ring = self.at(link.wiring.target, role, link.wiring.port)
        if link.dense:
            room = (self.at(link.wiring.source, "cursor", ""),) if dense is kernels.gather_dense else ()
            return Call(dense, (whole, *listed, weight, int(link.delay[0]), ring, *more, *room))
        return Call(sparse, (whole, *listed, weight, link.first, link.delay, link.begin, link.target, ring, *more))

    def _weigh(self, link: Link, turned: tuple[Any, Any]) -> Call:
        bar, ring = self.at(link.wiring.name, "weight_bar"), self.at(link.wiring.target, Role.RING_BAR, link.wiring.port)
        if link.dense:
            return Call(kernels.weigh_dense, (*turned, self.at(link.wiring.source, "lines", ""), bar, int(link.delay[0]), ring))
        return Call(kernels.weigh_sparse, (*turned, bar, link.first, link.delay, link.begin, link.target, ring))

    def _arguments(self, part: Part, arguments: tuple[Argument, ...]) -> tuple[Any, ...]:
        alone = part.name in self.spikes and not any(link.wiring.source == part.name for link in self.machine.links)
        return (part.size, *(Slot((part.name, "spikes")) if a.role is Role.SPIKE_BAR and alone else self.at(part.name, a.role, a.name) for a in arguments))


_BAR = {Role.STATE: Role.STATE_BAR, Role.RING: Role.RING_BAR}
