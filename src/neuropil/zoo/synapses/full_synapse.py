"""The full synapse of article 003, composed of the parts that are described each by itself in this folder.

A spike releases transmitter by its resources and their utilisation (`short_term`); transmitter opens AMPA and NMDA receptors
(`receptor_kinetics`); calcium enters the spine with the NMDA current, is pumped out, and activates CaMKII, which changes
the weight of the AMPA receptors (`calcium_plasticity`), times a factor of neuromodulation; homeostasis scales it.

    dCa/dt = (Ca_rest - Ca)/τ_Ca - γ·I_NMDA            (the current that flows in is negative)
    dw/dt = (b + k·M)·learning(c) + η_h·(target rate - rate)·w

Spine calcium decays over 20 ms after transients of about 1 µM (Sabatini, Oertner & Svoboda 2002, Neuron 33:439, from
memory); γ is set so that spikes on a depolarised spine give such transients. Rates of learning are illustrative.
Forward Euler for what is not linear, as the article counts operations: every rate times 0.1 ms is below 0.12.
"""

from __future__ import annotations

from neuropil.model import Input, State
from neuropil.units import Concentration, Conductance, Quantity, Rate, Time, Voltage, mM, ms, mV, nS, pA, uM
from neuropil.zoo.synapses.calcium_plasticity import ArticleRule, CalciumRule, HomeostaticRule
from neuropil.zoo.synapses.receptor_kinetics import magnesium_block
from neuropil.zoo.synapses.short_term import TsodyksMarkram


class FullSynapse(TsodyksMarkram, CalciumRule, HomeostaticRule):
    """Short-term plasticity, receptors, calcium, CaMKII, weight, homeostasis and a modulator, in one synapse.

    The weight scales the AMPA conductance; current: w·g_ampa·a·(v - e) + g_nmda·n·B(v)·(v - e).
    """

    integrator = "euler"
    tau_t: Time = 1.0 * ms
    pulse: Concentration = 1.0 * mM
    alpha_ampa: Quantity = 1.1 / (mM * ms)
    beta_ampa: Rate = 0.19 / ms
    alpha_nmda: Quantity = 0.072 / (mM * ms)
    beta_nmda: Rate = 0.0066 / ms
    g_ampa: Conductance = 0.5 * nS
    g_nmda: Conductance = 0.2 * nS
    e_rev: Voltage = 0.0 * mV
    magnesium: Concentration = 1.0 * mM
    calcium_rest: Concentration = 0.05 * uM
    tau_calcium: Time = 20 * ms
    gamma: Quantity = 1.2 * uM / (pA * ms)
    baseline: float = 1.0
    per_modulator: float = 1.0

    v = Input(mV)
    modulator = Input()
    transmitter = State(0.0 * mM)
    ampa = State(0.0)
    nmda = State(0.0)
    calcium = State("calcium_rest")
    camkii = State(0.0)
    weight = State(1.0)

    def nmda_current(self, s, x):
        """Through the NMDA receptors, outward."""
        return self.g_nmda * s.nmda * (magnesium_block(x.v, self.magnesium) * (x.v - self.e_rev))

    def derivative(self, s, x):
        factor = self.baseline + self.per_modulator * x.modulator
        return self.recovery(s, x) | dict(
            transmitter=-s.transmitter / self.tau_t,
            ampa=self.alpha_ampa * s.transmitter * (1.0 - s.ampa) - self.beta_ampa * s.ampa,
            nmda=self.alpha_nmda * s.transmitter * (1.0 - s.nmda) - self.beta_nmda * s.nmda,
            calcium=(self.calcium_rest - s.calcium) / self.tau_calcium - self.gamma * self.nmda_current(s, x),
            camkii=self.activation(s.camkii, s.calcium),
            weight=factor * self.learning(s.camkii) + self.scaling(s.weight, x.post),
        )

    def recovery(self, s, x):
        """What short-term plasticity does between spikes."""
        return TsodyksMarkram.derivative(self, s, x)

    def arrive(self, s, w):
        released = self.raised(s) * s.x
        return TsodyksMarkram.arrive(self, s, w) | dict(transmitter=s.transmitter + self.pulse * released)

    def current(self, s, x):
        return s.weight * self.g_ampa * s.ampa * (x.v - self.e_rev) + self.nmda_current(s, x)


class ArticleSynapse(ArticleRule, FullSynapse):
    """The same with the weight rule as the article writes it."""
