"""The work of a plan, counted from what will run: operations and bytes of each mechanism, and how often it is done.

Each planned mechanism (`Plan.mechanisms`) gives the costs of its own; everything that is made from the list (explanations, costs,
reports) includes a new one.

What is counted: floating-point operations by the table of `neuropil.lower.primitives`, and the bytes of the arrays a
kernel reads and writes. What is not: integer work of random numbers, and the filing of a spike's segments (some tens of
words for the thousands of synapses of a spike).
"""

from __future__ import annotations

from neuropil.plan.kernel_cost import ADVANCED, KernelCost
from neuropil.plan.plan import Plan

__all__ = ["ADVANCED", "KernelCost", "kernel_costs"]


def kernel_costs(plan: Plan) -> list[KernelCost]:
    """All work of a `plan`, mechanism by mechanism."""
    return [cost for mechanism in plan.mechanisms for cost in mechanism.costs(plan)]
