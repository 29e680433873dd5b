"""The microcircuit at full scale does what NEST's does: rates, and distributions of rate, irregularity, correlation.

NEST's side was run once (``verification/microcircuit_nest.py``) and is kept in ``microcircuit_nest.npz``: mean rates of
three seeds, in all 3 s and in windows of 1 s, tables of quantiles, and the distances among the seeds. Every run here
has a fixed seed, so a false alarm can only come with a change of the random streams; its chance is stated per test.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

from neuropil.zoo.circuits.microcircuit import POPULATIONS

HERE = Path(__file__).parent
REFERENCE = HERE / "microcircuit_nest.npz"
SEEDS = (1, 2, 3)


@functools.cache
def verification() -> ModuleType:
    """``verification/microcircuit.py``, which is a script and not a package."""
    path = HERE.parents[1] / "verification" / "microcircuit.py"
    spec = importlib.util.spec_from_file_location("microcircuit_verification", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@functools.cache
def runs() -> list:
    """The activity of three runs of neuropil, 3 s after 0.5 s."""
    v = verification()
    return [v.Activity.of(v.simulate(seed, v.TO)[0]) for seed in SEEDS]


def test_rates_of_one_second_at_full_scale() -> None:
    """Every population within what NEST's own windows of 1 s allow: 1 to 3.5 % in most, 10 to 16 % in the slowly wandering ones.

    A window's rate differs from the mean of n others by their standard deviation times a t-variable of n - 1 degrees
    of freedom, times √(1 + 1/n); the bound is its quantile for one false alarm in 1000 over all eight populations.
    Sixteen seeds of neuropil reached at most 0.8 of it.
    """
    v = verification()
    spikes, _ = v.simulate(1, 1500.0)
    (mine,) = v.window_rates(spikes, 500.0, 1500.0)
    with np.load(REFERENCE) as data:
        windows = data["windows_hz"]
    n = len(windows)
    bound = stats.t.isf(1e-3 / (2 * len(POPULATIONS)), n - 1) * windows.std(axis=0, ddof=1) * np.sqrt(1 + 1 / n)
    deviation = np.abs(mine - windows.mean(axis=0))
    assert np.all(deviation <= bound), dict(zip(POPULATIONS, (deviation / bound).round(2).tolist(), strict=True))


@pytest.mark.slow
def test_rates_within_five_percent_of_nest() -> None:
    """Means of three seeds. Those of L23E and L5E, which wander most, have standard deviations of 1.9 % between seeds of
    either simulator, so their difference has 1.6 %: 5 % is beyond 3 of them, one false alarm in 200 over all."""
    mine = np.mean([run.rates for run in runs()], axis=0)
    with np.load(REFERENCE) as data:
        theirs = data["rates_hz"].mean(axis=0)
    assert np.all(np.abs(mine / theirs - 1) < 0.05), (mine / theirs).round(3)


@pytest.mark.slow
def test_distributions_as_close_to_nest_as_its_seeds_to_each_other() -> None:
    """Kolmogorov-Smirnov distances to NEST's tables, averaged over populations and pairs, at most 1.6 times NEST–NEST.

    Of sixteen further seeds taken singly the ratio was 1.12 ± 0.10 (rate), 0.96 ± 0.10 (ISI CV) and 0.98 ± 0.08
    (correlation), at most 1.43. Three seeds together vary less, so 1.6 lies at least 5 standard deviations above.
    """
    v = verification()
    nest, nest_nest = v.reference(REFERENCE)
    ratio = v.between(runs(), nest).mean(axis=(0, 1)) / nest_nest.mean(axis=(0, 1))
    assert np.all(ratio < 1.6), dict(zip(v.MEASURES, ratio.round(2).tolist(), strict=True))


@pytest.mark.slow
def test_distances_notice_a_difference() -> None:
    """The bound has teeth: intervals taken from the wrong population, or rates off by a tenth, are far beyond it."""
    v = verification()
    nest, nest_nest = v.reference(REFERENCE)
    for measure, wrong in ((0, lambda values, other: 1.1 * values), (1, lambda values, other: other)):
        ratios = []
        for run in runs():
            for i in range(len(POPULATIONS)):
                mine = wrong(run.samples[i][measure], run.samples[(i + 1) % len(POPULATIONS)][measure])
                ratios.append(np.mean([v.ks_distance(mine, r.samples[i][measure]) for r in nest]))
        assert np.mean(ratios) > 2.0 * nest_nest[:, :, measure].mean()
