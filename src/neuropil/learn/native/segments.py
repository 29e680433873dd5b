"""A rollout with modulators by native kernels: constants change at ticks, so what lies between two ticks is a span.

Levels and effects are those of `neuropil.learn.modulators`, computed by JAX between spans; cotangents of the constants of each span lead
back to them, and from there to the spikes that release modulators. Levels are those of a sample, so constants are, too.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.learn.native.span import Held, Span

Tree = dict[str, Any]


def modulated(span: Span, parameters: Tree, started: Tree, given: Tree) -> tuple[Tree, Tree, Tree]:
    """What `Span.roll` returns, for a network with modulators.

    Args:
        span: runs spans of this batch.
        parameters: as of `Rollout.apply`.
        started: the state, with a batch axis.
        given: inputs, with a batch axis; "step" without one.
    """
    rollout, samples = span.own.rollout, span.samples
    levels = _Levels(rollout, jax.tree.map(lambda a: jnp.asarray(a, rollout.dtype), parameters), samples)
    cuts = _Cuts(rollout._modulators.span, given["step"])
    started = jax.tree.map(lambda a: jnp.broadcast_to(a, (samples, *a.shape[1:])), started)

    def one(carry: tuple[Tree, Tree], row: tuple[Tree, Any, Any]) -> tuple[tuple[Tree, Tree], tuple[Tree, Tree]]:
        (state, level), (inputs, k, count) = carry, row
        taken = np.arange(cuts.length, dtype=np.int32) < count
        doses = {n: jnp.where(taken[None], a.astype(rollout.dtype), 0.0) for n, a in inputs.get("doses", {}).items()}
        level = levels.dosed(level, {n: a[:, 0] for n, a in doses.items()})
        level, held = levels.acted(levels.ticked(level, inputs.get("signals", {}), k, count))
        spikes, traces, state = span.roll(held, state, inputs, count)
        level = levels.dosed(level, {n: a[:, 1:].sum(1) for n, a in doses.items()})
        return (state, levels.counted(level, {n: jnp.where(taken[None, :, None], a, 0.0).sum(1) for n, a in spikes.items()})), (spikes, traces)

    level, _ = levels.acted(started.pop("modulators"))  # the present ones, which have acted unless this is the start
    (state, level), over_time = jax.lax.scan(one, (started, level), (cuts.inputs(given), cuts.first, cuts.count))
    spikes, traces = jax.tree.map(cuts.joined, over_time)
    return spikes, traces, {**state, "modulators": level}


class _Levels:
    """The modulators of every sample, and what they make of constants.

    Args:
        rollout: the rollout.
        parameters: all of them, in its precision.
        samples: how many.

    Attributes:
        of: the modulators of a rollout.
    """

    def __init__(self, rollout: Any, parameters: Tree, samples: int):
        self.of, self._rollout, self._parameters, self._samples = rollout._modulators, rollout, parameters, samples
        self._same = Held.of(rollout, parameters)
        self._apart = frozenset(n for effects in (self.of.effects, self.of.on_synapses) for n, mine in effects.items() if mine)

    def dosed(self, level: Tree, doses: Tree) -> Tree:
        """With doses, [samples], or one for all, by modulator."""
        return jax.vmap(lambda level, doses: self.of.dosed(level, {"doses": doses}))(level, self._each(doses))

    def counted(self, level: Tree, spikes: Tree) -> Tree:
        """With the numbers of spikes of a span by population."""
        return jax.vmap(self.of.count)(level, spikes)

    def ticked(self, level: Tree, signals: Tree, k: Any, count: Any) -> Tree:
        """After what happens at a step, if one is taken and any tick is there."""

        def advance(level: Tree) -> Tree:
            row = self._each({n: a[:, 0] for n, a in signals.items()})
            return jax.vmap(lambda level, row: self.of.advance(self._parameters, level, {"step": k, "signals": row}))(level, row)

        return jax.lax.cond((count > 0) & self.of.ticking(k), advance, lambda level: level, level)

    def acted(self, level: Tree) -> tuple[Tree, Held]:
        """With the first effect that is outside of its bounds, and the constants under these levels."""
        rollout, weights = self._rollout, self._parameters["weights"]

        def one(level: Tree) -> tuple[Any, Tree, Tree]:
            neurons, synapses, outside = self.of.changed(self._parameters, level)
            changed = {n: v.constants(neurons[n], rollout.dt, rollout.dtype) for n, v in rollout.neurons.items() if n in self._apart}
            return outside, changed, {n: v.constants(synapses[n], weights[n], rollout.dt, rollout.dtype) for n, v in rollout.living.items() if n in self._apart}

        outside, neurons, synapses = jax.vmap(one)(level)
        return {**level, "outside": outside}, Held(self._same.neurons | neurons, self._same.synapses | synapses, self._apart)

    def _each(self, values: Tree) -> Tree:
        return {n: jnp.broadcast_to(a, (self._samples, *a.shape[1:])) for n, a in values.items()}


class _Cuts:
    """Where ticks cut a rollout into spans. The step of its start need not be known before it runs, so the first and the last span may be shorter than others.

    Args:
        length: steps within which no modulator ticks but at the first.
        step: the network's steps.

    Attributes:
        length: as above.
        first: the network's step at the start of each span, [spans]; count: steps in it.
    """

    def __init__(self, length: int, step: Any):
        self.length, steps = length, len(step)
        spans = max(1, (steps + 2 * length - 2) // length)
        start = jnp.asarray(step[0] if steps else 0, jnp.int32)
        self._phase = start % length
        edges = jnp.clip(np.arange(spans + 1, dtype=np.int32) * length - self._phase, 0, steps)
        self._begin, self.count = edges[:-1], jnp.diff(edges)
        self.first = start + self._begin
        self._steps = steps

    def inputs(self, given: Tree) -> Tree:
        """Inputs of each span: arrays [spans, samples, steps of the longest, ...], "step" without samples.

        Args:
            given: inputs, with a batch axis.
        """
        rows = self._begin[:, None] + np.arange(self.length, dtype=np.int32)[None]

        def cut(a: Any) -> Any:
            padded = jnp.pad(a, [(0, 0), (0, self.length), *[(0, 0)] * (a.ndim - 2)])
            return jnp.moveaxis(jnp.take(padded, rows, axis=1), 1, 0)

        def listed(of: Tree) -> Tree:
            """Given spikes, with steps from the start of the span; those of other spans are none."""
            at = jnp.asarray(of["step"], jnp.int32)[None] - self._begin[:, None, None]
            return {"step": jnp.where((at >= 0) & (at < self.count[:, None, None]), at, -1), "neuron": jnp.broadcast_to(of["neuron"], (len(self._begin), *of["neuron"].shape))}

        made = jax.tree.map(cut, {kind: of for kind, of in given.items() if kind not in ("step", "spikes")})
        made["step"] = jnp.take(jnp.pad(jnp.asarray(given["step"]), (0, self.length)), rows, axis=0)
        return made | ({"spikes": {n: listed(of) for n, of in given["spikes"].items()}} if "spikes" in given else {})

    def joined(self, a: Any) -> Any:
        """An array of all spans, [spans, samples, steps of the longest, ...], in time: [samples, steps, ...].

        Args:
            a: the array.
        """
        at = np.arange(self._steps, dtype=np.int32)
        which = (at + self._phase) // self.length
        return jnp.moveaxis(a[which, :, at - self._begin[which]], 0, 1)
