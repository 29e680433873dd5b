"""Where packed words, accumulators, checkpoints and second runs could go wrong unnoticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.engine.record.fingerprint import fingerprint
from neuropil.errors import CheckpointError, NeuropilError
from neuropil.model import AllToAll, DistanceDependent, FixedTotal, Network, Normal, OneToOne, Poisson, Step
from neuropil.plan import make_plan
from neuropil.result import Result
from neuropil.units import Hz, Time, ms, mV, pA, um
from neuropil.zoo.neurons.lif import LIFExp


def firing(size: int) -> Network:
    """Neurons that all fire in the first step, and a listener."""
    net = Network("firing")
    net.population("a", LIFExp(t_ref=1 * ms), size, initial={"v": -40 * mV})
    net.population("b", LIFExp(v_th=1e6 * mV), 2)
    net.probe(net["b"], "i_exc")
    return net


def driven(rate: float = 9000.0, current: float = 100.0) -> Network:
    """Noise-driven neurons with a current that can be set."""
    net = Network("driven")
    a = net.population("a", LIFExp(), 40)
    net.stimulate(a, Poisson(rate * Hz), port="exc", weight=60 * pA)
    net.stimulate(a, Step(current * pA), input="current", name="current")
    net.project(a, a, AllToAll(), weight=-20 * pA, delay=1.3 * ms, port="inh")
    net.probe(a, "v", neurons=[3], interval=0.3 * ms)
    return net


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_accumulators_hold_all_inputs_at_once(precision: str) -> None:
    net = firing(140_000)
    net.project(net["a"], net["b"], AllToAll(), weight=1 * pA, delay=0.1 * ms, port="exc")
    trace = Simulation(net, threads=1, precision=precision).run(0.4 * ms).traces["b.i_exc"].values[:, 0]
    assert trace[1] == pytest.approx(140_000, rel=1e-6)


def test_blocks_beyond_sixteen_bits_give_the_same_digest_for_any_threads() -> None:
    """140,000 neurons: three blocks on one thread, two on each of two."""

    def build() -> Network:
        net = Network("blocks")
        a = net.population("a", LIFExp(), 140_000, initial={"v": Normal(-55 * mV, 4 * mV)})
        net.project(a, a, npl.FixedOutDegree(20), weight=150 * pA, delay=Normal(3 * ms, 1 * ms, low=0.1 * ms), port="exc")
        return net

    digests = {Simulation(build(), threads=t).run(20 * ms).spikes.digest() for t in (1, 2)}
    assert len(digests) == 1


def test_a_million_synapses_of_one_pair() -> None:
    net = firing(1)
    net.project(net["a"], net["b"], FixedTotal(2_200_000), weight=1 * pA, delay=0.1 * ms, port="exc")
    result = Simulation(net, threads=1).run(0.4 * ms)
    assert result.traces["b.i_exc"].values[1].sum() == pytest.approx(2_200_000, rel=1e-4)
    assert result.summary["synaptic_events"] == 2_200_000


def test_weights_that_would_vanish_get_words_that_hold_them() -> None:
    net = firing(2)
    net.project(net["a"], net["b"], OneToOne(), weight=0.5 * pA, delay=1 * ms, port="exc", name="small")
    net.project(net["a"], net["b"], OneToOne(), weight=20000 * pA, delay=2 * ms, port="exc", name="large")
    result = Simulation(net).run(1.2 * ms)
    assert result.traces["b.i_exc"].values[10, 0] == pytest.approx(0.5, rel=1e-6)
    assert result.summary["weights_vanished"] == 0 and result.summary["weight_rounding_max"] < 1e-6


@pytest.mark.parametrize("other", [driven(rate=1000.0), driven(current=5000.0)])
def test_a_checkpoint_knows_its_stimuli(tmp_path: Path, other: Network) -> None:
    simulation = Simulation(driven(), threads=1)
    simulation.step(10)
    path = simulation.checkpoint(tmp_path / "c.h5")
    with pytest.raises(CheckpointError, match="another network"):
        Simulation(other, threads=1, resume=path)


def test_a_checkpoint_knows_its_probes(tmp_path: Path) -> None:
    path = Simulation(driven(), threads=1).checkpoint(tmp_path / "c.h5")
    other = driven()
    other.probe(other["a"], "i_inh")
    with pytest.raises(CheckpointError, match="another network"):
        Simulation(other, threads=1, resume=path)


def test_fingerprints_hold_across_processes_for_functions() -> None:
    """Two functions of equal code are one description, wherever they lie in memory; other code is another."""

    def build(width: float, law: int = 1) -> Network:
        net = Network("space")
        a = net.population("a", LIFExp(), 9, positions=np.arange(9)[:, None] * um)
        shape = (lambda d: np.exp(-d / width)) if law == 1 else (lambda d: np.exp(-(d**2) / width))
        net.project(a, a, DistanceDependent(shape), weight=1 * pA, delay=1 * ms, port="exc")
        return net

    prints = [fingerprint(make_plan(n)) for n in (build(3.0), build(3.0), build(4.0), build(3.0, 2))]
    assert prints[0] == prints[1] and len(set(prints)) == 3


def test_fingerprints_hold_the_equations_of_classes_of_ones_own() -> None:
    """Classes of one name whose equations are the same are one description; others are others."""

    def build(power: int, other: bool = False) -> Network:
        class Ramp(npl.CurrentStimulus):
            slope: npl.Quantity = 1 * pA / ms

            def __post_init__(self) -> None:
                super().__post_init__()

            def fit(self, size: int, label: str) -> None:
                super().fit(size, label)  # refers to the class, which is another object in each process

            def value(self, t):  # type: ignore[no-untyped-def]
                return self.slope * t if power == 1 else self.slope * t * (t / (1 * ms))

        class Steep(npl.CurrentStimulus):
            slope: npl.Quantity = 1 * pA / ms

            def value(self, t):  # type: ignore[no-untyped-def]
                return self.slope * t + 0 * pA

        Steep.__name__ = "Ramp"
        net = Network("ramped")
        net.stimulate(net.population("a", LIFExp(), 3), (Steep if other else Ramp)(), input="current")
        return net

    prints = [fingerprint(make_plan(n)) for n in (build(1), build(1), build(2), build(1, other=True))]
    assert prints[0] == prints[1] and len(set(prints)) == 3


def test_fingerprints_hold_functions_within_functions() -> None:
    def build(inner: int) -> Network:
        net = Network("space")
        a = net.population("a", LIFExp(), 9, positions=np.arange(9)[:, None] * um)
        shape = (lambda d: sum(np.exp(-d / w) for w in (1.0, 2.0)) / 2) if inner == 1 else (lambda d: sum(np.exp(-d * w) for w in (1.0, 2.0)) / 2)
        net.project(a, a, DistanceDependent(shape), weight=1 * pA, delay=1 * ms, port="exc")
        return net

    assert fingerprint(make_plan(build(1))) == fingerprint(make_plan(build(1))) != fingerprint(make_plan(build(2)))


def test_what_was_set_between_steps_survives_a_checkpoint(tmp_path: Path) -> None:
    simulation = Simulation(driven(), threads=2)
    simulation.step(33)
    simulation.set_drive("current", np.linspace(0, 900, 40) * pA)
    simulation.step(100)
    path = simulation.checkpoint(tmp_path / "c.h5")
    _, straight = simulation.step(501)
    _, resumed = Simulation(driven(), threads=1, resume=path).step(501)
    assert straight.size > 20 and np.array_equal(straight, resumed)


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    straight = Simulation(driven(), threads=1).run(100 * ms)
    simulation = Simulation(driven(), threads=2, out=tmp_path)
    simulation.run_until(50 * ms)
    result = simulation.run_until(100 * ms)
    for r in (result, Result.load(tmp_path)):
        assert r.spikes.digest() == straight.spikes.digest() == r.summary["digest"]
        assert np.array_equal(r.traces["a.v"].values, straight.traces["a.v"].values)
        assert np.allclose(r.traces["a.v"].times_ms, straight.traces["a.v"].times_ms)


def test_resuming_elsewhere_keeps_absolute_times(tmp_path: Path) -> None:
    straight = Simulation(driven(), threads=1).run(100 * ms)
    first = Simulation(driven(), threads=1)
    first.run_until(33.3 * ms)
    path = first.checkpoint(tmp_path / "c.h5")
    result = Simulation(driven(), threads=1, resume=path).run_until(100 * ms)
    late = straight.spikes.step > 333
    assert np.array_equal(result.spikes.step, straight.spikes.step[late])
    assert result.t_start_ms == pytest.approx(33.3) and result.t_stop_ms == pytest.approx(100.0)
    assert np.allclose(result.traces["a.v"].times_ms, straight.traces["a.v"].times_ms[111:])


def test_a_refractory_period_without_clamps_still_silences() -> None:
    class Ramp(npl.Neuron):
        """dv/dt = 1 mV/ms."""

        t_ref: Time = 2 * ms
        v = npl.State(0 * mV)
        refractory = "t_ref"

        def derivative(self, s: Any, x: Any) -> Any:
            return {"v": 1 * mV / ms + 0 * s.v / ms}

        def fires(self, s: Any) -> Any:
            return s.v >= 0.95 * mV

        def reset(self, s: Any) -> Any:
            return {"v": 0 * mV}

    net = Network("ramp")
    net.population("p", Ramp(), 1)
    steps = Simulation(net, threads=1, precision="float64").run(20 * ms).spikes.step
    assert np.all(np.diff(steps) >= 20)


@pytest.mark.parametrize("name", ['a"""b', "C:\\New", "x\ny", "import os; os.abort()", "{}", "é→π"])
def test_names_never_become_code(name: str) -> None:
    net = Network(name)
    a = net.population("a", LIFExp(), 2)
    net.stimulate(a, Step(1 * pA), input="current", name=name)
    Simulation(net, threads=1).step(1)


