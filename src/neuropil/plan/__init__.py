"""From a network to what every executor needs: kernels to run, drawn parameters, rounding of weights and times, cost, explanation."""

from neuropil.plan.plan import Plan, make_plan

__all__ = ["Plan", "make_plan"]
