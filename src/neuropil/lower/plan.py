"""The plan of a run: what every executor needs to know of a network, derived from its description.

Independent of threads and machines. Populations whose kernels are the same text form a group and run through one loop,
each with its own constants; a parameter that differs between neurons becomes an array.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError, PlanError
from neuropil.lower.integrate import StepFunction
from neuropil.lower.kernel import KernelSource, NeuronProgram, Variant, Varying, check, emit
from neuropil.lower.propagator import propagators
from neuropil.lower.synapse import SynapseProgram, plan_synapses
from neuropil.lower.trace import TracedNeuron
from neuropil.model.connect import AllToAll, DistanceDependent, Edges, FixedInDegree, OneToOne
from neuropil.model.distribution import Distribution
from neuropil.model.network import Drive, Network, Population, Projection
from neuropil.model.stimulus import Poisson
from neuropil.model.validate import validate
from neuropil.units import Quantity, ms

LARGEST_COUNTED = 8.0
"""Poisson events per step up to which counting thresholds beats inverting the distribution."""


@dataclass(frozen=True)
class Member:
    """One population within a group.

    Attributes:
        population: as described.
        numbers: its row of scalar constants, float64, in the kernel's order.
        arrays: per-neuron constants by argument name, float64[size].
        period: refractory period in steps.
        initial: starting values by state: a float or float64[size].
    """

    population: Population
    numbers: np.ndarray
    arrays: dict[str, np.ndarray]
    period: int
    initial: dict[str, Any]


@dataclass(frozen=True)
class Group:
    """Populations that share a kernel."""

    name: str
    program: NeuronProgram
    kernel: KernelSource
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """Number of neurons."""
        return sum(m.population.size for m in self.members)


@dataclass(frozen=True)
class PlannedDrive:
    """How a stimulus is executed.

    Attributes:
        drive: as described; index: its place in the network, which keys its random stream.
        kind: "counted" (fast Poisson), "irregular" (events added one by one) or "current".
    """

    drive: Drive
    index: int
    kind: str


@dataclass(frozen=True)
class Plan:
    """A lowered network.

    Attributes:
        network: the description.
        dt: time step, ms.
        seed: key of every random stream.
        precision: of state, "float32" or "float64".
        word: of a synapse, np.uint32 (16-bit weights) or np.uint64 (48-bit weights).
        groups: in order of execution.
        channel_of: for each projection the index of its port in the target's model.
        quantum: for each projection the weight of one quantum.
        drives: in the network's order.
        reasons: why each projection is executed as it is.
        synapses: programs of the projections whose synapses are kept each by itself, by their place in the network.
    """

    network: Network
    dt: float
    seed: int
    precision: str
    word: Any
    groups: tuple[Group, ...]
    channel_of: tuple[int, ...]
    quantum: tuple[float, ...]
    drives: tuple[PlannedDrive, ...]
    reasons: tuple[str, ...] = field(default=())
    synapses: dict[int, SynapseProgram] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """Number of accumulators per neuron: the largest number of ports of any model."""
        return max((len(p.neuron.spec.ports) for p in self.network.populations.values()), default=0)

    def group_of(self, population: Population) -> tuple[int, int]:
        """(group, member) of a population."""
        for g, group in enumerate(self.groups):
            for m, member in enumerate(group.members):
                if member.population is population:
                    return g, m
        raise PlanError(f"population {population.name!r} is in no group")


def make_plan(
    network: Network, *, dt: Any = 0.1 * ms, seed: int = 1, precision: str = "float32", full_weights: bool = False
) -> Plan:
    """Lower a network.

    Args:
        dt: time step (a time, or a bare number of ms).
        seed: of every random stream; a whole number from 0 to 2**63 - 1.
        precision: "float32" or "float64"; float64 implies full weights.
        full_weights: 48-bit weights instead of 16-bit ones, for twice the memory.

    Raises:
        NeuropilError: whatever is wrong with the description, named.
    """
    _check_options(seed, precision, full_weights)
    step = dt if isinstance(dt, Quantity) or not isinstance(dt, (int, float)) else dt * ms
    validate(network, step)
    dt_ms = float(step.to(ms))
    word = np.uint64 if full_weights or precision == "float64" else np.uint32
    drives = _plan_drives(network, dt_ms)
    channel_of = tuple(-1 if p.port is None else list(p.target.neuron.spec.ports).index(p.port) for p in network.projections)
    synapses = plan_synapses(network)
    draft = _Draft(network, dt_ms, seed, precision, drives)
    placed = [draft.member(p) for p in network.populations.values()]
    groups = _merge(placed, precision)
    quantum = _quanta(network, groups, word)
    groups = tuple(_with_quanta(g, network, quantum) for g in groups)
    plan = Plan(
        network, dt_ms, seed, precision, word, groups, channel_of, quantum, drives,
        tuple(synapses[j].explain() if j in synapses else _why(p) for j, p in enumerate(network.projections)), synapses,
    )  # fmt: skip
    check_plan(plan)
    return plan


def _check_options(seed: Any, precision: Any, full_weights: Any) -> None:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ModelError("the seed must be a whole number from 0 to 2**63 - 1", got=seed)
    if not isinstance(full_weights, bool):
        raise ModelError("full_weights must be True or False", got=full_weights)
    if precision not in ("float32", "float64"):
        raise ModelError("unknown precision", got=precision, expected="'float32' or 'float64'")


def _plan_drives(network: Network, dt: float) -> tuple[PlannedDrive, ...]:
    """A population's first Poisson drive of one moderate rate on a port is counted; other events are irregular."""
    planned, taken = [], set()
    for index, drive in enumerate(network.drives):
        kind = "current" if drive.input is not None else "irregular"
        if isinstance(drive.stimulus, Poisson) and (drive.target.name, drive.port) not in taken:
            rate = drive.stimulus.rate.value if isinstance(drive.stimulus.rate, Quantity) else drive.stimulus.rate
            if np.ndim(rate) == 0 and not isinstance(rate, Distribution) and rate * dt <= LARGEST_COUNTED:
                kind = "counted"
                taken.add((drive.target.name, drive.port))
        planned.append(PlannedDrive(drive, index, kind))
    return tuple(planned)


