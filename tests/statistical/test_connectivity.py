"""Synapses follow the laws that their rules, weights and delays state.

Every comparison is a test at a two-sided false-alarm rate of 1e-6, on fixed seeds: about sixty of them, so that a
correct implementation with other seeds would fail somewhere with a probability below 1e-4.
"""

import numpy as np
import pytest
from scipy import stats

from neuropil import rng
from neuropil.connectivity.draw import delay_steps, edges, expected_synapses, realise
from neuropil.connectivity.samplers import alias_table, delay_pmf
from neuropil.errors import NetworkError
from neuropil.model.base.distribution import LogNormal, Normal, Uniform
from neuropil.model.connection.rules import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from neuropil.model.network.network import Network
from neuropil.units import ms, pA, um
from neuropil.zoo.neurons.lif import LIFExp

ALARM = 1e-6
DT = 0.1


def project(rule, n_source=30, n_target=20, recurrent=False, weight=1 * pA, delay=1 * ms, positions=None, name=None):
    net = Network()
    pos = (None, None) if positions is None else positions
    a = net.population("a", LIFExp(), n_source, positions=pos[0])
    b = a if recurrent else net.population("b", LIFExp(), n_target, positions=pos[1])
    return net.project(a, b, rule, weight=weight, delay=delay, port="exc", name=name)[0]


def pair_counts(projection, seeds):
    """[n_source, n_target] synapses summed over the seeds, and the largest count of a pair in any."""
    shape = projection.source.size, projection.target.size
    total, most = np.zeros(shape), 0
    for seed in range(seeds):
        pre, post, *_ = edges(projection, seed, DT)
        one = np.zeros(shape)
        np.add.at(one, (pre, post), 1)
        total += one
        most = max(most, int(one.max()))
    return total, most


def plausible(statistic, degrees_of_freedom):
    """A chi-square statistic in neither tail: too even is as wrong as too uneven."""
    p = stats.chi2.cdf(statistic, degrees_of_freedom)
    assert ALARM / 2 < p < 1 - ALARM / 2, f"chi-square {statistic:.1f} with {degrees_of_freedom} degrees of freedom"


def follows(counts, probability):
    """Chi-square of counts of outcomes against their probabilities, rare outcomes pooled."""
    expected = np.asarray(probability, float) * counts.sum()
    rare = expected < 10
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], max(expected[rare].sum(), 1e-9))
    keep = expected > 1
    assert observed[~keep].sum() <= 20
    plausible(((observed - expected)[keep] ** 2 / expected[keep]).sum(), keep.sum() - 1)


# --- pairs: every pair equally likely, with the variance that the rule implies ---------------------------------------

SEEDS = 400


def excluded(n):
    return ~np.eye(n, dtype=bool)


@pytest.mark.parametrize("recurrent", [False, True])
def test_fixed_total_with_multapses_is_multinomial_over_pairs(recurrent):
    projection = project(FixedTotal(300, allow_self=False), recurrent=recurrent)
    total, most = pair_counts(projection, SEEDS)
    cells = total[excluded(30)] if recurrent else total.ravel()
    assert total.sum() == cells.sum() == 300 * SEEDS and most > 1
    mean = 300 * SEEDS / cells.size
    plausible(((cells - mean) ** 2).sum() / mean, cells.size - 1)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("n", [90, 480])
def test_fixed_total_without_multapses_is_a_uniform_subset(n, recurrent):
    projection = project(FixedTotal(n, allow_self=False, allow_multiple=False), recurrent=recurrent)
    total, most = pair_counts(projection, SEEDS)
    cells = total[excluded(30)] if recurrent else total.ravel()
    assert total.sum() == cells.sum() == n * SEEDS and most == 1
    p, size = n / cells.size, cells.size
    plausible(((cells - SEEDS * p) ** 2).sum() / (SEEDS * p * (1 - p)) * (size - 1) / size, size - 1)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("p", [0.1, 0.45, 0.8])
