"""EventProp: the gradient of spike times in continuous time, evaluated on the grid; no surrogate.

Where the distance g to threshold crosses zero, a perturbation δs of the states before the spike shifts it in time, and this shift acts on the
neuron itself and, by the spike's arrival, on its targets:

    δt = -∇g·δs / (∇g·f⁻)
    δs⁺ = DR δs + (DR f⁻ - f⁺) δt                        R the reset, f⁻ and f⁺ the flow before and after it
    at targets, when the spike arrives:  δs + (f⁻ - f⁺) δt,    and likewise where a refractory state is released

A step carries δt beside each spike, a number that is zero and has this derivative, so that reverse differentiation gives the adjoint of Wunderlich
& Pehle 2021, Sci. Rep. 11:12829, for any neuron with a threshold on a continuous state. The loss of a spike that moves is the difference of
its loss one step earlier and later. Of a recorded state that jumps by J, when an event arrives or by a reset, the time between the old and the new moment changes by J:
-J δt / dt, half of it on the sample before the jump and half on that after it, which is exact in the limit for losses up to the square. Spikes lie on the grid, which makes the error of the gradient O(dt); neither spikes that appear nor those that
vanish have a gradient.

Limits: point neurons with fires() whose threshold no event crosses by itself (currents or conductances at the ports), bare weights.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient

from neuropil.errors import ModelError
from neuropil.learn.chunks import scan
from neuropil.learn.methods.method import Method, over_samples
from neuropil.learn.methods.point_networks import check_point_network, entering, traced, wirings
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.learn.threshold import distance
from neuropil.registry import register

Tree = dict[str, Any]
STEEP = 1e-3
"""The least rise of the distance to threshold at a spike, per ms: a grazing spike would have an infinite shift."""


class EventProp(Method):
    """Gradients through spike times."""

    name = "eventprop"

    def check(self, rollout: Rollout) -> None:
        """As of `Method`."""
        check_point_network(rollout, self.name)
        for name, neurons in rollout.neurons.items():
            model = neurons.step.traced  # type: ignore[attr-defined]
            if model.has_hazard or (model.has_fires and model.neuron.spikes_on == "rising"):
                raise ModelError(f"method 'eventprop' needs a threshold that resets; {name} has another", got=model.name, fix='method="bptt"')
            if model.has_fires and any(w.target == name for w in wirings(rollout)):
                self._check_ports(rollout, name)

    def _check_ports(self, rollout: Rollout, name: str) -> None:
        """Refuse neurons whose threshold an event crosses by itself."""
        neurons: Any = rollout.neurons[name]
        model = neurons.step.traced
        with jax.enable_x64(rollout.precision == "float64"):
            p, s = neurons.constants(neurons.parameters, rollout.dt, rollout.dtype), jax.tree.map(jnp.asarray, neurons.initial)
            for port in {w.port for w in wirings(rollout) if w.target == name}:
                moved = jax.jvp(lambda s: distance(model, p, s), (s,), (_jump(model, p, s, port),))[1]
                if np.any(np.asarray(moved) != 0.0):
                    raise ModelError(f"method 'eventprop': events at {name}.{port} move the threshold's state at once", got=model.name, expected="a port that changes a current or a conductance", fix='method="bptt"')

    def apply(self, rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
        """As of `Method`."""

        def one(parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
            return _rolled(rollout, parameters, state, inputs)

        return over_samples(rollout, one, parameters, state, inputs)


def _rolled(rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
    weights = {n: jnp.asarray(w, rollout.dtype) for n, w in parameters["weights"].items()}
    prepared = rollout.delivery.prepare(weights, {})
    constants = {n: v.constants(parameters["neurons"][n], rollout.dt, rollout.dtype) for n, v in rollout.neurons.items()}
    none = {n: jnp.zeros(v.population.size, rollout.dtype) for n, v in rollout.neurons.items()}

    def step(carry: tuple[Tree, Tree, Tree], row: Tree) -> tuple[tuple[Tree, Tree, Tree], tuple[Tree, ...]]:
        now, shifts, held = carry
        k = row["step"]
        arrived, flight = rollout.delivery.arrive(now["flight"], k)
        moved, shifts = rollout.delivery.arrive(shifts, k)
        states, left, spikes, shift, holding, late = {}, {}, {}, {}, {}, {}
        for name in rollout.neurons:
            x, w, _ = entering(rollout, name, row, arrived)
            given = now["neurons"][name], now["left"][name], held[name]
            states[name], left[name], spikes[name], shift[name], holding[name], late[name] = _advanced(rollout.neurons[name], constants[name], *given, x, w, moved.get(name, {}))
        flight = rollout.delivery.send(prepared, spikes, flight, k)
        shifts = rollout.delivery.send(prepared, shift, shifts, k)
        after = {**now, "neurons": states, "left": left, "flight": flight}
        return (after, shifts, holding), (spikes, shift, traced(rollout, states), traced(rollout, late))

    started, rows = jax.tree.map(jnp.asarray, (state, inputs))
    nothing = jax.tree.map(jnp.asarray, rollout.delivery.empty(rollout.dtype))
    (last, _, _), (spikes, shift, traces, late) = scan(step, (started, nothing, none), rows, rollout.chunk)
    traces = {n: v - _between(late[n]) / rollout.dt for n, v in traces.items()}
    return Rolled({n: _timed(spikes[n], shift[n], jnp.asarray(rollout.dt, rollout.dtype)) for n in spikes}, traces, last)


def _between(late: Any) -> Any:
    """What jumps that shift take from the samples before and after them, times dt: [steps, columns], from J δt at the sample after."""
    return 0.5 * (late + jnp.concatenate([late[1:], jnp.zeros_like(late[:1])]))


def _advanced(neurons: Any, p: Tree, s: Tree, left: Any, held: Any, x: Tree, w: Tree, moved: Tree) -> tuple[Tree, Any, Any, Any, Any, Tree]:
    """New states, refractory steps, spikes, their shifts in time, the shift of the spike that holds a neuron, and J δt of states that jump."""
    model, clamps = neurons.step.traced, neurons.step.clamps
    refractory = left > 0
    zero = jnp.zeros(left.shape, held.dtype)

    def flow(s: Tree, resting: Any) -> Tree:
        rates = {n: jnp.broadcast_to(v, left.shape) for n, v in model.derivative(p, s, x).items()}
        return {n: jnp.where(resting, 0.0, v) if n in clamps else v for n, v in rates.items()}

    new, _ = neurons.silent(p, s, x, w, refractory, zero)
    new = {n: jnp.broadcast_to(v, left.shape).astype(held.dtype) for n, v in new.items()}
    fixed = stop_gradient(new)
    late = {n: jnp.zeros_like(v) for n, v in new.items()}
    for port, shift in moved.items():
        jump = _jump(model, p, fixed, port)
        late = {n: v + stop_gradient(jump[n]) * shift for n, v in late.items()}
        change = jax.jvp(lambda s: flow(s, refractory), (fixed,), (jump,))[1]
        new = {n: v - stop_gradient(change[n]) * shift for n, v in new.items()}
    released = refractory & (left == 1)
    before, after = flow(fixed, refractory), flow(fixed, jnp.zeros_like(refractory))
    new = {n: v + jnp.where(released, stop_gradient(before[n] - after[n]), 0.0) * held for n, v in new.items()}
    if not model.has_fires:
        return new, jnp.maximum(left - 1, 0), zero, zero, zero, late
    fired = model.fires(p, fixed) & jnp.logical_not(refractory & neurons.step.rests)
    g = jnp.broadcast_to(distance(model, p, new), left.shape)
    rise = jax.jvp(lambda s: distance(model, p, s), (fixed,), (before,))[1]
    shift = jnp.where(fired, -(g - stop_gradient(g)) / stop_gradient(jnp.maximum(rise, STEEP)), 0.0)
    reset, carried = jax.jvp(lambda s: model.reset(p, s), (fixed,), (before,))
    onward = flow(stop_gradient({n: jnp.broadcast_to(v, left.shape) for n, v in reset.items()}), fired & (p["period"] > 0))
    after_spike = model.reset(p, new)
    late = {n: v + jnp.where(fired, stop_gradient(jnp.broadcast_to(after_spike[n], left.shape) - fixed[n]), 0.0) * shift for n, v in late.items()}
    new = {n: jnp.where(fired, after_spike[n] + stop_gradient(carried[n] - onward[n]) * shift, v).astype(held.dtype) for n, v in new.items()}
    return new, jnp.where(fired, p["period"], jnp.maximum(left - 1, 0)), fired.astype(held.dtype), shift, jnp.where(fired, shift, jnp.where(refractory, held, 0.0)), late


def _jump(model: Any, p: Tree, s: Tree, port: str) -> Tree:
    """What one unit of weight at a port adds to each state."""
    still = {n: jnp.zeros_like(next(iter(s.values()))) for n in model.spec.ports}
    made = jax.jvp(lambda w: model.receive(p, s, w), (still,), ({n: jnp.ones_like(v) if n == port else v for n, v in still.items()},))[1]
    return {n: jnp.broadcast_to(made[n], jnp.shape(v)).astype(v.dtype) for n, v in s.items()}


@jax.custom_vjp
def _timed(spikes: Any, shift: Any, dt: float) -> Any:
    """Spikes [steps, neurons], whose derivative is by their shifts in time."""
    return spikes


def _timed_forward(spikes: Any, shift: Any, dt: float) -> tuple[Any, Any]:
    return spikes, (spikes, dt)


def _timed_backward(kept: Any, cotangent: Any) -> tuple[Any, Any, Any]:
    spikes, dt = kept
    if len(cotangent) < 2:
        return jnp.zeros_like(spikes), jnp.zeros_like(spikes), jnp.zeros_like(dt)
    return jnp.zeros_like(spikes), spikes * jnp.gradient(cotangent, axis=0) / dt, jnp.zeros_like(dt)


_timed.defvjp(_timed_forward, _timed_backward)
register(EventProp())
