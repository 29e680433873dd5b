"""What a modulator changes: parameters of a target, computed by generated functions, and written where they are read.

A tick costs little where nothing changes: an effect is a few operations on floats, or one loop over cells, and whatever follows
from a parameter (see the subclasses) is computed only when its value is another than before.

Args:
    effects: on the parameters, by name.
    dt: time step, ms; step: present step; time: ms.
    local: float64[cells], concentration at each cell.
    name: of the parameter.
    changed: new values by name.
    store: the synapses.
    where: whose states, for messages; slow: reasons by state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuropil.codegen.pointwise import Pointwise
from neuropil.engine.effects.faults import Effects, explain_bounds
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.modulation import EffectProgram
from neuropil.model.modulation.bound_effect import vary_by_cell


class Modulated:
    """Parameters of one target under effects.

    Args:
        effects: by parameter, within the model.
        base: their values in the description: numbers, or arrays where they differ.
        size: number of values of a parameter that effects make different.
        dt: ms.

    Attributes:
        now: present values by parameter; arrays are written anew by each tick.
        modulators: names of those that act.
    """

    def __init__(self, effects: Effects, base: Mapping[str, Any], size: int, dt: float):
        self.effects, self.base, self.dt = effects, dict(base), dt
        self.modulators = {e.modulator for listed in effects.values() for e in listed}
        program, extent = EffectProgram.of(effects), {}
        for name, listed in effects.items():
            drawn = np.ndim(base[name]) > 0
            extent[name] = np.size(base[name]) if drawn else size if vary_by_cell(listed) else 0
        self.groups = [_Group(self, program, [n for n in effects if extent[n] == e], e) for e in sorted(set(extent.values()))]
        self.now = {n: v for group in self.groups for n, v in zip(group.names, group.function.values, strict=True)}

    def act(self, concentrations: Mapping[str, np.ndarray], step: int) -> None:
        """Let the concentrations (by modulator) change the parameters."""
        changed: dict[str, Any] = {}
        for group in self.groups:
            within, moved = group.evaluate(concentrations)
            if not within:
                explain_bounds(self.effects, self.base, concentrations, step * self.dt, lambda local, name: local[self.cell_index(np.arange(local.size), name)])
            changed |= {group.names[k]: group.function.values[k] for k in moved}
        if changed:
            self.now |= changed
            self.write(changed, step)

    def forget(self) -> None:
        """What was written is not what follows from the present values: everything is written at the next tick."""
        for group in self.groups:
            unknown(group.function)

    def cell_index(self, cells: np.ndarray, name: str) -> np.ndarray:
        """For every value of a parameter, of an array over the cells of the population, the entry of its cell."""
        raise NotImplementedError

    def write(self, changed: dict[str, Any], step: int) -> None:
        """Bring new values, by parameter, to where they are read."""
        raise NotImplementedError


class _Group:
    """Parameters of one number of values: 0 is one number for all."""

    def __init__(self, target: Modulated, program: EffectProgram, names: list[str], extent: int):
        self.names, self.target = names, target
        listed = [e for n in names for e in target.effects[n]]
        self.fields = {e.modulator: e for e in listed if not e.grid.mixed}
        self.mixed = {e.modulator for e in listed} - self.fields.keys()
        arrays = frozenset(parameter_leaf(n) for n in names if np.ndim(target.base[n]))
        values = [target.base[n] if np.ndim(target.base[n]) else float(target.base[n]) for n in names]
        self.known: dict[str, Any] = {parameter_leaf(n): np.array(v, float) if np.ndim(v) else v for n, v in zip(names, values, strict=True)}
        self.function = Pointwise(
            "effects", program.graph, [program.values[n] for n in names], checks=[program.within[n] for n in names], arrays=arrays,
            gathered=frozenset(f"c.{m}" for m in self.fields), size=extent, start=values,
        )  # fmt: skip

    def evaluate(self, concentrations: Mapping[str, np.ndarray]) -> tuple[bool, list[int]]:
        """See `Pointwise`."""
        for name in self.mixed:
            self.known[f"c.{name}"] = float(concentrations[name][0])
        for name, effect in self.fields.items():
            cells = effect.grid.voxels[effect.population.name]
            self.known[f"c.{name}"] = concentrations[name], self.target.cell_index(cells, self.names[0])
        return self.function(self.known)


def unknown(function: Pointwise) -> None:
    """Let the next values of a `function` count as others, whatever they are."""
    function.values[:] = [np.full_like(v, np.nan) if np.ndim(v) else np.nan for v in function.values]
