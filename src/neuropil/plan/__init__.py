"""From a network to what every executor needs: programs and signatures of kernels, drawn parameters, rounding of weights and times, cost."""

from neuropil.plan.plan import Plan, make_plan

__all__ = ["Plan", "make_plan"]
