"""Statistics of spiking activity, with the conventions of the cortical microcircuit's published comparisons.

Rates per neuron, irregularity as the coefficient of variation of inter-spike intervals, and pairwise spike-count
correlations in 2 ms bins among 200 neurons per population, compared by Kolmogorov-Smirnov distance: the measures of
van Albada et al. 2018, doi:10.3389/fnins.2018.00291. Spectra are SciPy's; intervals and correlations are taken of all
neurons at once, which SciPy does not, and distances without a p-value, which SciPy's refuses for single values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ResultError
from neuropil.result import Spikes

Floats = NDArray[np.float64]

# A coefficient of variation needs a spread, hence two intervals, hence three spikes. Neurons with fewer are left out.
MIN_SPIKES = 3
SPECTRUM_MS = 256.0
"""The window of a spectrum, ms: a shorter run has none."""
_BLOCK = 4096


@dataclass(frozen=True)
class PopulationStatistics:
    """The activity of one population in a window of time.

    Attributes:
        name: the population; `size`: its neurons; `spikes`: how many it fired in the window.
        rates: (size,) rate of each neuron, Hz.
        cvs: (m,) coefficient of variation of the intervals of each neuron with at least 3 spikes.
        correlations: (pairs,) Pearson correlation of spike counts, among a sample of neurons that fired.
        frequencies: (f,) Hz; `power`: (f,) power spectral density of the population's mean rate, Hz²/Hz.
    """

    name: str
    size: int
    spikes: int
    rates: Floats = field(repr=False)
    cvs: Floats = field(repr=False)
    correlations: Floats = field(repr=False)
    frequencies: Floats = field(repr=False)
    power: Floats = field(repr=False)

    @property
    def rate(self) -> float:
        """Mean rate, Hz."""
        return mean(self.rates)

    @property
    def silent(self) -> float:
        """Fraction of neurons that fired no spike."""
        return mean(self.rates == 0)

    @property
    def cv(self) -> float:
        """Mean coefficient of variation; NaN if no neuron fired three spikes."""
        return mean(self.cvs)

    @property
    def correlation(self) -> float:
        """Mean pairwise correlation; NaN if fewer than two neurons fired."""
        return mean(self.correlations)


def describe(
    spikes: Spikes,
    t_from: float = 0.0,
    t_to: float | None = None,
    *,
    sample: int = 200,
    bin_ms: float = 2.0,
    seed: int = 0,
) -> dict[str, PopulationStatistics]:
    """The statistics of every population in (t_from, t_to], ms.

    Args:
        spikes: of the whole network.
        t_from: start of the window, ms; leave out the transient.
        t_to: its end, ms; by default the last spike, which shortens the window of a quiet network: give it.
        sample: neurons per population among which correlations are taken.
        bin_ms: width of the bins whose counts are correlated, ms.
        seed: chooses the sample.
    """
    t_to = last_time(spikes) if t_to is None else t_to
    t_to = max(t_to, t_from + spikes.dt)
    window = spikes.between(t_from, t_to)
    found = {}
    for name in spikes.populations:
        local = window.of(name)
        frequencies, power = power_spectrum(local, name, t_from, t_to)
        found[name] = PopulationStatistics(
            name=name,
            size=local.size(name),
            spikes=len(local),
            rates=neuron_rates(local, name, t_from, t_to),
            cvs=isi_cv(local, name),
            correlations=correlations(local, name, t_from, t_to, bin_ms=bin_ms, sample=sample, seed=seed),
            frequencies=frequencies,
            power=power,
        )
    return found


def neuron_rates(spikes: Spikes, population: str, t_from: float, t_to: float) -> Floats:
    """(size,) rate of each neuron of a population in (t_from, t_to] ms, in Hz.

    Args:
        population: its name.
        t_from, t_to: ms.
    """
    seconds = _window(t_from, t_to) / 1000.0
    rates: Floats = spikes.between(t_from, t_to).counts(population) / seconds
    return rates


def intervals(spikes: Spikes, population: str) -> tuple[NDArray[np.int64], Floats]:
    """(n,) which neuron of a population each inter-spike interval is of, ascending, and (n,) the intervals in time steps.

    Args:
        population: its name.
    """
    local = spikes.of(population)
    order = np.argsort(local.neuron, kind="stable")
    neuron, step = local.neuron[order].astype(np.int64), local.step[order]
    same = neuron[1:] == neuron[:-1]
    return neuron[1:][same], np.diff(step)[same].astype(np.float64)


def isi_cv(spikes: Spikes, population: str, min_spikes: int = MIN_SPIKES) -> Floats:
    """(m,) standard deviation over mean of the inter-spike intervals of each neuron that fired at least `min_spikes`.

    The deviation is the population one (divisor n), as in Elephant; for few intervals it underestimates.
    """
    owner, interval = intervals(spikes, population)
    size = spikes.size(population)
    count = np.bincount(owner, minlength=size)
    enough = count >= max(min_spikes - 1, 1)
    # Two passes: the variance as a difference of mean squares would lose a regular neuron's zero.
    average = np.bincount(owner, weights=interval, minlength=size) / np.maximum(count, 1)
    square = np.bincount(owner, weights=(interval - average[owner]) ** 2, minlength=size) / np.maximum(count, 1)
    positive = enough & (average > 0)
    cvs: Floats = np.sqrt(square[positive]) / average[positive]
    return cvs


def correlations(
    spikes: Spikes,
    population: str,
    t_from: float,
    t_to: float,
    *,
    bin_ms: float = 2.0,
    sample: int = 200,
    seed: int = 0,
) -> Floats:
    """(n (n - 1) / 2,) Pearson correlations of spike counts of all pairs among a random sample of n <= `sample` neurons.

    Neurons that are silent in the window are left out, and so is a neuron whose count never varies, for which no
    correlation exists. Whole bins only: the remainder of the window is dropped.

    Args:
        population: its name.
        t_from, t_to: ms.
        bin_ms: width of a bin, ms.
        seed: of the choice of neurons.
    """
    bins = int(_window(t_from, t_to) / bin_ms + 1e-9)
    local = spikes.between(t_from, t_from + bins * bin_ms).of(population)
    active = np.unique(local.neuron)
    chosen = np.random.default_rng(seed).choice(active, min(sample, active.size), replace=False)
    if bins < 2 or chosen.size < 2:
        return np.zeros(0)
    row = np.full(local.size(population), -1)
    row[chosen] = np.arange(chosen.size)
    which = row[local.neuron]
    taken = which >= 0
    counts = _bin_index(local.step[taken], local.dt, t_from, bin_ms, bins)
    product, total = _products(which[taken], counts, chosen.size, bins)
    covariance = product / bins - np.outer(total, total) / bins**2
    deviation = np.sqrt(np.diag(covariance).clip(0))
    # Integers up to `bins` were summed exactly, so a constant count leaves rounding only.
    varies = deviation > 1e-7
    covariance, deviation = covariance[np.ix_(varies, varies)], deviation[varies]
    pairs: Floats = (covariance / np.outer(deviation, deviation))[np.triu_indices(deviation.size, 1)]
    return pairs.clip(-1.0, 1.0)


def population_rate(
    spikes: Spikes, population: str, t_from: float, t_to: float, bin_ms: float = 1.0
) -> tuple[Floats, Floats]:
    """(bins,) times of the bins' centres, ms, and (bins,) mean rate of the population's neurons in each, Hz.

    Args:
        population: its name.
        t_from, t_to: ms.
        bin_ms: width of a bin, ms.
    """
    bins = max(int(_window(t_from, t_to) / bin_ms + 1e-9), 1)
    local = spikes.between(t_from, t_from + bins * bin_ms).of(population)
    counts = np.bincount(_bin_index(local.step, local.dt, t_from, bin_ms, bins), minlength=bins)
    rate = np.asarray(counts * (1000.0 / (bin_ms * max(local.size(population), 1))), np.float64)
    centres = np.asarray(t_from + (np.arange(bins) + 0.5) * bin_ms, np.float64)
    return centres, rate


def power_spectrum(
    spikes: Spikes, population: str, t_from: float, t_to: float, *, bin_ms: float = 1.0, segment: int = 256
) -> tuple[Floats, Floats]:
    """Power spectral density of a population's rate by Welch's method: (f,) Hz and (f,) Hz²/Hz, one-sided.

    Hann windows of `segment` bins, overlapping by half, mean removed: a resolution of 1000 / (segment · bin_ms) Hz,
    about 4 Hz by default. Independent Poisson neurons of rate r in a population of n give a flat 2 r / n.

    Args:
        population: its name.
        t_from, t_to: ms.
        bin_ms: width of a bin, ms.
    """
    _, rate = population_rate(spikes, population, t_from, t_to, bin_ms)
    return welch(rate, 1000.0 / bin_ms, segment)


def welch(signal: Floats, sampling_hz: float, segment: int = 256) -> tuple[Floats, Floats]:
    """One-sided power spectral density of a (n,) signal by Welch's method, as in `power_spectrum`; nothing of fewer than 2 values.

    Args:
        signal: float64[n].
        sampling_hz: samples per second.
        segment: samples of a window.
    """
    segment = min(segment, signal.size)
    if segment < 2:
        return np.zeros(0), np.zeros(0)
    from scipy.signal import welch as density  # takes longer to import than the rest of the module

    frequencies, power = density(signal, sampling_hz, window="hann", nperseg=segment, noverlap=segment // 2, detrend="constant")
    return np.asarray(frequencies, np.float64), np.asarray(power, np.float64)


def ks_distance(a: ArrayLike, b: ArrayLike) -> float:
    """Kolmogorov-Smirnov distance of two samples a and b: the largest gap between their empirical distributions, 0 to 1.

    Raises:
        ResultError: an empty sample.
    """
    first, second = np.sort(np.asarray(a, float).ravel()), np.sort(np.asarray(b, float).ravel())
    if not first.size or not second.size:
        raise ResultError("a Kolmogorov-Smirnov distance needs two samples", got=f"{first.size} and {second.size}")
    points = np.concatenate((first, second))
    below_first = np.searchsorted(first, points, side="right") / first.size
    below_second = np.searchsorted(second, points, side="right") / second.size
    return float(np.abs(below_first - below_second).max())


def mean(values: ArrayLike) -> float:
    """The mean of some values; NaN, without a warning, if there are none."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()) if array.size else float("nan")


