"""The zoo's neurons against what their papers report. Run by the oracle, so a failure here is the model's, not the engine's."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neuropil.model import Network, Neuron, Step, TimeArray
from neuropil.oracle import simulate
from neuropil.units import Hz, Quantity, ms, mV, pA
from neuropil.zoo.neurons.adex import PATTERNS, AdEx
from neuropil.zoo.neurons.eif import ExponentialLIF
from neuropil.zoo.neurons.gif import GIF
from neuropil.zoo.neurons.hodgkin_huxley import HodgkinHuxley
from neuropil.zoo.neurons.izhikevich import Izhikevich
from neuropil.zoo.neurons.izhikevich_regimes import REGIMES


def together(model: type[Neuron], each: list[Neuron]) -> Neuron:
    """One model whose parameters are arrays: neuron i has those of `each[i]`."""
    values = {n: np.array([getattr(m, n).value for m in each]) for n in model.spec.parameters}
    return model(**{n: Quantity(v, model.spec.parameters[n]) for n, v in values.items()})


def under_steps(model: Neuron, currents: np.ndarray, duration: float, dt: float, initial=None) -> list[np.ndarray]:
    """Spike times (ms) under constant currents in the unit of the model's input, one neuron per current."""
    net = Network()
    p = net.population("p", model, len(currents), initial=initial)
    net.stimulate(p, Step(Quantity(currents, type(model).spec.inputs["current"])), input="current")
    spikes = simulate(net, duration * ms, dt=dt * ms).spikes
    return [spikes.step[spikes.neuron == i] * dt for i in range(len(currents))]


def bursts(times: np.ndarray, gap: float) -> list[int]:
    """Numbers of spikes in the runs that are separated by more than `gap` ms."""
    return [len(run) for run in np.split(times, np.flatnonzero(np.diff(times) > gap) + 1)]


# --- Izhikevich 2004: the twenty regimes ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def izhikevich():
    """name -> (spike times within the panel, v over time at 0.1 ms)."""
    regimes, dt, longest = list(REGIMES.values()), 0.1, 400
    current = np.zeros((round(longest / dt), len(regimes)))
    for i, r in enumerate(regimes):
        row = np.asarray(r.stimulus(dt * ms).values.value)
        current[: len(row), i] = row
    initial = {
        "v": np.array([r.initial()["v"].value for r in regimes]) * mV,
        "u": np.array([r.initial()["u"].value for r in regimes]) * mV / ms,
    }
    net = Network()
    p = net.population("p", together(Izhikevich, [r.neuron() for r in regimes]), len(regimes), initial=initial)
    net.stimulate(p, TimeArray(current * mV / ms, dt * ms), input="current")
    net.probe(p, "v")
    result = simulate(net, longest * ms, dt=dt * ms)
    found = {}
    for i, (name, r) in enumerate(REGIMES.items()):
        t = result.spikes.step[result.spikes.neuron == i] * dt
        found[name] = t[t <= r.duration + 1e-9], result.traces["p.v"][: round(r.duration / dt), i]
    return found


def tonic_spiking(t, v):
    return len(t) >= 4 and np.ptp(np.diff(t)[-2:]) < 0.5 and np.diff(t)[-1] < 40


def phasic_spiking(t, v):
    return len(t) == 1 and t[0] > 20 and v[-1] > -64


def tonic_bursting(t, v):
    runs = bursts(t, 20)
    return len(runs) >= 4 and min(runs) >= 5


def phasic_bursting(t, v):
    return bursts(t, 20)[0] == len(t) and 5 <= len(t) <= 10 and t[-1] < 80


def mixed_mode(t, v):
    runs = bursts(t, 15)
    return runs[0] >= 3 and set(runs[1:]) == {1} and len(runs) >= 4


def spike_frequency_adaptation(t, v):
    i = np.diff(t)
    return len(i) >= 4 and np.all(np.diff(i) > 0) and i[-1] > 10 * i[0]


def class_1(t, v):
    i = np.diff(t)
    return len(t) >= 8 and np.all(np.diff(i) < 0) and i[0] > 2.4 * i[-1]


def class_2(t, v):
    return len(t) >= 10 and np.diff(t)[0] < 22 and t[0] > 60


def spike_latency(t, v):
    return len(t) == 1 and 16 < t[0] < 25


def subthreshold_oscillations(t, v):
    after = v[600:2000]
    peaks = np.flatnonzero((after[1:-1] > after[:-2]) & (after[1:-1] > after[2:])) + 1
    # Around rest (-62.5 mV) the linearised period is 2 pi / sqrt(a b - (0.08 v + 5 + a)² / 4) = 56 ms.
    return len(t) == 1 and len(peaks) >= 3 and np.ptp(after) > 1 and abs(np.diff(peaks).mean() * 0.1 - 56) < 3


