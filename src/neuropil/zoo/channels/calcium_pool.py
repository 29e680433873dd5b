"""Calcium in a thin shell below the membrane: filled by the calcium currents, emptied at a constant rate.

    d[Ca]/dt = -gamma i_Ca / (z F depth) - ([Ca] - [Ca]_min)/decay,    z = 2
    E_Ca = (R T / z F) ln([Ca]_out / [Ca])

i_Ca is an outward current density: of the charge -i_Ca that enters a unit of area, in a shell of volume depth for each
unit of area, z F carry one mole, of which the share gamma stays free. `CaDynamics_E2` of Hay et al. (2011) PLoS Comput.
Biol. 7:e1002107, ModelDB 139653, according to its comment after Destexhe et al. 1994. The default gamma and decay are those of the
soma there. The published file leaves the start to NEURON, which takes 5e-5 mM; hence that default.

Must show: with no current, a return to the minimum with the time constant decay; in a steady current, a rise above it of
-gamma i_Ca decay / (z F depth); E_Ca = 131 mV at the minimum and 34 °C.
"""

from __future__ import annotations

from neuropil.model import Channel, Input, State
from neuropil.units import Concentration, Length, Time, mM, ms, pA, um
from neuropil.zoo.physics import FARADAY, nernst

VALENCE = 2


class CalciumPool(Channel):
    """CaDynamics_E2: provides c_ca and e_ca; carries no current itself."""

    gamma: float = 0.000501
    decay: Time = 460 * ms
    depth: Length = 0.1 * um
    c_min: Concentration = 1e-4 * mM
    c_out: Concentration = 2 * mM
    start: Concentration = 5e-5 * mM
    celsius: float = 34.0

    i_ca = Input(pA / um**2)
    c_ca = State("start")

    def derivative(self, s, x):
        inflow = -self.gamma * x.i_ca / (VALENCE * FARADAY * self.depth)
        return {"c_ca": inflow - (s.c_ca - self.c_min) / self.decay}

    def provides(self, s, x):
        return {"c_ca": s.c_ca, "e_ca": nernst(self.c_out, s.c_ca, VALENCE, self.celsius)}
