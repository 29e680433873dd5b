"""e-prop: eligibility traces forward in time, and learning signals; memory independent of the number of steps.

The gradient by a weight w_ji is cut where a spike goes from one hidden neuron to another. What is left is a sum over time of local products,

    dL/dw_ji = Σ_t  [ Σ_m c_jm ε_jim  +  Σ_m L_jm ē_jim ],        L_jm = Σ_k B_jk ĉ_km

ε    sensitivity of neuron j's states to w_ji: ε ← (∂h'/∂h) ε + (∂h'/∂input) · (spike of i that arrives), likewise for parameters of the neuron;
e    sensitivity of its spike, with the surrogate: (∂z/∂h) ε + …;
ē    e as it comes through the linear membrane of a readout;
c    derivative of the loss by a state of neuron j, ĉ that of a readout neuron k (by its states, and through its own spikes);
B    the way back: the weights to the readout (symmetric), random numbers, or numbers that learn as the weights do (learned).

Readouts are the populations that send no spikes to others. Without projections among hidden neurons, symmetric e-prop is backpropagation through
time if the readout does not spike (tested); the reset of a readout that spikes is left out of ē, and paths through two hidden populations always are.
A loss of the state at the end gives NaN: it has no place in the sum.

Bellec, Scherr, Subramoney, Hajek, Salaj, Legenstein & Maass 2020, Nat. Commun. 11:3625. Learned feedback: Kolen & Pollack 1994, ICNN.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil import rng
from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.checks import whole_number
from neuropil.learn.delivery import Wiring
from neuropil.learn.methods.eligibility import accumulated
from neuropil.learn.methods.method import Method, Values, over_samples
from neuropil.learn.methods.point_networks import check_point_network, wirings
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.registry import register

Tree = dict[str, Any]
FEEDBACKS = ("symmetric", "random", "learned")
PREFIX = "feedback of "


class EProp(Method):
    """e-prop.

    Args:
        feedback: "symmetric", "random" or "learned".
        seed: of random feedback.
        decay: of learned feedback: what is added to its gradient for each unit of it. Feedback becomes like the weights if these decay alike.

    Raises:
        ModelError: an option that does not exist.
    """

    name = "eprop"

    def __init__(self, feedback: str = "symmetric", *, seed: int = 1, decay: float = 0.0):
        if feedback not in FEEDBACKS:
            raise ModelError("EProp: unknown feedback", got=feedback, expected=", ".join(map(repr, FEEDBACKS)), fix=did_you_mean(str(feedback), FEEDBACKS))
        if not isinstance(decay, (int, float)) or decay < 0:
            raise ModelError("EProp.decay must be a number, not negative", got=decay)
        self.feedback, self.seed, self.decay = feedback, whole_number(seed, "EProp.seed", 0), float(decay)

    def check(self, rollout: Rollout) -> None:
        """As of `Method`."""
        check_point_network(rollout, self.name)
        for wiring in self.returning(rollout):
            neurons: Any = rollout.neurons[wiring.target]
            step = neurons.step
            if np.unique(wiring.delay).size > 1:
                raise ModelError(f"method 'eprop': delays of {wiring.name} to the readout differ", expected="one delay", fix='method="bptt"')
            if set(step.scheme.exact) != set(step.traced.spec.states):
                raise ModelError(f"method 'eprop' needs a readout with linear equations; {wiring.target} has others", got=step.traced.name, fix='method="bptt"')
            varied = [n for n in step.traced.spec.parameters if np.ndim(neurons.parameters[n])]
            if varied:
                raise ModelError(f"method 'eprop': parameters of the readout {wiring.target} must be one for all", got=varied[0], fix='method="bptt"')

    def check_dropout(self, rollout: Rollout, populations: Collection[str]) -> None:
        """As of `Method`: errors come back to neurons that are dropped, unless along the weights by which these are cut off."""
        sent = sorted({w.source for w in self.returning(rollout)} & set(populations))
        if sent and self.feedback != "symmetric":
            raise ModelError(f"method 'eprop' with {self.feedback} feedback sends errors back to neurons that are dropped", got=", ".join(sent), fix='feedback="symmetric", or drop other populations')

    def returning(self, rollout: Rollout) -> list[Wiring]:
        """The projections to readouts, along which errors come back."""
        return returning(rollout)

    def start(self, rollout: Rollout, free: Tree) -> Tree:
        """As of `Method`: with learned feedback also "feedback of <projection>", in units of the weights' root mean square."""
        if self.feedback != "learned":
            return free
        return {**free, **{PREFIX + w.name: self._drawn(rollout, w).astype(rollout.dtype) for w in returning(rollout)}}

    def _drawn(self, rollout: Rollout, wiring: Wiring) -> np.ndarray:
        key = rng.stream_key(self.seed, "eprop", wiring.name)
        return np.asarray(rng.normal(key, np.arange(wiring.pre.size), 0))

    def _scale(self, rollout: Rollout, wiring: Wiring) -> float:
        weights = np.asarray(rollout.parameters["weights"][wiring.name], float)
        return float(np.sqrt(np.mean(weights**2))) or 1.0

    def apply(self, rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree, feedback: Tree | None = None) -> Rolled:
        """As of `Method`.

        Args:
            rollout, parameters, state, inputs: as of `Method`.
            feedback: projection -> [synapses], learned feedback.
        """
        if self.feedback == "symmetric":
            back = {w.name: jax.lax.stop_gradient(jnp.asarray(parameters["weights"][w.name], rollout.dtype)) for w in returning(rollout)}
        elif feedback is None:
            back = {w.name: jnp.asarray(self._drawn(rollout, w) * self._scale(rollout, w), rollout.dtype) for w in returning(rollout)}
        else:
            back = feedback
        return over_samples(rollout, lambda p, s, i: _with_traces(rollout, p, s, i, back), parameters, state, inputs)

    def gradient(self, rollout: Rollout, values: Values, loss: Callable[..., Any], backend: str = "jax") -> Callable[..., Any]:
        """As of `Method`."""
        if self.feedback != "learned":
            return super().gradient(rollout, values, loss, backend)
        self.check(rollout)
        self.check_backend(backend)
        scales = {w.name: self._scale(rollout, w) for w in returning(rollout)}

        def total(free: Tree, inputs: Tree, *arguments: Any) -> Any:
            own = {n: v for n, v in free.items() if not n.startswith(PREFIX)}
            back = {n: jnp.asarray(free[PREFIX + n], rollout.dtype) * s for n, s in scales.items()}
            return loss(self.apply(rollout, *values(own), inputs, back), *arguments)

        whole = jax.value_and_grad(total, has_aux=True)

        def both(free: Tree, inputs: Tree, *arguments: Any) -> Any:
            found, slope = whole(free, inputs, *arguments)
            return found, {n: g + self.decay * free[n] if n.startswith(PREFIX) else g for n, g in slope.items()}

        return both


