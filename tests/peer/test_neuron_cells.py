"""NEURON, run now, on real morphologies: potentials within 0.01 mV over 100 ms, spikes within one step.

Needs an environment with NEURON and a compiler; name its interpreter in NEUROPIL_NEURON_PYTHON and select the marker: pytest -m
peer. Morphologies are those of ``../shared/data`` where that is.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from verification_cells import cases, compare

pytestmark = pytest.mark.peer
CASES = cases.cases()


@pytest.fixture(scope="module")
def neuron() -> str:
    python = os.environ.get("NEUROPIL_NEURON_PYTHON")
    if not python or not Path(python).exists():
        pytest.skip("no NEURON: set NEUROPIL_NEURON_PYTHON to an interpreter that has it")
    return python


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_cells(case: cases.Case, neuron: str) -> None:
    row = compare.compare(case, neuron)
    assert row["error"] < 0.01
    assert row["spikes"][0] == row["spikes"][1] > 0
    assert row["late"] <= 1
    assert row["area"] < 1e-4 and row["resistance"] < 1e-4


def test_stored_traces_are_what_neuron_makes(neuron: str) -> None:
    with np.load(compare.GOLDEN) as stored:
        for k, case in enumerate(cases.SMALL):
            made = compare.of_neuron(case, neuron)
            np.testing.assert_allclose(made["v"][:, compare.EVERY :: compare.EVERY], stored[f"v_{k}"], rtol=0, atol=1e-6)
            np.testing.assert_allclose(made["spikes"], stored[f"spikes_{k}"], rtol=0, atol=1e-9)
