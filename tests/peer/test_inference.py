"""sbi and BluePyOpt, run now on `npl.simulator`, with features of eFEL.

Name interpreters in NEUROPIL_SBI_PYTHON (sbi, torch) and NEUROPIL_BLUEPYOPT_PYTHON (bluepyopt, efel) that have the dependencies of neuropil too, and select the
marker: pytest -m peer. They are comparators only, in environments of their own.

Why to believe it: parameters that made the observation are found; both libraries know nothing of the network but what the simulator gives.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.peer
SOURCES = Path(__file__).parents[2] / "src"


def run(variable: str, script: str, folder: Path) -> Any:
    python = os.environ.get(variable)
    if not python or not Path(python).exists():
        pytest.skip(f"set {variable} to an interpreter that has it")
    clean = {**{k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "JAX_"))}, "PYTHONPATH": str(SOURCES), "MPLBACKEND": "Agg"}
    done = subprocess.run([python, str(Path(__file__).with_name(script)), str(folder / "out.json")], capture_output=True, text=True, env=clean, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "out.json").read_text())


def test_sbi_finds_the_posterior(tmp_path):
    """Tensors in, tensors out; rows without features are left out; the posterior is narrow and holds the parameters that made the observation."""
    made = run("NEUROPIL_SBI_PYTHON", "sbi_posterior.py", tmp_path)
    assert made["tensor"] and 0 < made["invalid"] == made["failed"] < 300
    mean, deviation, truth = (np.array(made[k]) for k in ("mean", "deviation", "truth"))
    assert np.all(np.abs(mean - truth) < 3 * deviation) and np.all(deviation < 0.25 * np.array(made["prior deviation"])), made


def test_bluepyopt_finds_conductances_by_features_of_efel(tmp_path):
    made = run("NEUROPIL_BLUEPYOPT_PYTHON", "bluepyopt_fit.py", tmp_path)
    assert np.allclose(made["found"], made["truth"], rtol=0.05) and max(made["errors"]) < 1.0, made
    assert made["last"] < 0.2 * made["first"] and made["simulated"] > 100
