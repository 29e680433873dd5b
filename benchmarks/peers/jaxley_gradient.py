"""The gradient of a Hodgkin-Huxley cable in Jaxley, timed; prints one JSON line. See `benchmarks/gradients.py`."""

from __future__ import annotations

import contextlib
import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

COMPARTMENTS, STEPS, DT, REPEAT = 100, 400, 0.025, 15


def main() -> None:
    """Compile, then time."""
    with contextlib.redirect_stdout(sys.stderr):
        figures = run()
    print(json.dumps(figures))


def run() -> dict:
    """Build the cable, differentiate by the conductances of every compartment."""
    jax.config.update("jax_enable_x64", True)
    import jaxley as jx
    from jaxley.channels import HH

    branch = jx.Branch(jx.Compartment(), ncomp=COMPARTMENTS)
    cell = jx.Cell(branch, parents=[-1])
    cell.set("length", 1000.0 / COMPARTMENTS)
    cell.set("radius", 0.5)
    cell.set("axial_resistivity", 100.0)
    cell.set("capacitance", 1.0)
    cell.insert(HH())
    cell.set("v", -65.0)
    cell.init_states()
    cell.branch(0).comp(0).stimulate(jnp.full(STEPS, 0.1))
    for n in range(COMPARTMENTS):
        cell.branch(0).comp(n).record("v", verbose=False)
    for name in ("HH_gNa", "HH_gK", "HH_gLeak"):
        cell.branch(0).comp("all").make_trainable(name, verbose=False)
    values = cell.get_parameters()

    def loss(values: list) -> jax.Array:
        traces = jx.integrate(cell, params=values, delta_t=DT)
        return jnp.mean(traces[:, 1 : STEPS + 1] ** 2)  # the first column is the start

    forward, gradient = jax.jit(loss), jax.jit(jax.value_and_grad(loss))
    start = time.perf_counter()
    found = jax.block_until_ready((forward(values), gradient(values)))[1]
    compiled = time.perf_counter() - start
    scaled = [np.asarray(g[n]).ravel() * np.asarray(v[n]).ravel() for g, v in zip(found[1], values, strict=True) for n in v]
    return {
        "simulator": f"Jaxley {jx.__version__}", "compile_seconds": compiled, "loss": float(found[0]),
        "norm": float(np.linalg.norm(np.concatenate(scaled))), "forward": timed(forward, values), "gradient": timed(gradient, values),
    }  # fmt: skip


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
