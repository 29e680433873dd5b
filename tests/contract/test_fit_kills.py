"""A training that is killed, at any batch or while a checkpoint is written, goes on and ends with the same bits.

Why to believe it: the process dies by SIGKILL, which nothing can catch, at moments that are drawn; weights and the whole history are compared with those of a training
that nothing interrupted, each in processes of their own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("killed_training.py")


def training(folder: Path, method: str, kill: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    return subprocess.run([sys.executable, str(SCRIPT), str(folder), method, kill], capture_output=True, text=True, env=clean)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "seed"), [("bptt", 1), ("eprop", 2)])
def test_a_training_killed_again_and_again_ends_with_the_same_bits(tmp_path, method, seed):
    """With drawn encoders, a schedule, momentum, validation, and feedback weights that are learned beside the network."""
    whole = training(tmp_path / "whole", method, "never")
    assert whole.returncode == 0, whole.stderr[-2000:]
    random = np.random.default_rng(seed)
    kills = [f"encode {random.integers(2, 12)}", f"replace {random.integers(1, 3)}", f"encode {random.integers(2, 12)}"]
    for kill in kills:
        assert training(tmp_path / "killed", method, kill).returncode == -signal.SIGKILL, kill
    after = training(tmp_path / "killed", method, "never")
    assert after.returncode == 0 and after.stdout == whole.stdout, after.stderr[-2000:]
