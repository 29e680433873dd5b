"""The neurons of a population while they run: one set of equations, a soma with branches, or cells with morphology."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neuropil import rng
from neuropil.errors import SimulationError
from neuropil.model import Neuron, Population
from neuropil.model.base import grid
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import BRANCH, Branched
from neuropil.model.neuron.composite import full_name
from neuropil.oracle.cable import Cells
from neuropil.oracle.events import per_element
from neuropil.oracle.integrate import Array, Integrator, States


class Running(Protocol):
    """The neurons of one population while they run, whatever they are made of.

    Attributes:
        pop: as described.
        s: states by their full names, one value for every site of every neuron, neuron by neuron.
    """

    pop: Population

    @property
    def s(self) -> States:
        """States by full name, base units."""

    def seen(self, part: str) -> tuple[States, States]:
        """Of a part, for probes: its inputs during the last step (before the first, those that it begins with), and what arrived at its ports."""
        ...

    def group(self, part: str) -> Any:
        """What keeps the parameters and states of a part, a channel or a point process."""
        ...

    def observed(self, part: str, state: str) -> Array:
        """A state of the sites of a part, neuron by neuron; "v" of a point process is its potential."""
        ...

    def read(self, part: str) -> tuple[States, States]:
        """Parameters and states of a part by name; of a point process on cells with morphology its potential."""
        ...

    def begin(self, x: States) -> None:
        """Take in the inputs `x` of a step, by full name, before it."""
        ...

    def step(self, k: int, x: States, w: States) -> Array:
        """Advance from t_k to t_{k+1} with inputs and weights by their full names; returns who spiked.

        Args:
            k: step.
            x: inputs by full name, [neurons · sites].
            w: summed weights by full name of the port, [neurons · sites].
        """
        ...


class Group:
    """The neurons of one population, or the sites of one part of theirs, while they run.

    Args:
        pop: the population.
        dt: time step, ms.
        seed: of the simulation.
        part: name of the part; "": the soma.
    """

    def __init__(self, pop: Population, dt: float, seed: int, part: str = ""):
        self.pop, self.dt, self.part = pop, dt, part
        model, sites = pop.parts[part].model, pop.parts[part].sites
        assert isinstance(model, Neuron)
        self.model, spec = model, model.spec
        size = pop.size * sites

        def values(purpose: str, name: str, value: Any) -> Array:
            return per_element(value, pop.size, sites, seed, purpose, pop.name, full_name(part, name))

        self.parameters = {name: values("parameter", name, getattr(model, name)) for name in spec.parameters}
        self.s: States = {}
        for name, state in spec.states.items():
            start = pop.initial.get(full_name(part, name), state.initial)
            self.s[name] = self.parameters[start] if isinstance(start, str) else values("initial", name, start)
        self.integrator = Integrator(model, self.parameters, size, dt)
        self.refractory_left = np.zeros(size, int)
        self._constants()
        self.stochastic = type(model).hazard is not Neuron.hazard
        self.key = rng.stream_key(seed, "hazard", pop.name)
        self.x: States = {}
        self.w: States = {n: np.zeros(size) for n in spec.ports}

    def begin(self, x: States) -> None:
        """Take in the inputs `x` of a step by name."""
        self.x = x

    def group(self, part: str) -> Group:
        """Itself (`part` is its own)."""
        return self

    def observed(self, part: str, state: str) -> Array:
        """A state of each neuron (`part` is its own)."""
        return self.s[state]

    def read(self, part: str) -> tuple[States, States]:
        """Parameters and states by name (`part` is its own)."""
        return self.parameters, self.s

    def seen(self, part: str) -> tuple[States, States]:
        """Inputs and arrived weights by name, see `Running.seen` (`part` is its own)."""
        return self.x, self.w

    def _constants(self) -> None:
        """What follows from parameters alone."""
        self.equations = self.integrator.equations
        refractory = type(self.model).refractory
        self.count = grid.nearest(self.parameters[refractory], self.dt) if refractory else np.zeros(self.refractory_left.size, int)

    def change(self, values: dict[str, Any]) -> None:
        """Give parameters new values: numbers, or one per element."""
        self.parameters = self.parameters | {n: np.broadcast_to(v, self.refractory_left.size) for n, v in values.items()}
        self.integrator = self.integrator.with_parameters(self.parameters)
        self._constants()

    def start_at(self, parameter: str, before: Array) -> None:
        """Before the first step: states that are still where they started, at a parameter that has changed, start at its new value.

        Args:
            parameter: its name.
            before: its values before.
        """
        for name, state in self.model.spec.states.items():
            if self.pop.initial.get(full_name(self.part, name), state.initial) == parameter:
                self.s[name] = np.where(self.s[name] == before, self.parameters[parameter], self.s[name])

    def step(self, k: int, x: States, w: States) -> Array:
        """Advance from t_k to t_{k+1}; returns who spiked.

        Args:
            k: step.
            x: inputs by name, [n].
            w: summed weights by port, [n].
        """
        before, held, self.x, self.w = self.s, self.refractory_left > 0, x, w
        s = self.integrator.advance(before, x, held)
        for name, increment in self.equations.receive(s, w).items():
            ignored = held & (name in type(self.model).clamps)
            s[name] = s[name] + np.where(ignored, 0.0, increment)
        fired = self._spikes(before, s, k) & ~held
        for name, value in self.equations.reset(s).items():
            s[name] = np.where(fired, value, s[name])
        self.refractory_left = np.where(fired, self.count, np.maximum(self.refractory_left - 1, 0))
        self.s = s
        self._check(k)
        return fired

    def _spikes(self, before: States, after: States, k: int) -> Array:
        if self.stochastic:
            chance = -np.expm1(-self.equations.hazard(after) * self.dt)
            return rng.uniform(self.key, np.arange(self.pop.size), k) < chance
        fires = self.equations.fires(after)
        return fires & ~self.equations.fires(before) if type(self.model).spikes_on == "rising" else fires

    def _check(self, k: int) -> None:
        for name, values in self.s.items():
            if not np.all(np.isfinite(values)):
                i = int(np.argmin(np.isfinite(values)))
                at = f"{self.pop.name}.{name} of neuron {i} at {(k + 1) * self.dt:g} ms"
                raise SimulationError("a state is no longer a finite number", got=f"{values[i]} in {at}", fix="a smaller dt")


class BranchedGroup:
    """Neurons with branches: what the branches give at t_k flows into the soma, and the soma's states of t_k into them.

    Args:
        pop: the population.
        dt: time step, ms.
        seed: of the simulation.
    """

    def __init__(self, pop: Population, dt: float, seed: int):
        assert isinstance(pop.neuron, Branched)
        self.pop, self.neuron = pop, pop.neuron
        self.soma, self.branches = Group(pop, dt, seed), Group(pop, dt, seed, BRANCH)

    @property
    def s(self) -> States:
        """States by full name, base units."""
        return {**self.soma.s, **{full_name(BRANCH, n): v for n, v in self.branches.s.items()}}

    def step(self, k: int, x: States, w: States) -> Array:
        """Advance from t_k to t_{k+1}; soma and branches see each other as they are at t_k. Returns who spiked.

        Args:
            k, x, w: as of `Running.step`.
        """
        mine, theirs = self._inputs(x)
        self.branches.step(k, theirs, {p: w[full_name(BRANCH, p)] for p in self.neuron.branch.spec.ports})
        return self.soma.step(k, mine, {p: w[p] for p in self.neuron.soma.spec.ports})

    def group(self, part: str) -> Group:
        """The branches, or the somas, by the name of the `part`."""
        return self.branches if part == BRANCH else self.soma

    def observed(self, part: str, state: str) -> Array:
        """A state of the sites of a part, neuron by neuron."""
        return self.group(part).s[state]

    def read(self, part: str) -> tuple[States, States]:
        """Parameters and states of a part by name."""
        return self.group(part).read(part)

    def _inputs(self, x: States) -> tuple[States, States]:
        """Inputs of somas and of branches, as they see each other."""
        count = self.neuron.branches
        theirs = {n: x[full_name(BRANCH, n)] for n in self.neuron.branch.spec.inputs if n not in self.neuron.reads} | self._read_somas()
        given = self.branches.equations.output(self.branches.s, theirs).reshape(-1, count)
        mine = {n: x[n] for n in self.neuron.soma.spec.inputs}
        for b in range(count):
            mine[self.neuron.into] = mine[self.neuron.into] + given[:, b]
        return mine, theirs

    def _read_somas(self) -> States:
        """What the branches read of their somas."""
        return {n: np.repeat(self.soma.s[state], self.neuron.branches) for n, state in self.neuron.reads.items()}

    def begin(self, x: States) -> None:
        """Take in the inputs `x` of a step by full name."""
        self.soma.x, self.branches.x = self._inputs(x)

    def seen(self, part: str) -> tuple[States, States]:
        """Of a `part`, see `Running.seen`; what branches read of their somas is as it is now."""
        return (self.branches.x | self._read_somas(), self.branches.w) if part == BRANCH else self.soma.seen(part)


def running(pop: Population, dt: float, seed: int) -> Running:
    """The neurons of a population at the start.

    Args:
        pop: the population.
        dt: time step, ms.
        seed: of the simulation.
    """
    if isinstance(pop.neuron, Cell):
        return Cells(pop, dt, seed)
    return BranchedGroup(pop, dt, seed) if isinstance(pop.neuron, Branched) else Group(pop, dt, seed)
