"""What a modulator does to a parameter: pure functions of the parameter's value and of the level of the modulator.

The level is the occupancy of a receptor (0 to 1), or the concentration itself (with its unit). Any function of two
quantities that returns one in the parameter's unit will do, such as ``lambda value, level: value * (1 + level)``; the
classes below say the usual ones in words, and print themselves. A subclass of `Effect` outside the package is one more:
its function is all that the engine, the oracle and the rollout need.

The function is traced (by JAX, once, on one value), so it is written with arithmetic and the functions of `neuropil.maths`;
a condition is `where(condition, a, b)`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from neuropil.errors import ModelError
from neuropil.units import Quantity

Change: TypeAlias = Callable[[Any, Any], Any]
"""A function (value, level) -> value of quantities; an `Effect`, or any other callable."""


class Effect:
    """Base class: a subclass gives the changed value in `__call__`; its attributes that are numbers are its constants."""

    def __call__(self, value: Any, level: Any) -> Any:
        """The parameter's value after the effect.

        Args:
            value: the value before, a quantity in the parameter's unit.
            level: an occupancy (dimensionless), or a concentration.

        Returns:
            A quantity in the parameter's unit.
        """
        raise ModelError(f"{type(self).__name__} does not define its effect", fix="define __call__(self, value, level)")

    @property
    def constants(self) -> dict[str, float]:
        """The attributes that are one number, by name, in base units: what a rollout can differentiate by.

        A 0 without a unit is left out: it stands for 0 in any unit.
        """
        numbers = {n: v for n, v in vars(self).items() if isinstance(v, (int, float)) and not isinstance(v, bool) and v != 0}
        units = {n: v.value for n, v in vars(self).items() if isinstance(v, Quantity) and isinstance(v.value, (int, float))}
        return {n: float(v) for n, v in {**numbers, **units}.items()}

    def with_constants(self, values: Mapping[str, Any]) -> Effect:
        """A copy with other constants.

        Args:
            values: by name, base units.
        """
        made = copy.copy(self)
        for name, value in values.items():
            before = getattr(self, name)
            object.__setattr__(made, name, Quantity(value, before.dimension) if isinstance(before, Quantity) else value)
        return made


@dataclass(frozen=True)
class Gain(Effect):
    """Multiplies: value · (1 + by · (level - at)).

    Attributes:
        by: relative change for one unit of level (a number for an occupancy, 1/concentration for a concentration).
        at: the level that changes nothing.
    """

    by: Any
    at: Any = 0.0

    def __call__(self, value: Any, level: Any) -> Any:
        return value * (1.0 + self.by * (level - self.at))


@dataclass(frozen=True)
class Shift(Effect):
    """Adds: value + by · (level - at).

    Attributes:
        by: change for one unit of level, in the parameter's unit.
        at: the level that changes nothing.
    """

    by: Any
    at: Any = 0.0

    def __call__(self, value: Any, level: Any) -> Any:
        return value + self.by * (level - self.at)


@dataclass(frozen=True)
class Toward(Effect):
    """Mixes: value + (to - value) · level; a full receptor leaves `to` alone. `to` is in the parameter's unit."""

    to: Any

    def __call__(self, value: Any, level: Any) -> Any:
        return value + (self.to - value) * level


@dataclass(frozen=True)
class Becomes(Effect):
    """Replaces: scale · level. What a three-factor rule reads as its third factor.

    Args:
        scale: a quantity in the parameter's unit for each unit of the level.
    """

    scale: Any = 1.0

    def __call__(self, value: Any, level: Any) -> Any:
        return self.scale * level


def name_of(change: Change) -> str:
    """The name of a change, for messages."""
    name = getattr(change, "__name__", None)
    return "a function" if name == "<lambda>" else name or repr(change)
