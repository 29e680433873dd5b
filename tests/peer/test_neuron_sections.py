"""NEURON, run now, on sections with their own numbers and electrodes at their ends; and what is stored is what it makes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from golden.test_neuron_sections import BOUND, STORED, ours

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).with_name("neuron_sections.py")


def theirs(python: str) -> tuple[np.ndarray, np.ndarray]:
    done = subprocess.run([python, str(SCRIPT)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    made = json.loads(done.stdout.splitlines()[-1])
    return np.array(made["v"]), np.array(made["spikes"])


def test_potentials_and_spikes_are_neurons() -> None:
    python = os.environ.get("NEUROPIL_NEURON_PYTHON")
    if not python or not Path(python).exists():
        pytest.skip("no NEURON: set NEUROPIL_NEURON_PYTHON to an interpreter that has it")
    v, spikes = theirs(python)
    own_v, own_spikes = ours()
    assert np.abs(own_v - v).max() < BOUND
    np.testing.assert_allclose(own_spikes, spikes, rtol=0, atol=1e-6)
    with np.load(STORED) as stored:
        np.testing.assert_allclose(stored["v"], v, rtol=0, atol=1e-9)
