"""Currents of a ball and stick by NEURON, run by an interpreter that has it: python neuron_currents.py IN.json OUT.json."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ["NEURON_MODULE_OPTIONS"] = "-nogui"
from neuron import h

given = json.loads(Path(sys.argv[1]).read_text())
soma, dend = h.Section(name="soma"), h.Section(name="dend")
dend.connect(soma(1))
for section, name in ((soma, "soma"), (dend, "dend")):
    section.L, section.diam, section.nseg, section.Ra, section.cm = (*given[name], 100.0, 1.0)
    section.insert("hh")
clamp, syn, vc = h.IClamp(soma(0.5)), h.ExpSyn(dend(0.9)), h.SEClamp(dend(0.3))
clamp.delay, clamp.dur, clamp.amp = 1.0, 3.0, 0.3
vc.dur1, vc.amp1, vc.rs = 1e9, -60.0, 10.0
syn.tau, syn.e = 2.0, 0.0
events = h.NetCon(None, syn)
events.weight[0] = 0.002
h.celsius, h.dt, h.secondorder, h.usetable_hh = 6.3, given["dt"], 0, 0
h.CVode().use_fast_imem(1)
h.finitialize(-65)
events.event(2.0 + 0.5 * given["dt"])
segments = [segment for section in (soma, dend) for segment in section]
rows = []
while h.t < given["duration"] - 1e-9:
    h.fadvance()
    row = {"through": [s.i_membrane_ for s in segments], "v": [s.v for s in segments]}
    h.fcurrent()  # at the states of the end of the step
    row |= {"na": [s.ina for s in segments], "clamp": clamp.i, "vc": vc.i, "syn": syn.i}
    rows.append(row)
Path(sys.argv[2]).write_text(json.dumps(rows))
