"""The unit of continuous-time recurrent neural networks, after Beer (1995) Adaptive Behavior 3:469.

    tau dy/dt = -y + I + sum over sources of w · sigma(y + theta),    sigma(x) = 1 / (1 + exp(-x))

The sum is graded transmission of `firing` into the input `drive`:

    net.project(units, units, npl.AllToAll(), weight=w, delay=0 * ms, input="drive", synapse=npl.Graded(firing))

Must show: without a source y approaches a constant drive exponentially; one unit with w = 20 and theta = -10 keeps 0 or 20, where it began.
"""

from __future__ import annotations

from typing import Any

from neuropil.maths import sigmoid
from neuropil.model import Input, Neuron, State
from neuropil.units import Time, ms


class CTRNNUnit(Neuron):
    """A leaky integrator of graded input; everything but time is dimensionless."""

    tau: Time = 10 * ms
    theta: float = 0.0

    y = State(0.0)
    drive = Input(1.0)

    def derivative(self, s, x):
        return {"y": (-s.y + x.drive) / self.tau}


def firing(s: Any, p: Any) -> Any:
    """What a unit transmits: its firing rate, 0 to 1.

    Args:
        s: states of the unit; p: its parameters.
    """
    return sigmoid(s.y + p.theta)
