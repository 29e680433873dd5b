"""Parameters of neurons and stimuli changed while a network runs.

Why to believe it: the oracle does the same from the same description; a parameter set at t = 0 must give, to the last bit, what a network
does that is described so; bits do not depend on threads, chunks, or on a kill after a change.
"""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError, SimulationError, UnitError
from neuropil.model import (
    AllToAll,
    Gain,
    InhomogeneousPoisson,
    Network,
    Normal,
    Poisson,
    Regular,
    Signal,
    SpikeList,
    Step,
    TimeArray,
)
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, mV, nS, pA
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource

N = 7


def network():
    """Two populations of one batch, one of another model, branches; stimuli of all kinds, two of them counted."""
    made = Network("changes")
    a = made.population("a", LIFExp(e_l=Normal(-65 * mV, 1 * mV)), N)
    b = made.population("b", LIFExp(), 5)
    source = made.population("source", PoissonSource(rate=40 * Hz), 6)
    made.stimulate(a, Poisson(4000 * Hz), port="exc", weight=80 * pA, name="counted")
    made.stimulate(b, Poisson(4000 * Hz), port="exc", weight=80 * pA, name="counted too")
    made.stimulate(a[1:5], Poisson(500 * Hz), port="inh", weight=-30 * pA, name="some")
    made.stimulate(a[::-1], SpikeList(np.array([5.0, 9.0]) * ms, np.array([0, 2])), port="exc", weight=300 * pA, name="list")
    made.stimulate(a, Step(20 * pA, start=2 * ms), input="current", name="step")
    made.stimulate(b, TimeArray(np.linspace(0, 60, 4) * pA, interval=8 * ms), input="current", name="table")
    made.stimulate(b, Regular(3 * ms), port="exc", weight=100 * pA, name="regular")
    made.stimulate(b, InhomogeneousPoisson(np.array([100.0, 900.0]) * Hz, 9 * ms), port="exc", weight=50 * pA, name="changing")
    made.project(a, b, AllToAll(), weight=60 * pA, delay=1 * ms, port="exc")
    made.project(source, a, AllToAll(), weight=60 * pA, delay=1 * ms, port="exc")
    made.probe(a, "v")
    made.probe(b, "v")
    return made


def settings(net):
    """What is set before which step."""
    a, b = net["a"], net["b"]
    return {
        33: [("a", {"tau_m": 14 * ms}), ("counted", {"rate": 2500 * Hz}), (a[4:2:-1], {"e_l": np.array([-60.0, -61.0]) * mV, "t_ref": 30 * ms})],
        34: [("counted", {"rate": np.linspace(0, 9000, N) * Hz, "weight": np.linspace(30, 90, N) * pA}), ("some", {"rate": np.arange(4) * 900 * Hz})],
        80: [(b, {"tau_exc": np.linspace(2, 6, 5) * ms}), ("list", {"times": np.array([9.0, 9.5, 14.0]) * ms, "neurons": np.array([1, 1, 6])})],
        81: [("step", {"amplitude": np.linspace(0, 80, N) * pA, "stop": 20 * ms}), ("table", {"values": np.linspace(90, 0, 5) * pA}), ("source", {"rate": 200 * Hz})],
        150: [("regular", {"interval": 1.5 * ms, "weight": 60 * pA}), ("changing", {"rates": np.full((1, 5), 700.0) * Hz}), (a, {"tau_m": 9 * ms, "t_ref": 2 * ms})],
    }  # fmt: skip


def go(sim, acts, end, chunk=10**6):
    while sim.core.step < end:
        for target, values in acts.get(sim.core.step, ()):
            sim.set(target, **values)
        sim.step(min([k for k in acts if k > sim.core.step] + [end, sim.core.step + chunk]) - sim.core.step)
    return sim.result()


def same(one, other):
    np.testing.assert_array_equal(one.spikes.step, other.spikes.step)
    np.testing.assert_array_equal(one.spikes.neuron, other.spikes.neuron)
    for name, trace in one.traces.items():
        np.testing.assert_array_equal(trace.values, other.traces[name].values[-len(trace.values) :], err_msg=name)


END = 260


