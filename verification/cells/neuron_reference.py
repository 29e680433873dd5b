"""A discretised cell in NEURON, stepped with a fixed step, recorded at every step: the reference for neuropil's cable.

    NEURONPATH/bin/python verification/cells/neuron_reference.py CELL.json OUT.npz

Runs in the interpreter of an environment with NEURON (nothing of neuropil is imported). ``CELL.json`` is an object:

- ``sections``: list, parents first, of objects with
  ``points`` [[x, y, z, diameter], ...] µm; ``parent`` an index or null; ``parent_x`` (1.0) and ``child_x`` (0.0) where the
  two are joined; ``nseg``; ``ra`` Ω cm; ``cm`` µF/cm²; ``mechanisms`` {name: {parameter: value}};
  ``ions`` {"ena": 50, "ek": -77}. A value is a number or a list of one per segment.
- ``point_processes``: list of {``kind``: "IClamp" | "SEClamp" | "ExpSyn" | "Exp2Syn" | "NMDA" | ..., ``section``, ``x``,
  ``parameters`` {..}, ``events`` [ms, ...], ``weight`` µS}. An event takes effect in the step whose middle is the first not before it.
- ``record``: list of {``section``, ``x``, ``variable`` ("v" if absent; or "cai", "m_hh", ...)}.
- ``dt``, ``stop`` ms; ``v_init`` mV; ``celsius``; ``second_order`` (0; 2 is Crank-Nicolson); ``every`` (1): record each so many steps; ``hh_table`` (false): look hh's
  rates up in NEURON's table instead of computing them; ``spikes`` {``section``, ``x``, ``threshold``} mV.

``OUT.npz`` holds ``t`` (steps + 1,) ms; ``v`` (records, steps + 1), in the variable's unit; ``spikes`` ms, the end of the step
in which the threshold is passed; of each segment in NEURON's order ``section``, ``x``, ``area`` µm² and ``ri`` MΩ (the
axial resistance to the parent's node), by which two discretisations are compared; ``seconds`` of the run.

The step is NEURON's: backward Euler for the voltage with currents and stimuli at t + dt/2, conductances from the gates of
the last step, then the gates by exponential Euler with the new voltage (``cvode`` off). Conductances are
numerical derivatives of the currents over 0.001 mV: exact for ohmic currents, and for NMDA they include the slope of the block.

NMODL files in ``mod/`` are compiled with ``nrnivmodl`` on first use, into ``NEUROPIL_CACHE`` (or the system's temporary folder).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODS = Path(__file__).resolve().parent / "mod"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cell", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    np.savez_compressed(arguments.out, **run(json.loads(arguments.cell.read_text())))


def run(cell: dict) -> dict[str, np.ndarray]:
    """Build and run; the arrays of ``OUT.npz``."""
    h = simulator()
    h.CVode().active(False)
    h.secondorder = cell.get("second_order", 0)
    h.celsius, h.dt = cell["celsius"], cell["dt"]
    if hasattr(h, "usetable_hh"):
        h.usetable_hh = bool(cell.get("hh_table", False))
    sections = build(h, cell["sections"])
    processes = [add_process(h, sections, process) for process in cell.get("point_processes", [])]
    t, values = recorders(h, sections, cell)
    spikes = h.Vector()
    if "spikes" in cell:
        where = cell["spikes"]
        section = sections[where["section"]]
        detector = h.NetCon(section(where["x"])._ref_v, None, sec=section)
        detector.threshold = where["threshold"]
        detector.record(spikes)
    h.finitialize(cell["v_init"])
    for _, connection, times in processes:
        for at in times:
            connection.event(at)
    start = time.perf_counter()
    for _ in range(round(cell["stop"] / cell["dt"])):
        h.fadvance()
    seconds = time.perf_counter() - start
    every = cell.get("every", 1)
    return {
        "t": np.arange(len(t))[::every] * cell["dt"],
        "v": np.array([np.array(x)[::every] for x in values]),
        "spikes": np.array(spikes),
        **geometry(sections),
        "seconds": np.array(seconds),
    }


def simulator():  # type: ignore[no-untyped-def]
    """NEURON's ``h`` with the mechanisms of ``mod/`` loaded."""
    library = compiled()
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h, load_mechanisms

    load_mechanisms(str(library))
    h.load_file("stdrun.hoc")
    return h


