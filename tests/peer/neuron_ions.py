"""Point processes that use ions, pools beside hh, and a kinetic scheme, in NEURON: run by its interpreter, which has nothing of neuropil.

    NEURONPATH/bin/python tests/peer/neuron_ions.py FOLDER OUT.json

FOLDER holds the NMODL files, compiled there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    """Compile, load, run, write."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    tools = Path(sys.executable).parent
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([str(tools / "nrnivmodl"), "."], cwd=folder, env={**os.environ, "PATH": path}, check=True, capture_output=True)
    os.environ["NEURON_MODULE_OPTIONS"] = "-nogui"
    from neuron import h, load_mechanisms

    load_mechanisms(str(folder))
    h.celsius, h.secondorder, h.usetable_hh = 6.3, 0, 0
    found = {"ions": run(h, 0.025, markov=False)}
    found |= {f"markov {dt}": run(h, dt, markov=True) for dt in (0.025, 0.0125)}
    out.write_text(json.dumps(found))


def run(h, dt: float, *, markov: bool) -> dict[str, list[float]]:  # type: ignore[no-untyped-def]
    """100 ms of a cable of five segments: potentials at its middle and end, concentrations in the middle, every 0.1 ms."""
    cable = h.Section()
    cable.L, cable.diam, cable.nseg, cable.Ra, cable.cm = 500, 2, 5, 100, 1
    cable.insert("hh")
    if markov:
        cable.insert("markov")
    else:
        cable.insert("kshell")
        cable.insert("capool")
        synapse = h.CaSyn(cable(0.5))
        synapse.g, synapse.half = 0.0005, 0.01
    clamp = h.IClamp(cable(0.1))
    clamp.delay, clamp.dur, clamp.amp = 1, 1e9, 0.3
    h.dt = dt
    h.finitialize(-65)
    middle, rows, each = cable(0.5), [], round(0.1 / dt)
    for k in range(round(100 / dt)):
        h.fadvance()
        if (k + 1) % each == 0:
            rows.append([middle.v, cable(0.9).v, middle.markov.o] if markov else [middle.v, cable(0.9).v, middle.cai, cable(0.1).kshell_kshell])
    return dict(zip(("v", "end", "o") if markov else ("v", "end", "cai", "k"), np.array(rows).T.tolist(), strict=True))


if __name__ == "__main__":
    main()
