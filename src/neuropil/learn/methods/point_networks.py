"""What methods that take a step apart need of a network: point neurons and projections without synapse models, and their inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from neuropil.errors import ModelError
from neuropil.learn.delivery import Wiring
from neuropil.learn.population import Neurons
from neuropil.learn.rollout import Rollout
from neuropil.model.contents.contents import Probe

Tree = dict[str, Any]


def check_point_network(rollout: Rollout, method: str) -> None:
    """Refuse a network of other parts.

    Args:
        rollout: of the network.
        method: its name, for the message.

    Raises:
        ModelError: with the first part that is not supported.
    """
    network = rollout.network
    found = [
        *(f"synapse model of {n}" for n in rollout.living), *(f"graded projection {n}" for n in rollout.graded), *(f"coupling {c.name}" for c in network.couplings),
        *(f"shared weights of {p.name}" for p in network.projections if p.matrix is not None), *(f"modulator {n}" for n in network.modulators), *(f"trained delays of {n}" for n in rollout.delays),
        *(f"population {n} with parts" for n, one in rollout.neurons.items() if not isinstance(one, Neurons)),
        *(f"probe {p.name} of an expression" for p in network.probes if type(p) is not Probe),
    ]  # fmt: skip
    if found:
        raise ModelError(f"method {method!r} does not support this network", got=found[0], expected="point neurons, bare weights, probes of states", fix='method="bptt"')


def wirings(rollout: Rollout) -> list[Wiring]:
    """The projections of a network that `check_point_network` accepts.

    Args:
        rollout: of the network.
    """
    return [w for w in rollout.wirings if isinstance(w, Wiring)]


def entering(rollout: Rollout, name: str, row: Tree, arrived: Tree) -> tuple[Tree, Tree, Any]:
    """Inputs, summed weights by port, and uniform numbers of a population in a step.

    Args:
        rollout: of the network.
        name: of the population.
        row: inputs of the step.
        arrived: from `Delivery.arrive`.
    """
    neurons = rollout.neurons[name]
    size, spec = neurons.population.size, neurons.population.neuron.spec
    zero = jnp.zeros(size, rollout.dtype)
    currents, events = row["currents"].get(name, {}), row["events"].get(name, {})
    x = {n: zero + currents.get(n, 0.0) for n in spec.inputs}
    w = {n: zero + events.get(n, 0.0) + arrived.get(name, {}).get(n, 0.0) for n in spec.ports}
    return x, w, row["uniform"].get(name, zero)


def traced(rollout: Rollout, states: Tree) -> Tree:
    """Samples of all probes by name.

    Args:
        rollout: of the network.
        states: by population and name.
    """
    return {p.name: states[p.target.name][p.variable][p.flat_index] for p in rollout.network.probes}
