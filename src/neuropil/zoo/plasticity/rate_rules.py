"""Rules of rates, x of the source and y of the target, by spikes: traces stand for rates times τ, spikes for rates.

`Oja`          dw/dt ∝ y·x - y²·w      Oja 1982, J. Math. Biol. 15:267: the first principal component, with length 1
`BCM`          dw/dt ∝ x·y·(y - θ), θ = <y²>/y₀   Bienenstock, Cooper & Munro 1982, J. Neurosci. 2:32, with the threshold of
               Intrator & Cooper 1992, Neural Netw. 5:3: selectivity
`Covariance`   dw/dt ∝ (x - <x>)·y     Sejnowski 1977, J. Math. Biol. 4:303, whose mean is the covariance of x and y
`AntiHebbian`  dw/dt ∝ x·(α/β - y·τ)   Roberts & Bell 2000, J. Comput. Neurosci. 9:67, of the electric fish's negative image:
               an arriving spike potentiates by α, a spike of the target depresses by β times the source's trace

Means over uncorrelated trains; what each spike does stands in the code. Rates of learning and time constants are chosen here.
Must show: Oja's angle to the first eigenvector of the inputs' second moments; BCM's θ against <y²>/y₀, and a neuron that
answers one of two patterns; Covariance's sign; AntiHebbian's y = α/(β·τ).
"""

from __future__ import annotations

from neuropil.model import State
from neuropil.units import Hz, Rate, Time, ms, second
from neuropil.zoo.plasticity.efficacy import Efficacy, bounded


class RateRule(Efficacy):
    """Traces of both sides and a learning rate; what a spike of the target does is `learning`."""

    eta: float = 0.01
    tau: Time = 20 * ms

    pre = State(0.0)
    post = State(0.0)

    def learning(self, s):
        """Change of the efficacy by a spike of the target, over η."""
        return 0.0

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau, post=-s.post / self.tau)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0)

    def respond(self, s, w):
        return dict(post=s.post + 1.0, efficacy=bounded(s.efficacy + self.eta * self.learning(s)))


class Oja(RateRule):
    """A spike of the target adds η·(x̄ - ȳ·w): y·x·τ - y²·τ·w in the mean."""

    def learning(self, s):
        return s.pre - s.post * s.efficacy


class BCM(RateRule):
    """A spike of the target adds η·x̄·(ȳ - θ), and raises θ by ȳ/(y₀·τ_θ), so that its mean is <ȳ²>/(y₀·τ)."""

    goal: Rate = 10 * Hz  # y₀
    tau_theta: Time = 2 * second

    theta = State(0.0)

    def learning(self, s):
        return s.pre * (s.post - s.theta)

    def derivative(self, s, x):
        return RateRule.derivative(self, s, x) | dict(theta=-s.theta / self.tau_theta)

    def respond(self, s, w):
        return RateRule.respond(self, s, w) | dict(theta=s.theta + s.post / (self.goal * self.tau_theta))


class Covariance(RateRule):
    """A spike of the target adds η·(x̄ - <x>·τ), the mean being a slow trace."""

    tau_mean: Time = 1 * second

    mean = State(0.0)

    def learning(self, s):
        return s.pre - s.mean * (self.tau / self.tau_mean)

    def derivative(self, s, x):
        return RateRule.derivative(self, s, x) | dict(mean=-s.mean / self.tau_mean)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, mean=s.mean + 1.0)


class AntiHebbian(RateRule):
    """An arriving spike adds η·α, a spike of the target takes η·x̄ (β = 1)."""

    alpha: float = 0.2

    def learning(self, s):
        return -s.pre

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, efficacy=bounded(s.efficacy + self.eta * self.alpha))
