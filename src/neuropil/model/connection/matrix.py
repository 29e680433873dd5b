"""Weight matrices with a structure, which are never expanded: what one says of itself.

One outside of the package is one class with an equation, and runs in every executor:

    @dataclass(frozen=True, eq=False)
    class Hat(npl.WeightMatrix):
        \"\"\"Weights that fall with the distance of two neurons on a ring.\"\"\"

        n: int
        height: Any = 1.0
        width: float = 10.0

        @property
        def shape(self):
            return self.n, self.n

        def entry(self, source, target):
            return self.height * maths.cos(2 * math.pi * (source - target) / self.n)

Fields that are quantities, floats, or arrays of floats are parameters: a rollout differentiates by them, `Simulation.set_weights` sets them. All
others (whole numbers, arrays of them) say what the structure is, and stay as they are.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError
from neuropil.units import Dimension, Quantity, magnitude


@dataclass(frozen=True, eq=False)
class WeightMatrix:
    """Base of all structured weights; a subclass gives `shape` and `entry`, and may give `product`."""

    @property
    def shape(self) -> tuple[int, int]:
        """(sources, targets)."""
        raise NotImplementedError

    def entry(self, source: Any, target: Any) -> Any:
        """The weight from a source to a target, with its unit: what defines the matrix.

        Args:
            source, target: whole numbers, or arrays of them that broadcast.
        """
        raise NotImplementedError

    def product(self, x: Any) -> Any:
        """What reaches all targets, [targets], without the matrix being made; by default with it.

        Args:
            x: values of the sources, [sources], of NumPy or JAX (`x.__array_namespace__()` has the functions of either).

        Returns:
            [targets], in the base unit of the weights.
        """
        return x @ self.dense()

    def pairs(self) -> tuple[Any, Any] | None:
        """int64[pairs] twice: source and target of each pair whose weight can differ from zero, whatever the parameters; None: all pairs."""
        return None

    @property
    def multiply_adds(self) -> float:
        """Multiplications and additions of a product."""
        return float(np.prod(self.shape))

    # --- what follows --------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> dict[str, Any]:
        """The magnitudes of its parameters by name, base units."""
        found = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        bare = {n: v.value if isinstance(v, Quantity) else v for n, v in found.items()}
        return {n: v for n, v in bare.items() if isinstance(found[n], Quantity) or isinstance(v, float) or getattr(v, "dtype", np.dtype(int)).kind == "f"}

    def bound(self, values: dict[str, Any]) -> WeightMatrix:
        """A copy whose parameters have these values, unchecked.

        Args:
            values: magnitudes in base units by name.
        """
        twin = copy.copy(self)
        for name, value in values.items():
            old = getattr(self, name)
            object.__setattr__(twin, name, Quantity(value, old.dimension) if isinstance(old, Quantity) else value)
        return twin

    def dense(self) -> Any:
        """All entries, [sources, targets], magnitudes in base units."""
        rows, columns = self.shape
        made = self.entry(np.arange(rows)[:, None], np.arange(columns)[None, :])
        raw = made.value if isinstance(made, Quantity) else made
        return raw + np.zeros(self.shape) if np.shape(raw) != self.shape else raw

    def check(self, shape: tuple[int, int], dimension: Dimension, where: str) -> None:
        """Refuse a matrix of another shape or unit, or one whose entries are not finite.

        Args:
            shape: (sources, targets) required; dimension: of the weights.
            where: opens the error messages.

        Raises:
            ModelError, UnitError: what does not fit.
        """
        if tuple(self.shape) != shape:
            raise ModelError(f"{where}: {type(self).__name__} has the wrong shape", got=tuple(self.shape), expected=f"{shape}: (sources, targets)")
        ends = np.array([[0, shape[0] - 1]]).T, np.array([[0, shape[1] - 1]])
        try:
            made = self.entry(*ends)
        except NeuropilError:
            raise
        except Exception as error:
            fix = "write it with arithmetic and the functions of neuropil.maths, such as where(condition, a, b)"
            raise ModelError(f"{type(self).__name__}.entry() fails", got=f"{type(error).__name__}: {error}", fix=fix) from error
        magnitude(made, dimension, f"{where}: {type(self).__name__}.entry()")
        for name, value in self.parameters.items():
            if not np.all(np.isfinite(value)):
                raise ModelError(f"{where}: {type(self).__name__}.{name} is not finite", got=value, expected="finite numbers")


def values_of(value: Any) -> np.ndarray:
    """The magnitudes of a quantity or of numbers, float64.

    Args:
        value: the quantity, an array, a list or a number.
    """
    return np.asarray(value.value if isinstance(value, Quantity) else value, float)


def as_weights(value: Any, axes: int, where: str) -> Any:
    """Weights given as a list or an array: an array of floats, with their unit if they have one.

    Args:
        value: a quantity, an array or a list.
        axes: that it must have.
        where: opens the error message.

    Raises:
        ModelError: not numbers, or another number of axes.
    """
    try:
        if np.iscomplexobj(value.value if isinstance(value, Quantity) else value):
            raise TypeError  # NumPy would drop the imaginary part with a warning
        raw = np.array(values_of(value))
    except (TypeError, ValueError):
        raise ModelError(f"{where} must be real numbers", got=value) from None
    if raw.ndim != axes or not raw.size:
        raise ModelError(f"{where} has the wrong shape", got=raw.shape, expected=f"{axes} axes, none of them empty")
    raw.setflags(write=False)
    return Quantity(raw, value.dimension) if isinstance(value, Quantity) else raw


def weight_at(values: Any, *indices: Any) -> Any:
    """The entries of an array of weights at some indices, with its unit.

    Args:
        values: a quantity or an array.
        indices: one array of whole numbers for each axis.
    """
    return Quantity(values.value[indices], values.dimension) if isinstance(values, Quantity) else values[indices]
