"""Whether a time step is too coarse for the gates of a cell.

Potential and gates take turns, so that a step's error grows with the rate of the fastest gate times dt. The criterion: at
the potentials where a spike begins, from -80 to -20 mV, no gate's time constant is below 2 dt. The squid axon meets it at
0.05 ms; at 0.1 ms its spikes are 2 mV too low and come 2 % late (90 Hz), at 0.025 ms 0.4 mV and 0.4 %.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.lower.classify import parameter_leaf
from neuropil.units import DIMENSIONLESS

MOST = 0.5
"""Of dt times the rate of a gate."""

POTENTIALS = np.linspace(-80.0, -20.0, 31)
CONCENTRATION = 1e-4
"""mM, at which gates that an ion opens are looked at."""


def too_coarse(cable: CablePlan) -> str | None:
    """A warning that the time step of a lowered cell (`cable`) is too long for its gates, or None if it is short enough."""
    rates = {gate: rate for group in cable.membranes for gate, rate in _rates(group).items()}
    if not rates or max(rates.values()) * cable.dt <= MOST:
        return None
    gate = max(rates, key=lambda g: rates[g])
    return (
        f"dt = {cable.dt:g} ms is coarse for {gate}, whose time constant falls to {1 / rates[gate]:.2g} ms between -80 and -20 mV: "
        f"spikes will be late and low by some per cent; dt = {_rounded(MOST / rates[gate]):g} * ms or less is fine enough"
    )


def _rates(group: MembraneGroup) -> dict[str, float]:
    """The largest rate, 1/ms, of each gate that exponential Euler advances by itself."""
    found = {}
    for name, step in group.program.membrane.steps.items():
        scheme, spec = step.scheme, step.traced.spec
        together = {n for group in scheme.coupled for n in group}
        leaves: dict[str, Any] = {f"s.{n}": 0.5 for n in spec.states}
        leaves |= {f"x.{n}": POTENTIALS if n == "v" else CONCENTRATION if n.startswith("c_") else 0.0 for n in spec.inputs}
        leaves |= {parameter_leaf(n): _extremes(group.parameters[f"{name}.{n}"]) for n in spec.parameters}
        for n in scheme.stepped:
            if n not in together and spec.state_dimensions[n] == DIMENSIONLESS:
                rate = np.abs(np.asarray(scheme.system.graph.evaluate([scheme.own[n]], leaves)[0], float))
                found[f"{name}.{n}"] = float(np.max(rate, initial=0.0, where=np.isfinite(rate)))
    return found


def _extremes(values: object) -> np.ndarray:
    """The smallest and the largest value of a parameter, below each other."""
    flat = np.ravel(np.asarray(values, float))
    return np.array([[flat.min()], [flat.max()]])


def _rounded(dt: float) -> float:
    """The largest of 1, 2, 2.5 and 5 times a power of ten that is not above dt."""
    power = 10.0 ** np.floor(np.log10(dt))
    return float(max(m * power for m in (1.0, 2.0, 2.5, 5.0) if m * power <= dt * (1 + 1e-9)))
