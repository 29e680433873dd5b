"""Spikes and results: what they say, and what survives the disk, a kill and a torn record."""

import hashlib
import itertools
import json
import pickle
import struct

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from neuropil.errors import ResultError
from neuropil.result import Result, Spikes, Trace

POPULATIONS = {"exc": (0, 4), "inh": (4, 2)}

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
steps = st.integers(0, 2**48)


@st.composite
def spike_trains(draw):
    sizes = draw(st.dictionaries(names, st.integers(0, 50), min_size=1, max_size=4))
    populations, first = {}, 0
    for name, size in sizes.items():
        populations[name] = (first, size)
        first += size
    neurons = st.integers(0, max(first - 1, 0))
    pairs = sorted(draw(st.sets(st.tuples(steps, neurons), max_size=60))) if first else []
    dt = draw(st.sampled_from([0.1, 0.025, 1 / 3, 1.0, 0.001]))
    return Spikes(
        np.array([step for step, _ in pairs], np.int64), np.array([n for _, n in pairs], np.uint32), populations, dt
    )


def spikes(pairs, populations=POPULATIONS, dt=0.1):
    return Spikes.from_unsorted([s for s, _ in pairs], [n for _, n in pairs], populations, dt)


# --- spikes in memory


def test_times_local_neurons_counts_and_trains():
    found = spikes([(30, 5), (10, 1), (20, 1), (20, 4), (10, 0)])
    assert_array_equal(found.step, [10, 10, 20, 20, 30])
    assert_array_equal(found.neuron, [0, 1, 1, 4, 5])
    np.testing.assert_allclose(found.times(), [1.0, 1.0, 2.0, 2.0, 3.0])
    assert_array_equal(found.of("inh").neuron, [0, 1])
    assert dict(found.of("inh").populations) == {"inh": (0, 2)}
    assert_array_equal(found.counts("exc"), [1, 2, 0, 0])
    trains = found.trains("exc")
    assert [train.tolist() for train in trains] == [[1.0], [1.0, 2.0], [], []]


@given(spike_trains())
def test_trains_hold_every_spike_once_in_order(found):
    for name in found.populations:
        local = found.of(name)
        trains = found.trains(name)
        assert [len(train) for train in trains] == found.counts(name).tolist()
        for neuron, train in enumerate(trains):
            assert_array_equal(train, local.times()[local.neuron == neuron])


@pytest.mark.parametrize("t", [0.3, 0.6, 0.7, 1.1, 123.4])
def test_a_window_is_open_on_the_left_and_closed_on_the_right(t):
    # 0.3 / 0.1 is below 3 and 0.6 / 0.1 below 6 in floating point: the grid must not notice.
    step = round(t / 0.1)
    found = spikes([(step - 1, 0), (step, 0), (step + 1, 0)])
    assert_array_equal(found.between(0, t).step, [step - 1, step])
    assert_array_equal(found.between(t, 1000).step, [step + 1])


@given(spike_trains(), st.lists(st.floats(0, 1e5), min_size=1, max_size=5))
def test_adjacent_windows_tile_a_run(found, cuts):
    edges = [-np.inf, *sorted(cuts), np.inf]
    pieces = [found.between(a, b) for a, b in itertools.pairwise(edges)]
    assert_array_equal(np.concatenate([piece.step for piece in pieces]), found.step)


def test_digest_is_that_of_the_pairs_and_ignores_chunks_and_type():
    pairs = [(1, 0), (1, 3), (2**40, 5)]
    expected = hashlib.sha256(b"".join(struct.pack("<qq", *pair) for pair in pairs)).hexdigest()
    found = spikes(pairs)
    assert found.digest() == expected
    assert {found.digest(chunk) for chunk in (1, 2, 3, 100)} == {expected}
    assert Spikes(found.step, found.neuron.astype(np.uint32), POPULATIONS, 0.1).digest() == expected
    assert spikes([(1, 0), (1, 3), (2**40, 4)]).digest() != expected


@given(spike_trains(), st.integers(1, 70))
def test_digest_does_not_depend_on_the_chunk(found, chunk):
    assert found.digest(chunk) == found.digest()


@pytest.mark.parametrize(
    ("step", "neuron", "message"),
    [
        ([2, 1], [0, 0], "sorted"),
        ([1, 1], [1, 0], "sorted"),
        ([1, 2], [0], "pair up"),
        ([1], [6], "no population"),
        ([1.0], [0], "integer"),
    ],
)
def test_malformed_spikes_are_refused(step, neuron, message):
    with pytest.raises(ResultError, match=message):
        Spikes(np.array(step), np.array(neuron), POPULATIONS, 0.1)


def test_spikes_are_frozen_and_compare_by_content():
    found = spikes([(1, 0), (2, 5)])
    with pytest.raises(ValueError, match="read-only"):
        found.step[0] = 7
    assert found == spikes([(2, 5), (1, 0)])
    assert found != spikes([(1, 0), (2, 4)])
    assert found != spikes([(1, 0), (2, 5)], dt=0.2)
    assert pickle.loads(pickle.dumps(found)) == found


def test_an_unknown_population_is_answered_with_the_nearest():
    with pytest.raises(ResultError, match="did you mean 'exc'"):
        spikes([]).of("exe")


# --- results


