"""Fast weights on top of slow ones: neurons that were active together are associated for a short time.

    a spike of the target:  fast ← fast + η_f·x̄,  slow ← slow + η_s·x̄;   dfast/dt = -fast/τ_f, dx̄/dt = -x̄/τ
    sent: w·(slow + fast), at most w

Hinton & Plaut 1987, Proc. 9th Conf. Cogn. Sci. Soc., 177; Ba, Hinton, Mnih, Leibo & Ionescu 2016, NeurIPS 29: A ← λA + η·h·hᵀ, of
which λ = exp(-T/τ_f) for steps of T and x̄ stands for h of the source. Constants are chosen here.

Must show: a fast weight that rises by η_f·exp(-Δt/τ) at a pairing and decays with τ_f; a slow one that stays.
"""

from __future__ import annotations

from neuropil.model import State
from neuropil.units import Time, ms
from neuropil.zoo.plasticity.efficacy import Efficacy, bounded


class FastWeights(Efficacy):
    """The efficacy is the slow weight."""

    learned = ("efficacy", "fast")

    start: float = 0.2
    eta_fast: float = 0.2
    eta_slow: float = 0.002
    tau_fast: Time = 500 * ms
    tau: Time = 20 * ms

    fast = State(0.0)
    pre = State(0.0)

    def derivative(self, s, x):
        return dict(fast=-s.fast / self.tau_fast, pre=-s.pre / self.tau)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0)

    def respond(self, s, w):
        return dict(fast=bounded(s.fast + self.eta_fast * s.pre), efficacy=bounded(s.efficacy + self.eta_slow * s.pre))

    def transmits(self, s, w):
        return w * bounded(s.efficacy + s.fast)
