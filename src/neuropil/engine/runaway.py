"""Which state diverged: the error that names population or projection, variable, element and location."""

from __future__ import annotations

import numpy as np

from neuropil.engine.core import Core
from neuropil.errors import SimulationError
from neuropil.lower.neuron_program import RUNAWAY
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.signature import state as state_array
from neuropil.units import unit_name


def runaway(core: Core) -> SimulationError:
    """The error for the first state that is not finite or beyond bounds: neurons, then cells, then synapses."""
    plan, when = core.plan, f"diverged at t = {core.diverged * core.plan.dt:g} ms"
    states = [(m.population, full_name(m.part, s)) for a in plan.batches for m in a.members for s in a.states]
    states += [(c.population, s) for c in plan.cells.values() for s in c.flat()]
    for population, state in states:
        part, inner = split(state)
        values = core.gather(population, part, state_array(inner))
        bad = _beyond(values)
        if core.of_compartments(population, part):
            bad &= core.present(population, state)
        if bad.any():
            neuron, site = divmod(int(np.argmax(bad)), values.size // population.size)
            name = state + (f"[{site}]" if values.size > population.size else "") + _location(population, part, site)
            return SimulationError(
                f"population {population.name!r}: {name} of neuron {neuron} {when}",
                got=f"{values[np.argmax(bad)]} {unit_name(population.neuron.spec.state_dimensions[state])}",
                expected=f"finite, below {RUNAWAY:g}",
                fix="a smaller dt, bounded inputs, or another integrator; Simulation.result() has what was recorded, and so has the out folder",
            )
    for store in core.per_synapse.values():
        for state, values in store.listed().states.items():
            bad = _beyond(values)
            if bad.any():
                return SimulationError(
                    f"projection {store.projection.name!r}: {state} of synapse {int(np.argmax(bad))} {when}",
                    got=values[np.argmax(bad)], expected=f"finite, below {RUNAWAY:g}", fix="a smaller dt, or another integrator",
                )  # fmt: skip
    return SimulationError("a state diverged and recovered within a step", got=when, fix="try a smaller dt")


def _beyond(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        beyond: np.ndarray = ~(np.abs(values) < RUNAWAY)
    return beyond


def _location(population: Population, part: str, site: int) -> str:
    """Where on a cell a site lies, in words."""
    cell = population.neuron
    if not isinstance(cell, Cell):
        return ""
    compartment = int(cell.placed[part].compartments[site]) if part in cell.placed else site
    return f" (at {cell.compartments.name[compartment]}({cell.compartments.position[compartment]:.3g}))"
