"""Describe: neurons, cells, synapses, networks and what acts on them, as inert values with units."""

from neuropil.model.agent.agent import Agent, Critic, Efference, Horizon, Sense, Signalling, TemporalDifference
from neuropil.model.agent.decode import Decoder, PopulationVector, RateCode, Softmax, WinnerTakesAll
from neuropil.model.agent.encode import Code, Currents, OneHot, PlaceCode, PopulationCode, Proportional, Rates
from neuropil.model.agent.monitor import Guard, SelfStimulationMonitor
from neuropil.model.base.described import STEADY, DeclarativeModel, Input, Port, State
from neuropil.model.base.distribution import Distribution, LogNormal, Normal, Uniform
from neuropil.model.base.ends import Ends
from neuropil.model.base.integrators import StochasticTableau, Tableau
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.compartments import Compartments
from neuropil.model.cell.discretise import DLambda, FixedCount, MaxLength, discretise
from neuropil.model.cell.locations import (
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
from neuropil.model.cell.mechanism import Channel, Mechanism, PointProcess
from neuropil.model.cell.morphology import Morphology, MorphologyBuilder
from neuropil.model.cell.section import Section
from neuropil.model.connection.convolution import Convolution, Pooling
from neuropil.model.connection.distance import DistanceDependent
from neuropil.model.connection.matrices import Blocks, Circulant, Kronecker, Permutation
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.connection.rule import Rule
from neuropil.model.connection.rules import (
    AllToAll,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.connection.structure import Rewiring
from neuropil.model.contents.contents import Population, Probe, Projection, StimulusConnection
from neuropil.model.contents.expression import Expression, ExpressionProbe
from neuropil.model.contents.graded import Graded
from neuropil.model.contents.recordable import Recordable
from neuropil.model.modulation.diffusion import Apart, Diffusion
from neuropil.model.modulation.effects import Becomes, Effect, Gain, Shift, Toward
from neuropil.model.modulation.kinetics import FirstOrder, Kinetics, MichaelisMenten, Signal
from neuropil.model.modulation.modulator import Modulator
from neuropil.model.network.coupling import Coupling
from neuropil.model.network.junction import Junction, OhmicJunction
from neuropil.model.network.network import Network
from neuropil.model.neuron.branched import Branch, Branched
from neuropil.model.neuron.composite import Composite, Part
from neuropil.model.neuron.neuron import Neuron
from neuropil.model.probe.potential import ExtracellularPotential, LineSource, PointSource
from neuropil.model.stimulus.currents import Noise, Sine, Step, TimeArray
from neuropil.model.stimulus.events import InhomogeneousPoisson, Poisson, Regular, SpikeList
from neuropil.model.stimulus.stimulus import CurrentStimulus, EventStimulus, Stimulus
from neuropil.model.synapse.synapse import Synapse

__all__ = [
    "STEADY",
    "Agent",
    "AllToAll",
    "Apart",
    "At",
    "Becomes",
    "Blocks",
    "Branch",
    "Branched",
    "Cell",
    "Channel",
    "Circulant",
    "Code",
    "Compartments",
    "Composite",
    "Convolution",
    "Coupling",
    "Critic",
    "CurrentStimulus",
    "Currents",
    "DLambda",
    "DeclarativeModel",
    "Decoder",
    "Diffusion",
    "Distance",
    "DistanceDependent",
    "Distribution",
    "Edges",
    "Effect",
    "Efference",
    "Ends",
    "Evenly",
    "EventStimulus",
    "Everywhere",
    "Expression",
    "ExpressionProbe",
    "ExtracellularPotential",
    "FirstOrder",
    "FixedCount",
    "FixedInDegree",
    "FixedOutDegree",
    "FixedProbability",
    "FixedTotal",
    "Gain",
    "Graded",
    "Guard",
    "Horizon",
    "InhomogeneousPoisson",
    "Input",
    "Junction",
    "Kind",
    "Kinetics",
    "Kronecker",
    "LineSource",
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
    "OhmicJunction",
    "OneHot",
    "OneToOne",
    "Part",
    "Permutation",
    "PlaceCode",
    "PointProcess",
    "PointSource",
    "Poisson",
    "Pooling",
    "Population",
    "PopulationCode",
    "PopulationVector",
    "Port",
    "Probe",
    "Projection",
    "Proportional",
    "RateCode",
    "Rates",
    "Recordable",
    "Region",
    "Regular",
    "Rewiring",
    "Rule",
    "Section",
    "Sections",
    "SelfStimulationMonitor",
    "Sense",
    "SharedWeights",
    "Shift",
    "Signal",
    "Signalling",
    "Sine",
    "Softmax",
    "SpikeList",
    "Spread",
    "State",
    "Step",
    "Stimulus",
    "StimulusConnection",
    "StochasticTableau",
    "Synapse",
    "Tableau",
    "TemporalDifference",
    "TimeArray",
    "Toward",
    "Uniform",
    "WeightMatrix",
    "WinnerTakesAll",
    "discretise",
    "location",
    "region",
]
