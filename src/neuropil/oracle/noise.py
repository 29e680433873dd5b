"""What white noise does in the equations of a model, found by probing them with numbers, and one step of states with multiplicative noise.

Equations are linear in noise: between a huge value of it and none lies the diffusion, to the last bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError
from neuropil.model.base.integrators import StochasticTableau
from neuropil.model.base.noise import NoiseTerms, white

States: TypeAlias = dict[str, NDArray[np.float64]]
Rates: TypeAlias = Callable[[States, States], States]

_HUGE = 2.0**60


def without(x: States) -> States:
    """Inputs `x` without noise."""
    return {**x, **{k: np.zeros_like(x[k]) for k in white(x)}}


def slope(rates: Rates, s: States, x: States, noise: str) -> States:
    """Slopes of all rates by a noise, exactly 0 for those that it does not enter.

    Args:
        rates: of states, by states and inputs.
        s, x: states and inputs by name; noise: name of the input.
    """
    none = without(x)
    above, below = rates(s, {**none, noise: np.full_like(x[noise], _HUGE)}), rates(s, none)
    return {i: (above[i] - below[i]) / _HUGE for i in s}


def diffusion_of(model: str, rates: Rates, states: list[States], inputs: States) -> tuple[NoiseTerms, dict[str, set[str]]]:
    """What noise does in the equations, and which states each state with noise depends on.

    Args:
        model: name, for messages.
        rates: of states, by states and inputs.
        states: two sets of values; inputs: of all inputs.

    Raises:
        ModelError: an equation that is not linear in noise.
    """
    noises, (p, q) = white(inputs), states
    of: dict[str, list[str]] = {}
    found = {k: slope(rates, p, inputs, k) for k in noises}
    none = without(inputs)
    for k in noises:
        twice = rates(p, {**none, k: np.full_like(inputs[k], 2 * _HUGE)})
        below = rates(p, none)
        for i, values in found[k].items():
            known = np.isfinite(values)
            if np.any(values[known] != 0.0):
                of.setdefault(i, []).append(k)
                double = (twice[i] - below[i]) / _HUGE
                if not np.allclose(double[known], 2 * values[known], rtol=1e-9, atol=0.0):
                    raise ModelError(f"{model}: d{i}/dt is not linear in {k}")
    noisy = [i for i in p if i in of]
    read: dict[str, set[str]] = {i: set() for i in noisy}
    needs: dict[str, set[str]] = {i: set() for i in noisy}
    if noisy:
        before = rates(p, none)
        for j in p:
            moved = {**p, j: q[j]}
            after = rates(moved, none)
            needs = {i: needs[i] | ({j} if np.any((after[i] != before[i]) & np.isfinite(after[i] + before[i])) else set()) for i in noisy}
            for k in noises if j in noisy else ():
                other = slope(rates, moved, inputs, k)
                for i in noisy:
                    known = np.isfinite(other[i] + found[k][i])
                    if not np.allclose(other[i][known], found[k][i][known], rtol=1e-9, atol=0.0):
                        read[i].add(j)
    return NoiseTerms({i: tuple(of[i]) for i in noisy}, {i: frozenset(read[i]) for i in noisy}), needs


def diffused(tableau: StochasticTableau, noise: dict[str, tuple[str, ...]], rates: Rates, s: States, x: States, dt: float) -> States:
    """What noise adds over a step: Σ (e ΔW + m √h) g(H), the stages H displaced by Σ d g(H) (ΔW² - h) / (2 √h).

    Args:
        tableau: of the weights.
        noise: of each stepped state that has it.
        rates: of states, by states and inputs.
        s, x: states and inputs by name; dt: time step, ms.
    """
    wiener = {i: sum(x[k] for k in several) * dt for i, several in noise.items()}
    twice = {i: (w**2 - dt) / (2 * np.sqrt(dt)) for i, w in wiener.items()}
    found: list[States] = []
    for row in tableau.diffusion:
        at = {**s, **{i: s[i] + sum(float(d) * g[i] for d, g in zip(row, found, strict=False)) * twice[i] for i in noise}}
        slopes = {k: slope(rates, at, x, k) for k in {k for several in noise.values() for k in several}}
        found.append({i: slopes[several[0]][i] for i, several in noise.items()})
    weights = list(zip(tableau.increment, tableau.correction, found, strict=True))
    return {i: sum((float(e) * wiener[i] + float(m) * np.sqrt(dt)) * g[i] for e, m, g in weights) for i in noise}