def resonator(t, v):
    return len(t) == 1 and 320 < t[0] < 345


def integrator(t, v):
    return len(t) == 1 and 14 < t[0] < 25


def rebound_spike(t, v):
    return len(t) == 1 and t[0] > 25


def rebound_burst(t, v):
    return len(t) >= 5 and t[0] > 25 and bursts(t, 20) == [len(t)]


def threshold_variability(t, v):
    return len(t) == 1 and t[0] > 80


def bistability(t, v):
    return len(t) >= 4 and t[0] > 37.5 and t[-1] < 212 and np.ptp(np.diff(t)[1:]) < 1


def depolarizing_after_potential(t, v):
    after = v[round(t[0] / 0.1) : 300]
    return len(t) == 1 and after[0] < after.max() - 3 and after.max() > -70 + 10 and after[-1] < -69


def accommodation(t, v):
    return len(t) == 1 and 300 < t[0] < 315


def inhibition_induced_spiking(t, v):
    return len(t) >= 3 and t[0] > 50 and t[-1] < 262 and np.diff(t).min() > 30


def inhibition_induced_bursting(t, v):
    runs = bursts(t, 30)
    return len(runs) >= 2 and min(runs) >= 5 and t[0] > 50 and t[-1] < 280


@pytest.mark.parametrize("name", REGIMES)
def test_izhikevich_regime(izhikevich, name):
    t, v = izhikevich[name]
    assert globals()[name](t, v), np.round(t, 1).tolist()


def test_izhikevich_classes_differ_at_rheobase():
    """Class 1 begins to fire at an arbitrarily low rate, class 2 at a rate well above zero."""
    lowest = {}
    for name, currents in (("class_1", np.linspace(0.5, 4, 8)), ("class_2", np.linspace(0.0, 0.5, 11))):
        regime = REGIMES[name]
        spikes = under_steps(regime.neuron(), currents, 1500, 0.25, regime.initial())
        rates = [1000 / np.diff(t[t > 300]).mean() if (t > 300).sum() > 2 else 0.0 for t in spikes]
        lowest[name] = min(r for r in rates if r > 0)
    assert lowest["class_1"] < 10 and lowest["class_2"] > 25


# --- Naud et al. 2008; Brette & Gerstner 2005 ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def adex():
    each = [AdEx(**parameters) for parameters, _ in PATTERNS.values()]
    currents = np.array([current.value for _, current in PATTERNS.values()])
    return dict(zip(PATTERNS, under_steps(together(AdEx, each), currents, 500, 0.1), strict=True))


def test_adex_tonic(adex):
    i = np.diff(adex["tonic"])
    assert len(i) > 40 and np.ptp(i[5:]) < 0.31 and i[0] == pytest.approx(i[-1], rel=0.1)


def test_adex_adaptation(adex):
    i = np.diff(adex["adaptation"])
    assert np.all(np.diff(i[:-1]) > 0) and i[-1] > 5 * i[0]


def test_adex_initial_burst(adex):
    i = np.diff(adex["initial_burst"])
    assert i[0] < 5 and i[1] < 10 and np.all(i[2:] > 50) and np.ptp(i[3:]) < 1


def test_adex_regular_bursting(adex):
    runs = bursts(adex["regular_bursting"], 30)
    assert len(runs) >= 4 and set(runs[1:]) == {2}


def test_adex_delayed_accelerating(adex):
    t = adex["delayed_accelerating"]
    assert t[0] > 25 and len(t) > 20 and np.all(np.diff(np.diff(t))[:20] < 0)


def test_adex_delayed_regular_bursting(adex):
    t = adex["delayed_regular_bursting"]
    assert t[0] > 40 and set(bursts(t, 30)[:-1]) == {4}


def test_adex_transient(adex):
    assert len(adex["transient"]) == 1


def test_adex_irregular(adex):
    """Deterministic chaos: intervals never settle into a cycle."""
    i = np.diff(adex["irregular"])[3:]
    assert len(i) > 15 and i.std() / i.mean() > 0.4
    cycles = [np.max(np.abs(i[p:] - i[:-p])) for p in range(1, 8)]
    assert min(cycles) > 5


