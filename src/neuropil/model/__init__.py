"""Describe: neurons, synapses, stimuli and networks as plain Python with units."""

from neuropil.model.agent import Agent, Critic, Efference, Sense, TemporalDifference
from neuropil.model.branched import Branch, Branched
from neuropil.model.builder import MorphologyBuilder
from neuropil.model.cell import Cell
from neuropil.model.compartments import Compartments
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
from neuropil.model.contents import Drive, Population, Probe, Projection
from neuropil.model.coupling import Coupling
from neuropil.model.decode import Decoder, PopulationVector, RateCode, Softmax, WinnerTakesAll
from neuropil.model.described import STEADY, Described, Input, Port, State
from neuropil.model.diffusion import Apart, Diffusion
from neuropil.model.discretise import DLambda, FixedCount, MaxLength, discretise
from neuropil.model.distribution import Distribution, LogNormal, Normal, Uniform
from neuropil.model.effects import Becomes, Gain, Shift, Toward
from neuropil.model.encode import Code, Currents, OneHot, PlaceCode, PopulationCode, Proportional, Rates
from neuropil.model.kinetics import FirstOrder, Kinetics, MichaelisMenten, Signal
from neuropil.model.mechanism import Channel, Mechanism, PointProcess
from neuropil.model.modulator import Modulator
from neuropil.model.monitor import SelfStimulationMonitor
from neuropil.model.morphology import Morphology, Section
from neuropil.model.network import Network
from neuropil.model.neuron import Neuron
from neuropil.model.places import (
    At,
    Distance,
    Evenly,
    Everywhere,
    Kind,
    Location,
    Region,
    Sections,
    Spread,
    location,
    region,
)
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
from neuropil.model.structure import Rewiring
from neuropil.model.synapse import Synapse

__all__ = [
    "STEADY",
    "Agent",
    "AllToAll",
    "Apart",
    "At",
    "Becomes",
    "Branch",
    "Branched",
    "Cell",
    "Channel",
    "Code",
    "Compartments",
    "Composite",
    "Coupling",
    "Critic",
    "Currents",
    "DLambda",
    "Decoder",
    "Described",
    "Diffusion",
    "Distance",
    "DistanceDependent",
    "Distribution",
    "Drive",
    "Edges",
    "Efference",
    "Evenly",
    "Everywhere",
    "FirstOrder",
    "FixedCount",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "Gain",
    "InhomogeneousPoisson",
    "Input",
    "Kind",
    "Kinetics",
    "Location",
    "LogNormal",
    "MaxLength",
    "Mechanism",
    "MichaelisMenten",
    "Modulator",
    "Morphology",
    "MorphologyBuilder",
    "Network",
    "Neuron",
    "Noise",
    "Normal",
    "OneHot",
    "OneToOne",
    "Part",
    "PlaceCode",
    "PointProcess",
    "Poisson",
    "Population",
    "PopulationCode",
    "PopulationVector",
    "Port",
    "Probe",
    "Projection",
    "Proportional",
    "RateCode",
    "Rates",
    "Region",
    "Regular",
    "Rewiring",
    "Rule",
    "Section",
    "Sections",
    "SelfStimulationMonitor",
    "Sense",
    "Shift",
    "Signal",
    "Sine",
    "Softmax",
    "SpikeList",
    "Spread",
    "State",
    "Step",
    "Stimulus",
    "Synapse",
    "TemporalDifference",
    "TimeArray",
    "Toward",
    "Uniform",
    "WinnerTakesAll",
    "discretise",
    "location",
    "region",
]