def test_fixed_probability_is_bernoulli_in_every_pair(p, recurrent):
    projection = project(FixedProbability(p, allow_self=False), recurrent=recurrent)
    total, most = pair_counts(projection, SEEDS)
    cells = total[excluded(30)] if recurrent else total.ravel()
    assert total.sum() == cells.sum() and most == 1
    plausible(((cells - SEEDS * p) ** 2).sum() / (SEEDS * p * (1 - p)), cells.size)


@pytest.mark.parametrize("by_target", [False, True])
@pytest.mark.parametrize(("k", "multiple"), [(7, True), (7, False), (16, False)])
@pytest.mark.parametrize("recurrent", [False, True])
def test_fixed_degrees(by_target, k, multiple, recurrent):
    rule = (FixedInDegree if by_target else FixedOutDegree)(k, allow_self=False, allow_multiple=multiple)
    projection = project(rule, 20, 20, recurrent)
    total, most = pair_counts(projection, SEEDS)
    table = total.T if by_target else total
    assert np.all(table.sum(axis=1) == k * SEEDS)
    assert (most > 1) == multiple
    cells = table[excluded(20)] if recurrent else table.ravel()
    assert cells.sum() == total.sum()
    per_row = cells.size // 20
    p = k / per_row
    # Each row is a multinomial, or a uniform k-subset.
    variance = SEEDS * p if multiple else SEEDS * p * (1 - p) * per_row / (per_row - 1)
    plausible(((cells - SEEDS * p) ** 2).sum() / variance, 20 * (per_row - 1))


def test_self_connections_occur_unless_excluded():
    for rule in (FixedTotal(400), FixedOutDegree(20), FixedInDegree(20), FixedProbability(0.5)):
        total, _ = pair_counts(project(rule, 20, recurrent=True), 50)
        assert np.diag(total).min() > 0


# --- degrees in large networks ---------------------------------------------------------------------------------------

BIG = 20_000


def degree_histogram(degrees, law):
    longest = int(max(degrees.max(), law.ppf(1 - 1e-12))) + 1
    follows(np.bincount(degrees, minlength=longest + 1), law.pmf(np.arange(longest + 1)))


def degrees_of(rule, **sizes):
    projection = project(rule, BIG, BIG, **sizes)
    pre, post, *_ = edges(projection, 1, DT)
    assert np.all(np.diff(pre) >= 0)
    assert np.array_equal(realise(projection, 1, DT).counts, np.bincount(pre, minlength=BIG))
    return np.bincount(pre, minlength=BIG), np.bincount(post, minlength=BIG)


def test_degrees_of_fixed_probability():
    out_degree, in_degree = degrees_of(FixedProbability(0.005))
    degree_histogram(out_degree, stats.binom(BIG, 0.005))
    degree_histogram(in_degree, stats.binom(BIG, 0.005))


@pytest.mark.parametrize("multiple", [True, False])
def test_degrees_of_fixed_total(multiple):
    n = 40 * BIG
    for degrees in degrees_of(FixedTotal(n, allow_multiple=multiple)):
        assert degrees.sum() == n
        degree_histogram(degrees, stats.binom(n, 1 / BIG))


@pytest.mark.parametrize("multiple", [True, False])
def test_the_free_degree_of_fixed_degree_rules(multiple):
    out_degree, in_degree = degrees_of(FixedOutDegree(40, allow_multiple=multiple))
    assert np.all(out_degree == 40)
    degree_histogram(in_degree, stats.binom(40 * BIG, 1 / BIG))
    out_degree, in_degree = degrees_of(FixedInDegree(40, allow_multiple=multiple))
    assert np.all(in_degree == 40)
    degree_histogram(out_degree, stats.binom(40 * BIG, 1 / BIG))


