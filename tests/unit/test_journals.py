"""Journals of a run in progress: what survives a kill, a torn record and a power cut, and how they become a result."""


import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neuropil.errors import ResultError
from neuropil.result import Result, SpikeJournal, Spikes, TraceJournal, assemble, finalise
from neuropil.result.journal import SPIKE
from unit.test_result import POPULATIONS, spikes


def journalled(folder, **options):
    journal = SpikeJournal(folder, POPULATIONS, 0.1, **options)
    probe = TraceJournal(folder, "v/soma", [0, 2], 0.1, unit="mV", variable="v", population="exc")
    journal.append([1, 1, 3], [0, 5, 2])
    probe.append([1, 2], [[-65.0, -64.0], [-63.0, -62.0]])
    journal.append([2**33, 2**33], [1, 4])  # past 32 bits
    probe.append([2**33], [[1.0, 2.0]])
    return journal, probe


def expected_spikes():
    return spikes([(1, 0), (1, 5), (3, 2), (2**33, 1), (2**33, 4)])


def test_a_killed_run_loads_from_its_journals(tmp_path):
    journal, probe = journalled(tmp_path, summary={"seed": 9})
    assert (journal.sync(), probe.sync()) == (5, 3)
    found = Result.load(tmp_path)  # while the journals are still open, as after a kill
    journal.close()
    probe.close()
    assert found.spikes == expected_spikes()
    assert found.spikes.digest() == expected_spikes().digest()
    assert found.summary == {"seed": 9, "partial": True}
    assert found.duration_ms == pytest.approx(2**33 * 0.1)
    np.testing.assert_allclose(found.traces["v/soma"].times_ms, [0.1, 0.2, 2**33 * 0.1])
    assert_array_equal(found.traces["v/soma"].values, [[-65, -64], [-63, -62], [1, 2]])


@pytest.mark.parametrize("extra", range(SPIKE.itemsize))
def test_a_torn_last_record_is_dropped(tmp_path, extra):
    journal, probe = journalled(tmp_path)
    journal.close()
    probe.close()
    for path in tmp_path.glob("*.journal"):
        path.write_bytes(path.read_bytes() + b"\xff" * extra)
    found = Result.load(tmp_path)
    assert found.spikes == expected_spikes()
    assert len(found.traces["v/soma"]) == 3
    # Resuming cuts the torn record off, so that what follows is aligned.
    resumed = SpikeJournal(tmp_path, POPULATIONS, 0.1, resume=True)
    assert len(resumed) == 5
    resumed.append([2**33 + 1], [0])
    resumed.close()
    assert Result.load(tmp_path).spikes.step[-1] == 2**33 + 1


def test_records_that_a_power_cut_left_as_zeros_are_dropped(tmp_path):
    journal, probe = journalled(tmp_path)
    journal.close()
    probe.close()
    for path in tmp_path.glob("*.journal"):
        path.write_bytes(path.read_bytes() + bytes(1200))
    found = Result.load(tmp_path)
    assert found.spikes == expected_spikes()
    assert len(found.traces["v/soma"]) == 3


def test_resume_from_a_checkpoint_rewrites_the_same_run(tmp_path):
    journal, probe = journalled(tmp_path)
    journal.close()
    probe.close()
    journal = SpikeJournal(tmp_path, POPULATIONS, 0.1, resume=True)
    probe = TraceJournal(tmp_path, "v/soma", [0, 2], 0.1, unit="mV", variable="v", population="exc", resume=True)
    journal.truncate(3)
    probe.truncate(2)
    journal.append([2**33, 2**33], [1, 4])
    probe.append([2**33], [[1.0, 2.0]])
    journal.close()
    probe.close()
    found = Result.load(tmp_path)
    assert found.spikes == expected_spikes()
    assert len(found.traces["v/soma"]) == 3


def test_finalise_writes_what_the_journals_held_and_removes_them(tmp_path):
    for each in journalled(tmp_path, t_start_ms=0.0):
        each.close()
    before = Result.load(tmp_path)
    finalise(tmp_path, {"seed": 4}, duration_ms=1e9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["spikes.h5", "summary.json", "traces.h5"]
    after = Result.load(tmp_path)
    assert after.spikes == before.spikes
    assert after.traces == before.traces
    assert (after.summary, after.duration_ms) == ({"seed": 4}, 1e9)


def test_finalise_in_many_chunks_equals_one(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    whole = Spikes.from_unsorted(rng.integers(1, 500, 3000), rng.integers(0, 6, 3000), POPULATIONS, 0.1)
    with SpikeJournal(tmp_path, POPULATIONS, 0.1) as journal:
        journal.append(whole.step, whole.neuron)
    chunked = assemble.spike_chunks
    monkeypatch.setattr(assemble, "spike_chunks", lambda folder: chunked(folder, chunk=7))
    finalise(tmp_path)
    assert Result.load(tmp_path).spikes == whole


def test_a_run_is_not_overwritten_by_accident(tmp_path):
    Result(spikes([(1, 0)])).save(tmp_path)
    with pytest.raises(ResultError, match="already holds a run"):
        SpikeJournal(tmp_path, POPULATIONS, 0.1)
    SpikeJournal(tmp_path, POPULATIONS, 0.1, overwrite=True).close()
    assert len(Result.load(tmp_path).spikes) == 0


def test_a_journal_refuses_disorder_and_foreign_headers(tmp_path):
    journal, probe = journalled(tmp_path)
    probe.close()
    with pytest.raises(ResultError, match="in order"):
        journal.append([5], [0])
    with pytest.raises(ResultError, match="in order"):
        journal.append([2**34, 2**34], [3, 1])
    with pytest.raises(ResultError, match="to that length"):
        journal.truncate(6)
    journal.close()
    with pytest.raises(ResultError, match="dt_ms differs"):
        SpikeJournal(tmp_path, POPULATIONS, 0.2, resume=True)
    with pytest.raises(ResultError, match="no journal of this probe"):
        TraceJournal(tmp_path, "u", [0], 0.1, unit="", variable="u", population="exc", resume=True)


def test_a_run_killed_while_it_was_finalised_loses_nothing(tmp_path, monkeypatch):
    for each in journalled(tmp_path):
        each.close()
    before = Result.load(tmp_path)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(assemble, "write_traces", killed)
    with pytest.raises(KeyboardInterrupt):
        finalise(tmp_path)
    assert (tmp_path / "spikes.h5").exists()
    assert Result.load(tmp_path).spikes == before.spikes
    assert Result.load(tmp_path).traces == before.traces
    monkeypatch.undo()
    finalise(tmp_path)
    assert Result.load(tmp_path).traces == before.traces
