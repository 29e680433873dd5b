"""A branched cell fitted by neuropil, timed; prints one JSON line. See `fitting.py`."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import PEERS
from jax.flatten_util import ravel_pytree

import neuropil as npl
from neuropil.units import Ohm, cm, mS, ms, mV, pA, uF, um
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp

sys.path.insert(0, str(PEERS))
import fitting_job as job

UNIT = mS / cm**2


def network(g: dict[str, Any]) -> npl.Network:
    """The cell with these conductances, mS/cm²."""
    build = npl.Morphology.builder("branched")
    for name, parent, length, diameter, _ in job.BRANCHES:
        build.section(name, kind="soma" if parent < 0 else name.partition(" ")[0], length=length * um, diameter=diameter * um, parent=None if parent < 0 else job.BRANCHES[parent][0])
    counts = {name: count for name, *_, count in job.BRANCHES}
    cell = npl.Cell(build.build(), discretisation=npl.FixedCount(counts), capacitance=1 * uF / cm**2, resistivity=100 * Ohm * cm, initial=-65 * mV)
    for part, kinds in (("soma", ["soma"]), ("dendrites", ["trunk", "tuft", "basal"])):
        for kind in kinds:
            cell.paint(kind, HodgkinHuxleyMembrane(**{n: v * UNIT for n, v in zip(job.CONDUCTANCES, g[part], strict=True)}), name=part)
    cell.place("electrode", CurrentClamp(), "soma(0.5)")
    net = npl.Network("fitted")
    net.population("cell", cell, 1)
    return net


def trainables(net: npl.Network) -> list[npl.Trainable]:
    """The six conductances between their bounds, one of each for all compartments."""
    return [
        npl.Trainable(net["cell"], f"{part}.{n}", bounds=(low * UNIT, high * UNIT), scale=(high - low) / 4 * UNIT, each=False)
        for part, bounds in job.BOUNDS.items()
        for n, (low, high) in zip(job.CONDUCTANCES, bounds, strict=True)
    ]


def recording() -> np.ndarray:
    """The soma's potential with the hidden conductances, [1, steps, 1], from the engine."""
    net = network(job.HIDDEN)
    net.probe(net["cell"], "v", sites=[0], interval=job.DT * ms)
    net.stimulate(net["cell"], npl.TimeArray(job.current()[:, None] * pA, interval=job.DT * ms), input="electrode.amplitude")
    return npl.run(net, job.STEPS * job.DT * ms, dt=job.DT * ms, precision="float64").traces["cell.v"].values[None]


def gradients(target: np.ndarray) -> dict[str, Any]:
    """Forward, and the gradient in reverse and in forward mode: compile time and times of calls, s."""
    net = network(job.START)
    net.probe(net["cell"], "v", sites=[0], name="v")
    rollout = npl.Rollout(net, dt=job.DT * ms, precision="float64")
    free = npl.FreeParameters(rollout, trainables(net))
    inputs = rollout.inputs(job.STEPS)
    inputs["currents"] = {"cell": {"electrode.amplitude": job.current()[:, None]}}

    def loss(x: Any) -> Any:
        return jnp.mean((rollout.apply(*free.values(x), inputs).traces["v"] - target[0]) ** 2)

    flat, back = ravel_pytree(jax.tree.map(jnp.asarray, free.start))

    def tangents(flat: Any) -> Any:
        return jax.vmap(lambda one: jax.jvp(lambda y: loss(back(y)), (flat,), (one,)))(jnp.eye(flat.size))

    made = {"forward": timed(loss, free.start), "reverse": timed(jax.value_and_grad(loss), free.start), "forward mode": timed(tangents, flat)}
    value, slope = jax.jit(jax.value_and_grad(loss))(free.start)
    return {**made, "loss": float(value), "norm": float(np.linalg.norm([float(v) for v in jax.tree.leaves(slope)]))}


def timed(function: Any, x: Any) -> dict[str, Any]:
    """Compile, then time: wall seconds of the first call and of the next ones, and their processor seconds."""
    compiled = jax.jit(function)
    start = time.perf_counter()
    jax.block_until_ready(compiled(x))
    first, calls, spent = time.perf_counter() - start, [], []
    for _ in range(job.REPEAT):
        start, used = time.perf_counter(), time.process_time()
        jax.block_until_ready(compiled(x))
        calls.append(time.perf_counter() - start)
        spent.append(time.process_time() - used)
    return {"compile": first, "calls": calls, "processor": spent}


def fitted(target: np.ndarray, method: str) -> dict[str, Any]:
    """The whole of `npl.fit`: wall and processor seconds, the last loss, the largest relative error of a conductance."""
    net, wall, spent = network(job.START), time.perf_counter(), time.process_time()
    x = {"cell.electrode.amplitude": job.current()[None, :, None] * pA}
    made = npl.fit(
        net, (x, target), loss=npl.losses.TraceError("cell.v", columns=(0,)), trainable=trainables(net), optimizer=job.optimiser(), epochs=job.EPOCHS, dt=job.DT * ms,
        precision="float64", checks=False, progress=False, method=method,
    )  # fmt: skip
    took = {"wall": time.perf_counter() - wall, "processor": time.process_time() - spent}
    cell = made.network["cell"].neuron
    found = {part: [float(np.max(cell.parameters(part, np.flatnonzero(cell.channels[part]))[1][n])) / UNIT.value for n in job.CONDUCTANCES] for part in job.HIDDEN}
    return {**took, "first loss": made.history["loss"][0], "last loss": made.history["loss"][-1], "error": job.error_of(found)}


def main() -> None:
    """Gradients, then a whole fit by either mode."""
    jax.config.update("jax_enable_x64", True)
    target = recording()
    found = gradients(target)
    fits = {"reverse": fitted(target, "bptt"), "forward mode": fitted(target, "forward")}
    print(json.dumps({"simulator": "neuropil", "gradients": found, "fits": fits}))


if __name__ == "__main__":
    main()
