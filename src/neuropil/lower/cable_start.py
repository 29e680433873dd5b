"""Where a population of cells begins: parameters that differ between its cells, potentials, and states at rest at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.model.base.distribution import Distribution
from neuropil.model.cell.cell import Cell, Draw
from neuropil.model.contents.contents import Population


@dataclass(frozen=True)
class Start:
    """Initial values; what is the same in all cells has one column.

    Attributes:
        v: float64[compartments, 1 or cells], mV, in the order of the cell's compartments.
        states: by membrane group and "mechanism.state": float64[rows of the group, 1 or cells].
    """

    v: np.ndarray
    states: dict[str, dict[str, np.ndarray]]

    @classmethod
    def of(cls, plan: CablePlan, population: Population, seed: int) -> Start:
        """The initial states of the cells of a population.

        Args:
            plan: the lowered cell.
            seed: of what is drawn.

        Raises:
            ModelError: a state that has no steady state, or does not start at a finite number.
        """
        cell = population.neuron
        assert isinstance(cell, Cell)
        n = len(cell)
        v = _given(population, "v", seed, n) if "v" in population.initial else np.full((n, 1), cell.initial)
        states: dict[str, dict[str, np.ndarray]] = {}
        offered: dict[str, np.ndarray] = {}
        for group in plan.membranes:
            rows = plan.order[group.compartments]
            membrane = group.program.membrane
            given = {s: _given(population, s, seed, n)[rows] for s in membrane.states if s in population.initial}
            states[group.name] = start = _initial(group, v[rows], {}, given)
            if any(p.program.membrane.around for p in plan.points):
                for name, value in membrane.surroundings(group.parameters, start, v[rows], {}).items():
                    whole = offered.setdefault(name, np.full((n, population.size), np.nan))
                    whole[rows] = value
        for point in plan.points:
            rows = plan.order[point.compartments]
            given = {s: _given(population, s, seed, point.size) for s in point.program.membrane.states if s in population.initial}
            around = {name: offered[name][rows] for name in point.program.membrane.around if name in offered}
            states[point.name] = _initial(point, v[rows], around, given)
        return cls(v, states)


def _initial(group: MembraneGroup, v: np.ndarray, around: dict[str, Any], given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = group.program.membrane.initial(group.parameters, v, around, given)
    for state, value in found.items():
        if not np.all(np.isfinite(value)):
            raise ModelError(f"{state} does not start at a finite number", got=value[~np.isfinite(value)].flat[0], fix="check its parameters and Cell.initial")
    return {state: np.broadcast_to(value, (group.size, value.shape[1] if value.ndim == 2 else 1)) for state, value in found.items()}


def _given(population: Population, state: str, seed: int, sites: int) -> np.ndarray:
    """What the population says of a state: float64[sites, cells]."""
    value = population.initial[state]
    if isinstance(value, Distribution):
        return _drawn(value, population, seed, "initial", state, sites)
    shape = (population.size, sites)
    return np.broadcast_to(np.reshape(value, shape) if np.ndim(value) else value, shape).T


def _drawn(value: Distribution, population: Population, seed: int, purpose: str, name: str, sites: int) -> np.ndarray:
    key = rng.stream_key(seed, purpose, population.name, name)
    return np.asarray(value.quantile(rng.uniform(key, np.arange(sites * population.size), 0))).reshape(sites, population.size)


def draw_for(population: Population, seed: int) -> Draw:
    """The values of parameters that differ between the cells of a population, see `neuropil.model.cell.cell.Draw`.

    Args:
        seed: of the draws.
    """

    def draw(name: str, value: Any, sites: int) -> np.ndarray:
        if isinstance(value, Distribution):
            return _drawn(value, population, seed, "parameter", name, sites)
        raw = np.asarray(value.value, float)
        return raw[:, None] if sites > 1 and raw.size == sites else raw.reshape(population.size, sites).T

    return draw
