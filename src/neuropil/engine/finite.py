"""Whether what a run leaves may be believed: states of neurons that became infinite or NaN.

What arrived was too much for their type, or their equations, if linear, went wrong. (What explicit methods do to states is checked in every
step, by the kernels themselves.) Each owner looks at its own once, after the last step.
"""

from __future__ import annotations

import numpy as np

from neuropil.codegen.flags import PLAIN_FLAGS
from neuropil.codegen.kernel_cache import cached_njit
from neuropil.plan.buffers import Buffer
from neuropil.plan.operations import Kernel, Operation, Phase, Result


@cached_njit(**PLAIN_FLAGS)
def beyond_numbers(states):
    """1 if any of the states, [n], is infinite or NaN, else 0."""
    found = np.int32(0)
    for i in range(states.size):
        difference = states[i] - states[i]  # NaN of these alone
        found |= np.int32(difference != difference)
    return found


def checking(name: str, states: list[np.ndarray], buffers: tuple[Buffer, ...]) -> Operation:
    """The operation that looks at the states of some neurons.

    Args:
        name: of the neurons, for people.
        states: of each owner, [states, slots].
        buffers: of the states.
    """
    arguments = tuple((s.reshape(-1),) for s in states)
    return Operation(f"{name}: whether states are finite", Phase.NEURONS, Kernel.of(beyond_numbers), arguments.__getitem__, result=Result.DIVERGED, observes=buffers, checks=True)
