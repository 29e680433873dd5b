"""Builders of the package's events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from neuropil import registry, rng
from neuropil.engine.stimuli.driven import Driven
from neuropil.engine.stimuli.kernels import listed_events, poisson_events, scaled_current
from neuropil.model.base import grid
from neuropil.model.stimulus.checks import base
from neuropil.model.stimulus.events import InhomogeneousPoisson, Poisson, Regular, SpikeList
from neuropil.plan.operations import Given, Kernel, Operation, TimeTable

Steps: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Steps (int64) to rows (int64) or values (float64)."""

FAR = 1 << 62
"""A step that never comes."""


@registry.register(Poisson, "engine")
def poisson(driven: Driven) -> Operation:
    """Events at constant rates."""
    return _poisson(driven, np.atleast_2d(driven.drawn("rate"))[None], lambda steps: np.zeros(steps.shape, np.int64))


@registry.register(InhomogeneousPoisson, "engine")
def inhomogeneous_poisson(driven: Driven) -> Operation:
    """Events at rates that a table gives."""
    stimulus: InhomogeneousPoisson = driven.stimulus
    table: Any = np.asarray(base(stimulus.rates), float)
    last = len(table) - 1
    rates = (table if table.ndim == 1 else driven.connection.everywhere(table)).reshape(last + 1, 1, -1)
    return _poisson(driven, rates, lambda steps: np.minimum(grid.rows(steps, stimulus.interval, driven.plan.dt, stimulus.grid), last))


def _poisson(driven: Driven, rates: np.ndarray, row: Steps) -> Operation:
    """Poisson events of any rates [rows, sites or 1, neurons or 1], by thresholds for each distinct one."""
    distinct, inverse = np.unique(rates * driven.plan.dt, return_inverse=True)
    thresholds = [rng.poisson_thresholds(lam) if lam > 0 else np.empty(0, np.uint32) for lam in distinct]
    sizes = np.array([t.size for t in thresholds], np.int64)
    table = np.zeros((len(thresholds), max(1, int(sizes.max(initial=1)))), np.uint32)
    for line, t in zip(table, thresholds, strict=True):
        line[: t.size] = t
    classes: Any = inverse.reshape(rates.shape).astype(np.int32)
    cut = [classes[:, :, r.low : r.low + r.neurons] if classes.shape[2] > 1 else classes for r in driven.threads]
    weight = driven.own(driven.weight)
    return driven.operation(
        Kernel.of(poisson_events), (Given.STEP, TimeTable(row, index=True)),
        [(r.start, r.counters, *driven.key, np.ascontiguousarray(cut[t]), sizes, table, weight[t], r.target) for t, r in enumerate(driven.threads)],
    )  # fmt: skip


@registry.register(SpikeList, "engine")
def spike_list(driven: Driven) -> Operation:
    """Events by a sorted list of the steps at whose end they arrive."""
    stimulus: SpikeList = driven.stimulus
    stamps, weight = stimulus.stamps(driven.plan.dt), driven.own(driven.weight)
    who = np.full(stamps.shape, -1) if stimulus.addressed is None else stimulus.addressed.astype(np.int64)
    order = np.argsort(stamps, kind="stable")
    when, who = stamps[order] - 1, who[order]
    arguments: list[tuple[Any, ...]] = []
    for t, r in enumerate(driven.threads):
        mine = (who < 0) | ((who >= r.low) & (who < r.low + r.neurons))
        arguments.append((r.start, when[mine], np.where(who < 0, -1, who - r.low)[mine], weight[t], r.target))
    return driven.operation(Kernel.of(listed_events), (Given.STEP,), arguments)


@registry.register(Regular, "engine")
def regular(driven: Driven) -> Operation:
    """As many times the weight in each step as events are stamped with its end."""
    stimulus, dt = driven.stimulus, driven.plan.dt
    every = grid.steps(stimulus.interval, dt, "Regular.interval")
    first = every if stimulus.start is None else grid.steps(stimulus.start, dt, "Regular.start")
    last = FAR if stimulus.stop is None else grid.steps(stimulus.stop, dt, "Regular.stop", least=0)

    def counts(steps: np.ndarray) -> np.ndarray:
        since = steps + 1 - first
        return ((since >= 0) & (since % every == 0) & (steps < last)).astype(float)

    return scaled(driven, driven.weight, counts)


def scaled(driven: Driven, amplitude: Any, wave: Steps) -> Operation:
    """What adds an amplitude, which can be set between steps, times a value of each step.

    Args:
        driven: the stimulus and what it drives.
        amplitude: one, [neurons] or [sites, neurons].
        wave: from steps to values.

    Returns:
        The operation.
    """
    amplitudes = driven.settable(amplitude)
    return driven.operation(
        Kernel.of(scaled_current), (TimeTable(wave, index=False),),
        [(own, r.target[r.start[0] : r.start[0] + own.size]) for own, r in zip(amplitudes, driven.threads, strict=True)],
    )  # fmt: skip

