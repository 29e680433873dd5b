"""What a brain costs: work counted from the plan that runs, joules as intervals, machines measured and by data sheet."""

from neuropil.cost.achieved import Achieved, achieved
from neuropil.cost.brain import BRAINS, Assumptions, Brain, assumptions, brain
from neuropil.cost.circuit import CircuitCost, cost_of, rates_for, seconds_here
from neuropil.cost.energy import ENERGIES, Energy, watts
from neuropil.cost.estimate import Bar, Estimate, draws, estimate, tornado
from neuropil.cost.interval import Interval
from neuropil.cost.machines import H100, Machine
from neuropil.cost.measure import Measured, neuron_seconds, this_machine
from neuropil.plan.cost import KernelCost, kernel_costs

__all__ = [
    "BRAINS",
    "ENERGIES",
    "H100",
    "Achieved",
    "Assumptions",
    "Bar",
    "Brain",
    "CircuitCost",
    "Energy",
    "Estimate",
    "Interval",
    "KernelCost",
    "Machine",
    "Measured",
    "achieved",
    "assumptions",
    "brain",
    "cost_of",
    "draws",
    "estimate",
    "kernel_costs",
    "neuron_seconds",
    "rates_for",
    "seconds_here",
    "this_machine",
    "tornado",
    "watts",
]  # fmt: skip
