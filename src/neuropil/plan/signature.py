"""What the kernel of a part is given: arrays with a value per element, and a table of numbers equal for the elements of a site.

Both are objects, which the engine reads to allocate and to bind; their names in a kernel's text are `neuropil.codegen.kernel`'s own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from neuropil.lower.neuron_program import NeuronProgram


class Kind(Enum):
    """What a value is; its text names it to people and in checkpoints."""

    STATE = "state"
    REFRACTORY = "refractory steps left"
    EXACT = "exact input"  # what has arrived at a port, in multiples of the weight scale; its reader sets it to zero
    REAL = "real input"  # what has arrived at a port, float64; likewise
    COUNT = "Poisson count"  # of events at a port
    WEIGHT_SCALE = "weight scale"  # at a port
    EVENT_WEIGHT = "weight of a Poisson event"  # at a port
    INPUT = "input"
    CONSTANT = "hoisted constant"  # by its index among the program's
    PERIOD = "refractory period"  # in steps
    UNIFORM = "uniform number"
    FIRED = "fired"
    SOMA_STATE = "state of the soma"  # the arrays of the soma have an entry for each of its elements
    SOMA_INPUT = "input of the soma"
    SOMA_SHIFT = "shift to the soma"  # uint64[segments]: from an element's index to its soma's, modulo 2**64


OF_SOMA = (Kind.SOMA_STATE, Kind.SOMA_INPUT, Kind.SOMA_SHIFT)
"""What belongs to the soma that an element acts on."""

SAVED = (Kind.STATE, Kind.REFRACTORY)
"""What a run goes on from."""

_ELEMENT: dict[Kind, Any] = {
    Kind.PERIOD: np.int32, Kind.FIRED: np.uint8, Kind.COUNT: np.uint8, Kind.REAL: np.float64, Kind.SOMA_SHIFT: np.uint64
}  # fmt: skip


@dataclass(frozen=True)
class Argument:
    """A value that a kernel reads or writes.

    Attributes:
        kind: what it is; name: of which state, port, input or constant, as the model names it.
    """

    kind: Kind
    name: str | int = ""

    @property
    def label(self) -> str:
        """For people and files: "state v"."""
        return f"{self.kind.value} {self.name}".rstrip()

    @classmethod
    def labelled(cls, label: str) -> Argument:
        """The argument of a state or of the refractory count that has this label."""
        return cls(Kind.REFRACTORY) if label == Kind.REFRACTORY.value else cls(Kind.STATE, label.removeprefix(f"{Kind.STATE.value} "))

    def element(self, real: Any, accumulator: Any, refractory: Any) -> np.dtype:
        """The type of its elements, where real numbers, exact inputs and refractory counts have these types.

        Args:
            real: type of real numbers.
            accumulator: type of exact sums.
            refractory: type of refractory counts.
        """
        own = {Kind.EXACT: accumulator, Kind.REFRACTORY: refractory, **_ELEMENT}
        return np.dtype(own.get(self.kind, real))

    def passes(self, changing: tuple[str, ...]) -> int:
        """How often a step reads and writes it for each element, `changing` being the states that are written."""
        if self.kind is Kind.STATE:
            return 2 if self.name in changing else 1
        return {Kind.EXACT: 2, Kind.REAL: 2, Kind.REFRACTORY: 2, Kind.SOMA_INPUT: 2, Kind.SOMA_SHIFT: 0}.get(self.kind, 1)


def state(name: str) -> Argument:
    """The array of the state of this name."""
    return Argument(Kind.STATE, name)


@dataclass(frozen=True)
class Varying:
    """What differs between the neurons of one population, and is therefore read from arrays.

    Attributes:
        constants: indices among the program's hoisted constants.
        weights: counted ports whose event weight differs.
        period: the refractory period differs.
    """

    constants: tuple[int, ...] = ()
    weights: tuple[str, ...] = ()
    period: bool = False


@dataclass(frozen=True)
class Signature:
    """What a kernel is given.

    Attributes:
        arguments: arrays, in order, after (bounds, numbers, periods).
        columns: of `numbers`, which has a row for each segment.
    """

    arguments: tuple[Argument, ...]
    columns: tuple[Argument, ...]

    @classmethod
    def of(cls, program: NeuronProgram, varying: Varying) -> Signature:
        """For a program and what differs between elements."""
        variant = program.variant
        made: list[Argument] = []
        columns: list[Argument] = []
        for k in range(len(program.hoisted)):
            (made if k in varying.constants else columns).append(Argument(Kind.CONSTANT, k))
        made += [state(n) for n in program.states]
        made += [Argument(Kind.REFRACTORY)] if program.refractory else []
        made += [Argument(Kind.SOMA_SHIFT)] if variant.read or variant.gives else []
        made += [Argument(Kind.SOMA_STATE, n) for n in dict.fromkeys(n for _, n in variant.read)]
        made += [Argument(Kind.INPUT, n) for n in variant.driven]
        for port in program.step.traced.spec.ports:
            if port in variant.wired:
                columns.append(Argument(Kind.WEIGHT_SCALE, port))
                made.append(Argument(Kind.EXACT, port))
            if port in variant.counted:
                made.append(Argument(Kind.COUNT, port))
                (made if port in varying.weights else columns).append(Argument(Kind.EVENT_WEIGHT, port))
            if port in variant.real:
                made.append(Argument(Kind.REAL, port))
        made += [Argument(Kind.UNIFORM)] if program.draws_uniform else []
        made += [Argument(Kind.SOMA_INPUT)] if program.given is not None else []
        made += [Argument(Kind.FIRED)] if program.can_fire else []
        made += [Argument(Kind.PERIOD)] if program.can_fire and program.refractory and varying.period else []
        return cls(tuple(made), tuple(columns))

    @cached_property
    def own(self) -> tuple[Argument, ...]:
        """The arrays with an entry per element."""
        return tuple(a for a in self.arguments if a.kind not in OF_SOMA)

    def column(self, kind: Kind, name: str | int) -> int:
        """The index of a number in its row.

        Args:
            name: of the number.
        """
        return self.columns.index(Argument(kind, name))
