"""Losses, readouts, regularisers and scores.

Why to believe them: closed forms of small cases, and finite differences of every loss by its outputs.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.learn import losses
from neuropil.learn.losses.loss import Loss
from neuropil.learn.losses.readouts import first_spike_times
from neuropil.learn.losses.response import output_of, variable_of
from neuropil.learn.losses.van_rossum import van_rossum
from neuropil.units import mV
from neuropil.zoo.neurons.escape_lif import EscapeLIF
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

RANDOM = np.random.default_rng(3)


@pytest.fixture(scope="module")
def network() -> npl.Network:
    net = npl.Network("losses")
    source, target = net.population("input", Relay(), 2), net.population("hidden", LIFDelta(), 4)
    readout = net.population("readout", LeakyReadout(), 3)
    net.project(source, target, npl.AllToAll(), weight=1 * mV, delay=1 * npl.units.ms, port="syn")
    net.project(target, readout, npl.AllToAll(), weight=1.0, delay=1 * npl.units.ms, port="syn")
    return net


def spikes(*rows: list[int]) -> Any:
    """One sample: a row of steps for each neuron."""
    return jnp.asarray(np.array(rows, np.float32).T[None])


def response(hidden: Any = None, y: Any = None) -> losses.Response:
    return losses.Response({} if hidden is None else {"hidden": hidden}, {} if y is None else {"readout.y": y}, 1.0)


# --- what is read -------------------------------------------------------------------------------------------------------


def test_the_output_is_found(network):
    assert output_of(network, None, "x").name == "readout"
    assert variable_of(network, None, "x") == ("readout", "y") and variable_of(network, "hidden", "x") == ("hidden", "v")
    with pytest.raises(ModelError, match="no state 'u'"):
        variable_of(network, "hidden.u", "x")
    with pytest.raises(ModelError, match="readout never spikes"):
        losses.SpikeCount().resolved(network)
    two = npl.Network("two")
    two.population("a", Relay(), 1), two.population("b", Relay(), 1)
    with pytest.raises(ModelError, match="which population is the output"):
        output_of(two, None, "x")


def test_readouts_of_a_state(network):
    trace = jnp.asarray(np.array([[[1.0, -2.0, 0.0], [5.0, -1.0, 0.0], [3.0, -6.0, 0.0]]], np.float32))
    seen = response(hidden=jnp.zeros((1, 3, 4)), y=trace)
    for kind, expected in ((losses.Maximum, [5, -1, 0]), (losses.MeanOverTime, [3, -3, 0]), (losses.Last, [3, -6, 0])):
        assert np.allclose(kind(gain=2.0).resolved(network)(seen), 2 * np.array([expected]))


def test_counts_and_first_spikes(network):
    fired = spikes([0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1])
    assert np.array_equal(losses.SpikeCount("hidden").resolved(network)(response(hidden=fired)), [[2, 0, 4, 1]])
    assert np.allclose(first_spike_times(fired, 0.5), [[1.0, 2.0, 0.5, 2.0]])
    # One spike more before the first moves the time to it: its gradient is minus the steps that it saves.
    slope = jax.grad(lambda s: first_spike_times(s, 1.0)[0, 0])(fired)
    assert np.allclose(slope[0, :, 0], [-1.0, -2.0, 0.0, 0.0])


# --- closed forms -------------------------------------------------------------------------------------------------------


def test_cross_entropy_of_two_classes():
    loss = losses.CrossEntropy()
    outputs, target = jnp.asarray([[0.0, 0.0], [2.0, 0.0]]), jnp.asarray([0, 1])
    assert np.allclose(loss(outputs, target, 1.0), [math.log(2), math.log1p(math.exp(2.0))])
    assert np.array_equal(loss.correct(outputs, target), [True, False])
    smooth = losses.CrossEntropy(smoothing=0.5)(outputs, target, 1.0)[1]
    assert np.isclose(smooth, 0.5 * math.log1p(math.exp(2.0)) + 0.5 * (math.log1p(math.exp(2.0)) + math.log1p(math.exp(-2.0))) / 2)
    slope = jax.grad(lambda o: loss(o, target, 1.0).sum())(outputs)
    assert np.allclose(slope, np.array(jax.nn.softmax(outputs)) - np.eye(2), atol=1e-6)


def test_rates(network):
    loss = losses.SpikeRate("hidden", right=500.0, wrong=0.0, scale=100.0).resolved(network)
    rates = loss.outputs(response(hidden=spikes([0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0])))
    assert np.array_equal(rates, [[500, 0, 250, 0]])
    assert np.allclose(loss(rates, jnp.asarray([0]), 1.0), [2.5**2 / 4]) and bool(loss.correct(rates, jnp.asarray([0]))[0])
    assert np.allclose(loss(rates, jnp.asarray([[500.0, 0, 250, 200]]), 1.0), [1.0])


def test_mean_rates_of_populations(network):
    """Two populations of different size; what lies before `skip` does not count."""
    loss = losses.PopulationRates(("hidden", "input"), scale=50.0, skip=1.0).resolved(network)
    seen = losses.Response({"hidden": spikes([1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0]), "input": spikes([1, 1, 1], [1, 0, 0])}, {}, 1.0)
    rates = loss.outputs(seen)
    assert np.allclose(rates, [[250.0, 500.0]]) and np.allclose(loss(rates, jnp.asarray([[200.0, 550.0]]), 1.0), [1.0])
    with pytest.raises(ModelError, match="no population 'hiden'"):
        losses.PopulationRates(("hiden",)).resolved(network)
    with pytest.raises(ModelError, match="readout never spikes"):
        losses.PopulationRates(("readout",)).resolved(network)
    with pytest.raises(ModelError, match="leaves no step"):
        losses.PopulationRates(("hidden",), skip=3.0).outputs(seen)
    for wrong in ({"of": ()}, {"of": "hidden"}, {"of": ("a", "a")}, {"of": ("a",), "scale": 0.0}, {"of": ("a",), "skip": -1.0}, {"of": ("a",), "scale": True}):
        with pytest.raises(ModelError, match="PopulationRates"):
            losses.PopulationRates(**wrong)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_van_rossum_of_one_and_of_two_spikes(dt):
    steps, tau = round(60 / dt), 7.0
    one = np.zeros((1, steps, 2), np.float32)
    one[0, 9, 0] = 1.0  # a spike against none: 1/2, wherever it is, also where it is cut off
    one[0, steps - 1, 1] = 1.0
    assert np.allclose(van_rossum(jnp.asarray(one), dt, tau), 0.5, rtol=1e-5)
    apart = np.zeros((1, steps, 1), np.float32)
    apart[0, 5], apart[0, 5 + round(4 / dt)] = 1.0, -1.0
    assert np.allclose(van_rossum(jnp.asarray(apart), dt, tau), 1 - math.exp(-4 / tau), rtol=1e-5)


def test_likelihood_of_a_poisson_process(network):
    hazard = npl.Expression(lambda s, p: p.hazard(s), name="hazard")
    net = npl.Network("escape")
    net.population("hidden", EscapeLIF(), 1)
    loss = losses.PointProcess(hazard).resolved(net)
    counts = np.array([[[2.0], [0.0], [1.0]]])
    rate = np.array([[[0.5], [0.25], [2.0]]])
    target = loss.check(counts, (3, 1))
    from scipy.stats import poisson

    assert np.allclose(loss(jnp.asarray(rate), jnp.asarray(target), 0.1), -poisson.logpmf(counts, rate * 0.1).sum(), rtol=1e-5)
    with pytest.raises(ModelError, match="numbers of spikes"):
        loss.check(counts + 0.5, (3, 1))


def test_trace_error_and_skip():
    loss = losses.TraceError("hidden.v", scale=2.0, skip=1)
    outputs, target = jnp.asarray([[[100.0], [4.0], [1.0]]]), jnp.asarray([[[0.0], [0.0], [1.0]]])
    assert np.allclose(loss(outputs, target, 1.0), [2.0])
    assert np.allclose(losses.SquaredError(losses.Last())(jnp.asarray([[1.0, 3.0]]), jnp.asarray([[0.0, 1.0]]), 1.0), [2.5])


@pytest.mark.parametrize(
    ("loss", "outputs", "target"),
    [
        (losses.CrossEntropy(smoothing=0.1), RANDOM.normal(size=(3, 4)), np.array([0, 3, 1])),
        (losses.SpikeRate(), RANDOM.uniform(0, 90, (3, 4)), np.array([0, 3, 1])),
        (losses.PopulationRates(("a", "b")), RANDOM.uniform(0, 90, (3, 2)), RANDOM.uniform(0, 90, (3, 2))),
        (losses.VanRossum(tau=5.0), RANDOM.uniform(size=(3, 6, 2)), (RANDOM.uniform(size=(3, 6, 2)) < 0.3).astype(float)),
        (losses.TraceError(scale=3.0), RANDOM.normal(size=(3, 6, 2)), RANDOM.normal(size=(3, 6, 2))),
        (losses.SquaredError(losses.Last()), RANDOM.normal(size=(3, 4)), RANDOM.normal(size=(3, 4))),
        (losses.PointProcess(npl.Expression(lambda s, p: p.hazard(s), name="h")), RANDOM.uniform(0.1, 1, (3, 6, 2)), RANDOM.poisson(1.0, (3, 6, 2)).astype(float)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Loss) else "",
)
def test_gradients_are_finite_differences(loss, outputs, target):
    with jax.enable_x64(True):
        checked = jnp.asarray(loss.check(target, outputs.shape[1:]))

        def total(o: Any) -> Any:
            return loss(o, checked, 0.5).sum()

        slope, direction, h = jax.grad(total)(jnp.asarray(outputs)), RANDOM.normal(size=outputs.shape), 1e-6
        numeric = (total(jnp.asarray(outputs + h * direction)) - total(jnp.asarray(outputs - h * direction))) / (2 * h)
        assert np.isclose(float((np.asarray(slope) * direction).sum()), float(numeric), rtol=1e-6)


# --- regularisers and scores ------------------------------------------------------------------------------------------------


def test_bounds_of_rates(network):
    counts = jnp.asarray([1.0, 1.0, 0.0])
    fired = jnp.asarray(np.array([[[1, 0]] * 2 + [[0, 0]] * 2, [[0, 0]] * 4, [[1, 1]] * 4], np.float32))  # 500 and 0 Hz; nothing; what only fills the batch
    seen = losses.Response({"hidden": fired}, {}, 1.0)
    low = {"low": 100.0, "high": 200.0, "populations": ("hidden",), "scale": 100.0}
    assert np.isclose(losses.RateBounds(**low, over="sample")(seen, counts), (9 + 1 + 1 + 1) / 4)
    assert np.isclose(losses.RateBounds(**low, over="batch")(seen, counts), (0.5**2 + 1) / 2)  # means 250 and 0 Hz
    assert np.isclose(losses.RateBounds(**low, over="population", strength=2.0)(seen, counts), 0.0)  # mean 125 Hz
    assert losses.RateBounds().resolved(network).populations == ("hidden",)
    with pytest.raises(ModelError, match="readout never spikes"):
        losses.RateBounds(populations="readout").resolved(network)


@pytest.mark.parametrize(
    ("one", "other", "q", "expected"),
    [
        ([], [], 1.0, 0.0), ([5.0], [], 1.0, 1.0), ([5.0], [6.0], 0.5, 0.5), ([5.0], [15.0], 0.5, 2.0), ([1.0, 2, 3], [1, 2, 3], 9.0, 0.0),
        ([1.0, 2, 3], [7.0], 0.0, 2.0), ([3.0, 10.0], [10.5, 2.0], 0.2, 0.3), ([0.0, 10.0], [10.0, 20.0], 10.0, 2.0),
    ],
)  # fmt: skip
def test_victor_purpura(one, other, q, expected):
    assert np.isclose(losses.victor_purpura(one, other, q), expected) and np.isclose(losses.victor_purpura(other, one, q), expected)


def test_coincidence_factor():
    """Closed forms: 1 for equal trains, -chance / (1 - chance) without coincidences, 0 on average for a Poisson train; a spike counts once."""
    a, rng = np.arange(10.0, 1000.0, 25.0), np.random.default_rng(1)
    chance = 2 * 2.0 * a.size / 1000.0
    assert np.isclose(losses.coincidence_factor(a, a + 1.9, 1000.0), 1.0) and np.isclose(losses.coincidence_factor(a, a + 12.0, 1000.0), -chance / (1 - chance))
    random = [losses.coincidence_factor(np.sort(rng.uniform(0, 1e4, 100)), np.arange(50.0, 1e4, 100.0), 1e4, 5.0) for _ in range(300)]
    assert abs(np.mean(random)) < 0.02
    assert np.isclose(losses.coincidence_factor([10.0, 11.0], [10.5], 1e3, 1.0), (1 - 4e-3) / 1.5 / (1 - 4e-3))
    assert np.isnan(losses.coincidence_factor([], [], 10.0)) and losses.coincidence_factor([], [1.0], 10.0) == 0.0
    for wrong in (([np.nan], [1.0], 10.0), ([1.0], [[1.0]], 10.0), ([1.0], [1.0], 0.0), ([1.0], [1.0], 10.0, -1.0), ([1.0, 2.0], [1.0], 8.0), (["x"], [1.0], 8.0)):
        with pytest.raises(ModelError, match="coincidence_factor"):
            losses.coincidence_factor(*wrong)


def test_victor_purpura_is_the_best_of_all_ways():
    """Against the recursion of the paper, on random trains."""

    def recursion(a: list[float], b: list[float], q: float) -> float:
        table = np.zeros((len(a) + 1, len(b) + 1))
        table[:, 0], table[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
        for i in range(len(a)):
            for j in range(len(b)):
                table[i + 1, j + 1] = min(table[i, j + 1] + 1, table[i + 1, j] + 1, table[i, j] + q * abs(a[i] - b[j]))
        return float(table[-1, -1])

    for _ in range(20):
        a, b = (sorted(RANDOM.uniform(0, 50, RANDOM.integers(0, 9))) for _ in range(2))
        assert np.isclose(losses.victor_purpura(a, b, 0.2), recursion(a, b, 0.2))