def test_fixed_total_without_multapses_beyond_numpys_limit():
    """More than 10**9 pairs, where NumPy's multivariate hypergeometric gives up."""
    projection = project(FixedTotal(400_000, allow_multiple=False), 40_000, 40_000)
    counts = realise(projection, 3, DT).counts
    assert counts.sum() == 400_000
    degree_histogram(counts, stats.binom(400_000, 1 / 40_000))


@pytest.mark.parametrize("seed", range(3))
def test_number_of_multapses(seed):
    """Repeats of a pair: K minus the expected number of different cells that K throws into P cells hit."""
    n, cells = 200_000, 1000 * 1000
    pre, post, *_ = edges(project(FixedTotal(n), 1000, 1000), seed, DT)
    repeats = n - np.unique(pre * 1000 + post).size
    expected = n - cells * -np.expm1(n * np.log1p(-1 / cells))
    # The variance of the occupancy of P cells, exactly.
    empty, both = np.exp(n * np.log1p(-1 / cells)), np.exp(n * np.log1p(-2 / cells))
    sd = np.sqrt(cells * empty + cells * (cells - 1) * both - (cells * empty) ** 2)
    assert abs(repeats - expected) < stats.norm.isf(ALARM / 2) * sd


# --- rules that leave nothing to chance, and distances ---------------------------------------------------------------


def test_deterministic_rules():
    pre, post, *_ = edges(project(AllToAll(), 4, 3), 0, DT)
    assert np.array_equal(np.c_[pre, post], np.argwhere(np.ones((4, 3))))
    pre, post, *_ = edges(project(AllToAll(allow_self=False), 4, recurrent=True), 0, DT)
    assert np.array_equal(np.c_[pre, post], np.argwhere(excluded(4)))
    pre, post, *_ = edges(project(OneToOne(), 5, 5), 0, DT)
    assert np.array_equal(pre, np.arange(5)) and np.array_equal(post, np.arange(5))


def test_arrays_stay_with_their_edges():
    rule = Edges(np.array([2, 0, 2, 1, 0]), np.array([1, 1, 0, 2, 1]))
    weight, delay = np.array([1.0, 2, 3, 4, 5]) * pA, np.array([0.1, 0.2, 0.3, 0.4, 0.5]) * ms
    pre, post, w, d, _ = edges(project(rule, 3, 3, weight=weight, delay=delay), 0, DT)
    assert list(zip(pre, post, w, d, strict=True)) == [(0, 1, 2, 2), (0, 1, 5, 5), (1, 2, 4, 4), (2, 1, 1, 1), (2, 0, 3, 3)]
    matrix = np.arange(1.0, 10).reshape(3, 3)
    projection = project(AllToAll(allow_self=False), 3, recurrent=True, weight=matrix * pA, delay=matrix * ms)
    pre, post, w, d, _ = edges(projection, 0, DT)
    assert np.array_equal(w, matrix[pre, post]) and np.array_equal(d, 10 * w)
    assert np.array_equal(delay_steps(projection, DT), np.unique(d))


