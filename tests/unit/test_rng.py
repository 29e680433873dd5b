"""The reference random numbers: published vectors, an independent implementation, and statistics.

A statistical test fails by chance, were the numbers perfect, with probability below 1e-6; the seeds are fixed, so each
passes always or never.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuropil import rng

FALSE_ALARM = 1e-6
KEY = rng.stream_key(20240611, "test", 1)

# Random123 1.14, tests/kat_vectors, "threefry2x32 20": counter, key, result.
KNOWN_ANSWERS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]


# Likewise "threefry4x32 13", "… 20" and "… 72": rounds, counter, key, result.
KNOWN_ANSWERS_4 = [
    (rounds, *(tuple(int(w, 16) for w in words.split()) for words in (counter, key, answer)))
    for counter, key, answers in (
        ("0 0 0 0", "0 0 0 0", {
            13: "531c7e4f 39491ee5 2c855a92 3d6abf9a", 20: "9c6ca96a e17eae66 fc10ecd4 5256a7d8", 72: "93171da6 9220326d b392b7b1 ff58a002",
        }),
        (" ".join(["ffffffff"] * 4), " ".join(["ffffffff"] * 4), {
            13: "c4189358 1c9cc83a d5881c67 6a0a89e0", 20: "2a881696 57012287 f6c7446e a16a6732", 72: "60743f3d 9961e684 aab21c34 8c65fb7d",
        }),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0 082efa98 ec4e6c89", {
            13: "4aa71d8f 734738c2 431fc6a8 ae6debf1", 20: "59cd1dbb b8879579 86b5d00c ac8b6d84", 72: "09930adf 7f27bd55 9ed68ce1 97f803f6",
        }),
    )
    for rounds, answer in answers.items()
]  # fmt: skip


def chi_square_p(observed: np.ndarray, expected: np.ndarray) -> float:
    """Probability of a chi-square at least this large; all cells must expect 5 or more."""
    assert expected.min() >= 5
    statistic = np.sum((observed - expected) ** 2 / expected)
    return float(stats.chi2.sf(statistic, observed.size - 1))


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_threefry_gives_the_published_answers(counter, key, answer):
    first, second = rng.threefry2x32(*key, *counter)
    assert (int(first), int(second)) == answer


@pytest.mark.parametrize(("rounds", "counter", "key", "answer"), KNOWN_ANSWERS_4)
def test_threefry_of_four_words_gives_the_published_answers(rounds, counter, key, answer):
    assert tuple(int(w) for w in rng.threefry4x32(key, counter, rounds)) == answer


def test_threefry_agrees_with_jax():
    theirs_2x32 = pytest.importorskip("jax.extend.random").threefry_2x32
    draw = np.random.default_rng(1)
    counters = draw.integers(0, 2**32, (2, 1000), dtype=np.uint32)
    for key in draw.integers(0, 2**32, (5, 2), dtype=np.uint32):
        first, second = rng.threefry2x32(key[0], key[1], counters[0], counters[1])
        theirs = np.asarray(theirs_2x32(key, counters.ravel()))  # pairs the first half with the second
        np.testing.assert_array_equal(np.concatenate([first, second]), theirs)


def test_threefry_broadcasts_and_leaves_its_arguments_alone():
    element = np.arange(5, dtype=np.uint32)
    first, _ = rng.threefry2x32(1, 2, element[:, None], np.arange(3, dtype=np.uint32))
    assert first.shape == (5, 3) and first.dtype == np.uint32
    assert first[4, 2] == rng.threefry2x32(1, 2, 4, 2)[0]
    np.testing.assert_array_equal(element, np.arange(5))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_words_follow_the_stated_convention(element, step):
    pair = step >> 1
    both = rng.threefry2x32(KEY[0], KEY[1] ^ (pair >> 32), element, pair & 0xFFFFFFFF)
    assert rng.words(KEY, element, np.uint64(step)) == both[step & 1]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_event_words_follow_the_stated_convention(element, step):
    quarter = step >> 2
    upper = int(rng.threefry4x32((*KEY, 0, 0), (element >> 1, quarter & 0xFFFFFFFF, quarter >> 32, 0))[step & 3]) >> 16 * (element & 1) & 0xFFFF
    lower = int(rng.threefry4x32((*KEY, 0, 0), (element, step & 0xFFFFFFFF, step >> 32, 1))[0]) & 0xFFFF
    assert rng.event_words(KEY, element, np.uint64(step)) == upper << 16 | lower


def test_a_part_drawn_alone_equals_the_whole():
    whole = rng.words(KEY, np.arange(100)[:, None], np.arange(2**33 - 5, 2**33 + 5))
    np.testing.assert_array_equal(whole[37, 4:7], rng.words(KEY, 37, np.arange(2**33 - 1, 2**33 + 2)))
    assert len(np.unique(whole)) > 990  # no repetition where the counter's high bits begin


@pytest.mark.parametrize(
    "bad", [(-1, 0), (2**32, 0), (0, -1), (0.5, 0), (0, 1.0)], ids=["negative", "large", "past", "float", "float-step"]
)
def test_words_refuse_what_they_cannot_represent(bad):
    with pytest.raises((ValueError, TypeError), match=r"expected integers|never negative"):
        rng.words(KEY, *bad)


def test_stream_keys_are_stable():
    """Results published with a seed must be repeatable: these values may never change."""
    assert rng.stream_key(0) == STABLE[0]
    assert rng.stream_key(1, "a", 2) == STABLE[1]
    assert rng.stream_key(2**63 - 1, "über", -3) == STABLE[2]
    assert rng.stream_key(np.int64(1), "a", np.int32(2)) == STABLE[1]


STABLE = [(2095420025, 1293909819), (3427802107, 2534917076), (4211840944, 4111768855)]


def test_stream_keys_differ_for_every_path():
    texts = [("a",), ("a", "b"), ("ab",), ("a1",), ("1",), ("",), ("", "")]
    paths = [(), *texts, ("a", 1), (1,), (1, 1), (11,), (0,), (-1,)]
    keys = {rng.stream_key(seed, *path) for seed in (0, 1, 11) for path in paths}
    assert len(keys) == 3 * len(paths)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, None])
def test_stream_key_refuses_bad_seeds(seed):
    with pytest.raises((ValueError, TypeError), match="seed must be"):
        rng.stream_key(seed)


def test_stream_key_refuses_a_purpose_that_has_no_stable_name():
    with pytest.raises(TypeError, match="ints and strings"):
        rng.stream_key(1, 0.5)


def test_uniform_stays_strictly_inside_the_unit_interval():
    u = rng.word_to_uniform(np.array([0, 2**32 - 1], np.uint32))
    assert 0.0 < u[0] < 2**-32 and 1 - 2**-32 < u[1] < 1.0


def test_words_are_uniform_in_high_low_and_joint_bits():
    w = rng.words(KEY, np.arange(4096)[:, None], np.arange(256))
    for shift in (0, 12, 22):
        observed = np.bincount(((w >> np.uint32(shift)) & np.uint32(1023)).ravel(), minlength=1024)
        assert chi_square_p(observed, np.full(1024, w.size / 1024)) > FALSE_ALARM / 3


@pytest.mark.parametrize("draw", [rng.uniform, lambda *at: rng.word_to_uniform(rng.event_words(*at))], ids=["words", "events"])
@pytest.mark.parametrize("pair", ["elements", "steps", "both", "streams", "seeds"])
def test_neighbours_are_independent(pair, draw):
    """The joint distribution of 32 x 32 cells of two neighbouring draws is flat, and their correlation is none."""
    element, step = np.arange(2048)[:, None], np.arange(512)
    first = draw(KEY, element, step)
    second = {
        "elements": lambda: draw(KEY, element + 1, step),
        "steps": lambda: draw(KEY, element, step + 1),
        "both": lambda: draw(KEY, element + 1, step + 1),
        "streams": lambda: draw(rng.stream_key(20240611, "test", 2), element, step),
        "seeds": lambda: draw(rng.stream_key(20240612, "test", 1), element, step),
    }[pair]()
    cells = (first * 32).astype(int) * 32 + (second * 32).astype(int)
    assert chi_square_p(np.bincount(cells.ravel(), minlength=1024), np.full(1024, cells.size / 1024)) > FALSE_ALARM / 2
    z = np.corrcoef(first.ravel(), second.ravel())[0, 1] * np.sqrt(first.size)
    assert 2 * stats.norm.sf(abs(z)) > FALSE_ALARM / 2


def test_normal_deviates_are_normal():
    z = rng.normal(KEY, np.arange(200_000), 7)
    assert stats.kstest(z, "norm").pvalue > FALSE_ALARM
    assert abs(rng.normal_quantile(rng.word_to_uniform(np.uint32(0)))) < 6.34


@pytest.mark.parametrize("lam", [0.01, 0.8, 5.0, 40.0])
def test_poisson_counts_are_poisson(lam):
    counts = rng.poisson(lam, rng.event_words(KEY, np.arange(500_000), 3))
    lowest, highest = stats.poisson.ppf([1e-4, 1 - 1e-4], lam).astype(int)
    cells = np.arange(lowest, highest + 1)
    expected = stats.poisson.pmf(cells, lam)
    expected[0] = stats.poisson.cdf(lowest, lam)
    expected[-1] = stats.poisson.sf(highest - 1, lam)
    observed = np.bincount(np.clip(counts, lowest, highest) - lowest, minlength=cells.size)
    assert chi_square_p(observed, expected * counts.size) > FALSE_ALARM


@pytest.mark.parametrize("lam", [0.0, 1e-9, 0.3, 1.28, 22.0, 23.0, 300.0, 1e6])
def test_poisson_thresholds_are_exact_to_the_word(lam):
    thresholds = rng.poisson_thresholds(lam)
    assert thresholds.dtype == np.uint32 and np.all(np.diff(thresholds.astype(np.int64)) >= 0)
    k = np.arange(thresholds.size)
    survival = (2.0**32 - thresholds) / 2.0**32  # P(word >= t_k), exactly
    assert np.all(np.abs(survival - stats.poisson.sf(k, lam)) <= 2.0**-33)
    assert stats.poisson.sf(thresholds.size, lam) <= 2.0**-33
    assert rng.poisson(lam, np.uint32(2**32 - 1)) == thresholds.size


@pytest.mark.parametrize("lam", [-1.0, np.nan, np.inf, 1e7])
def test_poisson_refuses_impossible_means(lam):
    with pytest.raises(ValueError, match="mean"):
        rng.poisson_thresholds(lam)


def test_generator_repeats_and_separates_streams():
    streams = [(1, "a"), (1, "a"), (1, "b"), (2, "a")]
    draws = [rng.generator(seed, purpose).random(4).tolist() for seed, purpose in streams]
    assert draws[0] == draws[1] and draws[0] != draws[2] and draws[0] != draws[3]
