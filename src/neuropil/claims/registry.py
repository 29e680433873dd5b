"""All claims by id. Nothing is imported until it is asked for; an experiment that is listed here is tested everywhere."""

from __future__ import annotations

from importlib import import_module

from neuropil.claims.claim import Claim
from neuropil.errors import NeuropilError, did_you_mean

LISTED: dict[str, str] = {
    "A1": "Counts: synapses, neurons and parameters, and the gap between them",
    "A2": 'Sigma-pi units: products of inputs, "growing factorially", "no learning rule"',
    "A3": "NMDA spikes as an AND gate over clustered synapses",
    "A4": "Distal calcium spikes respond to coincidence of two pathways",
    "A5": "One layer-5 neuron as a two-layer network with hundreds of units",
    "A6": "The soma as a leaky integrator: an input of 50 ms ago still counts",
    "A7": "Back-propagating action potentials change recently active synapses",
    "B1": "Dopamine is a temporal-difference error",
    "B2": "Acetylcholine gates plasticity",
    "B3": "Norepinephrine raises the signal-to-noise ratio",
    "B4": "Serotonin sets patience: the discount of the future",
    "B5": "No global and fast mechanism in language models",
    "C1": 'LSTM gates as a membrane; "static" gates',
    "C2": 'Echo-state networks: "chaotic" reservoirs',
    "C3": "Integrate-and-fire neurons: timing beyond rate, and no gradient at a spike",
    "C4": "Neuromorphic hardware saves orders of magnitude",
    "C5": "Adaptive resonance solves stability against plasticity",
    "C6": "Fast weights: few-shot recall",
    "C7": "Hopfield networks store patterns as minima of an energy",
    "C8": "Modern Hopfield networks equal attention",
    "C9": "STDP, and why deep networks do not learn by it alone",
    "C10": "SPAUN: its tasks, and that it could not learn",
    "C11": "Capsules descend from sigma-pi units",
    "C12": "In-context learning acts as fast weights",
    "C13": "Feed-forward layers are lookup tables of facts",
    "C14": "Free energy against next-token prediction",
    "D1": "Sparse coding learns Gabor filters, with few units active",
    "D2": "Predictive coding",
    "D3": "Pruned attention heads: 40 % faster",
    "D4": "Perceiver IO: repeated cross-attention",
    "D5": "A neuromodulated transformer gains 12 %",
    "D6": "Backpropagation through time joined with Hebb's rule",
    "D7": 'Energy of a synaptic event: "sub-millijoule"',
    "D8": "CartPole by spikes in 200 episodes",
    "D9": "Neural circuit policies: 70 % fewer neurons",
    "D10": "A surprise-gated learning rate forgets 30 % less",
    "D11": "Dopamine wireheading and its detection",
    "D12": "Meta-learning over several time scales",
    "D13": "Agents are brittle to a change of rules",
    "D14": "Spiking predictive coding lowers perplexity by 22 %",
    "D15": "A neuromodulated policy collides 15 % less",
    "D16": "Ten times the compute gives 0.3 dex",
    "E1": "Kleiber's law: three quarters, not two thirds",
    "E2": "Neurons against brain mass, across orders",
    "E3": "Von Economo neurons; human dendrites three times larger",
    "E4": "Chinchilla's law: 20 tokens a parameter",
    "E5": "Kaplan's exponent against Chinchilla's",
    "E6": "Variance-limited scaling goes as 1/D",
    "E7": "Resolution-limited scaling goes as 4/d",
    "E8": "Emergence is a mirage of the metric",
    "E9": "Punctuated equilibrium and institutional scaling",
    "E10": "The stock of text runs out between 2026 and 2032",
    "E11": "Synaptic caching saves energy",
    "E12": "Competitive plasticity saves updates",
    "E13": "The brain does 500,000 times more operations a watt",
    "E14": "Devices between 1.8 pJ and 1.23 fJ",
    "F1": "Hodgkin-Huxley at 1 ms by forward Euler, for 126 operations",
    "F2": "85 operations per synapse and step",
    "F3": "A brain takes 53 exaFLOPS",
    "F4": "A week of it exceeds the training of GPT-4",
    "F5": "1.55 million H100s",
    "F6": "Doubling every 7.6 years: the year 2075",
    "F7": "600 terabytes of memory",
    "F8": "An insect's brain on one machine",
    "F9": "A coin cannot be predicted beyond one half",
    "F10": "Symbols joined with networks need no extra scale",
    "G1": "Units selective for one thing",
    "G2": "Attention mirrors activity of the brain",
    "G3": "Tools of brain imaging show a shared hierarchy",
    "G4": "Timing within mere milliseconds",
    "M1": "All modulators at once in one spiking network (the project's own claim)",
}
"""Every claim: id -> what it is about. A to D from article 000 and 001, E from 002, F from 003, G from 004; M is the project's own."""

EXPERIMENTS: dict[str, str] = {
    "A2": "a2_sigma_pi:CLAIM",
    "A3": "a3_nmda_spike:CLAIM",
    "A4": "a4_calcium_spike:CLAIM",
    "A5": "a5_two_layer_neuron:CLAIM",
    "A6": "a6_leaky_soma:CLAIM",
    "A7": "a7_back_propagation:CLAIM",
    "B1": "b1_dopamine:CLAIM",
    "B2": "b2_acetylcholine:CLAIM",
    "B3": "b3_norepinephrine:CLAIM",
    "B4": "b4_serotonin:CLAIM",
    "B5": "b5_global_fast:CLAIM",
    "C7": "c7_hopfield:CLAIM",
    "C9": "c9_stdp:CLAIM",
    "D6": "d6_hybrid:CLAIM",
    "D8": "d8_cartpole:CLAIM",
    "D11": "d11_wireheading:CLAIM",
    "D12": "d12_time_scales:CLAIM",
    "E3": "e3_dendrites:CLAIM",
    "E11": "e11_synaptic_caching:CLAIM",
    "F1": "f1_hodgkin_huxley_step:CLAIM",
    "F2": "f2_synapse:CLAIM",
    "F3": "f3_exaflops:CLAIM",
    "F4": "f4_week:CLAIM",
    "F5": "f5_h100s:CLAIM",
    "F6": "f6_doubling:CLAIM",
    "F7": "f7_memory:CLAIM",
    "M1": "m1_all_modulators:CLAIM",
}
"""The claims that have an experiment: id -> where it is."""


def claim(id: str) -> Claim:
    """The claim of this id, with its experiment.

    Raises:
        NeuropilError: no such claim, or none that has an experiment yet.
    """
    if id not in LISTED:
        raise NeuropilError(f"there is no claim {id!r}", fix=did_you_mean(id, LISTED))
    if id not in EXPERIMENTS:
        raise NeuropilError(f"the experiment of claim {id} is not written yet", got=LISTED[id], expected=", ".join(EXPERIMENTS))
    module, _, attribute = EXPERIMENTS[id].partition(":")
    found: Claim = getattr(import_module("neuropil.claims." + module), attribute)
    return found


def written() -> list[str]:
    """The ids of the claims that have an experiment, in the order of the list."""
    return [id for id in LISTED if id in EXPERIMENTS]
