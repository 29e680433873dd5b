"""What a stimulus brings in each step: by its equation on NumPy, or by the builder of its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil import rng
from neuropil.model import (
    Distribution,
    InhomogeneousPoisson,
    Noise,
    Poisson,
    Regular,
    SpikeList,
    Step,
    StimulusConnection,
    TimeArray,
)
from neuropil.model.base import grid
from neuropil.model.stimulus.checks import base
from neuropil.model.stimulus.equation import evaluated
from neuropil.model.stimulus.stimulus import CurrentStimulus, EventStimulus, builder_for
from neuropil.oracle.events import counters
from neuropil.oracle.integrate import Array
from neuropil.registry import register
from neuropil.units import Quantity

Each = Callable[[int], Array]
"""From step k to the events that arrive at its end, or the current during it: [driven neurons, sites]."""


class Source:
    """One stimulus: the weights it brings, or the current it gives, in each step, for every site of every neuron.

    Args:
        drive: the stimulus connection.
        dt: time step, ms.
        steps: length of the run.
        seed: of the simulation.

    Attributes:
        stimulus: as described; dt: ms.
        counters: of random numbers, [driven neurons, sites]; key: of their stream.
    """

    def __init__(self, drive: StimulusConnection, dt: float, steps: int, seed: int):
        self.stimulus: Any = drive.stimulus
        self.drive, self.dt, self.steps, self.seed = drive, dt, steps, seed
        self.size, self.all_sites = drive.target.size, drive.target.sites(drive.entry)
        self.who = np.arange(self.size) if drive.neurons is None else drive.neurons
        self.counters = counters(self.size, drive.sites)[self.who]
        self.key = rng.stream_key(seed, "drive", *drive.stream)
        if drive.port is not None:
            self.weight = self._spread(drive.weight, "weight")
        self.each: Each = builder_for(self.stimulus, "oracle")(self)

    def with_drive(self, drive: StimulusConnection) -> Source:
        """The same with another `drive`."""
        return Source(drive, self.dt, self.steps, self.seed)

    def value(self, attribute: str) -> Array:
        """An attribute of the stimulus as [driven neurons, sites]: drawn for each site, given for each neuron."""
        return self._spread(getattr(self.stimulus, attribute), attribute)

    def _spread(self, value: Any, attribute: str) -> Array:
        if isinstance(value, Distribution):
            key = rng.stream_key(self.seed, "drive", *self.drive.stream, attribute)
            return np.asarray(value.quantile(rng.uniform(key, self.counters, 0)))
        return self.broadcast(np.asarray(base(value), float))

    def broadcast(self, raw: Array) -> Array:
        """The array `raw`, one number or [driven neurons], as [driven neurons, sites]."""
        return np.broadcast_to(raw[:, None] if raw.ndim else raw, self.counters.shape)

    def events(self, k: int) -> Array:
        """Weights that arrive at the end of step k (the one from t_k to t_{k+1}), neuron by neuron."""
        return self._placed(self.weight * self.each(k))

    def current(self, k: int) -> Array:
        """The current at t_k, which holds during step k, neuron by neuron."""
        return self._placed(self.each(k))

    def _placed(self, values: Array) -> Array:
        """[driven neurons, sites of the stimulus] among all sites, flat."""
        whole = np.zeros((self.size, self.all_sites))
        whole[np.ix_(self.who, self.drive.sites)] = values
        return whole.ravel()


@register(EventStimulus, "oracle")
@register(CurrentStimulus, "oracle")
def equation(source: Source) -> Each:
    """What the equation of the stimulus of a `source` gives."""
    stimulus = source.stimulus
    values, unit = {n: source.value(n) for n in stimulus.parameters}, stimulus.dimension()
    draw = {"uniform": rng.uniform, "normal": rng.normal}.get(stimulus.equation.random or "")

    def each(k: int) -> Array:
        number = draw(source.key, source.counters, k) if draw is not None else 0.0
        return np.broadcast_to(np.asarray(evaluated(stimulus, values, k * source.dt, source.dt, number, unit), float), source.counters.shape)

    return each


# --- events -----------------------------------------------------------------------------------------------------


@register(Poisson, "oracle")
def poisson(source: Source) -> Each:
    """Poisson counts at constant rates, of the stimulus of a `source`."""
    rate = source.value("rate")
    return lambda k: _poisson(source, rate, k)


@register(InhomogeneousPoisson, "oracle")
def inhomogeneous_poisson(source: Source) -> Each:
    """Poisson counts at the rates of a table, of the stimulus of a `source`."""
    s: InhomogeneousPoisson = source.stimulus
    return lambda k: _poisson(source, _row(source, s.rates, s, k, stay=True), k)


def _poisson(source: Source, rate: Array, k: int) -> Array:
    words = rng.event_words(source.key, source.counters, k)
    counts = [int(rng.poisson(lam, word)) for lam, word in zip((rate * source.dt).ravel(), words.ravel(), strict=True)]
    return np.array(counts, float).reshape(words.shape)


@register(Regular, "oracle")
def regular(source: Source) -> Each:
    """One event in each of the steps at whose end one is stamped, of the stimulus of a `source`."""
    s: Regular = source.stimulus
    every = grid.steps(s.interval, source.dt, "Regular.interval")
    first = every if s.start is None else grid.steps(s.start, source.dt, "Regular.start")
    last = source.steps if s.stop is None else grid.steps(s.stop, source.dt, "Regular.stop", least=0)
    return _scheduled(source, np.arange(first, min(last, source.steps) + 1, every), None)


@register(SpikeList, "oracle")
def spike_list(source: Source) -> Each:
    """The events of a list, of the stimulus of a `source`."""
    s: SpikeList = source.stimulus
    return _scheduled(source, s.stamps(source.dt), s.neurons)


def _scheduled(source: Source, stamps: Array, neurons: Any) -> Each:
    """Number of events per neuron, by the step at whose end they arrive."""
    counts: dict[int, Array] = {}
    for j, step in enumerate(stamps):
        count = counts.setdefault(int(step), np.zeros((source.size, 1)))
        count[slice(None) if neurons is None else np.atleast_1d(neurons)[j]] += 1
    return lambda k: counts.get(k + 1, np.zeros((source.size, 1)))[source.who]


# --- currents ---------------------------------------------------------------------------------------------------


@register(Step, "oracle")
def step(source: Source) -> Each:
    """The amplitude from start to stop, of the stimulus of a `source`."""
    s: Step = source.stimulus
    amplitude = source.value("amplitude")
    start, stop = (np.inf if a is None else grid.steps(a, source.dt, "Step", least=0) for a in (s.start, s.stop))
    return lambda k: amplitude * (start <= k < stop)


@register(Noise, "oracle")
def noise(source: Source) -> Each:
    """Mean and spread times a normal number, of the stimulus of a `source`."""
    s: Noise = source.stimulus
    mean, sd = source.value("mean"), source.value("sd")
    every = 1 if s.interval is None else grid.steps(s.interval, source.dt, "Noise.interval")
    return lambda k: mean + sd * rng.normal(source.key, source.counters, k // every)


@register(TimeArray, "oracle")
def time_array(source: Source) -> Each:
    """The row of a table, then zero, of the stimulus of a `source`."""
    s: TimeArray = source.stimulus
    return lambda k: _row(source, s.values, s, k, stay=False)


def _row(source: Source, rows: Any, s: TimeArray | InhomogeneousPoisson, k: int, stay: bool) -> Array:
    """The row of a table that holds during a step: the last one stays, or zero follows."""
    table = np.asarray(rows.value if isinstance(rows, Quantity) else rows, float)
    j = int(grid.rows(np.array([k]), s.interval, source.dt, s.grid)[0])
    if j >= len(table) and not stay:
        return np.zeros(source.counters.shape)
    return source.broadcast(table[min(j, len(table) - 1)])
