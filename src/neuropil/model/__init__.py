"""Describe: neurons, synapses, stimuli and networks as plain Python with units."""

from neuropil.model.connect import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
    Rule,
)
from neuropil.model.distribution import Distribution, LogNormal, Normal, Uniform
from neuropil.model.network import Drive, Network, Population, Probe, Projection
from neuropil.model.neuron import Input, Neuron, Port, State
from neuropil.model.stimulus import (
    InhomogeneousPoisson,
    Noise,
    Poisson,
    Regular,
    Sine,
    SpikeList,
    Step,
    Stimulus,
    TimeArray,
)

__all__ = [
    "AllToAll",
    "DistanceDependent",
    "Distribution",
    "Drive",
    "Edges",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "InhomogeneousPoisson",
    "Input",
    "LogNormal",
    "Network",
    "Neuron",
    "Noise",
    "Normal",
    "OneToOne",
    "Poisson",
    "Population",
    "Port",
    "Probe",
    "Projection",
    "Regular",
    "Rule",
    "Sine",
    "SpikeList",
    "State",
    "Step",
    "Stimulus",
    "TimeArray",
    "Uniform",
]
