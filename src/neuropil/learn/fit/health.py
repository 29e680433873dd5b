"""Warnings that save time: populations that are dead or saturated, gradients that vanish or explode on their way back, surrogates that touch almost nothing
or almost everything.
"""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.errors import TrainingWarning
from neuropil.learn.fit.objective import Batch
from neuropil.learn.fit.observed import Observed
from neuropil.learn.fit.tally import Tally
from neuropil.learn.fit.trainer import Trainer
from neuropil.learn.losses.response import spikes
from neuropil.learn.rollout import Rollout
from neuropil.model.network.network import Network

DEAD_SHARE, SATURATED_SHARE = 0.9, 0.5
"""A population is dead if more than this share of its neurons does not spike in an epoch; saturated above this share of its largest possible rate."""

FEW, MANY = 0.01, 0.5
"""Shares of neuron-steps that a surrogate should touch: at least the first, at most the second."""

RATIO = 1e4
"""Norms of gradients by the events of the first and the last quarter of time may differ by this factor."""


def raise_warnings(texts: list[str]) -> None:
    """Warn of each of the `texts`."""
    for text in texts:
        warnings.warn(text, TrainingWarning, stacklevel=4)


def activity_warnings(rollout: Rollout, tally: Tally) -> list[str]:
    """Populations that are dead or saturated.

    Args:
        rollout: of the network.
        tally: of an epoch.
    """
    network, found = rollout.network, []
    received = {p.target.name for p in (*network.projections, *network.graded)}
    able = spiking(rollout)
    for name, counts in tally.spikes.items():
        if name not in received or name not in able:
            continue
        silent = float(np.mean(counts == 0))
        if silent > DEAD_SHARE:
            found.append(
                f"population {name!r} is dead: {100 * silent:.0f} % of its neurons did not spike in an epoch. Larger weights at the start, a lower threshold, or a "
                "regulariser that keeps it active: npl.losses.RateBounds(low=1)"
            )
        share = float(counts.mean()) / tally.time * (rollout.dt + able[name])
        if share > SATURATED_SHARE:
            found.append(
                f"population {name!r} is saturated: it fires at {100 * share:.0f} % of the rate that its refractory period and the time step allow. Smaller weights, or "
                "npl.losses.RateBounds(high=50)"
            )
    return found


def spiking(rollout: Rollout) -> dict[str, float]:
    """Refractory periods, ms, of the populations that can spike.

    Args:
        rollout: of the network.
    """
    found = {}
    for name, population in rollout.network.populations.items():
        if spikes(population):
            period = getattr(population.neuron, "refractory", None)
            found[name] = float(np.mean(rollout.parameters["neurons"][name][period])) if isinstance(period, str) and period in rollout.parameters["neurons"][name] else 0.0
    return found


def gradient_norms(trainer: Trainer, free: Any, batch: Batch) -> dict[str, np.ndarray]:
    """Norms of the gradient of the objective by what arrives at each population in each step: population -> [steps].

    The gradient by an event at a port of a population, in its unit; populations without ports are left out.

    Args:
        trainer: of the training.
        free: free numbers.
        batch: samples.
    """
    rollout = trainer.objective.rollout
    parameters, state = trainer.free.values(free)
    steps, dtype = len(batch.inputs["step"]), rollout.dtype
    nudges = {
        name: {port: jnp.zeros((steps, pop.size * pop.sites(port)), dtype) for port in pop.neuron.spec.ports}
        for name, pop in rollout.network.populations.items() if pop.neuron.spec.ports
    }  # fmt: skip

    def value(nudges: Any, sample: Any, target: Any) -> Any:
        events = dict(sample["events"])
        for name, ports in nudges.items():
            events[name] = {port: more + events.get(name, {}).get(port, jnp.zeros_like(more)) for port, more in ports.items()}
        response = trainer.objective.response(jax.tree.map(lambda a: a[None], rollout.apply(parameters, state, {**sample, "events": events})))
        return trainer.objective.terms(response, target[None], jnp.ones(1, dtype))[0]

    axes = axes_of(batch.inputs)
    with trainer.objective.x64:
        slopes = jax.jit(jax.vmap(jax.grad(value), in_axes=(None, axes, 0)))(nudges, batch.inputs, batch.target)
    return {name: np.sqrt(sum(np.sum(np.asarray(g, np.float64) ** 2, axis=(0, 2)) for g in ports.values())) for name, ports in slopes.items()}


def axes_of(inputs: Any) -> Any:
    """Where the batch axis of a batch's `inputs` is: 0, or None where there is none."""
    found: dict[str, Any] = {}
    for kind, of in inputs.items():
        dimensions = 2 if kind in ("events", "currents", "uniform") else 1
        found[kind] = None if kind == "step" else jax.tree.map(lambda a, own=dimensions: 0 if np.ndim(a) > own else None, of)
    return found


def gradient_warnings(norms: dict[str, np.ndarray], network: Network) -> list[str]:
    """Gradients that vanish or explode on their way back through time, of populations that receive projections and project to others.

    Args:
        norms: of `gradient_norms`.
        network: the description.
    """
    found, inner = [], {p.target.name for p in network.projections} & {p.source.name for p in network.projections}
    for name, norm in norms.items():
        if name not in inner:
            continue
        quarter = max(len(norm) // 4, 1)
        early, late = float(np.sqrt(np.mean(norm[:quarter] ** 2))), float(np.sqrt(np.mean(norm[-quarter:] ** 2)))
        largest = float(norm.max(initial=0.0))
        if largest == 0.0:
            found.append(f"no gradient reaches population {name!r}. A wider surrogate, or more activity between it and the output")
        elif late > 0 and early > RATIO * late:
            found.append(f"gradients explode through population {name!r}: their norm is {early:.1e} in the first quarter of time and {late:.1e} in the last. A flatter surrogate (height), clip=1.0")
        elif late > RATIO * early:
            found.append(f"gradients vanish through population {name!r}: their norm is {early:.1e} in the first quarter of time and {late:.1e} in the last. Slower neurons, a wider surrogate, or a shorter sample")
    return found


def surrogate_warnings(observed: Observed, batch: Batch, parameters: Any, state: Any) -> tuple[list[str], dict[str, float]]:
    """Surrogates that touch too few or too many neuron-steps; and the share of each population.

    Args:
        observed: the network with all states recorded.
        batch: samples.
        parameters, state: of the rollout.
    """
    shares = observed.touched(batch, parameters, state)
    found, received = [], {p.target.name for p in observed.objective.rollout.network.projections}
    for name, share in shares.items():
        if name not in received:
            continue
        if share < FEW:
            found.append(f"the surrogate touches {100 * share:.2g} % of the neuron-steps of population {name!r}: almost nothing is learnt there. A wider one: npl.surrogate(..., width=...), or larger weights")
        elif share > MANY:
            found.append(f"the surrogate touches {100 * share:.2g} % of the neuron-steps of population {name!r}: gradients are smeared over all of them, and cost as much. A narrower one: npl.surrogate(..., width=...)")
    return found, shares
