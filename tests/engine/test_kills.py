"""kill -9 while a simulation steps, runs or writes checkpoints: what is on the disk is a true beginning, and going on is exact.

One folder is used throughout: each victim goes on from what the one before it left, or from what was finished in between.
Believed because everything is compared, bit by bit, with one simulation in memory that nobody disturbed.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.test_simulation import balanced
from neuropil.engine import Simulation
from neuropil.result import Result
from neuropil.units import ms

VICTIM = """
import sys
from pathlib import Path
from test_simulation import balanced
from neuropil.engine import Simulation
from neuropil.units import ms
folder, mode = Path(sys.argv[1]), sys.argv[2]
resume = folder if (folder / "checkpoint.h5").exists() else None
simulation = Simulation(balanced(), threads=2, seed=5, out=folder, resume=resume, overwrite=resume is None)
print("started", flush=True)
if mode == "run":
    simulation.run(100000 * ms, checkpoint_every=20 * ms)
while True:
    for _ in range(20 if mode == "step" else 1):
        simulation.step(7)
    simulation.checkpoint()
"""
MODES = ("step", "run", "checkpoint")


class Undisturbed:
    """The same run, in memory, as far as it is asked for."""

    def __init__(self) -> None:
        self._simulation = Simulation(balanced(), threads=1, seed=5)
        self._result = self._simulation.run_until(1 * ms)

    def until(self, steps: int) -> Result:
        """Its spikes and samples up to a step."""
        if self._simulation.core.step < steps:
            self._result = self._simulation.run_until(0.1 * steps * ms)
        return self._result


def is_beginning(found: Result, steps: int, whole: Result) -> bool:
    """Whether a result holds all of the other up to a step, and nothing else."""
    mine, yours = found.traces["exc.v"], whole.traces["exc.v"]
    rows = steps // 5  # sampled every 0.5 ms
    return found.spikes == whole.spikes.between(0, 0.1 * steps) and len(mine) == rows and np.array_equal(mine.values, yours.values[:rows])


def kill(folder: Path, mode: str, delay: float) -> None:
    """Start a victim and kill it so many seconds after it began."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(folder), mode], stdout=subprocess.PIPE, env=env)
    assert victim.stdout is not None and victim.stdout.readline() == b"started\n"
    try:
        victim.wait(delay)
    except subprocess.TimeoutExpired:
        victim.kill()
    victim.communicate()
    assert victim.returncode == -9


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_instant_goes_on_to_the_same_bits(tmp_path: Path, kills: int) -> None:
    folder, whole = tmp_path / "run", Undisturbed()
    random = np.random.default_rng(11)
    woken = 0
    for number in range(kills):
        kill(folder, MODES[number % 3], random.uniform(0.0, 0.5))
        partial = Result.load(folder)
        steps = round(partial.duration_ms / 0.1)
        assert is_beginning(partial, steps, whole.until(steps)), number
        if not (folder / "checkpoint.h5").exists():  # killed before the first
            continue
        woken += 1
        if number % 2 == 0:
            resumed = Simulation(balanced(), threads=1, seed=5, out=folder, resume=folder)
            end = resumed.core.step // 10 * 10 + 200
            assert is_beginning(resumed.run_until(0.1 * end * ms), end, whole.until(end)), number
            resumed.close()
    assert woken >= kills - 2