def test_adex_rheobase_is_that_of_touboul_and_brette():
    """Rest is lost in a Hopf bifurcation when a / g_L > tau_m / tau_w (Touboul & Brette 2008, Biol. Cybern. 99:319)."""
    g, a, ratio, delta = 30.0, 4.0, 281 / 30 / 144, 2.0
    hopf = (g + a) * (-50.4 + 70.6 - delta + delta * math.log(1 + ratio)) + delta * g * (a / g - ratio)
    currents = hopf * np.array([0.95, 1.05])
    below, above = under_steps(AdEx(), currents, 800, 0.1)
    assert np.sum(below > 200) == 0
    assert np.sum(above > 200) >= 3
    assert 500 < hopf < 700


# --- Fourcaud-Trocmé et al. 2003 -----------------------------------------------------------------------------------


def test_eif_rheobase_and_square_root_onset():
    rheobase = 10 * (-59.9 + 65 - 3.48)
    silent, *firing = under_steps(ExponentialLIF(t_ref=0 * ms), rheobase + np.array([-0.1, 0.5, 2.0]), 1100, 0.1)
    assert silent.size == 0
    slow, fast = (1 / np.diff(t).mean() for t in firing)
    assert fast / slow == pytest.approx(2.0, rel=0.1)
    # At onset the interval is pi over the square root of curvature times excess current.
    expected = math.pi / math.sqrt((0.5 / 100) * (0.1 / (2 * 3.48)))
    assert 1 / slow == pytest.approx(expected, rel=0.1)


# --- Hodgkin & Huxley 1952 -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hodgkin_huxley():
    density = np.array([0.0, 2.0, 2.5, 6.0, 6.5, 10.0, 20.0])  # µA/cm²
    return dict(zip(density.tolist(), under_steps(HodgkinHuxley(), 100 * density, 120, 0.025), strict=True))


def test_hodgkin_huxley_rheobases(hodgkin_huxley):
    """One spike from about 2.2 µA/cm² on; a train only from 6.2 to 6.3 on (fold of cycles; Rinzel 1978)."""
    counts = {i: len(t) for i, t in hodgkin_huxley.items()}
    assert counts[0.0] == counts[2.0] == 0
    assert counts[2.5] == 1
    assert 1 <= counts[6.0] <= 3 and np.all(hodgkin_huxley[6.0] < 60)
    assert counts[6.5] >= 6


def test_hodgkin_huxley_rates(hodgkin_huxley):
    """Class 2: firing begins at some 50 Hz and rises slowly."""
    rate = {i: 1000 / np.diff(t[t > 30]).mean() for i, t in hodgkin_huxley.items() if i > 6.2}
    assert rate[6.5] == pytest.approx(54, abs=3)
    assert rate[10.0] == pytest.approx(68, abs=3)
    assert rate[20.0] == pytest.approx(86, abs=3)


def test_hodgkin_huxley_rests_and_breaks_from_hyperpolarisation():
    net = Network()
    p = net.population("p", HodgkinHuxley(), 2)
    net.stimulate(p, Step(np.array([0.0, -300.0]) * pA, stop=30 * ms), input="current")
    net.probe(p, "v")
    result = simulate(net, 60 * ms, dt=0.025 * ms)
    v = result.traces["p.v"]
    assert np.all(abs(v[:, 0] + 65) < 0.01)
    assert result.spikes.neuron.tolist() == [1]
    assert 30 < result.spikes.step[0] * 0.025 < 45, "a spike on release, none before"
    assert 30 < v[:, 1].max() < 50 and -78 < v[1300:, 1].min() < -72, "overshoot below E_Na, after-potential above E_K"


# --- Mensi et al. 2012 ---------------------------------------------------------------------------------------------


def test_gif_hazard_and_adaptation():
    model = GIF(lambda_0=7 * Hz)
    held = model.with_(e_l=-39.6 * mV, q_eta_1=0 * pA, q_eta_2=0 * pA, q_gamma_1=0 * mV, q_gamma_2=0 * mV, v_reset=-39.6 * mV)
    net = Network()
    net.population("p", held, 300)
    count = simulate(net, 400 * ms, dt=0.5 * ms).spikes.step.size
    expected = 300 * 0.4 / (1 / 7 + 0.004)  # renewal: lambda_0 at V = V_T, dead for t_ref
    assert count == pytest.approx(expected, abs=4 * math.sqrt(expected))

    net = Network()
    p = net.population("p", GIF(), 200)
    net.stimulate(p, Step(150 * pA), input="current")
    times = simulate(net, 900 * ms, dt=0.5 * ms).spikes.step * 0.5
    early, late = np.sum(times <= 300), np.sum(times > 600)
    assert late > 300 and early > 1.2 * late
