"""A chain of variables from fast to slow, each flowing into the next: memories that decay as the inverse square root of time.

    C_k·du_k/dt = g_{k-1}·(u_{k-1} - u_k) + g_k·(u_{k+1} - u_k),   C_k = 2^(k-1), g_k = 2^-(k+1)·α, k = 1 … 6

Benna & Fusi 2016, Nat. Neurosci. 19:1697: vessels of doubling volume joined by tubes of halving conductance; the first one receives the
changes, is what is transmitted, and the last loses its content (g_6 into u_7 = 0; α = 1/4 a step there, here a rate). The
changes come from pair STDP. The chain is coupled both ways, so that it advances in every step, by its exact propagator.
The efficacy is start + u₁, held between 0 and 1.

Must show: the propagator of the chain; u₁ after a change fading as t^(-1/2) between 1/g_1 and 4^5/g_1, not exponentially.
"""

from __future__ import annotations

from neuropil.model import State
from neuropil.units import Rate, ms
from neuropil.zoo.plasticity.efficacy import bounded
from neuropil.zoo.plasticity.pair_stdp import PairSTDP

BEAKERS = 6


class Cascade(PairSTDP):
    """`alpha` is four times the conductance of the first tube."""

    learned = ("efficacy", *(f"u{k}" for k in range(1, BEAKERS + 1)))

    alpha: Rate = 1e-3 / ms

    u1 = State(0.0)
    u2 = State(0.0)
    u3 = State(0.0)
    u4 = State(0.0)
    u5 = State(0.0)
    u6 = State(0.0)

    def derivative(self, s, x):
        u = [getattr(s, f"u{k}") for k in range(1, BEAKERS + 1)]
        flows = [2.0 ** -(k + 2) * self.alpha * (a - b) for k, (a, b) in enumerate(zip(u, [*u[1:], 0.0], strict=True))]
        into = [0.0, *flows[:-1]]
        chain = {f"u{k + 1}": (into[k] - flows[k]) / 2.0**k for k in range(BEAKERS)}
        return PairSTDP.derivative(self, s, x) | chain

    def moved(self, s, change):
        """u₁ after a change, as far as the efficacy's bounds allow."""
        return bounded(s.efficacy + s.u1 + change) - s.efficacy

    def arrive(self, s, w):
        return dict(pre=self.raised(s.pre), u1=self.moved(s, -self.a_minus * s.post))

    def respond(self, s, w):
        return dict(post=self.raised(s.post), u1=self.moved(s, self.a_plus * s.pre))

    def transmits(self, s, w):
        return w * bounded(s.efficacy + s.u1)
