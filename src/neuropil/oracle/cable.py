"""Cells with morphology, slowly: the whole linear system of every step written down as a matrix and solved.

Order within a step: potentials, implicitly, with gates, concentrations and stimuli as they are at its start; then
concentrations, with the ion currents of the start; then all other states, with the new potentials and concentrations;
then those of point processes, which see what channels offer as it is by then; then the events that arrive. Conductances are derivatives of the currents by the complex step, exact to rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import SimulationError
from neuropil.model.base.described import Steady
from neuropil.model.base.noise import is_white
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.mechanism import SUPPLIED, Mechanism, supplied
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import full_name
from neuropil.oracle.events import per_element
from neuropil.oracle.integrate import Array, Integrator, States
from neuropil.units import magnitude

TINY = 1e-30
"""The imaginary step: far below rounding, so that the slope has no error of its own."""


class Sites:
    """One mechanism in compartments `where` of every cell; all arrays are [cells, len(where)].

    Args:
        name: of the mechanism in the cell.
        mechanism: its model.
        parameters: by name, base units, broadcast to [cells, len(where)].
        where: int[sites], compartments.
        cells: their number.
        dt: time step, ms.
    """

    def __init__(self, name: str, mechanism: Mechanism, parameters: dict[str, Any], where: Array, cells: int, dt: float):
        self.name, self.mechanism, self.where, self.shape = name, mechanism, where, (cells, len(where))
        self.parameters = flat = {n: np.broadcast_to(value, self.shape).ravel() for n, value in parameters.items()}
        self.integrator = Integrator(mechanism, flat, cells * len(where), dt)
        self.equations, self.spec = self.integrator.equations, mechanism.spec
        self.pool = any(i.startswith("i_") for i in self.spec.inputs)
        self.s: States = {}
        self.begin()

    def begin(self) -> None:
        """Let all states be as declared; those at rest wait for `set_at_rest`."""
        for state, declared in self.spec.states.items():
            start = declared.initial
            value = self.parameters[start] if isinstance(start, str) else 0.5 if isinstance(start, Steady) else getattr(start, "value", start)
            self.s[state] = np.array(np.broadcast_to(np.ravel(value) if np.ndim(value) else value, self.shape[0] * self.shape[1]), float)

    def change(self, values: dict[str, Any]) -> None:
        """Give parameters new values, one for each site of every cell."""
        self.parameters = self.parameters | values
        self.integrator = self.integrator.with_parameters(self.parameters)
        self.equations = self.integrator.equations

    def set_at_rest(self, x: States, known: set[str]) -> None:
        """States that start at rest, unless known: the zero of their equations together, by Newton's method on difference quotients.

        Those without unit that only exchange (every column of their slopes sums to zero) are occupancies: their sum is 1.

        Args:
            x: inputs by name, [cells · sites].
            known: states with initial values of their own.
        """
        names = [n for n, d in self.spec.states.items() if isinstance(d.initial, Steady) and n not in known]
        for _ in range(100 if names else 0):
            f = self.equations.derivative(self.s, x)
            slope = np.empty((f[names[0]].size, len(names), len(names)))
            for j, n in enumerate(names):
                h = 1e-5 * np.maximum(abs(self.s[n]), 1e-3)
                high, low = (self.equations.derivative({**self.s, n: self.s[n] + d}, x) for d in (h, -h))
                slope[:, :, j] = np.array([(high[i] - low[i]) / (2 * h) for i in names]).T
            left = np.array([f[n] for n in names]).T
            unitless = all(self.spec.state_dimensions[n] == (0, 0, 0, 0, 0) for n in names)
            if len(names) > 1 and unitless and np.all(abs(slope.sum(axis=1)) <= 1e-6 * abs(slope).sum(axis=1)):
                slope, left = slope.copy(), left.copy()
                slope[:, -1, :], left[:, -1] = 1.0, sum(self.s[n] for n in names) - 1.0
            change = np.linalg.solve(slope, left[:, :, None])[:, :, 0]
            for j, n in enumerate(names):
                self.s[n] = self.s[n] - change[:, j]
            if np.all(abs(change) <= 1e-15):
                break

    def inputs(self, given: dict[str, Array], signals: States) -> States:
        """The mechanism's inputs by name, [cells · sites].

        Args:
            given: what compartments supply by name, [cells, compartments].
            signals: stimuli by name, [cells · sites].
        """
        return {n: np.ravel(given[n][:, self.where] if supplied(n) else signals[n]) for n in self.spec.inputs}

    def currents(self, x: States) -> dict[str, Array]:
        """Outward by ion ("" for none in particular), [cells, sites]; ion currents are not known while they are summed, and noise is not read.

        Args:
            x: inputs by name, [cells · sites].
        """
        x = {n: np.nan * value if n.startswith("i_") or is_white(n) else value for n, value in x.items()}
        given = self.equations.model.by_ion(self.equations.states(self.s), self.equations._in("input", x, self.spec.inputs))
        found = {ion: magnitude(value, self.mechanism.current_dimension, self.name) for ion, value in given.items()}
        return {ion: np.broadcast_to(value, self.shape[0] * self.shape[1]).reshape(self.shape) for ion, value in found.items()}

    def offers(self) -> bool:
        """Whether it is a channel that offers something."""
        return type(self.mechanism).provides is not Mechanism.provides

    def provides(self, x: States) -> dict[str, Array]:
        """What it offers to its compartments, [cells, sites].

        Args:
            x: inputs by name, [cells · sites].
        """
        given = self.equations.model.provides(self.equations.states(self.s), self.equations._in("input", x, self.spec.inputs))
        found = {n: magnitude(v, SUPPLIED[n[0]], f"{self.name}: {n}") for n, v in given.items()}
        return {n: np.broadcast_to(v, self.shape[0] * self.shape[1]).reshape(self.shape) for n, v in found.items()}

    def advance(self, x: States) -> None:
        """Advance the states by a step, with the inputs `x` by name, [cells · sites]."""
        self.s = self.integrator.advance(self.s, x, np.zeros(self.shape[0] * self.shape[1], bool))

    def receive(self, w: States) -> None:
        """Add the increments of the events of a step to the states.

        Args:
            w: summed weights by port, [cells, sites].
        """
        for name, increment in self.equations.receive(self.s, {n: np.ravel(v) for n, v in w.items()}).items():
            self.s[name] = self.s[name] + increment


class Cells:
    """A population of cells while it runs.

    Args:
        pop: the population.
        dt: time step, ms.
        seed: of the simulation.

    Attributes:
        v: [cells, compartments], mV, in the order of `cell.compartments`.
    """

    def __init__(self, pop: Population, dt: float, seed: int):
        assert isinstance(pop.neuron, Cell)
        self.pop, self.cell, self.size, self.dt = pop, pop.neuron, pop.size, dt
        cell, size = self.cell, self.size
        made = cell.compartments
        self.area, self.capacitance = np.array(made.area), np.array(made.capacitance)
        n, self.parent = len(made), made.parent
        self.laplacian = np.zeros((n, n))
        for i in range(1, n):
            p, g = made.parent[i], 1.0 / made.resistance[i]
            self.laplacian[[i, p], [i, p]] += g
            self.laplacian[[i, p], [p, i]] -= g
        self.v = np.full((size, n), cell.initial)

        def each(name: str, value: Any, sites: int) -> Array:
            return per_element(value, size, sites, seed, "parameter", pop.name, name).reshape(size, sites).T

        self.channels = []
        for name, has in cell.channels.items():
            where = np.flatnonzero(has)
            channel, values = cell.parameters(name, where, each)
            self.channels.append(Sites(name, channel, {p: np.transpose(v) for p, v in values.items()}, where, size, dt))
        self.points = []
        for name, placed in cell.placed.items():
            spec, where = placed.process.spec, placed.compartments
            values = {p: each(f"{name}.{p}", getattr(placed.process, p), len(where)).T for p in spec.parameters}
            self.points.append(Sites(name, placed.process, values, where, size, dt))
        self.ions = {i: np.zeros((size, n)) for site in (*self.channels, *self.points) for i in site.spec.inputs if i.startswith("i_") and supplied(i)}
        self.signals = self._signals({})
        self.w: States = {}
        self.start(seed)

    def group(self, part: str) -> Sites:
        """What keeps the parameters and states of the channel or point process of this name (`part`)."""
        return next(s for s in (*self.channels, *self.points) if s.name == part)

    def observed(self, part: str, state: str) -> Array:
        """A state of the sites of a part, cell by cell; "v" is the potential there."""
        return self.potentials(part) if state == "v" else self.s[full_name(part, state)]

    def read(self, part: str) -> tuple[States, States]:
        """The potential at the sites of a part."""
        return {}, {"v": self.potentials(part)}

    def start(self, seed: int) -> None:
        """Let all states be where they start, with the parameters as they are.

        Args:
            seed: of what is drawn.
        """
        pop, sites = self.pop, (*self.channels, *self.points)
        for site in sites:
            site.begin()
        known: dict[str, set[str]] = {site.name: set() for site in sites}
        for name, value in pop.initial.items():
            point, _, state = name.partition(".")
            known.setdefault(point, set()).add(state)
            self._start(name, per_element(value, self.size, pop.sites(name), seed, "initial", pop.name, name).reshape(self.size, -1))
        # Pools and whatever offers something before what reads it.
        for site in sorted(sites, key=lambda s: (s in self.points, not s.pool and not s.offers())):
            site.set_at_rest(site.inputs(self._surroundings(self.v), self.signals[site.name]), known[site.name])

    def _start(self, name: str, value: Array) -> None:
        point, _, state = name.partition(".")
        if name == "v":
            self.v = value
        for site in (*self.channels, *self.points):
            if site.name == point:
                site.s[state] = np.array(value[:, site.where] if site in self.channels else value).ravel()

    def _signals(self, x: States) -> dict[str, States]:
        return {
            s.name: {i: x.get(f"{s.name}.{i}", np.zeros(s.shape)) for i in s.spec.inputs if not supplied(i)}
            for s in (*self.channels, *self.points)
        }  # fmt: skip

    def _surroundings(self, v: Array) -> dict[str, Array]:
        given: dict[str, Array] = {"v": v, **self.ions}
        for site in self.channels:
            needed = {n: np.ravel(given[n][:, site.where]) if n in given else np.zeros(site.shape).ravel() for n in site.spec.inputs}
            for name, value in site.provides(needed).items():
                whole = given.setdefault(name, np.full(self.v.shape, np.nan, value.dtype))
                whole[:, site.where] = value
        return given

    def begin(self, x: States) -> None:
        """Take in the signals `x` of a step, by "point.input", of every site neuron by neuron."""
        self.signals = self._signals({n: values.reshape(self.size, -1) for n, values in x.items()})

    def seen(self, part: str) -> tuple[States, States]:
        """Of the channel or point process `part`: what its compartments supply, as it is now, with the signals of the step; what arrived at its ports."""
        site = next(s for s in (*self.channels, *self.points) if s.name == part)
        return site.inputs(self._surroundings(self.v), self.signals[part]), {p: self.w.get(f"{part}.{p}", np.zeros(site.shape).ravel()) for p in site.spec.ports}

    def step(self, k: int, x: States, w: States) -> Array:
        """Advance from t_k to t_{k+1}; returns who spiked.

        Args:
            k: step.
            x: signals by "point.input", of every site neuron by neuron.
            w: summed weights by "point.port", of every site neuron by neuron.

        Raises:
            SimulationError: a potential that is not finite.
        """
        self.begin(x)
        self.w = w
        signals, before = self.signals, self.v
        current, slope = np.zeros(self.v.shape, complex), np.zeros(self.v.shape)
        given = self._surroundings(self.v + 1j * TINY)
        self.ions = {i: np.zeros(self.v.shape) for i in self.ions}
        for site in self.channels:
            for ion, own in site.currents(site.inputs(given, signals[site.name])).items():
                current[:, site.where] += own * self.area[site.where]
                if f"i_{ion}" in self.ions:
                    self.ions[f"i_{ion}"][:, site.where] += own.real
        # What a compartment offers to points is held over the step: only v is varied.
        held = {n: value if n == "v" else value.real for n, value in given.items()}
        for site in self.points:
            for ion, own in site.currents(site.inputs(held, signals[site.name])).items():
                for compartment, amount in zip(site.where, own.T, strict=True):  # several may sit in one compartment
                    current[:, compartment] += amount
                    if f"i_{ion}" in self.ions and self.area[compartment] > 0:
                        self.ions[f"i_{ion}"][:, compartment] += amount.real / self.area[compartment]
        slope = current.imag / TINY
        storage = self.capacitance / self.dt
        new = np.empty_like(self.v)
        for c in range(self.size):
            matrix = self.laplacian + np.diag(storage + slope[c])
            # For the change, from differences: no current is lost in the rounding of potentials times large conductances.
            inward = -current[c].real
            for i in range(1, len(inward)):
                flow = (self.v[c, self.parent[i]] - self.v[c, i]) * -self.laplacian[i, self.parent[i]]
                inward[i] += flow
                inward[self.parent[i]] -= flow
            new[c] = self.v[c] + np.linalg.solve(matrix, inward)
        if not np.all(np.isfinite(new)):
            raise SimulationError(
                "a potential is no longer a finite number",
                got=f"{self.pop.name}, cell {int(np.argmin(np.isfinite(new).all(axis=1)))} at {(k + 1) * self.dt:g} ms", fix="a smaller dt",
            )  # fmt: skip
        self.v = new
        for turn in (True, False):
            given = self._surroundings(self.v)
            for site in self.channels:
                if site.pool == turn:
                    site.advance(site.inputs(given, signals[site.name]))
        given = self._surroundings(self.v)
        for site in self.points:
            site.advance(site.inputs(given, signals[site.name]))
            if site.spec.ports:
                site.receive({p: w[f"{site.name}.{p}"] for p in site.spec.ports})
        trigger, threshold = self.cell.trigger
        return (before[:, trigger] < threshold) & (self.v[:, trigger] >= threshold)

    def potentials(self, name: str) -> Array:
        """Potentials (mV) at the sites of the point process `name`, neuron by neuron."""
        return self.v[:, self.cell.placed[name].compartments].ravel()

    @property
    def s(self) -> States:
        """States by full name, of every site neuron by neuron; NaN in compartments without the channel."""
        found = {"v": self.v.ravel()}
        for site in self.points:
            found.update({f"{site.name}.{n}": values for n, values in site.s.items()})
        for site in self.channels:
            for n, values in site.s.items():
                whole = np.full(self.v.shape, np.nan)
                whole[:, site.where] = values.reshape(site.shape)
                found[f"{site.name}.{n}"] = whole.ravel()
        return found
