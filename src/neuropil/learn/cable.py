"""Cells with morphology within a rollout: potentials implicitly, then pools, gates and point processes.

A step is that of `neuropil.oracle.cable`. Inside, compartments stand membrane by membrane, so that a membrane's share of
any array is a slice, and arrays are [compartment, cell]; outside, names and indices are those of the cell. The whole is a
function of every number of the description:

    "leak.g"       a parameter of a channel: a number, or one per compartment that has the channel, in the cell's order
    "tuft.decay"   of a point process: a number, or one per site
    "capacitance"  factor on the membrane's capacitance: a number, or one per compartment
    "axial"        factor on the axial conductances: a number, or one per compartment, for that towards its parent

each of these also as [compartments or sites, cells], where cells differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.chunks import scan
from neuropil.learn.stretch import Stretch, Values, column, like
from neuropil.learn.surrogate import Surrogate
from neuropil.learn.tree import Tree
from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.lower.cable_start import Start, draw_for
from neuropil.lower.trace import Scalars
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.contents.expression import Expression


@dataclass(frozen=True, eq=False)
class CellNeurons:
    """A population of cells as a rollout steps it; the methods are those of `Neurons`.

    Attributes:
        population: as described; cell: its neuron; dt: the time step, ms.
        stored: int[n], the cell's compartment that stands in each row; row is the inverse.
        tree: the solver, in rows.
        membranes: of all compartments that have one, row after row; the bare ones follow.
        points: point processes.
        parameters: by name, see the module.
        initial: {"v": [n, cells], "at": stretch -> state -> [k, cells]}.
        surrogate: the surrogate gradient of spikes, or None; scale: the distance (mV) that it counts as 1.
        row: int[n], the row of each compartment.
    """

    population: Population
    cell: Cell
    dt: float
    stored: np.ndarray
    row: np.ndarray
    tree: Tree
    membranes: tuple[Stretch, ...]
    points: tuple[Stretch, ...]
    parameters: Values
    initial: Values
    surrogate: Surrogate | None
    scale: float

    draws_uniform = False

    @classmethod
    def of(
        cls, population: Population, dt: float, seed: int, dtype: Any, surrogate: Surrogate | None, scale: float | None
    ) -> CellNeurons:
        """The cells of a population, with their membranes traced.

        Args:
            dt: time step, ms.
            seed: of what is drawn.
            dtype: of the arrays.
            surrogate: the surrogate gradient, or None.
            scale: distance to threshold that it counts as 1, mV; None: from the initial potential to threshold.
        """
        cell = population.neuron
        assert isinstance(cell, Cell)
        draw = draw_for(population, seed)
        plan = CablePlan.of(cell, dt, draw=draw)
        having = {n: np.flatnonzero(has) for n, has in cell.channels.items()}
        painted = [plan.order[p.compartments] for p in plan.membranes]
        bare = np.setdiff1d(np.arange(len(cell)), np.concatenate(painted))
        stored = np.concatenate([*painted, bare])
        row = np.empty_like(stored)
        row[stored] = np.arange(len(stored))
        above = np.asarray(cell.compartments.parent)[stored]
        tree = Tree(np.where(above >= 0, row[above], 0), row[plan.order])
        start = Start.of(plan, population, seed)

        def stretch(group: MembraneGroup, rows: np.ndarray, among: dict[str, np.ndarray]) -> Stretch:
            initial = {n: _filled(value, population.size, dtype) for n, value in start.states[group.name].items()}
            return Stretch(group.name, group.program.membrane, rows, among, initial)

        membranes = tuple(
            stretch(group, row[where], {n: np.searchsorted(having[n], where) for n in group.program.membrane.traced})
            for group, where in zip(plan.membranes, painted, strict=True)
        )
        points = tuple(stretch(p, row[plan.order[p.compartments]], {p.name: np.arange(p.size)}) for p in plan.points)
        away = abs(cell.trigger[1] - cell.initial)
        parameters: Values = {"capacitance": 1.0, "axial": 1.0}
        for name, where in having.items():
            for n, value in cell.parameters(name, where, draw)[1].items():
                parameters[f"{name}.{n}"] = np.broadcast_to(value, (len(where), np.shape(value)[1])) if np.ndim(value) == 2 else value
        for point in plan.points:
            parameters.update({n: point.parameters[n] for n in (f"{point.name}.{q}" for q in cell.placed[point.name].process.spec.parameters)})
        initial = {"v": _filled(start.v[stored], population.size, dtype), "at": {s.name: s.initial for s in (*membranes, *points)}}
        return cls(
            population, cell, dt, stored, row, tree, membranes, points, {n: np.asarray(v, dtype) for n, v in parameters.items()}, initial,
            surrogate, scale or (away or 1.0 if surrogate else 1.0),
        )  # fmt: skip

    @classmethod
    def alone(
        cls, cell: Cell, size: int, dt: float, *, dtype: Any = np.float64, surrogate: Surrogate | None = None, scale: float | None = None
    ) -> CellNeurons:
        """Some cells outside any network, for `roll`.

        Args:
            cell: the model.
            size: number of cells.
            dt: time step, ms.
            dtype: of the arrays.
            surrogate, scale: as of `of`.
        """
        return cls.of(Population("cells", cell, size, 0), dt, 1, dtype, surrogate, scale)

    def constants(self, parameters: Scalars, dt: float, dtype: Any) -> Values:
        """All that a step reads.

        Args:
            parameters: by name, see the module.
            dt: time step, ms.
            dtype: of the arrays.

        Raises:
            ModelError: a parameter that the cell does not have, or lacks.
        """
        for name in set(parameters) ^ set(self.parameters):
            fix = did_you_mean(name, self.parameters) if name in parameters else "take a copy of the whole tree and change that"
            raise ModelError(f"{self.population.name}: parameters must be those of the cell", got=name, fix=fix)
        made = self.cell.compartments
        conductance = np.zeros(len(self.stored))
        conductance[1:] = 1.0 / made.resistance[1:]
        axial = column(parameters["axial"], self.stored, dtype) * jnp.asarray(conductance[self.stored, None], dtype)
        storage = column(parameters["capacitance"], self.stored, dtype) * jnp.asarray(made.capacitance[self.stored, None] / dt, dtype)
        found = {"axial": axial, "storage": storage, "diagonal": storage + self.tree.diagonal(axial)}
        return {**found, "at": {s.name: s.constants(parameters, dt, dtype) for s in (*self.membranes, *self.points)}}

    def completed(self, p: Values, s: Values, x: Values) -> Values:
        """Inputs `x` with what the parts of a neuron give each other: here nothing (`p` from `constants`, `s` the states)."""
        return x

    def advance(self, p: Values, s: Values, left: Any, x: Scalars, w: Scalars, u: Any = None) -> tuple[Values, Any, Any]:
        """One step.

        Args:
            p: from `constants`; s: as `initial`; left: int32[cells], returned as it is: cells have no refractory count.
            x, w: signals and summed weights by "point.name", [cells * sites], cell by cell.
            u: not used.

        Returns:
            New states, `left`, and spikes [cells], 1 where the potential rose through the threshold, else 0.
        """
        v, size = s["v"], self.population.size
        signals, events = ({n: a.reshape(size, -1).T for n, a in given.items()} for given in (x, w))
        g, out, ions = self._currents(p, s, signals)
        # Solved for the change: what is rounded then is small beside the potential, which float32 needs.
        new = v + self.tree.solve(p["axial"], p["diagonal"] + g, self.tree.flow(p["axial"], v) - out)
        at = {}
        for one in self.membranes:
            own = one.noises(signals)
            around = {n: self._of(one, ions[n]) for n in one.membrane.around}
            at[one.name] = one.advance(p["at"][one.name], s["at"][one.name], self._of(one, new), around, own, {})
        offered = {**ions, **self._offered(p, at, new)}
        for one in self.points:
            own, arrived = ({n: given[n] for n in names} for given, names in ((signals, one.membrane.signals), (events, one.membrane.ports)))
            around = {n: offered[n][one.rows] for n in one.membrane.around}
            at[one.name] = one.advance(p["at"][one.name], s["at"][one.name], new[one.rows], around, own, arrived)
        return {"v": new, "at": at}, left, self._spikes(v, new)

    def _offered(self, p: Values, at: Values, v: Any) -> Values:
        """What point processes read besides potentials and ion currents, [n, cells]."""
        wanted = {n for one in self.points for n in one.membrane.around if not n.startswith("i_")}
        found: Values = {}
        for one in self.membranes if wanted else ():
            for name, value in one.offers(p["at"][one.name], at[one.name], self._of(one, v)).items():
                found[name] = found.get(name, jnp.zeros_like(v)).at[one.rows].set(value)
        return found

    def _of(self, stretch: Stretch, v: Any) -> Any:
        if stretch in self.points:
            return v[stretch.rows]
        first = int(stretch.rows[0])
        return v[first : first + len(stretch.rows)]

    def _currents(self, p: Values, s: Values, signals: Values) -> tuple[Any, Any, Values]:
        """What membranes and point processes add to the system, nS and pA; densities of ion currents: each [n, cells]."""
        v, parts = s["v"], []
        ions: Values = {}
        area = jnp.asarray(self.cell.compartments.area[self.stored, None], v.dtype)
        for one in self.membranes:
            here = self._of(one, v)
            *both, carried = one.currents(p["at"][one.name], s["at"][one.name], here, {}, one.noises(signals))
            parts.append([self._of(one, area) * part for part in both])
            for name, value in carried.items():
                ions[name] = ions.get(name, jnp.zeros_like(v)).at[one.rows].set(value)
        bare = jnp.zeros((len(v) - sum(len(one.rows) for one in self.membranes), v.shape[1]), v.dtype)
        g, out = (jnp.concatenate([*column, bare]) for column in zip(*parts, strict=True))
        offered = self._offered(p, s["at"], v)
        for one in self.points:
            own = {n: signals[n] for n in one.membrane.signals}
            around = {n: offered[n][one.rows] for n in one.membrane.around if n in offered}
            more, current, carried = one.currents(p["at"][one.name], s["at"][one.name], v[one.rows], around, own)
            g, out = g.at[one.rows].add(more), out.at[one.rows].add(current)
            for name, value in carried.items():
                here = area[one.rows]
                ions[name] = ions[name].at[one.rows].add(jnp.where(here > 0, value / jnp.where(here > 0, here, 1.0), 0.0))
        return g, out, ions

    def _spikes(self, before: Any, after: Any) -> Any:
        trigger, threshold = self.cell.trigger
        old, new = before[self.row[trigger]], after[self.row[trigger]]
        below, fired = old < threshold, new >= threshold
        if self.surrogate is None:
            return (below & fired).astype(new.dtype)
        return self.surrogate.spike(fired, (new - threshold) / self.scale) * below.astype(new.dtype)

    def observed(self, s: Values, name: str, indices: np.ndarray) -> Any:
        """A state ("v", "leak.m", "tuft.rising") at indices counted cell by cell; NaN where a compartment lacks the channel.

        Args:
            s: as `initial`.
            name: full name of the state.
            indices: int[n], cell · sites + site.
        """
        sites = self.population.sites(name)
        cell, site = indices // sites, indices % sites
        if name == "v":
            return s["v"][self.row[site], cell]
        part = name.partition(".")[0]
        if part in self.cell.placed:
            return s["at"][part][name][site, cell]
        absent = jnp.full_like(s["v"], jnp.nan)
        whole = [s["at"][one.name].get(name, absent[: len(one.rows)]) for one in self.membranes]
        return jnp.concatenate([*whole, absent])[self.row[site], cell]

    def evaluated(self, expression: Expression, p: Values, s: Values, x: Values, w: Values) -> Any:
        """An expression of a channel or of a point process, [cells, compartments or sites]; NaN in compartments without the channel.

        Args:
            expression: of the part that it names.
            p: from `constants`; s: as `initial`.
            x, w: signals and summed weights by "point.name", as of `advance`.
        """
        part, size = expression.part, self.population.size
        model = expression.model_in(self.population)
        spec = model.spec
        signals, events = ({n: of[f"{part}.{n}"].reshape(size, -1).T for n in names if f"{part}.{n}" in of} for of, names in ((x, spec.inputs), (w, spec.ports)))

        def value(one: Stretch, supply: Values) -> Any:
            own, now = p["at"][one.name], s["at"][one.name]
            given = {**signals, **{n: supply[n] for n in spec.inputs if n in supply}}
            made = expression.of(model, {n: own[f"{part}.{n}"] for n in spec.parameters}, {n: now[f"{part}.{n}"] for n in spec.states}, given, events)
            return like(jnp.asarray(made), s["v"][one.rows])

        for one in self.points:
            if one.name == part:
                offered = {n: a[one.rows] for n, a in self._offered(p, s["at"], s["v"]).items()}
                return value(one, {"v": s["v"][one.rows], **offered}).T
        whole = jnp.full_like(s["v"], jnp.nan)
        for one in self.membranes:
            if part in one.membrane.traced:
                supply = one.membrane.surroundings(p["at"][one.name], s["at"][one.name], self._of(one, s["v"]), {})
                whole = whole.at[one.rows].set(value(one, supply | {n: a[one.among[part]] for n, a in signals.items()}))
        return whole[self.row].T

    def axial_currents(self, p: Values, s: Values) -> Any:
        """What flows into each compartment from its neighbours, pA, [cells, compartments].

        Args:
            p: from `constants`; s: as `initial`.
        """
        return jnp.broadcast_to(self.tree.flow(p["axial"], s["v"]), s["v"].shape)[self.row].T


def _filled(values: np.ndarray, size: int, dtype: Any) -> np.ndarray:
    """Initial values for all cells, [rows, cells]."""
    return np.array(np.broadcast_to(values, (len(values), size)), dtype)


def roll(
    neurons: CellNeurons, steps: int, *, parameters: Values | None = None, signals: Values | None = None,
    events: Values | None = None, watch: Values | None = None, chunk: int | None = None,
) -> Values:  # fmt: skip
    """Roll out cells by themselves, without a network: a pure function of parameters, signals and events.

    Args:
        neurons: from `CellNeurons.alone`.
        parameters: in place of those of the description, see the module; names that are left out stay.
        signals, events: by "point.name", anything that broadcasts to [steps, cells, sites]: what stimuli give during each
            step, weights that arrive at its end.
        watch: state -> compartments or sites; by default {"v": all}.
        chunk: see `neuropil.learn.chunks.scan`.
        steps: number of steps.

    Returns:
        state -> [steps, cells, columns], and "spikes" [steps, cells].

    Raises:
        ModelError: a parameter, signal or port that the cell does not have.
    """
    population, spec = neurons.population, neurons.cell.spec
    size, dtype = population.size, neurons.initial["v"].dtype
    constants = neurons.constants({**neurons.parameters, **(parameters or {})}, neurons.dt, dtype)
    watched = {n: np.atleast_1d(where) for n, where in (watch or {"v": np.arange(len(neurons.cell))}).items()}

    def rows(given: Values | None, known: Values) -> Values:
        for name in given or {}:
            if name not in known:
                raise ModelError("the cell has no such signal or port", got=name, fix=did_you_mean(name, known))
        whole = {n: jnp.broadcast_to(jnp.asarray((given or {}).get(n, 0.0), dtype), (steps, size, population.sites(n))) for n in known}
        return {n: values.reshape(steps, -1) for n, values in whole.items()}

    def step(s: Values, row: tuple[Any, Values, Values]) -> tuple[Values, Values]:
        s, _, spikes = neurons.advance(constants, s, jnp.zeros(size, jnp.int32), *row[1:])
        seen = {n: neurons.observed(s, n, _flat_index(where, size, population.sites(n))) for n, where in watched.items()}
        return s, {**{n: values.reshape(size, -1) for n, values in seen.items()}, "spikes": spikes}

    start = jax.tree.map(jnp.asarray, neurons.initial)
    # The number of steps follows from these also for a cell without any input.
    return scan(step, start, (jnp.arange(steps), rows(signals, spec.inputs), rows(events, spec.ports)), chunk)[1]


def _flat_index(where: np.ndarray, size: int, sites: int) -> np.ndarray:
    return (np.arange(size)[:, None] * sites + where[None, :]).ravel()

