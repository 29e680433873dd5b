"""A network with all of its states recorded: where something became NaN, and how often a surrogate has a slope."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from neuropil.learn.fit.objective import Batch, Objective
from neuropil.learn.losses.response import label_of
from neuropil.learn.population import Neurons
from neuropil.learn.threshold import distance
from neuropil.model.network.network import Network

SMALL = 0.01
"""Of a surrogate without an end, slopes below this part of the peak do not count."""


class Observed:
    """The network of a training, rolled out with every state recorded.

    Args:
        network: the description.
        objective: of the training.
        delays: as of `Objective`.
    """

    def __init__(self, network: Network, objective: Objective, delays: Any = None):
        self.variables = tuple((p.name, state) for p in network.populations.values() for state in p.neuron.spec.state_dimensions)
        self.objective = Objective(network, objective.settings, self.variables, delays)

    def traces(self, batch: Batch, parameters: Any, state: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Every state of every sample, and spikes: label -> [samples, steps, columns], population -> [samples, steps, neurons].

        Args:
            batch: samples; parameters, state: of the rollout.
        """
        response = self.objective.respond(parameters, state, batch.inputs, "jax")
        return {k: np.asarray(v) for k, v in response.traces.items()}, {k: np.asarray(v) for k, v in response.spikes.items()}

    def first_not_finite(self, batch: Batch, parameters: Any, state: Any) -> tuple[int, int, str, str, int] | None:
        """The earliest (sample, step, population, state, column) that is not finite; None: all are.

        Args:
            batch: samples; parameters, state: of the rollout.
        """
        traces, _ = self.traces(batch, parameters, state)
        found: list[tuple[int, int, int, str, str, int]] = []
        for population, name in self.variables:
            bad = np.argwhere(~np.isfinite(traces[label_of((population, name))][: int(batch.counts.sum())]))
            if len(bad):
                sample, step, column = bad[np.argmin(bad[:, 1])]
                found.append((int(step), int(sample), int(column), population, name, int(batch.numbers[sample])))
        if not found:
            return None
        step, _, column, population, name, number = min(found)
        return number, step, population, name, column

    def touched(self, batch: Batch, parameters: Any, state: Any) -> dict[str, float]:
        """Share of neuron-steps in which a surrogate has a slope, by population: those whose distance to threshold it reaches and that are not refractory.

        The distance is that after the step. A spike counts as reached, since the reset has moved the neuron away. Populations of branched neurons and cells
        are left out.

        Args:
            batch: samples; parameters, state: of the rollout.
        """
        rollout, shape = self.objective.rollout, self.objective.settings.surrogate
        traces, spikes = self.traces(batch, parameters, state)
        found = {}
        for name, neurons in rollout._neurons.items():
            if not isinstance(neurons, Neurons) or not neurons.step.traced.has_fires:
                continue
            p = jax.tree.map(np.asarray, neurons.constants(parameters["neurons"][name], rollout.dt, rollout.dtype))
            s = {n: traces[f"{name}.{n}"] for n in neurons.step.traced.spec.states}
            away = np.asarray(distance(neurons.step.traced, {n: v for n, v in p.items() if n in neurons.parameters}, s)) / neurons.scale
            reached = np.abs(away) < shape.reach if np.isfinite(shape.reach) else np.asarray(shape.slope(away)) > SMALL * shape.height
            able = np.ones(away.shape, bool)
            if neurons.step.rests:
                period = int(np.max(p["period"]))
                for back in range(1, period + 1):
                    able[:, back:] &= spikes[name][:, :-back] == 0
            found[name] = float(np.mean((reached & able) | (spikes[name] > 0)))
        return found
