"""A synapse with a chain of hidden variables, each slower than the last: one stage of it forgets exponentially, many by a power law.

    2^k du_k/dt = 2^-k (u_{k-1} - u_k) - 2^-(k+1) (u_k - u_{k+1}),    k = 1 … m

The weight is u_1; each memory adds +1 or -1 to it. There is no u_0 (its place is taken by the memories), and u_{m+1} = 0.

Benna & Fusi (2016) Nat. Neurosci. 19:1697.

Args:
    stages: of a cascade.
    synapses: their number.
    lags: int[lags], steps since a memory was stored.
    snr: [lags], signal to noise.
    memory: steps after which older memories are left out of the sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm


def chain(stages: int) -> NDArray[np.float64]:
    """The matrix A of du/dt = A u, [stages, stages]."""
    a = np.zeros((stages, stages))
    for k in range(1, stages + 1):
        capacity, right, left = 2.0**k, 2.0 ** -(k + 1), 2.0**-k if k > 1 else 0.0
        a[k - 1, k - 1] = -(left + right) / capacity
        if k > 1:
            a[k - 1, k - 2] = left / capacity
        if k < stages:
            a[k - 1, k] = right / capacity
    return a


def kernel(stages: int, steps: int) -> NDArray[np.float64]:
    """What is left in the weight of one memory after 0 … steps - 1 steps, [steps]."""
    step, u = expm(chain(stages)), np.eye(stages)[0]
    left = np.empty(steps)
    for t in range(steps):
        left[t] = u[0]
        u = step @ u
    return left


def expected_snr(stages: int, synapses: int, lags: NDArray[Any], memory: int = 2**20) -> NDArray[np.float64]:
    """Signal to noise of a memory over the lags when one is stored at each step: kernel(lag) sqrt(N / sum of kernel²)."""
    left = kernel(stages, max(int(lags.max()) + 1, min(memory, 8 * 4**stages)))
    return np.asarray(left[lags] * np.sqrt(synapses / np.sum(left**2)))


def measured_snr(stages: int, synapses: int, steps: int, lags: NDArray[Any], g: np.random.Generator) -> NDArray[np.float64]:
    """The same from a run: the overlap of weights with the memory stored `lag` before, over its scatter about unrelated ones.

    Args:
        steps: memories stored, one a step; the first quarter warms up.
        g: draws the memories, each synapse's ±1 at random.
    """
    memories = np.where(g.random((steps, synapses)) < 0.5, -1, 1).astype(np.int8)
    weights = np.empty((steps, synapses), np.float32)  # just after the memory of that step
    step, u = expm(chain(stages)), np.zeros((stages, synapses))
    for t in range(steps):
        u = step @ u
        u[0] += memories[t]
        weights[t] = u[0]
    warm = steps // 4
    noise = np.sqrt(np.mean(weights[warm:].astype(float) ** 2) / synapses)
    signal = [np.mean(weights[warm:] * memories[warm - lag : steps - lag]) for lag in lags]
    return np.array(signal) / noise


def power(lags: NDArray[Any], snr: NDArray[Any]) -> float:
    """The exponent of a power law: the slope of log SNR over log lag. NaN where noise has made one negative."""
    if np.any(snr <= 0):
        return float("nan")
    return float(np.polyfit(np.log(lags), np.log(snr), 1)[0])


def residuals(lags: NDArray[Any], snr: NDArray[Any]) -> tuple[float, float]:
    """The mean square residual of log SNR about an exponential, and about a power law."""
    y = np.log(snr)
    return tuple(float(np.mean((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2)) for x in (lags, np.log(lags)))  # type: ignore[return-value]
