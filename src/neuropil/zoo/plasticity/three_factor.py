"""Two factors set the eligibility of a synapse, a third the sign and size of its change.

`DopamineSTDP`   dc/dt = -c/τ_c + STDP, dw/dt = c·d   Izhikevich 2007, Cereb. Cortex 17:2443: τ_c = 1 s, windows of 20 ms, depression
                 outweighing potentiation; d, the `dopamine` above its rest, 0 until a modulator changes it
`RewardSTDP`     the same eligibility times a success signal of either sign, R - <R>   Frémaux, Sprekeler & Gerstner 2010,
                 J. Neurosci. 30:13326 (R-STDP); balanced windows
`RewardMax`      eligibility de/dt = -e/τ_e + (S - ρ(v))·x̄, S the target's spikes, ρ(v) = ρ₀·exp((v - θ)/Δ) its hazard; dw/dt = η·success·e
                 Pfister, Toyoizumi, Barber & Gerstner 2006, Neural Comput. 18:1318; R-max of Frémaux & al. 2010, 2013
`EProp`          de/dt = -e/τ_out + ψ(v)·x̄,  ψ = γ·(1 - |v - θ|/(θ - v_rest))₊,  dw/dt = -η·L·e   Bellec & al. 2020, Nat. Commun.
                 11:3625, for neurons without adaptation, γ = 0.3 (from memory)

The third factor is a plain parameter (`dopamine`, `success`, `learning_signal`) that a modulator changes: for all synapses of a
projection alike, or, as e-prop wants it, at every neuron by a signal of its own (`Signal` with `diffusion=Apart()`). `DopamineSTDP` and `RewardSTDP` have a closed form
between spikes; the others read v and advance in every step. A drift may carry the efficacy past its bounds until the next
spike; what is sent is always within them. Rates of learning are chosen here.

Must show: no change without the third factor; dw = d·c₀·τ_c·(1 - exp(-t/τ_c)); <e> = 0 where the target's spikes follow its
hazard; e-prop's sum over recorded v.
"""

from __future__ import annotations

from neuropil.maths import absolute, exp, maximum, minimum
from neuropil.model import Input, State
from neuropil.units import Hz, Quantity, Rate, Time, Voltage, kHz, ms, mV
from neuropil.zoo.plasticity.efficacy import Drifting, bounded
from neuropil.zoo.plasticity.pair_stdp import PairSTDP


class EligibleSTDP(Drifting, PairSTDP):
    """Pairs of spikes mark, nothing moves yet."""

    tau_c: Time = 1000 * ms

    eligibility = State(0.0)

    def factor(self):
        """The third factor times the rate of learning, 1/ms."""
        return 0.0 * kHz

    def derivative(self, s, x):
        return PairSTDP.derivative(self, s, x) | dict(eligibility=-s.eligibility / self.tau_c, efficacy=self.factor() * s.eligibility)

    def arrive(self, s, w):
        mark = s.eligibility - self.a_minus * s.post
        return dict(pre=self.raised(s.pre), eligibility=mark, efficacy=bounded(s.efficacy))

    def respond(self, s, w):
        mark = s.eligibility + self.a_plus * s.pre
        return dict(post=self.raised(s.post), eligibility=mark, efficacy=bounded(s.efficacy))


class DopamineSTDP(EligibleSTDP):
    """Izhikevich's; the eligibility in parts of the largest weight."""

    a_plus: float = 0.1
    a_minus: float = 0.15
    dopamine: float = 0.0  # times the eligibility: the change in a second

    def factor(self):
        return self.dopamine * (1e-3 * kHz)


class RewardSTDP(EligibleSTDP):
    """R-STDP with a success signal; potentiation and depression alike."""

    a_plus: float = 0.1
    a_minus: float = 0.1
    success: float = 0.0
    eta: Rate = 1 * Hz

    def factor(self):
        return self.eta * self.success


class RewardMax(Drifting):
    """The gradient of expected reward for a neuron that escapes its threshold at random (`zoo.neurons.escape_lif`)."""

    eta: Rate = 1 * Hz
    success: float = 0.0
    tau: Time = 20 * ms
    tau_e: Time = 500 * ms
    rho: Rate = 60 * Hz  # hazard at the threshold
    threshold: Voltage = -50 * mV
    softness: Voltage = 2 * mV

    v = Input(mV)
    pre = State(0.0)
    eligibility = State(0.0)

    def derivative(self, s, x):
        expected = self.rho * exp(minimum((x.v - self.threshold) / self.softness, 5.0))
        return dict(
            pre=-s.pre / self.tau,
            eligibility=-s.eligibility / self.tau_e - expected * s.pre,
            efficacy=self.eta * self.success * s.eligibility,
        )

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, efficacy=bounded(s.efficacy))

    def respond(self, s, w):
        return dict(eligibility=s.eligibility + s.pre, efficacy=bounded(s.efficacy))


class EProp(Drifting):
    """Bellec's local form."""

    eta: Quantity = 1e-3 / ms**2
    learning_signal: float = 0.0
    tau: Time = 10 * ms  # of the membrane: the trace of arriving spikes
    tau_out: Time = 20 * ms  # of the readout
    damping: float = 0.3
    threshold: Voltage = -50 * mV
    rest: Voltage = -65 * mV

    v = Input(mV)
    pre = State(0.0)
    eligibility = State(0.0 * ms)

    def slope(self, v):
        """ψ at the potential v, which replaces the derivative of a spike by the potential."""
        return self.damping * maximum(1.0 - absolute(v - self.threshold) / (self.threshold - self.rest), 0.0)

    def derivative(self, s, x):
        return dict(
            pre=-s.pre / self.tau,
            eligibility=-s.eligibility / self.tau_out + self.slope(x.v) * s.pre,
            efficacy=-self.eta * self.learning_signal * s.eligibility,
        )

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, efficacy=bounded(s.efficacy))

    def respond(self, s, w):
        return dict(efficacy=bounded(s.efficacy))
