"""What bounds the update of neurons: its kernel beside a loop that only reads and writes the same arrays, on one thread.

    python benchmarks/update.py [--neurons 1000 4000 16000]      # prints a table

The network is CUBA (Vogels & Abbott 2005, `LIFExp`). Where both take the same time, arithmetic is hidden behind moving states, accumulators,
refractory counts and flags, and only fewer bytes would make the update faster.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

import neuropil as npl
from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.noalias import noalias_arguments
from neuropil.codegen.vectors import wide_vectors
from neuropil.plan.operations import Phase
from neuropil.zoo.circuits.vogels_abbott import vogels_abbott


@njit(**KERNEL_FLAGS)
def move(bounds, numbers, periods, s0, s1, s2, left, exact0, exact1, fired):  # type: ignore[no-untyped-def]
    """Every array that the update reads is read, and every one that it writes is written."""
    noalias_arguments()
    wide_vectors()
    for i in range(np.uint64(bounds[-1, 1])):
        a, b, c, waiting, x, y = s0[i], s1[i], s2[i], left[i], exact0[i], exact1[i]
        s0[i], s1[i], s2[i], exact0[i], exact1[i] = b, c, a, y, x
        left[i] = waiting ^ np.uint8(1)
        fired[i] = waiting


@njit(**KERNEL_FLAGS)
def repeated(kernel, times, arguments):  # type: ignore[no-untyped-def]
    """Call a kernel many times."""
    for _ in range(times):
        kernel(*arguments)


def nanoseconds(kernel: Callable[..., Any], arguments: tuple[Any, ...], neurons: int, tries: int = 25, times: int = 200) -> float:
    """The least time of a call, ns a neuron."""
    repeated(kernel, 2, arguments)
    found = []
    for _ in range(tries):
        begun = time.perf_counter()
        repeated(kernel, times, arguments)
        found.append(time.perf_counter() - begun)
    return 1e9 * min(found) / times / neurons


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, nargs="+", default=[1000, 4000, 16_000])
    print("| precision | neurons | KB | update, ns a neuron | moving its arrays, ns |\n|---|---|---|---|---|")
    sizes = parser.parse_args().neurons
    for precision in ("float32", "float64"):
        for n in sizes:
            with npl.Simulation(vogels_abbott(size=n), threads=1, precision=precision) as simulation:
                simulation.step(2000)
                update = next(op for op in simulation.core.machine.operations if op.phase is Phase.NEURONS)
                kernel, arguments = getattr(importlib.import_module(update.kernel.module), update.kernel.name), update.own(0)
                size = sum(a.itemsize for a in arguments[3:]) * n / 1024
                moved = nanoseconds(move, tuple(np.copy(a) for a in arguments), n)
                print(f"| {precision} | {n:,} | {size:.0f} | {nanoseconds(kernel, tuple(arguments), n):.3f} | {moved:.3f} |", flush=True)


if __name__ == "__main__":
    main()