def returning(rollout: Rollout) -> list[Wiring]:
    """The projections from other populations to those that send no spikes to others.

    Args:
        rollout: of the network.
    """
    sending = {w.source for w in wirings(rollout) if w.source != w.target}
    return [w for w in wirings(rollout) if w.target not in sending and w.source != w.target]


def _with_traces(rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree, back: Tree) -> Rolled:
    """The rollout of one sample, whose derivative is accumulated forward in a second pass.

    Numbers that nothing is differentiated by come as they are, not as tracers; they need no traces.
    """
    traced: list[tuple[str, ...]] = [("weights", n) for n, w in parameters["weights"].items() if isinstance(w, jax.core.Tracer) or n in back]
    for kind, tree in (("neurons", parameters["neurons"]), ("initial", state["neurons"])):
        traced += [(kind, n, q) for n, of in tree.items() for q, v in of.items() if isinstance(v, jax.core.Tracer)]
    wanted = frozenset(traced)

    @jax.custom_vjp
    def rolled(parameters: Tree, state: Tree, inputs: Tree, back: Tree) -> Rolled:
        return rollout.apply(parameters, state, inputs)

    def forward(*given: Tree) -> tuple[Rolled, tuple[Tree, ...]]:
        return rolled(*given), given

    def backward(given: tuple[Tree, ...], cotangent: Rolled) -> tuple[Any, ...]:
        p, s, i, b = given
        by_parameter, by_state = accumulated(rollout, p, s, i, b, cotangent, returning(rollout), wanted)
        ends = [jnp.any(c != 0) for c in jax.tree.leaves(cotangent.state) if jnp.issubdtype(c.dtype, jnp.floating)]
        lost = jnp.where(jnp.any(jnp.stack(ends)), jnp.nan, 0.0).astype(rollout.dtype)  # what depends on the state at the end is not accumulated
        by_parameter = {**by_parameter, "weights": {n: g + lost for n, g in by_parameter["weights"].items()}}
        along = {n: by_parameter["weights"][n].astype(v.dtype) for n, v in b.items()}
        return by_parameter, by_state, jax.tree.map(_nothing, i), along

    rolled.defvjp(forward, backward)
    made: Rolled = rolled(jax.tree.map(jnp.asarray, parameters), jax.tree.map(jnp.asarray, state), jax.tree.map(jnp.asarray, inputs), back)
    return made


def _nothing(value: Any) -> Any:
    """The cotangent zero of an input."""
    return jnp.zeros_like(value) if jnp.issubdtype(jnp.result_type(value), jnp.floating) else np.zeros(jnp.shape(value), jax.dtypes.float0)


register(EProp())
