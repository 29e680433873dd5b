"""The one rounding of times, by definition: a time is its multiple of dt, or is refused, or (data) is the nearest, halves up.

Whole numbers of steps, multiplied by dt in floating point, must come back for any of them; exact fractions (of the decimal
digits that a user types) say what the nearest is.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.errors import NetworkError, SimulationError, UnitError
from neuropil.model.base import grid
from neuropil.model.network.validate import validate
from neuropil.plan.rounding import moved
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.modulators.dopamine import Dopamine
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

STEPS = st.sampled_from([0.1, 0.025, 0.05, 0.3, 1 / 3, 1.0, 0.0123])


@given(STEPS, st.integers(1, 10**12))
def test_multiples_of_the_step_are_themselves(dt, n):
    assert grid.steps(n * dt, dt, "t") == n
    assert grid.nearest(n * dt, dt) == n


@pytest.mark.parametrize("text", ["0.3", "0.7", "1.1", "16.1", "1000000.3", "99999999.9"])
def test_decimal_times_are_on_the_grid(text):
    n = int(Fraction(text) / Fraction("0.1"))
    assert grid.steps(float(text), 0.1, "t") == n
    assert grid.steps(sum([0.1] * 3), 0.1, "t") == 3


@given(STEPS, st.integers(1, 10**6), st.floats(2e-6, 1 - 2e-6))
def test_other_times_are_refused_by_their_neighbours(dt, n, part):
    with pytest.raises(NetworkError, match="not a multiple of the time step") as caught:
        grid.steps((n + part) * dt, dt, "t")
    assert caught.value.fix == f"use {n * dt:.12g} or {(n + 1) * dt:.12g} ms"


@pytest.mark.parametrize(("text", "n"), [("0.05", 1), ("0.15", 2), ("0.25", 3), ("0.35", 4), ("0.149", 1), ("0.151", 2), ("2.45", 25)])
def test_data_take_the_nearest_halves_up(text, n):
    assert grid.nearest(float(text), 0.1) == n


@given(st.sampled_from(["0.1", "0.14", "0.15", "0.25", "0.3333", "1.05"]), st.integers(0, 10**7))
def test_rows_begin_at_the_nearest_step(interval, k):
    """Row j holds from the nearest step to j · interval on: by exact fractions of the interval over the step."""
    every = Fraction(interval) / Fraction("0.1")

    def begins(j):
        return (j * every + Fraction(1, 2)).__floor__()

    j = int(k / every)
    want = max(i for i in (j - 1, j, j + 1) if i >= 0 and begins(i) <= k)
    assert grid.rows(np.array([k]), float(interval) * ms, 0.1, "nearest")[0] == want
    if every.denominator == 1:
        assert grid.rows(np.array([k]), float(interval) * ms, 0.1)[0] == want


# --- in a network ------------------------------------------------------------------------------------------------


def network(**changed):
    """Everything with a time; one of them off the grid."""
    t = {
        "delay": 1 * ms, "response": 0 * ms, "rewire": 1 * ms, "refractory": 2 * ms, "probe": 1 * ms, "start": 1 * ms, "stop": 2 * ms, "spike": 1 * ms,
        "every": 1 * ms, "first": 1 * ms, "last": 2 * ms, "row": 1 * ms, "rates": 1 * ms, "held": 1 * ms, "tick": 1 * ms,
    } | changed  # fmt: skip
    net = npl.Network("times")
    p = net.population("p", LIFExp(t_ref=t["refractory"]), 3)
    net.project(p, p, npl.AllToAll(), weight=1 * pA, delay=t["delay"], port="exc")
    net.project(p, p, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", structure=npl.Rewiring(t["rewire"], eliminate=0 * Hz))
    net.project(p, p, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=AdditiveSTDP(), response_delay=t["response"])
    net.stimulate(p, npl.Step(1 * pA, start=t["start"], stop=t["stop"]), input="current")
    net.stimulate(p, npl.SpikeList([t["spike"].value] * ms), port="exc", weight=1 * pA)
    net.stimulate(p, npl.Regular(t["every"], start=t["first"], stop=t["last"]), port="exc", weight=1 * pA)
    net.stimulate(p, npl.TimeArray([1.0, 2.0] * pA, t["row"]), input="current")
    net.stimulate(p, npl.InhomogeneousPoisson([1.0, 2.0] * Hz, t["rates"]), port="exc", weight=1 * pA)
    net.stimulate(p, npl.Noise(0 * pA, 1 * pA, interval=t["held"]), input="current")
    net.probe(p, "v", interval=t["probe"])
    net.modulator("da", Dopamine(), volume=[p], tick=t["tick"])
    return net


NAMES = ("delay", "response", "rewire", "refractory", "probe", "start", "stop", "spike", "every", "first", "last", "row", "rates", "held", "tick")


def test_all_of_them_on_the_grid_pass():
    validate(network(), 0.1 * ms)
    assert moved(network(), 0.1) == {"time_shift_max_ms": 0.0, "events_merged": 0}


@pytest.mark.parametrize("name", NAMES)
def test_each_described_time_off_the_grid_is_refused(name):
    with pytest.raises(NetworkError, match="not a multiple of the time step") as caught:
        validate(network(**{name: 1.55 * ms}), 0.1 * ms)
    assert "1.5 or 1.6 ms" in str(caught.value)


def test_data_are_moved_and_counted():
    net = network()
    p = net["p"]
    times = [1.0, 1.04, 1.04, 0.02, 3.0, 3.0]  # of one neuron 1.04 meets 1.0, of another 1.04 is alone; equal ones were equal before
    net.stimulate(p, npl.SpikeList(times * ms, [0, 0, 1, 1, 2, 2], grid="nearest"), port="exc", weight=1 * pA)
    assert moved(net, 0.1) == {"time_shift_max_ms": pytest.approx(0.08), "events_merged": 1}
    net.project(p, p, npl.OneToOne(), weight=1 * pA, delay=np.array([1.0, 2.05, 3.0]) * ms, port="exc")
    net.stimulate(p, npl.TimeArray(np.ones(7) * pA, 0.12 * ms, grid="nearest"), input="current")
    assert moved(net, 0.1)["time_shift_max_ms"] == pytest.approx(0.08)
    with pytest.raises(NetworkError, match="rows are shorter than the time step"):
        net.stimulate(p, npl.TimeArray(np.ones(7) * pA, 0.02 * ms, grid="nearest"), input="current")
        validate(net, 0.1 * ms)


def arrived(stimulus, duration=1.0):
    """Events that each of two neurons received, and the first steps at whose ends the first one did, from the engine."""
    net = npl.Network()
    p = net.population("p", LIFDelta(tau_m=1e12 * ms), 2)
    net.probe(p, "v")
    net.stimulate(p, stimulus, port="syn", weight=1 * mV)
    v = npl.run(net, duration * ms, threads=1, precision="float64").traces["p.v"].values
    return np.round(v[-1] + 65).astype(int).tolist(), (np.flatnonzero(np.round(np.diff(v[:, 0], prepend=-65.0))) + 1).tolist()


def test_no_spike_is_lost():
    """A spike at half a step is refused with the remedy; with it, every spike of a recording arrives."""
    for time in (0.05, 0.04, 0.35, 0.0):
        with pytest.raises(NetworkError):
            arrived(npl.SpikeList([time] * ms))
    recorded = npl.SpikeList([0.01, 0.05, 0.3, 0.35, 0.25, 0.3] * ms, grid="nearest")
    assert arrived(recorded) == ([6, 6], [1, 3, 4])
    with pytest.raises(npl.NeuropilError, match="grid"):
        npl.SpikeList([1.0] * ms, grid="round")


# --- running -----------------------------------------------------------------------------------------------------


def test_run_runs_for_that_long_and_run_until_to_a_time():
    net = npl.Network()
    net.probe(net.population("p", LIFDelta(tau_m=1e12 * ms), 2), "v")
    with Simulation(net, threads=1, precision="float64") as simulation:
        assert simulation.run(2 * ms).duration_ms == 2.0
        assert simulation.run(3 * ms).duration_ms == 5.0
        assert simulation.run_until(5.3 * ms).duration_ms == pytest.approx(5.3)
        for wrong, text in ((5.3 * ms, "already"), (1 * ms, "already"), (0 * ms, "too short"), (-1 * ms, "too short"), (9.96 * ms, "multiple")):
            with pytest.raises(SimulationError, match=text):
                simulation.run_until(wrong)
        for wrong in (0 * ms, -1 * ms, 0.05 * ms, 1.23 * ms):
            with pytest.raises(SimulationError):
                simulation.run(wrong)
        for wrong in (float("nan") * ms, float("inf") * ms):
            with pytest.raises(npl.NeuropilError, match="finite"):
                simulation.run(wrong)
        for wrong in (100, 1 * mV):
            with pytest.raises(UnitError):
                simulation.run(wrong)
        assert simulation.core.step == 53
        simulation.step(7)
        assert simulation.result().duration_ms == 6.0 and len(simulation.result().traces["p.v"].times_ms) == 60
