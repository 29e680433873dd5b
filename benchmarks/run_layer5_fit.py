"""Conductances of the layer-5 pyramidal cell with its morphology, found from the potential of its soma; prints one JSON line. See `fitting.py`.

    python benchmarks/run_layer5_fit.py FILE.swc

The recording is the engine's, made with the published densities. The training starts where each of six channels has another density all over the cell, half to
2.2 times the published one. At first an electrode draws the soma towards the recording, as in docs/training.md, then a weaker one, then none.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import optax

import neuropil as npl
from neuropil.units import MOhm, ms, mV, pA, um
from neuropil.zoo.cells.layer5_pyramidal import layer5_pyramidal
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp

DT, STEPS = 0.025, 2400
START = {"FastSodium": 0.6, "Kv3Potassium": 1.8, "TransientPotassium": 0.5, "HCurrent": 2.2, "Leak": 1.6, "SKPotassium": 0.6}
"""Factors on the published densities."""
BOUNDS = (0.2, 4.0)


def network(shape: npl.Morphology, longest: float, factors: dict[str, float], series: float | None) -> npl.Network:
    """The cell with densities times these factors; with an electrode of this series resistance, MOhm, that draws it towards a recording."""
    cell = layer5_pyramidal(shape, discretisation=npl.MaxLength(longest * um), initial=-78 * mV)
    cell.place("inject", CurrentClamp(), at="soma(0.5)")
    if series is not None:
        cell.place("draw", VoltageClamp(r_series=series * MOhm), at="soma(0.5)")
    net = npl.Network("layer 5")
    net.population("cell", cell, 1)
    numbers = npl.FreeParameters(npl.Rollout(net, dt=DT * ms, precision="float64"), trainables(net, (0.01, 100.0)))
    return numbers.network({label: bound.interval.free(np.asarray(factors[label.split(".")[1]]), label) for label, bound in numbers.bound.items()})


def trainables(net: npl.Network, bounds: tuple[float, float] = BOUNDS) -> list[npl.Trainable]:
    """One factor for each channel."""
    return [npl.Trainable(net["cell"], f"{n}.g", bounds=bounds, each="factor") for n in START]


def densities(net: npl.Network) -> dict[str, np.ndarray]:
    """The conductance densities of the channels that are trained, in each compartment that has them."""
    cell = net["cell"].neuron
    return {n: np.ravel(cell.parameters(n, np.flatnonzero(cell.channels[n]))[1]["g"]) for n in START}


def main() -> None:
    """Record, then fit in three stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("swc")
    parser.add_argument("--longest", type=float, default=100.0, help="longest compartment, µm")
    parser.add_argument("--epochs", type=int, nargs=3, default=[40, 40, 50], help="drawn strongly, weakly, not at all")
    arguments = parser.parse_args()
    shape = npl.Morphology.from_swc(arguments.swc)
    truth = network(shape, arguments.longest, dict.fromkeys(START, 1.0), None)
    cell = truth["cell"].neuron
    soma = cell.compartments.at("soma")
    current = np.repeat(np.random.default_rng(5).uniform(-1500, 3500, STEPS // 200), 200)[:, None]
    truth.probe(truth["cell"], "v", sites=[soma], interval=DT * ms)
    truth.stimulate(truth["cell"], npl.TimeArray(current * pA, interval=DT * ms), input="inject.amplitude")
    result = npl.run(truth, STEPS * DT * ms, dt=DT * ms, precision="float64")
    v = result.traces["cell.v"].values[None]

    def fitted(net: npl.Network, series: float | None, epochs: int, optimizer: Any) -> npl.Fit:
        x = {"cell.inject.amplitude": current[None] * pA, **({"cell.draw.command": v * mV} if series is not None else {})}
        return npl.fit(
            net, (x, v), loss=npl.losses.TraceError("cell.v", columns=(soma,)), trainable=trainables(net), epochs=epochs, optimizer=optimizer, dt=DT * ms,
            precision="float64", checks=False, method="forward", progress=False,
        )  # fmt: skip

    newton = optax.chain(optax.lbfgs(0.7, linesearch=None), optax.clip_by_global_norm(0.1))
    real = densities(truth)
    wall, spent, losses, factors = time.perf_counter(), time.process_time(), [], dict(START)
    for (series, optimizer), epochs in zip(((2.0, optax.adam(0.05)), (20.0, newton), (None, newton)), arguments.epochs, strict=True):
        made = fitted(network(shape, arguments.longest, factors, series), series, epochs, optimizer)
        factors = {n: float(np.median(g / real[n])) for n, g in densities(made.network).items()}
        losses.append([made.history["loss"][0], made.history["loss"][-1]])
    print(json.dumps({
        "compartments": len(cell), "steps": STEPS, "spikes": len(result.spikes), "start": START, "found": factors, "losses": losses, "epochs": arguments.epochs,
        "wall": time.perf_counter() - wall, "processor": time.process_time() - spent,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
