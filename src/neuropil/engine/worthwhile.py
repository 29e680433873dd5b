"""How many threads a network is worth: meetings of owners cost more than small networks have to do.

The decision follows from the plan alone, never from the clock, so that one description runs in one way. Results do not depend on it.
"""

from __future__ import annotations

from neuropil.engine.access.arguments import cores
from neuropil.plan.cost import kernel_costs
from neuropil.plan.plan import Plan

STEP_NS = 10_000.0
"""Least work of a thread in a step, should owners meet after each. A meeting of threads that have their cores takes below 1 µs; of threads that share them with other
programs it was measured at 100 µs, against 1.7 µs that a step of 1,000 integrate-and-fire neurons takes on one thread."""
FLOP_NS, BYTE_NS, EVENT_NS = 0.1, 0.02, 3.0
"""Measured: 1 to 2 ns for a step of an integrate-and-fire neuron with its Poisson drive, 20 to 50 for a compartment with channels;
2 to 3 for a synaptic event."""
RATE_HZ = 10.0
"""Of every neuron, where nothing is known of its activity."""


def nanoseconds(plan: Plan) -> float:
    """The work of a step on one thread, estimated."""
    total, per_step = 0.0, RATE_HZ * plan.dt / 1000.0
    for work in kernel_costs(plan):
        each = FLOP_NS * work.flops + BYTE_NS * work.bytes
        total += work.count * (each if work.per == "step" else per_step * max(each, EVENT_NS))
    return total


def worthwhile(plan: Plan) -> int:
    """As many threads as have enough to do, up to the cores of the machine."""
    return max(1, min(cores(), int(nanoseconds(plan) // STEP_NS)))