@dataclass
class _Draft:
    """What is shared while members are made: traced models and programs, once per class and variant."""

    network: Network
    dt: float
    seed: int
    precision: str
    drives: tuple[PlannedDrive, ...]
    steps: dict[type, StepFunction] = field(default_factory=dict)
    programs: dict[Any, NeuronProgram] = field(default_factory=dict)

    def step(self, population: Population) -> StepFunction:
        model = type(population.neuron)
        if model not in self.steps:
            self.steps[model] = StepFunction.of(TracedNeuron(population.neuron))
        return self.steps[model]

    def program(self, population: Population) -> NeuronProgram:
        variant = self.variant(population)
        key = (type(population.neuron), variant)
        if key not in self.programs:
            self.programs[key] = NeuronProgram.of(self.step(population), variant)
            check(self.programs[key])
        return self.programs[key]

    def variant(self, population: Population) -> Variant:
        spec = population.neuron.spec
        wired = {p.port for p in self.network.projections if p.target is population}
        flows = {p.input for p in self.network.projections if p.target is population}
        mine = [d for d in self.drives if d.drive.target is population]

        def used(names: Iterable[str], by: set[Any]) -> tuple[str, ...]:
            return tuple(n for n in names if n in by)

        return Variant(
            used(spec.ports, wired),
            used(spec.ports, {d.drive.port for d in mine if d.kind == "counted"}),
            used(spec.ports, {d.drive.port for d in mine if d.kind == "irregular"}),
            used(spec.inputs, {d.drive.input for d in mine if d.kind == "current"} | flows),
        )

    def member(self, population: Population) -> tuple[NeuronProgram, Varying, Member]:
        """Evaluate everything constant about a population."""
        program, spec = self.program(population), population.neuron.spec
        step = program.step
        parameters = {n: self._drawn("parameter", population, n, getattr(population.neuron, n)) for n in spec.parameters}
        derived = propagators(step.scheme, parameters, tuple(spec.inputs), self.dt, step.prefixes)
        values = program.constants({**parameters, **derived, "dt": self.dt})
        scalars: list[float] = []
        arrays: dict[str, np.ndarray] = {}
        nodes: list[int] = []
        for k, value in enumerate(values):
            if np.size(value) > 1 and np.ptp(value) != 0.0:
                arrays[f"c{k}"] = np.asarray(value, float)
                nodes.append(k)
            else:
                scalars.append(float(np.ravel(value)[0]))
        self._check_finite(population, program, values)
        weights: list[str] = []
        for port in spec.ports:
            if port in program.variant.wired:
                scalars.append(np.nan)  # the quantum, known once the group is
            if port in program.variant.counted:
                weight = self._drive_weight(population, port)
                if np.size(weight) > 1:
                    arrays[f"drive_{port}"] = weight
                    weights.append(port)
                else:
                    scalars.append(float(weight))
        period, varying_period = self._period(population, parameters)
        if varying_period is not None:
            arrays["period_"] = varying_period
        varying = Varying(tuple(nodes), tuple(weights), varying_period is not None)
        initial = {n: self._initial(population, n, parameters) for n in spec.states}
        return program, varying, Member(population, np.array(scalars), arrays, period, initial)

    def _drawn(self, purpose: str, population: Population, name: str, value: Any) -> Any:
        """A parameter-like value as a float or an array; distributions are drawn, one stream per purpose."""
        if isinstance(value, Distribution):
            key = rng.stream_key(self.seed, purpose, population.name, name)
            return value.quantile(rng.uniform(key, np.arange(population.size), 0))
        return value.value if isinstance(value, Quantity) else value

    def _initial(self, population: Population, state: str, parameters: dict[str, Any]) -> Any:
        given = population.initial.get(state, population.neuron.spec.states[state].initial)
        return parameters[given] if isinstance(given, str) else self._drawn("initial", population, state, given)

    def _drive_weight(self, population: Population, port: str) -> Any:
        drive = next(
            d for d in self.drives if d.kind == "counted" and d.drive.target is population and d.drive.port == port
        )
        return drive_weight(drive, self.seed)

    def _period(self, population: Population, parameters: dict[str, Any]) -> tuple[int, np.ndarray | None]:
        name = population.neuron.refractory
        if name is None:
            return 0, None
        steps = np.round(np.asarray(parameters[name]) / self.dt)
        if np.any(steps > 2**30):
            raise ModelError(f"{population.name}.{name} is too long", got=f"{np.max(parameters[name]):g} ms")
        if steps.size > 1 and np.ptp(steps):
            return 0, steps
        return int(np.ravel(steps)[0]), None

    def _check_finite(self, population: Population, program: NeuronProgram, values: list[Any]) -> None:
        for node, value in zip(program.frontier, values, strict=True):
            if not np.all(np.isfinite(value)):
                names = ", ".join(sorted(x[2:] for x in program.graph.leaves(node)))
                raise ModelError(
                    f"population {population.name!r} ({program.step.traced.name}): a constant is not finite",
                    got=f"{np.ravel(value)[~np.isfinite(np.ravel(value))][0]} from {names}",
                    fix="look for a zero or negative time constant, slope or capacitance",
                )


