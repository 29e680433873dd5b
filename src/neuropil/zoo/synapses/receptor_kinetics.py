"""A receptor that transmitter opens, as a synapse that flows all the time: ds/dt = α·T·(1 - s) - β·s.

Kinetics and rates: Destexhe, Mainen & Sejnowski 1998, "Kinetic models of synaptic transmission", in Methods in Neuronal
Modeling (2nd ed.): AMPA α = 1.1 /(mM·ms), β = 0.19 /ms; NMDA α = 0.072, β = 0.0066 (both from memory). They give the
transmitter as a pulse of 1 mM for 1 ms; here it decays exponentially over 1 ms, which has the same area. Magnesium block:
Jahr & Stevens 1990, J. Neurosci. 10:3178.
"""

from __future__ import annotations

from neuropil.maths import exp
from neuropil.model import Input, State, Synapse
from neuropil.units import Concentration, Quantity, Rate, Time, Voltage, mM, ms, mV, nS


def magnesium_block(v, magnesium):
    """Fraction of NMDA receptors that magnesium leaves open at potential v (Jahr & Stevens 1990)."""
    return 1.0 / (1.0 + exp(-0.062 / mV * v) * (magnesium / (3.57 * mM)))


class ReceptorKinetics(Synapse):
    """An AMPA receptor; its weight is its conductance when all is open. Current: weight·s·(v - e)."""

    alpha: Quantity = 1.1 / (mM * ms)
    beta: Rate = 0.19 / ms
    tau_t: Time = 1.0 * ms
    pulse: Concentration = 1.0 * mM
    e_rev: Voltage = 0.0 * mV

    v = Input(mV)
    transmitter = State(0.0 * mM)
    open = State(0.0)
    weight = State(1.0 * nS)

    def derivative(self, s, x):
        return dict(
            transmitter=-s.transmitter / self.tau_t,
            open=self.alpha * s.transmitter * (1.0 - s.open) - self.beta * s.open,
        )

    def arrive(self, s, w):
        return dict(transmitter=s.transmitter + self.pulse)

    def current(self, s, x):
        return s.weight * s.open * (x.v - self.e_rev)


class NMDAKinetics(ReceptorKinetics):
    """An NMDA receptor, its channel blocked by magnesium: current weight·s·B(v)·(v - e)."""

    alpha: Quantity = 0.072 / (mM * ms)
    beta: Rate = 0.0066 / ms
    magnesium: Concentration = 1.0 * mM

    def current(self, s, x):
        return s.weight * s.open * magnesium_block(x.v, self.magnesium) * (x.v - self.e_rev)
