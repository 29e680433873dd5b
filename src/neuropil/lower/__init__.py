"""Lower: trace a description, decide how it is executed, write its kernels."""

from neuropil.lower.explain import describe_plan, explain
from neuropil.lower.plan import Plan, make_plan

__all__ = ["Plan", "describe_plan", "explain", "make_plan"]
