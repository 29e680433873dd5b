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
def removed({literals}c):
{removal}

@inner_njit(**KERNEL_FLAGS)
def supplied(numbers, signal):
{supply}

@cached_njit(**KERNEL_FLAGS)
def advance(step, ticks, c, doses, signal, release, law, watched):
    if not is_tick(step, ticks):
        return 0
    numbers, rest, tick, steps, nx, ny, nz, axes, rate, room = law
    released, given = room[0, : c.size], room[1, : c.size]
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
    flow = room[1, : c.size]
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
{read}    for i in range(c.size):
        now = c[i]
        one = flow[i] - removed({literals}now)
        two = flow[i] - removed({literals}now + 0.5 * h * one)
        three = flow[i] - removed({literals}now + 0.5 * h * two)
        c[i] = now + h / 6.0 * (one + 2.0 * two + 2.0 * three + (flow[i] - removed({literals}now + h * three)))


@inner_njit(**KERNEL_FLAGS)
def spread(numbers, c, given, h, steps, nx, ny, nz, axes, rate, room):
    wide, tall = nz + 2 if axes > 2 else 1, ny + 2 if axes > 1 else 1
    dx, dy, dz = tall * wide, wide if axes > 1 else 0, 1 if axes > 2 else 0
    now, first = room[2], dx + dy + dz
    copied(c, now, nx, ny, nz, dx, wide, first, True)
    for _ in range(steps):
        for stage in range(4):
            at, to = room[2 if stage == 0 else 4 - (stage & 1)], room[3 + (stage & 1)]
            around(at, nx, ny, nz, dx, dy, dz, tall, wide)
            moved(numbers, now, at, to, room[5 + stage], given, h if stage > 1 else 0.5 * h, rate, first, dx, dy, dz)
        combined(now, h / 6.0, room[5], room[6], room[7], room[8])
    copied(c, now, nx, ny, nz, dx, wide, first, False)


@inner_njit(**KERNEL_FLAGS)
def copied(c, now, nx, ny, nz, dx, wide, first, there):
    # The grid lies in a larger one: places around it hold what their neighbours within hold, so that nothing flows.
    for x in range(nx):
        for y in range(ny):
            row, start = (x * ny + y) * nz, first + x * dx + y * wide
            if there:
                now[start : start + nz] = c[row : row + nz]
            else:
                c[row : row + nz] = now[start : start + nz]


@inner_njit(**KERNEL_FLAGS)
def around(now, nx, ny, nz, dx, dy, dz, tall, wide):
    for x in range(1, nx + 1):
        if dz:
            for y in range(dy > 0, ny + (dy > 0)):
                start = x * dx + y * wide
                now[start] = now[start + 1]
                now[start + nz + 1] = now[start + nz]
        if dy:
            low, high = x * dx, x * dx + (ny + 1) * wide
            for z in range(wide):
                now[low + z] = now[low + dy + z]
                now[high + z] = now[high - dy + z]
    end = (nx + 1) * dx
    for i in range(dx):
        now[i] = now[dx + i]
        now[end + i] = now[end - dx + i]


@inner_njit(**KERNEL_FLAGS)
def slope({literals}c, given, i, rate, dx, dy, dz):
    flow = rate * (c[i + dx] - c[i])
    flow -= rate * (c[i] - c[i - dx])
    flow += rate * (c[i + dy] - c[i])
    flow -= rate * (c[i] - c[i - dy])
    flow += rate * (c[i + dz] - c[i])
    flow -= rate * (c[i] - c[i - dz])
    return (given - removed({literals}c[i])) + flow


@inner_njit(**KERNEL_FLAGS)
def moved(numbers, c, at, to, k, given, h, rate, first, dx, dy, dz):
    noalias_arguments()
{read}    for i in range(np.uint64(first), np.uint64(c.size - first)):
        k[i] = slope({literals}at, given, i, rate, np.uint64(dx), np.uint64(dy), np.uint64(dz))
        to[i] = c[i] + h * k[i]


@inner_njit(**KERNEL_FLAGS)
def combined(c, h, k1, k2, k3, k4):
    noalias_arguments()
    for i in range(c.size):
        c[i] = c[i] + h * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i])
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
        for name, lines, result, literals, start in (("removal", removal, removed, [], 0), ("supply", supply, supplied, second, len(first)))
    }
    # What is read before a loop does not keep it from being vectorised.
    text |= {"literals": "".join(f"k{j}, " for j in range(len(first))), "read": "".join(f"    {line}\n" for line in _unpacked(first, 0))}
    head = module_head("How concentrations advance over a tick.", "float64", [(graph, [program.removed, program.supplied])])
    # At t = 0 no time has gone by.
    source = "\n".join(head) + _LAW.format(**text, resting="False" if instant else "step == 0") + (_INSTANT if instant else _LOCAL.format(**text))
    return load("concentrations", source).advance, np.array([*first, *second, 0.0])


def _unpacked(literals: list[float], start: int) -> list[str]:
    return [f"k{start + j} = numbers[{start + j}]" for j in range(len(literals))]
