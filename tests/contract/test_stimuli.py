"""Every kind of stimulus, in every form its arguments may take: the engine and the rollout bring what the oracle brings."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from contract.contract_networks import Run, assert_same, by_engine, by_oracle, by_rollout, error
from neuropil.model import (
    InhomogeneousPoisson,
    Network,
    Noise,
    Normal,
    Poisson,
    Regular,
    Sine,
    SpikeList,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.model.stimulus.stimulus import EventStimulus, Stimulus
from neuropil.units import Hz, kHz, ms
from neuropil.zoo.neurons.rate import LeakyReadout

N, STEPS, DT = 7, 700, 0.1 * ms
_draw = np.random.default_rng(3)

WEIGHTS = {"one": 0.3, "array": np.linspace(-1.0, 1.0, N), "drawn": Normal(0.5, 0.2)}

EVENTS: dict[str, Stimulus] = {
    "poisson": Poisson(400 * Hz),
    "poisson, silent": Poisson(0 * Hz),
    "poisson, 3 a step": Poisson(30 * kHz),
    "poisson, 12 a step": Poisson(120 * kHz),
    "poisson, rate of each": Poisson(np.linspace(0, 3000, N) * Hz),
    "poisson, drawn rates": Poisson(Uniform(100 * Hz, 900 * Hz)),
    "inhomogeneous": InhomogeneousPoisson(np.array([0, 2000, 500]) * Hz, 10 * ms),
    "inhomogeneous, each": InhomogeneousPoisson(_draw.uniform(0, 3000, (9, N)) * Hz, 3.7 * ms),
    "regular": Regular(1.3 * ms),
    "regular, start off the interval": Regular(0.4 * ms, start=0.3 * ms),
    "regular, each step": Regular(0.1 * ms, stop=20 * ms),
    "regular, from start to stop": Regular(2 * ms, start=0.2 * ms, stop=30.2 * ms),
    "list for all": SpikeList(np.array([5.0, 0.1, 5.0, 33.3, 69.9, 200.0]) * ms),
    "list for some": SpikeList(np.array([5.0, 0.1, 5.0, 33.3]) * ms, np.array([0, 6, 0, 3])),
    "recorded list": SpikeList(np.array([5.0, 0.04, 0.05, 5.04, 33.35, 33.449]) * ms, np.array([0, 6, 6, 0, 3, 3]), grid="nearest"),
    "recorded rates": InhomogeneousPoisson(_draw.uniform(0, 3000, (90, N)) * Hz, 0.3333 * ms, grid="nearest"),
}

CURRENTS: dict[str, Stimulus] = {
    "step": Step(0.7),
    "step, from start to stop": Step(0.7, start=10.1 * ms, stop=30.2 * ms),
    "step of each": Step(np.linspace(-1, 1, N), start=5 * ms),
    "step, drawn": Step(Normal(1.0, 0.3)),
    "sine": Sine(0.8, 130 * Hz, phase=0.4),
    "sine of each": Sine(np.linspace(0, 1, N), 20 * Hz),
    "noise": Noise(0.1, 0.5),
    "noise, held": Noise(np.linspace(0, 1, N), np.linspace(1, 2, N), interval=0.7 * ms),
    "noise, drawn spread": Noise(0.0, Uniform(0.1, 0.9)),
    "array": TimeArray(_draw.normal(size=40), 1.1 * ms),
    "array of each": TimeArray(_draw.normal(size=(40, N)), 1.1 * ms),
    "recorded array": TimeArray(_draw.normal(size=200), 0.3333 * ms, grid="nearest"),
    "array, each step": TimeArray(_draw.normal(size=(STEPS, N)), 0.1 * ms),
}

CASES = [f"{kind}/{name}" for kind, cases in (("events", EVENTS), ("currents", CURRENTS)) for name in cases]


@cache
def network() -> Network:
    """A population of leaky integrators for each case, and one for all of them at once."""
    made = Network("stimuli")
    weights = list(WEIGHTS.values())
    both = made.population("all", LeakyReadout(), N)
    for j, (name, stimulus) in enumerate([*EVENTS.items(), *CURRENTS.items()]):
        kind = "events" if isinstance(stimulus, EventStimulus) else "currents"
        mine = made.population(f"{kind}, {name}", LeakyReadout(), N)
        for population in (mine, both):
            if kind == "events":
                made.stimulate(population, stimulus, port="syn", weight=weights[j % 3])
            else:
                made.stimulate(population, stimulus, input="drive")
        made.probe(mine, "y", name=f"{kind}/{name}")
    made.probe(both, "y", name="all")
    return made


@cache
def run_of(executor: str) -> Run:
    """One run of all cases."""
    return {"oracle": by_oracle, "engine": by_engine, "rollout": by_rollout}[executor](network(), DT, steps=STEPS)


@pytest.mark.parametrize("executor", ["engine", "rollout"])
@pytest.mark.parametrize("case", [*CASES, "all"])
def test_stimulus_equals_oracle(case, executor):
    truth = run_of("oracle").traces[case]
    assert "silent" in case or np.ptp(truth) > 0.0
    assert error(run_of(executor).traces[case], truth) < 1e-12


def test_threads_and_single_precision():
    threaded = by_engine(network(), DT, threads=4, steps=STEPS)
    assert_same(threaded, run_of("engine"), 0.0)
    single = by_engine(network(), DT, precision="float32", steps=STEPS)
    for case, truth in run_of("engine").traces.items():
        assert error(single.traces[case], truth) < 2e-5, case
