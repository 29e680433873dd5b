"""Temporal-difference learning: linear values with eligibility traces, and the forward view of the same.

    delta(t) = r(t) + gamma V(t) - V(t - 1),    V(t) = w·x(t)
    e <- gamma lambda e + x(t - 1),             w <- w + alpha delta(t) e

The error is stamped with the moment at which it can be known: the arrival at t (Schultz, Dayan & Montague 1997).

Sutton (1988) Machine Learning 3:9 (TD(lambda)); Sutton & Barto (2018) Reinforcement Learning, ch. 12 (the views).

Args:
    gamma: discount of a step, 0 to 1.
    trace: λ, 0 to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def learn_trial(
    w: NDArray[Any], x: NDArray[Any], r: ArrayLike, *, alpha: float, gamma: float, trace: float, online: bool = True
) -> NDArray[np.float64]:
    """Run one trial of linear TD(lambda), from a state of value zero to another.

    Args:
        w: [features], changed in place.
        x: [bins, features], what is seen in each bin.
        r: [bins], the reward that arrives in each bin.
        alpha: learning rate; 0 to evaluate without learning.
        gamma: discount per bin.
        trace: lambda.
        online: whether weights change at once, or only after the trial.

    Returns:
        The error delta of each bin and, last, of the trial's end: [bins + 1].
    """
    used = w if online else w.copy()
    change, eligible, before = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    errors = np.zeros(len(x) + 1)
    for t, reward in enumerate([*np.asarray(r, float), 0.0]):
        seen = x[t] if t < len(x) else np.zeros_like(w)
        eligible = gamma * trace * eligible + before
        errors[t] = reward + gamma * used @ seen - used @ before
        step = alpha * errors[t] * eligible
        change += step
        if online:
            w += step
        before = seen
    if not online:
        w += change
    return errors


def lambda_returns(values: NDArray[Any], r: ArrayLike, *, gamma: float, trace: float) -> NDArray[np.float64]:
    """What the forward view learns towards: G(t) = r(t + 1) + gamma ((1 - lambda) V(t + 1) + lambda G(t + 1)).

    Args:
        values: [bins], V of each bin; after the last it is zero.
        r: [bins], the reward that arrives in each bin.

    Returns:
        [bins], the lambda-return from each bin on.
    """
    rewards, ahead = np.asarray(r, float), 0.0
    returns = np.zeros(len(values))
    for t in range(len(values) - 2, -1, -1):
        ahead = rewards[t + 1] + gamma * ((1 - trace) * values[t + 1] + trace * ahead)
        returns[t] = ahead
    return returns
