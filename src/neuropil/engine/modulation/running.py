"""A modulator of a running simulation, for the program that drives it: signals, doses, a cap; and what it goes on from."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine.access.arguments import numbers
from neuropil.engine.caller import CallerGuard, between_steps
from neuropil.engine.effects.level import Level
from neuropil.engine.saved import Arrays, array
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.units import DIMENSIONLESS, Quantity


class RunningModulator:
    """A modulator of a simulation, for the program that drives it.

    Args:
        level: its concentrations, as owners hold them.
        guard: of the simulation, which keeps other callers out while it runs.

    Attributes:
        modulator: as described.
    """

    def __init__(self, level: Level, guard: CallerGuard):
        self.level, self.modulator, self._guard = level, level.modulator, guard

    @property
    def c(self) -> np.ndarray:
        """float64[places], concentrations, base units, to be read: every owner holds its own."""
        return _read_only(self.level.c[0])

    @property
    def signal(self) -> Any:
        """How its nucleus fires beside its tonic rate (see `neuropil.model.modulation.kinetics`); 0 at the start; one number, or one per cell, to be read."""
        return _read_only(self.level.signal) if self.level.signal.size > 1 or self.modulator.signals == (1,) else self.level.signal[0]

    @property
    def cap(self) -> float:
        """The most that is supplied and released in a tick, base units."""
        return float(self.level.doses[0][1])

    @property
    def concentration(self) -> Quantity:
        """The present concentration (over positions its mean over the volume)."""
        return Quantity(float(self.c.mean()), self.modulator.kinetics.dimension)

    def occupancy(self, receptor: str) -> float:
        """The present occupancy of a receptor at the mean concentration, 0 to 1.

        Raises:
            NetworkError: there is no such receptor.
        """
        if receptor not in self.modulator.receptors:
            raise NetworkError(f"modulator {self.modulator.name!r} has no receptor {receptor!r}", fix=did_you_mean(receptor, self.modulator.receptors))
        return float(self.modulator.receptors[receptor].occupancy(self.c.mean()))

    @between_steps
    def set_signal(self, value: Any) -> None:
        """Set the signal; it holds until it is set again.

        Args:
            value: a finite number; where cells are `Apart`, it may be an array with one for each, in the order of the volume.
        """
        given = numbers(value, DIMENSIONLESS, f"the signal of modulator {self.modulator.name!r}", self.modulator.signals)
        self.level.signal = np.array(given, float).reshape(-1)

    @between_steps
    def release(self, amount: Any) -> None:
        """Add a dose to the whole volume at the next tick; doses add up until then.

        Args:
            amount: a concentration.

        Raises:
            SimulationError: a negative dose.
        """
        dose = float(numbers(amount, self.modulator.kinetics.dimension, f"the dose of modulator {self.modulator.name!r}", ()))
        if dose < 0 and not self.modulator.kinetics.instant:
            raise SimulationError(f"a dose of modulator {self.modulator.name!r} cannot be negative", got=amount, fix="a negative signal stops the release of the nucleus")
        for doses in self.level.doses:
            doses[0] += dose

    @between_steps
    def set_cap(self, amount: Any | None) -> None:
        """Limit what is supplied and released in a tick: the remedy for self-stimulation.

        Args:
            amount: a concentration, mean over the volume; None: no limit.

        Raises:
            SimulationError: a negative limit.
        """
        name, dimension = self.modulator.name, self.modulator.kinetics.dimension
        cap = np.inf if amount is None else float(numbers(amount, dimension, f"the cap of modulator {name!r}", ()))
        if cap < 0:
            raise SimulationError(f"the cap of modulator {name!r} cannot be negative", got=amount)
        for doses in self.level.doses:
            doses[1] = cap

    # --- for the loop ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Concentrations as at the start, and nothing released; signal and cap stay."""
        self._hold(self.modulator.start(), 0.0, self.cap, 0)

    def _hold(self, c: np.ndarray, dose: float, cap: float, counts: Any) -> None:
        for t, own in enumerate(self.level.c):
            own[:] = c
            self.level.doses[t][:] = dose, cap
            self.level.counts[t][:] = counts

    def save(self) -> Arrays:
        """What it goes on from."""
        level, cap = self.level, {} if self.cap == float(self.modulator.cap) else {"cap": np.array(self.cap)}
        counts = {f"spikes {j}": level.counts[0][a : a + stop - start].copy() for j, (start, stop, a) in enumerate(level.nuclei)}
        return {"concentration": self.c.copy(), "signal": np.array(self.signal, float), "dose": np.array(level.doses[0][0]), **cap, **counts}

    def restore(self, arrays: Arrays) -> None:
        """Restore the `arrays` that `save` returned."""
        counts = [array(arrays, f"spikes {j}") for j in range(len(self.level.nuclei))]
        cap = float(array(arrays, "cap")) if "cap" in arrays else float(self.modulator.cap)
        self.level.signal = np.array(arrays["signal"], float).reshape(-1)
        self._hold(array(arrays, "concentration"), float(array(arrays, "dose")), cap, np.concatenate([np.zeros(0, np.int64), *counts]))
        self.level.flush(0)


def _read_only(values: np.ndarray) -> np.ndarray:
    """A view through which nothing can be written."""
    view = values.view()
    view.setflags(write=False)
    return view


class ByName(dict[str, RunningModulator]):
    """The modulators of a simulation by name; the error for a wrong name suggests the right one."""

    def __missing__(self, name: str) -> RunningModulator:
        raise NetworkError(f"the network has no modulator {name!r}", fix=did_you_mean(name, self))
