"""The engine as people use it: threads, chunks, checkpoints, stepping, stopping."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.errors import CheckpointError, MemoryLimitError, NeuropilError, SimulationError
from neuropil.model import (
    AllToAll,
    FixedProbability,
    InhomogeneousPoisson,
    Input,
    Network,
    Neuron,
    Noise,
    Normal,
    Poisson,
    SpikeList,
    State,
    Step,
)
from neuropil.result import Result
from neuropil.units import Hz, kHz, ms, mV, pA
from neuropil.zoo.neurons.gif import GIF
from neuropil.zoo.neurons.lif import LIFExp


def balanced(scale: int = 100) -> Network:
    """A small recurrent network that uses every mechanism with hidden state: randomness, delays, refractoriness, lists."""
    net = Network("balanced")
    exc = net.population("exc", LIFExp(), 4 * scale, initial={"v": Normal(-58 * mV, 4 * mV)})
    inh = net.population("inh", LIFExp(tau_m=8 * ms), scale)
    gif = net.population("gif", GIF(), 7)
    net.project(exc, exc + inh, FixedProbability(0.1), weight=Normal(40 * pA, 4 * pA, low=0 * pA), delay=Normal(1.5 * ms, 0.7 * ms, low=0.1 * ms), port="exc")
    net.project(inh, exc + inh, FixedProbability(0.1), weight=-200 * pA, delay=0.8 * ms, port="inh")
    net.project(exc, gif, AllToAll(), weight=2 * pA, delay=3 * ms, port="exc")
    net.stimulate(exc + inh, Poisson(13 * kHz), port="exc", weight=60 * pA)
    net.stimulate(exc, InhomogeneousPoisson(np.array([0.0, 1.0, 0.2]) * kHz, 20 * ms), port="inh", weight=-50 * pA)
    net.stimulate(inh, Noise(0 * pA, 100 * pA, interval=0.5 * ms), input="current")
    net.stimulate(gif, SpikeList(np.array([5.0, 12.3]) * ms), port="exc", weight=30 * pA)
    net.probe(exc, "v", neurons=[0, 7, 399], interval=0.5 * ms)
    return net


@pytest.fixture(scope="module")
def straight() -> Result:
    simulation = Simulation(balanced(), threads=1, seed=5)
    return simulation.run_until(100 * ms)


def same(a: Result, b: Result) -> bool:
    return a.spikes.digest() == b.spikes.digest() and np.array_equal(a.traces["exc.v"].values, b.traces["exc.v"].values)


@pytest.mark.parametrize("threads", [2, 4])
def test_results_do_not_depend_on_threads(straight: Result, threads: int) -> None:
    assert len(straight.spikes) > 500
    assert same(straight, Simulation(balanced(), threads=threads, seed=5).run(100 * ms))


def test_seeds_differ(straight: Result) -> None:
    assert straight.spikes.digest() != Simulation(balanced(), threads=1, seed=6).run(100 * ms).spikes.digest()


def test_two_networks_in_one_process_do_not_touch(straight: Result) -> None:
    a, b = Simulation(balanced(), threads=1, seed=5), Simulation(balanced(), threads=2, seed=6)
    for _ in range(10):
        a.step(100)
        b.step(70)
    assert same(straight, a.result())


def test_stepping_equals_running(straight: Result) -> None:
    simulation = Simulation(balanced(), threads=2, seed=5)
    stamps = [simulation.step(n) for n in (1, 2, 3, 250, 744)]
    together = np.concatenate([s for s, _ in stamps])
    assert simulation.time.value == pytest.approx(100.0)
    assert np.array_equal(together, straight.spikes.step)
    assert same(straight, simulation.result())


def test_streaming_to_a_folder_equals_memory(straight: Result, tmp_path: Path) -> None:
    result = Simulation(balanced(), threads=2, seed=5, out=tmp_path).run(100 * ms)
    assert same(straight, result)
    loaded = Result.load(tmp_path)
    assert same(straight, loaded)
    assert loaded.summary["digest"] == straight.spikes.digest()
    assert not list(tmp_path.glob("*.journal"))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_resume_is_bit_exact_with_any_number_of_threads(straight: Result, tmp_path: Path, threads: int) -> None:
    first = Simulation(balanced(), threads=2, seed=5, out=tmp_path)
    first.run_until(37.1 * ms, checkpoint_every=10 * ms)
    resumed = Simulation(balanced(), threads=threads, seed=5, out=tmp_path, resume=tmp_path)
    assert resumed.core.step == 371 or resumed.core.step % 100 == 0
    assert same(straight, resumed.run_until(100 * ms))


_VICTIM = """
import sys
from test_simulation import balanced
from neuropil.engine import Simulation
from neuropil.units import ms
simulation = Simulation(balanced(), threads=2, seed=5, out=sys.argv[1], resume=sys.argv[1] if len(sys.argv) > 2 else None)
print("started", flush=True)
try:
    simulation.run_until(20000 * ms, checkpoint_every=50 * ms)
