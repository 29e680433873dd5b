"""What native gradients do in a step: the kernels of a network's populations and projections, their order, and the arrays they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from neuropil.codegen.vectors import LINE
from neuropil.learn.native import kernels
from neuropil.learn.native.links import Link
from neuropil.learn.native.loop import Call, Loop
from neuropil.learn.native.step import NativeStep
from neuropil.plan.gradient_signature import FIRED, NEAR, Argument, Role

Arrays = dict[Any, np.ndarray]
_FIRED, _NEAR = np.uint8(FIRED), np.uint8(NEAR)


@dataclass(frozen=True, eq=False)
class Part:
    """One population.

    Attributes:
        name: of the population; size: its neurons.
        step: its kernels.
        rings: port -> the longest delay with which spikes arrive there, steps.
        given: whether its spikes are given: then it takes no step, and its codes are filled beforehand.
    """

    name: str
    size: int
    step: NativeStep
    rings: Mapping[str, int]
    given: bool = False

    @property
    def width(self) -> int:
        """Bytes of a row of codes."""
        return -(-self.size // LINE) * LINE

    @property
    def coded(self) -> bool:
        """There is a code for every step."""
        return self.given or self.step.program.can_fire or self.step.program.names.rests

    @property
    def fires(self) -> bool:
        """It has spikes."""
        return self.given or self.step.program.can_fire

    def tape(self) -> dict[tuple[str, str], tuple[int, Any]]:
        """What is kept of each step: key -> values of a row, and their type."""
        return {(self.name, leaf): (self.size, np.dtype(self.step.precision)) for leaf in self.step.program.tape}


class Workspace:
    """The arrays of one sample under way; a thread has one, and uses it again.

    Args:
        machine: whose.
        steps: of a sample.

    Attributes:
        arrays: by part and argument of its kernels, by "who" and "count" of a part.
        again: what the way forward leaves when it is computed a second time, which is not read.
        tapes: by their number of rows.
        loops: by name.
    """

    def __init__(self, machine: Machine, steps: int):
        self.arrays: Arrays = {}
        self.loops: dict[str, Loop] = {}
        self.again: Arrays = {}
        self.tapes: dict[int, Arrays] = {}
        for part in machine.parts:
            real, program = np.dtype(part.step.precision), part.step.program
            for n in program.names.states:
                self.arrays[part.name, Role.STATE, n] = np.zeros(part.size, real)
                self.arrays[part.name, Role.STATE_BAR, n] = np.zeros(part.size, real)
            for port, delay in part.rings.items():
                self.arrays[part.name, Role.RING, port] = np.zeros((delay, part.size), real)
                self.arrays[part.name, Role.RING_BAR, port] = np.zeros((delay + 1, part.size), real)
            self.arrays[part.name, Role.LEFT, ""] = np.zeros(part.size, np.int32)
            self.arrays[part.name, Role.SPIKE_BAR, ""] = np.zeros(part.size, real)
            self.arrays[part.name, "who"], self.arrays[part.name, "count"] = np.zeros(part.width, np.int32), np.zeros(1, np.int64)
            for n in program.use.recorded:
                self.again[part.name, Role.RECORD, n] = np.zeros((steps, part.size), real)
            if not part.given:
                self.again[part.name, Role.CODE, ""] = np.zeros((steps, part.width), np.uint8)

    def tape(self, machine: Machine, rows: int) -> Arrays:
        """A tape of so many rows; of a sample without one a single row, which every step writes."""
        if rows not in self.tapes:
            self.tapes[rows] = {key: np.zeros((rows, width), dtype) for key, (width, dtype) in machine.tape.items()}
        return self.tapes[rows]


class Machine:
    """The kernels of a network, linked, for one choice of what is given and wanted.

    Args:
        parts: of every population, in the network's order.
        links: of every projection, in the network's order.
        weights: names of the projections whose weights' cotangents are wanted.
    """

    def __init__(self, parts: tuple[Part, ...], links: tuple[Link, ...], weights: frozenset[str]):
        self.parts, self.links, self.weights = parts, links, weights
        self._lock = Lock()
        self._spaces: dict[int, list[Workspace]] = {}

    @cached_property
    def tape(self) -> dict[tuple[str, str], tuple[int, Any]]:
        """What is kept of each step, of all parts."""
        return {key: value for part in self.parts for key, value in part.tape().items()}

    @property
    def tape_bytes(self) -> int:
        """Bytes of the tape for one step of one sample."""
        return sum(width * dtype.itemsize for width, dtype in self.tape.values())

    @contextmanager
    def workspace(self, steps: int) -> Iterator[Workspace]:
        """A workspace for samples of so many steps, which others may use afterwards."""
        free = self._spaces.setdefault(steps, [])
        try:
            space = free.pop()
        except IndexError:
            space = Workspace(self, steps)
        yield space
        free.append(space)

    def linked(self, space: Workspace, what: str, calls: list[Call]) -> Loop:
        """The loop over these calls in a thread.

        Args:
            space: of the thread.
            what: names the list of calls: those of one name always have arrays of the same types.
            calls: from `forward` or `backward`.

        Returns:
            The loop, which holds the arrays of the calls until it is asked for again.
        """
        if what in space.loops:
            space.loops[what].take(calls)
        else:
            with self._lock:  # threads come at once; one compiles
                space.loops[what] = Loop(calls)
        return space.loops[what]

    def forward(self, arrays: Arrays, tape: Arrays) -> list[Call]:
        """The calls of a step.

        Args:
            arrays: of a workspace, of the sample and of the network, by part and argument; weights by the name of the projection.
            tape: to be filled.
        """
        calls = [Call(part.step.module.forward, self._arguments(part, part.step.signature.forward, arrays, tape)) for part in self.parts if not part.given]
        for part in self.parts:
            sent = [link for link in self.links if link.wiring.source == part.name]
            if part.fires and sent:
                listed = (arrays[part.name, "who"], arrays[part.name, "count"])
                calls.append(self._list(part, arrays, _FIRED, listed))
                calls += [self._link(kernels.send_dense, kernels.send_sparse, link, listed, arrays[link.wiring.name, "weight"], arrays, Role.RING) for link in sent]
        return calls

    def backward(self, arrays: Arrays, tape: Arrays, spikes: Mapping[str, np.ndarray]) -> list[Call]:
        """The calls of a step backward.

        Args:
            arrays: as of `forward`, with the cotangents; those of weights by the name of the projection.
            tape: filled.
            spikes: population -> cotangents [steps, neurons] of its spikes; of the others they are zero.
        """
        calls: list[Call] = []
        for part in self.parts:
            sent = [link for link in self.links if link.wiring.source == part.name]
            listed, bar = (arrays[part.name, "who"], arrays[part.name, "count"]), arrays[part.name, Role.SPIKE_BAR, ""]
            if part.step.program.spike_matters:
                if sent or part.name in spikes:
                    calls.append(self._list(part, arrays, _NEAR, listed))
                calls.append(Call(kernels.take_spike_bars, (*listed, spikes[part.name], bar)) if part.name in spikes else Call(kernels.clear, (bar,)))
                calls += [self._link(kernels.gather_dense, kernels.gather_sparse, link, listed, arrays[link.wiring.name, "weight"], arrays, Role.RING_BAR, bar) for link in sent]
            wanted = [link for link in sent if link.wiring.name in self.weights]
            if wanted and part.fires:
                calls.append(self._list(part, arrays, _FIRED, listed))
                calls += [self._link(kernels.weigh_dense, kernels.weigh_sparse, link, listed, arrays[link.wiring.name, "weight_bar"], arrays, Role.RING_BAR) for link in wanted]
        return calls + [Call(part.step.module.backward, self._arguments(part, part.step.signature.backward, arrays, tape)) for part in self.parts if part.step.program.use.product]

    def _list(self, part: Part, arrays: Arrays, bits: Any, listed: tuple[Any, Any]) -> Call:
        return Call(kernels.list_codes, (arrays[part.name, Role.CODE, ""].reshape(-1), part.width, bits, *listed))

    def _link(self, dense: Callable[..., Any], sparse: Callable[..., Any], link: Link, listed: tuple[Any, Any], weight: np.ndarray, arrays: Arrays, role: Role, *more: np.ndarray) -> Call:
        ring = arrays[link.wiring.target, role, link.wiring.port]
        if link.dense:
            return Call(dense, (*listed, weight, int(link.delay[0]), ring, *more))
        return Call(sparse, (*listed, weight, link.first, link.delay, link.begin, link.target, ring, *more))

    def _arguments(self, part: Part, arguments: tuple[Argument, ...], arrays: Arrays, tape: Arrays) -> tuple[Any, ...]:
        made: list[Any] = [part.size]
        for a in arguments:
            made.append(tape[part.name, a.name] if a.role is Role.TAPE else arrays[part.name, a.role, a.name])
        return tuple(made)
