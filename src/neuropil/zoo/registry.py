"""The published models by name. Nothing is imported until it is asked for; what is listed here is tested everywhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from neuropil.errors import ModelError, did_you_mean
from neuropil.model import Network, Neuron

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
    "nmda_branch": _NEURONS + "nmda_branch:NMDABranch",
    "gif": _NEURONS + "gif:GIF",
    "rate_unit": _NEURONS + "rate:RateUnit",
    "leaky_readout": _NEURONS + "rate:LeakyReadout",
    "relay": _NEURONS + "relay:Relay",
    "poisson_source": _NEURONS + "poisson_source:PoissonSource",
}

_CIRCUITS = "neuropil.zoo.circuits."

CIRCUITS: dict[str, str] = {
    "microcircuit": _CIRCUITS + "microcircuit:microcircuit",
    "brunel": _CIRCUITS + "brunel:brunel",
    "vogels_abbott": _CIRCUITS + "vogels_abbott:vogels_abbott",
}


def neuron(name: str) -> type[Neuron]:
    """The class of the neuron model of this name."""
    if name not in NEURONS:
        raise ModelError(f"the zoo has no neuron {name!r}", fix=did_you_mean(name, NEURONS))
    module, _, attribute = NEURONS[name].partition(":")
    return getattr(import_module(module), attribute)


def neuron_names() -> list[str]:
    """The names of all neuron models."""
    return list(NEURONS)


def circuit(name: str) -> Callable[..., Network]:
    """The function that makes the circuit of this name."""
    if name not in CIRCUITS:
        raise ModelError(f"the zoo has no circuit {name!r}", fix=did_you_mean(name, CIRCUITS))
    module, _, attribute = CIRCUITS[name].partition(":")
    return getattr(import_module(module), attribute)
