"""Physical units: a thin layer that checks dimensions while a model is traced and leaves nothing at run time.

Values are held in one coherent set of base units: ms, mV, pA, µm, mM. In it pF·mV/ms = pA and nS·mV = pA, so an
equation of a neuron needs no conversion factor, and the number a kernel sees is the number the field writes.

Why not a units library: `brainunit` and its like carry units through every array of a program; here units live only
at the boundary and during one scalar trace, the same functions must also run on plain NumPy for the oracle, and an
error must name the model and the equation. That takes the few lines below and adds no dependency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np

from neuropil.errors import MissingNameError, UnitError, did_you_mean

_BASES = ("ms", "mV", "pA", "µm", "mM")
Dimension: TypeAlias = tuple[int, int, int, int, int]
DIMENSIONLESS: Dimension = (0, 0, 0, 0, 0)

# Spelled-out names for the dimensions people meet, so that an error says "nS" and not "pA·mV⁻¹".
_NAMES: dict[Dimension, str] = {
    (1, 0, 0, 0, 0): "ms",
    (-1, 0, 0, 0, 0): "1/ms",
    (0, 1, 0, 0, 0): "mV",
    (0, 0, 1, 0, 0): "pA",
    (1, -1, 1, 0, 0): "pF",
    (0, -1, 1, 0, 0): "nS",
    (0, 1, -1, 0, 0): "GΩ",
    (0, 0, 0, 1, 0): "µm",
    (0, 0, 0, 0, 1): "mM",
    (-1, 1, 0, 0, 0): "mV/ms",
    (-1, 0, 1, 0, 0): "pA/ms",
    DIMENSIONLESS: "dimensionless",
}


def unit_name(dimension: Dimension) -> str:
    """The dimension written in base units, in the field's spelling where it has one."""
    if dimension in _NAMES:
        return _NAMES[dimension]
    parts = [b if e == 1 else f"{b}^{e}" for b, e in zip(_BASES, dimension, strict=True) if e]
    return "·".join(parts)


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


