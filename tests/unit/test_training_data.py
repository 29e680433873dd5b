"""Data sets and encoders. Why to believe them: counts and times of spikes by hand, statistics of what is drawn, order as a function of seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil import rng
from neuropil.errors import ModelError
from neuropil.learn.data.dataset import Dataset, shuffled
from neuropil.units import ms

KEY, ONE = rng.stream_key(1, "test"), np.arange(1)


def encoded(encoder, values, dt=1.0, key=KEY):
    values = np.asarray(values, float)
    encoder.check(values)
    return encoder.encode(values, dt, key, np.arange(len(values)))


def test_latency_is_linear_in_the_value():
    made = encoded(npl.data.LatencyEncoder(11 * ms, least=0.1), [[1.0, 0.5, 0.0, 0.1, 3.0]])
    assert made.shape == (1, 11, 5) and np.array_equal(made.sum(axis=1)[0], [1, 1, 0, 0, 1])
    assert [int(np.argmax(made[0, :, j])) + 1 for j in (0, 1, 4)] == [1, 6, 1]  # 1 + (1 - x) · 10 ms


def test_latency_of_a_leaky_membrane():
    made = encoded(npl.data.LatencyEncoder(50 * ms, least=0.2, tau=20 * ms, first=1 * ms), [[1.0, 0.25, 0.2]], dt=0.1)
    when = (np.argmax(made[0], axis=0) + 1) * 0.1
    assert np.allclose(when[:2], 1 + 20 * np.log(np.array([1.0, 0.25]) / (np.array([1.0, 0.25]) - 0.2)), atol=0.051) and made[0, :, 2].sum() == 0


def test_rates_are_drawn_by_sample_and_epoch():
    encoder, values = npl.data.RateEncoder(2000 * ms, rate=200.0), np.array([[1.0, 0.25], [1.0, 0.25]])
    made = encoded(encoder, values)
    mean, spread = 2000 * np.array([0.2, 0.05]), np.sqrt(2000 * np.array([0.16, 0.0475]))
    assert np.all(np.abs(made.sum(axis=1) - mean) < 4 * spread) and not np.array_equal(made[0], made[1]) and encoder.draws
    # A sample's events depend on its number, not on the batch that it is in.
    alone = encoder.encode(values[1:], 1.0, KEY, np.array([1]))
    assert np.array_equal(alone[0], made[1]) and not np.array_equal(encoded(encoder, values, key=rng.stream_key(1, "other")), made)


def test_regular_rates_have_equal_intervals():
    made = encoded(npl.data.RateEncoder(100 * ms, rate=100.0, regular=True), [[1.0, 0.5]])
    steps = [np.flatnonzero(made[0, :, j]) for j in (0, 1)]
    assert np.all(np.diff(steps[0]) == 10) and np.all(np.diff(steps[1]) == 20) and [s.size for s in steps] == [10, 5]
    with pytest.raises(ModelError, match="more than one spike in a step"):
        encoded(npl.data.RateEncoder(10 * ms, rate=1500.0), [[1.0, 1.0]])


def test_changes_of_a_signal():
    signal = np.array([0.0, 0.35, 0.35, 0.1])[None, :, None]
    made = encoded(npl.data.DeltaEncoder(8 * ms, threshold=0.1), signal)
    assert made.shape == (1, 8, 2) and made[0, 2, 0] == 3 and made[0, 6, 1] == 2 and made.sum() == 5  # level 0.3, then 0.1


def test_a_population_covers_the_range():
    encoder = npl.data.PopulationEncoder(20 * ms, size=5)
    activity = encoder.activity(np.array([[0.5], [0.0]]))
    assert np.argmax(activity[0]) == 2 and np.argmax(activity[1]) == 0 and np.isclose(activity[0, 1], np.exp(-0.5))
    made = encoded(encoder, [[0.5], [0.0]])
    assert made.shape == (2, 20, 5) and np.argmax(made[0, :, 2]) == 0 and made[1, :, 3:].sum() == 0


def test_signals_are_spikes_of_tuning_curves():
    """Two times of four steps; the neuron at the value spikes at the full rate, one a width away at exp(-1/2) of it, over both times together."""
    encoder = npl.data.SignalEncoder(8 * ms, low=-1.0, high=1.0, size=3, rate=500.0, least=0.2)
    made = encoded(encoder, [[[0.0, -1.0], [0.0, 1.0]]])
    assert made.shape == (1, 8, 6) and np.array_equal(made[0, :, 1], [1, 0, 1, 0, 1, 0, 1, 0])
    assert made[0].sum(axis=0).tolist() == [2, 4, 2, 2, 2, 2] and made[0, :4, 3].sum() == 2 and made[0, 4:, 5].sum() == 2 and not made[0, :4, 5].any()
    for steps, rate, said in ((1, 500.0, "fewer steps"), (8, 1500.0, "more than one spike")):
        with pytest.raises(ModelError, match=said):
            encoded(npl.data.SignalEncoder(steps * ms, rate=rate), np.zeros((1, 2, 1)))


def test_cells_with_an_orientation():
    """An edge that rises to the right drives the cells of direction 0 most, the same image turned by a quarter those of a quarter turn further, and
    a brighter one no other."""
    encoder = npl.data.OrientationEncoder(20 * ms, rate=500.0, regular=True, shape=(12, 12), directions=8, spacing=4)
    image = np.zeros((12, 12))
    image[:, 6:] = 0.5
    made = encoder.responses(np.stack([image, image.T, 0.5 * image, image[:, ::-1]]).reshape(4, 144)).reshape(4, 8, 3, 3)
    assert encoder.neurons((144,)) == 72 and encoder.grid == (3, 3) and made.max() == 1.0 and np.allclose(made[0], made[2], atol=1e-6)
    assert [int(np.argmax(one.sum(axis=(1, 2)))) for one in made] == [0, 2, 0, 4] and np.allclose(made[0, 1].sum(), made[0, 0].sum() * np.cos(np.pi / 4) ** 3, rtol=1e-5)
    assert np.allclose(made[1, 2], made[0, 0].T, atol=1e-6) and not encoder.responses(np.zeros((1, 144))).any()
    spikes = encoded(encoder, image.reshape(1, 144))
    assert spikes.shape == (1, 20, 72) and np.array_equal(spikes[0].sum(axis=0), np.floor(0.5 + 10 * made[0].ravel()))


def test_orientation_does_not_depend_on_contrast():
    """A Gaussian, whose gradients fall below the smallest float32 when they are cubed; and images in another order of axes are refused."""
    away = np.arange(20) - 10.0
    image = np.exp(-(away[:, None] ** 2 + away**2) / 3)
    encoder = npl.data.OrientationEncoder(20 * ms, rate=500.0, regular=True, shape=(20, 20))
    made = encoder.responses(image[None])
    assert np.all(np.isfinite(made)) and made.max() == 1.0 and encoded(encoder, image[None]).sum() > 0
    np.testing.assert_allclose(encoder.responses(image[None] * 1e-12), made, rtol=1e-4, atol=1e-6)
    for values in (np.zeros((1, 40, 10)), np.zeros((1, 10, 40))):
        with pytest.raises(ModelError, match="not images of this shape"):
            encoder.check(values)


def test_a_constant_is_held():
    assert np.array_equal(encoded(npl.data.ConstantEncoder(3 * ms, high=2.0), [[1.0, 4.0]])[0], [[0.5, 1.0]] * 3)


def test_spike_events_become_counts():
    events = npl.data.SpikeEvents([[0.2, 1.4, 1.4], []], [[0, 1, 1], []], size=2, duration=3)
    assert np.array_equal(events.dense(1.0)[0], [[1, 2], [0, 0], [0, 0]]) and not events.dense(1.0)[1].any()
    assert len(events[1:]) == 1 and events[[1, 0]].times[1].size == 3
    assert np.array_equal(npl.data.SpikeEvents([[10.0] * ms], [[0]], 1, 20 * ms).dense(5.0)[0, :, 0], [0, 1, 0, 0])


def test_orders_are_those_of_seed_and_epoch():
    assert np.array_equal(np.sort(shuffled(50, 1, "order", 3)), np.arange(50)) and np.array_equal(shuffled(50, 1, "order", 3), shuffled(50, 1, "order", 3))
    assert not np.array_equal(shuffled(50, 1, "order", 3), shuffled(50, 1, "order", 4))
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    train, held = Dataset((x, y)).divided(0.3, 1)
    assert train.size == 7 and held.size == 3 and np.array_equal(np.sort([*train.first().target, *held.first().target]), y)


def test_batches_that_can_be_iterated_again():
    x, y = np.ones((5, 3)), np.arange(5)

    class Loader:
        def __iter__(self):
            return iter([(x[:3], y[:3]), (x[3:], y[3:])])

    for data in (Loader(), [(x[:3], y[:3]), (x[3:], y[3:])]):
        given = Dataset(data)
        assert not given.in_memory and [c.numbers.tolist() for c in given.chunks(None, None)] == [[0, 1, 2], [3, 4]] == [c.numbers.tolist() for c in given.chunks(None, None)]
    with pytest.raises(ModelError, match="generator is empty"):
        Dataset((x, y) for _ in range(2))
    with pytest.raises(ModelError, match="generator is empty"):
        Dataset(iter([(x, y)]))


def changed(augmentation, values, key=KEY, samples=None):
    values = np.asarray(values, float)
    augmentation.check(values)
    return augmentation.changed(values, key, np.arange(len(values)) if samples is None else np.asarray(samples))


def test_images_are_moved():
    """Nothing at zero strength; a quarter turn and whole pixels to the last bit; intensity is kept where nothing leaves the image."""
    image = np.zeros((2, 9, 9))
    image[:, 3:6, 4], image[:, 4, 5] = 1.0, 0.5
    still = npl.data.Deformation((9, 9), shift=0, rotation=0, zoom=0)
    assert np.array_equal(changed(still, image.reshape(2, 81)), image.reshape(2, 81)) and changed(still, np.stack([image, 2 * image], axis=1)).shape == (2, 2, 9, 9)
    moved = npl.data.Deformation((9, 9), shift=2, rotation=0, zoom=0)
    down, right = (2 * (2 * rng.uniform(KEY, np.arange(2), np.full(2, k)) - 1) for k in range(2))
    made = changed(moved, image)
    centre = [[(np.arange(9) * one.sum(axis=axis)).sum() / one.sum() for axis in (1, 0)] for one in made]
    assert np.allclose(made.sum(axis=(1, 2)), 3.5) and np.allclose(centre, np.array([[4 - a, (4 * 3 + 5 * 0.5) / 3.5 - b] for a, b in zip(down, right, strict=True)]), atol=1e-6)
    turned = changed(npl.data.Deformation((9, 9), shift=0, rotation=90, zoom=0), image)
    angle = np.radians(90) * (2 * rng.uniform(KEY, np.arange(2), np.full(2, 2)) - 1)
    tip = np.array([(np.arange(9) - 4) @ one @ np.ones(9) + 1j * (np.ones(9) @ one @ (np.arange(9) - 4)) for one in turned])  # the arm to the right
    assert np.allclose(np.tan(np.angle(tip)), np.tan(np.pi / 2 - np.abs(angle)) * np.sign(np.tan(np.angle(tip))), rtol=0.15)
    bent = changed(npl.data.Deformation((9, 9), shift=0, rotation=0, zoom=0, elastic=0.7, smoothness=2), image)
    assert not np.allclose(bent, image) and np.all(np.abs(bent.sum(axis=(1, 2)) - 3.5) < 2)


def test_steps_of_events_are_no_rows_of_an_image():
    """4 steps of 8 neurons are not two images of 4 × 4; steps of 16 are one each, and 2 channels of rows and columns two."""
    image = npl.data.Deformation((4, 4))
    for shape in ((1, 4, 8), (4, 4)):
        with pytest.raises(ModelError, match="not images of this shape"):
            image.check(np.zeros(shape))
    for shape in ((1, 16), (1, 32), (1, 4, 4), (1, 2, 4, 4), (1, 3, 16)):
        image.check(np.zeros(shape))


def test_numbers_are_changed_by_sample_and_epoch():
    values = np.ones((40, 500))
    noisy, dropped = changed(npl.data.GaussianNoise(0.3), values), changed(npl.data.InputDropout(0.2), values)
    assert abs(noisy.mean() - 1) < 0.01 and abs(noisy.std() - 0.3) < 0.01 and set(np.unique(dropped)) == {0.0, 1.0} and abs(dropped.mean() - 0.8) < 0.012
    for augmentation in (npl.data.GaussianNoise(0.3), npl.data.InputDropout(0.2), npl.data.Deformation((20, 25), elastic=1.0)):
        made, alone = changed(augmentation, values), changed(augmentation, values[5:6], samples=[5])
        assert np.array_equal(made[5], alone[0]) and not np.array_equal(made[5], made[6]) and not np.array_equal(changed(augmentation, values, rng.stream_key(1, "other")), made)


def test_series_are_stretched():
    series = np.arange(11.0)[None, :, None] * np.ones((3, 1, 2))
    made = changed(npl.data.TimeWarp(0.5, shift=2.0), series)
    a, b = (2 * rng.uniform(KEY, np.arange(3), np.full(3, k)) - 1 for k in range(2))
    assert np.allclose(made[..., 0], np.clip(np.arange(11) / (1 + 0.5 * a[:, None]) - 2 * b[:, None], 0, 10)) and np.array_equal(changed(npl.data.TimeWarp(0.0), series), series)
