"""Synaptic scaling: all synapses of a neuron grow by one factor while its rate is too low, and shrink while it is too high.

    w_sent = w·efficacy·exp(L),   τ_s dL/dt = k·ρ₀·τ_s - L,   at a spike of the target L ← L - k

Turrigiano, Leslie, Desai, Rutherford & Nelson 1998, Nature 391:892, for the phenomenon: multiplicative, over hours. The
leaky integrator was chosen for this file: at a rate y the log of the factor ends at k·τ_s·(ρ₀ - y), so that the rate comes near its target as
k·τ_s grows, and is met exactly by none; in exchange L has a closed form, is one number for all synapses of a target, and costs
nothing between spikes. `zoo.synapses.calcium_plasticity.Homeostatic` integrates without leak, step by step for every synapse.
`AdditiveSTDP` with scaling is the sum of two parents: `ScaledSTDP`.

Must show: ratios of weights kept; L = k·τ_s·(ρ₀ - y).
"""

from __future__ import annotations

from neuropil.maths import clip, exp
from neuropil.model import State
from neuropil.units import Hz, Rate, Time, second
from neuropil.zoo.plasticity.efficacy import Efficacy
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


class Scaling(Efficacy):
    """The factor alone, between 1/4 and 4."""

    learned = ("efficacy", "log_factor")
    k: float = 0.02  # L of a spike
    tau_s: Time = 20 * second
    target_rate: Rate = 10 * Hz
    most: float = 1.3862943611198906  # of |L|: ln 4

    log_factor = State(0.0)

    def derivative(self, s, x):
        return dict(log_factor=self.k * self.target_rate - s.log_factor / self.tau_s)

    def respond(self, s, w):
        return dict(log_factor=s.log_factor - self.k)

    def transmits(self, s, w):
        return w * s.efficacy * exp(clip(s.log_factor, -self.most, self.most))


class ScaledSTDP(Scaling, AdditiveSTDP):
    """Spike timing decides between the synapses, scaling over them all."""

    def derivative(self, s, x):
        return AdditiveSTDP.derivative(self, s, x) | Scaling.derivative(self, s, x)

    def respond(self, s, w):
        return AdditiveSTDP.respond(self, s, w) | Scaling.respond(self, s, w)
