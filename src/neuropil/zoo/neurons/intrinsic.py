"""Leaky integrate-and-fire neurons whose threshold learns the rate at which to fire: intrinsic plasticity.

    offset' = -step·goal between spikes, offset <- offset + step at a spike;   spike where V >= V_th + offset, held in its bounds

Desai, Rutherford & Turrigiano (1999) Nat. Neurosci. 2:515, for the phenomenon: neurons kept silent grow more excitable, over
days; here in seconds. An integrator has no other steady state than the goal: after a time T the offset has moved by
step·(spikes - goal·T), exactly. The integral stops where the offset's bounds do, but goes on counting beyond them.

Must show: that sum; the rate at its goal.
"""

from __future__ import annotations

from neuropil.maths import clip
from neuropil.model import State
from neuropil.units import Hz, Rate, Voltage, mV
from neuropil.zoo.neurons.lif import LIFExp


class IntrinsicLIF(LIFExp):
    """`LIFExp` with a threshold between `v_th + lowest` and `v_th + highest`."""

    goal: Rate = 10 * Hz
    step: Voltage = 0.1 * mV
    lowest: Voltage = -12 * mV
    highest: Voltage = 30 * mV

    offset = State(0 * mV)

    def derivative(self, s, x):
        return LIFExp.derivative(self, s, x) | {"offset": -self.step * self.goal}

    def fires(self, s):
        return s.v >= self.v_th + clip(s.offset, self.lowest, self.highest)

    def reset(self, s):
        return {"v": self.v_reset, "offset": s.offset + self.step}
