"""The article's neuron at the article's step: how many spikes Hodgkin and Huxley's equations give, by step and method.

CLAIMS F1: 10 µA/cm² for 100 ms gives 7 spikes; forward Euler diverges from about 0.1 ms on, far below the 1 ms
that the estimate of article 003 rests on. Exponential Euler does not. Updated in turn (voltage, then gates at the new voltage)
it gives the right count up to 0.5 ms; all at once, as our kernels do, up to 0.2 ms; neither does at 1 ms.
"""

from __future__ import annotations

import math

from neuropil.cost import article_equations as equations
from neuropil.errors import CommandError, did_you_mean

START = (-65.0, 0.0529, 0.5961, 0.3177)
"""V (mV) and the gates m, h, n at rest."""


def spikes(dt: float, method: str = "euler", *, current: float = 10.0, duration: float = 100.0) -> int | None:
    """Upward crossings of 0 mV, or None if the solution leaves ±10⁴ mV or a gate its range by as much as itself.

    Args:
        dt: step, ms; duration: ms.
        method: "euler"; "exponential_euler" (each equation solved exactly with the others held, all at once); or
            "exponential_euler_in_turn".
        current: µA/cm².

    Raises:
        CommandError: an unknown method.
    """
    if method not in _STEPS:
        raise CommandError("unknown method", got=method, fix=did_you_mean(method, _STEPS))
    step = _STEPS[method]
    state: tuple[float, ...] = START
    count = 0
    for _ in range(round(duration / dt)):
        try:
            new = step(state, current, dt)
        except (OverflowError, ZeroDivisionError):
            return None
        if not (abs(new[0]) < 1e4 and all(-1.0 <= gate <= 2.0 for gate in new[1:])):
            return None
        count += state[0] < 0.0 <= new[0]
        state = new
    return count


def _euler(state: tuple[float, ...], current: float, dt: float) -> tuple[float, ...]:
    v, m, h, n = state
    return equations.whole_step(math, v, m, h, n, current, dt)


def _voltage(state: tuple[float, ...], current: float, dt: float) -> float:
    """V after dt with the gates held."""
    v, m, h, n = state
    g_na, g_k = equations.conductances(math, m, h, n, equations.G_NA, equations.G_K)
    total = g_na + g_k + equations.G_L
    target = (g_na * equations.E_NA + g_k * equations.E_K + equations.G_L * equations.E_L + current) / total
    return target + (v - target) * math.exp(-dt * total / equations.C_M)


def _gates(state: tuple[float, ...], v: float, dt: float) -> list[float]:
    """m, h and n after dt with the voltage held at v."""
    rates = equations.rates(math, v)
    new = []
    for gate, alpha, beta in zip(state[1:], rates[::2], rates[1::2], strict=True):
        steady = alpha / (alpha + beta)
        new.append(steady + (gate - steady) * math.exp(-dt * (alpha + beta)))
    return new


def _at_once(state: tuple[float, ...], current: float, dt: float) -> tuple[float, ...]:
    return (_voltage(state, current, dt), *_gates(state, state[0], dt))


def _in_turn(state: tuple[float, ...], current: float, dt: float) -> tuple[float, ...]:
    v = _voltage(state, current, dt)
    return (v, *_gates(state, v, dt))


_STEPS = {"euler": _euler, "exponential_euler": _at_once, "exponential_euler_in_turn": _in_turn}


def convergence(steps: tuple[float, ...] = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0)) -> dict[str, dict[float, int | None]]:
    """Spike counts by method and step (None: diverged).

    Args:
        steps: time steps, ms.
    """
    return {method: {dt: spikes(dt, method) for dt in steps} for method in _STEPS}
