"""From a network to what every executor needs: drawn parameters, signatures of kernels, the operations of a step, their order and its check, weight scales, cost."""

from neuropil.plan.plan import Plan, make_plan

__all__ = ["Plan", "make_plan"]
