"""What a probe recorded: one variable of chosen neurons, sampled in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ResultError
from neuropil.registry import provided


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
        return f"Trace({self.variable} of {self.population} in {self.unit}: {len(self)} samples{span}, {self.neurons.size} columns)"

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