def last_time(spikes: Spikes) -> float:
    """The time of the last spike, ms; 0 if there is none."""
    return float(spikes.step[-1] * spikes.dt) if len(spikes) else 0.0


def _products(row: NDArray[np.int64], column: NDArray[np.int64], rows: int, columns: int) -> tuple[Floats, Floats]:
    """Σ counts·countsᵀ (rows, rows) and Σ counts (rows,), over blocks of bins, so that a long run needs no more memory."""
    order = np.argsort(column, kind="stable")
    row, column = row[order], column[order]
    product, total = np.zeros((rows, rows)), np.zeros(rows)
    block = min(_BLOCK, columns)
    for low in range(0, columns, block):
        first, last = np.searchsorted(column, (low, low + block))
        flat = row[first:last] * block + (column[first:last] - low)
        counts = np.bincount(flat, minlength=rows * block).reshape(rows, block).astype(np.float32)
        # float32 products of small counts are exact integers up to 2**24, far above what a block can hold.
        product += counts @ counts.T
        total += counts.sum(axis=1)
    return product, total


def _bin_index(step: NDArray[np.int64], dt: float, t_from: float, bin_ms: float, bins: int) -> NDArray[np.int64]:
    """(n,) index of the bin (t_from + i·bin, t_from + (i + 1)·bin] of each spike."""
    position = (step * dt - t_from) / bin_ms
    index: NDArray[np.int64] = np.ceil(position - 1e-6).astype(np.int64) - 1
    return index.clip(0, bins - 1)


def _window(t_from: float, t_to: float) -> float:
    if not t_to > t_from:
        raise ResultError("a window of time must have a length", got=f"({t_from}, {t_to}] ms", expected="t_from < t_to")
    return t_to - t_from
