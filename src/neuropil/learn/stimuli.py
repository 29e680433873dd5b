"""Stimuli as arrays over time, made on the host before a rollout: the same numbers as every executor draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.model.base import grid
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.stimulus import (
    InhomogeneousPoisson,
    Noise,
    Poisson,
    Regular,
    Sine,
    SpikeList,
    Step,
    TimeArray,
)
from neuropil.units import Quantity

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
    return np.asarray(_base(value), float)


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
    size, sites, k = drive.target.size, drive.sites, np.arange(steps)
    whole = np.zeros((steps, size, drive.target.sites(drive.entry)))
    who = np.arange(size) if drive.neurons is None else drive.neurons
    for site in sites:
        if drive.input is not None:
            whole[:, who, site] = _current(drive, k, dt, seed, site * size + who)
        else:
            weight = per_neuron(drive.weight, site * size + who, seed, "drive", *drive.stream, "weight")
            whole[:, who, site] = weight * _counts(drive, k, dt, seed, site * size + who, who)
    return whole.reshape(steps, -1)


def _base(value: Any) -> Any:
    return value.value if isinstance(value, Quantity) else value


def _rows(table: Any, s: TimeArray | InhomogeneousPoisson, k: NDArray[np.int64], dt: float, stay: bool) -> Array:
    """The row of a table [times] or [times, neurons] that holds during each step: the last one stays, or zero follows."""
    table = np.asarray(_base(table), float)
    table = table[:, None] if table.ndim == 1 else table
    row = grid.rows(k, s.interval, dt, s.grid)
    values = table[np.minimum(row, len(table) - 1)]
    return values if stay else np.where((row < len(table))[:, None], values, 0.0)


def _current(drive: StimulusConnection, k: NDArray[np.int64], dt: float, seed: int, counters: NDArray[np.int64]) -> Array:
    """Of the driven neurons at a site, with the counters of their random numbers."""
    s = drive.stimulus

    def value(attribute: str) -> Any:
        return per_neuron(getattr(s, attribute), counters, seed, "drive", *drive.stream, attribute)

    if isinstance(s, Step):
        on = k >= grid.steps(s.start, dt, "Step.start", least=0)
        if s.stop is not None:
            on &= k < grid.steps(s.stop, dt, "Step.stop", least=0)
        return value("amplitude") * on[:, None]
    if isinstance(s, Sine):
        return value("amplitude") * np.sin(2 * np.pi * float(_base(s.frequency)) * (k * dt) + float(s.phase))[:, None]
    if isinstance(s, TimeArray):
        return _rows(s.values, s, k, dt, stay=False)
    assert isinstance(s, Noise)
    every = 1 if s.interval is None else grid.steps(s.interval, dt, "Noise.interval")
    draws = rng.normal(rng.stream_key(seed, "drive", *drive.stream), counters[None, :], (k // every)[:, None])
    return value("mean") + value("sd") * draws


def _counts(drive: StimulusConnection, k: NDArray[np.int64], dt: float, seed: int, counters: NDArray[np.int64], who: NDArray[np.int64]) -> Array:
    """Events per step of the driven neurons (`who`) at a site, with the counters of their random numbers."""
    s = drive.stimulus
    if isinstance(s, (Regular, SpikeList)):
        return _scheduled(s, drive.target.size, k.size, dt)[:, who]
    if isinstance(s, Poisson):
        rate = per_neuron(s.rate, counters, seed, "drive", *drive.stream, "rate")
    else:
        assert isinstance(s, InhomogeneousPoisson)
        rate = _rows(s.rates, s, k, dt, stay=True)
    words = rng.words(rng.stream_key(seed, "drive", *drive.stream), counters[None, :], k[:, None])
    mean = np.broadcast_to(rate * dt, words.shape)
    counts = np.zeros(words.shape)
    for lam in np.unique(mean):
        chosen = mean == lam
        counts[chosen] = rng.poisson(float(lam), words[chosen])
    return counts


def _scheduled(s: Regular | SpikeList, size: int, steps: int, dt: float) -> Array:
    counts = np.zeros((steps + 1, size))
    neurons: Any = None
    if isinstance(s, Regular):
        every = grid.steps(s.interval, dt, "Regular.interval")
        first = every if s.start is None else grid.steps(s.start, dt, "Regular.start")
        last = steps if s.stop is None else grid.steps(s.stop, dt, "Regular.stop", least=0)
        stamp = np.arange(first, min(last, steps) + 1, every)
    else:
        stamp = s.stamps(dt)
        neurons = None if s.neurons is None else np.atleast_1d(np.asarray(s.neurons, np.int64))
    inside = stamp <= steps
    if neurons is None:
        np.add.at(counts, stamp[inside], 1.0)
    else:
        np.add.at(counts, (stamp[inside], neurons[inside]), 1.0)
    return counts[1:]  # an event stamped j + 1 arrives at the end of step j
