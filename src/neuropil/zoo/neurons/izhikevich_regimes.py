"""The twenty regimes of Izhikevich (2004) IEEE Trans. Neural Netw. 15:1063, Figure 1, each with the current that shows it.

Parameters, starting points and currents are those of the script the author published with the paper (figure1.m), but
for three numbers. That script takes Euler steps of 0.1 to 0.5 ms, and three regimes are properties of those steps: as
the steps shrink, the depolarizing after-potential fires again and again, inhibition-induced bursts never end, and the
pulse that should stop the bistable neuron misses its phase. Here d is -18 (published: -21) and 0 (-2), and the second
pulse comes at 207 ms (216), the nearest round numbers at which the equations themselves do what the paper shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.model import TimeArray
from neuropil.units import Quantity, ms, mV
from neuropil.zoo.neurons.izhikevich import Izhikevich


@dataclass(frozen=True)
class Regime:
    """One panel of the figure.

    Attributes:
        abcd: the four parameters, in the units of the paper.
        v_0, u_0: starting point (mV, mV/ms); u_0 is b·v_0 where it is None.
        duration: of the panel, ms.
        segments: the current as (from ms, value mV/ms, slope mV/ms²), each holding until the next.
        other: the parameters that only some regimes change.
    """

    abcd: tuple[float, float, float, float]
    v_0: float
    duration: float
    segments: tuple[tuple[float, float, float], ...]
    u_0: float | None = None
    other: dict[str, Any] = field(default_factory=dict)

    def neuron(self) -> Izhikevich:
        """The model with the parameters of this regime."""
        a, b, c, d = self.abcd
        return Izhikevich(a=a / ms, b=b / ms, c=c * mV, d=d * mV / ms, **self.other)

    def initial(self) -> dict[str, Quantity]:
        """Where it starts."""
        u_0 = self.abcd[1] * self.v_0 if self.u_0 is None else self.u_0
        return {"v": self.v_0 * mV, "u": u_0 * mV / ms}

    def stimulus(self, dt: Quantity) -> TimeArray:
        """Its current, sampled at each step.

        Args:
            dt: time step.
        """
        t = np.arange(round(self.duration / dt.to(ms))) * dt.to(ms)
        start, value, slope = np.array(((0.0, 0.0, 0.0), *self.segments)).T
        i = np.searchsorted(start, t + 1e-9, side="right") - 1
        return TimeArray((value[i] + slope[i] * (t - start[i])) * mV / ms, dt)


def _step(start: float, value: float, slope: float = 0.0) -> tuple[tuple[float, float, float], ...]:
    return ((start, value, slope),)


def _pulses(value: float, width: float, *starts: float, base: float = 0.0) -> tuple[tuple[float, float, float], ...]:
    edges = [((t, value, 0.0), (t + width, base, 0.0)) for t in starts]
    return ((0.0, base, 0.0), *(edge for pair in edges for edge in pair))


_SHIFTED = {"k_1": 4.1 / ms, "k_0": 108 * mV / ms}
_INHIBITED = ((0.0, 80.0, 0.0), (50.0, 75.0, 0.0), (250.0, 80.0, 0.0))

REGIMES = {
    "tonic_spiking": Regime((0.02, 0.2, -65, 6), -70, 100, _step(10, 14)),
    "phasic_spiking": Regime((0.02, 0.25, -65, 6), -64, 200, _step(20, 0.5)),
    "tonic_bursting": Regime((0.02, 0.2, -50, 2), -70, 220, _step(22, 15)),
    "phasic_bursting": Regime((0.02, 0.25, -55, 0.05), -64, 200, _step(20, 0.6)),
    "mixed_mode": Regime((0.02, 0.2, -55, 4), -70, 160, _step(16, 10)),
    "spike_frequency_adaptation": Regime((0.01, 0.2, -65, 8), -70, 85, _step(8.5, 30)),
    "class_1": Regime((0.02, -0.1, -55, 6), -60, 300, _step(30, 0, 0.075), other=_SHIFTED),
    "class_2": Regime((0.2, 0.26, -65, 0), -64, 300, ((0, -0.5, 0), (30, -0.5, 0.015))),
    "spike_latency": Regime((0.02, 0.2, -65, 6), -70, 100, _pulses(7.04, 3, 10)),
    "subthreshold_oscillations": Regime((0.05, 0.26, -60, 0), -62, 200, _pulses(2, 5, 20)),
    "resonator": Regime((0.1, 0.26, -60, -1), -62, 400, _pulses(0.65, 4, 40, 60, 280, 320)),
    "integrator": Regime((0.02, -0.1, -55, 6), -60, 100, _pulses(9, 2, 100 / 11, 100 / 11 + 5, 70, 80), other=_SHIFTED),
    "rebound_spike": Regime((0.03, 0.25, -60, 4), -64, 200, _pulses(-15, 5, 20)),
    "rebound_burst": Regime((0.03, 0.25, -52, 0), -64, 200, _pulses(-15, 5, 20)),
    "threshold_variability": Regime(
        (0.03, 0.25, -60, 4), -64, 100, _pulses(1, 5, 10) + _pulses(-6, 5, 70)[1:] + _pulses(1, 5, 80)[1:]
    ),
    "bistability": Regime((0.1, 0.26, -60, 0), -61, 300, _pulses(1.24, 5, 37.5, 207, base=0.24)),
    "depolarizing_after_potential": Regime((1, 0.2, -60, -18), -70, 50, _pulses(20, 2, 9)),
    "accommodation": Regime(
        (0.02, 1, -55, 4), -65, 400, ((0, 0, 0.04), (200, 0, 0), (300, 0, 0.32), (312.5, 0, 0)),
        u_0=-16, other={"v_u": -65 * mV, "k_u": 0.0},
    ),
    "inhibition_induced_spiking": Regime((-0.02, -1, -60, 8), -63.8, 350, _INHIBITED),
    "inhibition_induced_bursting": Regime((-0.026, -1, -45, 0), -63.8, 350, _INHIBITED),
}  # fmt: skip
