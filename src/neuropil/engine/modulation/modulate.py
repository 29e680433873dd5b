"""Modulators while a network runs: between chunks of native code, concentrations, and the parameters that follow them.

All of it is NumPy in float64, on numbers that do not depend on threads: counts of spikes, concentrations, and values of
parameters, which are written into the arrays that the kernels read. What did not change is not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuropil.engine.access.arguments import numbers
from neuropil.engine.core import Core
from neuropil.engine.modulation.level import PerVoxel, WellMixed
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.modulation.targets import modulated_neurons, modulated_synapses
from neuropil.engine.saved import Arrays, AsDescribed, array, group
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.base import grid
from neuropil.model.contents.contents import Population
from neuropil.model.modulation.modulator import Modulator, effects_on
from neuropil.plan.plan import Plan
from neuropil.units import DIMENSIONLESS, Quantity

FAR = 1 << 62


class RunningModulator:
    """A modulator of a simulation, for the program that drives it.

    Args:
        dt: time step, ms.

    Attributes:
        modulator: as described.
        signal: how its nucleus fires beside its tonic rate (see `neuropil.model.modulation.kinetics`); 0 at the start; one number or one per cell.
        cap: the most that is supplied and released in a tick, base units.
        c: concentrations, base units.
    """

    def __init__(self, modulator: Modulator, dt: float):
        self.modulator, self.every = modulator, grid.steps(modulator.tick, dt, "tick")
        self.signal: Any = np.zeros(())
        self.dose, self.cap = 0.0, float(modulator.cap)
        self.c = modulator.start()
        self.spikes = [np.zeros(r.nucleus.size, np.int64) for r in modulator.releases]
        self.samples: list[list[float]] = []
        self._dynamics = WellMixed(modulator) if modulator.grid.mixed else PerVoxel(modulator)
        self._watched = [modulator.grid.voxels[name] for name in modulator.watched if name]

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

    def set_signal(self, value: Any) -> None:
        """Set the signal; it holds until it is set again.

        Args:
            value: a finite number; where cells are `Apart`, it may be an array with one for each, in the order of the volume.
        """
        self.signal = numbers(value, DIMENSIONLESS, f"the signal of modulator {self.modulator.name!r}", self.modulator.signals)

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
        self.dose += dose

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
        self.cap = cap

    # --- for the loop ----------------------------------------------------------------------------------------------

    def observe(self, neurons: np.ndarray) -> None:
        """Count spikes (global neurons) of the nuclei."""
        for release, count in zip(self.modulator.releases, self.spikes, strict=True):
            nucleus = release.nucleus
            mine = neurons[(neurons >= nucleus.first) & (neurons < nucleus.first + nucleus.size)] - nucleus.first
            count += np.bincount(mine, minlength=nucleus.size)

    def advance(self, first: bool) -> None:
        """Advance to the end of a tick; `first`: this is t = 0, no time has gone by."""
        released: Any = self.dose
        for release, count in zip(self.modulator.releases, self.spikes, strict=True):
            released = released + release.released(count, self.modulator.grid)
            count[:] = 0
        self.dose = 0.0
        if self.modulator.grid.mixed:
            released = float(np.sum(released))
        self.c = self._dynamics.after(self.c, self.signal, released, self.cap, first)
        self.samples.append([float(self.c[at].mean()) for at in self._watched] or [float(self.c[0])])

    def save(self) -> Arrays:
        """What it goes on from."""
        counts = {f"spikes {j}": count.copy() for j, count in enumerate(self.spikes)}
        cap = {} if self.cap == float(self.modulator.cap) else {"cap": np.array(self.cap)}
        return {"concentration": self.c.copy(), "signal": np.array(self.signal, float), "dose": np.array(self.dose), **cap, **counts}

    def restore(self, arrays: Arrays) -> None:
        """Restore the `arrays` that `save` returned."""
        self.c, self.signal, self.samples = np.array(arrays["concentration"]), np.array(arrays["signal"]), []
        self.dose, self.cap = float(array(arrays, "dose")), float(array(arrays, "cap") if "cap" in arrays else self.modulator.cap)
        for j, count in enumerate(self.spikes):
            count[:] = array(arrays, f"spikes {j}")


class _ByName(dict[str, RunningModulator]):
    """The error for a wrong name suggests the right one."""

    def __missing__(self, name: str) -> RunningModulator:
        raise NetworkError(f"the network has no modulator {name!r}", fix=did_you_mean(name, self))


class Modulation(AsDescribed):
    """All modulators of a simulation.

    Attributes:
        running: by name.
        due: the step of the next tick; far away without modulators.
    """

    named_by = "modulator"

    def __init__(self, plan: Plan, core: Core):
        self.plan, self.core = plan, core
        self.running = _ByName({name: RunningModulator(m, plan.dt) for name, m in plan.network.modulators.items()})
        self.neurons: list[Modulated] = modulated_neurons(core)
        self.synapses: list[Modulated] = modulated_synapses(core)
        self.due = 0 if self.running else FAR

    def observe(self, neurons: np.ndarray) -> None:
        """Take in the spikes (global neurons) of the chunk that ended."""
        for running in self.running.values():
            running.observe(neurons)

    def tick(self, step: int) -> None:
        """What is due at this step, before it runs."""
        self.due = min((step // r.every + 1) * r.every for r in self.running.values())  # first: a tick that fails is not repeated
        ticking = {name for name, r in self.running.items() if step % r.every == 0}
        for name in ticking:
            self.running[name].advance(step == 0)
        self._act(ticking, step)

    def _act(self, ticking: set[str], step: int) -> None:
        concentrations = {name: r.c for name, r in self.running.items()}
        for target in (*self.neurons, *self.synapses):
            if ticking & target.modulators:
                target.act(concentrations, step)

    def check(self, population: Population, values: Mapping[str, Any]) -> None:
        """Refuse values of parameters for which an effect would leave its bounds now.

        Args:
            population: whose.
            values: by full name: a number, or float64[sites · neurons].

        Raises:
            SimulationError: names the effect.
        """
        for name, effects in effects_on(self.plan.network.modulators, population).items():
            value: Any = values.get(name)
            for effect in effects if value is not None else ():
                local = effect.local(self.running[effect.modulator].c)
                each = np.tile(local, max(1, np.size(value) // population.size)) if np.ndim(local) else local
                value = effect.apply(value, each, self.core.step * self.plan.dt)

    def renew(self, act: bool = True) -> None:
        """Start from values of parameters of neurons that have been changed.

        Args:
            act: as what was due has acted; False: concentrations will be others.
        """
        if not self.neurons:
            return
        self.neurons = modulated_neurons(self.core)
        if not act:  # what kernels read is of other concentrations
            for target in self.neurons:
                target.forget()
        if act and self.due > 0:
            concentrations = {name: r.c for name, r in self.running.items()}
            for target in self.neurons:
                target.act(concentrations, self.core.step)

    def flush(self) -> list[np.ndarray]:
        """Concentrations sampled at the ticks since the last flush: [ticks, 1] for every trace."""
        made = []
        for running in self.running.values():
            watched = len(running.modulator.watched)
            samples = np.array(running.samples, float).reshape(-1, watched)
            running.samples = []
            made += [samples[:, j : j + 1] for j in range(watched)]
        return made

    def save(self) -> Arrays:
        """What a checkpoint needs, by name of modulator."""
        return {name: running.save() for name, running in self.running.items()}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore what `save` returned at a step: the parameters are again what they were.

        Args:
            arrays: by name of modulator.
            step: of the checkpoint.
        """
        for name in arrays:
            self.running[name].restore(group(arrays, name))
        self.resume(step)

    def free(self, name: str) -> frozenset[str]:
        """What may be set of the modulator `name`."""
        return frozenset(("signal", "cap"))

    def resume(self, step: int) -> None:
        """Go on from a step with the present concentrations, which have acted on the parameters unless it is the first."""
        if self.running and step:
            self._act(set(self.running), step)
        self.due = min((-(-step // r.every) * r.every for r in self.running.values()), default=FAR)
