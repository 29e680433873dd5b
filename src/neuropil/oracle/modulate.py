"""Modulators, tick by tick: concentrations by the equations of the description, and the parameters that follow them.

At the beginning of every step that is a multiple of a modulator's tick: advance, add what was released, then compute
every parameter that it changes from its value in the description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuropil.model import Network, Population, Projection
from neuropil.model.base import grid
from neuropil.model.modulation.bound_effect import BoundEffect
from neuropil.model.modulation.modulator import Modulator, effects_on, trace_name
from neuropil.oracle.integrate import Array

Given = Mapping[str, Mapping[int, Any]]
"""By modulator, a number (or one for each cell that is apart) for some steps."""

Setter = Callable[[Population | Projection, dict[str, Any]], None]
"""What gives a target new values of parameters, by their full names."""


class Modulators:
    """All modulators of a network while it runs.

    Args:
        signals: the signal from a step on; doses: what is given to the whole volume at a step (base units).
        base: (target, parameter) -> its value in the description, a number or several, and of which cell each of them is.
        set_parameters: see `Setter`.
        dt: time step, ms.
    """

    def __init__(self, network: Network, dt: float, signals: Given, doses: Given, base: Callable[[Any, str], tuple[Any, Array | None]], set_parameters: Setter):
        self.modulators, self.dt = list(network.modulators.values()), dt
        self.signals, self.doses, self.set_parameters = signals, doses, set_parameters
        self.c = {m.name: m.start() for m in self.modulators}
        self.signal: dict[str, Any] = {m.name: 0.0 for m in self.modulators}
        self.dose = {m.name: 0.0 for m in self.modulators}
        self.counts: dict[str, list[Array]] = {m.name: [np.zeros(r.nucleus.size) for r in m.releases] for m in self.modulators}
        self.traces: dict[str, list[float]] = {trace_name(m, p): [] for m in self.modulators for p in m.watched}
        targets: list[Population | Projection] = [*network.populations.values(), *network.projections]
        self.effects = [(t, effects_on(network.modulators, t)) for t in targets if effects_on(network.modulators, t)]
        self.base = {(id(t), name): base(t, name) for t, effects in self.effects for name in effects}
        self.acted = False

    def before(self, k: int) -> None:
        """Act at t_k, before step `k`, where a tick is due."""
        for m in self.modulators:
            self.signal[m.name] = self.signals.get(m.name, {}).get(k, self.signal[m.name])
            self.dose[m.name] += self.doses.get(m.name, {}).get(k, 0.0)
        ticking = [m for m in self.modulators if k % grid.steps(m.tick, self.dt, "tick") == 0]
        for m in ticking:
            self._tick(m, k)
        if ticking:
            self.acted = True
            for target, effects in self.effects:
                self.set_parameters(target, {name: self._value(target, name, listed, k) for name, listed in effects.items()})

    def rebase(self, target: Population, name: str, values: Array, k: int) -> None:
        """Act, from now on, on other values of a parameter.

        Args:
            target: whose; name: of the parameter.
            values: base units, [neurons · sites].
            k: the step before which they change.
        """
        if (id(target), name) in self.base:
            self.base[id(target), name] = (values, self.base[id(target), name][1])
            effects = next(effects for t, effects in self.effects if t is target)
            if self.acted:
                self.set_parameters(target, {name: self._value(target, name, effects[name], k)})

    def after(self, fired: dict[str, Array]) -> None:
        """Count the spikes of a step, bool per neuron by population.

        Args:
            fired: bool[neurons] by population.
        """
        for m in self.modulators:
            for release, count in zip(m.releases, self.counts[m.name], strict=True):
                count += fired[release.nucleus.name]

    def _tick(self, m: Modulator, k: int) -> None:
        released = np.full(m.grid.size, self.dose[m.name])
        for release, count in zip(m.releases, self.counts[m.name], strict=True):
            released = released + release.released(count, m.grid)
            count[:] = 0
        self.dose[m.name] = 0.0
        self.c[m.name] = m.after(self.c[m.name], self.signal[m.name], released, m.cap, first=k == 0)
        for population in m.watched:
            self.traces[trace_name(m, population)].append(m.grid.mean(self.c[m.name], population))

    def _value(self, target: Population | Projection, name: str, effects: tuple[BoundEffect, ...], k: int) -> Any:
        value, cells = self.base[id(target), name]
        for effect in effects:
            local = effect.local(self.c[effect.modulator])
            value = effect.apply(value, local[cells] if np.ndim(local) and cells is not None else local, k * self.dt)
        return value
