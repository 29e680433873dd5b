"""Triplets of spikes: potentiation that grows with the rate of the target.

    r₁ (τ₊) and r₂ (τ_x) rise by 1 at an arriving spike, o₁ (τ₋) and o₂ (τ_y) at a spike of the target; before they do,
    arriving spike:        w ← w - o₁·(A₂₋ + A₃₋·r₂)
    spike of the target:   w ← w + r₁·(A₂₊ + A₃₊·o₂)

Pfister & Gerstner 2006, J. Neurosci. 26:9673, all spikes pairing with all; parameter sets of its Tables 3 and 4 (from
memory; those of the minimal model as in CLAIMS C9): `VISUAL` fitted to Sjöström, Turrigiano & Nelson 2001, `HIPPOCAMPAL` to
Wang, Gerkin, Nauen & Bi 2005. The minimal model, of four amplitudes two, is the default: A₂₊ = A₃₋ = 0 of visual cortex.

Must show: at 40 Hz potentiation for pre before post by 10 ms and post before pre by 10 ms alike, at 0.1 Hz none for either.
"""

from __future__ import annotations

from neuropil.model import State
from neuropil.units import Time, ms
from neuropil.zoo.plasticity.efficacy import Efficacy, bounded


class TripletSTDP(Efficacy):
    """The full model; amplitudes of zero make it the minimal one."""

    a2_plus: float = 0.0
    a3_plus: float = 6.5e-3
    a2_minus: float = 7.1e-3
    a3_minus: float = 0.0
    tau_plus: Time = 16.8 * ms
    tau_minus: Time = 33.7 * ms
    tau_x: Time = 101 * ms
    tau_y: Time = 114 * ms

    r1 = State(0.0)
    r2 = State(0.0)
    o1 = State(0.0)
    o2 = State(0.0)

    def derivative(self, s, x):
        return dict(r1=-s.r1 / self.tau_plus, r2=-s.r2 / self.tau_x, o1=-s.o1 / self.tau_minus, o2=-s.o2 / self.tau_y)

    def arrive(self, s, w):
        down = s.o1 * (self.a2_minus + self.a3_minus * s.r2)
        return dict(r1=s.r1 + 1.0, r2=s.r2 + 1.0, efficacy=bounded(s.efficacy - down))

    def respond(self, s, w):
        up = s.r1 * (self.a2_plus + self.a3_plus * s.o2)
        return dict(o1=s.o1 + 1.0, o2=s.o2 + 1.0, efficacy=bounded(s.efficacy + up))


def _set(a2_plus, a3_plus, a2_minus, a3_minus, tau_x, tau_y, tau_plus=16.8, tau_minus=33.7):
    amplitudes = {"a2_plus": a2_plus, "a3_plus": a3_plus, "a2_minus": a2_minus, "a3_minus": a3_minus}
    return amplitudes | {"tau_x": tau_x * ms, "tau_y": tau_y * ms, "tau_plus": tau_plus * ms, "tau_minus": tau_minus * ms}


# name -> parameters of TripletSTDP
VISUAL = {
    "full": _set(5e-10, 6.2e-3, 7e-3, 2.3e-4, 101, 125),
    "minimal": _set(0.0, 6.5e-3, 7.1e-3, 0.0, 101, 114),
}
HIPPOCAMPAL = {
    "full": _set(6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946, 27),
    "minimal": _set(5.3e-3, 8e-3, 3.5e-3, 0.0, 946, 40),
}
