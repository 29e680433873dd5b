"""Cells in neuropil against NEURON at equal discretisation: potentials, spike times, and Rallpacks 1 to 3.

    python verification/cells/compare.py --neuron-python PATH [--extra FILE.swc ...]

Both step 0.025 ms with the same scheme, in double precision, for 100 ms; v is compared at every step at the soma and at the
farthest compartment of each kind of section. Writes docs/verification/cells.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from cases import MORPHOLOGIES, RESISTIVITY, SMALL, Case, cases
from describe import at, describe, geometry_errors
from rallpacks import (
    CURRENT,
    R_M,
    REST,
    STOP,
    TOLERANCES,
    in_neuron,
    normalised_rms,
    rallpack1,
    rallpack2,
    rallpack3,
    spike_errors,
    tree,
)

import neuropil as npl
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import FixedCount
from neuropil.model.cell.morphology import Morphology
from neuropil.units import Ohm, cm, mS, ms, mV, nA, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "verification" / "cells.md"
GOLDEN = ROOT / "tests" / "golden" / "neuron_cells.npz"
DT, SPAN, THRESHOLD = 0.025, 100.0, -20.0  # ms, ms, mV
EVERY = 20  # steps between samples that are kept


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neuron-python", required=True, help="interpreter of an environment with NEURON")
    parser.add_argument("--morphologies", type=Path, default=MORPHOLOGIES, help="folder of the SWC files of cases.py")
    parser.add_argument("--golden", action="store_true", help="only write tests/golden/neuron_cells.npz")
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="further SWC files")
    arguments = parser.parse_args()
    if arguments.golden:
        write_golden(arguments.neuron_python)
        return
    rows = [compare(case, arguments.neuron_python) for case in cases(arguments.morphologies, tuple(arguments.extra))]
    PAGE.write_text(page(rows, [rallpack(n, dt) for n in (1, 2, 3) for dt in (0.05, 0.025)]))
    print(PAGE.read_text())


# --- running in neuropil --------------------------------------------------------------------------------------------------


def run(cell: Cell, place: Any, amplitude: float, probes: list[int], dt: float, stop: float) -> tuple[np.ndarray, np.ndarray]:
    """v (mV) [probes, steps] at the end of each step, and spike times (ms), with a steady current (nA) into one place."""
    cell.place("clamp", CurrentClamp(), place)
    net = npl.Network("one cell")
    pop = net.population("cell", cell, 1)
    net.stimulate(pop, npl.Step(amplitude * nA), input="clamp.amplitude")
    net.probe(pop, "v", sites=probes, name="v")
    result = npl.run(net, stop * ms, dt=dt * ms, precision="float64", threads=1)
    return np.asarray(result.traces["v"].values).reshape(-1, len(probes)).T, result.spikes.times()


def places(cell: Cell) -> list[int]:
    """Where v is compared: the soma, and the farthest compartment of each other kind of section."""
    own = cell.compartments
    kinds = dict.fromkeys(own.kind[own.section > 0].tolist())
    return [own.at(0, 0.5), *(_farthest(cell, kind) for kind in kinds)]


def in_neuropil(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """v (mV) [places, steps] and spike times (ms) of a case."""
    cell = case.cell()
    soma = f"{cell.compartments.morphology.sections[0].name}(0.5)"
    cell.detect(soma, threshold=THRESHOLD * mV)
    return run(cell, soma, case.amplitude, places(cell), DT, SPAN)


def of_neuron(case: Case, python: str) -> dict[str, np.ndarray]:
    """The same from NEURON, v with the start at t = 0, and its geometry."""
    cell = case.cell()
    where = [at(cell.compartments, place) for place in places(cell)]
    clamp = {"kind": "IClamp", **where[0], "parameters": {"delay": 0.0, "dur": 1e9, "amp": case.amplitude}}
    spikes = {**where[0], "threshold": THRESHOLD}
    asked = describe(
        cell, resistivity=RESISTIVITY, dt=DT, stop=SPAN, celsius=case.celsius, point_processes=[clamp], record=where, spikes=spikes
    )
    return in_neuron(python, asked)


def compare(case: Case, python: str) -> dict[str, Any]:
    """One case in both simulators."""
    theirs = of_neuron(case, python)
    v, spikes = in_neuropil(case)
    late = np.abs(spikes - theirs["spikes"]).max(initial=0.0) / DT if len(spikes) == len(theirs["spikes"]) else np.inf
    own = case.cell().compartments
    return {
        "case": case,
        "compartments": len(own.numbers),
        "error": float(np.abs(v - theirs["v"][:, 1:]).max()),
        "spikes": (len(spikes), len(theirs["spikes"])),
        "late": float(late),
        **geometry_errors(own, theirs),
    }


def write_golden(python: str) -> None:
    """What NEURON makes of the small cells, every EVERY-th step, for a test that needs no NEURON."""
    kept: dict[str, np.ndarray] = {}
    for k, case in enumerate(SMALL):
        theirs = of_neuron(case, python)
        kept |= {f"v_{k}": theirs["v"][:, EVERY::EVERY], f"spikes_{k}": theirs["spikes"]}
    np.savez_compressed(GOLDEN, **kept)


def _farthest(cell: Cell, kind: str) -> int:
    own = cell.compartments
    here = own.numbers[own.kind[own.numbers] == kind]
    return int(here[np.argmax(own.distance[here])])


# --- Rallpacks --------------------------------------------------------------------------------------------------------------


def rallpack(pack: int, dt: float) -> dict[str, Any]:
    """One of the three in neuropil, against its exact or converged solution; errors at both ends."""
    leak = 0.1 / R_M * mS / cm**2
    if pack == 2:
        build = Morphology.builder("tree")
        names: list[str] = []
        for n, branch in enumerate(tree()):
            parent = None if branch["parent"] is None else names[branch["parent"]]
            names.append(build.section(f"b{n}", kind="dendrite", length=branch["points"][1][0] * um, diameter=branch["points"][0][3] * um, parent=parent))
        cell = Cell(build.build(), discretisation=FixedCount(1), initial=REST * mV).paint("all", Leak(g=leak, e=REST * mV))
        ends = [cell.compartments.at(0, 0.5), cell.compartments.at(len(names) - 1, 0.5)]
    else:
        cell = Cell(Morphology.cable(1000 * um, 1 * um), discretisation=FixedCount(1000), resistivity=100 * Ohm * cm, initial=REST * mV)
        cell.paint("all", Leak(g=leak, e=REST * mV) if pack == 1 else HodgkinHuxleyMembrane(g_l=leak, e_l=REST * mV))
        ends = [cell.compartments.at(0, 0.0), cell.compartments.at(0, 1.0)]
    name = cell.compartments.morphology.sections[0].name
    v, _ = run(cell, f"{name}(0.0)", CURRENT, ends, dt, STOP)
    v = np.hstack([np.full((len(ends), 1), REST), v])
    t = dt * np.arange(v.shape[1])
    if pack == 3:
        errors = [spike_errors(t, one, reference)["sum"] for one, reference in zip(v, rallpack3(), strict=True)]
    else:
        exact = rallpack1(t) if pack == 1 else rallpack2(t)
        errors = [normalised_rms(one, e) for one, e in zip(v, exact, strict=True)]
    return {"pack": pack, "dt": dt, "errors": errors}


# --- the page -----------------------------------------------------------------------------------------------------------


def page(rows: list[dict[str, Any]], packs: list[dict[str, Any]]) -> str:
    """Everything compared, as Markdown."""
    lines = [
        "# Cells with morphology against NEURON and against exact solutions\n",
        "    python verification/cells/compare.py --neuron-python PATH --extra FILE.swc ...\n",
        "NEURON 9 and neuropil, both backward Euler with staggered gates, 0.025 ms, double precision, 100 ms with a steady current "
        "into the soma; v compared at every step at the soma and at the farthest compartment of each kind of section. NEURON "
        "keeps lengths in single precision, hence the differences of area.\n",
        "| cell | file | compartments | largest difference of v (mV) | spikes, neuropil and NEURON | largest difference of spike times (steps) | of areas |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        case, spikes = row["case"], row["spikes"]
        lines.append(
            f"| {case.name} | {case.file.name if case.file else '–'} | {row['compartments']} | {row['error']:.1e} | {spikes[0]}, {spikes[1]} | "
            f"{row['late']:.2g} | {row['area']:.0e} |"
        )
    lines += [
        "\n## Rallpacks\n",
        "Bhalla, Bilitch & Bower (1992). The first two against closed forms, normalised rms; the third against a converged solution of "
        "NEURON's, errors of intervals, heights and shapes added up as the suite does. The tolerance is the error that the suite's "
        "authors published for NEURON at a step of 0.05 ms; see `verification/cells/rallpacks.py`.\n",
        "| rallpack | dt (ms) | first compartment | last | tolerance |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {p['pack']} | {p['dt']} | {p['errors'][0]:.2e} | {p['errors'][1]:.2e} | {TOLERANCES[p['pack']]:.2e} |" for p in packs]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
