"""The published models by name. Nothing is imported until it is asked for; what is listed here is tested everywhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from neuropil.errors import ModelError, did_you_mean
from neuropil.model import Agent, Channel, Network, PointProcess, Synapse
from neuropil.model.cell.cell import Cell
from neuropil.model.modulation.kinetics import Kinetics

_NEURONS = "neuropil.zoo.neurons."

NEURONS: dict[str, str] = {
    "lif_exp": _NEURONS + "lif:LIFExp",
    "lif_alpha": _NEURONS + "lif:LIFAlpha",
    "lif_delta": _NEURONS + "lif:LIFDelta",
    "lif_cond_exp": _NEURONS + "lif_cond:LIFCondExp",
    "lif_cond_alpha": _NEURONS + "lif_cond:LIFCondAlpha",
    "eif": _NEURONS + "eif:ExponentialLIF",
    "adex": _NEURONS + "adex:AdEx",
    "izhikevich": _NEURONS + "izhikevich:Izhikevich",
    "hodgkin_huxley": _NEURONS + "hodgkin_huxley:HodgkinHuxley",
    "bac": _NEURONS + "bac:BACNeuron",
    "gif": _NEURONS + "gif:GIF",
    "two_compartment": _NEURONS + "two_compartment:TwoCompartment",
    "three_compartment": _NEURONS + "three_compartment:ThreeCompartment",
    "branch_neuron": _NEURONS + "branch_neuron:BranchNeuron",
    "sigma_pi": _NEURONS + "sigma_pi:SigmaPi",
    "rate_unit": _NEURONS + "rate:RateUnit",
    "leaky_readout": _NEURONS + "rate:LeakyReadout",
    "ctrnn_unit": _NEURONS + "ctrnn:CTRNNUnit",
    "echo_state_unit": _NEURONS + "echo_state:EchoStateUnit",
    "relay": _NEURONS + "relay:Relay",
    "poisson_source": _NEURONS + "poisson_source:PoissonSource",
    "sensor": _NEURONS + "sensor:Sensor",
    "intrinsic_lif": _NEURONS + "intrinsic:IntrinsicLIF",
    "escape_lif": _NEURONS + "escape_lif:EscapeLIF",
    "channel_noise": _NEURONS + "channel_noise:ChannelNoise",
    "point_conductance": _NEURONS + "point_conductance:PointConductance",
    "spike_shape_adex": _NEURONS + "spike_shape:SpikeShapeAdEx",
}

_CIRCUITS = "neuropil.zoo.circuits."

CIRCUITS: dict[str, str] = {
    "microcircuit": _CIRCUITS + "microcircuit:microcircuit",
    "brunel": _CIRCUITS + "brunel:brunel",
    "vogels_abbott": _CIRCUITS + "vogels_abbott:vogels_abbott",
    "basal_ganglia": _CIRCUITS + "basal_ganglia:basal_ganglia",
}

_CHANNELS = "neuropil.zoo.channels."

CHANNELS: dict[str, str] = {
    "leak": _CHANNELS + "leak:Leak",
    "hodgkin_huxley_membrane": _CHANNELS + "squid_axon:HodgkinHuxleyMembrane",
    "squid_sodium": _CHANNELS + "squid_axon:SquidSodium",
    "squid_potassium": _CHANNELS + "squid_axon:SquidPotassium",
    "noisy_squid_sodium": _CHANNELS + "squid_channel_noise:NoisySquidSodium",
    "noisy_squid_potassium": _CHANNELS + "squid_channel_noise:NoisySquidPotassium",
    "fast_sodium": _CHANNELS + "fast_sodium:FastSodium",
    "persistent_sodium": _CHANNELS + "persistent_sodium:PersistentSodium",
    "transient_potassium": _CHANNELS + "transient_potassium:TransientPotassium",
    "persistent_potassium": _CHANNELS + "persistent_potassium:PersistentPotassium",
    "kv3_potassium": _CHANNELS + "kv3_potassium:Kv3Potassium",
    "m_current": _CHANNELS + "m_current:MCurrent",
    "h_current": _CHANNELS + "h_current:HCurrent",
    "high_voltage_calcium": _CHANNELS + "high_voltage_calcium:HighVoltageCalcium",
    "low_voltage_calcium": _CHANNELS + "low_voltage_calcium:LowVoltageCalcium",
    "sk_potassium": _CHANNELS + "sk_potassium:SKPotassium",
    "calcium_pool": _CHANNELS + "calcium_pool:CalciumPool",
}

_SYNAPSES = "neuropil.zoo.synapses."
_PLASTICITY = "neuropil.zoo.plasticity."
_ELECTRODES = "neuropil.zoo.electrodes."

POINT_PROCESSES: dict[str, str] = {
    "ampa": _SYNAPSES + "ampa:AMPA",
    "ampa_exponential": _SYNAPSES + "ampa:AMPAExponential",
    "nmda": _SYNAPSES + "nmda:NMDA",
    "ampa_nmda": _SYNAPSES + "ampa_nmda:AMPANMDA",
    "gaba_a": _SYNAPSES + "gaba_a:GABAA",
    "gaba_b": _SYNAPSES + "gaba_b:GABAB",
    "gap_junction": _SYNAPSES + "gap_junction:GapJunction",
    "fluctuating_conductances": _SYNAPSES + "fluctuating_conductances:FluctuatingConductances",
    "current_clamp": _ELECTRODES + "current_clamp:CurrentClamp",
    "voltage_clamp": _ELECTRODES + "voltage_clamp:VoltageClamp",
    "dynamic_clamp": _ELECTRODES + "dynamic_clamp:DynamicClamp",
}

SYNAPSES: dict[str, str] = {
    "tsodyks_markram": _SYNAPSES + "short_term:TsodyksMarkram",
    "tsodyks_markram_1998": _SYNAPSES + "short_term:TsodyksMarkram1998",
    "varela": _SYNAPSES + "short_term:Varela",
    "receptor_kinetics": _SYNAPSES + "receptor_kinetics:ReceptorKinetics",
    "nmda_kinetics": _SYNAPSES + "receptor_kinetics:NMDAKinetics",
    "calcium_weight": _SYNAPSES + "calcium_plasticity:CalciumWeight",
    "article_weight": _SYNAPSES + "calcium_plasticity:ArticleWeight",
    "homeostatic": _SYNAPSES + "calcium_plasticity:Homeostatic",
    "full_synapse": _SYNAPSES + "full_synapse:FullSynapse",
    "article_synapse": _SYNAPSES + "full_synapse:ArticleSynapse",
    "td_stdp": _SYNAPSES + "td_stdp:TDSTDP",
    "stdp_additive": _PLASTICITY + "pair_stdp:AdditiveSTDP",
    "stdp_van_rossum": _PLASTICITY + "pair_stdp:VanRossumSTDP",
    "stdp_multiplicative": _PLASTICITY + "pair_stdp:MultiplicativeSTDP",
    "stdp_power_law": _PLASTICITY + "pair_stdp:PowerLawSTDP",
    "stdp_nearest_additive": _PLASTICITY + "pair_stdp:NearestAdditiveSTDP",
    "triplet_stdp": _PLASTICITY + "triplet_stdp:TripletSTDP",
    "voltage_stdp": _PLASTICITY + "voltage_stdp:VoltageSTDP",
    "graupner_brunel": _PLASTICITY + "calcium_graupner_brunel:GraupnerBrunel",
    "graupner_brunel_events": _PLASTICITY + "calcium_graupner_brunel:GraupnerBrunelEvents",
    "oja": _PLASTICITY + "rate_rules:Oja",
    "bcm": _PLASTICITY + "rate_rules:BCM",
    "covariance": _PLASTICITY + "rate_rules:Covariance",
    "anti_hebbian": _PLASTICITY + "rate_rules:AntiHebbian",
    "inhibitory_stdp": _PLASTICITY + "inhibitory:InhibitorySTDP",
    "scaled_stdp": _PLASTICITY + "scaling:ScaledSTDP",
    "fast_weights": _PLASTICITY + "fast_weights:FastWeights",
    "synaptic_caching": _PLASTICITY + "caching:SynapticCaching",
    "cascade": _PLASTICITY + "cascade:Cascade",
    "dopamine_stdp": _PLASTICITY + "three_factor:DopamineSTDP",
    "reward_stdp": _PLASTICITY + "three_factor:RewardSTDP",
    "reward_max": _PLASTICITY + "three_factor:RewardMax",
    "e_prop": _PLASTICITY + "three_factor:EProp",
    "scaled": _SYNAPSES + "scaled:Scaled",
}

_MODULATORS = "neuropil.zoo.modulators."

MODULATORS: dict[str, str] = {
    "dopamine": _MODULATORS + "dopamine:Dopamine",
    "acetylcholine": _MODULATORS + "acetylcholine:Acetylcholine",
    "norepinephrine": _MODULATORS + "norepinephrine:Norepinephrine",
    "serotonin": _MODULATORS + "serotonin:Serotonin",
}

CELLS: dict[str, str] = {"layer5_pyramidal": "neuropil.zoo.cells.layer5_pyramidal:layer5_pyramidal"}
"""Functions that give a morphology its channels."""

_AGENTS = "neuropil.zoo.agents."

AGENTS: dict[str, str] = {
    "cartpole": _AGENTS + "actor_critic:cartpole",
    "acrobot": _AGENTS + "actor_critic:acrobot",
    "bandit": _AGENTS + "bandit:bandit",
    "forager": _AGENTS + "forager:forager",
    "patience": _AGENTS + "patience:patience",
    "regressor": _AGENTS + "regressor:regressor",
}


TABLES: dict[str, dict[str, str]] = {
    "circuit": CIRCUITS, "agent": AGENTS, "neuron": NEURONS, "cell": CELLS, "channel": CHANNELS, "point process": POINT_PROCESSES, "synapse": SYNAPSES,
    "modulator": MODULATORS,
}  # fmt: skip
"""All tables by the kind of what they list."""


def neuron(name: str) -> type[Any]:
    """The class of the neuron model of this name: a `Neuron`, or a `Branched` one that needs no arguments."""
    return _find("neuron", name, NEURONS)


def neuron_names() -> list[str]:
    """The names of all neuron models."""
    return list(NEURONS)


def circuit(name: str) -> Callable[..., Network]:
    """The function that makes the circuit of this name."""
    return _find("circuit", name, CIRCUITS)


def agent(name: str) -> Callable[..., Agent]:
    """The function that makes the agent of this name."""
    return _find("agent", name, AGENTS)


def cell(name: str) -> Callable[..., Cell]:
    """The function that makes the cell of this name of a morphology."""
    return _find("cell", name, CELLS)


def channel(name: str) -> type[Channel]:
    """The class of the membrane channel, or ion pool, of this name."""
    return _find("channel", name, CHANNELS)


def point_process(name: str) -> type[PointProcess]:
    """The class of the synapse or electrode of this name."""
    return _find("point process", name, POINT_PROCESSES)


def synapse(name: str) -> type[Synapse]:
    """The class of the synapse of this name, whose states a projection keeps."""
    return _find("synapse", name, SYNAPSES)


def modulator(name: str) -> type[Kinetics]:
    """The class of the kinetics of the modulator of this name."""
    return _find("modulator", name, MODULATORS)


def _find(kind: str, name: str, known: dict[str, str]) -> Any:
    if name not in known:
        raise ModelError(f"the zoo has no {kind} {name!r}", fix=did_you_mean(name, known))
    module, _, attribute = known[name].partition(":")
    return getattr(import_module(module), attribute)
