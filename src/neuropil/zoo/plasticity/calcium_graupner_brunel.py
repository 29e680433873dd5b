"""Calcium of both sides moves an efficacy between two stable values.

    dc/dt = -c/τ_c;  c ← c + C_pre at an arriving spike, c ← c + C_post at a spike of the target
    τ dρ/dt = -ρ·(1 - ρ)·(ρ* - ρ) + γ_p·(1 - ρ)·[c > θ_p] - γ_d·ρ·[c > θ_d] + σ·√(τ·([c > θ_p] + [c > θ_d]))·η(t)

Graupner & Brunel 2012, PNAS 109:3991. Parameters of the curve "DP" (depression, then potentiation, over the lag) are the
defaults, other curves stand in CURVES (from memory of its Table S1; rates in units of 1/τ). The delay D between an arriving
spike and its calcium, 13.7 ms, is the delay of the projection; an early EPSP is a second projection's. σ is 2.8284 there.

`GraupnerBrunel` advances in every step, since ρ reads thresholds of c. `GraupnerBrunelEvents` leaves out the noise and the slow
drift to 0 or 1 (hours for τ = 150 s); what is left has a closed form. Calcium falls from
the value `was` after the last event to c, is above θ for τ_c·ln(max(was, θ)/max(c, θ)), first above both thresholds (higher
first), then above the lower alone. So nothing happens between spikes; the ρ that one reads is that of the last event.

Must show: the time above a threshold in closed form; the sign of the change against the lag for the curves of the paper; of
many synapses under noise the paper's own share that cross ρ* either way.
"""

from __future__ import annotations

from neuropil.maths import exp, log, maximum, minimum, sqrt, where
from neuropil.model import Input, State
from neuropil.units import Time, ms, second
from neuropil.zoo.plasticity.efficacy import Drifting, bounded


class CalciumTraffic(Drifting):
    """Parameters, and calcium, which both sides raise; the efficacy is ρ."""

    c_pre: float = 1.0
    c_post: float = 2.0
    theta_d: float = 1.0
    theta_p: float = 1.3
    gamma_d: float = 200.0
    gamma_p: float = 321.808
    tau: Time = 150 * second
    tau_c: Time = 20 * ms

    calcium = State(0.0)


class GraupnerBrunel(CalciumTraffic):
    """The whole equation, step by step; its noise is drawn for every synapse."""

    rho_star: float = 0.5
    sigma: float = 2.8284

    noise = Input(1.0)

    def derivative(self, s, x):
        rho = s.efficacy
        drift = -rho * (1.0 - rho) * (self.rho_star - rho)
        up = where(s.calcium > self.theta_p, self.gamma_p * (1.0 - rho), 0.0)
        down = where(s.calcium > self.theta_d, self.gamma_d * rho, 0.0)
        one = where(s.calcium > minimum(self.theta_p, self.theta_d), 1.0, 0.0)
        deviation = self.sigma * where(s.calcium > maximum(self.theta_p, self.theta_d), 2.0**0.5, one)
        jitter = deviation * x.noise / sqrt(self.tau * ms)
        return dict(calcium=-s.calcium / self.tau_c, efficacy=(drift + up - down) / self.tau + jitter)

    def arrive(self, s, w):
        return dict(calcium=s.calcium + self.c_pre)

    def respond(self, s, w):
        return dict(calcium=s.calcium + self.c_post)


class GraupnerBrunelEvents(CalciumTraffic):
    """Without the drift, and from event to event."""

    was = State(0.0)

    def derivative(self, s, x):
        return dict(calcium=-s.calcium / self.tau_c)

    def above(self, s, theta):
        """Time since the last event with calcium above a threshold theta."""
        return self.tau_c * log(maximum(s.was, theta) / maximum(s.calcium, theta))

    def since(self, s):
        """The efficacy now, from that of the last event."""
        down, up = self.above(s, self.theta_d), self.above(s, self.theta_p)
        both = minimum(down, up)
        rates = self.gamma_d + self.gamma_p
        middle = self.gamma_p / rates + (s.efficacy - self.gamma_p / rates) * exp(-rates * both / self.tau)
        alone = 1.0 - (1.0 - middle) * exp(-self.gamma_p * (up - both) / self.tau)
        return bounded(alone * exp(-self.gamma_d * (down - both) / self.tau))

    def arrive(self, s, w):
        return dict(calcium=s.calcium + self.c_pre, was=s.calcium + self.c_pre, efficacy=self.since(s))

    def respond(self, s, w):
        return dict(calcium=s.calcium + self.c_post, was=s.calcium + self.c_post, efficacy=self.since(s))

    def transmits(self, s, w):
        return w * self.since(s)


def _curve(c_pre, c_post, theta_d, theta_p, gamma_d, gamma_p, delay):
    """Parameters of a curve, and the delay D."""
    values = {"c_pre": c_pre, "c_post": c_post, "theta_d": theta_d, "theta_p": theta_p, "gamma_d": gamma_d, "gamma_p": gamma_p}
    return values, delay * ms


# name of the curve over the lag (D: depression, P: potentiation) -> (parameters, delay of calcium)
CURVES = {
    "DP": _curve(1.0, 2.0, 1.0, 1.3, 200.0, 321.808, 13.7),
    "DPD": _curve(0.9, 0.9, 1.0, 1.3, 250.0, 550.0, 4.6),
    "DPD'": _curve(1.0, 2.0, 1.0, 2.5, 50.0, 600.0, 2.2),
    "P": _curve(2.0, 2.0, 1.0, 1.3, 160.0, 257.447, 0.0),
    "D": _curve(0.6, 0.6, 1.0, 1.3, 500.0, 550.0, 0.0),
    "D'": _curve(1.0, 2.0, 1.0, 3.5, 60.0, 600.0, 0.0),
}
