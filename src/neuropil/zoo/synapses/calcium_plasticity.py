"""Weights that follow CaMKII, and CaMKII that follows calcium: the rule of article 003, and one with a calcium window.

CaMKII: dc/dt = k₁·Caⁿ·(1 - c) - k₂·c with n = 4, the ions that calmodulin binds (the article's equation).
Weight, as the article writes it: dw/dt = η·(c - θ_p)₊ - η·(c - θ_d)₋. Whichever sign (·)₋ has, weights change at rest,
where c is near zero: they fall for (y)₋ = max(-y, 0) and grow for (y)₋ = min(y, 0); and in neither reading does moderate
calcium depress while little calcium leaves the weight alone. The calcium window of Lisman 1989 (PNAS 86:9574), Shouval,
Bear & Cooper 2002 (PNAS 99:10831) and Graupner & Brunel 2012 (PNAS 109:3991) needs dw/dt = η_p·(c - θ_p)₊ - η_d·[θ_d < c < θ_p].
Homeostasis: dw/dt = η_h·(target rate - rate)·w, the article's step per ms as a rate (Turrigiano et al. 1998, Nature 391:892,
for the phenomenon). Rates and thresholds are illustrative: chosen to show the rules in seconds, not measured.
"""

from __future__ import annotations

from neuropil.maths import logical_and, maximum, where
from neuropil.model import Input, State, Synapse
from neuropil.units import Concentration, Hz, Rate, Time, kHz, ms, uM


class CalciumRule(Synapse):
    """How CaMKII follows calcium and a weight follows CaMKII, with a window of calcium that depresses."""

    k1: Rate = 0.002 / ms  # per µM⁴: half of CaMKII is active at 1 µM
    k2: Rate = 0.002 / ms
    theta_d: float = 0.2
    theta_p: float = 0.5
    eta_p: Rate = 2e-3 / ms
    eta_d: Rate = 2e-4 / ms

    def activation(self, c, calcium):
        """dc/dt of CaMKII at an activation c and a calcium concentration."""
        square = (calcium / (1.0 * uM)) ** 2
        return self.k1 * (square * square) * (1.0 - c) - self.k2 * c

    def learning(self, c):
        """dw/dt at an activation c of CaMKII."""
        depress = logical_and(c > self.theta_d, c < self.theta_p)
        return self.eta_p * maximum(c - self.theta_p, 0.0) - where(depress, self.eta_d, 0.0 * kHz)


class ArticleRule(CalciumRule):
    """The article's own: η(c - θ_p)₊ - η(c - θ_d)₋ with (y)₋ = max(-y, 0), or min(y, 0) for `minus` = -1."""

    minus: float = 1.0

    def learning(self, c):
        below = self.minus * maximum(self.theta_d - c, 0.0)
        return self.eta_p * (maximum(c - self.theta_p, 0.0) - below)


class HomeostaticRule(Synapse):
    """How a weight scales itself so that its target keeps a rate."""

    target_rate: Rate = 10 * Hz
    eta_h: float = 0.01  # per spike too few or too many
    tau_post: Time = 200 * ms

    post = Input(kHz)

    def scaling(self, weight, post):
        """dw/dt by homeostasis, of a weight at an activity `post` of the target."""
        return self.eta_h * (self.target_rate - post) * weight


class CalciumWeight(CalciumRule):
    """The rule with a window, alone: calcium is held, the efficacy follows; a spike transmits weight times efficacy."""

    calcium: Concentration = 0.05 * uM

    camkii = State(0.0)
    efficacy = State(1.0)

    def derivative(self, s, x):
        return dict(camkii=self.activation(s.camkii, self.calcium), efficacy=self.learning(s.camkii))

    def transmits(self, s, w):
        return w * s.efficacy


class ArticleWeight(ArticleRule, CalciumWeight):
    """The article's own rule, alone."""


class Homeostatic(HomeostaticRule):
    """Homeostatic scaling, alone: a spike transmits weight times efficacy."""

    learned = ("efficacy",)

    efficacy = State(1.0)

    def derivative(self, s, x):
        return dict(efficacy=self.scaling(s.efficacy, x.post))

    def transmits(self, s, w):
        return w * s.efficacy
