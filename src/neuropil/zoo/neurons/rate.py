"""Units that do not spike: their rate follows the spikes that they receive.

RateUnit, after Wilson & Cowan (1972) Biophys. J. 12:1 (their excitatory constants, a = 1.2, theta = 2.8, tau = 8 ms):

    tau dr/dt = -r + (1 - r) S(h + x),    S(y) = 1 / (1 + exp(-a (y - theta))) - 1 / (1 + exp(a theta)),
    tau_syn dh/dt = -h,  a spike of weight w adds w to h.

LeakyReadout, after Bellec et al. (2020) Nat. Commun. 11:3625:    tau dy/dt = -y + x,  a spike of weight w adds w to y.

Must show: r settles at S / (1 + S) for a constant input, and stays at 0 without one; y follows a Poisson train of rate f
with mean w f tau and variance w² f tau / 2 (Campbell).
"""

from __future__ import annotations

from neuropil.maths import sigmoid
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Time, ms


class RateUnit(Neuron):
    """A sigmoidal rate unit with a synaptic filter; everything but time is dimensionless."""

    tau: Time = 8 * ms
    tau_syn: Time = 5 * ms
    a: float = 1.2
    theta: float = 2.8

    r = State(0.0)
    h = State(0.0)
    syn = Port(1.0)
    drive = Input(1.0)

    def derivative(self, s, x):
        active = sigmoid(self.a * (s.h + x.drive - self.theta)) - sigmoid(-self.a * self.theta)
        return {"r": (-s.r + (1 - s.r) * active) / self.tau, "h": -s.h / self.tau_syn}

    def receive(self, s, w):
        return {"h": w.syn}


class LeakyReadout(Neuron):
    """A leaky integrator of weighted spikes, as trained networks are read out by; all but time is dimensionless."""

    tau: Time = 20 * ms

    y = State(0.0)
    syn = Port(1.0)
    drive = Input(1.0)

    def derivative(self, s, x):
        return {"y": (-s.y + x.drive) / self.tau}

    def receive(self, s, w):
        return {"y": w.syn}
