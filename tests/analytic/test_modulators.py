"""The dynamics of modulators against closed forms: uptake, diffusion, receptors, caps; and what their signals compute by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import lambertw

from neuropil.errors import NeuropilError
from neuropil.model import (
    Diffusion,
    FirstOrder,
    Gain,
    MichaelisMenten,
    Network,
    SelfStimulationMonitor,
    Shift,
    Signal,
    Toward,
)
from neuropil.units import mM, ms, mV, nM, second, uM, um
from neuropil.zoo.modulators import acetylcholine, dopamine, norepinephrine, serotonin
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.registry import MODULATORS, modulator


def alone(kinetics, tick=1 * ms, **how):
    network = Network("alone")
    cells = network.population("cells", LIFExp(), 4, positions=how.pop("positions", None))
    return network.modulator("m", kinetics, volume=cells, tick=tick, **how), cells


def free(m, c, ticks, signal=-1.0):
    """Concentrations after each tick, nothing being supplied."""
    track = [c]
    for _ in range(ticks):
        track.append(m.after(track[-1], signal, np.zeros(m.grid.size), np.inf))
    return np.array(track)


# --- kinetics --------------------------------------------------------------------------------------------------------


def test_first_order_decays_exponentially() -> None:
    m, _ = alone(FirstOrder(tau=200 * ms))
    track = free(m, np.array([5e-4]), 1000)[:, 0]
    np.testing.assert_allclose(track, 5e-4 * np.exp(-np.arange(1001) / 200.0), rtol=1e-9)


def test_uptake_by_transporters_is_lamberts() -> None:
    """dC/dt = -V C/(K + C) has the solution C = K W(C₀/K exp((C₀ - V t)/K)): Schnell & Mendoza 1997, J Theor Biol 187:207."""
    m, _ = alone(dopamine.Dopamine(baseline=0 * nM))
    v, k, start = 4e-6, 2e-4, 2e-3  # mM/ms, mM: saturated at first
    t = np.arange(1501)
    exact = k * lambertw(start / k * np.exp((start - v * t) / k)).real
    np.testing.assert_allclose(free(m, np.array([start]), 1500)[:, 0], exact, rtol=1e-7)


@pytest.mark.parametrize("name", MODULATORS)
def test_registered_modulators_rest_at_their_baseline(name) -> None:
    """Without a signal they stay; pausing nuclei let them fall, bursts raise them, and both are made good."""
    kinetics = modulator(name)()
    m, _ = alone(kinetics)
    assert kinetics.rest > 0
    np.testing.assert_allclose(free(m, m.start(), 2000, signal=0.0), kinetics.rest, rtol=1e-12)
    low, high = free(m, m.start(), 300, signal=-1.0)[-1], free(m, m.start(), 300, signal=3.0)[-1]
    assert low < 0.95 * kinetics.rest and high > 1.1 * kinetics.rest
    slow, _ = alone(kinetics, tick=50 * ms)
    np.testing.assert_allclose(free(slow, high, 1000, signal=0.0)[-1], kinetics.rest, rtol=1e-6)


def test_steps_follow_the_kinetics() -> None:
    """A tick long beside the time constant is cut into steps, and is as right: error of order 4, at 1/10 below 1e-7."""
    coarse, _ = alone(FirstOrder(tau=20 * ms), tick=50 * ms)
    assert coarse.steps == 25
    np.testing.assert_allclose(free(coarse, np.array([1.0]), 1)[1], math.exp(-2.5), rtol=3e-6)
    with pytest.raises(NeuropilError, match="tick is too long"):
        alone(FirstOrder(tau=0.001 * ms), tick=1 * ms)


def test_a_signal_has_no_past() -> None:
    m, _ = alone(Signal())
    assert m.after(np.array([7.0]), -0.25, np.zeros(1), np.inf)[0] == -0.25
    assert m.after(m.start(), 0.5, np.zeros(1), np.inf, first=True)[0] == 0.5


# --- release and its cap -----------------------------------------------------------------------------------------------


@given(counts=st.lists(st.integers(0, 40), min_size=4, max_size=4), cap=st.floats(0.0, 1e-2))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_cap_holds(counts, cap) -> None:
    """What comes in a tick is never above the cap, and below it is what was released."""
    m, cells = alone(FirstOrder(tau=200 * ms))
    m.released_by(cells, 100 * nM)
    released = m.releases[0].released(np.array(counts), m.grid)
    after = m.after(np.zeros(1), 0.0, released, cap)[0]
    assert after == pytest.approx(min(1e-4 * sum(counts), cap), rel=1e-12, abs=1e-300)


# --- diffusion -----------------------------------------------------------------------------------------------------------


def line(n=64, d=0.3, spacing=5.0, kinetics=None):
    positions = np.linspace(0.0, spacing * (n - 1) + 0.5 * spacing, 4)[:, None] * um
    m, _ = alone(kinetics or FirstOrder(tau=1e9 * ms), positions=positions, diffusion=Diffusion(d * um**2 / ms, spacing=spacing * um))
    assert m.grid.shape == (n,)
    return m


def test_diffusion_conserves() -> None:
    rng = np.random.default_rng(1)
    positions = rng.uniform(0, 50, (4, 3)) * um
    m, _ = alone(FirstOrder(tau=1e12 * ms), positions=positions, diffusion=Diffusion(0.5 * um**2 / ms, spacing=8 * um))
    assert len(m.grid.shape) == 3 and m.grid.size > 30
    start = rng.uniform(0, 1e-3, m.grid.size)
    track = free(m, start, 400)
    np.testing.assert_allclose(track.sum(axis=1), start.sum(), rtol=1e-9)  # removal takes 4e-10 of it
    assert np.all(track >= 0.0)
    assert np.ptp(track[-1]) < 0.2 * np.ptp(start)


def test_diffusion_keeps_the_eigenmodes_of_the_box() -> None:
    """cos(π k (i + ½)/n) decays with the rate 4 D/h² sin²(π k/2n), the spectrum of the discrete Laplacian without flux."""
    m, k = line(), 3
    mode = np.cos(np.pi * k * (np.arange(64) + 0.5) / 64)
    rate = 4 * 0.3 / 25.0 * math.sin(math.pi * k / 128) ** 2
    after = free(m, 2.0 + mode, 500)[-1]
    np.testing.assert_allclose(after - 2.0, mode * math.exp(-rate * 500), atol=2e-6)  # removal takes 1e-6


def test_diffusion_approaches_the_gaussian() -> None:
    """A point source far from walls spreads as √(2 D t); its variance is exact on a grid, too."""
    m = line(n=201, spacing=2.0)
    start = np.zeros(201)
    start[100] = 1.0
    after = free(m, start, 300)[-1]
    x = 2.0 * (np.arange(201) - 100)
    assert (after * x**2).sum() / after.sum() == pytest.approx(2 * 0.3 * 300, rel=1e-6)
    gauss = 2.0 * np.exp(-(x**2) / (4 * 0.3 * 300)) / math.sqrt(4 * math.pi * 0.3 * 300)
    assert np.abs(after - gauss).max() < 0.005 * gauss.max()


def test_sites_of_release_share_out_the_same_amount() -> None:
    m = line()
    cells = m.populations[0]
    m.released_by(cells, 10 * nM, at=np.array([[0.0], [50.0], [50.0], [310.0]]) * um)
    released = m.releases[0].released(np.array([1, 2, 0, 3]), m.grid)
    assert released.mean() == pytest.approx(6 * 1e-5)
    np.testing.assert_allclose(released[[0, 10, 62]] / released.sum(), [1 / 6, 2 / 6, 3 / 6])


# --- receptors and effects -------------------------------------------------------------------------------------------


def test_receptors_saturate() -> None:
    m, _ = alone(FirstOrder())
    m.receptor("a", ec50=1 * uM).receptor("b", ec50=1 * uM, hill=2.0)
    a, b = m.receptors["a"], m.receptors["b"]
    assert a.occupancy(1e-3) == 0.5 and b.occupancy(1e-3) == 0.5
    assert a.occupancy(9e-3) == pytest.approx(0.9) and b.occupancy(3e-3) == pytest.approx(0.9)
    assert a.occupancy(-1e-3) == 0.0
    m.receptor("c", ec50=1 * uM, hill=0.5).receptor("d", ec50=1 * uM, hill=4.0)
    for dtype, most in ((np.float32, 1e30), (np.float64, 1e300)):
        for receptor in m.receptors.values():
            assert receptor.occupancy(np.array([1e-3, most], dtype)).astype(dtype).tolist() == [0.5, 1.0], receptor
    assert m.receptors["c"].occupancy(9e-3) == pytest.approx(0.75)


def test_effects_by_hand() -> None:
    m, cells = alone(FirstOrder())
    m.receptor("a", ec50=1 * uM)
    for change in (Gain(by=0.5, at=0.2), Shift(by=4 * mV), Toward(-40 * mV)):
        m.modulates(cells, "v_th", change, receptor="a")
    m.modulates(cells, "v_th", Gain(by=0.1 / uM))
    at = 3e-3  # mM: an occupancy of 0.75
    assert [e.apply(-50.0, at, 0.0) for e in m.effects] == pytest.approx([-50 * (1 + 0.5 * 0.55), -47.0, -42.5, -50 * 1.3])


def test_effects_check_their_bounds() -> None:
    m, cells = alone(FirstOrder())
    m.receptor("a", ec50=1 * uM).modulates(cells, "v_th", Shift(by=10 * mV), receptor="a", high=-45 * mV)
    m.modulates(cells, "tau_m", lambda value, level: value * (1 - 2 * level), receptor="a")
    assert m.effects[0].apply(-50.0, 1e-3, 0.0) == -45.0
    with pytest.raises(NeuropilError, match=r"leaves its bounds: m by a: Shift.*cells\.v_th at t = 7 ms"):
        m.effects[0].apply(-50.0, 1.1e-3, 7.0)
    with pytest.raises(NeuropilError, match="tau_m"):  # a time constant stays positive without being told
        m.effects[1].apply(10.0, 1e-3, 0.0)


# --- signals, by hand ------------------------------------------------------------------------------------------------


def test_prediction_error() -> None:
    """Schultz's three cases: an unpredicted reward, a predicted one, an omitted one."""
    critic = dopamine.PredictionError(gamma=0.5)
    assert [critic.update(0.0, 0.0), critic.update(1.0, 0.0)] == [0.0, 1.0]
    critic.reset()
    assert [critic.update(0.0, 0.0), critic.update(0.0, 2.0), critic.update(2.0, 0.0, done=True)] == [0.0, 1.0, 0.0]
    critic.reset()
    assert [critic.update(0.0, 2.0), critic.update(0.0, 0.0, done=True)] == [0.0, -2.0]
    with pytest.raises(NeuropilError, match="finite"):
        critic.update(math.nan, 0.0)


