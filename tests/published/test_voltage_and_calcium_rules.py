"""Rules that read the target's potential or calcium: Clopath & al. 2010 and Graupner & Brunel 2012."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import erf

from neuropil.engine import Simulation
from neuropil.model import Network, Neuron, OneToOne, Port, SpikeList, State
from neuropil.units import Voltage, ms, mV, nS, second
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.neurons.spike_shape import SpikeShapeAdEx
from neuropil.zoo.plasticity.calcium_graupner_brunel import CURVES, GraupnerBrunel, GraupnerBrunelEvents
from neuropil.zoo.plasticity.voltage_stdp import VoltageSTDP
from pairings import after, script

# --- Clopath ---------------------------------------------------------------------------------------------------------


class Held(Neuron):
    """A neuron in voltage clamp."""

    at: Voltage = -70 * mV

    v = State("at")
    felt = State(0.0)
    synapses = Port(1.0)

    def receive(self, s, w):
        return {"felt": w.synapses}


def test_at_a_held_potential_the_change_is_the_equation_summed():
    """Depression with every spike, potentiation while x̄ lasts; the steps' sum of x̄ is geometric. To 1e-9."""
    held, dt = np.array([-80.0, -70.0, -60.0, -50.0, -45.0, -40.0, -30.0, -10.0]), 0.1
    arrivals, end = 300.0 + 40.0 * np.arange(5), 700.0
    network = Network("clamp")
    source, target = network.population("source", Relay(), held.size), network.population("target", Held(at=held * mV), held.size)
    script(network, source, [arrivals - dt] * held.size)
    rule = VoltageSTDP(start=0.2)  # potentiation must not meet the bound
    network.project(source, target, OneToOne(), weight=1.0, delay=dt * ms, port="synapses", synapse=rule, name="p")
    simulation = Simulation(network, precision="float64", threads=1)
    simulation.run(end * ms)
    found = simulation.synapses("p")
    simulation.close()
    low = held + (-70.6 - held) * np.exp(-(arrivals[:, None]) / 10.0)  # ū₋ at every spike
    down = 14e-5 * np.maximum(low + 70.6, 0.0).sum(0)
    k = np.arange(round(end / dt))
    x = np.array([np.where(k * dt >= a - 1e-9, np.exp(-(k * dt - a) / 15.0), 0.0) for a in arrivals]).sum(0) / 15.0
    plus = held[:, None] + (-70.6 - held[:, None]) * np.exp(-k * dt / 7.0)[None, :]
    up = 8e-5 * np.maximum(held + 45.3, 0.0) * (x * np.maximum(plus + 70.6, 0.0)).sum(1) * dt
    expected = 0.2 - down + up
    np.testing.assert_allclose(found["efficacy"], expected, rtol=1e-9)
    change = found["efficacy"] - 0.2
    assert abs(change[0]) < 1e-12 and np.all(change[1:5] < 0) and np.all(change[6:] > 0), "nothing, depression, potentiation"


def paired(frequencies: list[float], lag: float) -> np.ndarray:
    """Change by five bursts of five pairings, 1.5 s apart, in the spike-shaped AdEx; scaled to 15 bursts.

    On the way: the rule's equations, stepped here over the recorded potential, give the same to 1e-9.
    """
    network, n, dt = Network("pairing"), len(frequencies), 0.1
    source, target = network.population("source", Relay(), n), network.population("target", SpikeShapeAdEx(), n)
    trains = [np.concatenate([200.0 + 1500.0 * burst + np.arange(5) * 1000.0 / f for burst in range(5)]) for f in frequencies]
    script(network, source, [np.round(t, 1) for t in trains])
    every, who = np.round(np.concatenate(trains) + lag, 1), np.repeat(np.arange(n), [t.size for t in trains])
    network.stimulate(target, SpikeList(every * ms, who), port="exc", weight=200 * nS)
    network.project(source, target, OneToOne(), weight=1e-6 * nS, delay=dt * ms, port="exc", synapse=VoltageSTDP(), name="p")
    network.probe(target, "v")
    simulation = Simulation(network, precision="float64", threads=1)
    result = simulation.run(8000 * ms)
    found = simulation.synapses("p")["efficacy"]
    simulation.close()
    assert np.all(np.bincount(result.spikes.of("target").neuron, minlength=n) == 25), "one spike for each pulse"
    np.testing.assert_allclose(found - 0.5, stepped(result.traces["target.v"].values, trains, dt), rtol=1e-9)
    return 3.0 * (found - 0.5) / 0.5


