"""What the step of cells with morphology is given: its loops over membranes and point processes, and the arrays of each.

A loop goes over one membrane group of a block of cells. What lies in compartments of the block has no group; everything else belongs
to one, named by its index among the cell's groups. Names in the text are `neuropil.codegen.cable_source`'s own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.lower.constants import Constants
from neuropil.lower.neuron_program import Variant
from neuropil.plan.signature import Argument, Kind


class CableKind(Enum):
    """What an array of a cell's step holds; numbers of the run's precision unless it says otherwise."""

    POTENTIAL = "potential"  # of the compartments of a block, or at the sites of a point process
    CONDUCTANCE = "conductance"  # likewise
    CURRENT = "outward current"  # likewise
    AREA = "area"  # of the compartments of a block, for each of its cells, as the two that follow
    DIAGONAL = "diagonal"  # what of it never changes
    SHARED = "concentration or ion current"  # likewise: what mechanisms have in common, such as "c_ca"
    CARRIED = "ion current of a point process"  # at its sites
    SITES = "sites"  # (compartment, conductance, current, potential), see `neuropil.engine.cells.kernels.add_sites`
    PER_AREA = "1/area"  # of the compartment at each site
    RUNS = "runs"  # int64[r, 3], see `MembraneGroup`
    NUMBERS = "numbers"  # equal for all elements of a loop: hoisted constants, then weight scales
    CONSTANT = "hoisted constant"  # of a loop, by its node: one that differs between compartments or cells
    STATE = "state"  # "mechanism.state"
    TABLE = "gate table"  # (values [tiles, …], lowest potential, intervals per mV, intervals), see `neuropil.engine.cells.gates`
    INTERVAL = "interval of the gate table"  # int32, in which each element's potential lies, from 1; 0 outside of the range
    WITHIN = "offset in the interval"  # where in it
    NOISE = "noise"  # of a channel, "mechanism.input", at the elements of a group within a block
    DRAWN = "drawn noise"  # (what the network has drawn of it, [site, own cell], int64[elements]: the site of each element)
    NETWORK = "network"  # what the network fills and reads, an `Argument` of the part


@dataclass(frozen=True)
class CableArgument:
    """An array of a cell's step.

    Attributes:
        kind: what it is; group: whose, None of a block's compartments.
        name: of which state, ion, constant or argument of the network; loop: in which loop.
    """

    kind: CableKind
    group: int | None = None
    name: str | int | Argument = ""
    loop: str = ""


OF_BLOCK = tuple(CableArgument(k) for k in (CableKind.POTENTIAL, CableKind.CONDUCTANCE, CableKind.CURRENT, CableKind.AREA, CableKind.DIAGONAL))
"""What every loop may use, handed to a step first."""


@dataclass(frozen=True)
class CablePort:
    """What arrives at a port of a point process: multiples of the weight scale, with the index of the scale among the loop's numbers, and real numbers.

    Attributes:
        exact: the array of exact sums, or None.
        weight_index: of the weight scale among the numbers of the loop.
        real: the array of real sums, or None.
    """

    exact: CableArgument | None
    weight_index: int
    real: CableArgument | None


@dataclass(frozen=True)
class CableLoop:
    """A loop over a membrane group.

    Attributes:
        kind: as of `MembraneProgram.outputs`; group: its index; point: whether over the sites of a point process.
        outputs: nodes that it computes, by name; reads: leaf -> array; writes: output -> array.
        constants: node -> array, of those that differ; ports: leaf -> what arrives there.
        system: area and diagonal, with which currents of membranes become the system that is solved; else none.
        guard: the intervals of the gate table: only elements in none of them are computed; else None.
    """

    kind: str
    group: int
    point: bool
    outputs: Mapping[str, int]
    reads: Mapping[str, CableArgument]
    writes: Mapping[str, CableArgument]
    constants: Mapping[int, CableArgument]
    ports: Mapping[str, CablePort]
    system: tuple[CableArgument, ...] = ()
    guard: CableArgument | None = None

    @property
    def numbers(self) -> CableArgument:
        """Its table of numbers."""
        return CableArgument(CableKind.NUMBERS, self.group, loop=self.kind)

    def length(self, constants: Constants) -> int:
        """How many numbers it has: hoisted constants, and weight scales.

        Args:
            constants: of the loop.
        """
        return len(constants.nodes) + sum(port.exact is not None for port in self.ports.values())

    @property
    def arrays(self) -> tuple[CableArgument, ...]:
        """Everything it reads and writes for each element."""
        arriving = [a for port in self.ports.values() for a in (port.exact, port.real) if a is not None]
        guard = () if self.guard is None else (self.guard,)
        return tuple(dict.fromkeys((*self.reads.values(), *self.writes.values(), *self.constants.values(), *arriving, *self.system, *guard)))


@dataclass(frozen=True)
class Exchange:
    """What is brought between compartments and the sites of point processes, as pairs of arrays (in compartments, at sites).

    Attributes:
        early: what currents of point processes read; late: what their states read; added: what they add to ion currents.
    """

    early: tuple[tuple[CableArgument, CableArgument], ...]
    late: tuple[tuple[CableArgument, CableArgument], ...]
    added: tuple[tuple[CableArgument, CableArgument], ...]

    @property
    def arrays(self) -> tuple[CableArgument, ...]:
        """All that is used."""
        areas = [CableArgument(CableKind.PER_AREA, own.group) for _, own in self.added]
        return (*(a for pairs in (self.early, self.late, self.added) for pair in pairs for a in pair), *areas)


@dataclass(frozen=True)
class CableTable:
    """The table of a membrane group.

    Attributes:
        group: its index.
        states: of the tabulated gates, in order.
    """

    group: int
    states: tuple[CableArgument, ...]

    @property
    def values(self) -> CableArgument:
        """The table itself."""
        return CableArgument(CableKind.TABLE, self.group)

    @property
    def located(self) -> tuple[CableArgument, CableArgument]:
        """Where each element's potential lies in it."""
        return CableArgument(CableKind.INTERVAL, self.group), CableArgument(CableKind.WITHIN, self.group)


