"""One population within a rollout: its parameters, its start, and its step with or without surrogate gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient

from neuropil.learn.exchange import Exchange
from neuropil.learn.propagators import entry_values
from neuropil.learn.stimuli import per_neuron
from neuropil.learn.surrogate import Surrogate
from neuropil.learn.threshold import distance
from neuropil.lower.integrate import StepFunction
from neuropil.lower.trace import Scalars, TracedNeuron
from neuropil.model.base.distribution import Distribution
from neuropil.model.base.grid import TOLERANCE
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import full_name
from neuropil.model.neuron.neuron import Neuron


@dataclass(frozen=True)
class Neurons:
    """A population as a rollout steps it.

    Attributes:
        population: as described.
        step: the step of its model; `silent` is the same without threshold and reset.
        parameters: by name, numbers () or arrays [neurons] in the rollout's precision.
        initial: states by name, [neurons].
        surrogate: the surrogate gradient of its spikes, or None.
        reset_gradient: whether gradients also flow through the spike that triggers the reset.
        scale: the distance to threshold that counts as 1, in the unit of the threshold's comparison.
    """

    population: Population
    step: StepFunction
    silent: StepFunction
    parameters: dict[str, Any]
    initial: dict[str, Any]
    surrogate: Surrogate | None
    reset_gradient: bool
    scale: float

    @classmethod
    def of(
        cls, population: Population, seed: int, dtype: Any, surrogate: Surrogate | None, reset_gradient: bool,
        scale: float | None, part: str = "",
    ) -> Neurons:  # fmt: skip
        """The neurons of one part of a population: parameters and initial states are drawn, the model is traced.

        Args:
            seed, dtype, surrogate, reset_gradient, scale: as of `Rollout`.
            part: name of the part; "": the soma.
        """
        model, sites = population.parts[part].model, population.parts[part].sites
        assert isinstance(model, Neuron)
        traced, quiet = TracedNeuron(model), TracedNeuron(model)
        quiet.has_fires = quiet.has_hazard = False
        step = StepFunction.of(traced)
        spec, size = traced.spec, population.size * sites

        def drawn(purpose: str, name: str, value: Any) -> Any:
            values = per_neuron(value, size, seed, purpose, population.name, full_name(part, name)).astype(dtype)
            if isinstance(value, Distribution):  # drawn one site after the other
                values = values.reshape(sites, -1).T.ravel()
            return np.tile(values, population.size) if sites > 1 and values.shape == (sites,) else values

        parameters = {n: drawn("parameter", n, getattr(model, n)) for n in spec.parameters}
        initial = {}
        for name, state in spec.states.items():
            start = population.initial.get(full_name(part, name), state.initial)
            value = parameters[start] if isinstance(start, str) else drawn("initial", name, start)
            initial[name] = np.array(np.broadcast_to(value, size))
        if surrogate is not None and traced.has_fires and scale is None:
            declared = {n: parameters[v.initial] if isinstance(v.initial, str) else drawn("initial", n, v.initial) for n, v in spec.states.items()}
            scale = _scale(traced, parameters, initial, declared)
        silent = StepFunction(quiet, step.scheme)
        return cls(population, step, silent, parameters, initial, surrogate, reset_gradient, scale or 1.0)

    @property
    def draws_uniform(self) -> bool:
        """Steps need a uniform number per neuron."""
        return self.step.traced.has_hazard

    @property
    def pieces(self) -> dict[str, Neurons]:
        """Parts that step by one set of equations each, by name: the neurons themselves."""
        return {"": self}

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What parts give each other: nothing."""
        return ()

    def constants(self, parameters: Scalars, dt: float, dtype: Any) -> Scalars:
        """All that a step reads: parameters, propagator entries, "dt", and the refractory period "period", steps.

        Args:
            parameters: by name, () or [neurons].
            dt: time step, ms.
            dtype: of the arrays.
        """
        p = {n: jnp.asarray(v, dtype) for n, v in parameters.items()}
        p |= entry_values(self.step, p, dt, dtype)
        name = self.step.traced.neuron.refractory
        lasting = stop_gradient(p[name]) / dt if name else jnp.zeros((), dtype)
        return {**p, "dt": jnp.asarray(dt, dtype), "period": jnp.floor(lasting + 0.5 + TOLERANCE).astype(jnp.int32)}

    def completed(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """Inputs `x` with what the parts of a neuron give each other: here nothing (`p` from `constants`, `s` the states)."""
        return x

    def advance(self, p: Scalars, s: Scalars, left: Any, x: Scalars, w: Scalars, u: Any) -> tuple[Scalars, Any, Any]:
        """One step.

        Args:
            p: from `constants`; s: states [neurons]; left: int32[neurons], refractory steps to go.
            x, w: every input and every port, [neurons]; u: uniform numbers [neurons], for models with a hazard.

        Returns:
            New states, new `left`, and spikes (1 or 0, of the states' type), each [neurons].
        """
        new, spikes, fired = self.passed(p, s, x, w, left > 0, u)
        fired = jnp.broadcast_to(jnp.asarray(fired, bool), left.shape)
        new = {n: jnp.broadcast_to(v, left.shape).astype(u.dtype) for n, v in new.items()}
        return new, jnp.where(fired, p["period"], jnp.maximum(left - 1, 0)), jnp.broadcast_to(spikes, left.shape)

    def passed(self, p: Scalars, s: Scalars, x: Scalars, w: Scalars, refractory: Any, u: Any) -> tuple[Scalars, Any, Any]:
        """One step of one neuron, or of each of several.

        Args:
            p, s, x, w, u: as of `advance`, arrays or numbers.
            refractory: truth values.

        Returns:
            New states, the spike as a number that carries the surrogate gradient, and whether it is emitted.
        """
        if self.surrogate is None:
            new, fired = self.step(p, s, x, w, refractory, u)
            return new, jnp.asarray(fired).astype(u.dtype), fired
        reached, _ = self.silent(p, s, x, w, refractory, u)
        fired, spikes = self._threshold(self.surrogate, p, s, reached, refractory, u)
        return self._reset(p, reached, fired, spikes), spikes, fired

    def observed(self, s: Scalars, name: str, indices: np.ndarray) -> Any:
        """A state at indices counted neuron by neuron.

        Args:
            s: states by name, [neurons · sites].
            name: of the state.
            indices: int[n], neuron · sites + site.
        """
        return s[name][indices]

    def _threshold(self, shape: Surrogate, p: Scalars, old: Scalars, new: Scalars, refractory: Any, u: Any) -> tuple[Any, Any]:
        """Who spikes, as truth values and as numbers that carry the surrogate gradient."""
        traced = self.step.traced
        if traced.has_hazard:
            chance = -jnp.expm1(-traced.hazard(p, new) * p["dt"])
            fired, x = u < chance, chance - u
        elif traced.has_fires:
            fired, x = traced.fires(p, new), distance(traced, p, new) / self.scale
        else:
            return jnp.zeros(u.shape, bool), jnp.zeros_like(u)
        able = jnp.ones(u.shape, bool)
        if traced.has_fires and traced.neuron.spikes_on == "rising":
            able &= jnp.logical_not(traced.fires(p, old))
        if self.step.rests:
            able &= jnp.logical_not(refractory)
        # Where a neuron cannot spike, moving its potential moves nothing: no gradient either.
        spikes = shape.spike(jnp.broadcast_to(fired, u.shape), jnp.broadcast_to(x, u.shape)) * able.astype(u.dtype)
        return fired & able, spikes

    def _reset(self, p: Scalars, s: Scalars, fired: Any, spikes: Any) -> Scalars:
        after = self.step.traced.reset(p, s)
        if self.reset_gradient:
            # The value is that of `where`; the slope by the spike is the jump it causes.
            ghost = spikes - stop_gradient(spikes)
            return {n: jnp.where(fired, after[n], s[n]) + ghost * (after[n] - s[n]) for n in s}
        return {n: jnp.where(fired, after[n], s[n]) for n in s}


def _scale(traced: TracedNeuron, parameters: Scalars, start: Scalars, declared: Scalars) -> float:
    """The distance to threshold that counts as 1 where none is given: about the way from rest to threshold.

    Where a population starts at threshold, its declared start and its reset still say how far that is.
    """
    states = (start, declared, {**start, **traced.reset(parameters, start)})
    away = [np.abs(np.asarray(distance(traced, parameters, s))) for s in states]
    return max(float(np.mean(d)) for d in away) or 1.0
