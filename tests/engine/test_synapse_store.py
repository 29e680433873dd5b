"""Synapses with states in the engine: checkpoints, rewiring, memory, closed forms of chains, and what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.engine.stores.synapse_list import SynapseList
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.model import AllToAll, FixedProbability, Input, Network, OneToOne, Rewiring, State, Step, Synapse, Uniform
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, Time, kHz, ms, mV, nS, pA
from neuropil.view.explain import explain
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.full_synapse import FullSynapse
from neuropil.zoo.synapses.short_term import TsodyksMarkram


def network():
    """An event-driven, a clock-driven and a rewiring projection, all recurrent enough to matter."""
    made = Network("mixed")
    source = made.population("source", PoissonSource(rate=50 * Hz), 20)
    target = made.population("target", LIFExp(), 25)
    made.stimulate(target, Step(390 * pA), input="current")
    structure = Rewiring(10 * ms, eliminate=5 * Hz)
    made.project(source, target, FixedProbability(0.4), weight=500 * pA, delay=Uniform(0.5 * ms, 4 * ms), port="exc", synapse=TsodyksMarkram(), name="stp")
    made.project(target, target, FixedProbability(0.4), weight=20.0, delay=2 * ms, synapse=FullSynapse(), input="current", structure=structure, name="full")
    made.project(source, target, FixedProbability(0.2), weight=100 * pA, delay=Uniform(1 * ms, 5 * ms), port="inh", structure=structure, name="bare")
    return made


def finished(simulation, duration):
    result = simulation.run_until(duration)
    states = {name: simulation.synapses(name) for name in ("stp", "full", "bare")}
    simulation.close()
    return result, states


@pytest.mark.parametrize("precision", ["float64"])
def test_resume_is_bit_exact_on_other_threads(tmp_path, precision):
    """A run cut at an odd step and at a step of rewiring goes on as if it had not been cut."""
    whole, states = finished(Simulation(network(), threads=2, precision=precision), 60 * ms)
    for cut in (23.7, 30.0):
        first = Simulation(network(), threads=1, precision=precision)
        first.set_modulator("full", 0.0)
        first.run_until(cut * ms)
        path = first.checkpoint(tmp_path / f"{cut}.h5")
        first.close()
        rest, others = finished(Simulation(network(), threads=3, precision=precision, resume=path), 60 * ms)
        late = whole.spikes.step > round(cut * 10)
        np.testing.assert_array_equal(rest.spikes.step, whole.spikes.step[late])
        np.testing.assert_array_equal(rest.spikes.neuron, whole.spikes.neuron[late])
        for name, mine in states.items():
            for state, values in mine.items():
                np.testing.assert_array_equal(others[name][state], values, err_msg=f"{name} {state}")


def test_chunks_do_not_matter():
    """Steps one by one, or many in a call: rewiring falls on the same steps."""
    whole, states = finished(Simulation(network(), threads=1, precision="float64"), 30 * ms)
    by_one = Simulation(network(), threads=1, precision="float64")
    stamps = np.concatenate([by_one.step(n)[0] for n in (1, 99, 100, 37, 63)])
    np.testing.assert_array_equal(stamps, whole.spikes.step)
    np.testing.assert_array_equal(by_one.synapses("full")["target"], states["full"]["target"])
    by_one.close()


def test_rewiring_keeps_degrees_and_turns_over_at_its_rate():
    """In-degrees stay when the lost are replaced; 0.5 of 4000 vanish in ln 2 / rate. False alarm 6e-5 (4 sd)."""
    made = Network("turnover")
    a, b = made.population("a", PoissonSource(rate=0 * Hz), 40), made.population("b", LIFExp(), 100)
    made.project(a, b, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", structure=Rewiring(20 * ms, eliminate=10 * Hz), name="p")
    simulation = Simulation(made, threads=2)
    duration = 1000 * np.log(2.0) / 10.0 // 20 * 20
    simulation.run_until(duration * ms)
    found, gone = simulation.synapses("p"), simulation.core.turnover[0]
    np.testing.assert_array_equal(np.bincount(found["target"]), 40)
    expected = 4000 * 0.01 * duration  # each vanishes, and is replaced, at 10 Hz
    assert abs(gone - expected * (1 - np.exp(-0.2)) / 0.2) < 4 * np.sqrt(expected)
    np.testing.assert_array_equal(np.diff(found["source"]) >= 0, True)
    simulation.close()


def test_growth_by_rate_and_a_threshold():
    made = Network("growth")
    a, b = made.population("a", PoissonSource(rate=0 * Hz), 40), made.population("b", LIFExp(), 100)
    growing = Rewiring(10 * ms, eliminate=0 * Hz, form=20 * Hz)
    made.project(a, b, OneToOne() if a.size == b.size else FixedProbability(0.1), weight=1 * pA, delay=1 * ms, port="exc", structure=growing, name="p")
    weak = Rewiring(10 * ms, eliminate=1000 * Hz, form=0 * Hz, below=2 * pA)
    made.project(a, b, AllToAll(), weight=Uniform(1 * pA, 3 * pA), delay=1 * ms, port="exc", structure=weak, name="q")
    simulation = Simulation(made, threads=1)
    n = simulation.synapses("p")["source"].size
    simulation.run_until(200 * ms)
    born = simulation.synapses("p")["source"].size - n
    assert abs(born - 400) < 4 * 20, "100 targets, 20 Hz, 0.2 s; false alarm 6e-5"
    assert simulation.synapses("q")["weight"].min() >= 2.0
    simulation.close()


class Chain(Synapse):
    """Three states, each feeding the next, with a constant: a closed form of sums of exponentials."""

    tau_a: Time = 5 * ms
    tau_b: Time = 20 * ms
    tau_c: Time = 70 * ms

    a = State(0.0)
    b = State(0.5)
    c = State(0.0)
    held = State(0.2)

    def derivative(self, s, x):
        return dict(a=(0.3 - s.a) / self.tau_a, b=(s.a - s.b) / self.tau_b + 0.01 * s.held / ms, c=(s.b + s.a - s.c) / self.tau_c)

    def arrive(self, s, w):
        return dict(a=s.a + 1.0)

    def transmits(self, s, w):
        return w * s.c


def test_chains_have_closed_forms():
    runs = []
    for clock_driven in (False, True):
        made = Network("chain")
        a, b = made.population("a", PoissonSource(rate=80 * Hz), 5), made.population("b", LIFExp(), 5)
        made.project(a, b, AllToAll(), weight=50 * pA, delay=1 * ms, port="exc", synapse=Chain(), clock_driven=clock_driven, name="p")
        assert make_plan(made).synapses[0].event_driven != clock_driven
        simulation = Simulation(made, precision="float64", threads=1)
        simulation.run_until(100 * ms)
        runs.append(simulation.synapses("p"))
        simulation.close()
    for state in ("a", "b", "c", "held"):
        np.testing.assert_allclose(runs[0][state], runs[1][state], rtol=1e-10)


def test_equal_rates_are_refused_by_name_and_taken_clock_driven():
    def made(clock_driven):
        net = Network("equal")
        a = net.population("a", LIFExp(), 3)
        net.project(a, a, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=Chain(tau_b=5 * ms), clock_driven=clock_driven)
        return net

    with pytest.raises(ModelError, match="not finite"):
        Simulation(made(False), threads=1)
    Simulation(made(True), threads=1).close()


def test_memory_is_predicted():
    """Within a quarter of what the store of ten thousand synapses holds, buckets included."""
    made = Network("memory")
    a, b = made.population("a", LIFExp(), 1000), made.population("b", LIFExp(), 1000)
    made.project(a, b, FixedProbability(0.2), weight=1.0, delay=1 * ms, synapse=FullSynapse(), input="current")
    simulation = Simulation(made, threads=2)
    held = simulation.core.per_synapse[0].memory()
    said = sum(simulation.memory[n] for n in ("synapses", "segment bounds")) + sum(b.nbytes for b in simulation.core.per_synapse[0].buckets)
    assert held == pytest.approx(said, rel=0.25)
    simulation.close()


def test_lists_take_and_join():
    made = network()
    plan = make_plan(made)
    full = SynapseList.drawn(plan, 0)
    even = full.take(np.arange(0, full.size, 2))
    odd = full.take(np.arange(1, full.size, 2))
    both = even.joined(dataclasses.replace(odd))
    assert both.size == full.size
    assert np.all(np.diff(both.pre) >= 0)
    assert sorted(zip(both.pre, both.post, both.delay, strict=True)) == sorted(zip(full.pre, full.post, full.delay, strict=True))


def test_explain_says_why():
    text = explain(network())
    assert "event-driven: TsodyksMarkram" in text and "clock-driven: FullSynapse" in text and "listed" in text
    assert "x, u only when a spike arrives" in text


# --- what is refused -------------------------------------------------------------------------------------------------


def project(**how):
    net = Network("refused")
    a = net.population("a", LIFExp(), 4)
    net.project(a, a, AllToAll(), **{"weight": 1 * pA, "delay": 1 * ms, "port": "exc", **how})
    return net


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"synapse": TsodyksMarkram}, "not its class"),
        ({"synapse": LIFExp()}, "not a synapse model"),
        ({"synapse": TsodyksMarkram(), "input": "current"}, "have no current"),
        ({"synapse": FullSynapse(), "port": None, "weight": 1.0}, "has a current"),
        ({"synapse": FullSynapse(), "port": None, "weight": 1.0, "input": "curent"}, "did you mean 'current'"),
        ({"port": None}, "need a port"),
        ({"clock_driven": True}, "clock_driven"),
        ({"synapse": TsodyksMarkram(use=np.full(3, 0.5))}, "wrong shape"),
        ({"structure": 3}, "not a structural plasticity"),
        ({"structure": Rewiring(10 * ms, eliminate=1 * Hz), "weight": np.ones((4, 4)) * pA}, "new synapses need weights"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_lesson(how, words):
    with pytest.raises(NetworkError) as caught:
        project(**how)
    assert words in str(caught.value)


def test_units_of_weights():
    class Weighted(Synapse):
        weight = State(1.0)

    with pytest.raises(UnitError, match="state weight"):
        project(synapse=Weighted(), weight=1.0)  # the port is in pA, the state has no unit
    with pytest.raises(UnitError, match="current"):

        class Wrong(Synapse):
            v = Input(mV)

            def current(self, s, x):
                return x.v

        make_plan(project(synapse=Wrong(), port=None, input="current", weight=1.0))


def test_a_synapse_cannot_know_what_nobody_tells():
    class Curious(Synapse):
        temperature = Input(mV)

    with pytest.raises(NetworkError, match="reads 'temperature', which is not a state of"):
        project(synapse=Curious())
    with pytest.raises(UnitError, match="wrong unit"):

        class Mistaken(Synapse):
            v = Input(nS)

    with pytest.raises(ModelError, match="time constant"):

        class Timeless(Synapse):
            post = Input(kHz)

    with pytest.raises(NetworkError, match="no projection"):
        simulation = Simulation(project(synapse=TsodyksMarkram()), threads=1)
        simulation.set_modulator("a→a", 1.0)
