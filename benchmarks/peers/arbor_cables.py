"""Unconnected compartmental cells in Arbor, timed; prints one JSON line.

    ARBORPATH/bin/python benchmarks/peers/arbor_cables.py --threads 2                                   # 50 cables x 100
    ARBORPATH/bin/python benchmarks/peers/arbor_cables.py --swc l5pc_with_axon.swc --cells 10 --dendrites pas

Arbor's default context with so many threads, its own hh and pas, vectorised as the wheel is. ``--group N`` puts N cells in
a cell group, all of whose compartments a kernel goes through at once; Arbor's own choice is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50)
    parser.add_argument("--compartments", type=int, default=100, help="of each cable")
    parser.add_argument("--swc", default=None, help="a morphology instead of cables")
    parser.add_argument("--longest", type=float, default=20.0, help="compartment of a morphology, µm")
    parser.add_argument(
        "--dendrites", choices=["hh", "pas", "layer5"], default="hh",
        help="of a morphology; soma and axon have hh. layer5: the channels of Arbor's BBP catalogue, as densely as in Hay et al. (2011)",
    )
    parser.add_argument("--time", type=float, default=100.0, help="of each timed span, ms")
    parser.add_argument("--warm", type=float, default=10.0, help="not timed, ms")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--group", type=int, default=1, help="cells per cell group")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(arguments)
    print(json.dumps(figures))


def run(arguments: argparse.Namespace) -> dict:
    """Build, warm up, then time `repeat` spans."""
    import arbor
    from arbor import units as U

    start = time.perf_counter()
    cell = morphology(arbor, U, arguments) if arguments.swc else cable(arbor, U, arguments)
    recipe = population(arbor, cell, arguments.cells, arguments.dendrites == "layer5")
    context = arbor.context(threads=arguments.threads)
    hints = {arbor.cell_kind.cable: arbor.partition_hint(cpu_group_size=arguments.group)}
    simulation = arbor.simulation(recipe, context, arbor.partition_load_balance(recipe, context, hints))
    simulation.record(arbor.spike_recording.local)  # `all` hears only spikes that travel along connections
    dt = 0.025
    simulation.run(arguments.warm * U.ms, dt * U.ms)
    built = time.perf_counter() - start
    walls, processor = [], []
    for n in range(arguments.repeat):
        start, worked = time.perf_counter(), time.process_time()
        simulation.run((arguments.warm + (n + 1) * arguments.time) * U.ms, dt * U.ms)
        walls.append(time.perf_counter() - start)
        processor.append(time.process_time() - worked)
    compartments = arguments.cells * with_membrane(arbor.cv_data(cell))
    steps = round(arguments.time / dt)
    return {
        "simulator": f"Arbor {arbor.__version__}, groups of {arguments.group}",
        "threads": arguments.threads,
        "cells": arguments.cells,
        "compartments": compartments,
        "build_seconds": built,
        "walls": walls,
        "ns_per_compartment_step": [1e9 * wall / compartments / steps for wall in walls],
        "processor_ns_per_compartment_step": [1e9 * spent / compartments / steps for spent in processor],
        "spikes": len(simulation.spikes()),
    }


def with_membrane(volumes) -> int:  # type: ignore[no-untyped-def]
    """Control volumes with a membrane: Arbor also counts the points at which branches meet."""
    return sum(any(c.dist > c.prox for c in volumes.cables(n)) for n in range(volumes.num_cv))


def population(arbor, cell, number: int, rich: bool = False):  # type: ignore[no-untyped-def]
    """A recipe of so many copies of a cell; rich: with the mechanisms of the BBP catalogue."""

    class Population(arbor.recipe):
        def num_cells(self) -> int:
            return number

        def cell_kind(self, gid: int):  # type: ignore[no-untyped-def]
            return arbor.cell_kind.cable

        def cell_description(self, gid: int):  # type: ignore[no-untyped-def]
            return cell

        def global_properties(self, kind):  # type: ignore[no-untyped-def]
            properties = arbor.neuron_cable_properties()
            if rich:
                properties.catalogue.extend(arbor.bbp_catalogue(), "")
            return properties

    return Population()


def cable(arbor, U, arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """1 mm by 1 µm of hh membrane, stimulated at one end, listened to at the other."""
    tree = arbor.segment_tree()
    tree.append(arbor.mnpos, arbor.mpoint(0, 0, 0, 0.5), arbor.mpoint(1000, 0, 0, 0.5), tag=1)
    half = 0.5 / arguments.compartments
    labels = arbor.label_dict({"stimulated": f"(location 0 {half})", "listened": f"(location 0 {1 - half})"})
    decor = membrane(arbor, U).paint("(all)", arbor.density("hh"))
    policy = arbor.cv_policy_fixed_per_branch(arguments.compartments)
    return arbor.cable_cell(tree, placed(arbor, U, decor, 0.1), labels, policy)


def morphology(arbor, U, arguments: argparse.Namespace):  # type: ignore[no-untyped-def]
    """An SWC file read as NEURON would: stimulated and listened to at the soma."""
    loaded = arbor.load_swc_neuron(arguments.swc)
    soma = "(on-components 0.5 (tag 1))"
    labels = arbor.label_dict({"stimulated": soma, "listened": soma, "firing": "(join (tag 1) (tag 2))"})
    decor = membrane(arbor, U)
    if arguments.dendrites == "layer5":
        labels["soma"], labels["apical"], labels["basal"], labels["axon"] = "(tag 1)", "(tag 4)", "(tag 3)", "(tag 2)"
        layer5(arbor, U, decor)
    elif arguments.dendrites == "hh":
        decor.paint("(all)", arbor.density("hh"))
    else:
        decor.paint('"firing"', arbor.density("hh"))
        decor.paint('(complement (region "firing"))', arbor.density("pas/e=-65", {"g": 1e-4}))
    return arbor.cable_cell(
        loaded.morphology, placed(arbor, U, decor, 2.0), labels, arbor.cv_policy_max_extent(arguments.longest * U.um)
    )


DENSITIES = {
    "soma": {
        "NaTa_t": 2.04, "Nap_Et2": 1.72e-3, "K_Tst": 81.2e-3, "K_Pst": 2.23e-3, "SKv3_1": 0.693, "Ih": 0.2e-3, "Ca_HVA": 0.992e-3, "Ca_LVAst": 3.43e-3,
        "SK_E2": 44.1e-3, "pas": 3.38e-5,
    },
    "apical": {
        "NaTa_t": 21.3e-3, "SKv3_1": 0.261e-3, "Im": 6.75e-5, "Ih": 2e-3, "Ca_HVA": 5.55e-5, "Ca_LVAst": 1.87e-4, "SK_E2": 1.2e-3, "pas": 5.89e-5,
    },
    "basal": {"Ih": 0.2e-3, "pas": 4.67e-5},
    "axon": {"pas": 3.25e-5},
}  # fmt: skip
"""S/cm² by region, as neuropil's `layer5_pyramidal` has them; along the apical dendrite uniform."""


