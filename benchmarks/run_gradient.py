"""The gradient of a Hodgkin-Huxley cable in neuropil, timed; prints one JSON line. See `gradients.py`."""

from __future__ import annotations

import json
import time

import jax
import jax.numpy as jnp
import numpy as np

from neuropil.learn.cable import CellNeurons, roll
from neuropil.model import Morphology
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.discretise import FixedCount
from neuropil.units import um
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp

COMPARTMENTS, STEPS, DT, REPEAT = 100, 400, 0.025, 15


def main() -> None:
    """Compile, then time."""
    jax.config.update("jax_enable_x64", True)
    cell = Cell(Morphology.cable(1000 * um, 1 * um), discretisation=FixedCount(COMPARTMENTS))
    cell.paint("all", HodgkinHuxleyMembrane()).place("electrode", CurrentClamp(), "cable(0)")
    neurons = CellNeurons.alone(cell, 1, DT)
    names = [f"HodgkinHuxleyMembrane.{n}" for n in ("g_na", "g_k", "g_l")]
    values = {n: jnp.full(COMPARTMENTS, neurons.parameters[n]) for n in names}

    def loss(values: dict[str, jax.Array]) -> jax.Array:
        traces = roll(neurons, STEPS, parameters=values, signals={"electrode.amplitude": 100.0})
        return jnp.mean(traces["v"] ** 2)

    forward, gradient = jax.jit(loss), jax.jit(jax.value_and_grad(loss))
    start = time.perf_counter()
    jax.block_until_ready((forward(values), found := gradient(values)))
    compiled = time.perf_counter() - start
    scaled = [found[1][n] * values[n] for n in names]
    print(json.dumps({
        "simulator": "neuropil", "compile_seconds": compiled, "loss": float(found[0]), "norm": float(np.linalg.norm(scaled)),
        "forward": timed(forward, values), "gradient": timed(gradient, values),
    }))  # fmt: skip


def timed(function, values) -> list[float]:  # type: ignore[no-untyped-def]
    """Wall seconds of some calls."""
    walls = []
    for _ in range(REPEAT):
        start = time.perf_counter()
        jax.block_until_ready(function(values))
        walls.append(time.perf_counter() - start)
    return walls


if __name__ == "__main__":
    main()
