"""Where samples enter a network, and as what: events at a port or currents into an input, in every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.data.augmentation import Augmentation
from neuropil.learn.data.dataset import ONLY, Chunk
from neuropil.learn.data.encoders import Encoder
from neuropil.learn.data.events import SpikeEvents
from neuropil.model.network.network import Network
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, magnitude, unit_name

EVALUATION = 0
"""The epoch whose draws evaluations use, without augmentation; those of training begin with 1."""


@dataclass(frozen=True)
class Entry:
    """A port or an input of a population that samples drive.

    Attributes:
        key: the name of the input among the data; "" where there is one alone.
        population: its name; entry: the port or input.
        events: whether it is a port.
        width: sites of all neurons.
        dimension: of its unit.
        encoder: of the samples; None: they are [samples, steps, width] already.
        augmentations: that change the samples in training, in this order.
    """

    key: str
    population: str
    entry: str
    events: bool
    width: int
    dimension: Dimension
    encoder: Encoder | None
    augmentations: tuple[Augmentation, ...] = ()

    @property
    def name(self) -> str:
        """Population and port or input."""
        return f"{self.population}.{self.entry}"

    @property
    def draws(self) -> bool:
        """Whether what enters is drawn anew in every epoch."""
        return self.encoder is not None and self.encoder.draws

    def dense(self, values: Any, dt: float, seed: int, epoch: int, numbers: np.ndarray) -> np.ndarray:
        """What enters, float32[samples, steps, width] in the base unit.

        Args:
            values: of some samples, as given.
            dt: time step, ms.
            seed: of what is drawn; epoch: likewise.
            numbers: int64[samples], of the samples.

        Raises:
            ModelError: values that do not fit.
        """
        where = f"input {self.name}"
        if self.encoder is not None:
            made = self._encoded(values, dt, seed, epoch, numbers)
        elif isinstance(values, SpikeEvents):
            self._check_bare(where)
            made = values.dense(dt)
        elif isinstance(values, Quantity):
            made = np.asarray(magnitude(values, self.dimension, where), np.float32)
        else:
            self._check_bare(where)
            made = np.asarray(values, np.float32)
        if self.encoder is None:
            made = np.asarray(self._augmented(made, seed, epoch, numbers), np.float32)
        if made.ndim != 3 or made.shape[2] != self.width or made.shape[1] < 1:
            fix = None if made.ndim == 3 else "encoder=npl.data.LatencyEncoder(...), or another, turns features into events"
            raise ModelError(f"{where}: samples have the wrong shape", got=f"{made.shape}", expected=f"(samples, steps, {self.width})", fix=fix)
        if self.events and self.dimension == DIMENSIONLESS and self.encoder is None and made.size and made.min() < 0:
            raise ModelError(f"{where}: numbers of events must not be negative", got=f"{made.min():g}", fix="an encoder, if these are signals")
        return made

    def _encoded(self, values: Any, dt: float, seed: int, epoch: int, numbers: np.ndarray) -> np.ndarray:
        encoder = self.encoder
        assert encoder is not None
        if isinstance(values, (SpikeEvents, Quantity)):
            raise ModelError(f"input {self.name}: only numbers can be encoded", got=type(values).__name__, fix="leave encoder out")
        values = self._augmented(values, seed, epoch, numbers)
        encoder.check(values)
        if (n := encoder.neurons(values.shape[1:])) != self.width:
            raise ModelError(f"input {self.name}: {type(encoder).__name__} gives events for another number of neurons", got=f"{n} for samples {values.shape[1:]}", expected=self.width)
        key = rng.stream_key(seed, "fit", "encoder", self.key, epoch if encoder.draws else 0)
        amplitude = magnitude(encoder.amplitude, self.dimension, f"{type(encoder).__name__}.amplitude (input {self.name})")
        return encoder.encode(values, dt, key, numbers) * np.float32(amplitude)

    def _augmented(self, values: np.ndarray, seed: int, epoch: int, numbers: np.ndarray) -> np.ndarray:
        """The samples as a training sees them in this epoch; as they are in an evaluation."""
        for j, one in enumerate(self.augmentations):
            one.check(values)
            if epoch == EVALUATION:
                continue
            made = one.changed(values, rng.stream_key(seed, "fit", "augmentation", self.key, j, epoch), numbers)
            if np.shape(made) != np.shape(values):
                raise ModelError(f"input {self.name}: {type(one).__name__} changed the shape of samples", got=np.shape(made), expected=np.shape(values))
            values = made
        return values

    def _check_bare(self, where: str) -> None:
        if self.dimension != DIMENSIONLESS:
            unit = unit_name(self.dimension)
            raise ModelError(f"{where}: samples need a unit", got="numbers", expected=unit, fix=f"x * {unit}, or present them to a population of Relay neurons that projects here")


def entries_of(network: Network, given: Any, encoder: Any, augment: Any, example: Chunk) -> tuple[Entry, ...]:
    """Where the inputs of the data enter.

    Args:
        network: the description.
        given: "population", "population.port" or "population.input"; with several inputs a dict of them by input; None: the population "input", or the
            only one that nothing else in the network drives.
        encoder: an `Encoder`, a dict of them by input, or None.
        augment: an `Augmentation` or several in a list, a dict of such by input, or None.
        example: some samples.

    Raises:
        ModelError: names that do not exist; what is not an encoder or an augmentation.
    """
    names = list(example.values)
    if isinstance(given, Mapping):
        places = {str(k): v for k, v in given.items()}
    elif names == [ONLY]:
        places = {ONLY: given}
    elif given is None:
        places = {name: name for name in names}
    else:
        raise ModelError("input: data with several inputs need a place for each", got=given, expected=f"a dict by {', '.join(names)}")
    if set(places) != set(names):
        raise ModelError("input: the places are not those of the data's inputs", got=", ".join(places) or "none", expected=", ".join(n or "one input without a name" for n in names))
    encoders = encoder if isinstance(encoder, Mapping) else dict.fromkeys(names, encoder)
    for name, one in encoders.items():
        if name not in names:
            raise ModelError(f"encoder: there is no input {name!r}", fix=did_you_mean(name, names))
        if isinstance(one, type):
            raise ModelError("encoder: give an encoder, not its class", got=one.__name__, fix=f"{one.__name__}(duration=...)")
        if one is not None and not isinstance(one, Encoder):
            raise ModelError("encoder must be an Encoder", got=one, expected="for example npl.data.LatencyEncoder(duration=100 * ms)")
    changes = augment if isinstance(augment, Mapping) else dict.fromkeys(names, augment)
    for name in changes:
        if name not in names:
            raise ModelError(f"augment: there is no input {name!r}", fix=did_you_mean(name, names))
    return tuple(_entry(network, name, places[name], encoders.get(name), _augmentations(changes.get(name))) for name in names)


def _augmentations(given: Any) -> tuple[Augmentation, ...]:
    listed = () if given is None else tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for one in listed:
        if not isinstance(one, Augmentation):
            raise ModelError("augment must be an Augmentation, or several in a list", got=one, expected="for example npl.data.GaussianNoise(0.1)")
    return listed


def _entry(network: Network, key: str, given: Any, encoder: Encoder | None, augmentations: tuple[Augmentation, ...]) -> Entry:
    population, entry = _named(network, given)
    spec = network[population].neuron.spec
    if not entry:
        known = [*spec.ports] or [*spec.inputs]
        if len(known) != 1:
            raise ModelError(f"input: {population} has several ports or inputs", got=", ".join(known) or "none", fix=f'name one: input="{population}.{known[0] if known else "port"}"')
        entry = known[0]
    if entry not in spec.ports and entry not in spec.inputs:
        raise ModelError(f"input: {population} has no port or input {entry!r}", fix=did_you_mean(entry, [*spec.ports, *spec.inputs]))
    events = entry in spec.ports
    dimension = spec.ports[entry] if events else spec.inputs[entry]
    return Entry(key, population, entry, events, network[population].size * network[population].sites(entry), dimension, encoder, augmentations)


def _named(network: Network, given: Any) -> tuple[str, str]:
    if given is None:
        return _first(network), ""
    if not isinstance(given, str):
        raise ModelError("input must be a name", got=given, expected='"population" or "population.port"')
    if given in network.populations:
        return given, ""
    population, _, entry = given.partition(".")
    if population not in network.populations:
        raise ModelError(f"input: there is no population {population!r}", fix=did_you_mean(population, network.populations))
    return population, entry


def _first(network: Network) -> str:
    if "input" in network.populations:
        return "input"
    driven = {p.target.name for p in (*network.projections, *network.graded)} | {d.target.name for d in network.drives}
    free = [name for name in network.populations if name not in driven]
    if len(free) != 1:
        raise ModelError(
            "input: which population do the samples drive?", got=", ".join(free) or "each is driven within the network",
            expected='one named "input", or one alone that nothing drives', fix='input="population" or input="population.port"',
        )  # fmt: skip
    return free[0]
