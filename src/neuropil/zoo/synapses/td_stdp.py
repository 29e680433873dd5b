"""Temporal-difference learning by spikes: a Hebbian eligibility, delayed and slow, that dopamine converts into weight.

Frémaux, Sprekeler & Gerstner 2013, PLoS Comput Biol 9:e1003024 ("TD-LTP"): a presynaptic trace x is read by each spike of
the target, the coincidences are filtered with a double exponential kernel κ, and the product with the TD error δ moves
the weight:

    dx/dt = -x/τ₊, x ← x + 1 at a presynaptic spike
    dm/dt = (post - m)/τ_m           mean activity of the target; post is its activity
    dh/dt = -h/υ + x·(post - c·m)    coincidences
    de/dt = -e/τ_e + h/υ             their eligibility, which rises in υ and lasts τ_e
    dw/dt = η·δ·e                    stops at the bounds; what is transmitted is w cut to [low, high]

c = 0 is the paper's rule. With c = 1 the tag is a covariance (Sejnowski 1977, J. Math. Biol. 4:303): of targets that
compete, those that kept silent are tagged with the opposite sign, and what all have in common is not learned. The paper's
kernel has υ = 50 ms and τ = 200 ms. It delays the tag as long as the critic's own read-out takes, so that the error coincides with
the eligibility of the events that caused it.
"""

from __future__ import annotations

from neuropil.maths import clip, logical_and, logical_or, where
from neuropil.model import Input, State, Synapse
from neuropil.units import Current, Rate, Time, kHz, ms, pA


class TDSTDP(Synapse):
    """`weight` starts at the projection's and moves by η pA for a unit of δ·e lasting 1 ms; δ is the modulator."""

    integrator = "exponential_euler"  # each state is linear in itself; x·post is not, in the two together
    eta: Current = 1 * pA  # per ms of δ = e = 1
    tau_plus: Time = 20 * ms
    rise: Time = 20 * ms  # υ
    tau_e: Time = 200 * ms
    tau_post: Time = 2 * ms
    covariance: float = 0.0  # c
    tau_mean: Time = 3000 * ms
    start: Rate = 0.1 * kHz
    low: Current = 0 * pA
    high: Current = 100 * pA

    post = Input(kHz)
    modulator = Input(1.0)
    weight = State(0 * pA)
    x = State(0.0)
    h = State(0.0)
    e = State(0.0)
    mean = State("start")

    def derivative(self, s, x):
        change = self.eta * x.modulator * s.e / (1.0 * ms)
        still = 0.0 * pA / ms
        stuck = logical_or(logical_and(s.weight >= self.high, change > still), logical_and(s.weight <= self.low, change < still))
        return dict(
            x=-s.x / self.tau_plus, h=-s.h / self.rise + s.x * (x.post - self.covariance * s.mean),
            mean=(x.post - s.mean) / self.tau_mean, e=-s.e / self.tau_e + s.h / self.rise,
            weight=where(stuck, still, change),
        )  # fmt: skip

    def arrive(self, s, w):
        return dict(x=s.x + 1.0)

    def transmits(self, s, w):
        return clip(w, self.low, self.high)
