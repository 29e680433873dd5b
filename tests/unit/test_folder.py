"""A folder of results: one writer, nothing replaced unasked, no bit believed that was changed, and disks that refuse.

Believed because the truth of each test is what was saved: a changed file gives an error or the very same result.
"""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from neuropil.errors import NeuropilError, ResultError, StorageError
from neuropil.result import Result, SpikeJournal, Spikes, Trace, TraceJournal
from neuropil.result.folder import FolderLock, folder_name
from neuropil.result.sealed import seal_of

POPULATIONS = {"exc": (0, 40), "inh": (40, 10)}


def result(seed: int = 0) -> Result:
    """Some spikes, two traces and a summary, of a run of 100 ms."""
    random = np.random.default_rng(seed)
    spikes = Spikes.from_unsorted(random.integers(1, 1001, 500), random.integers(0, 50, 500), POPULATIONS, 0.1)
    times = np.arange(1, 101) * 1.0
    traces = {name: Trace(times, random.normal(-65, 5, (100, 3)).astype(kind), np.arange(3), "mV", "v", "exc")
              for name, kind in (("v", np.float32), ("w", np.float64))}
    return Result(spikes, traces, {"model": "test", "seed": seed, "rates_hz": {"exc": 1.25}}, 100.0)


def journalled(folder, seed: int = 0) -> None:
    """The same, in the journals of a run that was killed: several blocks in each."""
    made = result(seed)
    journal = SpikeJournal(folder, POPULATIONS, 0.1, summary=made.summary, traces=2)
    rows = {name: TraceJournal(folder, name, t.neurons, 0.1, unit="mV", variable="v", population="exc", dtype=t.values.dtype)
            for name, t in made.traces.items()}
    for end in (300, 600, 1000):
        part = made.spikes.between((end - 400 if end == 1000 else end - 300) * 0.1, end * 0.1)
        journal.append(part.step, part.neuron, end)
        journal.sync()
        for name, row in rows.items():
            t = made.traces[name]
            chosen = (t.times_ms <= end * 0.1) & (t.times_ms > (end - 400 if end == 1000 else end - 300) * 0.1)
            row.append(np.rint(t.times_ms[chosen] * 10).astype(int), t.values[chosen], end)
            row.sync()
    for each in (journal, *rows.values()):
        each.close()


def same(a: Result, b: Result) -> bool:
    return a.spikes == b.spikes and a.traces == b.traces and a.summary == b.summary and (a.duration_ms, a.t_start_ms) == (b.duration_ms, b.t_start_ms)


# --- changed bits


@pytest.mark.parametrize("write", [lambda folder: result().save(folder), journalled], ids=["finished", "killed"])
def test_of_200_flipped_bits_none_gives_another_result(tmp_path, write):
    write(tmp_path / "run")
    kept = Result.load(tmp_path / "run")
    assert kept.spikes == result().spikes and kept.traces == result().traces
    files = sorted((tmp_path / "run").iterdir())
    assert len(files) == (3 if (tmp_path / "run" / "spikes.h5").exists() else 6)
    random = np.random.default_rng(7)
    refused = 0
    for flip in range(200):
        path = files[flip % len(files)]
        good = path.read_bytes()
        bad = bytearray(good)
        bad[random.integers(len(good))] ^= 1 << random.integers(8)
        path.write_bytes(bad)
        try:
            assert same(Result.load(tmp_path / "run"), kept), path.name
        except NeuropilError:
            refused += 1
        path.write_bytes(good)
    assert refused > 150  # a flip in the blanks between the words of a JSON file changes nothing
    assert same(Result.load(tmp_path / "run"), kept)