def drive_weight(planned: PlannedDrive, seed: int) -> Any:
    """The weight of a stimulus: a float, or one per neuron of its population."""
    weight, size = planned.drive.weight, planned.drive.target.size
    if isinstance(weight, Distribution):
        key = rng.stream_key(seed, "drive", planned.index, "weight")
        return weight.quantile(rng.uniform(key, np.arange(size), 0))
    return weight


def _merge(placed: list[tuple[NeuronProgram, Varying, Member]], precision: str) -> tuple[Group, ...]:
    """Populations of equal program and equal varying parts share a kernel."""
    together: dict[Any, list[Member]] = {}
    programs: dict[Any, tuple[NeuronProgram, Varying]] = {}
    for program, varying, member in placed:
        key = (id(program), varying)
        together.setdefault(key, []).append(member)
        programs[key] = (program, varying)
    groups: list[Group] = []
    seen: dict[str, int] = {}
    for key, members in together.items():
        program, varying = programs[key]
        name = program.step.traced.name
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name}_{seen[name]}"
        groups.append(Group(label, program, emit(program, varying, precision), tuple(members)))
    return tuple(groups)


def _quanta(network: Network, groups: tuple[Group, ...], word: Any) -> tuple[float, ...]:
    """One scale for all weights that meet in an accumulator: those of a port of a population."""
    largest: dict[Any, float] = {}
    for p in network.projections:
        key = (p.target.name, p.port)
        size = p.weight.largest() if isinstance(p.weight, Distribution) else float(np.max(np.abs(p.weight), initial=0.0))
        largest[key] = max(largest.get(key, 0.0), size * (p.synapse.gain if p.synapse is not None else 1.0))
    together: dict[Any, float] = {}
    for p in network.projections:
        together[p.target.name, p.port] = together.get((p.target.name, p.port), 0.0) + largest_in_degree(p)
    keys = [(p.target.name, p.port) for p in network.projections]
    return tuple(choose_quantum(largest[key], word, together[key]) for key in keys)


