"""What is constant about every part of a network: its program, its parameters as drawn, its initial values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.integrate import StepFunction
from neuropil.lower.neuron_program import NeuronProgram, Variant, check
from neuropil.lower.propagator import propagators
from neuropil.lower.resolution import slow_states, typical
from neuropil.lower.trace import TracedNeuron
from neuropil.model.base import grid
from neuropil.model.base.described import Steady
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.modulation.bound_effect import vary_by_cell
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.network.network import Network
from neuropil.model.neuron.branched import BRANCH, Branched
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.neuron.neuron import Neuron
from neuropil.plan.parts import PlannedPart, PlannedStimulus, PopulationSlice, SolverBatch, in_order
from neuropil.plan.signature import Argument, Kind, Varying
from neuropil.plan.stores import StoreKind
from neuropil.units import Quantity


@dataclass
class PlanBuilder:
    """What is shared while members are made: traced models and programs, once per class and variant.

    Attributes:
        network: as described.
        dt: time step, ms.
        seed: of what is drawn.
        precision: "float32" or "float64".
        drives: the stimuli as planned.
        steps: traced steps by class; programs: by class and variant.
        stores: of the projections.
    """

    network: Network
    dt: float
    seed: int
    precision: str
    drives: tuple[PlannedStimulus, ...]
    stores: tuple[StoreKind, ...]
    steps: dict[type, StepFunction] = field(default_factory=dict)
    programs: dict[Any, NeuronProgram] = field(default_factory=dict)

    def step(self, model: Neuron) -> StepFunction:
        """The step of a model."""
        if type(model) not in self.steps:
            self.steps[type(model)] = StepFunction.of(TracedNeuron(model))
        return self.steps[type(model)]

    def program(self, planned: PlannedPart) -> NeuronProgram:
        """The program of a planned part."""
        model, variant = planned.part.model, self.variant(planned)
        assert isinstance(model, Neuron)
        key = (type(model), variant)
        if key not in self.programs:
            self.programs[key] = NeuronProgram.of(self.step(model), variant)
            check(self.programs[key])
        return self.programs[key]

    def variant(self, planned: PlannedPart) -> Variant:
        """What of the model of a planned part is in use."""
        population, spec = planned.population, planned.part.model.spec

        def mine(names: Any) -> set[Any]:
            return {inner for part, inner in map(split, names) if part == planned.name}

        drives = [d for d in self.drives if d.drive.target is population]
        kept = [(p, store.exact) for p, store in zip(self.network.projections, self.stores, strict=True) if p.target is population]
        driven = mine(d.drive.entry for d in drives if d.kind == "current") | mine(p.input for p, _ in kept if p.input is not None)
        added = [d.drive.entry for d in drives if d.kind == "irregular"] + [p.port for p, exact in kept if p.port is not None and not exact]
        driven |= mine(p.input for p in self.network.graded if p.target is population)
        driven |= mine(e.input for c in self.network.couplings for e in (c.first, c.second) if e.population is population)
        reads: dict[str, str] = {}
        gives = False
        if isinstance(population.neuron, Branched):
            if planned.name == BRANCH:
                reads, gives = population.neuron.reads, True
            else:
                driven.add(population.neuron.into)
        return Variant(
            in_order(spec.ports, mine(p.port for p, exact in kept if p.port is not None and exact)),
            in_order(spec.ports, mine(d.drive.entry for d in drives if d.kind == "counted")),
            in_order(spec.ports, mine(added)),
            in_order(spec.inputs, driven),
            tuple((n, reads[n]) for n in spec.inputs if n in reads),
            gives,
        )

    def bare(self, planned: PlannedPart) -> SolverBatch:
        """A planned part that a cable solver advances, with its parameters and initial states (`neuropil.lower.cable_start`)."""
        name = ".".join(n for n in (planned.population.name, planned.name) if n)
        member = PopulationSlice(planned.population, planned.name, planned.part.sites)
        return SolverBatch(name, planned.part.model, self.variant(planned), (member,), self.precision)

    def parameters(self, planned: PlannedPart) -> dict[str, Any]:
        """The parameters of a planned part by name: a float, or float64[sites * neurons], one site after the other."""
        model = planned.part.model
        return {n: self._drawn("parameter", planned, n, getattr(model, n)) for n in model.spec.parameters}

    def member(self, planned: PlannedPart) -> tuple[NeuronProgram, Varying, PopulationSlice]:
        """The program of a planned part, with everything constant about it evaluated."""
        program, spec, sites = self.program(planned), planned.part.model.spec, planned.part.sites
        shape = (sites, planned.population.size)
        parameters = self.parameters(planned)
        values = constants(program, parameters, self.dt)
        apart = depending(program, self.modulated_apart(planned, parameters))
        scalars: list[Any] = []
        arrays: dict[Argument, np.ndarray] = {}
        nodes: list[int] = []
        for k, value in enumerate(values):
            rows = np.asarray(value, float).reshape(shape) if np.size(value) > 1 else np.full((1, 1), np.ravel(value)[0], float)
            if k in apart or np.any(np.ptp(rows, axis=1) != 0.0):
                rows = np.broadcast_to(rows, shape)
                arrays[Argument(Kind.CONSTANT, k)] = rows
                nodes.append(k)
            else:
                scalars.append(rows[:, 0])
        check_finite(program, values, planned.population.name)
        weights: list[str] = []
        for port in spec.ports:
            if port in program.variant.wired:
                scalars.append(np.nan)  # the weight scale, known once the group is
            if port in program.variant.counted:
                weight = self._counted_weight(planned, port)
                if np.size(weight) > 1:
                    arrays[Argument(Kind.EVENT_WEIGHT, port)] = np.broadcast_to(weight, shape)
                    weights.append(port)
                else:
                    scalars.append(float(np.ravel(weight)[0]))
        period, varying_period = self._period(planned, parameters)
        if varying_period is None and getattr(type(planned.part.model), "refractory", None) in self.modulated_apart(planned, parameters):
            varying_period = np.full(shape, float(period))
        if varying_period is not None:
            arrays[Argument(Kind.PERIOD)] = varying_period.reshape(shape)
        varying = Varying(tuple(nodes), tuple(weights), varying_period is not None)
        numbers = np.array([np.broadcast_to(s, sites) for s in scalars], float).reshape(-1, sites).T
        initial = self._initials(planned, parameters)
        modulated = frozenset(split(n)[1] for n in effects_on(self.network.modulators, planned.population) if split(n)[0] == planned.name)
        slow = self._slow(planned, program, parameters, initial, modulated)
        member = PopulationSlice(planned.population, planned.name, sites, numbers, arrays, period, initial, parameters=parameters, modulated=modulated, slow=slow)
        return program, varying, member

    def _slow(
        self, planned: PlannedPart, program: NeuronProgram, parameters: dict[str, Any], initial: dict[str, Any], modulated: frozenset[str]
    ) -> dict[str, str]:
        """The states of a part that float32 would not resolve, if that is asked for."""
        if self.precision == "float64":
            return {}
        weights: dict[str, float] = {}
        arriving = [(d.drive.target, d.drive.port, d.drive.weight) for d in self.drives]
        arriving += [(p.target, p.port, p.own_weight if p.matrix is None else np.asarray(next(iter(p.matrix.parameters.values())))) for p in self.network.projections]
        for target, port, weight in arriving:
            size = typical(weight) if target is planned.population and port is not None and split(port)[0] == planned.name else 0.0
            if port is not None and size > 0.0:
                weights[split(port)[1]] = min(size, weights.get(split(port)[1], size))
        return slow_states(program.step, parameters, initial, weights, self.dt, modulated)

    def modulated_apart(self, planned: PlannedPart, parameters: dict[str, Any]) -> set[str]:
        """The parameters of a planned part to which modulators may give different values in different neurons.

        Args:
            parameters: of the part by name.
        """
        made = set()
        for name, effects in effects_on(self.network.modulators, planned.population).items():
            part, inner = split(name)
            if part == planned.name and (np.size(parameters[inner]) > 1 or vary_by_cell(effects)):
                made.add(inner)
        return made

    def _initials(self, planned: PlannedPart, parameters: dict[str, Any]) -> dict[str, Any]:
        """By state: a float, or float64[sites, neurons]; nothing for gates that start at STEADY."""
        shape, made = (planned.part.sites, planned.population.size), {}
        for state, declared in planned.part.model.spec.states.items():
            given = planned.population.initial.get(full_name(planned.name, state), declared.initial)
            if isinstance(given, Steady):
                continue  # its executor computes the steady state
            value = parameters[given] if isinstance(given, str) else self._drawn("initial", planned, state, given)
            made[state] = np.asarray(value).reshape(shape) if np.ndim(value) else value
        return made

    def _drawn(self, purpose: str, planned: PlannedPart, name: str, value: Any) -> Any:
        """A parameter-like value as a float or [sites * neurons]; distributions are drawn, one stream per purpose."""
        sites, size = planned.part.sites, planned.population.size
        if isinstance(value, Distribution):
            key = rng.stream_key(self.seed, purpose, planned.population.name, full_name(planned.name, name))
            return value.quantile(rng.uniform(key, np.arange(sites * size), 0))
        raw = value.value if isinstance(value, Quantity) else value
        if sites > 1 and np.ndim(raw):  # one per site, or one for every element, neuron by neuron
            return np.repeat(raw, size) if np.size(raw) == sites else np.reshape(raw, (size, sites)).T.ravel()
        return raw

    def _counted_weight(self, planned: PlannedPart, port: str) -> Any:
        name = full_name(planned.name, port)
        drive = next(
            d for d in self.drives if d.kind == "counted" and d.drive.target is planned.population and d.drive.port == name
        )
        return drive_weight(drive, self.seed)

    def _period(self, planned: PlannedPart, parameters: dict[str, Any]) -> tuple[int, np.ndarray | None]:
        name = getattr(type(planned.part.model), "refractory", None)
        if name is None:
            return 0, None
        steps = refractory_steps(parameters[name], self.dt, f"{planned.population.name}.{name}")
        if steps.size > 1 and np.ptp(steps):
            return 0, steps
        return int(np.ravel(steps)[0]), None


def constants(program: NeuronProgram, parameters: dict[str, Any], dt: float) -> list[Any]:
    """Values of a program's hoisted constants for parameters by name: floats, or arrays over the elements.

    Args:
        program: of the part.
        parameters: by name, base units.
        dt: time step, ms.
    """
    return program.constants({**parameters, **derived(program, parameters, dt), "dt": dt})


def derived(program: NeuronProgram, parameters: dict[str, Any], dt: float) -> dict[str, Any]:
    """The entries of a program's propagators.

    Args:
        program: of the part.
        parameters: by name, base units.
        dt: time step, ms.
    """
    step = program.step
    return propagators(step.scheme, parameters, tuple(step.traced.spec.inputs), dt, step.prefixes)


def propagating(program: NeuronProgram, parameters: set[str]) -> bool:
    """Whether the propagators of a program depend on any of these parameters."""
    system = program.step.scheme.system
    linear = system.graph.leaves(*system.a.values(), *system.b.values(), *system.constant.values())
    return bool(linear & {parameter_leaf(n) for n in parameters})


def depending(program: NeuronProgram, parameters: set[str]) -> set[int]:
    """Indices among a program's hoisted constants whose values may depend on any of these parameters."""
    leaves = {f"p.{n}" for n in parameters}
    if propagating(program, parameters):
        leaves |= {f"p.{n}" for n in program.step.entry_names}  # each entry of a matrix exponential may depend on all of the matrix
    return {k for k, node in enumerate(program.hoisted) if program.graph.leaves(node) & leaves}


