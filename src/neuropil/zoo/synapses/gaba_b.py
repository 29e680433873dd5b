"""GABA-B receptors: slow inhibition through a G-protein, of which four must bind to open a potassium channel.

    dr/dt = k1 [T] (1 - r) - k2 r          r: share of activated receptors
    dG/dt = k3 r - k4 G                    G: activated G-protein (µM)
    i = g_max G⁴ / (G⁴ + k_half⁴) (v - E_K)

Destexhe, Bal, McCormick & Sejnowski (1996) J. Neurophysiol. 76:2049, constants as in their file gabab.mod, where
k_half⁴ = 100 µM⁴. An event is a pulse of transmitter, T = 0.5 mM for 0.3 ms; because r changes over hundreds of
milliseconds the pulse is applied at once, by the exact solution of the first equation over its length.

Must show: a very small response to one spike, a large one to a burst; the peak of a single response at 100 ms.
"""

from __future__ import annotations

from neuropil.maths import expm1
from neuropil.model import Input, PointProcess, Port, State
from neuropil.units import Concentration, Conductance, Quantity, Rate, Time, Voltage, mM, ms, mV, nS, uM


class GABAB(PointProcess):
    """A weight is a number of pulses (of simultaneous ones the lengths add); the conductance saturates at g_max."""

    g_max: Conductance = 1 * nS
    e: Voltage = -95 * mV
    k1: Quantity = 0.52 / (mM * ms)
    k2: Rate = 0.0013 / ms
    k3: Quantity = 0.098 * uM / ms
    k4: Rate = 0.033 / ms
    k_half: Concentration = 100**0.25 * uM
    transmitter: Concentration = 0.5 * mM
    pulse: Time = 0.3 * ms

    v = Input(mV)
    r = State(0.0)
    protein = State(0 * uM)
    inh = Port()

    def current(self, s, x):
        bound = (s.protein / self.k_half) ** 4
        return self.g_max * bound / (1 + bound) * (x.v - self.e)

    def derivative(self, s, x):
        return {"r": -self.k2 * s.r, "protein": self.k3 * s.r - self.k4 * s.protein}

    def receive(self, s, w):
        binding = self.k1 * self.transmitter
        rate = binding + self.k2
        return {"r": (s.r - binding / rate) * expm1(-rate * self.pulse * w.inh)}
