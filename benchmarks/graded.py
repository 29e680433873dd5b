"""Graded transmission against the machine's limits: nanoseconds of a multiply-add for each form of weights.

    python benchmarks/graded.py [--quick] [--threads 1 2]      # prints a table; without --quick writes docs/benchmarks/graded.md

Beside each form stand, measured in the same process right after it: NumPy's product of a vector and the same matrix (BLAS gemv, one thread), for matrices; and what
memory allows: reading once as many bytes as a step touches (weights, indices of sources where they are listed, what each source transmits, and each target's
input), at the bandwidth that a sum over an array of that size reaches.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of gemv, which is measured on one thread

import common
import numpy as np

import neuropil as npl
from neuropil.cost.kernels import best, total
from neuropil.units import ms
from neuropil.zoo.neurons.echo_state import EchoStateUnit


def network(form: str, n: int) -> tuple[npl.Network, float]:
    """A network of n units, and its multiply-adds in a step."""
    random = np.random.default_rng(1)
    net = npl.Network(form)
    units = net.population("units", EchoStateUnit(tau=10 * ms), n, initial={"x": npl.Uniform(-0.5, 0.5)})
    rule: npl.Rule = npl.AllToAll()
    if form == "matrix":
        weight: Any = random.normal(size=(n, n)) * (0.9 / np.sqrt(n))
        count = float(n) * n
    elif form == "10 % drawn":
        rule, weight = npl.FixedProbability(0.1), npl.Normal(0.0, 3.0 / np.sqrt(n))
        count = 0.1 * n * n
    elif form == "blocks of 16":
        weight = npl.Blocks(random.normal(size=(n // 16, 16, 16)) * 0.2)
        count = 16.0 * n
    elif form == "one to one":
        rule, weight = npl.OneToOne(), 0.5
        count = float(n)
    else:
        weight = npl.Circulant(random.normal(size=n) * (0.9 / np.sqrt(n)))
        count = float(n) * n  # of the matrix that it stands for
    net.project(units, units, rule, weight=weight, delay=0 * ms, input="drive", synapse=npl.Graded())
    return net, count


def touched(form: str, n: int, count: float, real: int) -> float:
    """Bytes that a step touches; real: of a number of the run's precision. 0 of a circulant matrix, which is bound by arithmetic."""
    if form == "circulant":
        return 0.0
    weight = {"10 % drawn": real + 4, "blocks of 16": 8}.get(form, real)
    return count * weight + n * (real + 8)


def product_seconds(net: npl.Network, precision: str, threads: int) -> float:
    """What the product of a step takes, s: the kernel of the network on the arrays of a simulation, all threads at once."""
    with npl.Simulation(net, dt=1 * ms, precision=precision, threads=threads) as simulation:
        simulation.step(2)
        (graded,) = simulation.core.graded
        (operation,) = graded.operations()
        kernel = getattr(importlib.import_module(operation.kernel.module), operation.kernel.name)
        once = fastest(lambda: kernel(2, *operation.own(0)))
        again = max(1, int(2e-3 / once))
        owners = iter(range(threads))

        def make() -> Callable[[], Any]:
            arguments = operation.own(next(owners))
            return lambda: [kernel(2, *arguments) for _ in range(again)]

        return best(make, threads, 25) / again


def fastest(work: Callable[[], Any], tries: int = 25) -> float:
    """The least time of several, s."""
    found = []
    for _ in range(tries):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)


def gemv_seconds(n: int, precision: str) -> float:
    """NumPy's product of a vector and a matrix."""
    w, x = np.ones((n, n), precision), np.ones(n, precision)
    return fastest(lambda: x @ w)


def read_seconds(size: float, threads: int) -> float:
    """Reading so many bytes with all threads, each its part, again and again."""
    words = max(int(size / 4 / threads), 1)
    again = max(1, int(2e7 / (4 * words)))

    def make() -> Callable[[], Any]:
        array = np.ones(words, np.uint32)
        return lambda: [total(array) for _ in range(again)]

    return best(make, threads, 25) / again


CASES = [("matrix", 1000), ("matrix", 6000), ("10 % drawn", 3000), ("blocks of 16", 64_000), ("one to one", 1_000_000), ("circulant", 4096), ("circulant", 4000)]
QUICK = [("matrix", 1000), ("10 % drawn", 1000), ("blocks of 16", 16_000), ("one to one", 100_000), ("circulant", 1024)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks; writes no page")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    about, rows, raw = common.machine(), [], []
    for form, n in QUICK if options.quick else CASES:
        net, count = network(form, n)
        for precision in ("float32", "float64"):
            size = touched(form, n, count, np.dtype(precision).itemsize)
            for threads in options.threads:
                took = product_seconds(net, precision, threads)
                gemv = gemv_seconds(n, precision) if form == "matrix" else float("nan")
                limit = read_seconds(size, threads) if size else float("nan")
                ns = [1e9 * t / count for t in (took, gemv, limit)]
                raw.append({"form": form, "neurons": n, "precision": precision, "threads": threads, "ns": ns[0], "gemv_ns": ns[1], "read_ns": ns[2], "us_step": 1e6 * took})
                shown = ["" if np.isnan(t) else f"{t:.4f}" for t in ns]
                rows.append([form, f"{n:,}", precision, threads, f"{1e6 * took:,.1f}", *shown, "" if np.isnan(ns[2]) else f"{ns[0] / ns[2]:.1f}"])
                print(*rows[-1], sep="\t", flush=True)
    header = ["weights", "neurons", "precision", "threads", "µs a step", "ns a multiply-add", "NumPy gemv, one thread, ns", "memory, ns", "ratio to memory"]
    text = "# Graded transmission\n\nWritten by `benchmarks/graded.py`. A multiply-add of a circulant matrix is one of the matrix that it stands for. "
    text += "Memory: reading as many bytes as a step touches.\n\n"
    text += common.table(header, rows) + common.footing(about)
    if not options.quick:
        common.write("graded", text, {"machine": about, "rows": raw})


if __name__ == "__main__":
    main()