class Quantity:
    """A number, NumPy array or JAX tracer together with its dimension; arithmetic checks the dimension.

    Attributes:
        value: the magnitude in base units (ms, mV, pA, µm, mM and their products).
        dimension: exponents of the five base units.

    Raises:
        UnitError: from any operation whose two sides do not agree.
    """

    __slots__ = ("dimension", "value")
    value: Any
    dimension: Dimension
    __array_priority__ = 1000
    __array_ufunc__ = None  # `array * unit` must come to __rmul__ whole, not element by element

    def __init__(self, value: Any, dimension: Dimension = DIMENSIONLESS):
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "dimension", dimension)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a Quantity is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return Quantity, (self.value, self.dimension)

    @property
    def unit(self) -> str:
        """The unit of `value`, as text."""
        return unit_name(self.dimension)

    def to(self, unit: Quantity) -> Any:
        """The magnitude in another unit of the same dimension: ``(2 * second).to(ms) == 2000``.

        Raises:
            UnitError: the dimensions differ.
        """
        if unit.dimension != self.dimension:
            raise UnitError("cannot convert between these units", got=self.unit, expected=unit.unit)
        return self.value / unit.value

    def __repr__(self) -> str:
        value = self.value
        shown = f"{value:g}" if isinstance(value, (int, float)) else repr(value)
        return shown if self.dimension == DIMENSIONLESS else f"{shown} {self.unit}"

    def __hash__(self) -> int:
        return hash((self.dimension, self.value if isinstance(self.value, (int, float)) else id(self.value)))

    @property
    def anything(self) -> bool:
        """Whether this is a bare zero, the one number that has every unit: it saves model files from `0 * pA` in a `where`."""
        return self.dimension == DIMENSIONLESS and _is_zero(self.value)

    def _same(self, other: Any, operation: str) -> Any:
        if isinstance(other, Quantity):
            if other.dimension != self.dimension and not other.anything and not self.anything:
                raise UnitError(
                    f"cannot {operation} quantities of different units",
                    got=f"{self.unit} and {other.unit}",
                    expected="one unit on both sides",
                    fix="check the equation, or multiply by the missing quantity",
                )
            return other.value
        if self.dimension != DIMENSIONLESS and not _is_zero(other):
            raise UnitError(
                f"cannot {operation} a quantity and a bare number",
                got=f"{self.unit} and a dimensionless number",
                expected=f"both in {self.unit}",
                fix="give the number its unit, for example 15 * mV",
            )
        return other

    def _sum_dimension(self, other: Any) -> Dimension:
        if self.anything and isinstance(other, Quantity):
            return other.dimension
        return self.dimension

    def __add__(self, other: Any) -> Quantity:
        return Quantity(self.value + self._same(other, "add"), self._sum_dimension(other))

    def __radd__(self, other: Any) -> Quantity:
        return Quantity(self._same(other, "add") + self.value, self._sum_dimension(other))

    def __sub__(self, other: Any) -> Quantity:
        return Quantity(self.value - self._same(other, "subtract"), self._sum_dimension(other))

    def __rsub__(self, other: Any) -> Quantity:
        return Quantity(self._same(other, "subtract") - self.value, self._sum_dimension(other))

    def __mul__(self, other: Any) -> Quantity:
        if isinstance(other, Quantity):
            return Quantity(self.value * other.value, _add(self.dimension, other.dimension))
        return Quantity(self.value * _array(other), self.dimension)

    def __rmul__(self, other: Any) -> Quantity:
        return Quantity(_array(other) * self.value, self.dimension)

    def __truediv__(self, other: Any) -> Quantity:
        if isinstance(other, Quantity):
            return Quantity(self.value / other.value, _add(self.dimension, other.dimension, -1))
        return Quantity(self.value / _array(other), self.dimension)

    def __rtruediv__(self, other: Any) -> Quantity:
        return Quantity(_array(other) / self.value, _add(DIMENSIONLESS, self.dimension, -1))

    def __pow__(self, exponent: Any) -> Quantity:
        if isinstance(exponent, Quantity):
            exponent = exponent.value if exponent.dimension == DIMENSIONLESS else exponent
        if self.dimension == DIMENSIONLESS and not isinstance(exponent, Quantity):
            return Quantity(self.value**exponent)
        if not isinstance(exponent, int):
            raise UnitError("a quantity with a unit can only be raised to a whole power", got=f"{self.unit} ** {exponent}")
        return Quantity(self.value**exponent, tuple(e * exponent for e in self.dimension))  # type: ignore[arg-type]

    def __rpow__(self, base: Any) -> Quantity:
        self.require_dimensionless("the exponent of a power")
        return Quantity(base**self.value)

    def __neg__(self) -> Quantity:
        return Quantity(-self.value, self.dimension)

    def __pos__(self) -> Quantity:
        return self

    def __abs__(self) -> Quantity:
        return Quantity(abs(self.value), self.dimension)

    def __getitem__(self, index: Any) -> Quantity:
        return Quantity(self.value[index], self.dimension)

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        self.require_dimensionless("float()")
        return float(self.value)

    # Comparisons give a bare bool (or array of them): it has no unit.
    def __lt__(self, other: Any) -> Any:
        return self.value < self._same(other, "compare")

    def __le__(self, other: Any) -> Any:
        return self.value <= self._same(other, "compare")

    def __gt__(self, other: Any) -> Any:
        return self.value > self._same(other, "compare")

    def __ge__(self, other: Any) -> Any:
        return self.value >= self._same(other, "compare")

    def __eq__(self, other: Any) -> Any:
        """Of plain numbers in different units, and of anything else, plainly no (as `in` needs); of arrays and in equations an error."""
        if isinstance(self.value, (int, float)) and self._foreign(other):
            return NotImplemented
        return self.value == self._same(other, "compare")

    def __ne__(self, other: Any) -> Any:
        if isinstance(self.value, (int, float)) and self._foreign(other):
            return NotImplemented
        return self.value != self._same(other, "compare")

    def _foreign(self, other: Any) -> bool:
        """Whether something is not a number at all, or a plain one in another unit."""
        if isinstance(other, Quantity):
            return isinstance(other.value, (int, float)) and other.dimension != self.dimension and not other.anything and not self.anything
        if isinstance(other, (int, float)):
            return self.dimension != DIMENSIONLESS and not _is_zero(other)
        return other is None or isinstance(other, (str, bytes, dict, set, type))

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in (np.shape, np.ndim, np.size):
            return function(*(a.value if isinstance(a, Quantity) else a for a in args), **options)
        raise UnitError(
            f"NumPy functions do not support quantities: {function.__name__}() of quantities", got=" and ".join(sorted({a.unit for a in args if isinstance(a, Quantity)})) or "quantities",
            fix=f"apply it to numbers in one unit and multiply the result: np.{function.__name__}(...) * mV",
        )  # fmt: skip

    def require_dimensionless(self, where: str) -> None:
        """Refuse a quantity that has a unit.

        Args:
            where: what the value is for; opens the error message.

        Raises:
            UnitError: the quantity has a unit.
        """
        if self.dimension != DIMENSIONLESS:
            raise UnitError(
                f"{where} must be dimensionless", got=self.unit, expected="dimensionless",
                fix=f"divide by a quantity of this unit: value / (1 * {_spelled(self.dimension)}), or take its number: value.to({_spelled(self.dimension)})",
            )


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float) if isinstance(value, (list, tuple)) else value


