"""Gates and currents of channels in NEURON, over voltage: run by NEURON's interpreter, which has nothing of neuropil.

    NEURONPATH/bin/python tests/peer/neuron_channels.py FOLDER OUT.json

FOLDER holds the NMODL files, compiled there. A section of isolated segments, each with a capacitance so large that its
potential stays, is started at the voltages of VOLTAGES; the steady state of a gate is what NEURON starts it from, what a
step keeps of a gate, e^(-dt/tau), is the difference between two steps, one from the gate open and one from it shut.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

VOLTAGES = np.arange(-150.0, 101.0, 0.5)
CALCIUM = np.geomspace(1e-5, 1e-1, len(VOLTAGES))
DT = 0.01
GATES = {
    "hh": "mhn", "NaTa_t": "mh", "Nap_Et2": "mh", "K_Tst": "mh", "K_Pst": "mh", "SKv3_1": "m", "Im": "m", "Ih": "m",
    "Ca_HVA": "mh", "Ca_LVAst": "mh", "SK_E2": "z",
}  # fmt: skip


def main() -> None:
    """Compile, load, measure, write."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([str(tools / "nrnivmodl"), "."], cwd=folder, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    os.environ["NEURON_MODULE_OPTIONS"] = "-nogui"
    from neuron import h, load_mechanisms

    load_mechanisms(str(folder))
    h.celsius, h.dt, h.secondorder, h.usetable_hh = 34, DT, 0, 0
    found = {name: gates(h, name, letters) for name, letters in GATES.items()}
    found["pool"] = pool(h)
    out.write_text(json.dumps(found))


def isolated(h, *mechanisms: str):  # type: ignore[no-untyped-def]
    """A section whose segments neither see each other nor change their potential."""
    section = h.Section()
    section.nseg, section.L, section.diam, section.Ra, section.cm = len(VOLTAGES), 10.0 * len(VOLTAGES), 10.0, 1e12, 1e12
    for mechanism in mechanisms:
        section.insert(mechanism)
    return section


def start(h, section) -> list:  # type: ignore[no-untyped-def]
    """Initialise every segment at its voltage (and calcium, where a channel reads it)."""
    segments = list(section)
    for i, segment in enumerate(segments):
        segment.v = VOLTAGES[i]
        if hasattr(segment, "cai"):
            segment.cai = CALCIUM[i]
    h.finitialize()
    return segments


def gates(h, name: str, letters: str) -> dict[str, dict[str, list[float]]]:  # type: ignore[no-untyped-def]
    """Steady states, and what a step of DT ms keeps."""
    h.celsius = 6.3 if name == "hh" else 34
    section = isolated(h, name)
    if name == "hh":  # the others have no conductance unless given one
        section.gnabar_hh = section.gkbar_hh = section.gl_hh = 0.0
    found = {letter: {"steady": read(start(h, section), letter, name)} for letter in letters}
    after = []
    for value in (0.0, 1.0):
        segments = start(h, section)
        for segment in segments:
            for letter in letters:
                setattr(segment, f"{letter}_{name}", value)
        h.fadvance()
        after.append({letter: np.array(read(segments, letter, name)) for letter in letters})
    for letter in letters:
        found[letter]["kept"] = list(after[1][letter] - after[0][letter])
    return found


def read(segments: list, letter: str, name: str) -> list[float]:
    """A gate in every segment."""
    return [getattr(segment, f"{letter}_{name}") for segment in segments]


def pool(h) -> dict[str, list[float]]:  # type: ignore[no-untyped-def]
    """A step of the calcium pool under a calcium current: concentrations (mM), current (mA/cm²), reversal after it (mV)."""
    h.celsius = 34
    section = isolated(h, "CaDynamics_E2", "Ca_HVA")
    for segment in section:
        segment.Ca_HVA.gbar, segment.CaDynamics_E2.gamma, segment.CaDynamics_E2.decay = 1.0, 0.000501, 460.0
    segments = start(h, section)
    before = [segment.cai for segment in segments]
    h.fadvance()
    found = {"before": before, "after": [s.cai for s in segments], "i_ca": [s.ica for s in segments]}
    h.fadvance()  # in which the reversal potential is that of the concentration before it
    return {**found, "e_ca": [s.eca for s in segments]}


if __name__ == "__main__":
    main()
