"""Modulators within a rollout: concentrations advance at ticks, and the constants that a step reads follow them.

The dynamics are the description's: kinetics, receptors and effects are its own functions, called on JAX's arrays, so gradients reach
their parameters, and through them whatever releases a modulator. Constants change at ticks alone, and are computed there.
A value outside of the bounds of its effect becomes NaN, and the state's "outside" is the index of that effect.

Args:
    dt: time step, ms.
    dtype: of the arrays.
    carry: state of the modulators.
    row: inputs of a step.
    k: step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import gcd
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import ModelError, SimulationError
from neuropil.model.base import grid
from neuropil.model.cell.cell import Cell
from neuropil.model.modulation.bound_effect import BoundEffect
from neuropil.model.modulation.diffusion import Grid
from neuropil.model.modulation.effects import Effect
from neuropil.model.modulation.kinetics import Kinetics
from neuropil.model.modulation.modulator import Modulator, effects_on
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import split

Tree = dict[str, Any]
INSIDE = -1
"""No effect has left its bounds."""


@dataclass(frozen=True)
class Level:
    """One modulator.

    Attributes:
        modulator: as described; every: steps in a tick.
        parameters: of its kinetics by name, and "<receptor>.ec50" of its receptors, base units.
    """

    modulator: Modulator
    every: int
    parameters: dict[str, float]

    @classmethod
    def of(cls, modulator: Modulator, dt: float) -> Level:
        """Of a modulator.

        Args:
            modulator: as described.
            dt: time step, ms.
        """
        kinetics = modulator.kinetics
        values = {n: float(getattr(kinetics, n).value) for n in kinetics.spec.parameters}
        return cls(modulator, grid.steps(modulator.tick, dt, "tick"), values | {f"{r.name}.ec50": r.ec50 for r in modulator.receptors.values()})

    def start(self, dtype: Any) -> Tree:
        """At t = 0: the baseline, with nothing released.

        Args:
            dtype: of its numbers.
        """
        return {
            "level": self.modulator.start().astype(dtype), "dose": np.zeros((), dtype),
            "spikes": [np.zeros(r.nucleus.size, dtype) for r in self.modulator.releases],
        }  # fmt: skip

    def tick(self, p: Tree, carry: Tree, signal: Any, k: Any) -> Tree:
        """What happens at t_k, if that is a tick.

        Args:
            p: as `parameters`.
            carry: as `start`.
            signal: in force, one number or one per cell.
            k: the step.

        Returns:
            The state after it, as `carry`.
        """
        m, dtype = self.modulator, carry["level"].dtype
        kinetics = m.kinetics.bound({n: p[n] for n in m.kinetics.spec.parameters})
        released = jnp.full(m.grid.size, carry["dose"])
        for release, count in zip(m.releases, carry["spikes"], strict=True):
            whole = jnp.zeros(m.grid.size, dtype) if release.sites is not None else release.amount * count.sum()
            released += whole if release.sites is None else release.amount * m.grid.size * whole.at[release.sites].add(count)
        c = jnp.where(k == 0, jnp.full_like(carry["level"], p["baseline"]), carry["level"])
        resting = (k == 0) & (not kinetics.instant)  # no time has gone by
        given = jnp.where(resting, 0.0, jnp.minimum(kinetics.supplied(signal, m.tick), m.cap))
        if np.isfinite(m.cap):
            total, room = released.mean(), m.cap - jnp.mean(given)
            released = jnp.where(total > room, released * (room / jnp.where(total > room, total, 1.0)), released)
        after = jnp.where(resting, c, _advanced(kinetics, m, c, given)) + released
        new = {"level": after, "dose": jnp.zeros_like(carry["dose"]), "spikes": [jnp.zeros_like(s) for s in carry["spikes"]]}
        return jax.tree.map(lambda a, b: jnp.where(k % self.every == 0, a, b).astype(dtype), new, carry)


def _advanced(kinetics: Kinetics, m: Modulator, c: Any, given: Any) -> Any:
    """`Kinetics.advance` on JAX's arrays."""
    if kinetics.instant:
        return jnp.broadcast_to(kinetics.baseline.value + given, c.shape)
    h, rate = m.tick / m.steps, given / m.tick

    def slope(at: Any) -> Any:
        flow = rate - kinetics.removed(at)
        return flow + _spread(m.grid, at) if m.grid.rate else flow

    def step(_: Any, c: Any) -> Any:
        k1 = slope(c)
        k2 = slope(c + 0.5 * h * k1)
        k3 = slope(c + 0.5 * h * k2)
        return c + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + slope(c + h * k3))

    return jax.lax.fori_loop(0, m.steps, step, c)


