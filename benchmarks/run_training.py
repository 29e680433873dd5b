"""One job of the training benchmark by neuropil, or by a plain scan in JAX: `run_training.py JOB native|jax|scan THREADS`; `run_training.py growth native 1`."""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from threads import hold

name, backend, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
hold(threads)

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from training_jobs import DECAY, Job, measured  # noqa: E402


def by_rollout(job: Job) -> Any:
    """The gradient of the number of spikes of the last layer by all weights, through neuropil's rollout."""
    from neuropil.learn import Native, Rollout, surrogate
    from neuropil.model import AllToAll, Network
    from neuropil.units import ms, mV
    from neuropil.zoo.neurons.lif import LIFDelta
    from neuropil.zoo.neurons.relay import Relay

    net = Network("job")
    populations = [net.population("input", Relay(), job.sizes[0])]
    lif = LIFDelta(tau_m=-1 / np.log(DECAY) * ms, t_ref=0 * ms)
    populations += [net.population(f"layer {j}", lif, n) for j, n in enumerate(job.sizes[1:])]
    pairs = [*itertools.pairwise(populations), *([(populations[-1],) * 2] if job.recurrent else [])]
    for j, (pre, post) in enumerate(pairs):
        net.project(pre, post, AllToAll(), weight=1 * mV, delay=1 * ms, port="syn", name=str(j))
    roll = Rollout(net, dt=1 * ms, surrogate=surrogate("triangle", width=0.3))
    samples, steps, neurons = np.nonzero(job.spikes())
    longest = int(np.bincount(samples, minlength=job.batch).max())
    lists = np.full((2, job.batch, longest), -1, np.int32)
    for b in range(job.batch):
        mine = samples == b
        lists[:, b, : mine.sum()] = steps[mine], neurons[mine]
    inputs = {**roll.inputs(job.steps), "spikes": {"input": {"step": jnp.asarray(lists[0]), "neuron": jnp.asarray(lists[1])}}}
    state, last = roll.initial(), populations[-1].name
    weights = {str(j): jnp.asarray(15.0 * w.ravel()) for j, w in enumerate(job.weights())}
    how = Native(threads=threads) if backend == "native" else "jax"

    def loss(weights: Any, inputs: Any) -> Any:
        rolled = roll.apply({**roll.parameters, "weights": weights}, state, inputs, backend=how)
        return (rolled.spikes[last] ** 2).sum(), sum(s.mean() for n, s in rolled.spikes.items() if n != "input") / (len(populations) - 1)

    gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))
    return lambda: float(jax.block_until_ready(gradient(weights, inputs))[0][1])


def by_scan(job: Job) -> Any:
    """The same neurons as a plain `lax.scan` over a batch, with matrix products."""

    @jax.custom_jvp
    def spike(x: Any) -> Any:
        return (x >= 0).astype(x.dtype)

    spike.defjvp(lambda p, t: (spike(p[0]), jnp.maximum(0.0, 1 - jnp.abs(p[0]) / 0.3) * t[0]))

    def loss(weights: Any, x: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            states, sent = carry
            new, now = [], []
            for j in range(len(job.sizes) - 1):
                came = row if j == 0 else sent[j - 1] @ weights[j]
                came = came + sent[-1] @ weights[-1] if job.recurrent else came
                v = DECAY * states[j] + came
                s = spike(v - 1)
                new.append(jnp.where(v >= 1, 0.0, v))
                now.append(s)
            return (new, now), now

        zero = [jnp.zeros((job.batch, n)) for n in job.sizes[1:]]
        _, spikes = jax.lax.scan(step, (zero, zero), jnp.swapaxes(x @ weights[0], 0, 1))
        return (spikes[-1] ** 2).sum(), sum(s.mean() for s in spikes) / len(spikes)

    gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))
    weights, x = [jnp.asarray(w) for w in job.weights()], jnp.asarray(job.spikes().astype("f"))
    return lambda: float(jax.block_until_ready(gradient(weights, x))[0][1])


BASE = Job((256, 256), 8, 250, 0.05)
"""From here steps, neurons, batch and rate grow, each by itself."""
GROWTH = {
    "steps": [replace(BASE, steps=n) for n in (250, 500, 1000, 2000)], "neurons": [replace(BASE, sizes=(n, n)) for n in (64, 256, 512, 1024)],
    "batch": [replace(BASE, batch=n) for n in (1, 8, 32, 64)], "rate": [replace(BASE, rate=r) for r in (0.01, 0.05, 0.1, 0.2)],
}  # fmt: skip


def least(step: Callable[[], Any], turns: int = 7) -> float:
    """The least processor time of some calls after a first one, ms."""
    step()
    spent = []
    for _ in range(turns):
        start = time.process_time()
        step()
        spent.append(1e3 * (time.process_time() - start))
    return min(spent)


def limits(job: Job) -> dict[str, float]:
    """What this processor needs at least, one thread, ms: `products`, both matrix products of a dense implementation by BLAS; `rows`, the rows of weights and cotangents
    that belong to the input's spikes, read at the speed with which BLAS reads arrays of 128 KB."""
    x, w = job.spikes().reshape(-1, job.sizes[0]).astype("f"), job.weights()[0]
    g = np.ones((len(x), w.shape[1]), "f")
    a = np.ones(2**15, "f")
    reads = least(lambda: [np.dot(a, a[::-1][::-1]) for _ in range(1000)]) / 1000 / (2 * a.nbytes)
    return {"products": least(lambda: (x @ w, x.T @ g), 3), "rows": 2 * float(x.sum()) * w.shape[1] * 4 * reads}


def growth() -> None:
    """Print the processor time of neuropil's native backend over steps, neurons, batch and rate, as JSON."""
    found = {what: [{"value": getattr(j, what, j.sizes[0]), "cpu_ms": least(by_rollout(j)), **limits(j)} for j in jobs] for what, jobs in GROWTH.items()}
    sys.stdout.write(json.dumps(found) + "\n")


if name == "growth":
    growth()
    raise SystemExit
measured({"native": "neuropil, native", "jax": "neuropil, jax", "scan": "plain JAX scan"}[backend] + (f", {threads} threads" if threads > 1 else ""), name, by_scan if backend == "scan" else by_rollout)
