"""Stimuli as arrays over time, made on the host before a rollout: the same numbers as every executor draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.checks import base
from neuropil.model.stimulus.currents import Noise, Step, TimeArray
from neuropil.model.stimulus.equation import evaluated
from neuropil.model.stimulus.events import InhomogeneousPoisson, Poisson, Regular, SpikeList
from neuropil.model.stimulus.stimulus import CurrentStimulus, EventStimulus, builder_for
from neuropil.registry import register

Array = NDArray[np.float64]


def per_neuron(value: Any, elements: int | NDArray[np.int64], seed: int, *purpose: int | str) -> Any:
    """A number or array as it is, or values drawn from a distribution: float64, () or [elements].

    Args:
        value: a quantity, a number, an array or a distribution.
        elements: int64[n], counters of the draws, or their number.
        seed: of the simulation.
        purpose: names the stream of random numbers.
    """
    if isinstance(value, Distribution):
        which = np.arange(elements) if isinstance(elements, (int, np.integer)) else elements
        return np.asarray(value.quantile(rng.uniform(rng.stream_key(seed, *purpose), which, 0)))
    return np.asarray(base(value), float)


@dataclass(frozen=True)
class Driven:
    """A stimulus at one site of the neurons that it drives; its builder returns float64[steps, 1 or neurons].

    Attributes:
        drive: as described.
        who: int64[neurons], those that it drives.
        counters: of their random numbers.
        k: int64[steps]; dt: ms.
        seed: of every random stream.
    """

    drive: StimulusConnection
    who: NDArray[np.int64]
    counters: NDArray[np.int64]
    k: NDArray[np.int64]
    dt: float
    seed: int

    @property
    def stimulus(self) -> Any:
        """The stimulus, as described."""
        return self.drive.stimulus

    @property
    def key(self) -> rng.Key:
        """Of its random numbers."""
        return rng.stream_key(self.seed, "drive", *self.drive.stream)

    def value(self, attribute: str) -> Any:
        """An attribute of the stimulus (or of its connection: "weight"), one number or one for each neuron."""
        owner = self.drive if attribute == "weight" else self.stimulus
        return per_neuron(getattr(owner, attribute), self.counters, self.seed, "drive", *self.drive.stream, attribute)


def stimulus_array(drive: StimulusConnection, steps: int, dt: float, seed: int) -> Array:
    """The contribution of a stimulus in each of the first `steps` steps.

    Args:
        drive: the stimulus connection.
        dt: time step, ms.
        seed: of the simulation.

    Returns:
        float64[steps, neurons * sites]: summed weights that arrive at the end of each step (into a port), or the current
        that holds during it (into an input), of every site neuron by neuron.
    """
    size = drive.target.size
    whole = np.zeros((steps, size, drive.target.sites(drive.entry)))
    who = np.arange(size) if drive.neurons is None else drive.neurons
    for site in drive.sites:
        driven = Driven(drive, who, site * size + who, np.arange(steps), dt, seed)
        brought = builder_for(drive.stimulus, "rollout")(driven)
        whole[:, who, site] = brought if drive.input is not None else driven.value("weight") * brought
    return whole.reshape(steps, whole.shape[1] * whole.shape[2])


@register(EventStimulus, "rollout")
@register(CurrentStimulus, "rollout")
def equation(d: Driven) -> Array:
    """What the equation of `d.stimulus` gives."""
    stimulus, k = d.stimulus, d.k[:, None]
    draw = {"uniform": rng.uniform, "normal": rng.normal}.get(stimulus.equation.random or "")
    number = 0.0 if draw is None else draw(d.key, d.counters[None, :], k)
    values = {n: d.value(n) for n in stimulus.parameters}
    made = evaluated(stimulus, values, k * d.dt, d.dt, number, stimulus.dimension())
    return np.broadcast_to(np.asarray(made, float), (k.size, d.who.size))


# --- events -----------------------------------------------------------------------------------------------------


@register(Poisson, "rollout")
def poisson(d: Driven) -> Array:
    """Poisson counts at the constant rates of `d.stimulus`."""
    return _poisson(d, d.value("rate"))


@register(InhomogeneousPoisson, "rollout")
def inhomogeneous_poisson(d: Driven) -> Array:
    """Poisson counts at the rates of the table of `d.stimulus`."""
    return _poisson(d, _rows(d, d.stimulus.rates, stay=True))


def _poisson(d: Driven, rate: Any) -> Array:
    words = rng.event_words(d.key, d.counters[None, :], d.k[:, None])
    mean = np.broadcast_to(rate * d.dt, words.shape)
    counts = np.zeros(words.shape)
    for lam in np.unique(mean):
        chosen = mean == lam
        counts[chosen] = rng.poisson(float(lam), words[chosen])
    return counts


@register(Regular, "rollout")
def regular(d: Driven) -> Array:
    """One event in each of the steps at whose end `d.stimulus` stamps one."""
    s: Regular = d.stimulus
    every = grid.steps(s.interval, d.dt, "Regular.interval")
    first = every if s.start is None else grid.steps(s.start, d.dt, "Regular.start")
    last = d.k.size if s.stop is None else grid.steps(s.stop, d.dt, "Regular.stop", least=0)
    return _scheduled(d, np.arange(first, min(last, d.k.size) + 1, every), None)


@register(SpikeList, "rollout")
def spike_list(d: Driven) -> Array:
    """The events of the list of `d.stimulus`."""
    s: SpikeList = d.stimulus
    return _scheduled(d, s.stamps(d.dt), s.addressed)


def _scheduled(d: Driven, stamp: NDArray[np.int64], neurons: NDArray[np.int64] | None) -> Array:
    counts = np.zeros((d.k.size + 1, d.drive.target.size))
    inside = stamp <= d.k.size
    np.add.at(counts, stamp[inside] if neurons is None else (stamp[inside], neurons[inside]), 1.0)
    return counts[1:, d.who]  # an event stamped j + 1 arrives at the end of step j


# --- currents ---------------------------------------------------------------------------------------------------


@register(Step, "rollout")
def step(d: Driven) -> Array:
    """The amplitude of `d.stimulus` from start to stop."""
    s: Step = d.stimulus
    on = d.k >= grid.steps(s.start, d.dt, "Step.start", least=0)
    if s.stop is not None:
        on &= d.k < grid.steps(s.stop, d.dt, "Step.stop", least=0)
    return d.value("amplitude") * on[:, None]


@register(Noise, "rollout")
def noise(d: Driven) -> Array:
    """Mean and spread of `d.stimulus` times a normal number."""
    s: Noise = d.stimulus
    every = 1 if s.interval is None else grid.steps(s.interval, d.dt, "Noise.interval")
    return d.value("mean") + d.value("sd") * rng.normal(d.key, d.counters[None, :], (d.k // every)[:, None])


@register(TimeArray, "rollout")
def time_array(d: Driven) -> Array:
    """The row of the table of `d.stimulus`, then zero."""
    return _rows(d, d.stimulus.values, stay=False)


def _rows(d: Driven, table: Any, stay: bool) -> Array:
    """The row of a table [times] or [times, neurons] that holds during each step: the last one stays, or zero follows."""
    table = np.asarray(base(table), float)
    table = table[:, None] if table.ndim == 1 else table
    row = grid.rows(d.k, d.stimulus.interval, d.dt, d.stimulus.grid)
    values = table[np.minimum(row, len(table) - 1)]
    return values if stay else np.where((row < len(table))[:, None], values, 0.0)
