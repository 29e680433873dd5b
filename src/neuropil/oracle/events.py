"""What arrives in a step: spikes through projections, events of stimuli, and currents."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.model import (
    AllToAll,
    Distribution,
    Edges,
    InhomogeneousPoisson,
    Noise,
    OneToOne,
    Poisson,
    Projection,
    Regular,
    Sine,
    SpikeList,
    Step,
    StimulusConnection,
    TimeArray,
)
from neuropil.model.base import grid
from neuropil.oracle.integrate import Array
from neuropil.units import Quantity


def counters(size: int, sites: Array) -> Array:
    """The counters of random numbers of some sites in a population of this size: [neurons, sites]."""
    return np.arange(size)[:, None] + sites * size


def per_element(value: Any, size: int, sites: int, seed: int, *purpose: int | str) -> Array:
    """A number, array or distribution (magnitudes or quantities) as one value per site of every neuron, neuron by neuron.

    Args:
        value: the number, array or distribution.
        size: neurons of the population.
        sites: in each neuron.
        seed: of the simulation.
        purpose: names the stream of random numbers.
    """
    if isinstance(value, Distribution):
        return np.asarray(value.quantile(rng.uniform(rng.stream_key(seed, *purpose), counters(size, np.arange(sites)), 0))).ravel()
    raw = np.asarray(value.value if isinstance(value, Quantity) else value, float)
    return np.array(np.broadcast_to(raw.reshape(size, sites) if raw.size == size * sites else raw, (size, sites))).ravel()


def _ms(value: Any) -> float:
    return float(value.value if isinstance(value, Quantity) else value)


class Synapses:
    """The synapses of one projection, as a list, and those that a spike is under way through, by the step in which it arrives.

    Args:
        dt: time step, ms.
        given: as of `edges` in `simulate`, where the rule draws at random.

    Raises:
        ModelError: a delay shorter than a step.
    """

    def __init__(self, projection: Projection, dt: float, given: tuple[Any, ...] | None):
        self.projection = projection
        self.source, self.target, self.port = projection.source.name, projection.target.name, projection.port
        site: Array = np.zeros(1, np.int64)
        if given is not None:
            pre, post, weight, steps, *more = (np.asarray(part) for part in given)
            site = more[0] if more else site
        else:
            pre, post, weight, steps = listed(projection, dt)
            site = site_of(projection)
        self.pre, self.post = pre, post * projection.sites + site
        self.weight, self.steps = np.broadcast_to(weight, pre.shape), np.broadcast_to(steps, pre.shape)
        if self.steps.size and self.steps.min() < 1:
            raise ModelError(f"projection {projection.name}: a delay is shorter than a step", expected=f"at least {dt} ms")
        self.under_way: list[list[Array]] = [[] for _ in range(int(self.steps.max(initial=1)) + 1)]
        self.size = projection.target.size * projection.sites

    def send(self, fired: Array, stamp: int) -> None:
        """File the spikes of the source neurons by the step in which they arrive.

        Args:
            fired: bool[sources].
            stamp: step of the spikes.
        """
        on = np.flatnonzero(fired[self.pre])
        for steps in np.unique(self.steps[on]):
            self.under_way[(stamp + steps) % len(self.under_way)].append(on[self.steps[on] == steps])

    def arrive(self, step: int) -> Array:
        """Summed weights per site of every target neuron that arrive at the end of the step that ends at this one."""
        row = step % len(self.under_way)
        arrived = np.zeros(self.size)
        for which in self.under_way[row]:
            np.add.at(arrived, self.post[which], self.weight[which])
        self.under_way[row] = []
        return arrived


def site_of(p: Projection) -> Array:
    """int64[n]: the sites of the synapses of projection `p`, which must be given.

    Raises:
        ModelError: the sites would have to be drawn.
    """
    if p.sites > 1 and p.site is None:
        raise ModelError(f"the oracle does not draw the sites of projection {p.name}", fix="simulate(..., edges=...)")
    return np.zeros(1, np.int64) if p.site is None else np.asarray(p.site)


def listed(p: Projection, dt: float) -> tuple[Array, ...]:
    """pre, post, weight and delay (in steps of dt, ms) of each synapse of a projection p whose rule draws nothing: arrays [n]."""
    pre, post, weight, delay = _listed(p)
    return pre, post, weight, grid.nearest(delay, dt)


def _listed(p: Projection) -> tuple[Array, ...]:
    known = isinstance(p.rule, (OneToOne, AllToAll, Edges))
    if not known or isinstance(p.weight, Distribution) or isinstance(p.delay, Distribution):
        raise ModelError(
            f"the oracle does not draw the synapses of projection {p.name}",
            got=repr(p.rule) if not known else f"weight {p.weight!r}, delay {p.delay!r}",
            expected="OneToOne, AllToAll or Edges with numbers for weight and delay",
            fix="simulate(..., edges={index of the projection: (pre, post, weight, delay_steps)})",
        )
    if isinstance(p.rule, Edges):
        pre, post = p.rule.pre, p.rule.post
    elif isinstance(p.rule, OneToOne):
        pre = post = np.arange(p.source.size)
    else:
        sources, targets = (np.arange(pop.size) if view is None else view for pop, view in ((p.source, p.sources), (p.target, p.targets)))
        pre, post = (a.ravel() for a in np.meshgrid(sources, targets, indexing="ij"))
    weight, delay = (np.broadcast_to(np.ravel(v), pre.shape) for v in (p.weight, p.delay))
    if isinstance(p.rule, AllToAll):
        order = np.lexsort((post, pre))
        keep = order[pre[order] != post[order]] if p.recurrent and not p.rule.allow_self else order
        return pre[keep], post[keep], weight[keep], delay[keep]
    return pre, post, weight, delay


def numbers(p: Projection, pre: Array, post: Array) -> Array:
    """The counters of the random draws of each synapse of a rule that draws nothing: its place, by source, among all those that the whole
    populations would have.

    Args:
        p: the projection.
        pre, post: int64[n], indices within the populations.
    """
    if not isinstance(p.rule, AllToAll) or p.structure is not None:
        return np.arange(pre.size)
    excluded = p.recurrent and not p.rule.allow_self
    return pre * (p.target.size - excluded) + post - (excluded & (post > pre))


class Source:
    """One drive: the weights it brings, or the current it gives, in each step, for every site of every neuron.

    Args:
        drive: the stimulus connection.
        dt: time step, ms.
        steps: length of the run.
        seed: of the simulation.
    """

    def __init__(self, drive: StimulusConnection, dt: float, steps: int, seed: int):
        self.drive, self.stimulus, self.dt = drive, drive.stimulus, dt
        self.size, self.all_sites = drive.target.size, drive.target.sites(drive.entry)
        self.who = np.arange(self.size) if drive.neurons is None else drive.neurons
        self.counters = counters(self.size, drive.sites)[self.who]
        self.key = rng.stream_key(seed, "drive", *drive.stream)
        drawn = {a: getattr(self.stimulus, a) for a in ("rate", "amplitude", "mean", "sd") if hasattr(self.stimulus, a)}
        self.value = {a: self._spread(v, seed, a) for a, v in drawn.items()}
        if drive.port is not None:
            self.weight = self._spread(drive.weight, seed, "weight")
        if isinstance(self.stimulus, (Regular, SpikeList)):
            self.counts = self._scheduled(steps)

    def _spread(self, value: Any, seed: int, attribute: str) -> Array:
        """A number of the stimulus as [driven neurons, sites]: drawn for each site, given for each neuron."""
        if isinstance(value, Distribution):
            key = rng.stream_key(seed, "drive", *self.drive.stream, attribute)
            return np.asarray(value.quantile(rng.uniform(key, self.counters, 0)))
        raw = np.asarray(value.value if isinstance(value, Quantity) else value, float)
        return np.broadcast_to(raw[:, None] if raw.ndim else raw, self.counters.shape)

    def _placed(self, values: Array) -> Array:
        """[driven neurons, sites of the stimulus] among all sites, flat."""
        whole = np.zeros((self.size, self.all_sites))
        whole[np.ix_(self.who, self.drive.sites)] = values
        return whole.ravel()

    def _scheduled(self, steps: int) -> dict[int, Array]:
        """Number of events per neuron, by the step at whose end they arrive."""
        s = self.stimulus
        if isinstance(s, Regular):
            every = grid.steps(s.interval, self.dt, "Regular.interval")
            first = every if s.start is None else grid.steps(s.start, self.dt, "Regular.start")
            last = steps if s.stop is None else grid.steps(s.stop, self.dt, "Regular.stop", least=0)
            stamps, neurons = np.arange(first, min(last, steps) + 1, every), None
        else:
            assert isinstance(s, SpikeList)
            stamps, neurons = s.stamps(self.dt), s.neurons
        counts: dict[int, Array] = {}
        for j, step in enumerate(stamps):
            count = counts.setdefault(int(step), np.zeros((self.size, 1)))
            count[slice(None) if neurons is None else np.atleast_1d(neurons)[j]] += 1
        return counts

    def _row(self, rows: Any, k: int, stay: bool) -> Array:
        table = np.asarray(rows.value if isinstance(rows, Quantity) else rows, float)
        s = cast(TimeArray | InhomogeneousPoisson, self.stimulus)
        j = int(grid.rows(np.array([k]), s.interval, self.dt, s.grid)[0])
        if j >= len(table) and not stay:
            return np.zeros(self.counters.shape)
        row = table[min(j, len(table) - 1)]
        return np.broadcast_to(row[:, None] if row.ndim else row, self.counters.shape)

    def events(self, k: int) -> Array:
        """Weights that arrive at the end of step k (the one from t_k to t_{k+1}), neuron by neuron."""
        return self._placed(self._events(k))

    def _events(self, k: int) -> Array:
        s = self.stimulus
        if isinstance(s, (Regular, SpikeList)):
            return self.weight * self.counts.get(k + 1, np.zeros((self.size, 1)))[self.who]
        rate = self.value["rate"] if isinstance(s, Poisson) else self._row(s.rates, k, stay=True)  # type: ignore[attr-defined]
        assert isinstance(s, (Poisson, InhomogeneousPoisson))
        words = rng.words(self.key, self.counters, k)
        counts = [int(rng.poisson(lam, word)) for lam, word in zip((rate * self.dt).ravel(), words.ravel(), strict=True)]
        return self.weight * np.array(counts, float).reshape(words.shape)

    def current(self, k: int) -> Array:
        """The current at t_k, which holds during step k, neuron by neuron."""
        return self._placed(self._current(k))

    def _current(self, k: int) -> Array:
        s, t = self.stimulus, k * self.dt
        if isinstance(s, Step):
            start, stop = (np.inf if a is None else grid.steps(a, self.dt, "Step", least=0) for a in (s.start, s.stop))
            return self.value["amplitude"] * (start <= k < stop)
        if isinstance(s, Sine):
            return self.value["amplitude"] * np.sin(2 * np.pi * _ms(s.frequency) * t + float(s.phase))
        if isinstance(s, TimeArray):
            return self._row(s.values, k, stay=False)
        assert isinstance(s, Noise)
        every = 1 if s.interval is None else grid.steps(s.interval, self.dt, "Noise.interval")
        return self.value["mean"] + self.value["sd"] * rng.normal(self.key, self.counters, k // every)
