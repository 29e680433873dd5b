"""The circuits of the zoo do what their papers say: rates, irregularity, synchrony.

Sizes and parameters are compared with the papers' numbers; activity is simulated, small here and at full size with
`-m slow`. Each run is made once and shared by the tests that look at it.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from neuropil.model.network.validate import validate
from neuropil.units import ms
from neuropil.view.statistics import correlations, isi_cv, population_rate, power_spectrum
from neuropil.zoo.circuits.brunel import REGIMES, brunel
from neuropil.zoo.circuits.microcircuit import POPULATIONS, PUBLISHED_HZ, SIZES, microcircuit
from neuropil.zoo.circuits.vogels_abbott import vogels_abbott
from neuropil.zoo.registry import CIRCUITS, circuit

SETTLED = 200.0  # ms left out at the start


@functools.cache
def spikes_of(name: str, duration: float, **arguments: Any) -> Any:
    from neuropil.engine import run

    return run(circuit(name)(**arguments), duration * ms, seed=1).spikes


def rates(spikes: Any, duration: float) -> np.ndarray:
    settled = spikes.between(SETTLED, duration)
    seconds = (duration - SETTLED) / 1000
    return np.array([len(settled.of(p)) / (settled.size(p) * seconds) for p in spikes.populations])


def synchrony(spikes: Any, population: str, duration: float) -> float:
    """Variance over mean of the population's spike counts in 1 ms: 1 for independent Poisson neurons."""
    _, rate = population_rate(spikes, population, SETTLED, duration, 1.0)
    counts = rate * spikes.size(population) / 1000
    return float(counts.var() / counts.mean())


# --- descriptions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CIRCUITS)
def test_valid_at_the_usual_step(name: str) -> None:
    validate(circuit(name)(), 0.1 * ms)


def test_microcircuit_has_the_published_size() -> None:
    net = microcircuit()
    assert net.size == 77_169
    assert sum(p.rule.n for p in net.projections) == pytest.approx(298.9e6, rel=1e-3)
    assert tuple(net.populations) == POPULATIONS


@pytest.mark.parametrize("drive", ["poisson", "dc"])
@pytest.mark.parametrize("scale", [0.5, 0.1, 0.02])
def test_downscaling_keeps_the_mean_input(scale: float, drive: str) -> None:
    """At the published rates each neuron receives on average what it receives at full scale."""

    def mean_input(net: Any) -> np.ndarray:
        total = np.array([float(p.neuron.i_e.value) for p in net.populations.values()])
        index = {name: i for i, name in enumerate(POPULATIONS)}
        for p in net.projections:
            k = p.rule.n / p.target.size
            total[index[p.target.name]] += k * p.weight.mean * 0.5e-3 * PUBLISHED_HZ[index[p.source.name]]
        for d in net.drives:
            total[index[d.target.name]] += d.weight * 0.5e-3 * d.stimulus.rate.value * 1e3
        return total

    # Whole numbers of neurons and synapses leave a rounding: 21 neurons of L5I at scale 0.02.
    assert mean_input(microcircuit(scale, drive)) == pytest.approx(mean_input(microcircuit()), rel=0.002 / scale, abs=2.0)


def test_downscaling_keeps_the_variance_of_the_input() -> None:
    def variance(net: Any) -> np.ndarray:
        total = np.zeros(8)
        index = {name: i for i, name in enumerate(POPULATIONS)}
        for p in net.projections:
            total[index[p.target.name]] += p.rule.n / p.target.size * p.weight.mean**2 * PUBLISHED_HZ[index[p.source.name]]
        for d in net.drives:
            total[index[d.target.name]] += d.weight**2 * d.stimulus.rate.value * 1e3
        return total

    assert variance(microcircuit(0.1)) == pytest.approx(variance(microcircuit()), rel=0.01)


def test_brunel_rates_are_what_its_theory_gives() -> None:
    """Self-consistent mean-field rate (equation 21 of the paper): 55.8, 38.0 and 6.5 Hz in its table 2."""
    integrate, optimize, special = (pytest.importorskip(f"scipy.{m}") for m in ("integrate", "optimize", "special"))

    def excess(rate: float, net: Any) -> float:
        exc, inh = net.projections[0], net.projections[2]
        drive = net.drives[0].stimulus.rate.value * net.drives[0].weight
        tau, c_e, c_i, j, w_i = 20.0, exc.rule.k, inh.rule.k, exc.weight, inh.weight
        mean = tau * (drive + rate * (c_e * j + c_i * w_i))
        sd = np.sqrt(tau * (drive * j + rate * (c_e * j**2 + c_i * w_i**2)))
        integral = integrate.quad(lambda u: special.erfcx(-u), (10 - mean) / sd, (20 - mean) / sd)[0]
        return 1 / (2 + tau * np.sqrt(np.pi) * integral) - rate

    for regime, theory in (("SI-fast", 55.8), ("AI", 38.0), ("SI-slow", 6.5)):
        net = brunel(regime)
        assert net["exc"].size == 10_000 and net["inh"].size == 2_500
        assert 1000 * optimize.brentq(excess, 1e-5, 0.4, args=(net,)) == pytest.approx(theory, abs=0.06)


