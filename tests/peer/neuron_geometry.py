"""NEURON's view of a cell's geometry: what neuropil's compartments are compared with.

Runs in an environment of its own that has ``neuron`` (no neuropil). Reads one JSON object on standard input and writes
one as the last line of standard output:

- ``sections``: list of {name, parent, parent_at, points}, ``ra`` (ohm cm), ``cm`` (uF/cm2), ``nseg`` (a list, or null for the
  d_lambda rule at 0.1 and 100 Hz), ``leak`` (S/cm2): gives nseg, area and ri per segment, distance from the root's middle,
  and the steady voltages (mV) of every segment under ``current`` (nA) into the middle of section ``inject``;
- ``swc``: paths: gives for each the number, length and area of the sections that Import3d makes of it, by type, and the
  input resistance (MΩ) at the root's middle with one compartment to a section, ``ra`` and ``leak``.
"""

from __future__ import annotations

import json
import sys

from neuron import h

h.load_file("stdrun.hoc")


def geometry(job: dict) -> dict:
    sections = build(job)
    for s in sections:
        s.insert("pas")
        s.e_pas, s.g_pas = 0.0, job["leak"]
    clamp = h.IClamp(sections[job["inject"]](0.5))
    clamp.delay, clamp.dur, clamp.amp = 0.0, 1e12, job["current"]
    h.dt = 1e6  # implicit steps that long, three times, are the steady state to the last digit
    h.finitialize(0.0)
    for _ in range(3):
        h.fadvance()
    middle = sections[0](0.5)
    return {
        "nseg": [s.nseg for s in sections],
        "area": [[seg.area() for seg in s] for s in sections],
        "ri": [[seg.ri() for seg in s] for s in sections],
        "diam": [[seg.diam for seg in s] for s in sections],
        "distance": [[h.distance(middle, seg) for seg in s] for s in sections],
        "v": [[seg.v for seg in s] for s in sections],
    }


def build(job: dict) -> list:
    sections = []
    for i, spec in enumerate(job["sections"]):
        section = h.Section(name=f"s{i}")
        h.pt3dclear(sec=section)
        for x, y, z, d in spec["points"]:
            h.pt3dadd(x, y, z, d, sec=section)
        if spec["parent"] >= 0:
            section.connect(sections[spec["parent"]](spec["parent_at"]), 0)
        section.Ra, section.cm = job["ra"], job["cm"]
        sections.append(section)
    for i, section in enumerate(sections):
        if job["nseg"] is None:
            section.nseg = int((section.L / (0.1 * h.lambda_f(100.0, sec=section)) + 0.9) / 2.0) * 2 + 1
        else:
            section.nseg = job["nseg"][i]
    return sections


def imported(path: str, ra: float, leak: float) -> dict:
    reader = h.Import3d_SWC_read()
    reader.quiet = 1
    reader.input(path)
    holder = type("Holder", (), {})()
    h.Import3d_GUI(reader, 0).instantiate(holder)
    kinds: dict[str, list] = {}
    for section in h.allsec():
        section.insert("pas")
        section.nseg, section.g_pas, section.Ra = 1, leak, ra
        kind = section.name().split(".")[-1].split("[")[0]
        n, length, area = kinds.get(kind, (0, 0.0, 0.0))
        kinds[kind] = [n + 1, length + section.L, area + section(0.5).area()]
    (root,) = (s for s in h.allsec() if s.parentseg() is None)
    impedance = h.Impedance()
    impedance.loc(root(0.5))
    impedance.compute(0.0)
    resistance = impedance.input(root(0.5))
    for section in list(h.allsec()):
        h.delete_section(sec=section)
    return {"kinds": kinds, "resistance": resistance}


if __name__ == "__main__":
    job = json.load(sys.stdin)
    if "swc" in job:
        h.load_file("import3d.hoc")
        print("\n" + json.dumps([imported(path, job["ra"], job["leak"]) for path in job["swc"]]))
    else:
        print("\n" + json.dumps(geometry(job)))
