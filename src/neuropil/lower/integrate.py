"""One time step of a model as a JAX function: the step contract, written once.

Kernels are emitted from its trace, the differentiable rollout calls it as it stands. Order within a step: advance the
continuous state (refractory neurons hold their clamped states), add the events that arrive at its end, test the
threshold, reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from neuropil.lower.classify import Scheme, classify
from neuropil.lower.coupled import coupled_flow
from neuropil.lower.later import jax, jnp
from neuropil.lower.propagator import entries, tag
from neuropil.lower.trace import Scalars, Traced, TracedNeuron
from neuropil.model.base.integrators import Number, StochasticTableau, Tableau, common_denominator
from neuropil.model.base.noise import is_white


@dataclass(frozen=True)
class Advance:
    """How the states of a model flow over a step; `p` holds its parameters, the entries of its propagators, and "dt" (ms).

    Attributes:
        traced: the model's equations.
        scheme: how each state is advanced.
    """

    traced: Traced
    scheme: Scheme

    @classmethod
    def of(cls, traced: Any) -> Self:
        """For a traced model."""
        return cls(traced, classify(traced))

    @property
    def clamps(self) -> tuple[str, ...]:
        """States held while refractory."""
        return self.traced.clamps

    @property
    def rests(self) -> bool:
        """The model has a refractory period."""
        return self.traced.refractory is not None

    @cached_property
    def prefixes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Tags of the propagators this step uses -> (fraction of dt, held states)."""
        if not self.scheme.exact:
            return {}
        tableau = self.scheme.tableau
        times: list[Number] = [1, *(c for c in dict.fromkeys(tableau.c if tableau else ()) if c not in (0, 1))]
        found: dict[str, tuple[float, tuple[str, ...]]] = {}
        for time in times:
            found[tag(time, False)] = (float(time), ())
            if self._holding_matters:
                found[tag(time, True)] = (float(time), self.clamps)
        return found

    @property
    def entry_names(self) -> tuple[str, ...]:
        """Names of all propagator entries that `p` must hold."""
        return tuple(name for prefix in self.prefixes for name in entries(self.scheme, prefix))

    @property
    def _holding_matters(self) -> bool:
        """Some exact state that is not clamped depends on one that is: its propagator differs while refractory."""
        clamped = set(self.clamps)
        return any(clamped & set(self.scheme.reach[i]) for i in self.scheme.exact if i not in clamped)

    def advance(self, p: Scalars, s: Scalars, x: Scalars, held: tuple[str, ...] = ()) -> Scalars:
        """States after dt without events; those in `held` stay as they are.

        Args:
            p: parameters, entries of propagators and "dt" by name.
            s: states by name; x: inputs by name.
        """
        end = self._propagate(p, s, x, held, 1)
        scheme, tableau = self.scheme, self.scheme.tableau
        if tableau is not None:
            stepped = self._runge_kutta(tableau, p, s, x, held)
        else:
            together = {n for group in scheme.coupled for n in group}
            stepped = {n: s[n] if n in held else self._exponential(p, s, x, n) for n in scheme.stepped if n not in together}
            for group in scheme.coupled:
                stepped |= self._together(p, s, x, tuple(n for n in group if n not in held))
                stepped |= {n: s[n] for n in group if n in held}
        return {n: stepped[n] if n in scheme.stepped else end[n] for n in s}

    def _runge_kutta(self, tableau: Tableau, p: Scalars, s: Scalars, x: Scalars, held: tuple[str, ...]) -> Scalars:
        """The stepped states by an explicit Runge-Kutta method; the exact ones are exact in each of its stages."""
        dt, slopes = p["dt"], []  # type: ignore[var-annotated]
        stochastic = isinstance(tableau, StochasticTableau)
        drift = {n: jnp.zeros_like(v) if is_white(n) else v for n, v in x.items()} if stochastic else x

        def moved(row: Sequence[Number]) -> Scalars:
            """The stepped states, moved along the slopes so far with these weights."""
            used = [(k, w) for k, w in zip(slopes, row, strict=False) if w]
            if len(used) == 1:  # the weight joins dt, which is constant
                (k, weight), *_ = used
                return {n: s[n] + (float(weight) * dt) * k[n] for n in k}
            weights, below = common_denominator([w for _, w in used])
            return {n: s[n] + dt * _sum([k[n] for k, _ in used], weights, below) for n in self.scheme.stepped} if used else {}

        for row, time in zip(tableau.a, tableau.c, strict=True):
            stage = {**self._propagate(p, s, x, held, time), **moved(row)}
            rates = self.traced.derivative(p, stage, drift)
            slopes.append({n: 0.0 if n in held else rates[n] for n in self.scheme.stepped})
        end = moved(tableau.b)
        if isinstance(tableau, StochasticTableau):
            end |= {n: end[n] + jump for n, jump in self._diffused(tableau, p, s, x, held).items()}
        return end

    def _diffused(self, tableau: StochasticTableau, p: Scalars, s: Scalars, x: Scalars, held: tuple[str, ...]) -> Scalars:
        """What noise adds over a step to the stepped states that have it."""
        noise = {n: several for n, several in self.scheme.noise.of.items() if n in self.scheme.stepped and n not in held}
        root = jnp.sqrt(p["dt"])
        increment = {n: sum(x[k] for k in several) * p["dt"] for n, several in noise.items()}
        twice = {n: (w * w - p["dt"]) / (2.0 * root) for n, w in increment.items()}

        def diffusion(at: Scalars) -> Scalars:
            """The slopes by the noise; where states have several, the tableau is used for additive noise alone, and these are equal."""
            values = {k: jnp.asarray(x[k]) for k in dict.fromkeys(k for several in noise.values() for k in several)}

            def rates(given: Scalars) -> Scalars:
                found = self.traced.derivative(p, at, {**x, **given})
                return {n: jnp.asarray(found[n]) for n in noise}

            return jax.jvp(rates, (values,), ({k: jnp.ones_like(v) for k, v in values.items()},))[1]

        found: list[Scalars] = []
        for row in tableau.diffusion:
            weights = [(float(w), g) for w, g in zip(row, found, strict=False) if w]
            found.append(diffusion({**s, **{n: s[n] + sum(w * g[n] for w, g in weights) * twice[n] for n in noise if weights}}))
        return {
            n: sum((float(e) * increment[n] + float(m) * root) * g[n] for e, m, g in zip(tableau.increment, tableau.correction, found, strict=True) if e or m)
            for n in noise
        }

    def _propagate(self, p: Scalars, s: Scalars, x: Scalars, held: tuple[str, ...], time: Number) -> Scalars:
        """Exact states at a time within the step (1: its end); the others as they are."""
        scheme, new = self.scheme, dict(s)
        if time == 0:
            return new
        for i in scheme.exact:
            if i in held:
                continue
            prefix = tag(time, bool(held) and bool(set(held) & set(scheme.reach[i])))
            terms = [p[f"{prefix}P_{i}_{j}"] * s[j] for j in scheme.reach[i]]
            for k in scheme.driven[i]:
                entry = p[f"{prefix}Q_{i}_{k}"]
                terms.append((entry * _in_distribution(p[f"{prefix}P_{i}_{i}"]) if time == 1 and scheme.exact_in_distribution(i, k) else entry) * x[k])
            if i in scheme.affine:
                terms.append(p[f"{prefix}c_{i}"])
            new[i] = sum(terms[1:], terms[0])
        return new

    def _together(self, p: Scalars, s: Scalars, x: Scalars, group: tuple[str, ...]) -> Scalars:
        """Exponential Euler of several states at once: s + φ(J dt) f dt with their Jacobian J."""
        if len(group) < 2:
            return {n: self._exponential(p, s, x, n) for n in group}

        def rates(*values: Any) -> tuple[Any, ...]:
            found = self.traced.derivative(p, {**s, **dict(zip(group, values, strict=True))}, x)
            return tuple(jnp.asarray(found[n], at[0].dtype) for n in group)

        at = jnp.broadcast_arrays(*(jnp.asarray(s[n]) for n in group))
        ones, zeros = jnp.ones_like(at[0]), jnp.zeros_like(at[0])
        columns = []
        for j in range(len(group)):
            f, column = jax.jvp(rates, tuple(at), tuple(ones if i == j else zeros for i in range(len(group))))
            columns.append(column)
        matrix = tuple(columns[j][i] * p["dt"] for i in range(len(group)) for j in range(len(group)))
        return {n: s[n] + change for n, change in zip(group, coupled_flow(matrix, tuple(r * p["dt"] for r in f)), strict=True)}

    def _exponential(self, p: Scalars, s: Scalars, x: Scalars, n: str) -> Any:
        """Exponential Euler: s + f dt φ(J dt) with φ(z) = (eᶻ - 1)/z and J = ∂f/∂s from automatic differentiation."""

        def own(value: Any) -> Any:
            return jnp.asarray(self.traced.derivative(p, {**s, n: value}, x)[n])

        value = jnp.asarray(s[n])
        f, slope = jax.jvp(own, (value,), (jnp.ones_like(value),))
        z = slope * p["dt"]
        flat = z == 0.0
        safe = jnp.where(flat, 1.0, z)
        return value + f * p["dt"] * jnp.where(flat, 1.0, jnp.expm1(safe) / safe)


