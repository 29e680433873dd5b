"""Codes and decoders against their closed forms, and properties that hold for any observation or rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

import neuropil as npl
from neuropil import rng
from neuropil.errors import ModelError
from neuropil.model import (
    Currents,
    Edges,
    Network,
    OneHot,
    PlaceCode,
    PopulationCode,
    PopulationVector,
    RateCode,
    Rates,
    Softmax,
    Step,
    WinnerTakesAll,
)
from neuropil.units import Hz, kHz, ms
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.sensor import Sensor

ANY = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=2)


def test_population_code_is_a_gaussian_of_the_distance_to_each_centre() -> None:
    code = PopulationCode((0.0, -1.0), (2.0, 1.0), (3, 5), width=0.5)
    found = code.activity([[0.5, 0.0]])[0]
    first = np.exp(-0.5 * ((0.5 - np.array([0.0, 1.0, 2.0])) / 0.5) ** 2)
    second = np.exp(-0.5 * ((0.0 - np.linspace(-1, 1, 5)) / 0.25) ** 2)
    np.testing.assert_allclose(found, np.concatenate([first, second]), rtol=1e-14)
    assert code.cells == 8


@given(ANY)
def test_place_cells_share_one_whole_and_are_products_of_the_dimensions(seen: list[float]) -> None:
    code = PlaceCode((0.0, -1.0), (2.0, 1.0), (3, 5))
    found = code.activity([seen])[0]
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-12)
    assert np.linalg.matrix_rank(found.reshape(3, 5), tol=1e-9) == 1
    assert (found == code.activity([np.clip(seen, (0, -1), (2, 1))])[0]).all()  # beyond the ends: as at the ends


def test_one_hot() -> None:
    assert OneHot(3, each=2).activity([[1.0], [2.0]]).tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]]


def test_currents_make_cells_fire_at_the_rates_asked_for() -> None:
    """Against the simulator itself at a fine step: within 1 % and one spike of 2 s."""
    asked = np.array([0.0, 0.01, 0.05, 0.2, 0.5])  # kHz
    net = Network()
    cells = net.population("cells", LIFExp(t_ref=1 * ms), asked.size)
    net.stimulate(cells, Step(Currents(1 * kHz).drive(asked)), input="current")
    simulation = npl.Simulation(net, dt=0.01 * ms, threads=1, precision="float64", record_spikes=False)
    simulation.step(200_000)
    assert (np.abs(simulation.counts - 2000 * asked) <= 1 + 0.01 * 2000 * asked).all()


def test_rates_set_poisson_sources() -> None:
    """Counts of 200 cells in 500 steps are binomial; both tails at 1e-6 for each rate: a false alarm in 10⁵ runs."""
    net = Network()
    cells = net.population("cells", Sensor(), 400)
    simulation = npl.Simulation(net, dt=1 * ms, threads=1, record_spikes=False)
    rates = Rates(100 * Hz).drive(np.repeat([0.1, 1.0], 200))
    simulation.set_state(cells, "rate", rates)
    _, neurons = simulation.step(500)
    for part, rate in ((neurons < 200, 0.01), (neurons >= 200, 0.1)):
        law = binom(200 * 500, 1 - np.exp(-rate))
        assert law.ppf(1e-6) <= part.sum() <= law.isf(1e-6)


def test_winner_takes_all_and_ties_fall_evenly() -> None:
    rates = np.array([[[1.0, 3.0], [5.0, 1.0], [0.0, 1.0]]])
    assert WinnerTakesAll(3).decode(rates, np.array([0.5])).tolist() == [1]
    assert WinnerTakesAll(3, lowest=True).decode(rates, np.array([0.5])).tolist() == [2]
    tie = np.zeros((4, 2, 1))
    assert WinnerTakesAll(2).decode(tie, np.array([0.1, 0.49, 0.51, 0.9])).tolist() == [0, 0, 1, 1]


@given(st.lists(st.floats(0, 500), min_size=3, max_size=3), st.floats(0.5, 50))
def test_softmax_draws_with_its_own_chances(mean: list[float], temperature: float) -> None:
    """The share of a fine grid of deviates that gives each action is exp(r/T)/Σ, to the grid's fineness."""
    n = 2000
    deviate = (np.arange(n) + 0.5) / n
    actions = Softmax(3, temperature).decode(np.tile(np.array(mean)[None, :, None], (n, 1, 1)), deviate)
    odds = np.exp((np.array(mean) - max(mean)) / temperature)
    np.testing.assert_allclose(np.bincount(actions, minlength=3) / n, odds / odds.sum(), atol=1.01 / n)


def test_rate_code_and_population_vector() -> None:
    rates = np.array([[[10.0, 20.0, 30.0, 0.0]]])
    assert RateCode(0.1, offset=5.0).decode(rates, np.zeros(1)).tolist() == [1.0]
    compass = PopulationVector([[1, 0], [0, 1], [-1, 0], [0, -1]])
    np.testing.assert_allclose(compass.decode(rates, np.zeros(1)), [[-20 / 60, 20 / 60]])
    np.testing.assert_allclose(compass.decode(0 * rates, np.zeros(1)), [[0, 0]])


def test_what_makes_no_code_is_refused() -> None:
    for wrong in (dict(low=(0.0,), high=(1.0, 2.0), count=(3,)), dict(low=(1.0,), high=(0.0,), count=(3,)), dict(low=(0.0,), high=(1.0,), count=(1,))):
        with pytest.raises(ModelError):
            PlaceCode(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="width"):
        PlaceCode((0.0,), (1.0,), (3,), width=0.0)
    with pytest.raises(ModelError, match="do not fit"):
        PlaceCode((0.0,), (1.0,), (3,)).activity([[0.0, 1.0]])
    with pytest.raises(ModelError, match="temperature"):
        Softmax(2, 0.0)
    with pytest.raises(ModelError, match="at least 2"):
        WinnerTakesAll(1)
    with pytest.raises(ModelError, match="preferred"):
        PopulationVector([[1.0]]).decode(np.ones((1, 1, 2)), np.zeros(1))


def test_copies_do_not_touch() -> None:
    rule = Edges.blocks([1], 2, 4)
    assert set(rule.pre) == {2, 3} and set(rule.post) == {4, 5, 6, 7} and rule.pre.size == 8


def test_deviates_are_functions_of_copy_and_turn() -> None:
    key = rng.stream_key(1, "decode")
    assert rng.uniform(key, 2, 5) == rng.uniform(key, np.arange(4)[:, None], np.arange(8))[2, 5]