def test_rates_are_spikes_per_neuron_per_second_after_the_transient():
    found = Result(spikes([(1, 0), (500, 0), (1000, 3), (1000, 4)]), duration_ms=100.0)
    assert found.rates() == pytest.approx({"exc": 3 / 4 / 0.1, "inh": 1 / 2 / 0.1})
    # The spike stamped 50.0 ms belongs to the step that ends there, so it is not after 50 ms.
    assert found.rates(50.0) == pytest.approx({"exc": 1 / 4 / 0.05, "inh": 1 / 2 / 0.05})
    with pytest.raises(ResultError, match="no time left"):
        found.rates(100.0)


def test_rates_of_a_run_that_began_late():
    found = Result(spikes([(1000, 0), (1001, 0), (2000, 0)]), duration_ms=100.0, t_start_ms=100.0)
    assert found.rates()["exc"] == pytest.approx(2 / 4 / 0.1)


def test_cost_divides_wall_time_by_work():
    cost = Result(spikes([]), summary={"wall_seconds": 2.0, "neuron_steps": 1e9, "synaptic_events": 0}).cost
    assert cost["ns_per_neuron_step"] == pytest.approx(2.0)
    assert "ns_per_synaptic_event" not in cost


# --- on disk


def trace(rows, columns, dtype=np.float32):
    values = np.arange(rows * columns, dtype=dtype).reshape(rows, columns)
    return Trace(np.arange(rows) * 0.1, values, np.arange(columns), "mV", "v", "exc")


@given(
    found=spike_trains(),
    traces=st.dictionaries(names, st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=3),
    dtype=st.sampled_from([np.float32, np.float64]),
    start=st.floats(0, 1e6),
)
@settings(max_examples=40, deadline=None)
def test_a_saved_result_loads_as_it_was(found, traces, dtype, start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    summary = {"model": "µ", "seed": 3, "nested": {"a": [1, 2.5, None]}}
    kept = Result(found, {k: trace(*shape, dtype) for k, shape in traces.items()}, summary, 1e9, start)
    kept.save(folder)
    again = Result.load(folder)
    assert again.spikes == kept.spikes
    assert list(again.spikes.populations) == list(kept.spikes.populations)
    assert again.traces == kept.traces
    assert list(again.traces) == list(kept.traces)
    assert all(again.traces[k].values.dtype == dtype for k in traces)
    assert again.summary == summary
    assert (again.duration_ms, again.t_start_ms) == (1e9, start)


def test_spikes_are_stored_in_the_sonata_layout(tmp_path):
    Result(spikes([(10, 1), (20, 5)]), duration_ms=10.0).save(tmp_path)
    with h5py.File(tmp_path / "spikes.h5") as file:
        assert file.attrs["magic"] == 0x0A7A
        assert file.attrs["magic"].dtype == np.uint32
        assert_array_equal(file.attrs["version"], [0, 1])
        group = file["spikes/inh"]
        kinds = h5py.check_enum_dtype(group.attrs.get_id("sorting").dtype)
        assert kinds == {"none": 0, "by_id": 1, "by_time": 2}
        assert group.attrs["sorting"] == 2
        assert group["node_ids"].attrs["sorting"] == "by_time"
        assert group["timestamps"].dtype == np.float64
        assert group["timestamps"].attrs["units"] == "ms"
        assert group["timestamps"].compression is None  # libsonata's wheels cannot inflate
        np.testing.assert_allclose(group["timestamps"][:], [2.0])
        assert group["node_ids"].dtype == np.uint64
        assert_array_equal(group["node_ids"][:], [1])


def test_the_summary_is_strict_json(tmp_path):
    summary = {"factor": np.float64("nan"), "steps": np.int64(7), "rates": np.array([1.5]), "path": tmp_path}
    Result(spikes([]), summary=summary).save(tmp_path)
    text = (tmp_path / "summary.json").read_text()
    stored = json.loads(text, parse_constant=pytest.fail)
    assert set(stored.pop("integrity")["files"]) == {"spikes.h5"}
    assert stored == {
        "factor": None,
        "steps": 7,
        "rates": [1.5],
        "path": str(tmp_path),
    }


def test_a_failed_save_leaves_the_old_result_and_no_litter(tmp_path):
    kept = Result(spikes([(1, 0)]), {"v": trace(2, 2)}, {"seed": 1}, 1.0)
    kept.save(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    bad = Result(Spikes.empty({"\0": (0, 1)}, 0.1), {}, {"seed": 2}, 1.0)
    with pytest.raises(ResultError, match="cannot be stored"):
        bad.save(tmp_path, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert Result.load(tmp_path).summary == {"seed": 1}
    assert Result.load(tmp_path).spikes == kept.spikes


def test_saving_again_forgets_old_traces(tmp_path):
    Result(spikes([]), {"v": trace(2, 2)}).save(tmp_path)
    with pytest.raises(ResultError, match="already holds a run"):
        Result(spikes([])).save(tmp_path)
    Result(spikes([])).save(tmp_path, overwrite=True)
    assert Result.load(tmp_path).traces == {}


def test_loading_nothing_or_rubbish_is_explained(tmp_path):
    with pytest.raises(ResultError, match="no run in"):
        Result.load(tmp_path)
    (tmp_path / "spikes.h5").write_bytes(b"not HDF5")
    with pytest.raises(ResultError, match=r"cannot read .*spikes\.h5"):
        Result.load(tmp_path)
