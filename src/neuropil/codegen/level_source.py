"""The compiled law of a modulator's concentrations: at a tick, what was released and supplied, removal, and diffusion over a grid.

The operations are those of `neuropil.model.modulation` (`Modulator.after`, kinetics, `Grid.spread`), element by element in the same order, hence
the same bits. One concentration for all is a grid of one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neuropil.codegen.cache import load
from neuropil.codegen.elementwise import module_head
from neuropil.codegen.pointwise import statements_of
from neuropil.lower.modulation import KineticsProgram

_LAW = """
from neuropil.engine.effects.kernels import is_tick, limited, recorded, released_since


@inner_njit(**KERNEL_FLAGS)
def removed(numbers, c):
{removal}

@inner_njit(**KERNEL_FLAGS)
def supplied(numbers, signal):
{supply}

@cached_njit(**KERNEL_FLAGS)
def advance(step, ticks, c, doses, signal, release, law, watched):
    if not is_tick(step, ticks):
        return 0
    numbers, rest, tick, steps, nx, ny, nz, axes, rate, room = law
    released, given = room[0], room[1]
    released_since(doses, *release, released)
    for i in range(signal.size):
        given[i] = supplied(numbers, signal[i])
    resting = {resting}
    limited(given[: signal.size], released, doses[1], resting)
    if resting:
        for i in range(c.size):
            c[i] = c[i] + released[i]
    else:
        advanced(numbers, c, given[: signal.size], released, rest, tick, steps, nx, ny, nz, axes, rate, room)
    recorded(c, *watched)
    return 0
"""

_INSTANT = """
@inner_njit(**KERNEL_FLAGS)
def advanced(numbers, c, given, released, rest, tick, steps, nx, ny, nz, axes, rate, room):
    for i in range(c.size):
        c[i] = rest + given[i if given.size > 1 else 0] + released[i]
"""

_LOCAL = """
@inner_njit(**KERNEL_FLAGS)
def advanced(numbers, c, given, released, rest, tick, steps, nx, ny, nz, axes, rate, room):
    h = tick / steps
    if rate > 0.0:
        spread(numbers, c, given[0] / tick, h, steps, nx, ny, nz, axes, rate, room)
        for i in range(c.size):
            c[i] += released[i]
        return
    flow = room[1]
    for i in range(given.size):
        flow[i] = given[i] / tick
    flow[given.size :] = flow[0]
    for _ in range(steps):
        step_apart(numbers, c, flow, h)
    for i in range(c.size):
        c[i] += released[i]


@inner_njit(**KERNEL_FLAGS)
def step_apart(numbers, c, flow, h):
    noalias_arguments()
    for i in range(c.size):
        now = c[i]
        k1 = flow[i] - removed(numbers, now)
        k2 = flow[i] - removed(numbers, now + 0.5 * h * k1)
        k3 = flow[i] - removed(numbers, now + 0.5 * h * k2)
        c[i] = now + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + (flow[i] - removed(numbers, now + h * k3)))


@inner_njit(**KERNEL_FLAGS)
def spread(numbers, c, given, h, steps, nx, ny, nz, axes, rate, room):
    k1, k2, k3, k4, at = room[2], room[3], room[4], room[5], room[6]
    for _ in range(steps):
        slopes(numbers, c, given, nx, ny, nz, axes, rate, k1)
        moved(c, 0.5 * h, k1, at)
        slopes(numbers, at, given, nx, ny, nz, axes, rate, k2)
        moved(c, 0.5 * h, k2, at)
        slopes(numbers, at, given, nx, ny, nz, axes, rate, k3)
        moved(c, h, k3, at)
        slopes(numbers, at, given, nx, ny, nz, axes, rate, k4)
        combined(c, h / 6.0, k1, k2, k3, k4)


@inner_njit(**KERNEL_FLAGS)
def moved(c, h, k, at):
    noalias_arguments()
    for i in range(c.size):
        at[i] = c[i] + h * k[i]


@inner_njit(**KERNEL_FLAGS)
def combined(c, h, k1, k2, k3, k4):
    noalias_arguments()
    for i in range(c.size):
        c[i] = c[i] + h * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])


@inner_njit(**KERNEL_FLAGS)
def slopes(numbers, c, given, nx, ny, nz, axes, rate, slope):
    for x in range(nx):
        for y in range(ny):
            row(numbers, c, given, x, y, nx, ny, nz, axes, rate, slope)


@inner_njit(**KERNEL_FLAGS)
def row(numbers, c, given, x, y, nx, ny, nz, axes, rate, slope):
    noalias_arguments()
    start = (x * ny + y) * nz
    for z in range(nz):
        i = start + z
        flow = 0.0
        if x < nx - 1:
            flow += rate * (c[i + ny * nz] - c[i])
        if x > 0:
            flow -= rate * (c[i] - c[i - ny * nz])
        if axes > 1:
            if y < ny - 1:
                flow += rate * (c[i + nz] - c[i])
            if y > 0:
                flow -= rate * (c[i] - c[i - nz])
        if axes > 2:
            if z < nz - 1:
                flow += rate * (c[i + 1] - c[i])
            if z > 0:
                flow -= rate * (c[i] - c[i - 1])
        slope[i] = (given - removed(numbers, c[i])) + flow
"""


def level_kernel(program: KineticsProgram, instant: bool) -> tuple[Callable[..., int], np.ndarray]:
    """The compiled function `advance` of some kinetics, and its literals.

    Args:
        program: of the kinetics; instant: the level has no past.
    """
    graph = program.graph
    removal, removed, first = statements_of(graph, [program.removed], {"c": "c"})
    supply, supplied, second = statements_of(graph, [program.supplied], {"signal": "signal"}, len(first))
    text: dict[str, Any] = {
        name: "\n".join(f"    {line}" for line in [*_unpacked(literals, start), *lines, f"return {result[0]}"])
        for name, lines, result, literals, start in (("removal", removal, removed, first, 0), ("supply", supply, supplied, second, len(first)))
    }
    head = module_head("How concentrations advance over a tick.", "float64", [(graph, [program.removed, program.supplied])])
    # At t = 0 no time has gone by.
    source = "\n".join(head) + _LAW.format(**text, resting="False" if instant else "step == 0") + (_INSTANT if instant else _LOCAL)
    return load("concentrations", source).advance, np.array([*first, *second, 0.0])


def _unpacked(literals: list[float], start: int) -> list[str]:
    return [f"k{start + j} = numbers[{start + j}]" for j in range(len(literals))]
