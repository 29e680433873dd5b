"""Article 003's synapse as a model of its own, one update per step: what its table would cost if it ran.

Each "neuron" of it is a synapse. It is lowered, counted and timed like any other kernel; it is not a synapse to do science
with (see CLAIMS F2 for what its weight rule and its structural rule do). Eight states change; the transmitter, the
postsynaptic voltage, its activity and dopamine are inputs.
"""

from __future__ import annotations

from types import SimpleNamespace

from neuropil import maths
from neuropil.cost import article_equations as equations
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import ms

_MATHS = SimpleNamespace(exp=maths.exp, maximum=maths.maximum)


class ArticleSynapse(Neuron):
    """A weight is a number of presynaptic spikes; times in ms, voltages in mV, all as bare numbers."""

    g: float = 1.0
    e: float = 0.0
    alpha: float = 1.1
    beta: float = 0.19
    alpha_n: float = 0.072
    beta_n: float = 0.0066
    magnesium: float = 1.0
    tau_f: float = 100.0
    tau_d: float = 500.0
    jump: float = 0.1
    loss: float = 0.2
    tau_ca: float = 20.0
    gamma: float = -0.01
    rest_ca: float = 0.005
    k1: float = 0.1
    k2: float = 0.05
    eta: float = 0.001
    theta_p: float = 0.6
    theta_d: float = 0.3
    eta_home: float = 1e-5
    target: float = 0.4
    threshold: float = 0.4
    base_gain: float = 1.0
    k_gain: float = 0.5

    s = State(0.0)
    s_nmda = State(0.0)
    f = State(1.0)
    d = State(1.0)
    ca = State(0.1)
    c = State(0.1)
    w = State(1.0)
    form = State(0.0)
    spike = Port(1.0)
    transmitter = Input(1.0)
    v_post = Input(1.0)
    activity = Input(1.0)
    dopamine = Input(1.0)

    integrator = "euler"

    def derivative(self, s, x):
        i_nmda = equations.nmda(_MATHS, s.s_nmda, x.v_post, self.magnesium, self.g * s.w * s.f * s.d, self.e)
        gain = equations.modulation(_MATHS, x.dopamine, self.base_gain, self.k_gain)
        form, _ = equations.structure(_MATHS, x.activity, self.threshold)
        learning = self.eta * gain * (maths.maximum(s.c - self.theta_p, 0.0) - maths.maximum(s.c - self.theta_d, 0.0))
        homeostasis = equations.homeostasis(_MATHS, s.w, x.activity, self.eta_home, self.target) - s.w
        return {
            "s": (self.alpha * x.transmitter * (1.0 - s.s) - self.beta * s.s) / ms,
            "s_nmda": (self.alpha_n * x.transmitter * (1.0 - s.s_nmda) - self.beta_n * s.s_nmda) / ms,
            "f": (1.0 - s.f) / self.tau_f / ms,
            "d": (1.0 - s.d) / self.tau_d / ms,
            "ca": (self.gamma * i_nmda + self.rest_ca - s.ca / self.tau_ca) / ms,
            "c": (self.k1 * s.ca**4 * (1.0 - s.c) - self.k2 * s.c) / ms,
            "w": (learning + homeostasis) / ms,
            "form": (form - s.form) / ms,
        }

    def receive(self, s, w):
        return {"f": self.jump * w.spike, "d": -self.loss * s.d * w.spike}
