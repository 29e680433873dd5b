"""A branched cell fitted by Jaxley, timed; prints one JSON line. See `benchmarks/fitting.py`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import Any

import fitting_job as job
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

CHECKPOINTS = {"every step stored": None, "checkpoints": [40, 50]}
NAMES = ("HH_gNa", "HH_gK", "HH_gLeak")


def main() -> None:
    """Gradients, then a whole fit by the faster way."""
    with contextlib.redirect_stdout(sys.stderr):
        figures = run()
    print(json.dumps(figures))


def made() -> tuple[Any, Any]:
    """The cell, and a function from free numbers to the potential of its soma."""
    import jaxley as jx
    from jaxley.channels import HH

    compartment = jx.Compartment()
    cell = jx.Cell([jx.Branch(compartment, ncomp=count) for *_, count in job.BRANCHES], parents=[parent for _, parent, *_ in job.BRANCHES])
    for k, (_, _, length, diameter, count) in enumerate(job.BRANCHES):
        cell.branch(k).set("length", length / count)
        cell.branch(k).set("radius", diameter / 2)
    cell.set("axial_resistivity", 100.0)
    cell.set("capacitance", 1.0)
    cell.insert(HH())
    cell.set("v", -65.0)
    cell.set("HH_eNa", 50.0)
    cell.init_states()
    cell.branch(0).comp(0).record("v", verbose=False)
    stimulus = cell.branch(0).comp(0).data_stimulate(jnp.asarray(job.current() * 1e-3), None)
    low, high = ({part: np.array([b[side] for b in bounds]) for part, bounds in job.BOUNDS.items()} for side in (0, 1))
    views = {"soma": cell.branch(0), "dendrites": cell.branch(list(range(1, len(job.BRANCHES))))}

    def potential(free: Any, lengths: Any = None) -> Any:
        state = None
        for part, view in views.items():
            values = (low[part] + (high[part] - low[part]) * jax.nn.sigmoid(free[part])) * 1e-3
            for k, name in enumerate(NAMES):
                state = view.data_set(name, values[k], state)
        return jx.integrate(cell, param_state=state, data_stimuli=stimulus, delta_t=job.DT, checkpoint_lengths=lengths)[0, 1 : job.STEPS + 1]

    return cell, potential


def run() -> dict:
    """Everything that is measured."""
    jax.config.update("jax_enable_x64", True)
    import jaxley as jx

    _, potential = made()
    start = jax.tree.map(jnp.asarray, job.free_of(job.START))
    target = jax.jit(potential)(jax.tree.map(jnp.asarray, job.free_of(job.HIDDEN)))

    def loss(free: Any, lengths: Any = None) -> Any:
        return jnp.mean((potential(free, lengths) - target) ** 2)

    flat, back = ravel_pytree(start)
    found: dict[str, Any] = {"forward": timed(loss, start)}
    for name, lengths in CHECKPOINTS.items():
        found[f"reverse, {name}"] = timed(jax.value_and_grad(lambda x, lengths=lengths: loss(x, lengths)), start)
    found["forward mode"] = timed(lambda flat: jax.vmap(lambda one: jax.jvp(lambda y: loss(back(y)), (flat,), (one,)))(jnp.eye(flat.size)), flat)
    value, slope = jax.jit(jax.value_and_grad(loss))(start)
    found |= {"loss": float(value), "norm": float(np.linalg.norm(np.concatenate([np.asarray(v) for v in jax.tree.leaves(slope)])))}
    modes = {n: min(found[f"reverse, {n}"]["calls"]) for n in CHECKPOINTS}
    fits = {"reverse": fitted(target, CHECKPOINTS[min(modes, key=modes.__getitem__)])}
    return {"simulator": f"Jaxley {jx.__version__}", "gradients": found, "fits": fits}


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


def fitted(target: Any, lengths: Any) -> dict[str, Any]:
    """The whole fit, with the cell built anew: wall and processor seconds, the last loss, the largest relative error of a conductance."""
    wall, spent = time.perf_counter(), time.process_time()
    _, potential = made()
    optimiser = job.optimiser()

    @jax.jit
    def step(free: Any, memory: Any) -> Any:
        value, slope = jax.value_and_grad(lambda x: jnp.mean((potential(x, lengths) - target) ** 2))(free)
        moves, memory = optimiser.update(slope, memory, free)
        return optax.apply_updates(free, moves), memory, value

    free = jax.tree.map(jnp.asarray, job.free_of(job.START))
    memory, losses = optimiser.init(free), []
    for _ in range(job.EPOCHS):
        free, memory, value = step(free, memory)
        losses.append(float(value))
    took = {"wall": time.perf_counter() - wall, "processor": time.process_time() - spent}
    found = {part: np.array([low + (high - low) * float(jax.nn.sigmoid(free[part][k])) for k, (low, high) in enumerate(bounds)]) for part, bounds in job.BOUNDS.items()}
    return {**took, "first loss": losses[0], "last loss": losses[-1], "error": job.error_of(found)}


if __name__ == "__main__":
    main()
