"""Sums of currents in the compartments of a cell: what an ion carries, what electrodes inject, what flows along the cell and through its membrane.

    i_axial      current that flows into a compartment from its neighbours, Σ g (v_neighbour - v), pA
    i_injected   current that flows in through point processes that do not cross the membrane (`PointProcess.crosses_membrane`), pA
    i_membrane   outward current through the membrane, of channels, synapses and its capacitance: by conservation of charge i_axial + i_injected, pA
    i_<ion>      outward density of all channels and point processes that carry the ion, pA/µm²

For i_membrane to be what the implicit step has moved through the membrane, to rounding, electrodes must be linear in the potential and
without states, as those of the package are. It is a difference of axial currents: in float32 a potential is rounded to 4·10⁻⁶ mV at 65 mV,
times the axial conductances of a compartment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Probe
from neuropil.model.contents.expression import Expression
from neuropil.model.contents.recordable import Asked, Recordable
from neuropil.model.neuron.composite import full_name
from neuropil.units import Dimension, pA, um


@dataclass(frozen=True, eq=False)
class Flow:
    """What the sites of a mechanism add to compartments.

    Attributes:
        expression: of the mechanism that its `part` names.
        sites: int64[k], which of the mechanism's sites (of a channel: compartments).
        into: int64[k], the compartment to which each adds.
        factor: float64[k], by which its value is multiplied.
    """

    expression: Expression
    sites: np.ndarray
    into: np.ndarray
    factor: np.ndarray


@dataclass(frozen=True, eq=False)
class Sum:
    """A current of each compartment.

    Attributes:
        axial: whether it begins with the axial currents; flows: what is then added, in this order.
        dimension: of the sum.
    """

    axial: bool
    flows: tuple[Flow, ...]
    dimension: Dimension

    def parameters(self, population: Population) -> set[str]:
        """The full names of the parameters that it reads.

        Args:
            population: of cells.
        """
        return {full_name(f.expression.part, n) for f in self.flows for n in f.expression.parameters(f.expression.model_in(population))}


def outward(part: str, ion: str | None = None, name: str = "current") -> Expression:
    """The current of a mechanism: a density (pA/µm²) of a channel, pA of a point process.

    Args:
        part: name of the mechanism.
        ion: which carries it; None: all of it.
        name: of the expression.
    """
    if ion is None:
        return Expression(lambda s, x, p: p.current(s, x), part, name)
    return Expression(lambda s, x, p: p.by_ion(s, x)[ion], part, name)


def injected(cell: Cell) -> tuple[Flow, ...]:
    """What point processes bring into compartments past their membrane, pA."""
    return tuple(
        Flow(outward(n), np.arange(p.compartments.size), np.asarray(p.compartments, np.int64), np.full(p.compartments.size, -1.0))
        for n, p in cell.placed.items() if not p.process.crosses_membrane
    )  # fmt: skip


def membrane(cell: Cell) -> Sum:
    """The outward current through the membrane of each compartment of a `cell`, pA."""
    return Sum(True, injected(cell), pA.dimension)


def of_ion(cell: Cell, ion: str) -> Sum:
    """The outward density of an ion's current in each compartment of a `cell`, pA/µm².

    Args:
        ion: such as "na".
    """
    flows, area = [], np.asarray(cell.compartments.area)
    for name, has in cell.channels.items():
        if ion in carried(cell.models[name]):
            where = np.flatnonzero(has)
            flows.append(Flow(outward(name, ion), where, where, np.ones(where.size)))
    for name, placed in cell.placed.items():
        if ion in carried(placed.process):
            sites = np.flatnonzero(area[placed.compartments] > 0)
            where = np.asarray(placed.compartments, np.int64)[sites]
            flows.append(Flow(outward(name, ion), sites, where, 1.0 / area[where]))
    return Sum(False, tuple(flows), (pA / um**2).dimension)


def carried(mechanism: Any) -> tuple[str, ...]:
    """The ions that carry the current of a mechanism ("" for none in particular)."""
    found: dict[str, Any] = {}

    def recorded(s: Any, x: Any, p: Any) -> float:
        found.update(p.by_ion(s, x))
        return 1.0

    Expression(recorded, name="current").dimension(mechanism)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class SumProbe(Probe):
    """A sum of currents in compartments.

    Attributes:
        sum: what is added up.
    """

    sum: Sum = field(kw_only=True)

    @property
    def site_count(self) -> int:
        assert isinstance(self.target.neuron, Cell)
        return len(self.target.neuron)

    @property
    def recorded(self) -> Any:
        return self.variable

    @property
    def parameters(self) -> set[str]:
        return self.sum.parameters(self.target)

    @property
    def dimension(self) -> Dimension:
        return self.sum.dimension


@dataclass(frozen=True, eq=False)
class Current(Recordable):
    """A sum of currents by name.

    Args:
        name: of the current.
        of: from a cell to the sum.
    """

    name: str
    of: Callable[[Cell], Sum]

    def probe(self, asked: Asked) -> SumProbe:
        cell = asked.population.neuron
        assert isinstance(cell, Cell)
        return SumProbe(**asked.common(self.name, len(cell)), sum=self.of(cell))