@dataclass(frozen=True)
class CableSignature:
    """A cell's step without its text.

    Attributes:
        loops: (kind, group) -> loop, of those that compute anything.
        tables: of the membrane groups that have one.
        noises: of channels: what is drawn, and where the loops of a group read it.
        exchange: between compartments and sites.
        arguments: arrays, after those of `OF_BLOCK` and what every step is given.
    """

    loops: Mapping[tuple[str, int], CableLoop]
    tables: tuple[CableTable, ...]
    noises: tuple[tuple[CableArgument, CableArgument], ...]
    exchange: Exchange
    arguments: tuple[CableArgument, ...]

    @classmethod
    def of(cls, plan: CablePlan, variants: Mapping[str, Variant]) -> CableSignature:
        """For a lowered cell; variants: what of each point process is in use, by name.

        Args:
            plan: the lowered cell.
        """
        made = [_loop(plan, g, kind, variants) for g in range(len(plan.groups)) for kind in ("currents", "states", "gates", "offers")]
        loops = {(one.kind, one.group): one for one in made if one.outputs}
        tables = tuple(
            CableTable(g, tuple(CableArgument(CableKind.STATE, g, n) for n in group.tabulated)) for g, group in enumerate(plan.groups) if group.table is not None
        )
        noises = tuple(
            (CableArgument(CableKind.DRAWN, g, n), CableArgument(CableKind.NOISE, g, n)) for g, group in enumerate(plan.membranes) for n in group.program.membrane.signals
        )
        exchange = _exchange(plan)
        used = dict.fromkeys(exchange.arrays)
        for one in loops.values():
            used |= dict.fromkeys((CableArgument(CableKind.RUNS, one.group), one.numbers, *one.arrays))
        used |= dict.fromkeys(a for table in tables for a in (table.values, *table.located))
        used |= dict.fromkeys(a for pair in noises for a in pair)
        used |= dict.fromkeys(CableArgument(CableKind.SITES, g) for g in plan.point_groups)
        return cls(loops, tables, noises, exchange, tuple(a for a in used if a not in OF_BLOCK))

    def loops_of(self, group: int) -> list[CableLoop]:
        """The loops over a group, in order.

        Args:
            group: its index.
        """
        return [loop for loop in self.loops.values() if loop.group == group]

    def weight_scale(self, group: int, name: str, port: str) -> tuple[CableArgument, int]:
        """Where the weight scale at a port of a point process lies: a table of numbers, and the index in it.

        Args:
            group: number of the loop's group.
            name: of the point process.
            port: its name.
        """
        loop = self.loops["states", group]
        return loop.numbers, loop.ports[f"w.{name}.{port}"].weight_index


