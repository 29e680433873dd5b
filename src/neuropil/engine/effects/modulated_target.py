"""What modulators change of a target: an operation that evaluates effects and what follows from them, and writes it where kernels read it.

Every owner evaluates the effects on what it owns (`neuropil.codegen.effect_source`), from the levels, which all have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.effect_source import EffectsOnPart, Key, effects_source
from neuropil.engine.effects.faults import Effects
from neuropil.engine.effects.kernels import ALWAYS
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.propagator import Propagation
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Given, Kernel, Operation, Phase, Result

Own = dict[str, Any]
"""Arguments of the compiled function, by name."""


class ModulatedTarget:
    """What modulators change of one target.

    Args:
        label: of the target.
        dt: ms.
        effects: by parameter, within the model.
        levels: of all modulators, by name.

    Attributes:
        levels: of those that act; ticks: int64[n], steps at whose multiples they do.
        text: of the compiled function; own: of each owner its arguments.
        operation: what acts at ticks.
    """

    own: list[Own]
    operation: Operation

    def __init__(self, label: str, dt: float, effects: Effects, levels: Mapping[str, Level]):
        self.label, self.dt, self.effects = label, dt, effects
        modulators = dict.fromkeys(e.modulator for listed in effects.values() for e in listed)
        self.levels = {m: levels[m] for m in modulators}
        self.ticks = np.array(sorted({level.every for level in self.levels.values()}), np.int64)

    def mixed_and_fields(self, many: Sequence[str]) -> tuple[list[str], list[str]]:
        """Modulators with one level, and with one for each place.

        Args:
            many: parameters whose values differ between elements.
        """
        fields = list(dict.fromkeys(e.modulator for n in many for e in self.effects[n] if not e.grid.mixed))
        return [m for m in self.levels if m not in fields], fields

    def compute(self, wanted: EffectsOnPart) -> None:
        """Compile, or load from the cache, the function that computes what is `wanted`."""
        self.text = effects_source(wanted)
        self.kernel = load("effects", self.text.source).act

    def operate(self, own: list[Own], buffer: Buffer) -> None:
        """Make the operation.

        Args:
            own: of each owner the arguments of the function.
            buffer: of the values of parameters.
        """
        self.own, ticks = own, self.ticks
        self.operation = Operation(
            f"effects on {self.label}", Phase.MODULATION, Kernel.of(self.kernel), lambda t: self.arguments(t, ticks), (Given.STEP,), Result.FAULT,
            reads=tuple(level.buffer for level in self.levels.values()), sets=(buffer,), periods=tuple(ticks.tolist()),
        )  # fmt: skip

    def arguments(self, t: int, ticks: np.ndarray) -> tuple[Any, ...]:
        """What the compiled function is given after the step.

        Args:
            t: the owner.
            ticks: int64[n], steps at whose multiples it acts.
        """
        return ticks, *(self.own[t][name] for name in self.text.arguments)

    # --- outside of the operation ------------------------------------------------------------------------------------

    def act(self, step: int, ticks: np.ndarray = ALWAYS) -> None:
        """Let the present levels change the parameters.

        Args:
            step: the present one.
            ticks: as of `arguments`.
        """
        for t in range(len(self.own)):
            self.kernel(step, *self.arguments(t, ticks))

    def adopt(self, other: Self) -> None:
        """Take what another one holds, made of other values of parameters and with the same function; the operation stays."""
        operation, ticks = self.operation, self.ticks
        vars(self).update(vars(other))
        self.operation, self.ticks = operation, ticks

    def forget(self) -> None:
        """What was written is not what follows from the present values: everything is written at the next tick."""
        for own in self.own:
            for keys, values in ((self.text.numbers, own["numbers"]), (self.text.rows, own["rows"])):
                for k, key in enumerate(keys):
                    if key[0] == "now":
                        values[k] = np.nan

    @property
    def fault(self) -> int:
        """What was wrong when it last acted."""
        return int(np.bitwise_or.reduce([int(own["numbers"][0]) for own in self.own]))

    def explain(self, step: int) -> None:
        """Say what was wrong when it last acted, if anything was.

        Args:
            step: in which it acted.

        Raises:
            SimulationError, ModelError: it must not go on.
        """
        raise NotImplementedError


def first_number(key: Key, known: Mapping[str, Any]) -> float:
    """The first value of a number.

    Args:
        key: what it is.
        known: values by name: numbers, or arrays of one.
    """
    if key[0] in ("base", "now", "known"):
        return float(np.ravel(known[known_name(key)])[0])
    return float(key[1]) if key[0] == "literal" else 0.0


def known_name(key: Key) -> str:
    """The name of what a number or a row begins with.

    Args:
        key: what it is.
    """
    return key[1].removeprefix("p.") if key[0] == "known" else key[1]


def room_of(propagations: Sequence[Propagation], elements: Sequence[int]) -> Own:
    """Where propagators are computed.

    Args:
        propagations: of the models.
        elements: how many of each.
    """
    own: Own = {}
    for q, (propagation, n) in enumerate(zip(propagations, elements, strict=True)):
        positions = len(propagation.pattern.positions)
        own[f"matrix{q}"], own[f"powers{q}"] = np.zeros((positions, n)), np.zeros((len(propagation.spans), positions, n))
        own[f"spans{q}"] = propagation.spans
    return own