def layer5(arbor, U, decor) -> None:  # type: ignore[no-untyped-def]
    """The channels of the layer-5 pyramidal neuron."""
    decor.set_property(Vm=-80 * U.mV, tempK=(273.15 + 34) * U.Kelvin)
    decor.set_ion("na", rev_pot=50 * U.mV)
    decor.set_ion("k", rev_pot=-85 * U.mV)
    decor.set_ion("ca", int_con=5e-5 * U.mM, ext_con=2 * U.mM, rev_pot=132 * U.mV)
    for region, channels in DENSITIES.items():
        for name, density in channels.items():
            made = arbor.density("pas/e=-90", {"g": density}) if name == "pas" else arbor.density(name, {f"g{name}bar": density})
            decor.paint(f'"{region}"', made)
    for region, gamma, decay in (("soma", 0.000501, 460.0), ("apical", 0.000509, 122.0)):
        decor.paint(f'"{region}"', arbor.density("CaDynamics_E2", {"gamma": gamma, "decay": decay}))


def membrane(arbor, U):  # type: ignore[no-untyped-def]
    """Capacitance, resistance, temperature and initial potential, as in NEURON's side."""
    return arbor.decor().set_property(
        Vm=-65 * U.mV, cm=0.01 * U.F / U.m2, rL=100 * U.Ohm * U.cm, tempK=(273.15 + 6.3) * U.Kelvin
    )


def placed(arbor, U, decor, current: float):  # type: ignore[no-untyped-def]
    """A steady current and a detector of spikes."""
    decor.place('"stimulated"', arbor.i_clamp(current * U.nA))
    return decor.place('"listened"', arbor.threshold_detector(0 * U.mV), "detector")


if __name__ == "__main__":
    main()