except KeyboardInterrupt as stop:
    print("interrupted", stop.result.duration_ms)
"""


@pytest.mark.parametrize("delay", [0.05, 0.4, 0.9])
def test_killed_at_any_instant_leaves_a_valid_checkpoint_and_readable_results(tmp_path: Path, delay: float) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, str(tmp_path)], stdout=subprocess.PIPE, env=env)
    assert victim.stdout is not None and victim.stdout.readline() == b"started\n"
    time.sleep(delay)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    partial = Result.load(tmp_path)
    resumed = Simulation(balanced(), threads=1, seed=5, out=tmp_path, resume=tmp_path)
    end = (resumed.core.step // 10 + 300) * 1.0 * ms
    result = resumed.run_until(end)
    reference = Simulation(balanced(), threads=2, seed=5).run(end)
    assert same(reference, result)
    n = min(len(partial.spikes), len(reference.spikes))
    assert np.array_equal(partial.spikes.neuron[:n], reference.spikes.neuron[:n])


def test_interrupt_ends_with_what_was_recorded(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, str(tmp_path)], stdout=subprocess.PIPE, env=env)
    assert victim.stdout is not None and victim.stdout.readline() == b"started\n"
    time.sleep(0.5)
    victim.send_signal(signal.SIGINT)
    assert victim.communicate(timeout=60)[0].startswith(b"interrupted") and victim.returncode == 0
    result = Result.load(tmp_path)
    assert result.summary["interrupted"] is True
    assert 0.0 < result.duration_ms < 20000.0
    reference = Simulation(balanced(), threads=2, seed=5).run(result.duration_ms * ms)
    assert same(reference, result)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    Simulation(balanced(), threads=1, seed=5, out=tmp_path).run(5 * ms, checkpoint_every=5 * ms)
    with pytest.raises(CheckpointError, match="another network"):
        Simulation(balanced(), threads=1, seed=6, resume=tmp_path)
    (tmp_path / "checkpoint.h5").write_bytes(b"not HDF5")
    with pytest.raises(CheckpointError, match="cannot be read"):
        Simulation(balanced(), threads=1, seed=5, resume=tmp_path)


def test_states_and_currents_can_be_read_and_set_between_steps() -> None:
    net = Network("one")
    net.population("p", LIFExp(), 5)
    net.stimulate(net["p"], Step(0 * pA), input="current", name="clamp")
    simulation = Simulation(net, threads=2, precision="float64")
    simulation.step(10)
    assert np.allclose(simulation.state("p", "v").value, -65.0, rtol=1e-13)
    simulation.set_drive("clamp", np.array([0.0, 0.0, 200.0, 0.0, 0.0]) * pA)
    simulation.step(100)
    v = simulation.state("p", "v").value
    assert v[2] == pytest.approx(-65 + 200 / 250 * 10 * (1 - np.exp(-1.0)), rel=1e-12)
    assert np.allclose(np.delete(v, 2), -65.0, rtol=1e-13)
    simulation.set_state("p", "v", -49 * mV)
    stamps, neurons = simulation.step(1)
    assert stamps.tolist() == [111] * 5 and neurons.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(NeuropilError, match="clamp"):
        simulation.set_drive("clam", 3 * pA)


def test_a_drive_of_one_neuron_can_be_set_and_the_network_stays_as_it_was():
    amplitude = np.array([100.0])
    net = Network("one")
    net.stimulate(net.population("cell", LIFExp(), 1), Step(amplitude * pA), input="current", name="clamp")
    simulation = Simulation(net, threads=1, precision="float64")
    simulation.step(10)
    simulation.set_drive("clamp", 0 * pA)
    charged = simulation.state("cell", "v").value[0]
    simulation.step(100)
    assert simulation.state("cell", "v").value[0] < charged
    assert amplitude[0] == 100.0
    simulation.close()



class Explosive(Neuron):
    """dv/dt = v² + I: infinite in finite time."""

    v = State(0.0)
    drive = Input(1.0)

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        return {"v": (s.v * s.v + x.drive) / (1.0 * ms)}


def test_a_runaway_state_is_named(tmp_path: Path) -> None:
    net = Network("explosive")
    net.population("calm", LIFExp(i_e=400 * pA), 3)
    bomb = net.population("bomb", Explosive(), 4)
    net.stimulate(bomb, Step(np.array([0.0, 0.0, 1.0, 0.0]), start=3 * ms), input="drive")
    simulation = Simulation(net, threads=2, out=tmp_path)
    with pytest.raises(SimulationError, match=r"'bomb': v of neuron 2 diverged at t = 4\.\d"):
        simulation.run_until(100 * ms)
    assert Result.load(tmp_path).spikes is not None


def test_a_network_that_does_not_fit_is_refused_with_the_sum() -> None:
    net = Network("huge")
    exc = net.population("exc", LIFExp(), 2_000_000)
    net.project(exc, exc, FixedProbability(0.1), weight=1 * pA, delay=1 * ms, port="exc")
    with pytest.raises(MemoryLimitError, match=r"synapses 800\.00"):
        Simulation(net)


def test_synchronous_bursts_grow_the_buckets() -> None:
    """All neurons fire in the same steps, far beyond the initial room for segments and spikes."""
    net = Network("burst")
    many = net.population("many", LIFExp(t_ref=0 * ms), 70_000)
    net.stimulate(many, SpikeList(np.array([1.0, 1.1, 1.2, 1.3]) * ms), port="exc", weight=1e6 * pA)
    one = net.population("one", LIFExp(), 1)
    net.project(many, one, AllToAll(), weight=0.001 * pA, delay=2 * ms, port="exc")
    net.probe(one, "i_exc")
    results = [Simulation(net, threads=t).run(6 * ms) for t in (1, 2)]
    assert results[0].spikes.digest() == results[1].spikes.digest()
    assert results[0].summary["spikes"] >= 4 * 70_000
    assert results[0].summary["synaptic_events"] >= 4 * 70_000
    assert results[0].traces["one.i_exc"].values.max() > 70.0 * 2


def test_poisson_counts_have_the_right_mean_and_variance() -> None:
    """A relay of Poisson events: 400 neurons, 2 s at 800 Hz; z within 6 (false alarm 2e-9)."""
    net = Network("poisson")
    p = net.population("p", LIFExp(tau_exc=1e9 * ms, v_th=1e9 * mV, tau_m=1e9 * ms), 400)
    net.stimulate(p, Poisson(800 * Hz), port="exc", weight=1 * pA)
    simulation = Simulation(net, threads=2, precision="float64")
    simulation.run_until(2000 * ms)
    counts = simulation.state("p", "i_exc").value
    assert abs(counts.mean() - 1600) < 6 * np.sqrt(1600 / 400)
    assert abs(counts.var() / 1600 - 1) < 6 * np.sqrt(2 / 400)


def test_a_long_run_returns_its_end_and_digests_all(straight: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuropil.engine.record.recorder.LARGE", 300)
    monkeypatch.setattr("neuropil.result.journal_reading.spike_chunks.__defaults__", (128,))
    result = Simulation(balanced(), threads=2, seed=5, out=tmp_path).run(100 * ms)
    assert result.summary["digest"] == straight.spikes.digest()
    assert 0 < len(result.spikes) < 600 < len(straight.spikes)
    assert np.array_equal(result.spikes.neuron, straight.spikes.neuron[-len(result.spikes) :])
    assert Result.load(tmp_path).spikes.digest() == straight.spikes.digest()


def test_synapses_can_be_read() -> None:
    net = balanced()
    simulation = Simulation(net, threads=1, seed=5)
    total = sum(simulation.synapses(p)["source"].size for p in net.projections)
    assert total == simulation.summary()["synapses"]
    assert simulation.synapses("inh→exc")["weight"].tolist() == [-200.0] * simulation.synapses("inh→exc")["source"].size


_DIGEST = """
from test_simulation import balanced
from neuropil.engine import run
from neuropil.units import ms
for precision in ("float32", "float64"):
    print(run(balanced(), 100 * ms, threads=2, seed=5, precision=precision).spikes.digest())
"""

GOLDEN = (
    "902c097a997ae8dea6e3e492df4b89c73277ad82547be8768e4510b46279c08d",
    "e67b21ddff44ddab9bd0018838425aa49b0af6903d2017a4ad33e874544d2022",
)
"""Digests of `balanced` in float32 and float64: whatever changes a single spike changes these, on any machine."""


@pytest.mark.parametrize("processor", ["native", "x86-64"])
def test_digests_are_golden_on_this_processor_and_on_the_plainest(tmp_path: Path, processor: str) -> None:
    """The second run compiles for a processor without AVX or FMA: the bits must not depend on the instruction set."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    if processor != "native":
        if platform.machine() not in ("x86_64", "AMD64"):
            pytest.skip("the plainest x86-64 can only be tried on an x86-64")
        env.update(NUMBA_CPU_NAME=processor, NUMBA_CPU_FEATURES="")
    printed = subprocess.run([sys.executable, "-c", _DIGEST], env=env, capture_output=True, text=True, check=True).stdout
    assert tuple(printed.split()) == GOLDEN
