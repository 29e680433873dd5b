"""From a network to what every executor needs: kernels to run, drawn parameters, rounding of weights and times, cost, explanation."""

from neuropil.plan.explain import describe_plan, explain
from neuropil.plan.plan import Plan, make_plan

__all__ = ["Plan", "describe_plan", "explain", "make_plan"]