def refractory_steps(period: Any, dt: float, what: str) -> np.ndarray:
    """Refractory periods (ms), each the nearest number of steps. (One that is described as a number is on the grid: `validate`.)

    Args:
        period: ms, one or [neurons].
        dt: time step, ms.
        what: opens the error message.

    Raises:
        ModelError: a period of too many steps.
    """
    steps = grid.nearest(period, dt)
    if np.any(steps > 2**30):
        raise ModelError(f"{what} is too long", got=f"{np.max(period):g} ms")
    return steps


def check_finite(program: NeuronProgram, values: list[Any], population: str, indices: Iterable[int] | None = None) -> None:
    """Refuse constants that are not numbers, naming the parameters they come from; of some indices among the hoisted constants, or of all.

    Args:
        program: of the part.
        values: of its constants.
        population: its name.
        indices: of the constants to check; None: all.

    Raises:
        ModelError: a constant that is not finite.
    """
    nodes = program.hoisted if indices is None else [program.hoisted[k] for k in indices]
    for node, value in zip(nodes, values, strict=True):
        if not np.all(np.isfinite(value)):
            names = ", ".join(sorted(x[2:] for x in program.graph.leaves(node)))
            raise ModelError(
                f"population {population!r} ({program.step.traced.name}): a constant is not finite",
                got=f"{np.ravel(value)[~np.isfinite(np.ravel(value))][0]} from {names}",
                fix="check for a zero or negative time constant, slope or capacitance",
            )


def drive_weight(planned: PlannedStimulus, seed: int) -> Any:
    """The weight of a planned stimulus: a float, one per neuron, or drawn for every site and neuron: [sites, neurons].

    Args:
        seed: of the draws.
    """
    return drawn(planned.drive, seed, "weight", planned.drive.weight)


def drawn(drive: StimulusConnection, seed: int, attribute: str, value: Any) -> Any:
    """A number of a stimulus in base units: a float, float64[neurons] or, drawn, [sites, neurons]; of a view, zero outside of it.

    Args:
        drive: the stimulus connection.
        seed: of the draws.
        attribute: its name.
        value: a quantity, a number, an array or a distribution.
    """
    if isinstance(value, Distribution):
        key = rng.stream_key(seed, "drive", *drive.stream, attribute)
        return drive.everywhere(value.quantile(rng.uniform(key, stream_elements(drive), 0)))
    return drive.everywhere(value.value if isinstance(value, Quantity) else value)


def stream_elements(drive: StimulusConnection) -> np.ndarray:
    """int64[sites, driven neurons]: the counters of the random numbers of a stimulus connection (`drive`)."""
    return drive.sites[:, None] * drive.target.size + (np.arange(drive.target.size) if drive.neurons is None else drive.neurons)
