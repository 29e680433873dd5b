"""What modulators must not do: leave the bounds of an effect, or make a state too slow for float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from neuropil.errors import SimulationError
from neuropil.lower.resolution import RESOLVED
from neuropil.model.modulation.bound_effect import BoundEffect

Effects = Mapping[str, tuple[BoundEffect, ...]]
"""By parameter, the effects on it in order."""


def explain_bounds(
    effects: Effects, base: Mapping[str, Any], concentrations: Mapping[str, np.ndarray], time: float, each: Callable[[np.ndarray, str], np.ndarray]
) -> NoReturn:
    """Say which effect left its bounds, by the description's own functions.

    Args:
        effects: by parameter; base: their values in the description.
        concentrations: by modulator.
        time: ms.
        each: from concentrations at the cells, and the name of a parameter, to those of all of its values.

    Raises:
        SimulationError: names the effect.
    """
    for name, listed in effects.items():
        value = base[name]
        for effect in listed:
            local = effect.local(concentrations[effect.modulator])
            value = effect.apply(value, each(local, name) if np.ndim(local) else local, time)
    raise SimulationError(f"an effect leaves its bounds at t = {time:g} ms", got=", ".join(effects), fix="wider bounds (low=, high=)")


def resolved(where: str, slow: dict[str, str], time: float) -> None:
    """Stop where modulators have made states too slow for float32.

    Args:
        where: population or projection; slow: states with reasons; time: ms.

    Raises:
        SimulationError: names the state and the remedy.
    """
    for state, why in slow.items():
        raise SimulationError(
            f"{where}: modulators have made {state} too slow for float32", got=f"{why} at {time:g} ms",
            expected=f"at most {1.0 / RESOLVED:g} steps", fix='Simulation(..., precision="float64")',
        )  # fmt: skip
