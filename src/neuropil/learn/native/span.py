"""A span of steps during which constants hold: native kernels, and what JAX computes around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from neuropil.learn.native.calls import Native, NativeCall, NativeRollout
from neuropil.learn.native.living import living_after, living_parts
from neuropil.learn.native.observed import needed_states, traces_of
from neuropil.learn.native.primitive import rolled
from neuropil.learn.native.synapses import activity_name, part_name
from neuropil.model.neuron.composite import split

Tree = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """What steps read beside states and inputs.

    Attributes:
        neurons, synapses: constants by population, and by projection with a synapse model.
        apart: those of them whose every constant begins with the samples.
    """

    neurons: Tree
    synapses: Tree
    apart: frozenset[str] = frozenset()

    @classmethod
    def of(cls, rollout: Any, parameters: Tree) -> Held:
        """The same constants for all samples.

        Args:
            rollout: the rollout.
            parameters: as of `Rollout.apply`.
        """
        weights, synapses = parameters["weights"], parameters.get("synapses", {})
        return cls(rollout.constants(parameters), {n: v.constants(synapses[n], weights[n], rollout.dt, rollout.dtype) for n, v in rollout.living.items()})

    @property
    def parts(self) -> frozenset[str]:
        """`apart` by the names of parts of a machine."""
        named = {n: (part_name(n), activity_name(n)) if n in self.synapses else (n,) for n in self.apart}
        return frozenset(part for names in named.values() for part in names)


@dataclass(frozen=True)
class Span:
    """Runs spans of one batch.

    Attributes:
        own: the rollout with its machines; native: options.
        samples: how many.
        weights, delays: as `NativeRollout.weights` gives them.
    """

    own: NativeRollout
    native: Native
    samples: int
    weights: Tree
    delays: Tree

    @classmethod
    def of(cls, rollout: Any, native: Native, samples: int, parameters: Tree) -> Span:
        """Those of a rollout.

        Args:
            rollout: the rollout.
            native, samples: as of this.
            parameters: as of `Rollout.apply`.
        """
        own = NativeRollout.of(rollout)
        return cls(own, native, samples, *own.weights(parameters))

    def roll(self, held: Held, started: Tree, given: Tree, count: Any = None) -> tuple[Tree, Tree, Tree]:
        """Spikes, traces and the state at the end, every array with a batch axis.

        Args:
            held: constants.
            started: the state, with a batch axis.
            given: inputs, with a batch axis; "step" without one.
            count: how many of these steps are taken; in the others, the last ones, spikes and traces mean nothing. None: all, and tapes may be kept.
        """
        rollout = self.own.rollout
        dtype, steps = rollout.dtype, len(given["step"])
        taken = steps if count is None else count
        first = jnp.where(taken > 0, given["step"][0], -1) if steps else -1
        living = {k: v for n, of in rollout.living.items() for k, v in living_parts(of, held.synapses[n], started["synapses"][n], first).items()}
        floats, fixed = self._arrays(held, started, given, living)
        fixed["count"] = jnp.asarray(taken, jnp.int32)
        recorded = needed_states(rollout)
        still = {(n, k) for n, k in recorded if n in fixed["spikes"]}  # a population with given spikes takes no step
        call = NativeCall(self.own, self.native, self.samples, steps, tuple(sorted(recorded - still)), tuple(sorted(fixed["spikes"])), held.parts, count is not None)
        out = rolled(call, floats, fixed)
        for n, k in sorted(still):
            a = jnp.asarray(started["neurons"][n][k], dtype)[:, None]
            out["records"].setdefault(n, {})[k] = jnp.broadcast_to(a, (self.samples, steps, a.shape[-1]))
        traces = traces_of(rollout, held.neurons, out["records"], held.apart)
        before = jax.tree.map(lambda a: jnp.broadcast_to(a, (self.samples, *a.shape[1:])), started["synapses"])
        left = {n: living_after(of, before[n], out, first, taken) for n, of in rollout.living.items()}
        neurons, flight = ({n: v for n, v in out[kind].items() if n not in living} for kind in ("states", "flight"))
        after = {"neurons": neurons, "left": out["left"], "flight": flight, "synapses": left, **({"graded": out["past"]} if out["past"] else {})}
        return out["spikes"], traces, after

    def _arrays(self, held: Held, started: Tree, given: Tree, living: Tree) -> tuple[Tree, Tree]:
        """What has cotangents, and what has none."""
        rollout, dtype = self.own.rollout, self.own.rollout.dtype
        varying = {n: {k: v for k, v in of.items() if split(k)[1] not in ("dt", "period")} for n, of in held.neurons.items()}
        steps_of = jnp.zeros((1, len(given["step"])), dtype)
        signals = {n: given.get("modulators", {}).get(n, steps_of) for n in rollout.living}
        floats = {
            "constants": varying | {n: of["constants"] for n, of in living.items()}, **self.weights,
            **{kind: started[of] | {n: v[kind] for n, v in living.items()} for kind, of in (("states", "neurons"), ("flight", "flight"))}, "past": started.get("graded", {}),
            **jax.tree.map(lambda a: jnp.asarray(a, dtype), {kind: given[kind] for kind in ("events", "currents")}),
        }  # fmt: skip
        fixed = {
            "left": started["left"], "uniform": given["uniform"], "period": {n: of["period"] for n, of in held.neurons.items()}, "first": given["step"], "delays": self.delays,
            "modulators": {n: jnp.asarray(v, dtype) for n, v in signals.items()}, "spikes": given.get("spikes", {}),
        }  # fmt: skip
        return floats, fixed