def stepped(v, trains, dt):
    """Clopath's equations over the target's potential [steps, synapses], which begins at rest."""
    arrives = np.zeros(v.shape, bool)
    for synapse, t in enumerate(trains):
        arrives[np.round(t / dt).astype(int), synapse] = True  # the step after it was told, and a delay of one step
    low = high = np.full(v.shape[1], -70.6)
    x = change = np.zeros(v.shape[1])
    for before, arriving in zip(np.vstack([low, v[:-1]]), arrives, strict=True):
        change = change + 8e-5 * x * np.maximum(before + 45.3, 0.0) * np.maximum(high + 70.6, 0.0) * dt
        low = before + (low - before) * np.exp(-dt / 10.0)
        high = before + (high - before) * np.exp(-dt / 7.0)
        change = change - 14e-5 * np.maximum(low + 70.6, 0.0) * arriving
        x = x * np.exp(-dt / 15.0) + arriving / 15.0
    return change


def test_pairings_depress_at_low_and_potentiate_at_high_frequency():
    """Clopath 2010, its figure 2 after Sjöström & al. 2001: signs and order, since the spike's shape is ours."""
    frequencies = [5.0, 10.0, 20.0, 40.0, 50.0]
    before, later = paired(frequencies, 10.0), paired(frequencies, -10.0)
    assert np.all(np.diff(before[1:]) > 0) and before[-1] > 0.2, "pre before post: grows with frequency"
    assert later[0] < 0 and later[1] < 0 and later[-1] > 0, "post before pre: depression turns into potentiation"


def test_the_spike_can_be_seen_in_v_and_the_threshold_jumps():
    """An event that makes a neuron at rest spike fails 4 ms after a spike: the threshold falls back from its jump with τ_T."""
    network = Network("shape")
    target = network.population("target", SpikeShapeAdEx(), 2)
    network.stimulate(target, SpikeList(np.array([50.0, 50.0, 54.0]) * ms, np.array([0, 1, 1])), port="exc", weight=100 * nS)
    network.probe(target, "v")
    network.probe(target, "v_t")
    simulation = Simulation(network, precision="float64", threads=1)
    result = simulation.run(100 * ms)
    simulation.close()
    v, threshold = result.traces["target.v"].values[:, 0], result.traces["target.v_t"].values[:, 0]
    above = np.sum(v > 0.0) * 0.1
    assert v.max() > 20.0 and 0.8 <= above <= 2.5, f"{above} ms above 0 mV"
    spikes = result.spikes.of("target")
    assert np.bincount(spikes.neuron, minlength=2).tolist() == [1, 1], "the second event of neuron 1 fails"
    since = 0.1 * np.arange(threshold.size - spikes.step[0] + 1)
    np.testing.assert_allclose(threshold[spikes.step[0] - 1 :], -50.4 + 20.0 * np.exp(-since / 50.0), rtol=1e-9)


# --- Graupner and Brunel ---------------------------------------------------------------------------------------------


def by_crossings(events, rho, given):
    """The efficacy by stepping from threshold crossing to threshold crossing; events are (time, jump of calcium)."""
    g, tau, tau_c = given, 150_000.0, 20.0
    c, now = 0.0, 0.0
    for when, jump in [*sorted(events), (np.inf, 0.0)]:
        last = min(when, now + 1000.0)
        cuts = [now + tau_c * np.log(c / th) for th in (g["theta_d"], g["theta_p"]) if c > th]
        edges = sorted({now, *(t for t in cuts if t < last), last})
        for a, b in itertools.pairwise(edges):
            middle = c * np.exp(-(0.5 * (a + b) - now) / tau_c)
            up, down = g["gamma_p"] * (middle > g["theta_p"]), g["gamma_d"] * (middle > g["theta_d"])
            if up + down:
                rest = up / (up + down)
                rho = rest + (rho - rest) * np.exp(-(up + down) * (b - a) / tau)
        if np.isfinite(when):
            c, now = c * np.exp(-(when - now) / tau_c) + jump, when
    return rho


LAGS = np.array([-80.0, -50.0, -30.0, -20.0, -10.0, -5.0, 5.0, 10.0, 20.0, 30.0, 50.0, 80.0])


def protocol(name: str, pairs: int = 20, interval: float = 1000.0):
    """Arrivals of calcium (D after the spike) and spikes, `pairs` times at every lag, and one arrival long after."""
    given, delay = CURVES[name]
    pre = [200.0 + interval * np.arange(pairs) + delay.value for _ in LAGS]
    post = [200.0 + interval * np.arange(pairs) + lag for lag in LAGS]
    return given, [np.round(np.append(p, interval * pairs + 1000.0), 1) for p in pre], [np.round(p, 1) for p in post]


