"""Inhibition that learns to balance excitation: coincidence strengthens, a lone presynaptic spike weakens.

    arriving spike:        w ← w + η·(y - α),  x ← x + 1      with α = 2·ρ₀·τ
    spike of the target:   w ← w + η·x,        y ← y + 1      dx/dt = -x/τ, dy/dt = -y/τ

Vogels, Sprekeler, Zenke, Clopath & Gerstner 2011, Science 334:1569: τ = 20 ms, a target rate ρ₀ of a few Hz, η = 0.01 nS of
synapses up to 3.5 nS in its network, less here (from memory). For uncorrelated spikes at rates x and y the mean of dw/dt is
2·η·τ·x·(y - ρ₀): the target's rate ends at ρ₀ wherever the weights' bounds allow it.

Give the projection the most negative weight (or the positive one of an inhibitory conductance) that a synapse may reach.
Must show: the target's rate settles at ρ₀; symmetric window of amplitude η and width τ.
"""

from __future__ import annotations

from neuropil.model import State
from neuropil.units import Hz, Rate, Time, ms
from neuropil.zoo.plasticity.efficacy import Efficacy, bounded


class InhibitorySTDP(Efficacy):
    """Vogels's rule; efficacy from 0 to 1 of the projection's weight."""

    start: float = 0.1
    eta: float = 0.002
    tau: Time = 20 * ms
    target_rate: Rate = 5 * Hz

    pre = State(0.0)
    post = State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau, post=-s.post / self.tau)

    def arrive(self, s, w):
        alpha = 2.0 * self.target_rate * self.tau
        return dict(pre=s.pre + 1.0, efficacy=bounded(s.efficacy + self.eta * (s.post - alpha)))

    def respond(self, s, w):
        return dict(post=s.post + 1.0, efficacy=bounded(s.efficacy + self.eta * s.pre))