def _spread(grid: Grid, c: Any) -> Any:
    """`Grid.spread` on JAX's arrays."""
    field = c.reshape(grid.shape)
    change = jnp.zeros_like(field)
    for axis in range(field.ndim):
        flow = grid.rate * jnp.diff(field, axis=axis)
        edge = [(int(a == axis), 0) for a in range(field.ndim)]
        change += jnp.pad(flow, [(high, low) for low, high in edge]) - jnp.pad(flow, edge)
    return change.ravel()


class Modulators:
    """All modulators of a network.

    Args:
        network: the description.
        dt: ms.
        post: by projection, the target neuron of each synapse.

    Attributes:
        parameters: {"modulators": name -> `Level.parameters`, "effects": "<target>.<parameter>[<index>]" -> constants of an `Effect`}.

    Raises:
        ModelError: what a rollout does not support, such as effects on cells with morphology.
    """

    def __init__(self, network: Network, dt: float, post: Mapping[str, np.ndarray]):
        self.levels = {name: Level.of(m, dt) for name, m in network.modulators.items()}
        self._post = post
        self.effects = {t.name: effects_on(network.modulators, t) for t in network.populations.values()}
        self.on_synapses = {p.name: effects_on(network.modulators, p) for p in network.projections}
        for name, population in network.populations.items():
            if self.effects[name] and isinstance(population.neuron, Cell):
                raise ModelError(
                    f"Rollout does not support modulated parameters of cells with morphology: {name}", got=", ".join(self.effects[name]),
                    expected="effects on point neurons, branches and synapses", fix="run it with neuropil.run, or leave these effects out",
                )  # fmt: skip
        listed = {_key(e, k): e.change for every in (*self.effects.values(), *self.on_synapses.values()) for on in every.values() for k, e in enumerate(on)}
        self.parameters: Tree = {
            "modulators": {name: dict(level.parameters) for name, level in self.levels.items()},
            "effects": {key: change.constants for key, change in listed.items() if isinstance(change, Effect) and change.constants},
        } if self.levels else {}  # fmt: skip

    def start(self, dtype: Any) -> Tree:
        """The state at t = 0.

        Args:
            dtype: of its numbers.
        """
        return {**{name: level.start(dtype) for name, level in self.levels.items()}, "outside": np.full((), INSIDE, np.int32)}

    @property
    def span(self) -> int:
        """The largest number of steps of which every tick is a multiple; 0: there is no modulator."""
        return gcd(*(level.every for level in self.levels.values()))

    def ticking(self, k: Any) -> Any:
        """Whether anything happens at t_k.

        Args:
            k: the step.
        """
        return jnp.any(jnp.stack([k % level.every == 0 for level in self.levels.values()]))

    def advance(self, p: Tree, carry: Tree, row: Tree) -> Tree:
        """The state after what happens at t_k.

        Args:
            p: all parameters.
            carry: as `start`.
            row: inputs of the step, with its signals.

        Returns:
            The state after it, as `carry`.
        """
        given = row.get("signals", {})
        ticked = {n: level.tick(p["modulators"][n], carry[n], given.get(n, 0.0), row["step"]) for n, level in self.levels.items()}
        return {**carry, **ticked}

    def dosed(self, carry: Tree, row: Tree) -> Tree:
        """The state with the doses of a step added, which act at the next tick."""
        given = row.get("doses", {})
        return {**carry, **{n: {**carry[n], "dose": carry[n]["dose"] + given[n]} for n in given}}

    def count(self, carry: Tree, spikes: Tree) -> Tree:
        """The state with the spikes of a step added, which act at the next tick."""
        counted = {}
        for n, level in self.levels.items():
            mine = [s + spikes[r.nucleus.name] for s, r in zip(carry[n]["spikes"], level.modulator.releases, strict=True)]
            counted[n] = {**carry[n], "spikes": mine}
        return {**carry, **counted}

    def changed(self, p: Tree, carry: Tree) -> tuple[Tree, Tree, Any]:
        """Parameters under the present levels.

        Args:
            p: all parameters of the rollout; carry: as `start`.

        Returns:
            Those of neurons and of synapses, as in `p`, and the first effect that is outside of its bounds.
        """
        outside = carry["outside"]
        neurons, synapses = dict(p["neurons"]), dict(p["synapses"])
        for whole, effects in ((neurons, self.effects), (synapses, self.on_synapses)):
            for target, by_parameter in effects.items():
                for name, listed in by_parameter.items():
                    value, outside = self._changed(p, carry, whole[target][name], listed, outside)
                    whole[target] = {**whole[target], name: value}
        return neurons, synapses, outside

    def _changed(self, p: Tree, carry: Tree, value: Any, effects: tuple[BoundEffect, ...], outside: Any) -> tuple[Any, Any]:
        for k, effect in enumerate(effects):
            receptor, change = effect.receptor, effect.change
            if receptor is not None:
                receptor = replace(receptor, ec50=p["modulators"][effect.modulator][f"{receptor.name}.ec50"])
            if isinstance(change, Effect) and (constants := p["effects"].get(_key(effect, k))):
                change = change.with_constants(constants)
            made = replace(effect, receptor=receptor, change=change).outcome(jnp.asarray(value), self._felt(effect, carry[effect.modulator]["level"]))
            within = (made >= effect.low) & (made <= effect.high) & jnp.isfinite(made)
            outside = jnp.where((outside == INSIDE) & ~jnp.all(within), effect.order, outside).astype(jnp.int32)
            value = jnp.where(within, made, jnp.nan)
        return value, outside

    def _felt(self, effect: BoundEffect, level: Any) -> Any:
        """The concentration at each site of a population's part, or at each synapse; or one number."""
        if effect.grid.mixed:
            return level[0]
        each = level[effect.grid.voxels[effect.population.name]]
        if effect.target is effect.population:
            return jnp.repeat(each, effect.population.parts[split(effect.parameter)[0]].sites)
        return each[self._post[effect.target.name]]

    def check_bounds(self, levels: Any) -> None:
        """Say which effect has left its bounds.

        Args:
            levels: as of `start`, after a rollout.

        Raises:
            SimulationError: one has.
        """
        if (order := int(levels["outside"])) != INSIDE:
            effect = next(e for level in self.levels.values() for e in level.modulator.effects if e.order == order)
            raise SimulationError(
                f"an effect leaves its bounds: {effect.label}", expected=f"{effect.low:g} to {effect.high:g} in the parameter's base unit",
                fix="a weaker effect, a saturating receptor, or wider bounds (low=, high=)",
            )  # fmt: skip


def key_of(modulators: Mapping[str, Modulator], effect: BoundEffect) -> str:
    """The key of an effect's constants among the parameters of a rollout.

    Args:
        modulators: of the network.
        effect: of one of them.
    """
    return _key(effect, [e.order for e in effects_on(modulators, effect.target)[effect.parameter]].index(effect.order))


def _key(effect: BoundEffect, index: int) -> str:
    """Its name among the parameters of a rollout: its index among the effects on one parameter."""
    return f"{effect.target.name}.{effect.parameter}[{index}]"