def numbers_of(group: MembraneGroup, loop: CableLoop, weight_scales: Mapping[str, float]) -> np.ndarray:
    """The numbers of a loop, float64; weight_scales: by port.

    Args:
        group: of compartments.
        loop: of the group.
        weight_scales: by port.
    """
    exact = [leaf for leaf, port in loop.ports.items() if port.exact is not None]
    return np.append(group.loops[loop.kind].numbers, [weight_scales[leaf.rpartition(".")[2]] for leaf in exact])


def _loop(plan: CablePlan, g: int, kind: str, variants: Mapping[str, Variant]) -> CableLoop:
    group, point = plan.groups[g], g >= len(plan.membranes)
    program, membrane = group.program, group.program.membrane
    outputs = {} if point and kind == "offers" else group.outputs[kind]
    sites_of = g if point else None
    common = {n: CableArgument(CableKind.SHARED, sites_of, n) for n in (*membrane.around, *membrane.counted, *program.offers)}
    states = {n: CableArgument(CableKind.STATE, g, n) for n in membrane.states}
    if point:
        signals = {n: CableArgument(CableKind.NETWORK, g, Argument(Kind.INPUT, n.partition(".")[2])) for n in membrane.signals}
    else:
        signals = {n: CableArgument(CableKind.NOISE, g, n) for n in membrane.signals}
    arrays = {"v": CableArgument(CableKind.POTENTIAL, sites_of), **{n: common[n] for n in membrane.around}, **signals}
    known = {**{f"x.{n}": a for n, a in arrays.items()}, **{f"s.{n}": a for n, a in states.items()}}
    read = program.graph.leaves(*outputs.values())
    if kind == "currents":
        writes = {"g": CableArgument(CableKind.CONDUCTANCE, sites_of), "out": CableArgument(CableKind.CURRENT, sites_of)}
        writes |= {n: CableArgument(CableKind.CARRIED, g, n) if point else common[n] for n in membrane.counted}
    else:
        writes = {n: common[n] if kind == "offers" else states[n] for n in outputs}
    constants = {node: CableArgument(CableKind.CONSTANT, g, node, kind) for node in group.loops[kind].arrays}
    ports = _ports(g, group, variants[group.name]) if point and kind == "states" and outputs else {}
    system = (CableArgument(CableKind.AREA), CableArgument(CableKind.DIAGONAL)) if kind == "currents" and not point else ()
    guard = CableArgument(CableKind.INTERVAL, g) if kind == "gates" else None
    return CableLoop(kind, g, point, outputs, {leaf: a for leaf, a in known.items() if leaf in read}, writes, constants, ports, system, guard)


def _ports(g: int, group: MembraneGroup, variant: Variant) -> dict[str, CablePort]:
    """What arrives at a point process, by leaf."""
    found: dict[str, CablePort] = {}
    index = len(group.loops["states"].nodes)
    for port in group.program.membrane.traced[group.name].spec.ports:
        exact, real = (
            CableArgument(CableKind.NETWORK, g, Argument(kind, port)) if port in used else None
            for kind, used in ((Kind.EXACT, variant.wired), (Kind.REAL, variant.real))
        )
        if exact or real:
            found[f"w.{group.name}.{port}"] = CablePort(exact, index, real)
            index += exact is not None
    return found


def _exchange(plan: CablePlan) -> Exchange:
    early: list[tuple[CableArgument, CableArgument]] = []
    late: list[tuple[CableArgument, CableArgument]] = []
    added: list[tuple[CableArgument, CableArgument]] = []
    for g in plan.point_groups:
        program = plan.groups[g].program
        for name in program.membrane.around:
            pair = CableArgument(CableKind.SHARED, None, name), CableArgument(CableKind.SHARED, g, name)
            for pairs, needed in zip((early, late), program.read(name), strict=True):
                pairs += [pair] if needed else []
        added += [(CableArgument(CableKind.SHARED, None, ion), CableArgument(CableKind.CARRIED, g, ion)) for ion in program.membrane.counted]
    return Exchange(tuple(early), tuple(late), tuple(added))
