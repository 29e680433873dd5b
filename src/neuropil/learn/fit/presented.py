"""A sample presented to a network description: what enters in each step, as stimuli that the engine runs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.data.entries import Entry
from neuropil.model.network.network import Network
from neuropil.model.network.replace import duplicate
from neuropil.model.stimulus.currents import TimeArray
from neuropil.model.stimulus.events import SpikeList
from neuropil.units import Quantity, ms

MOST_WEIGHTS = 256
"""Different weights of events at a port beyond which a sample is refused: each is a stimulus."""


def presented(network: Network, sample: Iterable[tuple[Entry, np.ndarray]], dt: float) -> Network:
    """A copy of a network which the sample drives.

    Args:
        network: the description.
        sample: where it enters, and float[steps, sites] in base units.
        dt: time step, ms.

    Raises:
        ModelError: events of too many different weights.
    """
    made = duplicate(network)
    for entry, values in sample:
        population = made[entry.population]
        if not entry.events:
            rows = Quantity(np.asarray(values, np.float64), entry.dimension)
            made.stimulate(population, TimeArray(rows, interval=dt * ms), input=entry.entry, name=f"sample {entry.name}")
            continue
        if np.all((values >= 0) & (values == np.floor(values))):
            step, site = np.nonzero(values)
            times = values[step, site].astype(np.int64)
            _events(made, entry, np.repeat(step, times), np.repeat(site, times), 1.0, dt)
            continue
        weights = np.unique(values[values != 0])
        if weights.size > MOST_WEIGHTS:
            raise ModelError(f"input {entry.name}: events of too many different weights for the engine", got=weights.size, expected=f"at most {MOST_WEIGHTS}", fix="currents, or fewer levels")
        for weight in weights:
            step, site = np.nonzero(values == weight)
            _events(made, entry, step, site, float(weight), dt)
    return made


def _events(made: Network, entry: Entry, step: np.ndarray, site: np.ndarray, weight: float, dt: float) -> None:
    if not step.size:
        return
    population = made[entry.population]
    sites = population.sites(entry.entry)
    for each in range(sites):
        mine = site % sites == each
        port = entry.entry if sites == 1 else f"{entry.entry}[{each}]"
        events = SpikeList((step[mine] + 1) * dt * ms, site[mine] // sites)
        made.stimulate(population, events, port=port, weight=Quantity(weight, entry.dimension), name=f"sample {entry.name} {weight:g}")
