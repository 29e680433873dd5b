"""What a network did with the samples of a batch: what readouts, losses and regularisers are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.contents.contents import Population
from neuropil.model.network.network import Network
from neuropil.model.neuron.neuron import Neuron

Variable = tuple[str, Any]
"""(population, name of a state or an `Expression`): what is recorded in every step."""


@dataclass(frozen=True)
class Response:
    """The activity of a network in all steps of a batch of samples.

    Attributes:
        spikes: population -> [samples, steps, neurons], 1 where a neuron spiked in that step, else 0.
        traces: label of what was recorded -> [samples, steps, columns] in base units, at the end of each step.
        dt: time step, ms.
    """

    spikes: Mapping[str, Any]
    traces: Mapping[str, Any]
    dt: float

    @property
    def duration(self) -> float:
        """Time of a sample, ms."""
        return float(next(iter(self.spikes.values())).shape[1] * self.dt)


def label_of(variable: Variable) -> str:
    """The name under which a variable is recorded."""
    population, what = variable
    return f"{population}.{what}" if isinstance(what, str) else f"{population}.{what.name}"


def output_of(network: Network, named: str | None, what: str) -> Population:
    """The population that is read out.

    Args:
        network: the description.
        named: its name; None: the population "output", or the only one that projects to no other.
        what: asks for it; begins the message.

    Raises:
        ModelError: it does not exist, or there are several.
    """
    if named is not None:
        if named not in network.populations:
            raise ModelError(f"{what}: there is no population {named!r}", fix=did_you_mean(named, network.populations))
        return network[named]
    if "output" in network.populations:
        return network["output"]
    sending = {p.source.name for p in (*network.projections, *network.graded) if p.target is not p.source}
    last = [p for p in network.populations.values() if p.name not in sending]
    if len(last) != 1:
        raise ModelError(
            f"{what}: which population is the output?", got=", ".join(p.name for p in last) or "each projects to another",
            expected='one named "output", or one alone that projects to no other', fix="name it: of=\"population\" or of=\"population.state\"",
        )  # fmt: skip
    return last[0]


def variable_of(network: Network, named: str | None, what: str) -> tuple[str, str]:
    """A population and one of its states.

    Args:
        network: the description.
        named: "population.state"; "population", or None for the output: its first state.
        what: asks for it; begins the message.

    Raises:
        ModelError: one of them does not exist.
    """
    name, _, state = (named or "").partition(".") if named not in network.populations else (named, "", "")
    population = output_of(network, name or None, what)
    states = population.neuron.spec.state_dimensions
    state = state or next(iter(states))
    if state not in states:
        raise ModelError(f"{what}: {population.name} has no state {state!r}", fix=did_you_mean(state, states))
    return population.name, state


def spikes(population: Population) -> bool:
    """Whether the neurons of a `population` can spike: a point neuron, or a soma, has a threshold or a hazard."""
    model = population.parts[""].model if "" in population.parts else None
    return not isinstance(model, Neuron) or type(model).fires is not Neuron.fires or type(model).hazard is not Neuron.hazard


def check_spiking(population: Population, what: str) -> None:
    """Refuse to read spikes of neurons that emit none.

    Args:
        population: that is read.
        what: asks for it; begins the message.

    Raises:
        ModelError: its neurons have neither a threshold nor a hazard.
    """
    if not spikes(population):
        raise ModelError(
            f"{what}: {population.name} never spikes", got=type(population.neuron).__name__, expected="neurons with fires() or hazard()",
            fix="read a state of it (Maximum, MeanOverTime, Last), or another population",
        )  # fmt: skip
