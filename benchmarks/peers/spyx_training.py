"""One job of the training benchmark by Spyx: `spyx_training.py JOB THREADS`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from threads import hold

name, threads = sys.argv[1], int(sys.argv[2])
hold(threads)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from flax import nnx  # noqa: E402
from spyx import axn, nn  # noqa: E402
from training_jobs import DECAY, Job, measured  # noqa: E402


def gradient(job: Job) -> Callable[[], float]:
    """The gradient of the number of spikes of the last layer; the products with a layer's input at once, then `spyx.nn.run`."""
    kind = nn.RLIF if job.recurrent else nn.LIF
    cells = [nnx.split(kind((n,), beta=DECAY, activation=axn.triangular(1 / 0.3), rngs=nnx.Rngs(0))) for n in job.sizes[1:]]
    weights, x = [jnp.asarray(w) for w in job.weights()], jnp.asarray(job.spikes().astype("f").swapaxes(0, 1))

    def loss(weights: Any, x: Any) -> Any:
        rates = [x]
        for j, (graph, values) in enumerate(cells):
            cell = nnx.merge(graph, values)
            if job.recurrent:
                cell.recurrent_w = nnx.Param(weights[-1])
            rates.append(nn.run(cell, rates[-1] @ weights[j])[0])
        return (rates[-1] ** 2).sum(), sum(r.mean() for r in rates[1:]) / len(cells)

    compiled = jax.jit(jax.value_and_grad(loss, has_aux=True))
    return lambda: float(jax.block_until_ready(compiled(weights, x))[0][1])


measured(f"spyx {version('spyx')}" + (f", {threads} threads" if threads > 1 else ""), name, gradient)
