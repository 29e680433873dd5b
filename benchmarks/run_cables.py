"""Unconnected compartmental cells in neuropil, timed; prints one JSON line. The peers' programs take the same options.

    python benchmarks/run_cables.py --threads 2                                                  # 50 cables x 100
    python benchmarks/run_cables.py --swc l5pc_with_axon.swc --cells 10 --dendrites pas
"""

from __future__ import annotations

import argparse
import json
import time

START = time.perf_counter()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--compartments", type=int, default=100, help="of each cable")
    parser.add_argument("--swc", default=None, help="a morphology instead of cables")
    parser.add_argument("--longest", type=float, default=20.0, help="compartment of a morphology, µm")
    parser.add_argument(
        "--dendrites", choices=["hh", "pas", "layer5"], default="hh",
        help="of a morphology; soma and axon have hh. layer5: the channels of `layer5_pyramidal` everywhere",
    )  # fmt: skip
    parser.add_argument("--time", type=float, default=100.0, help="of each timed span, ms")
    parser.add_argument("--warm", type=float, default=10.0, help="not timed, ms")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="float64")
    print(json.dumps(run(parser.parse_args())))


def run(arguments: argparse.Namespace) -> dict:
    """Build, warm up, then time `repeat` spans."""
    import neuropil as npl
    from neuropil.engine import Simulation
    from neuropil.units import ms, nA

    net = npl.Network("cells")
    cell, current = morphology(arguments) if arguments.swc else cable(arguments)
    cells = net.population("cells", cell, arguments.cells)
    net.stimulate(cells, npl.Step(current * nA), input="clamp.amplitude")
    dt = 0.025
    simulation = Simulation(net, dt=dt * ms, threads=arguments.threads, precision=arguments.precision)
    simulation.run_until(arguments.warm * ms)
    built = time.perf_counter() - START
    walls, processor = [], []
    for n in range(arguments.repeat):
        before, worked = simulation.wall_seconds, time.process_time()
        result = simulation.run_until((arguments.warm + (n + 1) * arguments.time) * ms)
        walls.append(simulation.wall_seconds - before)
        processor.append(time.process_time() - worked)
    compartments = arguments.cells * len(cell.compartments.numbers)
    steps = round(arguments.time / dt)
    return {
        "simulator": f"neuropil, {arguments.precision}",
        "threads": arguments.threads,
        "cells": arguments.cells,
        "compartments": compartments,
        "build_seconds": built,
        "walls": walls,
        "ns_per_compartment_step": [1e9 * wall / compartments / steps for wall in walls],
        "processor_ns_per_compartment_step": [1e9 * spent / compartments / steps for spent in processor],
        "spikes": len(result.spikes),
    }


def cable(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """1 mm by 1 µm of squid membrane, stimulated at one end, listened to at the other; and the current, nA."""
    import neuropil as npl
    from neuropil.units import mV, um
    from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
    from neuropil.zoo.electrodes.current_clamp import CurrentClamp

    cell = npl.Cell(npl.Morphology.cable(1000 * um, 1 * um), discretisation=npl.FixedCount(arguments.compartments))
    cell.paint("all", HodgkinHuxleyMembrane()).place("clamp", CurrentClamp(), "cable(0.0)")
    return cell.detect("cable(1.0)", threshold=0 * mV), 0.1


def morphology(arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """An SWC file, stimulated and listened to at the soma; and the current, nA."""
    import neuropil as npl
    from neuropil.units import cm, mS, mV, um
    from neuropil.zoo.channels.leak import Leak
    from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
    from neuropil.zoo.electrodes.current_clamp import CurrentClamp

    shape = npl.Morphology.from_swc(arguments.swc)
    if arguments.dendrites == "layer5":
        from neuropil.zoo.cells.layer5_pyramidal import layer5_pyramidal

        cell = layer5_pyramidal(shape, discretisation=npl.MaxLength(arguments.longest * um))
        return cell.place("clamp", CurrentClamp(), "soma(0.5)").detect("soma(0.5)", threshold=-20 * mV), 2.0
    cell = npl.Cell(shape, discretisation=npl.MaxLength(arguments.longest * um))
    for kind in shape.kinds:
        firing = kind in ("soma", "axon") or arguments.dendrites == "hh"
        cell.paint(kind, HodgkinHuxleyMembrane() if firing else Leak(g=0.1 * mS / cm**2, e=-65 * mV))
    cell.place("clamp", CurrentClamp(), "soma(0.5)")
    return cell.detect("soma(0.5)", threshold=0 * mV), 2.0


if __name__ == "__main__":
    main()
