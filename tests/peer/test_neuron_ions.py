"""NEURON, run now: point processes that use and feed ions and hh beside a potassium pool are the same to 10⁻⁶ mV over 100 ms;
a kinetic scheme, which NEURON advances by implicit Euler and neuropil exactly, differs by the first order in dt.

Needs an environment with NEURON and a C++ compiler; name its interpreter in NEUROPIL_NEURON_PYTHON and select the marker: pytest -m peer.
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

import neuropil as npl
from neuropil.maths import exp
from neuropil.model import STEADY, Channel, FixedCount, Input, Morphology, PointProcess, State, Step
from neuropil.model.cell.cell import Cell
from neuropil.units import Concentration, Conductance, ConductanceDensity, Voltage, cm, mM, mS, ms, mV, nA, nS, pA, um
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.physics import FARADAY

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).with_name("neuron_ions.py")


class Receptor(PointProcess):
    """casyn.mod."""

    g: Conductance = 0.5 * nS
    half: Concentration = 0.01 * mM

    v = Input(mV)
    e_ca = Input(mV)
    c_ca = Input(mM)

    def currents(self, s, x):
        g = self.g / (1 + x.c_ca / self.half)
        return {"ca": 0.1 * g * (x.v - x.e_ca), "": 0.9 * g * x.v}


class PotassiumShell(Channel):
    """kshell.mod."""

    i_k = Input(pA / um**2)
    c_k = State(5 * mM)

    def derivative(self, s, x):
        return {"c_k": x.i_k / (FARADAY * 0.1 * um) - (s.c_k - 5 * mM) / (20 * ms)}


class Markov(Channel):
    """markov.mod."""

    g: ConductanceDensity = 0.2 * mS / cm**2
    e: Voltage = -70 * mV

    v = Input(mV)
    c1 = State(STEADY)
    c2 = State(STEADY)
    o = State(STEADY)

    def current(self, s, x):
        return self.g * s.o * (x.v - self.e)

    def derivative(self, s, x):
        a, b = 2 * exp(x.v / (50 * mV)) / ms, exp(-x.v / (50 * mV)) / ms
        return {"c1": -a * s.c1 + b * s.c2, "c2": a * s.c1 - (a + b) * s.c2 + b * s.o, "o": a * s.c2 - b * s.o}


@pytest.fixture(scope="module")
def neuron(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    python = os.environ.get("NEUROPIL_NEURON_PYTHON")
    if not python:
        pytest.skip("no NEURON: set NEUROPIL_NEURON_PYTHON to an interpreter that has it")
    folder = tmp_path_factory.mktemp("neuron")
    for file in SCRIPT.with_name("mod_ions").glob("*.mod"):
        shutil.copy(file, folder)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([python, str(SCRIPT), str(folder), str(folder / "out.json")], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    return {n: {q: np.array(v) for q, v in of.items()} for n, of in json.loads((folder / "out.json").read_text()).items()}


def ours(dt: float, cell: Cell, **probes: tuple[str, str]) -> dict[str, np.ndarray]:
    cell.paint("all", HodgkinHuxleyMembrane()).place("clamp", CurrentClamp(), at="cable(0.1)")
    net = npl.Network("ions")
    cells = net.population("cells", cell, 1)
    net.stimulate(cells, Step(0.3 * nA, start=1 * ms), input="clamp.amplitude")
    for name, (state, at) in probes.items():
        net.probe(cells, state, at=at, name=name, interval=0.1 * ms)
    result = npl.run(net, 100 * ms, dt=dt * ms)
    return {name: result.traces[name].values[:, 0] for name in probes}


def cable() -> Cell:
    return Cell(Morphology.cable(500 * um, 2 * um), discretisation=FixedCount(5))


def test_ions_of_point_processes_and_of_the_squid_axon(neuron: dict[str, Any]) -> None:
    cell = cable().paint("all", CalciumPool(gamma=0.05, start=1e-4 * mM, decay=80 * ms, celsius=6.3)).paint("all", PotassiumShell())
    cell.place("syn", Receptor(), at="cable(0.5)")
    probed = {"v": ("v", "cable(0.5)"), "end": ("v", "cable(0.9)"), "cai": ("CalciumPool.c_ca", "cable(0.5)"), "k": ("PotassiumShell.c_k", "cable(0.1)")}
    mine = ours(0.025, cell, **probed)
    theirs = neuron["ions"]
    assert theirs["v"].max() > 0 and np.ptp(theirs["cai"]) > 1e-3 and np.ptp(theirs["k"]) > 1, "spikes, and both pools move"
    worst = {n: float(np.abs(mine[n] - theirs[n]).max()) for n in theirs}
    assert worst["v"] < 1e-6 and worst["end"] < 1e-6, worst
    assert worst["cai"] < 1e-10 and worst["k"] < 1e-7, worst


def test_a_kinetic_scheme_differs_by_the_first_order(neuron: dict[str, Any]) -> None:
    worst = []
    for dt in (0.025, 0.0125):
        mine = ours(dt, cable().paint("all", Markov()), v=("v", "cable(0.5)"), o=("Markov.o", "cable(0.5)"))
        theirs = neuron[f"markov {dt}"]
        first = slice(0, 30)  # before spikes, whose times differ
        assert abs(mine["o"][0] - theirs["o"][0]) < 1e-6, "both start at rest"
        worst.append(float(np.abs(mine["o"] - theirs["o"])[first].max()))
    assert worst[0] / worst[1] == pytest.approx(2.0, rel=0.15), worst
