"""Unconnected compartmental cells in NEURON, timed; prints one JSON line.

    NEURONPATH/bin/python benchmarks/peers/neuron_cables.py --threads 2 --table 0                    # 50 cables x 100
    NEURONPATH/bin/python benchmarks/peers/neuron_cables.py --swc l5pc_with_axon.swc --cells 10 --dendrites pas

Steps are run by ``ParallelContext.psolve``, so that no Python or hoc stands between them; data are laid out for the cache as
NEURON 9 always does. ``--table 1`` is hh as users get it, its rates looked up in a table; ``--table 0`` computes them.
``--core 1`` hands the model to CoreNEURON, as the wheel brings it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time

os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--compartments", type=int, default=100, help="of each cable")
    parser.add_argument("--swc", default=None, help="a morphology instead of cables")
    parser.add_argument("--longest", type=float, default=20.0, help="compartment of a morphology, µm")
    parser.add_argument(
        "--dendrites", choices=["hh", "pas"], default="hh", help="of a morphology; soma and axon have hh"
    )
    parser.add_argument("--time", type=float, default=100.0, help="of each timed span, ms")
    parser.add_argument("--warm", type=float, default=10.0, help="not timed, ms")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--table", type=int, choices=[0, 1], default=1)
    parser.add_argument("--core", type=int, choices=[0, 1], default=0)
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(arguments)
    print(json.dumps(figures))


def run(arguments: argparse.Namespace) -> dict:
    """Build, warm up, then time `repeat` spans."""
    import neuron
    from neuron import coreneuron, h

    h.load_file("stdrun.hoc")
    h.usetable_hh, h.celsius, h.dt = arguments.table, 6.3, 0.025
    start = time.perf_counter()
    cells = [morphology(h, arguments) if arguments.swc else cable(h, arguments) for _ in range(arguments.cells)]
    context = h.ParallelContext()
    kept, trains = [], [h.Vector() for _ in cells]  # one train each: two threads may not fill one vector
    for n, (_, stimulus, listened, current) in enumerate(cells):
        clamp = h.IClamp(stimulus)
        clamp.delay, clamp.dur, clamp.amp = 0.0, 1e9, current
        detector = h.NetCon(listened._ref_v, None, sec=listened.sec)
        detector.threshold = 0.0
        context.set_gid2node(n, 0)
        context.cell(n, detector)
        whose = h.Vector()
        context.spike_record(n, trains[n], whose)
        kept += [clamp, detector, whose]
    if arguments.core:
        coreneuron.enable, coreneuron.verbose = True, 0
    context.nthread(arguments.threads, 1)
    context.set_maxstep(10)
    h.finitialize(-65)
    context.psolve(arguments.warm)
    built = time.perf_counter() - start
    walls = []
    for n in range(arguments.repeat):
        start = time.perf_counter()
        context.psolve(arguments.warm + (n + 1) * arguments.time)
        walls.append(time.perf_counter() - start)
    compartments = sum(section.nseg for sections, *_ in cells for section in sections)
    steps = round(arguments.time / h.dt)
    table = "from its table" if arguments.table else "computed"
    return {
        "simulator": f"{'Core' * arguments.core}NEURON {neuron.__version__}, hh {table}",
        "threads": arguments.threads,
        "cells": arguments.cells,
        "compartments": compartments,
        "build_seconds": built,
        "walls": walls,
        "ns_per_compartment_step": [1e9 * wall / compartments / steps for wall in walls],
        "spikes": sum(len(train) for train in trains),
    }


def cable(h, arguments):  # type: ignore[no-untyped-def]
    """1 mm by 1 µm of hh membrane, stimulated at one end, listened to at the other."""
    section = h.Section(name="cable")
    section.L, section.diam, section.nseg, section.Ra, section.cm = 1000.0, 1.0, arguments.compartments, 100.0, 1.0
    section.insert("hh")
    half = 0.5 / arguments.compartments
    return [section], section(half), section(1 - half), 0.1


def morphology(h, arguments):  # type: ignore[no-untyped-def]
    """An SWC file read by Import3d: stimulated and listened to at the soma."""
    h.load_file("import3d.hoc")

    class Cell:
        pass

    cell = Cell()
    reader = h.Import3d_SWC_read()
    reader.quiet = 1
    reader.input(arguments.swc)
    h.Import3d_GUI(reader, False).instantiate(cell)
    for section in cell.all:
        section.nseg = math.ceil(section.L / arguments.longest)
        section.Ra, section.cm = 100.0, 1.0
        name = section.name().rsplit(".", 1)[-1]
        if name.startswith(("soma", "axon")) or arguments.dendrites == "hh":
            section.insert("hh")
        else:
            section.insert("pas")
            section.g_pas, section.e_pas = 1e-4, -65.0
    middle = cell.soma[0](0.5)
    return list(cell.all), middle, middle, 2.0


if __name__ == "__main__":
    main()
