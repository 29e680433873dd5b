"""A network as one differentiable function of its weights and neuron parameters, over time.

The step of each model is the very function that kernels are emitted from; spikes, delays, refractoriness, stimuli and
random numbers follow the same contract as the engine and the oracle. What comes out of `Rollout.apply` can be
differentiated, batched with `vmap` and compiled with `jit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil import rng
from neuropil.connectivity.draw import edges
from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.batches import Batch
from neuropil.learn.checks import check_inputs, check_parameters, check_state
from neuropil.learn.chunks import scan
from neuropil.learn.delivery import Delivery, SharedWiring, Wiring
from neuropil.learn.graded import GradedFlow
from neuropil.learn.modulators import Modulators
from neuropil.learn.native.apply import apply_native
from neuropil.learn.native.calls import Native
from neuropil.learn.network_step import NetworkStep
from neuropil.learn.population import Neurons
from neuropil.learn.probes import observing
from neuropil.learn.steppable import Steppable, steppable
from neuropil.learn.stimuli import stimulus_array
from neuropil.learn.surrogate import Surrogate
from neuropil.learn.surrogate import surrogate as named_surrogate
from neuropil.learn.synapses import Living
from neuropil.lower.synapse import plan_synapses
from neuropil.model.base import grid
from neuropil.model.base.distribution import checked_values
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.network.network import Network
from neuropil.model.network.validate import validate
from neuropil.units import Quantity, magnitude, ms

Tree = dict[str, Any]

BACKENDS = ("jax", "native")
"""What computes a rollout and its gradients."""


@partial(jax.tree_util.register_dataclass, data_fields=["spikes", "traces", "state"], meta_fields=[])
@dataclass(frozen=True)
class Rolled:
    """What a rollout leaves; a pytree.

    Attributes:
        spikes: population -> [steps, neurons], 1 where a neuron spiked in that step (stamped with its end), else 0.
        traces: probe name -> [samples, neurons] in base units; from `apply` a sample per step, from `run` at the
            probe's interval, the first one interval after the start.
        state: to go on from.
    """

    spikes: Tree
    traces: Tree
    state: Tree


class Rollout:
    """A network to be rolled out.

    Args:
        network: the description; it is not changed.
        dt: time step.
        seed: of every random stream: synapses, drawn parameters and initial states, stimuli, hazards.
        surrogate: a name in `SHAPES` or a `Surrogate` for the gradient of spikes; None leaves it the true one, zero.
        reset_gradient: with a surrogate, let gradients also flow through the spike that triggers a reset.
        scale: population -> distance to threshold that the surrogate counts as 1, in the unit of the threshold's
            comparison (a quantity or a number). By default the largest of a population's mean distances at the start, at
            the model's own start and after a reset (1 if zero).
            Stochastic thresholds need none: there the distance is that between probability and draw.
        precision: "float32" or "float64"; float64 needs JAX's x64 mode, which `run` switches on for its duration.
        chunk: steps between stored states when a gradient is taken; those between are computed a second time. None stores
            every step; about the root of the number of steps needs least memory.
        delays: projection -> the longest delay that its synapses may get, at least two steps: their delays become parameters. A spike whose delay
            lies between two steps arrives in part at either.

    Attributes:
        parameters: {"weights": projection -> [synapses], or shared weights as they are given, "neurons": population -> name -> () or [neurons], "synapses":
            projection with a synapse model -> name -> () or [synapses]}, in base units. With graded projections also "graded":
            projection -> name -> array (`neuropil.learn.graded.GradedFlow.start`). With `delays` also "delays": projection ->
            [synapses], ms. With modulators also those of
            `neuropil.learn.modulators.Modulators`.
        wirings: where each synapse goes, in the same order.

    Cells with morphology name their parameters, and keep their states, as `neuropil.learn.cable` says.
    Of a part with several sites, states, inputs, events and parameters that differ have one value per site of every
    neuron, neuron by neuron; names are the full ones ("branch.v").

    Raises:
        NeuropilError: whatever is wrong with the description; ModelError for a threshold without a distance.
    """

    def __init__(
        self, network: Network, *, dt: Quantity = 0.1 * ms, seed: int = 1, surrogate: str | Surrogate | None = None,
        reset_gradient: bool = False, scale: Mapping[str, Any] | None = None, precision: str = "float32", chunk: int | None = None,
        delays: Mapping[str, Quantity] | None = None,
    ):  # fmt: skip
        validate(network, dt)
        if precision not in ("float32", "float64"):
            raise ModelError("unknown precision", got=precision, expected="'float32' or 'float64'")
        if kept := [n.name for n in network.normalisations] + [p.name for p in network.synapse_probes]:
            raise ModelError("Rollout does not support normalisation or probes of synapses", got=", ".join(kept), fix="run it with neuropil.run, or describe the network without")
        unknown = set(scale or {}) - set(network.populations)
        if unknown:
            name = sorted(unknown)[0]
            raise ModelError("a scale for a population that does not exist", got=name, fix=did_you_mean(name, network.populations))
        if chunk is not None and chunk < 1:
            raise ModelError("chunk must be at least one step", got=chunk)
        self.network, self.seed, self.precision, self.chunk = network, seed, precision, chunk
        self.dt = float(magnitude(dt, ms.dimension, "dt"))
        self.delays = self._longest(delays or {})
        self.dtype = np.dtype(precision)
        shape = None if surrogate is None else named_surrogate(surrogate)
        self.surrogate = shape
        given = {n: float(v.value if isinstance(v, Quantity) else v) for n, v in (scale or {}).items()}
        with jax.enable_x64(True):
            self._neurons = {
                name: steppable(pop, self.dt, seed, self.dtype, shape, reset_gradient, given.get(name))
                for name, pop in network.populations.items()
            }
            programs = plan_synapses(network)
        self.living = {
            p.name: Living.of(p, programs[j], seed, self.dt, self.dtype, self.delays.get(p.name, 0)) for j, p in enumerate(network.projections) if j in programs
        }
        self.graded = {p.name: GradedFlow.of(p, seed, self.dt, self.dtype) for p in network.graded}
        self.wirings, weights = self._wire()
        self._delivery = Delivery(self.wirings)
        self._modulators = Modulators(network, self.dt, {name: living.post for name, living in self.living.items()})
        self.observe = [observing(p, self._neurons[p.target.name]) for p in network.probes]
        self._step = NetworkStep(network, self.dt, self.dtype, self._neurons, self.living, self.graded, self._delivery, self.observe)
        self.parameters: Tree = {
            "weights": weights,
            "neurons": {name: dict(n.parameters) for name, n in self._neurons.items()},
            "synapses": {name: dict(living.parameters) for name, living in self.living.items()},
            **({"graded": {name: dict(flow.start) for name, flow in self.graded.items()}} if self.graded else {}),
            **({"delays": {name: self._delay(name) for name in self.delays}} if self.delays else {}),
            **self._modulators.parameters,
        }

    def __repr__(self) -> str:
        return f"Rollout({self.network.name!r}, {self.network.size} neurons, {self.precision})"

    @property
    def neurons(self) -> Mapping[str, Steppable]:
        """How the neurons of each population step."""
        return self._neurons

    @property
    def delivery(self) -> Delivery:
        """How spikes reach the targets of projections without a synapse model."""
        return self._delivery

    @property
    def sources(self) -> dict[str, np.ndarray]:
        """The source neuron of each synapse by projection, int64[synapses], in the order of the weights; none of projections with shared weights."""
        return {**{w.name: w.pre for w in self.wirings if isinstance(w, Wiring)}, **{name: living.pre for name, living in self.living.items()}}

    def _longest(self, delays: Mapping[str, Quantity]) -> dict[str, int]:
        """The longest delay of projections whose delays are parameters, steps."""
        known = [p.name for p in self.network.projections]
        found: dict[str, int] = {}
        for name, longest in delays.items():
            if name not in known:
                raise ModelError("Rollout: delays of a projection of spikes that does not exist", got=name, fix=did_you_mean(name, known))
            found[name] = grid.steps(checked_values(longest, ms.dimension, f"the longest delay of {name}", ()), self.dt, f"the longest delay of {name}", least=2, error=ModelError)
        return found

    def _delay(self, name: str) -> np.ndarray:
        """The delays of a projection in the description, ms, [synapses]."""
        of = self.living[name] if name in self.living else next(w for w in self.wirings if w.name == name)
        if isinstance(of, SharedWiring):
            raise ModelError(f"Rollout: projection {name!r} has shared weights and one delay, which cannot be a parameter", fix="leave it out of delays")
        if (most := int(of.delay.max(initial=1))) > self.delays[name]:
            raise ModelError(f"Rollout: projection {name!r} has delays beyond the longest", got=f"{most * self.dt:g} ms", expected=f"at most {self.delays[name] * self.dt:g} ms")
        return (of.delay * self.dt).astype(self.dtype)

    def _wire(self) -> tuple[tuple[Wiring | SharedWiring, ...], Tree]:
        wirings: list[Wiring | SharedWiring] = []
        weights: Tree = {}
        for p in self.network.projections:
            if p.per_synapse:
                weights[p.name] = self.living[p.name].weight
                continue
            assert p.port is not None
            if isinstance(p.matrix, SharedWeights):
                wirings.append(SharedWiring(p, grid.steps(p.delay, self.dt, f"projection {p.name}: the delay")))
                weights[p.name] = np.asarray(p.matrix.parameters[p.matrix.parameter], self.dtype)
                continue
            pre, post, weight, delay, site = edges(p, self.seed, self.dt)
            sizes = (p.source.size, p.target.size * p.sites)
            wirings.append(Wiring(p.name, p.source.name, p.target.name, p.port, pre, post * p.sites + site, delay, sizes, self.delays.get(p.name, 0)))
            weights[p.name] = weight.astype(self.dtype)
        return tuple(wirings), weights

    # --- what apply takes --------------------------------------------------------------------------------------------

    def initial(self) -> Tree:
        """The state at the start: {"neurons": …, "left": refractory steps to go, "flight": weights under way, "synapses": those with
        states}."""
        return {
            "neurons": {name: dict(n.initial) for name, n in self._neurons.items()},
            "left": {name: np.zeros(n.population.size, np.int32) for name, n in self._neurons.items()},
            "flight": self._delivery.empty(self.dtype),
            "synapses": {name: living.start(self.dtype) for name, living in self.living.items()},
            **({"graded": {name: flow.empty(self.dtype) for name, flow in self.graded.items()}} if self.graded else {}),
            **({"modulators": self._modulators.start(self.dtype)} if self.network.modulators else {}),
        }

    def inputs(self, duration: Quantity | int) -> Tree:
        """What the network's stimuli bring, for a time from the start or a number of steps.

        Args:
            duration: biological time, or a number of steps.

        Returns:
            {"step": int32[steps], "events": population -> port -> [steps, neurons] (weights), "currents": population ->
            input -> [steps, neurons], "uniform": population -> [steps, neurons] (for models with a hazard)}; besides,
            where you add it, "spikes": population -> {"step": int[n], "neuron": int[n]}, a list of the population's spikes in place of those that its
            equations would give (its states stay; entries whose step is negative or beyond the end are none, so lists of several samples can have
            one length); "modulators": projection -> [steps], the signal its synapses read. With modulators also "signals":
            modulator -> [steps], or [steps, cells] where cells are `Apart`, the signal in force at each step, and "doses": modulator ->
            [steps], concentrations given to its whole volume (base units); both 0. Add to these arrays, or replace
            them, to drive the network with something else.
        """
        steps = self._steps(duration)
        made: Tree = {"step": np.arange(steps, dtype=np.int32), "events": {}, "currents": {}, "uniform": {}}
        if self.network.modulators:
            made |= {kind: {m: np.zeros(steps, self.dtype) for m in self.network.modulators} for kind in ("signals", "doses")}
        for drive in self.network.drives:
            kind, name = ("currents", drive.input) if drive.input is not None else ("events", drive.port)
            assert name is not None
            values = stimulus_array(drive, steps, self.dt, self.seed).astype(self.dtype)
            mine = made[kind].setdefault(drive.target.name, {})
            mine[name] = mine[name] + values if name in mine else values
        for name, neurons in self._neurons.items():
            if neurons.draws_uniform:
                key = rng.stream_key(self.seed, "hazard", name)
                u = rng.uniform(key, np.arange(neurons.population.size)[None, :], np.arange(steps)[:, None])
                made["uniform"][name] = u.astype(self.dtype)
        return made

    def _steps(self, duration: Quantity | int) -> int:
        if isinstance(duration, (int, np.integer)) and not isinstance(duration, bool):
            steps = int(duration)
        else:
            steps = grid.steps(checked_values(duration, ms.dimension, "the duration", ()), self.dt, "the duration", least=0, error=ModelError)
        if steps < 0:
            raise ModelError("the duration must not be negative", got=duration)
        return steps

    # --- rolling -----------------------------------------------------------------------------------------------------

    def run(self, duration: Quantity | int, parameters: Tree | None = None, inputs: Tree | None = None) -> Rolled:
        """Roll out from the start, compiled.

        Args:
            duration: biological time, or a number of steps.
            parameters: in place of `self.parameters`.
            inputs: in place of `self.inputs(duration)`.

        Returns:
            Spikes and traces, and the state at the end.

        Raises:
            ModelError: parameters or inputs of other names or shapes.
            SimulationError: an effect of a modulator has left its bounds.
        """
        with jax.enable_x64(self.precision == "float64" or _x64()):
            made = self.inputs(duration) if inputs is None else inputs
            given = (self.parameters if parameters is None else parameters, self.initial(), made)
            self.check(*given)  # here, too: an error from within `jit` is followed by words of JAX's
            rolled, starts = self._compiled(*given)
            if self.network.modulators:
                self._modulators.check_bounds(rolled.state["modulators"])
            traces = {}
            for p in self.network.probes:
                first, every = p.steps(self.dt)
                rows = rolled.traces[p.name][(first or every) - 1 :: every]
                traces[p.name] = rows if first else jnp.concatenate([starts[p.name], rows])
            return Rolled(rolled.spikes, traces, rolled.state)

    @cached_property
    def _compiled(self) -> Any:
        return jax.jit(self._rolled)

    def apply(self, parameters: Tree, state: Tree, inputs: Tree, *, backend: str | Native = "jax") -> Rolled:
        """The rollout as a pure function, for `jax.grad`, `jax.vmap` and `jax.jit`.

        Arrays of `inputs` (all but "step") and of `state` may have a batch axis in front, one entry for each sample; arrays without it are the same
        for all samples. Then every array of the result has it.

        Args:
            parameters: as `self.parameters`; state: as `self.initial()`; inputs: as `self.inputs(steps)`, whose length
                says how many steps to take.
            backend: what computes values and gradients: "jax", on any device; "native", compiled kernels on this machine's processor, or
                `Native(...)` with its options.

        Raises:
            ModelError: names or shapes that are not those of this rollout; a backend that does not exist, or that does not support
                what this network has.
        """
        if not isinstance(backend, Native) and backend not in BACKENDS:
            raise ModelError("unknown backend", got=backend, expected=" or ".join(map(repr, BACKENDS)), fix=did_you_mean(str(backend), BACKENDS))
        if backend != "jax":
            return Rolled(*apply_native(self, parameters, state, inputs, backend if isinstance(backend, Native) else Native()))
        batch = Batch.of(self.network, self.initial(), state, inputs)
        if batch.size is None:
            return self._rolled(parameters, state, inputs)[0]
        return jax.vmap(lambda state, inputs: self._rolled(parameters, state, inputs)[0], in_axes=(batch.state, batch.inputs))(state, inputs)

    def _rolled(self, parameters: Tree, state: Tree, inputs: Tree) -> tuple[Rolled, Tree]:
        """What `apply` returns, and the samples of probes that start at t = 0 as of the beginning: [1, columns]."""
        if self.precision == "float64" and not _x64():
            raise ModelError("a float64 rollout needs JAX's x64 mode", fix="call it within `with jax.enable_x64(True):`")
        self.check(parameters, state, inputs)
        weights = {n: jnp.asarray(w, self.dtype) for n, w in parameters["weights"].items()}
        delays = {n: jnp.asarray(d, self.dtype) / self.dt for n, d in parameters.get("delays", {}).items()}
        prepared = self._delivery.prepare(weights, delays)
        graded = jax.tree.map(lambda a: jnp.asarray(a, self.dtype), parameters.get("graded", {}))
        started, rows = jax.tree.map(jnp.asarray, (state, inputs))
        if "spikes" in rows:
            rows = {**rows, "spikes": {n: self._given(n, len(rows["step"]), **listed) for n, listed in rows["spikes"].items()}}
        if not self.network.modulators:
            constants = {**self._constants(parameters["neurons"], parameters.get("synapses", {}), weights, delays), "graded": graded}

            def step(carry: Tree, row: Tree) -> tuple[Tree, tuple[Tree, Tree, Tree]]:
                return self._step.taken(constants, prepared, carry, row)

            state, (spikes, traces, starts) = scan(step, started, rows, self.chunk)
            return Rolled(spikes, traces, state), {n: t[:1] for n, t in starts.items()}

        floats = jax.tree.map(lambda a: jnp.asarray(a, self.dtype), parameters)

        def acted(levels: Tree) -> tuple[Tree, Tree]:
            neurons, synapses, outside = self._modulators.changed(floats, levels)
            return {**levels, "outside": outside}, {**self._constants(neurons, synapses, weights, delays), "graded": graded}

        def modulated(carry: tuple[Tree, Tree], row: Tree) -> tuple[tuple[Tree, Tree], tuple[Tree, ...]]:
            state, constants = carry
            levels = self._modulators.dosed(state["modulators"], row)
            tick = self._modulators.ticking(row["step"])
            levels, constants = jax.lax.cond(
                tick, lambda l, c: acted(self._modulators.advance(floats, l, row)), lambda l, c: (l, c), levels, constants
            )  # fmt: skip
            after, (spikes, *seen) = self._step.taken(constants, prepared, state, row)
            return ({**after, "modulators": self._modulators.count(levels, spikes)}, constants), (spikes, *seen)

        levels, constants = acted(started["modulators"])  # the present ones, which have acted unless this is the start
        (state, _), (spikes, traces, starts) = scan(modulated, ({**started, "modulators": levels}, constants), rows, self.chunk)
        return Rolled(spikes, traces, state), {n: t[:1] for n, t in starts.items()}

    def constants(self, parameters: Tree) -> Tree:
        """All that a step of neurons reads beside states and inputs, by population.

        Args:
            parameters: as `self.parameters`.
        """
        return {name: n.constants(parameters["neurons"][name], self.dt, self.dtype) for name, n in self._neurons.items()}

    def _constants(self, neurons: Tree, synapses: Tree, weights: Tree, delays: Tree) -> Tree:
        """All that a step reads beside states and inputs, of the parameters of neurons and synapses."""
        return {
            "neurons": {name: n.constants(neurons[name], self.dt, self.dtype) for name, n in self._neurons.items()},
            "synapses": {n: v.constants(synapses[n], weights[n], self.dt, self.dtype, delays.get(n)) for n, v in self.living.items()},
        }

    def _given(self, population: str, steps: int, step: Any, neuron: Any) -> Any:
        """Given spikes as [steps, neurons], 1 or 0."""
        rows = jnp.zeros((steps, self.network[population].size), self.dtype)
        return rows.at[jnp.where(step < 0, steps, step), jnp.asarray(neuron)].set(1.0, mode="drop")

    def check(self, parameters: Tree, state: Tree, inputs: Tree) -> None:
        """Refuse names and shapes that are not those of this rollout.

        Args:
            parameters, state, inputs: as of `apply`, without a batch axis.

        Raises:
            ModelError: with the first difference.
        """
        check_inputs(self.network, inputs, {n for n, v in self._neurons.items() if v.draws_uniform}, set(self.living))
        check_parameters(self.parameters, parameters, {n: v.population.size for n, v in self._neurons.items() if isinstance(v, Neurons)})
        check_state(self.initial(), state)


def _x64() -> bool:
    """Whether JAX computes in float64 here."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)
