"""Cells with morphology described with other values: channels, point processes, capacitances and axial conductances."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import split
from neuropil.units import Quantity

Tree = dict[str, Any]


def described_cell(population: Population, cell: Cell, mine: Tree, before: Tree) -> Tree:
    """What `Network.replace` needs for cells with other values.

    Args:
        population: of the cells.
        cell: its neuron.
        mine, before: parameters by name, as of `neuropil.learn.cable`: as they shall be, and as they are.

    Returns:
        {} or {"neuron": another cell}.

    Raises:
        ModelError: values that differ between the cells of a population.
    """
    changed = {n: np.asarray(v, np.float64) for n, v in mine.items() if not np.array_equal(v, before[n])}
    if not changed:
        return {}
    twin = copy.copy(cell)
    vars(twin).update(painted=list(cell.painted), placed=dict(cell.placed))
    for name, value in changed.items():
        if value.ndim > 1:
            raise ModelError(f"{population.name}.{name} differs between cells", got=value.shape, expected="one number, or one for each compartment or site")
        if not np.all(np.isfinite(value)):
            raise ModelError(f"{population.name}.{name} is not finite", got=value)
        part, parameter = split(name)
        if not part:
            _electric(twin, cell, parameter, value)
        elif part in cell.placed:
            placed = twin.placed[part]
            twin.placed[part] = dataclasses.replace(placed, process=placed.process.with_(**{parameter: _as_given(placed.process, parameter, value)}))
        else:
            _paint(twin, part, parameter, value)
    return {"neuron": twin}


def _electric(twin: Cell, cell: Cell, parameter: str, factor: np.ndarray) -> None:
    """Capacitances times a factor, or resistances towards the parents over one."""
    made = twin.compartments
    if parameter == "capacitance":
        vars(twin)["compartments"] = dataclasses.replace(made, capacitance=made.capacitance * factor)
    else:
        vars(twin)["compartments"] = dataclasses.replace(made, resistance=made.resistance / factor)


def _paint(twin: Cell, name: str, parameter: str, value: np.ndarray) -> None:
    """A parameter of a channel, one number or one for each compartment that has it, in the cell's order."""
    having = np.flatnonzero(twin.channels[name])
    for k, painted in enumerate(twin.painted):
        if painted.name != name:
            continue
        along = {n: v for n, v in painted.along.items() if n != parameter}
        channel = painted.channel
        if value.ndim == 0:
            channel = channel.with_(**{parameter: _as_given(channel, parameter, value)})
        else:
            along[parameter] = value[np.searchsorted(having, painted.where)]
        twin.painted[k] = dataclasses.replace(painted, channel=channel, along=along)


def _as_given(model: Any, parameter: str, value: np.ndarray) -> Quantity:
    return Quantity(float(value) if value.ndim == 0 else value, model.spec.parameters[parameter])
