"""NEURON and LFPykit, run now: membrane and clamp currents are NEURON's, line sources LFPykit's.

Name interpreters that have them in NEUROPIL_NEURON_PYTHON and NEUROPIL_LFPYKIT_PYTHON and select the marker: pytest -m peer. LFPykit
is a comparator only, in an environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from neuropil.model.probe.potential import ends_of
from neuropil.units import MOhm, Ohm, cm, ms, mV, nS, pA, um
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp
from neuropil.zoo.synapses.ampa import AMPAExponential

pytestmark = pytest.mark.peer


def run(variable: str, script: str, given: Any, folder: Path) -> Any:
    python = os.environ.get(variable)
    if not python or not Path(python).exists():
        pytest.skip(f"set {variable} to an interpreter that has it")
    (folder / "in.json").write_text(json.dumps(given))
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([python, str(Path(__file__).with_name(script)), str(folder / "in.json"), str(folder / "out.json")], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "out.json").read_text())


def test_line_and_point_sources_are_lfpykits(tmp_path):
    rng = np.random.default_rng(3)
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(7))
    own = cell.compartments.has_membrane
    start, end = (ends[own] for ends in ends_of(cell.compartments))
    start, end = np.vstack([start, rng.normal(0, 80, (40, 3))]), np.vstack([end, rng.normal(0, 80, (40, 3))])
    diameter = np.append(cell.compartments.diameter[own], rng.uniform(0.5, 5.0, 40))
    electrodes = np.vstack([rng.normal(0, 60, (30, 3)), start[5:8] + 0.3 * (end - start)[5:8] + 0.05])
    given = {axis: np.stack([start[:, i], end[:, i]], axis=1).tolist() for i, axis in enumerate("xyz")}
    theirs = run("NEUROPIL_LFPYKIT_PYTHON", "lfpykit_line_source.py", {**given, "d": diameter.tolist(), "electrodes": electrodes.tolist(), "sigma": 0.3}, tmp_path)
    for kind, name in ((npl.LineSource, "LineSourcePotential"), (npl.PointSource, "PointSourcePotential")):
        mine = kind(electrodes * um).weights(start, end, diameter, electrodes, 300.0)
        np.testing.assert_allclose(1000 * mine, np.array(theirs[name]), rtol=1e-9, err_msg=name)  # theirs are mV/nA


def test_currents_are_neurons(tmp_path):
    dt, duration = 0.025, 6.0
    morphology = npl.Morphology.ball_and_stick()
    cell = npl.Cell(morphology, discretisation=npl.FixedCount(5), resistivity=100 * Ohm * cm).paint("all", HodgkinHuxleyMembrane(), name="hh")
    cell.place("clamp", CurrentClamp(), "soma(0.5)").place("syn", AMPAExponential(tau=2 * ms), "dend(0.9)").place("vc", VoltageClamp(r_series=10 * MOhm), "dend(0.3)")
    sizes = {s.name: (float(s.length), float(s.points[0, 3]), 5) for s in morphology.sections}
    rows = run("NEUROPIL_NEURON_PYTHON", "neuron_currents.py", {"dt": dt, "duration": duration, **sizes}, tmp_path)
    net = npl.Network("currents")
    cells = net.population("cells", cell, 1)
    net.stimulate(cells, npl.Step(300 * pA, start=1 * ms, stop=4 * ms), input="clamp.amplitude")
    net.stimulate(cells, npl.Step(-60 * mV), input="vc.command")
    net.stimulate(cells, npl.SpikeList([2.025] * ms), port="syn.exc", weight=2 * nS)
    for name in ("v", "i_membrane", "i_na", "i_clamp", "i_vc", "i_syn"):
        net.probe(cells, name, name=name)
    traces = {n: t.values for n, t in npl.run(net, duration * ms, dt=dt * ms, precision="float64").traces.items()}
    own = np.concatenate([cell.compartments.of_section(s) for s in ("soma", "dend")])
    theirs = {n: np.array([row[n] for row in rows]) for n in rows[0]}
    np.testing.assert_allclose(traces["v"][:, own], theirs["v"], atol=1e-6)
    np.testing.assert_allclose(traces["i_membrane"][:, own], 1000 * theirs["through"], atol=1e-3)  # nA, of thousands of pA
    np.testing.assert_allclose(traces["i_na"][:, own], 10 * theirs["na"], atol=1e-6)  # mA/cm²
    np.testing.assert_allclose(traces["i_vc"][:, 0], -1000 * theirs["vc"], atol=1e-4)
    np.testing.assert_allclose(traces["i_syn"][:, 0], 1000 * theirs["syn"], atol=1e-4)
    # Where the amplitude has just changed, NEURON shows the one of the next step.
    same = np.ones(len(rows), bool)
    same[[39, 159]] = False
    np.testing.assert_allclose(traces["i_clamp"][same, 0], -1000 * theirs["clamp"][same], atol=1e-9)
