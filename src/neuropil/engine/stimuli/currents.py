"""Builders of the package's currents."""

from __future__ import annotations

import numpy as np

from neuropil import registry
from neuropil.engine.stimuli.driven import Driven
from neuropil.engine.stimuli.events import FAR, scaled
from neuropil.engine.stimuli.kernels import gaussian_current, sampled_current
from neuropil.model.base import grid
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.checks import base
from neuropil.model.stimulus.currents import Noise, Sine, Step, TimeArray
from neuropil.plan.operations import Kernel, Operation, TimeTable


@registry.register(Step, "engine")
def step(driven: Driven) -> Operation:
    """Its amplitude between two steps."""
    stimulus, dt = driven.stimulus, driven.plan.dt
    start = grid.steps(stimulus.start, dt, "Step.start", least=0)
    stop = FAR if stimulus.stop is None else grid.steps(stimulus.stop, dt, "Step.stop", least=0)
    return scaled(driven, driven.drawn("amplitude"), lambda steps: ((steps >= start) & (steps < stop)).astype(float))


@registry.register(Sine, "engine")
def sine(driven: Driven) -> Operation:
    """Its amplitude times a sine that is the same for all neurons."""
    stimulus, dt = driven.stimulus, driven.plan.dt
    omega, phase = 2.0 * np.pi * float(base(stimulus.frequency)), float(base(stimulus.phase))
    return scaled(driven, driven.drawn("amplitude"), lambda steps: np.sin(omega * steps * dt + phase))


@registry.register(Noise, "engine")
def noise(driven: Driven) -> Operation:
    """Gaussian numbers drawn anew for each interval."""
    stimulus: Noise = driven.stimulus
    held = 1 if stimulus.interval is None else grid.steps(stimulus.interval, driven.plan.dt, "Noise.interval")
    mean, sd = driven.own(driven.drawn("mean")), driven.own(driven.drawn("sd"))
    return driven.operation(
        Kernel.made(gaussian_current, str(driven.real)), (TimeTable(lambda steps: steps // held, index=True),),
        [(r.start, r.counters, *driven.key, mean[t], sd[t], r.target) for t, r in enumerate(driven.threads)],
    )  # fmt: skip


@registry.register(TimeArray, "engine")
def time_array(driven: Driven) -> Operation:
    """The row of a table: one value for all neurons, whose amplitude can be set, or a column for each."""
    stimulus, dt = driven.stimulus, driven.plan.dt
    values = np.asarray(base(stimulus.values), float)

    def row(steps: np.ndarray) -> np.ndarray:
        return grid.rows(steps, stimulus.interval, dt, stimulus.grid)

    def wave(steps: np.ndarray) -> np.ndarray:
        rows = row(steps)
        return np.where(rows < values.size, values[np.minimum(rows, values.size - 1)], 0.0)

    if values.ndim == 1:
        return scaled(driven, driven.connection.everywhere(1.0), wave)
    table = values.astype(driven.real)
    arguments = [(r.start, *_columns(driven.connection, table, r.low, r.neurons), r.target) for r in driven.threads]
    return driven.operation(Kernel.of(sampled_current), (TimeTable(row, index=True),), arguments)


def _columns(connection: StimulusConnection, values: np.ndarray, low: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a table with a column for each driven neuron: which of the neurons low … low + n - 1 have one, counted from low, and theirs."""
    driven = np.arange(connection.target.size) if connection.neurons is None else connection.neurons
    mine = np.flatnonzero((driven >= low) & (driven < low + n))
    return driven[mine] - low, np.ascontiguousarray(values[:, mine])