def _add(a: Dimension, b: Dimension, sign: int = 1) -> Dimension:
    return tuple(x + sign * y for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def _told(dimension: Dimension) -> str:
    """A unit for people: 1/ms is a rate."""
    return "Hz or kHz (1/ms)" if dimension == kHz.dimension else unit_name(dimension)


def _spelled(dimension: Dimension) -> str:
    """A unit as one writes it in Python."""
    if dimension == kHz.dimension:
        return "Hz"
    named = {d: n for n, d in _UNIT_NAMES.items()}
    if dimension in named:
        return named[dimension]
    return " * ".join(f"{_PYTHON[b]}**{e}" if e != 1 else _PYTHON[b] for b, e in zip(_BASES, dimension, strict=True) if e)


def _example(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else "value"


def magnitude(value: Any, dimension: Dimension, where: str) -> Any:
    """The magnitude of `value` in base units, after checking that it has this dimension.

    Args:
        value: a Quantity, or a bare number (allowed when the dimension is dimensionless, or the number is zero).
        where: what the value is for; opens the error message.
        dimension: exponents of the base units, such as ``ms.dimension``.

    Raises:
        UnitError: when the dimension differs.
    """
    if isinstance(value, Quantity):
        if value.dimension != dimension and not value.anything:
            number = isinstance(value.value, (int, float))
            fix = f"give a quantity in this unit, for example {_example(value.value)} * {_spelled(dimension)}" if number else None
            raise UnitError(f"{where} has the wrong unit", got=value.unit, expected=_told(dimension), fix=fix)
        return value.value
    if dimension != DIMENSIONLESS and not _is_zero(value):
        raise UnitError(
            f"{where} needs a unit",
            got=f"the bare value {value!r}",
            expected=_told(dimension),
            fix=f"give it its unit: {_example(value)} * {_spelled(dimension)}, with units from neuropil.units",
        )
    return value


# --- the units themselves -----------------------------------------------------------------------------------

ms = Quantity(1.0, (1, 0, 0, 0, 0))
mV = Quantity(1.0, (0, 1, 0, 0, 0))
pA = Quantity(1.0, (0, 0, 1, 0, 0))
um = Quantity(1.0, (0, 0, 0, 1, 0))
mM = Quantity(1.0, (0, 0, 0, 0, 1))

second = 1000.0 * ms
us = 1e-3 * ms
Hz = 1e-3 / ms
kHz = 1.0 / ms
volt = 1000.0 * mV
uV = 1e-3 * mV
nA = 1000.0 * pA
uA = 1e6 * pA
pF = pA * ms / mV
nF = 1000.0 * pF
uF = 1e6 * pF
nS = pA / mV
pS = 1e-3 * nS
uS = 1000.0 * nS
mS = 1e6 * nS
GOhm = mV / pA
MOhm = 1e-3 * GOhm
Ohm = 1e-6 * MOhm
_PYTHON = {"ms": "ms", "mV": "mV", "pA": "pA", "µm": "um", "mM": "mM"}
_UNIT_NAMES = {n: q.dimension for n, q in (("ms", ms), ("mV", mV), ("pA", pA), ("um", um), ("mM", mM), ("pF", pF), ("nS", nS), ("GOhm", GOhm), ("mV / ms", mV / ms))}

mm = 1000.0 * um
cm = 1e4 * um
uM = 1e-3 * mM
nM = 1e-6 * mM

# Annotations for parameters: `tau_m: Time = 10 * ms`.
Time: TypeAlias = Annotated[Quantity, ms.dimension]
Rate: TypeAlias = Annotated[Quantity, kHz.dimension]
Voltage: TypeAlias = Annotated[Quantity, mV.dimension]
Current: TypeAlias = Annotated[Quantity, pA.dimension]
Capacitance: TypeAlias = Annotated[Quantity, pF.dimension]
Conductance: TypeAlias = Annotated[Quantity, nS.dimension]
Resistance: TypeAlias = Annotated[Quantity, GOhm.dimension]
Length: TypeAlias = Annotated[Quantity, um.dimension]
Concentration: TypeAlias = Annotated[Quantity, mM.dimension]
CapacitanceDensity: TypeAlias = Annotated[Quantity, (pF / um**2).dimension]
ConductanceDensity: TypeAlias = Annotated[Quantity, (nS / um**2).dimension]



_SPOKEN = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "kilo": "k", "mega": "M", "giga": "G", "centi": "c"}
_WORDS = {"volt": "V", "second": "s", "amp": "A", "ampere": "A", "siemens": "S", "farad": "F", "hertz": "Hz", "ohm": "Ohm", "meter": "m", "metre": "m", "molar": "M"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Suggest the unit for other common names: millivolt is mV."""
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        known = sorted(n for n, v in globals().items() if isinstance(v, Quantity))
        spoken = [p + u for long, p in _SPOKEN.items() for word, u in _WORDS.items() if name.lower() in (long + word, f"{long}{word}s")]
        raise MissingNameError(f"neuropil.units has no {name!r}", fix=did_you_mean(next(iter(spoken), name), known))
