"""NEST, run now: the spikes kept in ``tests/golden`` are still what it fires, and still what neuropil fires.

Needs an environment with NEST; name its interpreter in NEUROPIL_NEST_PYTHON and select the marker: pytest -m peer.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from golden.nest_networks import DT, STORED, load, names
from neuropil.engine import run

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).with_name("nest_reference.py")
BOUND_STEPS = {"cond_exp": 1, "cond_alpha": 1}
"""How far a spike may lie from NEST's where both integrate numerically; elsewhere spikes are equal."""


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    python = os.environ.get("NEUROPIL_NEST_PYTHON")
    if not python:
        pytest.skip("no NEST: set NEUROPIL_NEST_PYTHON to an interpreter that has nest-simulator")
    if not Path(python).exists():
        pytest.skip(f"NEUROPIL_NEST_PYTHON names no interpreter: {python}")
    out = tmp_path_factory.mktemp("nest") / "spikes.npz"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([python, str(SCRIPT), "--out", str(out)], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    return out


@pytest.mark.parametrize("name", names())
def test_stored_spikes_are_what_nest_fires(name: str, fresh: Path) -> None:
    with np.load(fresh) as new, np.load(STORED) as old:
        for part in ("step", "neuron", "pre", "post", "weight", "delay"):
            np.testing.assert_array_equal(new[f"{name}/{part}"], old[f"{name}/{part}"])


@pytest.mark.parametrize("name", names())
def test_neuropil_fires_what_nest_fires(name: str, fresh: Path) -> None:
    case = load(name, fresh)
    found = run(case.network, case.duration, dt=DT, seed=1, threads=2, precision="float64").spikes
    for i in range(case.neurons):
        mine, theirs = found.step[found.neuron == i], case.step[case.neuron == i]
        assert mine.size == theirs.size
        assert np.abs(mine - theirs).max(initial=0) <= BOUND_STEPS.get(name, 0)
