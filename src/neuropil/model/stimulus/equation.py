"""The equation of a stimulus: what it may ask for, and its value for bare numbers, on NumPy or JAX alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError, did_you_mean
from neuropil.model.base.distribution import Distribution
from neuropil.units import Dimension, Quantity, magnitude, ms

TIME, STEP = "t", "dt"
RANDOM = ("uniform", "normal")
"""Random numbers that an equation may ask for, one for each neuron and site in each step."""


@dataclass(frozen=True)
class Equation:
    """What an equation asks for.

    Attributes:
        where: class and method, for messages.
        method: its name.
        arguments: their names, in order, some of `t`, `dt`, `uniform`, `normal`.
    """

    where: str
    method: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, owner: str, method: str, arguments: tuple[str, ...]) -> Equation:
        """Check the arguments.

        Args:
            owner: name of the class.
            method: name of the method.
            arguments: names, without `self`.

        Raises:
            ModelError: a name that is none of an equation's arguments, or two kinds of random numbers.
        """
        where, known = f"{owner}.{method}()", (TIME, STEP, *RANDOM)
        for name in arguments:
            if name not in known:
                raise ModelError(f"{where} has an argument {name!r}", expected=f"some of {', '.join(known)}", fix=did_you_mean(name, known))
        if all(name in arguments for name in RANDOM):
            raise ModelError(f"{where} asks for two random numbers", got=", ".join(RANDOM), expected="one of them", fix="make the other a second stimulus")
        return cls(where, method, arguments)

    @property
    def random(self) -> str | None:
        """Which random number it asks for."""
        return next((name for name in RANDOM if name in self.arguments), None)


def evaluated(stimulus: Any, values: dict[str, Any], t: Any, dt: Any, number: Any, dimension: Dimension) -> Any:
    """The value of a stimulus's equation.

    Args:
        stimulus: one with an equation.
        values: its parameters by name, magnitudes in base units.
        t: start of the step, ms; dt: duration of a step, ms.
        number: the random number that the equation asks for, or anything.
        dimension: that the value must have.

    Returns:
        The magnitude in base units, of the broadcast shape of all arguments that it depends on. (A truth value stays one.)

    Raises:
        UnitError: a value of another dimension.
    """
    equation = stimulus.equation
    assert equation is not None
    return magnitude(_called(stimulus.bound(values), equation, t, dt, number), dimension, equation.where)


def _called(bound: Any, equation: Equation, t: Any, dt: Any, number: Any) -> Any:
    given = {TIME: Quantity(t, ms.dimension), STEP: Quantity(dt, ms.dimension), **dict.fromkeys(RANDOM, Quantity(number))}
    return getattr(bound, equation.method)(*(given[name] for name in equation.arguments))


def evaluated_once(stimulus: Any) -> Any:
    """The equation's result (a quantity, number or truth value) at t = 1 ms, with the medians of distributions.

    Args:
        stimulus: one with an equation.

    Raises:
        ModelError: the equation fails. UnitError: units that do not fit together.
    """
    equation = stimulus.equation
    assert equation is not None
    given = {n: getattr(stimulus, n) for n in stimulus.parameters}
    values = {n: v.quantile(0.5) if isinstance(v, Distribution) else v.value if isinstance(v, Quantity) else v for n, v in given.items()}
    try:
        with np.errstate(all="ignore"):
            return _called(stimulus.bound(values), equation, 1.0, 0.1, 0.5)
    except NeuropilError as error:
        raise type(error)(f"{equation.where}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from None
    except Exception as error:
        fix = "write it with arithmetic and the functions of neuropil.maths, such as where(condition, a, b)"
        raise ModelError(f"{equation.where} fails", got=f"{type(error).__name__}: {error}", fix=fix) from error


def check_equation(stimulus: Any, size: int, dimension: Dimension) -> None:
    """Refuse an equation that does not give one number for each neuron.

    Args:
        stimulus: one with an equation.
        size: number of neurons.
        dimension: that the value must have.

    Raises:
        ModelError: another shape, no numbers, or an equation that fails. UnitError: another dimension.
    """
    where = stimulus.equation.where if stimulus.equation is not None else ""
    raw = magnitude(evaluated_once(stimulus), dimension, where)
    if np.shape(raw) not in ((), (size,)) or np.asarray(raw).dtype.kind not in "biuf":
        raise ModelError(f"{where} must give one number", got=raw, expected="a quantity for one neuron, or one for each")
