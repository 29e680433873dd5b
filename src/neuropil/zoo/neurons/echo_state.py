"""The unit of echo state networks, a leaky integrator behind a hyperbolic tangent: Jaeger, Lukoševičius, Popovici & Siewert (2007) Neural
Networks 20:335. Per time step dt, with a = dt / tau,

    x <- (1 - a) x + a tanh(drive + bias)

which is forward Euler of tau dx/dt = -x + tanh(drive + bias); with tau = dt it is x <- tanh(drive + bias). What a unit transmits is x itself
(`npl.Graded()`), without a delay. A readout is a `LeakyReadout` (`neuropil.zoo.neurons.rate`); with a time constant far below dt it is the
weighted sum of the step.

Must show: the trajectory that the same recurrence has in NumPy.
"""

from __future__ import annotations

from neuropil.maths import tanh
from neuropil.model import Input, Neuron, State
from neuropil.units import Time, ms


class EchoStateUnit(Neuron):
    """A discrete-time unit; its leaking rate is dt / tau. Everything but time is dimensionless."""

    tau: Time = 1 * ms
    bias: float = 0.0

    x = State(0.0)
    drive = Input(1.0)

    integrator = "euler"

    def derivative(self, s, x):
        return {"x": (tanh(x.drive + self.bias) - s.x) / self.tau}
