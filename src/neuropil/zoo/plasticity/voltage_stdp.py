"""Plasticity by the target's potential: a spike that finds the target depolarised changes the synapse.

    arriving spike:   w ← w - A_LTD·h·(ū₋ - θ₋)₊,   x̄ ← x̄ + 1/τ_x
    dw/dt = A_LTP·x̄·(v - θ₊)₊·(ū₊ - θ₋)₊
    τ₋ dū₋/dt = v - ū₋,   τ₊ dū₊/dt = v - ū₊,   τ_x dx̄/dt = -x̄

Clopath, Büsing, Vasilaki & Gerstner 2010, Nat. Neurosci. 13:344, with the parameters of visual cortex (from memory;
HIPPOCAMPAL: those of hippocampal cultures). h is its homeostatic factor, the target's mean squared depolarisation over a
reference, slow enough to be a parameter here. It needs a target whose `v` shows its spikes
(`zoo.neurons.spike_shape`, or a Hodgkin-Huxley neuron), and advances in every step.

Must show: at a clamped potential the closed form of the equations; depression below and potentiation above θ₊; depression of
pairings at low frequency and potentiation at high.
"""

from __future__ import annotations

from neuropil.maths import maximum
from neuropil.model import Input, State
from neuropil.units import Quantity, Time, Voltage, kHz, ms, mV
from neuropil.zoo.plasticity.efficacy import Drifting, bounded


class VoltageSTDP(Drifting):
    """Clopath's rule; the filtered potentials are those of the target, kept by each synapse."""

    a_ltd: Quantity = 14e-5 / mV
    a_ltp: Quantity = 8e-5 / mV**2
    theta_minus: Voltage = -70.6 * mV
    theta_plus: Voltage = -45.3 * mV
    tau_minus: Time = 10 * ms
    tau_plus: Time = 7 * ms
    tau_x: Time = 15 * ms
    homeostasis: float = 1.0
    rest: Voltage = -70.6 * mV  # where the filters begin

    v = Input(mV)
    low_minus = State("rest")
    low_plus = State("rest")
    pre = State(0 * kHz)

    def derivative(self, s, x):
        above = maximum(x.v - self.theta_plus, 0.0 * mV) * maximum(s.low_plus - self.theta_minus, 0.0 * mV)
        return dict(
            low_minus=(x.v - s.low_minus) / self.tau_minus,
            low_plus=(x.v - s.low_plus) / self.tau_plus,
            pre=-s.pre / self.tau_x,
            efficacy=self.a_ltp * s.pre * above,
        )

    def arrive(self, s, w):
        down = self.a_ltd * self.homeostasis * maximum(s.low_minus - self.theta_minus, 0.0 * mV)
        return dict(pre=s.pre + 1.0 / self.tau_x, efficacy=bounded(s.efficacy - down))

    def respond(self, s, w):
        return dict(efficacy=bounded(s.efficacy))


HIPPOCAMPAL = {
    "a_ltd": 38e-5 / mV, "a_ltp": 2e-5 / mV**2, "theta_minus": -41 * mV, "theta_plus": -38 * mV,
    "tau_minus": 14.4 * ms, "tau_plus": 5 * ms, "tau_x": 16 * ms,
}  # fmt: skip
