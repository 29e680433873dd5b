"""Describe: neurons, synapses, stimuli and networks as plain Python with units."""

from neuropil.model.branched import Branch, Branched
from neuropil.model.composite import Composite, Part
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
from neuropil.model.described import STEADY, Described, Input, Port, State
from neuropil.model.distribution import Distribution, LogNormal, Normal, Uniform
from neuropil.model.mechanism import Channel, Mechanism, PointProcess
from neuropil.model.network import Drive, Network, Population, Probe, Projection
from neuropil.model.neuron import Neuron
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
    "STEADY",
    "AllToAll",
    "Branch",
    "Branched",
    "Channel",
    "Composite",
    "Described",
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
    "Mechanism",
    "Network",
    "Neuron",
    "Noise",
    "Normal",
    "OneToOne",
    "Part",
    "PointProcess",
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
