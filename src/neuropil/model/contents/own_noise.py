"""The noise of neurons: inputs that are white noise are driven by it from when the population is added."""

from __future__ import annotations

from neuropil.errors import NetworkError
from neuropil.model.base.noise import is_white
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.contents.population import Population
from neuropil.model.neuron.composite import split
from neuropil.model.stimulus.wiener import Wiener


def own_noise(pop: Population) -> list[StimulusConnection]:
    """What drives the inputs of a population that are white noise: each with random numbers by the names of the population and the input.

    Args:
        pop: the population.
    """
    entries = [entry for entry in pop.neuron.spec.inputs if is_white(split(entry)[1])]
    return [StimulusConnection(f"{pop.name}.{entry}", pop, Wiener(), input=entry, stream=("noise", pop.name, entry, 0)) for entry in entries]


def refuse_noise(entry: object, where: str) -> None:
    """Refuse whatever flows into an input that is white noise.

    Args:
        entry: full name of the input.
        where: what flows; opens the error message.

    Raises:
        NetworkError: it is white noise.
    """
    if isinstance(entry, str) and is_white(split(entry)[1]):
        raise NetworkError(f"{where}: the input {entry!r} is white noise of the neurons' own", fix="drive another input of the model, or give this one another name")