def compiled() -> Path:
    """The folder in which ``nrnivmodl`` has compiled the present text of ``mod/``."""
    files = sorted(MODS.glob("*.mod"))
    name = hashlib.sha256(b"".join(f.read_bytes() for f in files) + sys.executable.encode()).hexdigest()[:16]
    folder = Path(os.environ.get("NEUROPIL_CACHE", tempfile.gettempdir())) / f"neuron_mod_{name}"
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        tools = Path(sys.executable).parent
        environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        command = [str(tools / "nrnivmodl"), str(MODS)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"nrnivmodl failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        (folder / "done").touch()
    return folder


# --- building -----------------------------------------------------------------------------------------------------------


def build(h, described: list[dict]) -> list:  # type: ignore[no-untyped-def]
    """Sections with their shape, their parents and what is painted on them."""
    sections = []
    for n, part in enumerate(described):
        section = h.Section(name=f"section_{n}")
        for x, y, z, diameter in part["points"]:
            section.pt3dadd(x, y, z, diameter)
        if part.get("parent") is not None:
            section.connect(sections[part["parent"]](part.get("parent_x", 1.0)), part.get("child_x", 0.0))
        section.nseg = part["nseg"]
        section.Ra = part["ra"]
        for name in part.get("mechanisms", {}):
            section.insert(name)
        for segment, value in per_segment(section, part["cm"]):
            segment.cm = value
        for name, parameters in part.get("mechanisms", {}).items():
            for parameter, values in parameters.items():
                for segment, value in per_segment(section, values):
                    setattr(segment, f"{parameter}_{name}", value)
        for name, value in part.get("ions", {}).items():
            setattr(section, name, value)
        sections.append(section)
    return sections


def per_segment(section, values):  # type: ignore[no-untyped-def]
    """Pairs of a segment and its value; one value serves them all."""
    values = values if isinstance(values, list) else [values] * section.nseg
    if len(values) != section.nseg:
        raise SystemExit(f"{section}: {len(values)} values for {section.nseg} segments")
    return zip(section, values, strict=True)


def add_process(h, sections: list, process: dict) -> tuple:  # type: ignore[no-untyped-def]
    """A point process at its place, what events come by, and their times. NEURON deletes what Python forgets: keep all."""
    made = getattr(h, process["kind"])(sections[process["section"]](process["x"]))
    for name, value in process.get("parameters", {}).items():
        setattr(made, name, value)
    times = process.get("events", [])
    connection = h.NetCon(None, made) if times else None
    if connection is not None:
        connection.weight[0] = process["weight"]
        connection.delay = 0.0
    return made, connection, times


def recorders(h, sections: list, cell: dict) -> tuple:  # type: ignore[no-untyped-def]
    """Vectors of time and of what is to be recorded, filled at the end of each step."""
    values = []
    for place in cell["record"]:
        segment = sections[place["section"]](place["x"])
        values.append(h.Vector().record(getattr(segment, "_ref_" + place.get("variable", "v"))))
    return h.Vector().record(h._ref_t), values


def geometry(sections: list) -> dict[str, np.ndarray]:
    """Area and axial resistance of each segment."""
    rows = []
    for n, section in enumerate(sections):
        rows += [(n, segment.x, segment.area(), segment.ri()) for segment in section]
    section_of, x, area, ri = (np.array(column) for column in zip(*rows, strict=True))
    return {"section": section_of, "x": x, "area": area, "ri": ri}


if __name__ == "__main__":
    main()
