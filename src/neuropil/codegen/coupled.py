"""The flow of coupled states over a step (`neuropil.lower.coupled`), as kernels call it."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.flags import KERNEL_FLAGS
from neuropil.codegen.kernel_cache import inner_njit
from neuropil.lower.coupled import LARGEST_GROUP

DIRECT = 2.0
"""Norm of A dt up to which the series of φ is summed as it stands; beyond it, the step is halved until its norm is below 1."""


@inner_njit(**KERNEL_FLAGS)
def flow(a, y):  # type: ignore[no-untyped-def]
    """Replace y = f dt by φ(A dt) f dt; a = A dt is used up. Fixed order of sums: the same bits on every machine."""
    n = y.size
    norm = 0.0
    for i in range(n):
        row = 0.0
        for j in range(n):
            row += abs(a[i, j])
        norm = max(norm, row)
    if not norm < 1e300:
        y[:] = np.nan
        return
    halvings = 0
    if norm > DIRECT:
        while norm > 1.0:
            norm *= 0.5
            halvings += 1
        part = 0.5**halvings
        for i in range(n):
            y[i] *= part
            for j in range(n):
                a[i, j] *= part
    term, total, old = y.copy(), y.copy(), np.empty(n)
    k = 1.0
    while norm > 0.0:  # φ(a) y = Σ aᵏ y / (k + 1)!
        k += 1.0
        size, whole = 0.0, 0.0
        old[:] = term
        for i in range(n):
            s = 0.0
            for j in range(n):
                s += a[i, j] * old[j]
            term[i] = s / k
            total[i] += term[i]
            size, whole = max(size, abs(term[i])), max(whole, abs(total[i]))
        if not size > 1e-17 * whole or k > 60.0:
            break
    y[:] = total
    if halvings:
        power = _exponential(a)
        for h in range(halvings):  # y over twice the time, then the power
            old[:] = y
            for i in range(n):
                s = 0.0
                for j in range(n):
                    s += power[i, j] * old[j]
                y[i] = old[i] + s
            if h < halvings - 1:
                power = _product(power, power)


@inner_njit(**KERNEL_FLAGS)
def _exponential(a):  # type: ignore[no-untyped-def]
    """Of a matrix whose norm is at most 1, by its series."""
    n = a.shape[0]
    total, term = np.eye(n), np.eye(n)
    for k in range(1, 19):
        term = _product(a, term)
        for i in range(n):
            for j in range(n):
                term[i, j] /= k
                total[i, j] += term[i, j]
    return total


@inner_njit(**KERNEL_FLAGS)
def _product(a, b):  # type: ignore[no-untyped-def]
    n = a.shape[0]
    made = np.zeros((n, n))
    for i in range(n):
        for k in range(n):
            for j in range(n):
                made[i, j] += a[i, k] * b[k, j]
    return made


_MADE: dict[int, Any] = {}


def __getattr__(name: str) -> Any:
    """`flow<n>`: what kernels call, with numbers for the n² + n values, made when first asked for."""
    size = name.removeprefix("flow")
    if not size.isdecimal() or not 2 <= int(size) <= LARGEST_GROUP:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    n = int(size)
    if n not in _MADE:
        arguments = [f"v{k}" for k in range(n * n + n)]
        lines = [f"def flow{n}({', '.join(arguments)}):", f"    a, y = np.empty(({n}, {n})), np.empty({n})"]
        lines += [f"    a[{i}, {j}] = v{i * n + j}" for i in range(n) for j in range(n)]
        lines += [f"    y[{i}] = v{n * n + i}" for i in range(n)]
        lines += ["    flow(a, y)", f"    return ({', '.join(f'y[{i}]' for i in range(n))},)"]
        space: dict[str, Any] = {"np": np, "flow": flow}
        exec("\n".join(lines), space)
        _MADE[n] = inner_njit(**KERNEL_FLAGS)(space[f"flow{n}"])
    return _MADE[n]