def choose_quantum(largest: float, word: Any = np.uint32, in_degree: float = 1.0) -> float:
    """The weight of one quantum, for weights up to `largest` (1e-9 tails, see `Distribution.largest`).

    The largest takes a power of two of quanta, so that weights in ratios of powers of two (-4 in many cortical models)
    are exact, with as much room again for the tails; but so few that even all synapses of a target at once, `in_degree`
    of them, stay within its accumulator.
    """
    bits, accumulator = (14, 30) if word == np.uint32 else (46, 62)
    full = 2.0 ** min(bits, accumulator - int(np.ceil(np.log2(max(in_degree, 1.0)))))
    return largest / full if largest > 0.0 else 1.0


def largest_in_degree(projection: Projection) -> float:
    """A bound on the synapses that any target receives; for random rules one that fewer than 1 in 10⁹ targets exceed."""
    rule, n_source, n_target = projection.rule, projection.source.size, projection.target.size
    if isinstance(rule, Edges):
        return float(np.bincount(rule.post, minlength=1).max(initial=0))
    if isinstance(rule, (AllToAll, DistanceDependent)):
        return float(n_source)
    if isinstance(rule, OneToOne):
        return 1.0
    mean = rule.expected_synapses(n_source, n_target, projection.recurrent) / n_target
    return mean if isinstance(rule, FixedInDegree) else mean + 6.5 * float(np.sqrt(mean)) + 10.0


def _with_quanta(group: Group, network: Network, quantum: tuple[float, ...]) -> Group:
    """Fill in the quanta of each member's wired ports."""
    members = []
    for member in group.members:
        scale = {p.port: q for p, q in zip(network.projections, quantum, strict=True) if p.target is member.population}
        numbers = member.numbers.copy()
        numbers[np.isnan(numbers)] = [scale[port] for port in group.program.variant.wired]
        members.append(Member(member.population, numbers, member.arrays, member.period, member.initial))
    return Group(group.name, group.program, group.kernel, tuple(members))


def _why(projection: Projection) -> str:
    port = f"{type(projection.target.neuron).__name__}.{projection.port}"
    return f"aggregated: events at {port} act through their sum, so no synapse needs a state of its own"


def check_plan(plan: Plan) -> None:
    """The executable specification of a plan.

    Raises:
        PlanError: a defect of the lowering.
    """
    planned = [m.population for g in plan.groups for m in g.members]
    if sorted(p.name for p in planned) != sorted(plan.network.populations):
        raise PlanError("not every population is in exactly one group", got=[p.name for p in planned])
    for group in plan.groups:
        for member in group.members:
            where = f"{group.name}, population {member.population.name!r}"
            if member.numbers.size != group.kernel.scalars or not np.all(np.isfinite(member.numbers)):
                raise PlanError(f"{where}: constants do not fit the kernel", got=member.numbers, expected=group.kernel.scalars)
            for name, array in member.arrays.items():
                if name not in group.kernel.arguments or array.shape != (member.population.size,):
                    raise PlanError(f"{where}: array {name!r} does not fit the kernel", got=array.shape)
    for j, projection in enumerate(plan.network.projections):
        group = plan.groups[plan.group_of(projection.target)[0]]
        if projection.port is not None and projection.port not in group.program.variant.wired:
            raise PlanError(f"projection {projection.name!r} arrives at a port nobody reads")
        if not plan.quantum[j] > 0:
            raise PlanError(f"projection {projection.name!r} has no weight scale", got=plan.quantum[j])
