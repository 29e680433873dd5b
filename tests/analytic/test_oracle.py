"""The oracle against closed forms: whatever is compared with it later rests on these."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuropil import rng
from neuropil.errors import ModelError, NetworkError
from neuropil.model import (
    AllToAll,
    Edges,
    FixedProbability,
    InhomogeneousPoisson,
    Input,
    Network,
    Neuron,
    Noise,
    Normal,
    OneToOne,
    Poisson,
    Port,
    Regular,
    Sine,
    SpikeList,
    State,
    Step,
    TimeArray,
    Uniform,
)
from neuropil.oracle import simulate
from neuropil.units import Hz, Rate, kHz, ms, mV, nS, pA
from neuropil.zoo.neurons.gif import GIF
from neuropil.zoo.neurons.lif import LIFAlpha, LIFDelta, LIFExp
from neuropil.zoo.neurons.lif_cond import LIFCondExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay


def one(model: Neuron, size: int = 1, **kwargs):
    net = Network()
    return net, net.population("p", model, size, **kwargs)


def steps_of(result, index: int = 0) -> np.ndarray:
    return result.spikes.step[result.spikes.neuron == index]


# --- membranes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 0.025])
def test_lif_fires_at_the_closed_form_intervals(dt):
    currents = np.array([376.0, 400.0, 500.0, 1000.0])  # rheobase 375 pA
    net, p = one(LIFExp(), 4)
    net.stimulate(p, Step(currents * pA), input="current")
    result = simulate(net, 300 * ms, dt=dt * ms)
    drop = currents * 10.0 / 250.0
    climb = 10.0 * np.log(drop / (drop - 15.0))  # ms from reset to threshold
    expected = round(2.0 / dt) + np.ceil(climb / dt)
    for i in range(4):
        assert set(np.diff(steps_of(result, i))) == {expected[i]}
        assert steps_of(result, i)[0] == math.ceil(climb[i] / dt), "from rest, without the refractory period"


def test_lif_below_rheobase_settles_and_is_silent():
    net, p = one(LIFExp())
    net.stimulate(p, Step(374 * pA), input="current")
    result = simulate(net, 300 * ms)
    assert result.spikes.step.size == 0
    assert result.states["p"]["v"][0] == pytest.approx(-65 + 374 * 10 / 250, abs=1e-9)


def test_exponential_psp_is_the_closed_form():
    net, p = one(LIFExp(tau_exc=2 * ms))
    net.stimulate(p, SpikeList([5.0] * ms), port="exc", weight=100 * pA)
    net.probe(p, "v")
    v = simulate(net, 60 * ms).traces["p.v"][:, 0] + 65.0
    t = np.maximum(0.1 * np.arange(1, 601) - 5.0, 0.0)
    shape = (100 / 250) * (10 * 2 / (10 - 2)) * (np.exp(-t / 10) - np.exp(-t / 2))
    np.testing.assert_allclose(v, shape, atol=1e-12)
    assert v.max() == pytest.approx((100 * 10 / 250) * 0.2 ** (10 / 8), rel=1e-3)  # R w (tau_s/tau_m)^(tau_m/(tau_m-tau_s))


def test_alpha_current_peaks_at_its_weight_after_tau():
    net, p = one(LIFAlpha())
    net.stimulate(p, SpikeList([1.0] * ms), port="exc", weight=80 * pA)
    net.stimulate(p, SpikeList([1.0] * ms), port="inh", weight=-30 * pA)
    for state in ("i_exc", "i_inh"):
        net.probe(p, state)
    traces = simulate(net, 40 * ms).traces
    t = np.maximum(0.1 * np.arange(1, 401) - 1.0, 0.0)
    np.testing.assert_allclose(traces["p.i_exc"][:, 0], 80 * t / 2 * np.exp(1 - t / 2), atol=1e-11)
    np.testing.assert_allclose(traces["p.i_inh"][:, 0], -30 * t / 2 * np.exp(1 - t / 2), atol=1e-11)
    assert np.argmax(traces["p.i_exc"]) == 29, "2 ms after the event at 1 ms"


def test_conductances_pull_to_the_weighted_mean_with_the_effective_time_constant():
    held = LIFCondExp(v_th=10 * mV, tau_exc=1e12 * ms, tau_inh=1e12 * ms)  # conductances that stay
    net, p = one(held, initial={"g_exc": 10 * nS, "g_inh": 20 * nS})
    net.probe(p, "v")
    v = simulate(net, 40 * ms).traces["p.v"][:, 0]
    g = 16.6667 + 10 + 20
    mean, tau = (16.6667 * -70 + 10 * 0 + 20 * -85) / g, 250 / g
    t = 0.1 * np.arange(1, 401)
    np.testing.assert_allclose(v, mean + (-70 - mean) * np.exp(-t / tau), atol=1e-6)


# --- the order of a step -------------------------------------------------------------------------------------------


def test_refractory_neurons_hold_their_clamps_and_are_deaf_but_their_synapses_go_on():
    net, p = one(LIFDelta(), 1)
    net.stimulate(p, SpikeList([1.0, 1.1, 3.0, 3.1] * ms), port="syn", weight=20 * mV)
    net.probe(p, "v")
    result = simulate(net, 5 * ms)
    # The spike at 1.0 ms (step 10) clamps steps 11 to 30: events at 1.1 and 3.0 ms are lost, the one at 3.1 ms is not.
    assert steps_of(result).tolist() == [10, 31]
    assert np.all(result.traces["p.v"][9:30] == -65.0)

    net, p = one(LIFExp(v_reset=-70 * mV), initial={"v": -40 * mV, "i_exc": 1000 * pA})
    net.probe(p, "i_exc")
    net.probe(p, "v")
    result = simulate(net, 2.1 * ms)
    np.testing.assert_allclose(result.traces["p.i_exc"][:, 0], 1000 * np.exp(-0.2 * np.arange(1, 22)), rtol=1e-12)
    assert np.all(result.traces["p.v"] == -70.0), "20 steps clamped after the spike in the first"


def test_a_refractory_neuron_does_not_spike_even_if_reset_above_threshold():
    net, p = one(GIF(lambda_0=1e6 * Hz))
    net.stimulate(p, Step(1000 * pA), input="current")
    intervals = np.diff(steps_of(simulate(net, 100 * ms)))
    assert intervals.size > 3 and intervals.min() >= 41


@pytest.mark.parametrize("dt", [0.1, 0.5])
def test_delays_are_exact_and_events_add_up(dt):
    net = Network()
    chain = net.population("chain", Relay(), 5)
    ear = net.population("ear", LeakyReadout(tau=1e15 * ms), 1)
    delays = np.array([0.5, 1.5, 3.0, 10.0])
    net.stimulate(chain, SpikeList([2.0] * ms, [0]), port="spikes", weight=1.0)
    net.project(chain, chain, Edges(np.arange(4), np.arange(1, 5)), weight=1.0, delay=delays * ms, port="spikes")
    net.project(chain, ear, AllToAll(), weight=np.array([[1.0], [10], [100], [1000], [10000]]), delay=0.5 * ms, port="syn")
    net.project(chain, ear, Edges([0, 0], [0, 0]), weight=[0.25, 0.5], delay=0.5 * ms, port="syn")
    net.probe(ear, "y")
    result = simulate(net, 20 * ms, dt=dt * ms)
    stamps = np.rint((2.0 + np.concatenate([[0], np.cumsum(delays)])) / dt).astype(int)
    assert result.spikes.step.tolist() == stamps.tolist() and result.spikes.neuron.tolist() == [0, 1, 2, 3, 4]
    y = result.traces["ear.y"][:, 0]
    later = round(0.5 / dt)
    assert y[stamps[0] + later - 2] == 0.0
    assert y[stamps[0] + later - 1] == pytest.approx(1.75), "sample j is taken at the end of step j, at (j + 1) dt"
    assert y[-1] == pytest.approx(11111.75)


def test_spikes_are_sorted_by_step_then_global_index():
    net = Network()
    for name in ("a", "b"):
        p = net.population(name, Relay(), 3)
        net.stimulate(p, SpikeList([1.0, 1.0, 2.0] * ms, [2, 0, 1]), port="spikes", weight=1.0)
    result = simulate(net, 3 * ms)
    assert result.spikes.step.tolist() == [10] * 4 + [20] * 2
    assert result.spikes.neuron.tolist() == [0, 2, 3, 5, 1, 4]


class Ramp(Neuron):
    """Climbs at a constant pace; fires above 1."""

    x = State(0.0)
    spikes_on = "rising"

    def derivative(self, s, x):
        return {"x": 0.25 / ms}

    def fires(self, s):
        return s.x >= 0.9


class LevelRamp(Ramp):
    spikes_on = "level"

    def reset(self, s):
        return {}


def test_rising_fires_once_and_level_fires_while_it_holds():
    for model, expected in ((Ramp(), [4]), (LevelRamp(), [4, 5, 6, 7])):
        net, _ = one(model)
        assert steps_of(simulate(net, 7 * ms, dt=1 * ms)).tolist() == expected


class Pair(Neuron):
    """Two states exchange; a reset reads the states before it."""

    a = State(1.0)
    b = State(5.0)
    syn = Port(1.0)

    def receive(self, s, w):
        return {"a": w.syn * s.b, "b": w.syn * s.a}

    def fires(self, s):
        return s.a > 3.0

    def reset(self, s):
        return {"a": s.b, "b": s.a}


def test_receive_and_reset_act_on_all_states_at_once():
    net, p = one(Pair())
    net.stimulate(p, SpikeList([1.0] * ms), port="syn", weight=1.0)
    result = simulate(net, 1 * ms)
    assert (result.states["p"]["a"][0], result.states["p"]["b"][0]) == (6.0, 6.0)
    assert steps_of(result).tolist() == [10]
    net, p = one(Pair(), initial={"a": 4.0})
    assert [v[0] for v in simulate(net, 0.1 * ms).states["p"].values()] == [5.0, 4.0]


# --- chance --------------------------------------------------------------------------------------------------------


def test_hazard_draws_are_those_of_the_documented_stream():
    net = Network()
    net.population("other", Relay(), 2)
    net.population("p", PoissonSource(rate=[50, 200, 800] * Hz), 3)
    result = simulate(net, 200 * ms, seed=9)
    u = rng.uniform(rng.stream_key(9, "hazard", "p"), np.arange(3)[None, :], np.arange(2000)[:, None])
    k, i = np.nonzero(u < 1 - np.exp(-np.array([0.05, 0.2, 0.8]) * 0.1))
    np.testing.assert_array_equal(result.spikes.step, k + 1)
    np.testing.assert_array_equal(result.spikes.neuron, i + 2)


def test_poisson_events_are_those_of_the_documented_stream_and_follow_campbell():
    net, p = one(LeakyReadout(), 40)
    net.stimulate(p, Step(0.0), input="drive")
    net.stimulate(p, Poisson(2 * kHz), port="syn", weight=0.5)  # drive 1
    net.probe(p, "y")
    y = simulate(net, 600 * ms, seed=4).traces["p.y"]
    words = rng.event_words(rng.stream_key(4, "drive", "", "Poisson", "p", "syn", 0), np.arange(40)[None, :], np.arange(6000)[:, None])
    counts = rng.poisson(0.2, words)
    np.testing.assert_allclose(y[0], 0.5 * counts[0], atol=1e-15)
    np.testing.assert_allclose(y[1] - y[0] * math.exp(-0.1 / 20), 0.5 * counts[1], atol=1e-12)
    settled = y[2000:]
    assert settled.mean() == pytest.approx(0.5 * 2 * 20, rel=0.03)
    assert settled.var() == pytest.approx(0.25 * 2 * 20 / 2, rel=0.25)


def test_parameters_and_initial_states_are_drawn_from_their_streams():
    model = LeakyReadout(tau=Normal(20 * ms, 2 * ms))
    net, _ = one(model, 50, initial={"y": Uniform(1.0, 2.0)})
    result = simulate(net, 10 * ms, seed=5)
    tau = model.tau.quantile(rng.uniform(rng.stream_key(5, "parameter", "p", "tau"), np.arange(50), 0))
    start = 1 + rng.uniform(rng.stream_key(5, "initial", "p", "y"), np.arange(50), 0)
    np.testing.assert_allclose(result.states["p"]["y"], start * np.exp(-10 / tau), rtol=1e-12)


def test_a_poisson_source_is_a_poisson_process():
    net, _ = one(PoissonSource(rate=100 * Hz), 100)
    result = simulate(net, 1000 * ms)
    expected = 1e4 * (1 - math.exp(-0.01)) * 100
    assert result.spikes.step.size == pytest.approx(expected, abs=4 * math.sqrt(expected))
    intervals = np.concatenate([np.diff(steps_of(result, i)) for i in range(100)])
    assert intervals.std() / intervals.mean() == pytest.approx(1.0, abs=0.06)


# --- stimuli and probes --------------------------------------------------------------------------------------------


class Integral(Neuron):
    """dy/dt = drive: shows the current of each step."""

    y = State(0.0)
    syn = Port(1.0)
    drive = Input(1.0)

    def derivative(self, s, x):
        return {"y": x.drive / ms}

    def receive(self, s, w):
        return {"y": w.syn}


def increments(stimulus, size: int = 1, duration: float = 5.0, **where) -> np.ndarray:
    net, p = one(Integral(), size)
    net.stimulate(p, stimulus, **(where or {"input": "drive"}))
    net.probe(p, "y")
    y = simulate(net, duration * ms, dt=0.5 * ms, seed=3).traces["p.y"]
    gained = np.diff(y, axis=0, prepend=0.0)
    return gained if where else gained / 0.5


def test_currents_hold_their_value_at_the_beginning_of_the_step():
    np.testing.assert_allclose(increments(Step(2.0, start=1 * ms, stop=2.5 * ms))[:, 0], [0, 0, 2, 2, 2, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(
        increments(Sine(3.0, 100 * Hz, 0.5))[:, 0], 3 * np.sin(2 * np.pi * 0.1 * 0.5 * np.arange(10) + 0.5)
    )
    rows = TimeArray(np.array([[1.0, 2], [3, 4], [5, 6]]), 1 * ms)
    np.testing.assert_allclose(increments(rows, 2)[:, 1], [2, 2, 4, 4, 6, 6, 0, 0, 0, 0])
    noise = increments(Noise(1.0, 2.0, 1 * ms), 3)
    drawn = rng.normal(rng.stream_key(3, "drive", "", "Noise", "p", "drive", 0), np.arange(3)[None, :], np.arange(5)[:, None])
    np.testing.assert_allclose(noise, 1 + 2 * np.repeat(drawn, 2, axis=0))


def test_events_arrive_at_the_end_of_their_step():
    where = {"port": "syn", "weight": 2.0}
    np.testing.assert_allclose(increments(SpikeList([0.5, 2.0, 2.0] * ms), **where)[:, 0], [2, 0, 0, 4, 0, 0, 0, 0, 0, 0])
    regular = Regular(1.5 * ms, start=1 * ms, stop=4 * ms)
    np.testing.assert_allclose(increments(regular, **where)[:, 0], [0, 2, 0, 0, 2, 0, 0, 2, 0, 0])
    np.testing.assert_allclose(increments(Regular(2 * ms), **where)[:, 0], [0, 0, 0, 2, 0, 0, 0, 2, 0, 0])
    rates = InhomogeneousPoisson(np.array([0.0, 4.0]) * kHz, 2 * ms)
    words = rng.event_words(rng.stream_key(3, "drive", "", "InhomogeneousPoisson", "p", "syn", 0), np.zeros(10, int), np.arange(10))
    np.testing.assert_allclose(increments(rates, **where)[:, 0], 2.0 * np.where(np.arange(10) < 4, 0, rng.poisson(2.0, words)))


def test_probes_sample_at_multiples_of_their_interval_after_the_reset():
    net, p = one(LIFDelta(v_reset=-70 * mV), 3)
    net.stimulate(p, SpikeList([1.0] * ms, [1]), port="syn", weight=20 * mV)
    net.probe(p, "v", neurons=[1, 0], interval=0.5 * ms)
    v = simulate(net, 1.7 * ms).traces["p.v"]
    np.testing.assert_array_equal(v, [[-65, -65], [-70, -65], [-70, -65]])


# --- connections ---------------------------------------------------------------------------------------------------


def test_rules_of_chance_need_their_synapses_and_then_run():
    net = Network()
    a, b = net.population("a", Relay(), 2), net.population("b", Relay(), 2)
    net.stimulate(a, SpikeList([1.0] * ms), port="spikes", weight=1.0)
    net.project(a, b, FixedProbability(0.5), weight=1.0, delay=1 * ms, port="spikes")
    with pytest.raises(ModelError) as caught:
        simulate(net, 3 * ms)
    assert "a→b" in str(caught.value) and "edges=" in str(caught.value)
    result = simulate(net, 3 * ms, edges={0: ([1], [0], [1.0], [7])})
    assert list(zip(result.spikes.step, result.spikes.neuron, strict=True)) == [(10, 0), (10, 1), (17, 2)]


def test_all_to_all_may_leave_out_oneself_and_one_to_one_pairs():
    for rule, expected in ((AllToAll(allow_self=False), [0, 1, 1]), (AllToAll(), [1, 1, 1]), (OneToOne(), [1, 0, 0])):
        net, p = one(Pair(), 3, initial={"a": np.array([4.0, 0, 0]), "b": 1.0})
        net.project(p, p, rule, weight=1.0, delay=0.1 * ms, port="syn")
        before = simulate(net, 0.1 * ms).states["p"]["a"]
        after = simulate(net, 0.2 * ms).states["p"]["a"]
        assert ((after - before) != 0).astype(int).tolist() == expected


def test_a_delay_shorter_than_a_step_is_refused():
    net, p = one(Relay(), 2)
    net.project(p, p, AllToAll(), weight=1.0, delay=0.02 * ms, port="spikes")
    with pytest.raises(NetworkError, match="delay"):
        simulate(net, 1 * ms)
    with pytest.raises(ModelError, match="shorter than a step"):
        simulate(net, 1 * ms, dt=0.01 * ms, edges={0: ([0], [1], [1.0], [0])})


class Silent(Neuron):
    rate: Rate = 0 * Hz


def test_a_model_without_states_runs():
    net, _ = one(Silent(), 2)
    result = simulate(net, 1 * ms)
    assert result.spikes.step.size == 0 and result.states == {"p": {}}