def test_vogels_abbott_has_the_published_size() -> None:
    net = vogels_abbott()
    assert [p.size for p in net.populations.values()] == [3200, 800]
    synapses = sum(p.rule.expected_synapses(p.source.size, p.target.size, p.recurrent) for p in net.projections)
    assert synapses == pytest.approx(4000 * 80)


# --- activity, small ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("synapses", ["cuba", "coba"])
def test_vogels_abbott_sustains_irregular_firing(synapses: str) -> None:
    spikes = spikes_of("vogels_abbott", 1000.0, synapses=synapses)
    assert len(spikes.between(900.0, 1000.0)) > 0, "the activity died"
    found = rates(spikes, 1000.0)
    assert found == pytest.approx(5.7 if synapses == "cuba" else 18.6, rel=0.25)
    # Eight draws of the synapses gave 17 to 19.5 Hz with conductances.
    low, high = (0.4, 0.8) if synapses == "cuba" else (1.1, 1.8)
    assert low < np.mean(isi_cv(spikes.between(SETTLED, 1000.0), "exc")) < high
    c = correlations(spikes, "exc", SETTLED, 1000.0)
    assert abs(np.nanmean(c)) < 0.1


@pytest.mark.parametrize(("drive", "scale"), [("poisson", 0.1), pytest.param("dc", 0.5, marks=pytest.mark.slow)])
def test_small_microcircuit_keeps_the_rates(drive: str, scale: float) -> None:
    spikes = spikes_of("microcircuit", 1200.0, scale=scale, drive=drive)
    found = rates(spikes, 1200.0)
    # Downscaling keeps rates to first order only; the quiet layers feel the most of what is lost.
    # Eight seeds gave 0.45 ± 0.04 Hz in L23E at a tenth, where 0.9 is published: 0.6 leaves it four standard deviations.
    assert found == pytest.approx(PUBLISHED_HZ, rel=0.35, abs=0.6)
    assert [spikes.size(p) for p in POPULATIONS] == np.round(SIZES * scale).astype(int).tolist()


# Neurons of a small network share their inputs, and the synchronous irregular states are all about correlation: only
# the two regimes that need none of it survive the shrinking.
@pytest.mark.parametrize("regime", ["SR", "AI"])
def test_small_brunel(regime: str) -> None:
    check_brunel(regime, 500, 600.0)


# --- activity, full size --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("regime", REGIMES)
def test_brunel(regime: str) -> None:
    check_brunel(regime, 2500, 5200.0 if regime == "SI-slow" else 1200.0)


@pytest.mark.slow
def test_microcircuit() -> None:
    found = rates(spikes_of("microcircuit", 2200.0), 2200.0)
    assert found == pytest.approx(PUBLISHED_HZ, rel=0.06)


def check_brunel(regime: str, order: int, duration: float) -> None:
    spikes = spikes_of("brunel", duration, regime=regime, order=order)
    rate = rates(spikes, duration)
    cv = float(np.mean(isi_cv(spikes.between(SETTLED, duration), "exc")))
    published = REGIMES[regime].published_hz
    if regime == "SR":
        assert rate[0] > 150 and cv < 0.35, "regular, at high rates"
        return
    # Sharing of inputs in the small network moves the rates; at full size they are the paper's. The slow oscillation has 5.88 Hz
    # (mean of 80 networks, ± 0.03; a second of one network has a standard deviation of 0.28): between the paper's simulation (5.5) and
    # its theory (6.5). Five seconds stay within 15 % but for fewer than one seed in a thousand.
    assert rate == pytest.approx(published, rel=0.3 if order != 2500 else 0.15 if regime == "SI-slow" else 0.1)
    if regime == "AI":
        # Not a published figure. At full size an independent NumPy simulation of the same description gives CV 0.40
        # (36.9 Hz, Fano factor 80 in 1 ms); Brunel's theory of the asynchronous state gives 0.675. See brunel.py.
        if order == 2500:
            assert cv == pytest.approx(0.40, abs=0.05)
        return
    assert cv > 0.5, "irregular"
    together = synchrony(spikes, "exc", duration)
    if regime == "SI-fast":
        assert together > 10
        assert 120 < peak(spikes, duration) < 250
    elif regime == "SI-slow":
        assert together > 2
        assert 10 < peak(spikes, duration) < 60


def peak(spikes: Any, duration: float) -> float:
    """Frequency at which the population's rate oscillates most, Hz."""
    frequency, power = power_spectrum(spikes, "exc", SETTLED, duration)
    fast = frequency > 8
    return float(frequency[fast][np.argmax(power[fast])])
