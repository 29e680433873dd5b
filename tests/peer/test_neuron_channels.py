"""NEURON, run now: its own hh and NMODL files of the layer-5 channels have the gates and the pool that ours have.

Needs an environment with NEURON; name its interpreter in NEUROPIL_NEURON_PYTHON and select the marker: pytest -m peer. The
NMODL files are those of verification/cells/mod (or of the folder named in NEUROPIL_NEURON_MOD).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuropil.lower.traced_mechanism import TracedMechanism
from neuropil.zoo.registry import channel

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).with_name("neuron_channels.py")
MODS = Path(__file__).parents[2] / "verification/cells/mod"
VOLTAGES = np.arange(-150.0, 101.0, 0.5)
CALCIUM = np.geomspace(1e-5, 1e-1, len(VOLTAGES))
DT = 0.01
OURS = {
    "hh": "hodgkin_huxley_membrane", "NaTa_t": "fast_sodium", "Nap_Et2": "persistent_sodium", "K_Tst": "transient_potassium",
    "K_Pst": "persistent_potassium", "SKv3_1": "kv3_potassium", "Im": "m_current", "Ih": "h_current",
    "Ca_HVA": "high_voltage_calcium", "Ca_LVAst": "low_voltage_calcium", "SK_E2": "sk_potassium",
}  # fmt: skip


@pytest.fixture(scope="module")
def neuron(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    python = os.environ.get("NEUROPIL_NEURON_PYTHON")
    mods = Path(os.environ.get("NEUROPIL_NEURON_MOD", MODS))
    if not python:
        pytest.skip("no NEURON: set NEUROPIL_NEURON_PYTHON to an interpreter that has it")
    if not mods.is_dir():
        pytest.skip(f"no NMODL files in {mods}")
    folder = tmp_path_factory.mktemp("neuron")
    for file in mods.glob("*.mod"):
        shutil.copy(file, folder)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([python, str(SCRIPT), str(folder), str(folder / "out.json")], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "out.json").read_text())


@pytest.mark.parametrize("name", OURS)
def test_gates(name: str, neuron: dict[str, Any]) -> None:
    mechanism = channel(OURS[name])()
    traced = TracedMechanism(mechanism)
    p = {n: getattr(mechanism, n).value for n in mechanism.spec.parameters}
    x = {"v": VOLTAGES, "c_ca": CALCIUM, "e_ca": 131.0}
    shut, opened = (traced.derivative(p, dict.fromkeys(mechanism.spec.states, value), x) for value in (0.0, 1.0))
    assert set(neuron[name]) == set(mechanism.spec.states)
    for gate, theirs in neuron[name].items():
        slope = shut[gate] - opened[gate]
        np.testing.assert_allclose(shut[gate] / slope, theirs["steady"], rtol=1e-8, atol=1e-13, err_msg=gate)
        # A step changes the gate by dt/tau of it, or more: so this bounds tau within 1e-7 where it is below 10⁴ ms.
        np.testing.assert_allclose(np.exp(-DT * slope), theirs["kept"], rtol=0, atol=1e-13, err_msg=gate)


def test_calcium_pool(neuron: dict[str, Any]) -> None:
    mechanism = channel("calcium_pool")()
    traced = TracedMechanism(mechanism)
    p = {n: getattr(mechanism, n).value for n in mechanism.spec.parameters}
    before, after, i_ca, e_ca = (np.array(neuron["pool"][n]) for n in ("before", "after", "i_ca", "e_ca"))
    # 1 mA/cm² is 10 pA/µm²; the pool is linear, so that exponential Euler is its exact step.
    slope = traced.derivative(p, {"c_ca": before}, {"i_ca": 10 * i_ca})["c_ca"]
    tau = p["decay"]
    np.testing.assert_allclose(before + slope * tau * -np.expm1(-DT / tau), after, rtol=1e-9)
    assert np.ptp(after) > 1e-5, "the current moves it"
    np.testing.assert_allclose(traced.provides(p, {"c_ca": after}, {"i_ca": i_ca})["e_ca"], e_ca, rtol=1e-9)