def test_the_engine_does_what_the_oracle_does():
    net = network()
    with Simulation(net, precision="float64", threads=1) as sim:
        result = go(sim, settings(net), END)
    truth = simulate(net, END * 0.1 * ms, settings=settings(net))
    assert len(truth.spikes.step) > 40, "alive"
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name, values in truth.traces.items():
        np.testing.assert_allclose(result.traces[name].values, values, rtol=1e-9, err_msg=name)
    quiet = simulate(net, END * 0.1 * ms)
    assert not np.allclose(quiet.traces["a.v"], truth.traces["a.v"]), "the changes matter"


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_threads_chunks_and_a_kill_do_not_matter(precision, tmp_path):
    net = network()
    with Simulation(net, precision=precision, threads=1) as sim:
        whole = go(sim, settings(net), END)
    assert [e["time_ms"] for e in whole.summary["interventions"]] == sorted(e["time_ms"] for e in whole.summary["interventions"])
    for threads in (2, 3):
        with Simulation(net, precision=precision, threads=threads) as sim:
            same(go(sim, settings(net), END, chunk=7), whole)
    with Simulation(net, precision=precision, threads=2) as sim:
        go(sim, settings(net), 95)
        sim.set_drive("step", 33 * pA)
        path = sim.checkpoint(tmp_path / "after.h5")
        later = go(sim, settings(net), END)
    with Simulation(net, precision=precision, threads=1, resume=path) as woken:
        resumed = go(woken, settings(net), END)
    late = later.spikes.step > 95
    np.testing.assert_array_equal(resumed.spikes.step, later.spikes.step[late])
    np.testing.assert_array_equal(resumed.spikes.neuron, later.spikes.neuron[late])
    same(type(resumed)(later.spikes, resumed.traces, {}, 0.0, 0.0), later)
    assert resumed.summary["interventions"] == later.summary["interventions"]


def test_later_changes_compile_nothing():
    net = network()
    with Simulation(net, threads=1) as sim:
        def every(scale):
            sim.set("a", tau_m=10 * scale * ms)
            sim.set(net["a"][:3], tau_m=11 * scale * ms)
            sim.set("a", tau_m=np.linspace(10, 12, N) * scale * ms, c_m=250 * scale * nS * ms)
            sim.set("counted", rate=np.linspace(1, 2, N) * scale * Hz, weight=np.linspace(1, 2, N) * scale * pA)
            sim.set("table", values=np.linspace(1, 2, 9) * scale * pA)
            sim.step(1)

        every(1.0)
        before = sim.summary()["compiled_kernels"]
        every(2.0)
        assert sim.summary()["compiled_kernels"] == before


def test_what_follows_a_modulator_follows_the_new_value(tmp_path):
    """The effect acts at once on what is set, and at the next tick; the oracle does the same, and so does a resumed run."""
    made = Network("modulated")
    pop = made.population("pop", LIFExp(), 4)
    made.stimulate(pop, Step(400 * pA), input="current")
    m = made.modulator("m", Signal(), volume=[pop], tick=2 * ms)
    m.modulates(pop, "tau_m", Gain(by=0.5), high=30 * ms)
    m.modulates(pop, "t_ref", Gain(by=0.2))
    made.probe(pop, "v")
    acts = {0: [("pop", {"t_ref": 3 * ms})], 50: [(pop[:2], {"tau_m": 12 * ms}), ("pop", {"c_m": 200 * nS * ms})], 120: [("pop", {"t_ref": 40 * ms, "tau_m": np.linspace(8, 14, 4) * ms})]}
    truth = simulate(made, 20 * ms, signals={"m": {20: 0.7, 130: 0.2}}, settings=acts)

    def run(sim, end):
        while sim.core.step < end:
            now = sim.core.step
            for target, values in acts.get(now, ()):
                sim.set(target, **values)
            if now in (20, 130):
                sim.modulators["m"].set_signal({20: 0.7, 130: 0.2}[now])
            sim.step(min([k for k in (20, 50, 120, 130, end) if k > now]) - now)
        return sim.result()

    with Simulation(made, precision="float64", threads=2) as sim:
        run(sim, 125)
        path = sim.checkpoint(tmp_path / "m.h5")
        result = run(sim, 200)
        with pytest.raises(SimulationError, match="leaves its bounds"):
            sim.set("pop", tau_m=29 * ms)
        sim.step(1)
    np.testing.assert_allclose(result.traces["pop.v"].values, truth.traces["pop.v"], rtol=1e-9)
    assert len(truth.spikes.step) >= 4
    with Simulation(made, precision="float64", threads=1, resume=path) as woken:
        resumed = run(woken, 200)
    np.testing.assert_array_equal(resumed.traces["pop.v"].values, result.traces["pop.v"].values[125:])


def test_branches():
    """Parameters of a part, of all, of some neurons, of single sites; an array takes the sites neuron by neuron."""
    made = Network("branches")
    pop = made.population("pop", BranchNeuron(branches=3), 4)
    name = next(iter(pop.neuron.branch.spec.parameters))
    dimension_value = getattr(pop.neuron.branch, name)
    made.stimulate(pop, Poisson(300 * Hz), port="branch.exc", weight=2 * nS)
    made.probe(pop, "branch.v")
    made.probe(pop, "v")
    acts = {20: [(pop, {f"branch__{name}": 1.1 * dimension_value})], 60: [(pop[1:], {f"branch.{name}": np.linspace(0.8, 1.2, 9) * dimension_value})], 90: [(pop[:2], {f"branch.{name}": np.array([1.0, 0.9, 0.7]) * dimension_value})]}
    with Simulation(made, precision="float64", threads=2) as sim:
        result = go(sim, acts, 200)
    truth = simulate(made, 20 * ms, settings=acts)
    for probe, values in truth.traces.items():
        np.testing.assert_allclose(result.traces[probe].values, values, rtol=1e-9, err_msg=probe)