@pytest.mark.parametrize("name", list(CURVES))
def test_change_over_lag_is_the_time_above_thresholds(name):
    """20 pairs at 1 Hz, from ρ = 0.5, by the event-driven form: equal to 1e-9 to a walk over crossings; signs as in figure 2."""
    given, pre, post = protocol(name)
    found = after(GraupnerBrunelEvents(**given), pre, post, 22_000.0)["efficacy"]
    expected = [
        by_crossings([*((t, given["c_pre"]) for t in a), *((t, given["c_post"]) for t in b)], 0.5, given) for a, b in zip(pre, post, strict=True)
    ]
    # The last arrival, long after, brings everything up to date; what its own calcium does comes later.
    last = [by_crossings([(0.0, given["c_pre"])], e, given) for e in (0.0, 1.0)]
    np.testing.assert_allclose(last[0] + (last[1] - last[0]) * found, expected, rtol=1e-9)
    change = found - 0.5
    if name == "DP":
        assert change[LAGS == -20.0] < -1e-3 and change[LAGS == 20.0] > 1e-3
    if name == "DPD":
        assert change[LAGS == 5.0] > 1e-3 and change[LAGS == -50.0] < change[LAGS == 5.0]
    if name == "P":
        assert np.all(change > -1e-3) and change.max() > 1e-2
    if name == "D":
        assert np.all(change < 1e-3) and change.min() < -1e-2


def test_the_whole_equation_agrees_where_the_drift_is_weak_and_has_two_stable_values():
    given, pre, post = protocol("DP", pairs=10, interval=200.0)
    slow = after(GraupnerBrunel(sigma=0.0, **given), pre, post, 4000.0)["efficacy"]
    events = after(GraupnerBrunelEvents(**given), [np.append(p, 3900.0) for p in pre], post, 4000.0)["efficacy"]
    np.testing.assert_allclose(slow, events, atol=2e-3)  # crossings fall between steps of 0.1 ms
    rest = [after(GraupnerBrunel(start=rho, tau=10 * ms), [[]], [[]], 1000.0)["efficacy"][0] for rho in (0.0, 0.49, 0.51, 1.0)]
    np.testing.assert_allclose(rest, [0.0, 0.0, 1.0, 1.0], atol=1e-6)


def test_noise_spreads_an_efficacy_as_the_process_says():
    """Calcium above both thresholds for good: an Ornstein-Uhlenbeck process of mean γp/(γp + γd) and variance σ²/(γp + γd).

    500 synapses after ten of its time constants; five standard errors of mean and variance: a false alarm in a million runs.
    """
    n, rates, sigma = 500, 200.0 + 321.808, 2.8284
    rho = after(GraupnerBrunel(c_pre=10.0, tau_c=1e6 * second), [[1.0]] * n, [[]] * n, 3000.0, dt=0.5)["efficacy"]
    variance = sigma**2 / rates
    assert abs(rho.mean() - 321.808 / rates) < 5 * np.sqrt(variance / n)
    assert abs(rho.var() / variance - 1.0) < 5 * np.sqrt(2.0 / n)


def test_as_many_synapses_cross_as_the_paper_computes():
    """Sixty pairs at 1 Hz, curve "DP": the share of 200 synapses that go from 0 beyond ρ* and from 1 below it, at five lags.

    The paper's own formula, from the shares of time α above the thresholds and without the cubic drift:
    ρ̄ = Γp/(Γp + Γd), s² = σ²(αp + αd)/(Γp + Γd), Γ = γα, U(ρ₀) = (1 + erf((ρ̄ - ρ* + (ρ₀ - ρ̄)e)/(s·√(1 - e²))))/2,
    e = exp(-nT(Γp + Γd)/τ). Five binomial standard errors, and 0.02 for the mean over a cycle.
    """
    lags, n, pairs, sigma = [-60.0, -20.0, 0.0, 20.0, 60.0], 200, 60, 2.8284
    values, delay = CURVES["DP"]
    begins = 100.0 + 1000.0 * np.arange(pairs)
    pre = [begins + delay.value for _ in lags for _ in range(n)]
    post = [begins + lag for lag in lags for _ in range(n)]
    t = np.arange(0.0, 1000.0, 0.05)
    for start in (0.0, 1.0):
        rho = after(GraupnerBrunel(start=start, **values), pre, post, 1000.0 * pairs + 300.0, dt=0.5)["efficacy"].reshape(len(lags), n)
        for lag, found in zip(lags, (rho > 0.5).mean(axis=1), strict=True):
            calcium = np.exp(-((t - 100.0 - delay.value) % 1000.0) / 20.0) + 2.0 * np.exp(-((t - 100.0 - lag) % 1000.0) / 20.0)
            up, down = float((calcium > 1.3).mean()), float((calcium > 1.0).mean())
            rates = values["gamma_p"] * up + values["gamma_d"] * down
            middle, faded = values["gamma_p"] * up / rates, np.exp(-pairs * rates / 150.0)
            s = sigma * np.sqrt((up + down) / rates)
            above = 0.5 * (1.0 + erf((middle - 0.5 + (start - middle) * faded) / (s * np.sqrt(1.0 - faded**2))))
            assert abs(found - above) < 5 * np.sqrt(above * (1.0 - above) / n) + 0.02, (start, lag, found, above)
