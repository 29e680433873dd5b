"""How to drive each registered neuron, so that a test over all of them covers what they do.

The drives are moderate: they make the model spike some ten times a second or more, with excitation and inhibition on
every port and a current on every input, without holding it in saturation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
        dt: a time step that suits the model.
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
    "ctrnn_unit": ContractDrive({"drive": 0.5}, spikes=False),
    "echo_state_unit": ContractDrive({"drive": 0.5}, spikes=False),
    "relay": ContractDrive({}, {"spikes": (1.0, 50 * Hz)}),
    "poisson_source": ContractDrive(),
    "sensor": ContractDrive(),
    "intrinsic_lif": ContractDrive({"current": 350 * pA}, {"exc": (300 * pA, 1000 * Hz), "inh": (-600 * pA, 250 * Hz)}),
    "escape_lif": ContractDrive({"current": 350 * pA}, {"exc": (300 * pA, 1000 * Hz), "inh": (-600 * pA, 250 * Hz)}),
    "channel_noise": ContractDrive(
        {"current": 1000 * pA}, {"exc": (200 * pA, 1000 * Hz), "inh": (-50 * pA, 250 * Hz)}, dt=0.025 * ms
    ),
    "point_conductance": ContractDrive({"current": 600 * pA}),
    "spike_shape_adex": ContractDrive({"current": 700 * pA}, {"exc": (5 * nS, 1000 * Hz), "inh": (3 * nS, 250 * Hz)}),
}


def contract_drive(name: str) -> ContractDrive:
    """The drive of the registered neuron of this name.

    Raises:
        ModelError: there is none.
    """
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
        given: parameters other than the defaults, so that whatever can happen does.
    """

    weight: Quantity | float
    port: str | None = None
    input: str | None = None
    clocked: tuple[str, ...] = ()
    modulator: float = 0.0
    given: dict[str, Any] = field(default_factory=dict)


_FULL = SynapseUse(40.0, input="current", clocked=("transmitter", "ampa", "nmda", "calcium", "camkii", "weight"), modulator=0.5)
_BEAKERS = tuple(f"u{k}" for k in range(1, 7))


def _plastic(clocked: tuple[str, ...] = (), weight: Quantity = 900 * pA, **given: Any) -> SynapseUse:
    return SynapseUse(weight, "exc", clocked=clocked, given=given)


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
    # Learning rates are raised, so that bounds and thresholds are met within the test.
    "stdp_additive": _plastic(a_plus=0.3, a_minus=0.2),
    "stdp_van_rossum": _plastic(a_plus=0.3, a_minus=0.2),
    "stdp_multiplicative": _plastic(a_plus=0.3, a_minus=0.2),
    "stdp_power_law": _plastic(a_plus=0.3, a_minus=0.2),
    "stdp_nearest_additive": _plastic(a_plus=0.3, a_minus=0.2),
    "triplet_stdp": _plastic(a2_plus=0.1, a3_plus=0.1, a2_minus=0.1, a3_minus=0.1),
    "voltage_stdp": _plastic(("low_minus", "low_plus", "pre", "efficacy"), a_ltd=0.01 / mV, a_ltp=0.01 / mV**2, theta_plus=-55 * mV),
    "graupner_brunel": _plastic(("calcium", "efficacy"), tau=2000 * ms),
    "graupner_brunel_events": _plastic(tau=2000 * ms),
    "oja": _plastic(eta=0.2),
    "bcm": _plastic(eta=0.5, tau_theta=100 * ms),
    "covariance": _plastic(eta=0.2, tau_mean=100 * ms),
    "anti_hebbian": _plastic(eta=0.2),
    "inhibitory_stdp": _plastic(weight=-300 * pA, eta=0.2),
    "scaled_stdp": _plastic(a_plus=0.3, a_minus=0.2, k=0.5, tau_s=100 * ms),
    "fast_weights": _plastic(),
    "synaptic_caching": _plastic(a_plus=0.3, a_minus=0.2, threshold=0.15),
    "cascade": _plastic(_BEAKERS, a_plus=0.3, a_minus=0.2, alpha=0.5 / ms),
    "dopamine_stdp": _plastic(dopamine=50.0),
    "reward_stdp": _plastic(success=-1.0, eta=0.1 / ms),
    "reward_max": _plastic(("pre", "eligibility", "efficacy"), success=1.0, eta=0.1 / ms),
    "e_prop": _plastic(("pre", "eligibility", "efficacy"), eta=0.02 / ms**2, learning_signal=-1.0),
    "scaled": SynapseUse(600 * pA, "exc"),
}


def synapse_use(name: str) -> SynapseUse:
    """The use of the registered synapse of this name.

    Raises:
        ModelError: there is none.
    """
    if name not in SYNAPSE_USES:
        expected = "an entry in neuropil.zoo.contract.SYNAPSE_USES" if name in SYNAPSES else None
        raise ModelError(f"no contract use for synapse {name!r}", expected=expected, fix=did_you_mean(name, SYNAPSE_USES))
    return SYNAPSE_USES[name]
