"""What a probe recorded: one variable of chosen neurons, sampled in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError
from neuropil.registry import provided
from neuropil.result.extras import library
from neuropil.result.quantities import in_ms, unit_of
from neuropil.units import Quantity, ms

_SLACK_MS = 1e-6
"""Samples this close to the end of a window are in it: 3 steps of 0.1 ms are 0.30000000000000004 ms."""


def concentration_of(modulator: str) -> str:
    """The variable of a modulator's trace, "[dopamine]": no state of a model has such a name."""
    return f"[{modulator}]"


@dataclass(frozen=True, eq=False)
class Trace:
    """Samples of one variable.

    Attributes:
        times_ms: (times,) float64, when each row was sampled, ms.
        values: (times, neurons) float32 or float64, in `unit`.
        neurons: (neurons,) int64, index within the population.
        unit: the unit of the values, such as "mV"; empty if the variable has none.
        variable: the name of the variable, such as "v".
        population: the population whose neurons were probed.
        sites: (neurons,) int64, the site of each column, for a variable with several per neuron; else None.

    Raises:
        ResultError: arrays whose shapes do not fit together.
    """

    times_ms: NDArray[np.float64]
    values: NDArray[Any]
    neurons: NDArray[np.int64]
    unit: str
    variable: str
    population: str
    sites: NDArray[np.int64] | None = None

    @property
    def is_concentration(self) -> bool:
        """It is of a modulator: its mean over the population, or over all of a well-mixed volume."""
        return self.variable.startswith("[")

    def __post_init__(self) -> None:
        times = np.asarray(self.times_ms, dtype=np.float64)
        values, neurons = np.asarray(self.values), np.asarray(self.neurons, dtype=np.int64)
        if times.ndim != 1 or neurons.ndim != 1 or values.shape != (times.size, neurons.size):
            raise ResultError(
                f"the trace of {self.variable!r} does not fit its times and neurons",
                got=f"values of shape {values.shape}",
                expected=f"(times, neurons) = ({times.size}, {neurons.size})",
            )
        object.__setattr__(self, "times_ms", times)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "neurons", neurons)
        if self.sites is not None:
            sites = np.asarray(self.sites, dtype=np.int64)
            if sites.shape != neurons.shape:
                raise ResultError(f"the trace of {self.variable!r} needs a site per column", got=sites.shape, expected=neurons.shape)
            object.__setattr__(self, "sites", sites)

    def __len__(self) -> int:
        return int(self.times_ms.size)

    def __repr__(self) -> str:
        span = f", {self.times_ms[0]:g} to {self.times_ms[-1]:g} ms" if len(self) else ""
        unit = f" in {self.unit}" if self.unit else ""
        return f"Trace({self.variable} of {self.population}{unit}: {len(self)} samples{span}, {self.neurons.size} columns)"

    @property
    def times(self) -> Quantity:
        """(times,) when each row was sampled, with unit."""
        return Quantity(self.times_ms, ms.dimension)

    @property
    def quantity(self) -> Quantity:
        """(times, neurons) the values with their unit: ``trace.quantity.to(uV)``.

        Raises:
            UnitError: a unit of a trace made by hand that is not one of neuropil's.
        """
        return self.values * unit_of(self.unit)

    @property
    def about(self) -> dict[str, str]:
        """What it is of: variable and population."""
        return {"variable": self.variable, "population": self.population}

    def between(self, t0: Any, t1: Any) -> Trace:
        """The samples taken at t0 to t1, both included.

        Args:
            t0, t1: quantities, or numbers in ms.

        Raises:
            ResultError: not two times with t0 <= t1.
        """
        t0, t1 = in_ms(t0, "the start of a window"), in_ms(t1, "the end of a window")
        if t1 < t0:
            raise ResultError("a time window must not end before it starts", got=f"{t0} to {t1} ms", expected="t0 <= t1")
        rows = (self.times_ms >= t0 - _SLACK_MS) & (self.times_ms <= t1 + _SLACK_MS)
        return replace(self, times_ms=self.times_ms[rows], values=self.values[rows])

    def to_frame(self) -> Any:
        """A pandas DataFrame: index time_ms, a column for each neuron, or neuron and site; `attrs` has the unit.

        Raises:
            NeuropilError: pandas is not installed.
        """
        pandas = library("pandas", "pandas")
        if self.sites is None:
            columns = pandas.Index(self.neurons, name="neuron")
        else:
            columns = pandas.MultiIndex.from_arrays([self.neurons, self.sites], names=["neuron", "site"])
        frame = pandas.DataFrame(np.array(self.values), index=pandas.Index(self.times_ms, name="time_ms"), columns=columns)
        frame.attrs.update(unit=self.unit or "dimensionless", **self.about)
        return frame

    def to_xarray(self) -> Any:
        """An xarray DataArray (time, neuron); sites are a coordinate along "neuron", and `attrs` has the unit.

        Raises:
            NeuropilError: xarray is not installed.
        """
        xarray = library("xarray", "xarray")
        coordinates = {"time": ("time", self.times_ms, {"units": "ms"}), "neuron": ("neuron", self.neurons)}
        if self.sites is not None:
            coordinates["site"] = ("neuron", self.sites)
        return xarray.DataArray(self.values, dims=("time", "neuron"), coords=coordinates, name=self.variable, attrs={"units": self.unit or "dimensionless", **self.about})

    def _repr_html_(self) -> str:
        """What a notebook shows: what it is, and its picture."""
        html: str = provided("drawing").trace_html(self)
        return html

    def plot(self) -> Any:
        """Draw it: up to six neurons over time. Returns the matplotlib figure."""
        return provided("drawing").traces_figure({f"{self.population}.{self.variable}": self})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        same_text = (self.unit, self.variable, self.population) == (other.unit, other.variable, other.population)
        return (
            same_text
            and np.array_equal(self.times_ms, other.times_ms)
            and np.array_equal(self.neurons, other.neurons)
            and (self.sites is None) == (other.sites is None)
            and (self.sites is None or np.array_equal(self.sites, other.sites))  # type: ignore[arg-type]
            and np.array_equal(self.values, other.values, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]  # equality is by content

    def of(self, neuron: int, site: int | None = None) -> NDArray[Any]:
        """(times,) values of one neuron, by its index within the population; at one site (the first probed, if None).

        Raises:
            ResultError: a neuron or site that was not probed.
        """
        if isinstance(neuron, bool) or not isinstance(neuron, (int, np.integer)):
            raise ResultError("of() takes one neuron, by its index", got=repr(neuron), expected="a whole number; of many: the columns of values")
        column = np.flatnonzero(self.neurons == neuron)
        if not column.size:
            raise ResultError("this neuron was not probed", got=neuron, expected=f"one of {np.unique(self.neurons).tolist()}")
        if site is not None:
            at = np.zeros(self.neurons.size, np.int64) if self.sites is None else self.sites
            if not np.any(at[column] == site):
                raise ResultError("this site was not probed", got=site, expected=f"one of {at[column].tolist()}")
            column = column[at[column] == site]
        values: NDArray[Any] = self.values[:, int(column[0])]
        return values
