"""A disk that refuses in the middle of a run: an error with the remedy and the results, and the run may go on.

Believed because what the error carries, and what the run comes to once there is room, equals a run in memory.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.test_simulation import balanced
from neuropil.engine import Simulation
from neuropil.engine.record import checkpoint as checkpoints
from neuropil.errors import CheckpointError, ResultError
from neuropil.result import Result
from neuropil.units import ms

PROGRAM = """
import json, resource, sys
from pathlib import Path
from test_simulation import balanced
from neuropil.engine import Simulation, run
from neuropil.errors import StorageError
from neuropil.units import ms

folder = Path(sys.argv[1])
simulation = Simulation(balanced(), threads=1, seed=5, out=folder)
simulation.run_until(30 * ms, checkpoint_every=10 * ms)
checkpoint = (folder / "checkpoint.h5").read_bytes()

def refused(call):
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))  # room for the journals of 60 ms
    try:
        call()
    except StorageError as error:
        found = error.result
        return {"fix": error.fix, "digest": found and found.spikes.digest(), "end": found and found.t_stop_ms}
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

told = [
    refused(lambda: simulation.run_until(100 * ms, checkpoint_every=10 * ms)),
    refused(lambda: simulation.run_until(100 * ms)),
    refused(simulation.checkpoint),
    refused(lambda: run(balanced(), 100 * ms, threads=1, seed=5, out=folder / "other")),
]
kept = (folder / "checkpoint.h5").read_bytes() == checkpoint
simulation.run_until(110 * ms)
print(json.dumps({"told": told, "kept": kept}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_full_disk_ends_neither_the_results_nor_the_run(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    whole = Simulation(balanced(), threads=1, seed=5).run_until(110 * ms)
    assert [t["end"] for t in found["told"][:2]] == [30.0, pytest.approx(100.0)]
    assert [t["digest"] for t in found["told"]] == [whole.spikes.between(0, t).digest() if t else None for t in (30, 100, 0, 100)]
    assert all("ulimit -f" in t["fix"] for t in found["told"]) and found["kept"]
    assert Result.load(tmp_path).spikes == whole.spikes


def test_a_folder_is_one_runs(tmp_path: Path) -> None:
    """A second simulation is refused while one records there, and afterwards unless it says so; then nothing old stays."""
    first = Simulation(balanced(), threads=1, seed=5, out=tmp_path)
    with pytest.raises(ResultError, match="another run is writing to"):
        Simulation(balanced(), threads=1, seed=6, out=tmp_path, overwrite=True)
    first.run(5 * ms, checkpoint_every=5 * ms)
    with pytest.raises(ResultError, match=r"already holds a run[^$]*checkpoint\.h5, spikes\.h5"):
        Simulation(balanced(), threads=1, seed=6, out=tmp_path)
    second = Simulation(balanced(), threads=1, seed=6, out=tmp_path, overwrite=True)
    second.run(5 * ms)
    assert not (tmp_path / "checkpoint.h5").exists()
    with pytest.raises(CheckpointError, match="are not those"):  # the first's files are gone
        first.run(5 * ms)


def test_a_checkpoint_goes_on_from_its_own_records_alone(tmp_path: Path) -> None:
    """The same network, touched from outside in one of two runs: their checkpoints and spikes cannot be mixed."""
    for name, touched in (("a", False), ("b", True)):
        simulation = Simulation(balanced(), threads=1, seed=5, out=tmp_path / name)
        if touched:
            simulation.set_state("exc", "v", simulation.state("inh", "v")[0])
        simulation.run(20 * ms)
        simulation.checkpoint()
        simulation.close()
    (tmp_path / "a" / "checkpoint.h5").replace(tmp_path / "b" / "checkpoint.h5")
    with pytest.raises(CheckpointError, match="are not those"):
        Simulation(balanced(), threads=1, seed=5, out=tmp_path / "b", resume=tmp_path / "b")
    assert Result.load(tmp_path / "b").duration_ms == pytest.approx(20.0)  # and it is as it was
    with pytest.raises(CheckpointError, match="record_spikes"):
        folder = tmp_path / "c"
        with Simulation(balanced(), threads=1, seed=5, out=folder, record_spikes=False) as simulation:
            simulation.run(5 * ms, checkpoint_every=5 * ms)
        Simulation(balanced(), threads=1, seed=5, out=folder, resume=folder)


def test_what_differs_is_named(tmp_path: Path) -> None:
    path = Simulation(balanced(), threads=1, seed=5).checkpoint(tmp_path / "c.h5")
    other = balanced()
    other.probe(other["inh"], "v", neurons=[0])
    with pytest.raises(CheckpointError, match=r"seed is 6, was 5; probe 'inh\.v' is new"):
        Simulation(other, threads=1, seed=6, resume=path)
    with pytest.raises(CheckpointError, match="population 'exc' changed"):
        Simulation(balanced(scale=101), threads=1, seed=5, resume=path)
    with pytest.raises(CheckpointError, match="replace another file"):
        (tmp_path / "notes.txt").write_text("mine")
        Simulation(balanced(), threads=1, seed=5).checkpoint(tmp_path / "notes.txt")


def test_no_changed_bit_of_a_checkpoint_is_believed(tmp_path: Path) -> None:
    """Whole files are compared with their digest, so not even a bit that nobody would read may change."""
    simulation = Simulation(balanced(), threads=1, seed=5)
    simulation.step(50)
    path = simulation.checkpoint(tmp_path / "c.h5")
    good, random = path.read_bytes(), np.random.default_rng(2)
    assert checkpoints.load(path, simulation.plan).snapshot.step == 50
    for _ in range(60):
        bad = bytearray(good)
        bad[random.integers(len(good))] ^= 1 << random.integers(8)
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match="cannot be read"):
            checkpoints.load(path, simulation.plan)
    for length in (0, 511, 513, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(CheckpointError, match="cannot be read"):
            checkpoints.load(path, simulation.plan)