def test_reset_keeps_what_was_set():
    net = network()
    with Simulation(net, threads=1) as sim:
        sim.set("a", e_l=-58 * mV)
        first = sim.run(10 * ms)
        sim.reset(weights=False, restart=True)
        assert np.all(sim.state("a", "v").value == np.float32(-58.0))
        same(sim.run(10 * ms), first)


def test_wrong_values_are_refused_and_change_nothing():
    net = network()
    one = network()
    with Simulation(net, threads=1) as sim:
        wrong = [
            (NetworkError, "did you mean 'tau_inh'", "a", {"tau_n": 1 * ms}), (UnitError, "wrong unit", "a", {"tau_m": 1 * mV}), (NetworkError, "must be positive", "a", {"tau_m": 0 * ms}),
            (ModelError, "wrong shape", net["a"][:2], {"tau_m": np.ones(3) * ms}), (ModelError, "not finite", "a", {"tau_m": np.nan * ms}), (NetworkError, "set_state", "a", {"v": -60 * mV}),
            (ModelError, "draw the values", "a", {"tau_m": Normal(10 * ms, 1 * ms)}), (NetworkError, "multiple", "a", {"t_ref": 0.123 * ms}), (NetworkError, "Network.replace", "a", {"size": 3}),
            (NetworkError, "set_weights", net.projections[0], {"weight": 3 * pA}), (NetworkError, "did you mean", "countd", {"rate": 3 * Hz}), (NetworkError, "rate", "counted", {"rates": 3 * Hz}),
            (NetworkError, "part of the network", "counted", {"port": "inh"}), (ModelError, "must not be negative", "counted", {"rate": -3 * Hz}), (SimulationError, "describe it with an array", "counted", {"rate": 5e6 * Hz}),
            (NetworkError, "multiple", "list", {"times": np.array([0.123, 3.0, 4.0]) * ms, "neurons": None}), (SimulationError, "nothing to set", "a", {}), (NetworkError, "returns a list", net.drives[:1], {"rate": 3 * Hz}), (NetworkError, "one population, view", net["a"] + net["b"], {"tau_m": 3 * ms}),
        ]  # fmt: skip
        for error, text, target, values in wrong:
            with pytest.raises(error, match=text):
                sim.set(target, **values)
        result = sim.run(20 * ms)
        assert result.summary["interventions"] == []
    with Simulation(one, threads=1) as sim:
        same(sim.run(20 * ms), result)


def test_snapshots_go_back_to_what_was_set_then(tmp_path):
    """Before a change, and after one: whatever has been changed since is undone; from a file, in another simulation; with another seed."""
    net = network()
    with Simulation(net, threads=2) as sim:
        go(sim, {}, 40)
        early = sim.snapshot()
        plain = go(sim, {}, 100)
        sim.restore(early)
        sim.set("a", tau_m=13 * ms)
        sim.set(net["b"][1:3], e_l=-60 * mV)
        sim.set("counted", rate=np.linspace(1000, 9000, N) * Hz)
        sim.set("step", amplitude=70 * pA)
        late = sim.snapshot()
        changed = go(sim, {}, 100)
        assert not np.array_equal(changed.traces["a.v"].values, plain.traces["a.v"].values[40:])
        for snapshot, truth, listed in ((early, plain, 0), (late, changed, 4), (early, plain, 0)):
            sim.restore(snapshot)
            result = go(sim, {}, 100)
            np.testing.assert_array_equal(result.traces["a.v"].values, truth.traces["a.v"].values[-60:])
            np.testing.assert_array_equal(result.traces["b.v"].values, truth.traces["b.v"].values[-60:])
            assert len(result.summary["interventions"]) == listed
        sim.restore(late, seed=7)
        other = go(sim, {}, 100)
        assert not np.array_equal(other.traces["a.v"].values, changed.traces["a.v"].values)
        late.save(tmp_path / "late.h5")
    with Simulation(net, threads=1, resume=tmp_path / "late.h5") as woken:
        result = go(woken, {}, 100)
        np.testing.assert_array_equal(result.traces["a.v"].values, changed.traces["a.v"].values)
        woken.restore(late, seed=7)
        np.testing.assert_array_equal(go(woken, {}, 100).traces["a.v"].values, other.traces["a.v"].values)
