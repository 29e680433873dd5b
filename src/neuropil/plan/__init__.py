"""Plan: from a network to what every executor needs to know of it."""

from neuropil.plan.plan import Plan, make_plan

__all__ = ["Plan", "make_plan"]