@pytest.mark.parametrize("name", ["spikes.h5", "traces.h5", "summary.json"])
def test_cut_missing_and_exchanged_files_are_refused(tmp_path, name):
    result(0).save(tmp_path / "a")
    result(1).save(tmp_path / "b")
    path = tmp_path / "a" / name
    good = path.read_bytes()
    for length in (0, 1, 100, len(good) // 2, len(good) - 3):
        path.write_bytes(good[:length])
        with pytest.raises(ResultError):
            Result.load(tmp_path / "a")
    path.unlink()
    with pytest.raises(ResultError, match="missing"):
        Result.load(tmp_path / "a")
    shutil.copy(tmp_path / "b" / name, path)
    with pytest.raises(ResultError, match="belongs to another run"):
        Result.load(tmp_path / "a")
    path.write_bytes(good)
    assert same(Result.load(tmp_path / "a"), result(0))


def test_exchanged_and_missing_journals_are_refused(tmp_path):
    journalled(tmp_path / "a", 0)
    journalled(tmp_path / "b", 0)  # the very same records, but of another run
    for name in ("spikes.journal", "trace-0001.journal"):
        path = tmp_path / "a" / name
        good = path.read_bytes()
        shutil.copy(tmp_path / "b" / name, path)
        with pytest.raises(ResultError, match="damaged"):
            Result.load(tmp_path / "a")
        path.unlink()
        with pytest.raises(ResultError, match="cannot read"):
            Result.load(tmp_path / "a")
        path.write_bytes(good)
    for path in (tmp_path / "a").glob("trace-0001.*"):
        path.unlink()
    with pytest.raises(ResultError, match="traces are missing"):
        Result.load(tmp_path / "a")


def test_a_run_whose_files_end_at_different_times_is_read_up_to_the_first(tmp_path):
    """As a kill leaves it: the spikes of the last block did not reach the disk, the samples did."""
    journalled(tmp_path)
    path = tmp_path / "spikes.journal"
    path.write_bytes(path.read_bytes()[:-1])
    found = Result.load(tmp_path)
    assert found.duration_ms == pytest.approx(60.0) and found.summary["partial"]
    assert found.spikes == result().spikes.between(0, 60.0)
    assert found.traces["v"].times_ms[-1] == pytest.approx(60.0)


def test_a_file_that_was_just_begun_limits_what_is_read(tmp_path):
    """The samples of the first block reached the disk, of the spikes nothing did."""
    with SpikeJournal(tmp_path, POPULATIONS, 0.1, traces=1) as journal, TraceJournal(
        tmp_path, "v", [0], 0.1, unit="mV", variable="v", population="exc"
    ) as row:
        journal.sync()
        row.append([10], [[1.0]], 20)
        row.sync()
        found = Result.load(tmp_path)
    assert found.duration_ms == 0.0 and len(found.traces["v"]) == 0


def test_a_sealed_file_is_read_by_other_tools(tmp_path):
    """HDF5 skips the block with the digest, and the digest is that of the common tool for it."""
    import h5py

    result().save(tmp_path)
    with h5py.File(tmp_path / "spikes.h5") as file:
        assert file.userblock_size == 512 and file["spikes/exc/timestamps"].size
    tool = shutil.which("b2sum")
    if tool is None:
        pytest.skip("b2sum is not installed")
    data = (tmp_path / "spikes.h5").read_bytes()
    told = subprocess.run([tool, "-l", "256"], input=data[512:], capture_output=True, check=True).stdout.split()[0].decode()
    assert told == seal_of(tmp_path / "spikes.h5") and told.encode() in data[:512]


# --- one writer


HOLDER = """
import sys
from pathlib import Path
from neuropil.result.folder import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_writer_is_refused_by_name_and_a_dead_one_is_succeeded(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with pytest.raises(ResultError, match=rf"another run is writing[^$]*process {holder.pid} on .*since 20"):
        FolderLock(tmp_path)
    with pytest.raises(ResultError, match="another run is writing"):
        result().save(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert (tmp_path / ".lock").exists()
    (tmp_path / ".spikes.h5.0123.partial").touch()  # what the killed one left half-written
    lock = FolderLock(tmp_path)
    with pytest.raises(ResultError, match="this process"):
        FolderLock(tmp_path)
    lock.release()
    lock.release()
    assert not any(tmp_path.iterdir())


def test_a_lock_that_nobody_refers_to_any_more_is_gone(tmp_path):
    FolderLock(tmp_path)
    FolderLock(tmp_path).release()


# --- names


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "x\0y", "\n", "µ" * 300, ".hidden"])
def test_no_name_leaves_the_folder(tmp_path, name):
    path = tmp_path / folder_name(name)
    assert path.resolve().parent == tmp_path.resolve() and not path.name.startswith(".")
    path.mkdir()


def test_usual_names_stay():
    assert [folder_name(n) for n in ("microcircuit", "µ-net 2.0 (b)")] == ["microcircuit", "µ-net 2.0 (b)"]


# --- disks that refuse


LIMITED = """
import os, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_folder import result
from neuropil.errors import StorageError
folder = Path(sys.argv[2])
result(1).save(folder)
limit = {"size": resource.RLIMIT_FSIZE, "files": resource.RLIMIT_NOFILE}[sys.argv[3]]
value = {"size": 3000, "files": len(os.listdir("/proc/self/fd"))}[sys.argv[3]]
resource.setrlimit(limit, (value, value))
try:
    result(2).save(folder, overwrite=True)
except StorageError as error:
    print(error.fix)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(("limit", "fix"), [("size", "ulimit -f"), ("files", "ulimit -n")])
def test_a_disk_that_refuses_is_an_error_with_the_remedy(tmp_path, limit, fix):
    """And neither the end of the process (HDF5 ends it when it cannot close a file) nor of the result that was there."""
    command = [sys.executable, "-c", LIMITED, os.path.dirname(__file__), str(tmp_path), limit]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert fix in done.stdout
    assert same(Result.load(tmp_path), result(1))


def test_folders_that_cannot_be(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ResultError):
            result().save(path)
    with pytest.raises(StorageError, match="shorter name"):
        result().save(tmp_path / ("x" * 300))
