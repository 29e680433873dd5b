"""How the concentration of a modulator changes: what supplies it, and what removes it.

    dC/dt = tonic · max(0, 1 + signal) - removal(C)  (+ diffusion),    tonic = removal(baseline)

so that with a signal of 0 the concentration rests at its baseline. A signal of -1 is a nucleus that pauses (as dopamine
neurons do when a reward fails to come), one of 3 a burst at four times its tonic rate. What spikes and doses release is
added at the end of the tick in which they fell.

A tick is advanced by the classical Runge-Kutta method of order 4, in steps no longer than a tenth of the fastest time
constant: elementwise operations in float64, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np

from neuropil.errors import ModelError, NetworkError
from neuropil.maths import maximum
from neuropil.model.base.described import DeclarativeModel
from neuropil.units import Concentration, Dimension, Quantity, Rate, Time, kHz, magnitude, mM, ms, unit_name

RateOfChange: TypeAlias = Annotated[Quantity, (mM / ms).dimension]
"""Annotation of a parameter: concentration per time."""

PER_TIME_CONSTANT = 10.0
MOST_STEPS = 1000

Spread = Callable[[np.ndarray], np.ndarray]
"""d/dt by diffusion, base units, for concentrations on a grid."""


class Kinetics(DeclarativeModel):
    """Base class: a subclass says what removes the substance, in `removal(c)`.

    Its parameter `baseline` is the concentration at rest; its unit is the unit of the concentration (a number without
    unit will do for a modulator that is an idea rather than a substance).

    Class attribute:
        instant: it has no past: the level is the baseline and what is supplied in the tick.
    """

    baseline: Concentration = 0 * mM

    instant: ClassVar[bool] = False
    reserved: ClassVar[frozenset[str]] = DeclarativeModel.reserved | {"instant"}

    @classmethod
    def check_class(cls) -> None:
        """A concentration has no ports, inputs or states of its own."""
        if cls.spec.states or cls.spec.ports or cls.spec.inputs:
            raise ModelError(f"{cls.__name__}: kinetics cannot have states, ports or inputs", got=[*cls.spec.states, *cls.spec.ports, *cls.spec.inputs])

    @property
    def dimension(self) -> Dimension:
        """Of the concentration."""
        return self.spec.parameters["baseline"]

    @property
    def rest(self) -> float:
        """The baseline in base units."""
        return float(self.baseline.value)

    def removal(self, c: Any) -> Any:
        """What is removed per time at concentration `c` (a quantity, of any shape).

        Raises:
            ModelError: the class does not define it.
        """
        raise ModelError(f"{type(self).__name__} does not define removal(c)", fix="define removal(self, c)")

    def supplied(self, signal: Any, tick: float) -> Any:
        """What the nucleus supplies over a tick (ms) with this signal, base units: one number, or one per cell as the signal is."""
        return maximum(0.0, 1.0 + signal).value * self.removed(self.baseline.value) * tick

    def advance(self, c: Any, given: Any, tick: float, spread: Spread | None = None, steps: int = 1) -> np.ndarray:
        """The concentration (an array) a tick (ms) later, `given` being what is supplied over it, evenly.

        Args:
            c: float64[voxels], base units.
            given: supplied over the tick, base units, one number or float64[voxels].
            tick: ms.
            spread: d/dt by diffusion, as a function of the concentrations; None: none.
            steps: Runge-Kutta steps.

        Returns:
            float64[voxels].
        """
        if self.instant:
            return np.full_like(c, self.rest + given)
        h, rate = tick / steps, given / tick

        def slope(at: Any) -> Any:
            flow = rate - self.removed(at)
            return flow if spread is None else flow + spread(at)

        shape = c.shape
        if c.size == 1 and spread is None:
            c = float(c[0])  # plain numbers: the same sums, in less time
        for _ in range(steps):
            k1 = slope(c)
            k2 = slope(c + 0.5 * h * k1)
            k3 = slope(c + 0.5 * h * k2)
            c = c + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + slope(c + h * k3))
        return np.reshape(c, shape)

    def removed(self, c: Any) -> Any:
        """`removal` on plain numbers in base units, its unit checked.

        Args:
            c: concentration, base units, any shape.
        """
        ms_exponent, *rest = self.dimension
        value = self.removal(Quantity(c, self.dimension))
        return magnitude(value, (ms_exponent - 1, *rest), f"{type(self).__name__}.removal")  # type: ignore[arg-type]

    def steps(self, tick: float, fastest_spread: float = 0.0) -> int:
        """Runge-Kutta steps in a tick (ms), from the rates (1/ms) of removal around rest, and of diffusion.

        Args:
            tick: ms.
            fastest_spread: fastest rate of diffusion, 1/ms.

        Raises:
            NetworkError: a removal that is not finite or falls with the concentration; too many steps.
        """
        at = self.rest * np.array([0.0, 1.0, 10.0])
        h = 1e-6 * max(abs(self.rest), 1e-12)
        with np.errstate(all="ignore"):
            rates = (np.asarray(self.removed(at + h)) - np.asarray(self.removed(at))) / h
        if not np.all(np.isfinite(rates)):
            raise NetworkError(f"{self!r}: removal(c) is not finite near rest", got=rates, fix="check its parameters: none that divides may be 0")
        if float(np.max(rates)) < 0:
            raise NetworkError(f"{self!r}: removal(c) must not decrease with the concentration, or it grows without bound", got=f"a rate of {float(np.max(rates)):g} per ms", expected="not negative")
        # With diffusion a step of one over its fastest rate keeps concentrations positive, which Runge-Kutta allows up to twice.
        steps = int(np.ceil(max(PER_TIME_CONSTANT * float(np.max(np.abs(rates))) * tick, fastest_spread * tick, 1.0)))
        if steps > MOST_STEPS:
            raise NetworkError(
                f"{type(self).__name__}: the tick is too long for its kinetics",
                got=f"a tick of {tick:g} ms would take {steps} steps", expected=f"at most {MOST_STEPS}", fix="a shorter tick, slower kinetics, or a coarser grid",
            )  # fmt: skip
        return steps


class FirstOrder(Kinetics):
    """Removal in proportion: C / tau (dopamine in Izhikevich 2007, Cereb Cortex 17:2443, has tau = 0.2 s)."""

    tau: Time = 200 * ms

    def removal(self, c: Any) -> Any:
        return c / self.tau


class MichaelisMenten(Kinetics):
    """Transporters that saturate, and a part in proportion: vmax · C / (km + C) + loss · C."""

    vmax: RateOfChange
    km: Concentration
    loss: Rate = 0 * kHz

    def removal(self, c: Any) -> Any:
        return self.vmax * c / (self.km + c) + self.loss * c


class Signal(Kinetics):
    """No substance: a level that follows the signal at once, level = baseline + signal. It may be negative."""

    baseline: float = 0.0  # type: ignore[assignment]

    instant = True

    def removal(self, c: Any) -> Any:
        return 0.0 * c / ms

    def supplied(self, signal: Any, tick: float) -> Any:
        return signal


def concentration_text(value: float, dimension: Dimension) -> str:
    """A concentration value (base units of this dimension) as text with its unit, nM for molar concentrations."""
    return f"{value * 1e6:g} nM" if dimension == mM.dimension else f"{value:g} {unit_name(dimension)}".replace(" dimensionless", "")
