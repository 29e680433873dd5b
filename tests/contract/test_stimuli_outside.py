"""Stimuli that are described outside of the package, one class each: in every executor, with the same random numbers.

Why to believe it: the oracle calls the equation on NumPy, step by step, the engine runs a kernel that is written from its trace;
they share no code but the equation. A train of events has the count that its rate says.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import Run, assert_same, by_engine, by_oracle, by_rollout, error
from neuropil import maths
from neuropil.codegen.equation_source import stimulus_source
from neuropil.engine.stimuli.events import scaled
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.learn.stimuli import stimulus_array
from neuropil.lower.equation import stimulus_program
from neuropil.model import Network, Normal, Uniform
from neuropil.units import Hz, kHz, ms, pA
from neuropil.zoo.neurons.rate import LeakyReadout

N, STEPS, DT = 7, 700, 0.1 * ms


class Chirp(npl.CurrentStimulus):
    """A sine whose frequency rises."""

    amplitude: Any
    slope: Any = 40 * Hz / (100 * ms)
    start: npl.units.Time = 5 * ms

    def value(self, t):
        since = maths.maximum(t - self.start, 0 * ms)
        return self.amplitude * maths.sin(math.pi * self.slope * since * since)


class Jitter(npl.CurrentStimulus):
    """Noise whose spread grows."""

    sd: Any

    def value(self, t, normal):
        return self.sd * normal * t / (t + 20 * ms)


class Bernoulli(npl.EventStimulus):
    """An event or none in each step, with a probability that follows a sine."""

    rate: npl.units.Rate
    period: npl.units.Time = 35 * ms

    def events(self, t, dt, uniform):
        return uniform < self.rate * dt * (1.0 + maths.sin(2.0 * math.pi * t / self.period))


class Constant(npl.CurrentStimulus):
    """A sixth of an amplitude, without time or random numbers in it."""

    amplitude: Any

    def value(self):
        return self.amplitude / 6.0


class LouderStep(npl.Step):
    """A stimulus of the package with an equation of its own."""

    def value(self, t):
        return 2.0 * self.amplitude


CURRENTS: dict[str, npl.Stimulus] = {
    "chirp": Chirp(0.7),
    "chirp of each": Chirp(np.linspace(-1, 1, N), start=np.linspace(0, 30, N) * ms),
    "chirp, drawn": Chirp(Normal(1.0, 0.3), Uniform(0.1 * Hz / ms, 0.9 * Hz / ms)),
    "jitter": Jitter(0.4),
    "jitter, drawn": Jitter(Uniform(0.1, 0.9)),
    "constant": Constant(0.6),
    "constant of each": Constant(np.linspace(0, 1, N)),
    "louder step": LouderStep(0.3),
}
EVENTS: dict[str, npl.Stimulus] = {
    "bernoulli": Bernoulli(2 * kHz),
    "bernoulli of each": Bernoulli(np.linspace(0.1, 4, N) * kHz, Uniform(20 * ms, 40 * ms)),
}
VIEWS = {"chirp of some": Chirp(np.array([1.0, 2.0, 3.0]), start=np.array([1.0, 2.0, 3.0]) * ms), "jitter of some": Jitter(np.array([1.0, 2.0, 3.0]))}


@cache
def network() -> Network:
    made = Network("outside")
    for name, stimulus in {**CURRENTS, **EVENTS, **VIEWS}.items():
        population = made.population(name, LeakyReadout(), N)
        if name in EVENTS:
            made.stimulate(population, stimulus, port="syn", weight=np.linspace(-1.0, 1.0, N) if "each" in name else Normal(0.5, 0.2))
        else:
            made.stimulate(population[[5, 0, 3]] if name in VIEWS else population, stimulus, input="drive")
        made.probe(population, "y", name=name)
    return made


@cache
def run_of(executor: str) -> Run:
    return {"oracle": by_oracle, "engine": by_engine, "rollout": by_rollout}[executor](network(), DT, steps=STEPS)


@pytest.mark.parametrize("executor", ["engine", "rollout"])
def test_equations_equal_oracle(executor):
    for case, truth in run_of("oracle").traces.items():
        assert np.ptp(truth[:, 5]) > 0.0, case
        assert error(run_of(executor).traces[case], truth) < 1e-12, case


def test_threads_and_single_precision():
    """Values are computed in float64 and the same events drawn, whatever the precision of what they are added to."""
    for threads in (2, 3):
        assert_same(by_engine(network(), DT, threads=threads, steps=STEPS), run_of("engine"), 0.0)
    single = by_engine(network(), DT, precision="float32", steps=STEPS)
    for case, truth in run_of("engine").traces.items():
        assert error(single.traces[case], truth) < 2e-5, case


def test_resuming_goes_on_to_the_same_bits(tmp_path):
    first = npl.Simulation(network(), dt=DT, threads=1, precision="float64")
    before = first.run(31.3 * ms)
    first.checkpoint(tmp_path / "checkpoint.h5")
    after = npl.Simulation(network(), threads=2, dt=DT, precision="float64", resume=tmp_path / "checkpoint.h5").run(STEPS * DT - 31.3 * ms)
    for case, truth in run_of("engine").traces.items():
        np.testing.assert_array_equal(np.concatenate([before.traces[case].values, after.traces[case].values]), truth)


def test_counts_are_those_of_the_rate():
    """Over whole periods as many events come as the mean rate says, within four standard deviations of a sum of Bernoulli numbers."""
    size, steps = 40, 700
    mean = 0.3 * 0.1 * (1.0 + np.sin(2.0 * np.pi * np.arange(steps) * 0.1 / 35.0))
    made = Network("bernoulli")
    population = made.population("p", LeakyReadout(), size)
    made.stimulate(population, Bernoulli(0.3 * kHz), port="syn", weight=1.0)
    events = stimulus_array(made.drives[0], steps, 0.1, seed=2)
    assert set(np.unique(events)) == {0.0, 1.0}
    assert abs(events.sum() - size * mean.sum()) < 4.0 * np.sqrt(size * np.sum(mean * (1.0 - mean)))


def test_neither_equation_nor_builder_is_refused():
    class Nothing(npl.CurrentStimulus):
        amplitude: Any

    class NoEvents(npl.EventStimulus):
        rate: Any

    made = Network("refused")
    population = made.population("p", LeakyReadout(), 3)
    with pytest.raises(ModelError, match="define value"):
        made.stimulate(population, Nothing(1.0), input="drive")
    with pytest.raises(ModelError, match="define events"):
        made.stimulate(population, NoEvents(1.0), port="syn", weight=1.0)


def test_units_and_arguments_are_checked_when_it_is_added():
    made = Network("units")
    population = made.population("p", LeakyReadout(), 3)

    class Sum(npl.CurrentStimulus):
        amplitude: npl.units.Current

        def value(self, t):
            return self.amplitude + t

    class Asks(npl.CurrentStimulus):
        amplitude: Any

        def value(self, t, voltage):
            return self.amplitude

    class Both(npl.CurrentStimulus):
        amplitude: Any

        def value(self, t, uniform, normal):
            return self.amplitude * uniform * normal

    class Branches(npl.CurrentStimulus):
        amplitude: Any

        def value(self, t):
            return self.amplitude if self.amplitude > 0 else 0.0 * self.amplitude

    with pytest.raises(UnitError, match=r"Sum.value\(\)"):
        made.stimulate(population, Sum(3 * pA), input="drive")
    with pytest.raises(UnitError, match="amplitude"):
        Sum(3 * ms)
    with pytest.raises(NetworkError, match="wrong unit"):
        made.stimulate(population, Chirp(3 * pA), input="drive")
    with pytest.raises(ModelError, match="argument 'voltage'"):
        made.stimulate(population, Asks(1.0), input="drive")
    with pytest.raises(ModelError, match="two random numbers"):
        made.stimulate(population, Both(1.0), input="drive")
    with pytest.raises(ModelError, match=r"Branches.value\(\) fails"):
        made.stimulate(population, Branches(np.ones(3)), input="drive")
    with pytest.raises(ModelError, match="wrong shape"):
        made.stimulate(population, Chirp(np.ones(4)), input="drive")
    with pytest.raises(ModelError, match="cannot be changed"):
        Chirp(1.0).amplitude = 2.0  # type: ignore[misc]


class Doubled(npl.CurrentStimulus):
    """A stimulus with a kernel of the package's in the engine, which overrides its equation."""

    amplitude: Any

    def value(self, t):
        return self.amplitude


@npl.register(Doubled, "engine")
def doubled(driven):
    return scaled(driven, driven.drawn("amplitude"), lambda steps: np.full(steps.shape, 2.0))


def test_a_registered_builder_overrides_the_equation_and_can_be_set():
    made = Network("doubled")
    population = made.population("p", LeakyReadout(), 3)
    made.stimulate(population, Doubled(np.arange(3.0)), input="drive", name="it")
    made.probe(population, "y", name="y")
    once, twice = by_oracle(made, DT, steps=20).traces["y"], by_engine(made, DT, steps=20).traces["y"]
    np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-12)


def test_values_are_not_in_the_kernel():
    """A sweep over parameters, sizes and names shares one kernel; only what differs between neurons has another."""
    kernels = {stimulus_source(stimulus_program(s), None, []) for s in (Chirp(0.7), Chirp(-3.0 * pA, 1 * Hz / ms, 2 * ms))}
    assert len(kernels) == 1
