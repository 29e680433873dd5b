"""The parameters of cells with morphology: their membranes and point processes are lowered anew with other values, tables of gates included.

Args:
    core: of the simulation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuropil.engine.access.reset import starting_states
from neuropil.engine.cells.compose import kernel_of
from neuropil.engine.core import Core
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import Population
from neuropil.model.modulation.modulator import effects_on
from neuropil.plan.cells import PlannedCells


def changing_cells(core: Core, population: Population, values: Mapping[str, Any]) -> Callable[[], None]:
    """What gives parameters of channels and point processes new values, after all checks.

    Args:
        population: of cells.
        values: by full name: a number, or float64[cells, 1 or sites of a point process or compartments of the cell].

    Raises:
        ModelError: a constant that is not finite. SimulationError: a state that float32 does not resolve.
    """
    name = population.name
    planned = _planned(core, name, values)
    _check_resolved(planned, values)

    def change() -> None:
        before = starting_states(core) if core.step == 0 else {}
        core.change(cells={**core.now.cells, name: planned})
        core.restarting.add(name)
        for _, cells in core.machine.cells[name]:
            cells.retake(planned)
        old = core.machine.advances[name]
        core.machine.advances[name] = dataclasses.replace(old, kernel=kernel_of(planned))
        core.substitute({old: (core.machine.advances[name],)})
        if before:
            _begin(core, name, before)

    return change


def _planned(core: Core, name: str, values: Mapping[str, Any]) -> PlannedCells:
    """The cells of a population with other values of parameters."""
    planned = core.now.cells[name]
    variants = {b.members[0].part: b.variant for b in core.plan.bare if b.members[0].population is planned.population and b.members[0].part}
    modulated = frozenset(effects_on(core.plan.network.modulators, planned.population))
    return planned.described_with(values, variants, modulated)


def _check_resolved(planned: PlannedCells, values: Mapping[str, Any]) -> None:
    """Refuse what makes a state too slow for float32."""
    for state, why in planned.slow_states.items():
        raise SimulationError(
            f"population {planned.population.name!r}: {state} would be too slow for float32", got=f"{why} with the new {', '.join(values)}",
            fix='Simulation(..., precision="float64")',
        )  # fmt: skip


def _begin(core: Core, name: str, before: Mapping[Any, np.ndarray]) -> None:
    """Before the first step: states that are still where they started begin where they start now, at rest for instance."""
    for (population, part, argument), after in starting_states(core).items():
        if population == name:
            one = core.plan.network[name]
            now = core.gather(one, part, argument)
            core.scatter(one, part, argument, np.where(now == before[population, part, argument], after, now))