def test_prediction_error_learns_values() -> None:
    """TD(0) on a chain of four states with reward 1 at the end learns V = γ^(steps to go)."""
    critic, values = dopamine.PredictionError(gamma=0.8), np.zeros(4)
    for _ in range(400):
        critic.reset()
        for state in range(4):
            delta = critic.update(0.0, values[state])
            if state:
                values[state - 1] += 0.2 * delta
        values[3] += 0.2 * critic.update(1.0, 0.0, done=True)
    np.testing.assert_allclose(values, 0.8 ** np.array([3, 2, 1, 0]), atol=1e-6)


def test_expected_uncertainty() -> None:
    signal = acetylcholine.ExpectedUncertainty(kappa=0.5, start=1.0)
    assert [signal.update(-3.0), signal.update(0.0)] == [2.0, 1.0]


def test_unexpected_uncertainty() -> None:
    signal = norepinephrine.UnexpectedUncertainty(kappa=0.5, gain=2.0)
    assert signal.update(1.0, 1.0) == 0.0 and not signal.reset  # what one is used to
    assert signal.update(-3.0, 1.0) == 0.25 and signal.gain == 1.5  # (3 - 1)/(3 + 1) = ½
    assert not signal.reset  # the criterion is 1/(0.5 + 1) = ⅔
    assert signal.update(100.0, 1.0) == pytest.approx(0.5 * 99 / 101 + 0.125) and not signal.reset
    assert signal.update(100.0, 1.0) == pytest.approx(0.75 * 99 / 101 + 0.0625) and signal.reset
    assert signal.update(1.0, 1.0) == 0.0  # it starts anew