@pytest.mark.parametrize("periodic", [None, [1000.0, 800.0] * um])
def test_probability_by_distance(periodic):
    where = rng.generator(5, "positions").uniform(0, 1, (2, 700, 2)) * [1000, 800]
    rule = DistanceDependent(lambda d: 0.6 * np.exp(-d / 150), periodic=periodic)
    projection = project(rule, 700, 700, positions=(where[0] * um, where[1] * um))
    pre, post, *_ = edges(projection, 2, DT)
    difference = np.abs(where[0][:, None] - where[1][None])
    if periodic is not None:
        difference = np.minimum(difference, np.array([1000, 800]) - difference)
    distance = np.hypot(*np.moveaxis(difference, 2, 0))
    p = 0.6 * np.exp(-distance / 150)
    made = np.zeros_like(p)
    made[pre, post] = 1
    assert made.sum() == pre.size  # no pair twice
    ring = np.minimum(distance // 25, 16).astype(int).ravel()
    observed, mean, variance = (np.bincount(ring, x.ravel()) for x in (made, p, p * (1 - p)))
    plausible(((observed - mean) ** 2 / variance).sum(), observed.size)
    assert abs(expected_synapses(projection) / p.sum() - 1) < 0.2


def test_certain_and_impossible_distances():
    where = np.linspace(0, 90, 10)[:, None] * um
    rule = DistanceDependent(lambda d: (d < 15).astype(float), allow_self=False)
    pre, post, *_ = edges(project(rule, 10, recurrent=True, positions=(where, where)), 0, DT)
    assert np.array_equal(np.c_[pre, post], np.argwhere(np.abs(np.subtract.outer(range(10), range(10))) == 1))


def test_distances_need_positions_and_probabilities():
    with pytest.raises(NetworkError, match="has no positions"):
        realise(project(DistanceDependent(np.exp)), 0, DT)
    where = np.zeros((30, 2)) * um, np.ones((20, 2)) * um
    with pytest.raises(NetworkError, match="not a probability"):
        realise(project(DistanceDependent(np.exp), positions=where), 0, DT)
    with pytest.raises(NetworkError, match="one positive length per axis"):
        realise(project(DistanceDependent(np.exp, periodic=[1.0, 1, 1] * um), positions=where), 0, DT)


# --- weights ---------------------------------------------------------------------------------------------------------

WEIGHTS = [
    Normal(10 * pA, 3 * pA),
    Normal(10 * pA, 8 * pA, low=0 * pA),
    Normal(-40 * pA, 20 * pA, low=-60 * pA, high=-5 * pA),
    LogNormal(5 * pA, 10 * pA),
    LogNormal(5 * pA, 4 * pA, low=2 * pA, high=9 * pA),
    Uniform(-2 * pA, 7 * pA),
    Normal(0 * pA, 1 * pA, low=4 * pA),
]


@pytest.mark.parametrize("law", WEIGHTS, ids=repr)
def test_weights_follow_their_law(law):
    projection = project(FixedOutDegree(500), 400, 1000, weight=law)
    weight = edges(projection, 1, DT)[2]
    assert weight.min() >= law.low and weight.max() <= law.high
    assert stats.kstest(weight, law.cdf).pvalue > ALARM


@pytest.mark.parametrize("law", WEIGHTS, ids=repr)
def test_weights_are_the_quantiles_of_the_reference_generator(law):
    projection = project(FixedOutDegree(37), 5, 50, weight=law)
    weight = edges(projection, 9, DT)[2].reshape(5, 37)
    u = rng.uniform(rng.stream_key(9, "projection", *projection.stream, "weight"), np.arange(5)[:, None], np.arange(37))
    # Truncation maps words to words: 2**-32 of the probability, here at most 1e-6 of the range of values.
    np.testing.assert_allclose(weight, law.quantile(u), atol=1e-6 * law.largest(), rtol=1e-12)


def test_targets_are_those_of_the_reference_generator():
    projection = project(FixedOutDegree(37), 5, 50, name="named")
    post = edges(projection, 9, DT)[1].reshape(5, 37)
    words = rng.words(rng.stream_key(9, "projection", "named", "a", "b", 0, "target"), np.arange(5)[:, None], np.arange(37))
    assert np.array_equal(post, (words.astype(np.uint64) * np.uint64(50)) >> np.uint64(32))


def test_target_weight_and_delay_are_independent():
    def drawn(name):
        law = {"weight": Normal(1 * pA, 1 * pA), "delay": Normal(5 * ms, 1 * ms, low=1 * ms)}
        return edges(project(FixedOutDegree(500), 1000, 1000, name=name, **law), 1, DT)

    _, post, weight, delay, _ = drawn("one")
    other = drawn("other")
    columns = np.array([post, weight, delay, *other[1:4], np.roll(post, 1), np.roll(weight, 1), np.roll(weight, 500)])
    correlation = np.corrcoef(columns)[np.triu_indices(len(columns), 1)]
    assert np.all(np.abs(correlation) * np.sqrt(post.size) < stats.norm.isf(ALARM / 2 / correlation.size))


# --- delays ----------------------------------------------------------------------------------------------------------

DELAYS = [
    Normal(1.5 * ms, 0.75 * ms, low=DT * ms),
    Normal(0.75 * ms, 0.4 * ms, low=DT / 2 * ms),
    Normal(5 * ms, 0.03 * ms),
    LogNormal(2 * ms, 1 * ms, low=DT * ms, high=20 * ms),
    Uniform(0.5 * ms, 3.25 * ms),
]


@pytest.mark.parametrize("law", DELAYS, ids=repr)
def test_delays_on_the_grid(law):
    steps, probability = delay_pmf(law, DT)
    assert probability.sum() == pytest.approx(1, abs=1e-12) and steps.min() >= 1
    # The definition: a draw, rounded to the nearest step.
    middle = (np.arange(2_000_000) + 0.5) / 2_000_000
    rounded = np.maximum(np.floor(law.quantile(middle) / DT + 0.5), 1).astype(int)
    reference = np.bincount(rounded, minlength=steps[-1] + 1)[: steps[-1] + 1] / middle.size
    np.testing.assert_allclose(probability, reference[steps], atol=2e-6)
    projection = project(FixedOutDegree(1000), 1000, 1000, delay=law)
    delay = edges(projection, 1, DT)[3]
    assert np.isin(delay, delay_steps(projection, DT)).all()
    counts = np.bincount(delay, minlength=steps[-1] + 1)
    follows(counts[steps], probability)


@pytest.mark.parametrize("size", [2, 3, 60, 64, 1000])
def test_alias_tables_lose_no_word(size):
    """The table's probabilities, counted word by word, equal the wanted ones to 2**-32."""
    probability = rng.generator(size, "alias").dirichlet(np.full(size, 0.3))
    threshold, pair, shift = alias_table(probability)
    start = np.arange(threshold.size) << shift
    below = threshold.astype(np.int64) - start
    words = np.zeros(1 << 16)
    np.add.at(words, pair & 0xFFFF, below)
    np.add.at(words, pair >> 16, (1 << shift) - below)
    np.testing.assert_allclose(words[:size], probability * 2**32, atol=size)
    assert words.sum() == 2**32 and words[size:].sum() == 0


def test_delays_round_halves_up():
    assert delay_steps(project(OneToOne(), 2, 2, delay=np.array([0.15, 0.34]) * ms), DT).tolist() == [2, 3]
    assert delay_steps(project(AllToAll(), delay=1.5 * ms), DT).tolist() == [15]


def test_delays_below_the_time_step_are_refused():
    for delay in (0.05 * ms, Uniform(0 * ms, 1 * ms), Normal(1.5 * ms, 0.75 * ms)):
        with pytest.raises(NetworkError, match="time step") as caught:
            delay_steps(project(AllToAll(), delay=delay), DT)
        assert caught.value.fix
    with pytest.raises(NetworkError, match="too many time steps"):
        delay_steps(project(AllToAll(), delay=1e6 * ms), DT)


# --- reproducibility -------------------------------------------------------------------------------------------------


def test_the_same_seed_and_name_give_the_same_synapses():
    law = {"weight": Normal(1 * pA, 1 * pA), "delay": Uniform(1 * ms, 2 * ms)}
    projection = project(FixedProbability(0.3), name="one", **law)
    first = edges(projection, 7, DT)
    assert all(np.array_equal(a, b) for a, b in zip(first, edges(projection, 7, DT), strict=True))
    for name, seed in (("other", 7), ("one", 8)):
        other = edges(project(FixedProbability(0.3), name=name, **law), seed, DT)
        assert other[0].size != first[0].size or not np.array_equal(other[1], first[1])
