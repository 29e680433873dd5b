"""How to bring each registered neuron to life, so that a test over all of them exercises what they do.

The drives are moderate: they make the model spike some ten times a second or more, with excitation and inhibition on
every port and a current on every input, without holding it in saturation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neuropil.errors import ModelError, did_you_mean
from neuropil.model import Network, Poisson, Population, Step
from neuropil.units import Hz, Quantity, ms, mV, nS, pA
from neuropil.zoo.registry import NEURONS, SYNAPSES


@dataclass(frozen=True)
class ContractDrive:
    """What to feed to a model.

    Attributes:
        currents: input -> constant amplitude.
        events: port -> (weight, rate of a Poisson train to each neuron).
        spikes: whether the model ever spikes.
        dt: the time step at which the model is at home.
    """

    currents: dict[str, Quantity | float] = field(default_factory=dict)
    events: dict[str, tuple[Quantity | float, Quantity]] = field(default_factory=dict)
    spikes: bool = True
    dt: Quantity = 0.1 * ms

    def apply(self, network: Network, population: Population) -> None:
        """Add these stimuli to a population."""
        for name, amplitude in self.currents.items():
            network.stimulate(population, Step(amplitude), input=name)
        for name, (weight, rate) in self.events.items():
            network.stimulate(population, Poisson(rate), port=name, weight=weight)


DRIVES: dict[str, ContractDrive] = {
    "lif_exp": ContractDrive({"current": 350 * pA}, {"exc": (300 * pA, 1000 * Hz), "inh": (-600 * pA, 250 * Hz)}),
    "lif_alpha": ContractDrive({"current": 350 * pA}, {"exc": (60 * pA, 1000 * Hz), "inh": (-120 * pA, 250 * Hz)}),
    "lif_delta": ContractDrive({"current": 350 * pA}, {"syn": (0.5 * mV, 1000 * Hz)}),
    "lif_cond_exp": ContractDrive({"current": 150 * pA}, {"exc": (10 * nS, 1000 * Hz), "inh": (4 * nS, 250 * Hz)}),
    "lif_cond_alpha": ContractDrive({"current": 150 * pA}, {"exc": (5 * nS, 1000 * Hz), "inh": (2 * nS, 250 * Hz)}),
    "eif": ContractDrive({"current": 20 * pA}, {"exc": (10 * pA, 1000 * Hz), "inh": (-10 * pA, 250 * Hz)}),
    "adex": ContractDrive({"current": 700 * pA}, {"exc": (20 * nS, 1000 * Hz), "inh": (5 * nS, 250 * Hz)}),
    "izhikevich": ContractDrive({"current": 8 * mV / ms}, {"syn": (0.5 * mV, 1000 * Hz)}),
    "hodgkin_huxley": ContractDrive(
        {"current": 1000 * pA}, {"exc": (200 * pA, 1000 * Hz), "inh": (-50 * pA, 250 * Hz)}, dt=0.025 * ms
    ),
    "bac": ContractDrive({"current": 250 * pA}, {"dend": (60 * pA, 300 * Hz)}, dt=0.025 * ms),
    "gif": ContractDrive({"current": 100 * pA}, {"exc": (5 * pA, 1000 * Hz), "inh": (-10 * pA, 250 * Hz)}),
    "two_compartment": ContractDrive(
        {"current": 600 * pA, "apical_current": 300 * pA},
        {"exc": (4 * nS, 1000 * Hz), "inh": (2 * nS, 250 * Hz), "apical": (0.5 * nS, 400 * Hz)},
    ),
    "three_compartment": ContractDrive(
        {"current": 600 * pA, "apical_current": 300 * pA, "tuft_current": 20 * pA},
        {"exc": (4 * nS, 1000 * Hz), "inh": (2 * nS, 250 * Hz), "apical": (0.5 * nS, 200 * Hz)},
    ),
    "branch_neuron": ContractDrive(
        {"current": 200 * pA}, {"exc": (60 * pA, 1000 * Hz), "inh": (-40 * pA, 250 * Hz), "branch.exc": (0.5 * nS, 150 * Hz)}
    ),
    "sigma_pi": ContractDrive(
        {"current": 250 * pA},
        {"exc": (300 * pA, 500 * Hz), "inh": (-300 * pA, 250 * Hz), "branch.x1": (0.5, 60 * Hz), "branch.x2": (0.5, 60 * Hz)},
    ),
    "rate_unit": ContractDrive({"drive": 2.0}, {"syn": (0.5, 500 * Hz)}, spikes=False),
    "leaky_readout": ContractDrive({"drive": 0.5}, {"syn": (0.5, 200 * Hz)}, spikes=False),
    "relay": ContractDrive({}, {"spikes": (1.0, 50 * Hz)}),
    "poisson_source": ContractDrive(),
    "sensor": ContractDrive(),
}


def contract_drive(name: str) -> ContractDrive:
    """The drive of a registered neuron."""
    if name not in DRIVES:
        expected = "an entry in neuropil.zoo.contract.DRIVES" if name in NEURONS else None
        raise ModelError(f"no contract drive for neuron {name!r}", expected=expected, fix=did_you_mean(name, DRIVES))
    return DRIVES[name]


@dataclass(frozen=True)
class SynapseUse:
    """How a synapse model is put to use in its contract test.

    Attributes:
        weight: of the projection.
        port, input: of `LIFExp`.
        clocked: states that advance in every step; the others wait for a spike.
        modulator: value of the signal.
    """

    weight: Quantity | float
    port: str | None = None
    input: str | None = None
    clocked: tuple[str, ...] = ()
    modulator: float = 0.0


_FULL = SynapseUse(40.0, input="current", clocked=("transmitter", "ampa", "nmda", "calcium", "camkii", "weight"), modulator=0.5)

SYNAPSE_USES: dict[str, SynapseUse] = {
    "tsodyks_markram": SynapseUse(900 * pA, "exc"),
    "tsodyks_markram_1998": SynapseUse(900 * pA, "exc"),
    "varela": SynapseUse(600 * pA, "exc"),
    "receptor_kinetics": SynapseUse(20 * nS, input="current", clocked=("transmitter", "open", "weight")),
    "nmda_kinetics": SynapseUse(60 * nS, input="current", clocked=("transmitter", "open", "weight")),
    "calcium_weight": SynapseUse(600 * pA, "exc", clocked=("camkii", "efficacy")),
    "article_weight": SynapseUse(600 * pA, "exc", clocked=("camkii", "efficacy")),
    "homeostatic": SynapseUse(600 * pA, "exc", clocked=("efficacy",)),
    "full_synapse": _FULL,
    "article_synapse": _FULL,
    "td_stdp": SynapseUse(600 * pA, "exc", clocked=("weight", "x", "h", "e", "mean"), modulator=0.5),
    "scaled": SynapseUse(600 * pA, "exc"),
}


def synapse_use(name: str) -> SynapseUse:
    """The use of a registered synapse."""
    if name not in SYNAPSE_USES:
        expected = "an entry in neuropil.zoo.contract.SYNAPSE_USES" if name in SYNAPSES else None
        raise ModelError(f"no contract use for synapse {name!r}", expected=expected, fix=did_you_mean(name, SYNAPSE_USES))
    return SYNAPSE_USES[name]