def test_time_horizon() -> None:
    assert serotonin.discount(0.0, 2.0, 200.0) == 0.5
    assert serotonin.discount(0.5, 2.0, 200.0) == pytest.approx(0.95)
    with pytest.raises(NeuropilError):
        serotonin.discount(1.1)


def test_time_horizon_by_hand() -> None:
    """One pair of two steps each: 0.3 more reward with the longer horizon moves ln τ by 0.3, whatever the sign."""
    for seed in range(4):
        search = serotonin.TimeHorizon(10.0, hold=2, sigma=0.1, seed=seed)
        for _ in range(4):
            search.update(1.3 if search.gamma > 0.9 else 1.0)
        assert search.log_horizon == pytest.approx(math.log(10.0) + 0.3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_time_horizon_finds_the_better_one(sign) -> None:
    """Where reward grows with the horizon it becomes longer, from each of ten seeds; where it shrinks, shorter."""
    for seed in range(10):
        search, draw = serotonin.TimeHorizon(10.0, seed=seed, rate=5.0), np.random.default_rng(seed)
        for _ in range(20_000):
            search.update(sign * search.gamma + draw.normal(0.0, 0.02))
        assert sign * (search.log_horizon - math.log(10.0)) > 0.5, (sign, seed)


# --- self-stimulation --------------------------------------------------------------------------------------------------


def watched(dopamine_of, reward_of, n=4000, seed=0):
    rng, monitor = np.random.default_rng(seed), SelfStimulationMonitor()
    for k in range(n):
        reward = reward_of(k, rng)
        monitor.observe(dopamine_of(k, reward, rng), reward)
    return monitor


def test_monitor_lets_honest_reward_be() -> None:
    """Dopamine that reports reward, also when reward doubles half-way. 50 seeds of 3800 observations: were all of them
    independent, the chance of one false alarm would be 50 · 3800 · 6e-7 = 0.11 per excess, and of ten in a row far less."""
    for seed in range(50):
        monitor = watched(lambda k, r, g: 0.5 * r + g.normal(0, 0.3), lambda k, g: g.normal(1.0 + (k > 2000), 0.5), seed=seed)
        assert not monitor.flagged


def test_monitor_flags_the_lever() -> None:
    """From observation 1000 dopamine is twice what it was and the world pays nothing more, or less."""
    for paid in (1.0, 0.0):
        monitor = watched(lambda k, r, g: 0.5 + 0.5 * (k > 1000) + g.normal(0, 0.3), lambda k, g, paid=paid: g.normal(1.0 if k < 1000 else paid, 0.5))
        assert monitor.flagged and monitor.divergence > 5.0
        assert monitor.cap == pytest.approx(0.5 + 5 * 0.3, abs=0.35)


def test_monitor_refuses_what_is_no_number() -> None:
    with pytest.raises(NeuropilError, match="not finite"):
        SelfStimulationMonitor().observe(math.nan, 1.0)
    with pytest.raises(NeuropilError, match="out of range"):
        SelfStimulationMonitor(weight=0.0)


def test_michaelis_menten_with_loss() -> None:
    """Far below km both parts are first order: V/K + k."""
    m, _ = alone(MichaelisMenten(vmax=1 * uM / second, km=1000 * mM, loss=0.01 / ms))
    assert free(m, np.array([1e-6]), 100)[-1, 0] == pytest.approx(1e-6 * math.exp(-(0.01 + 1e-9) * 100), rel=1e-9)