BAD_CALLS = {
    "duration": lambda s, p: s.run(Normal(1 * ms, 1 * ms)),
    "the time to run until": lambda s, p: s.run_until(Normal(1 * ms, 1 * ms)),
    "checkpoint_every": lambda s, p: s.run_until(1 * ms, checkpoint_every=-1 * ms),
    "v": lambda s, p: s.set_state("a", "v", Normal(1 * mV, 1 * mV)),
    "state": lambda s, p: s.set_state("a", ["v"], 1 * mV),
    "drive": lambda s, p: s.set_drive("current", Normal(1 * pA, 1 * pA)),
    "out": lambda s, p: Simulation(s.network, out=3),
    "folder": lambda s, p: Simulation(s.network, out=p),
    "resume": lambda s, p: Simulation(s.network, resume=3),
    "memory_limit": lambda s, p: Simulation(s.network, memory_limit="2GB"),
    "checkpoint": lambda s, p: s.checkpoint("/nonexistent/x.h5"),
    "progress": lambda s, p: Simulation(s.network, progress=3),
    "thread": lambda s, p: npl.run(s.network, 1 * ms, thread=2),
    "full_weights": lambda s, p: Simulation(s.network, full_weights="x"),
}


@pytest.mark.parametrize("culprit", BAD_CALLS)
def test_bad_calls_are_lessons(tmp_path: Path, culprit: str) -> None:
    file = tmp_path / "file"
    file.write_text("here already")
    simulation = Simulation(driven(), threads=1, out=tmp_path / "out")
    with pytest.raises(NeuropilError, match=culprit):
        BAD_CALLS[culprit](simulation, file)
    simulation.close()