def _in_distribution(decay: Any) -> Any:
    """By how much white noise spreads an Ornstein-Uhlenbeck process over a step, relative to noise that is held for the step.

    Args:
        decay: z = e^(a h): √(φ(2 a h)) / φ(a h) with φ(y) = (eʸ - 1) / y, which is √(log z (z + 1) / (2 (z - 1))).
    """
    still = decay == 1.0
    z = jnp.where(still, 0.5, decay)
    return jnp.where(still, 1.0, jnp.sqrt(jnp.log(z) * (z + 1.0) / (2.0 * (z - 1.0))))


def _sum(values: Sequence[Any], weights: Sequence[float], below: float) -> Any:
    """Σ weight * value / below, from left to right."""
    terms = [v if w == 1.0 else w * v for v, w in zip(values, weights, strict=True)]
    total = sum(terms[1:], terms[0])
    return total if below == 1.0 else total / below


@dataclass(frozen=True)
class StepFunction(Advance):
    """The whole step of a neuron model.

    Attributes:
        traced: the model's equations.
    """

    traced: TracedNeuron

    def __call__(self, p: Scalars, s: Scalars, x: Scalars, w: Scalars, refractory: Any, u: Any) -> tuple[Scalars, Any]:
        """Advance one step.

        Args:
            p: parameters and propagator entries; s: states; x: inputs; w: summed weights by port.
            refractory: truth value; u: a uniform number, used by models with a hazard.

        Returns:
            The new states, and whether a spike is emitted.
        """
        new = self.advance(p, s, x, ())
        if self.clamps:
            held = self.advance(p, s, x, self.clamps)
            new = {n: jnp.where(refractory, held[n], new[n]) for n in new}
        jump = self.traced.receive(p, new, w)
        for n in new:
            arriving = new[n] + jump[n]
            new[n] = jnp.where(refractory, new[n], arriving) if n in self.clamps else arriving
        fired = self._fires(p, s, new, u)
        if fired is not False:
            if self.rests:  # some models reset above their threshold: silence is part of being refractory
                fired = jnp.logical_and(fired, jnp.logical_not(refractory))
            after = self.traced.reset(p, new)
            new = {n: jnp.where(fired, after[n], new[n]) for n in new}
        return new, fired

    def _fires(self, p: Scalars, old: Scalars, new: Scalars, u: Any) -> Any:
        if self.traced.has_hazard:
            return u < -jnp.expm1(-self.traced.hazard(p, new) * p["dt"])
        if not self.traced.has_fires:
            return False
        fired = self.traced.fires(p, new)
        if self.traced.neuron.spikes_on == "rising":
            fired = jnp.logical_and(fired, jnp.logical_not(self.traced.fires(p, old)))
        return fired
