"""Synapses with states within a rollout: all states of all synapses advance in every step, so that gradients flow.

A spike that arrives is a number a, 1 or 0 with the gradient of its source: states become s + a·(arrive(s) - s), and
a·transmits(s) goes to the port. A spike of the target does likewise with respond(s).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.random import threefry_2x32
from jax.scipy.special import ndtri

from neuropil import rng
from neuropil.connectivity.draw import numbered_edges
from neuropil.errors import ModelError
from neuropil.learn.delivery import between
from neuropil.learn.propagators import entry_values
from neuropil.learn.stimuli import per_neuron
from neuropil.lower.integrate import Advance
from neuropil.lower.synapse import SynapseProgram
from neuropil.lower.trace import Scalars
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.per_synapse import in_order
from neuropil.model.neuron.composite import full_name
from neuropil.model.synapse.context import (
    POST_TIME,
    Activity,
    Potential,
    SignalValue,
    TargetState,
    WhiteNoise,
    context_input,
    reads,
    target_states,
)
from neuropil.registry import builder_of, register

Tree = dict[str, Any]


@dataclass(frozen=True)
class Living:
    """The synapses of one projection that have states.

    Attributes:
        projection: as described; program: its lowered model.
        pre, post, reached, delay: int64[synapses], by source: neurons, the site of the target, neuron by neuron; delays in steps.
        weight, parameters, initial: at the start, by name, [synapses] or ().
        late: steps that a target's spike takes to reach the synapses; key: of their noise; number: of each synapse in its draws.
        trained: the longest delay, steps, if delays are parameters; else 0.
    """

    projection: Projection
    program: SynapseProgram
    pre: np.ndarray
    post: np.ndarray
    reached: np.ndarray
    delay: np.ndarray
    weight: np.ndarray
    parameters: dict[str, Any]
    initial: dict[str, Any]
    late: int = 0
    key: rng.Key = (0, 0)
    number: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    trained: int = 0

    @classmethod
    def of(cls, projection: Projection, program: SynapseProgram, seed: int, dt: float, dtype: Any, trained: int = 0) -> Living:
        """The synapses of a projection with a synapse model; parameters and initial states are drawn.

        Args:
            projection: as described.
            program: its synapse model, traced.
            seed: of the simulation.
            dt: time step, ms.
            dtype: of the arrays.
            trained: the longest delay, steps, if delays are parameters; else 0.

        Raises:
            ModelError: synapses that rewire, or that read states of a cell with morphology.
        """
        if projection.structure is not None:
            raise ModelError(
                f"projection {projection.name!r} has structural plasticity, which Rollout does not support",
                fix="leave structure out to train, or run it with neuropil.run",
            )
        if isinstance(projection.target.neuron, Cell) and target_states(program.traced.spec.inputs):
            raise ModelError(f"projection {projection.name!r} reads states of a cell with morphology, which Rollout does not support", fix="run it with neuropil.run")
        pre, post, weight, delay, site, number = numbered_edges(projection, seed, dt)
        model, n = program.traced.model, pre.size

        def each(value: Any, purpose: str, name: str) -> Any:
            given = per_neuron(value, number, seed, purpose, *projection.stream, name)
            return given if isinstance(value, Distribution) else in_order(given, projection, pre, post)

        parameters = {p: each(getattr(model, p), "synapse", p).astype(dtype) for p in model.spec.parameters}
        initial = {}
        for name, state in model.spec.states.items():
            start = projection.initial.get(name, state.initial)
            drawn = parameters[start] if isinstance(start, str) else each(start, "synapse state", name)
            initial[name] = np.array(np.broadcast_to(drawn, n), dtype)
        reached, late, key = post * projection.sites + site, grid.steps(projection.response_delay, dt, "response_delay", least=0), rng.stream_key(seed, "synapse noise", *projection.stream)
        return cls(projection, program, pre, post, reached, delay, weight.astype(dtype), parameters, initial, late, key, number, trained)

    def start(self, dtype: Any) -> Tree:
        """Nothing under way; a state `weight` is filled in by `begin`.

        Args:
            dtype: of the arrays.
        """
        flight = np.zeros((self.trained or int(self.delay.max(initial=1)), self.pre.size), dtype)
        late = np.zeros((self.late, self.projection.target.size), dtype)
        return {"states": dict(self.initial), "flight": flight, "late": late, "post": np.zeros(self.projection.target.size, dtype)}

    def constants(self, parameters: Scalars, weight: Any, dt: float, dtype: Any, delay: Any = None) -> Scalars:
        """All that a step reads; the projection's weights go by the name "weights", delays that are trained by "delays".

        Args:
            parameters: by name, () or [synapses].
            weight: [synapses].
            dt: time step, ms.
            dtype: of the arrays.
            delay: [synapses], steps, where delays are trained.
        """
        p = {n: jnp.asarray(v, dtype) for n, v in parameters.items()}
        flow = Advance(self.program.traced, self.program.scheme)
        p |= entry_values(flow, p, dt, dtype)
        late = {"delays": between(delay, self.trained)} if self.trained else {}
        return {**p, "dt": jnp.asarray(dt, dtype), "weights": jnp.asarray(weight, dtype), **late}

    def step(self, p: Scalars, carry: Tree, target: Scalars, modulator: Any, k: Any) -> tuple[Tree, Any, Any]:
        """Advance from t_k to t_{k+1}.

        Args:
            p: from `constants`; carry: as `start`; target: states of the target at t_k; modulator: the signal.
            k: step.

        Returns:
            The new carry, and per target the current that flows in during the step and the weights that arrive.
        """
        traced, scheme = self.program.traced, self.program.scheme
        s, size = carry["states"], self.projection.target.size * self.projection.sites
        now = Now(self, p, carry, target, modulator, k)
        x = {n: builder_of(context_input(n), "rollout")(now, n) for n in traced.spec.inputs}
        zero = jnp.zeros(size, p["weights"].dtype)
        flow = zero
        if self.projection.input is not None:
            flow = zero.at[self.reached].add(-jnp.broadcast_to(traced.current(p, s, x), self.pre.shape))
        ready = Advance(traced, scheme).advance(p, s, x, ())
        row = k % carry["flight"].shape[0]
        arrived = carry["flight"][row]
        sent = zero
        if self.projection.port is not None:
            sent = zero.at[self.reached].add(arrived * traced.transmits(p, ready, p["weights"]))
        after = traced.arrive(p, ready, p["weights"])
        new = {n: jnp.broadcast_to(ready[n] + arrived * (after[n] - ready[n]), self.pre.shape) for n in s}
        return {**carry, "states": new, "flight": carry["flight"].at[row].set(0.0)}, flow, sent

    def send(self, carry: Tree, p: Scalars, spikes: Any, mine: Any, k: Any) -> Tree:
        """Send the spikes of step k to the synapses; these respond to the spikes of their targets.

        Args:
            carry: as `start`.
            p: from `constants`.
            spikes: [sources], 0 or 1.
            mine: [targets], 0 or 1.
            k: step.

        Returns:
            The new carry.
        """
        s, flight, late = carry["states"], carry["flight"], carry["late"]
        after = self.program.traced.respond(p, s, p["weights"])
        here = (late[k % self.late] if self.late else mine)[self.post]
        late = late.at[k % self.late].set(mine) if self.late else late
        s = {n: jnp.broadcast_to(s[n] + here * (after[n] - s[n]), self.pre.shape) for n in s}
        sent, each = spikes[self.pre], np.arange(self.pre.size)
        if self.trained:
            early, share = p["delays"]
            flight = flight.at[(k + early) % flight.shape[0], each].add((1.0 - share) * sent)
            flight = flight.at[(k + early + 1) % flight.shape[0], each].add(share * sent)
        else:
            flight = flight.at[(k + self.delay.astype(np.int32)) % flight.shape[0], each].add(sent)
        post = carry["post"]
        if reads(self.program.traced.spec.inputs, Activity):
            post = post * jnp.exp(-p["dt"] / p[POST_TIME]) + mine / p[POST_TIME]
        return {**carry, "states": s, "flight": flight, "late": late, "post": post}


@dataclass(frozen=True)
class Now:
    """What a step of the synapses of one projection is given.

    Attributes:
        synapses: whose; p, carry, target, modulator, k: as of `Living.step`.
    """

    synapses: Living
    p: Scalars
    carry: Tree
    target: Scalars
    modulator: Any
    k: Any


@register(WhiteNoise, "rollout")
def _noise(now: Now, name: str) -> Any:
    return _white(now.synapses.key, now.synapses.number, now.k, now.p["dt"])


@register(SignalValue, "rollout")
def _signal(now: Now, name: str) -> Any:
    return now.modulator


@register(Activity, "rollout")
def _activity(now: Now, name: str) -> Any:
    return now.carry["post"][now.synapses.post]


@register(TargetState, "rollout")
@register(Potential, "rollout")
def _state(now: Now, name: str) -> Any:
    return now.target[full_name(now.synapses.projection.part, name)][now.synapses.reached]


def _white(key: rng.Key, number: np.ndarray, k: Any, dt: Any) -> Any:
    """White noise of synapses in step k: the very words of `neuropil.rng.words`, as normal numbers over √dt."""
    element, pair = jnp.asarray(number, jnp.uint32), jnp.full(number.size, k >> 1).astype(jnp.uint32)
    first, second = jnp.split(threefry_2x32(jnp.array(key, jnp.uint32), jnp.concatenate([element, pair])), 2)
    word = jnp.where(k & 1, second, first)
    exact = dt.dtype == jnp.float64
    uniform = (word.astype(dt.dtype) + 0.5) * 2.0**-32 if exact else ((word >> 9).astype(dt.dtype) + 0.5) * 2.0**-23
    return ndtri(uniform) / jnp.sqrt(dt)


def begin(carry: Tree, weight: Any, k: Any) -> Tree:
    """A state `weight` starts, at step 0, at the weights among the parameters: gradients reach them.

    Args:
        carry: of the synapses.
        weight: [synapses], base units.
        k: step.
    """
    if "weight" not in carry["states"]:
        return carry
    states = {**carry["states"], "weight": jnp.where(k == 0, jnp.asarray(weight), carry["states"]["weight"])}
    return {**carry, "states": states}
