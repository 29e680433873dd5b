"""The job that neuropil and Jaxley are given by `benchmarks/fitting.py`: a branched cell, its current, and conductances to be found.

A soma, an apical trunk with two tufts and two basal dendrites, Hodgkin-Huxley channels everywhere, 61 compartments. Of the soma's potential the mean
squared difference to a recording is minimised by six conductances, which are low + (high - low) · σ(free), from 0.5 to 1.5 times their values, by
quasi-Newton steps of limited length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

BRANCHES = (("soma", -1, 20.0, 20.0, 1), ("trunk", 0, 400.0, 3.0, 20), ("tuft a", 1, 200.0, 1.5, 10), ("tuft b", 1, 200.0, 1.5, 10), ("basal a", 0, 200.0, 2.0, 10), ("basal b", 0, 200.0, 2.0, 10))
"""Name, number of the parent, length and diameter in µm, compartments."""

STEPS, DT, REPEAT, EPOCHS = 2000, 0.025, 7, 60
CONDUCTANCES = ("g_na", "g_k", "g_l")
HIDDEN = {"soma": (120.0, 36.0, 0.3), "dendrites": (60.0, 20.0, 0.2)}
START = {"soma": (90.0, 50.0, 0.45), "dendrites": (80.0, 12.0, 0.1)}
BOUNDS = {"soma": ((40.0, 300.0), (10.0, 100.0), (0.05, 1.0)), "dendrites": ((10.0, 200.0), (4.0, 80.0), (0.02, 0.8))}
"""mS/cm²."""


def current() -> np.ndarray:
    """What is injected into the soma at each step, pA: a new level every 2.5 ms."""
    return np.repeat(np.random.default_rng(0).uniform(-200.0, 1500.0, STEPS // 100), 100)


def optimiser() -> Any:
    """L-BFGS without a line search."""
    import optax

    return optax.chain(optax.lbfgs(0.7, linesearch=None), optax.clip_by_global_norm(0.1))


def free_of(values: dict[str, tuple[float, ...]]) -> dict[str, np.ndarray]:
    """The free numbers of conductances."""
    low, high = ({part: np.array([b[side] for b in bounds]) for part, bounds in BOUNDS.items()} for side in (0, 1))
    share = {part: (np.array(given) - low[part]) / (high[part] - low[part]) for part, given in values.items()}
    return {part: np.log(s / (1.0 - s)) for part, s in share.items()}


def error_of(found: dict[str, np.ndarray]) -> float:
    """The largest relative error of a conductance."""
    return float(max(np.max(np.abs(np.array(found[part]) / np.array(HIDDEN[part]) - 1.0)) for part in HIDDEN))
