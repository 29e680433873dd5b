"""What the native backend supports, and what it refuses in words."""

from __future__ import annotations

from typing import Any

from neuropil.errors import ModelError
from neuropil.model.synapse.context import context_input
from neuropil.registry import find_builder

_FIX = "backend='jax'"


def check_supported(rollout: Any, parameters: Any) -> None:
    """Refuse what the native backend does not support.

    Args:
        rollout: the rollout.
        parameters: as of `Rollout.apply`.

    Raises:
        ModelError: with the first thing that is not supported.
    """
    network = rollout.network
    for name, neurons in rollout._neurons.items():
        if not hasattr(neurons, "pieces"):
            raise ModelError(f"the native backend does not support cells with morphology: {name}", got=type(network[name].neuron).__name__, expected="point neurons, neurons of a few compartments in one set of equations, or neurons with branches", fix=_FIX)
    unread = {f"{n} in {name}": n for name, living in rollout.living.items() for n in living.program.traced.spec.inputs if find_builder(context_input(n), "native") is None}
    unsupported = (
        ("synapses with such inputs", list(unread)), ("gap junctions", [str(c) for c in network.couplings]),
        ("delays of synapses with states as parameters", [n for n in rollout.delays if n in rollout.living]),
    )  # fmt: skip
    for what, found in unsupported:
        if found:
            raise ModelError(f"the native backend does not support {what} yet", got=", ".join(found), fix=_FIX)
    known = {"weights", "neurons", "synapses", "graded", "delays", "modulators", "effects"}
    if more := [kind for kind in parameters if kind not in known and parameters[kind]]:
        raise ModelError("the native backend does not support these parameters yet", got=", ".join(more), fix=_FIX)
