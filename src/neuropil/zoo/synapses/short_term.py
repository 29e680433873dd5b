"""Short-term plasticity: the efficacy of a synapse depends on the spikes of the last second.

`TsodyksMarkram`: Mongillo, Barak & Tsodyks 2008, Science 319:1543. `TsodyksMarkram1998`: Tsodyks, Pawelzik & Markram
1998, Neural Computation 10:821, whose utilisation decays to zero between spikes. `Varela`: Varela, Sen, Gibson, Fost,
Abbott & Nelson 1997, J. Neurosci. 17:7926, the factors F and D of article 003.
Time constants and utilisations of the defaults (from memory of Tsodyks et al. 1998): a depressing synapse between
pyramidal cells of layer 5.
"""

from __future__ import annotations

from neuropil.model import State, Synapse
from neuropil.units import Time, ms


class TsodyksMarkram(Synapse):
    """Resources x and their utilisation u; a spike first raises u, then uses u·x of the resources.

    dx/dt = (1 - x)/τ_d, du/dt = (U - u)/τ_f; at a spike u ← u + U(1 - u), then w·u·x is transmitted and x ← x - u·x.
    """

    use: float = 0.5  # U
    tau_d: Time = 800 * ms
    tau_f: Time = 20 * ms

    x = State(1.0)
    u = State("use")

    def derivative(self, s, x):
        return dict(x=(1.0 - s.x) / self.tau_d, u=(self.use - s.u) / self.tau_f)

    def raised(self, s):
        """Utilisation by a spike that finds it at u."""
        return s.u + self.use * (1.0 - s.u)

    def arrive(self, s, w):
        u = self.raised(s)
        return dict(u=u, x=s.x - u * s.x)

    def transmits(self, s, w):
        return w * self.raised(s) * s.x


class TsodyksMarkram1998(TsodyksMarkram):
    """As `TsodyksMarkram`, but the utilisation rests at zero: du/dt = -u/τ_f. The first spike uses U."""

    u = State(0.0)

    def derivative(self, s, x):
        return dict(x=(1.0 - s.x) / self.tau_d, u=-s.u / self.tau_f)


class Varela(Synapse):
    """Facilitation F and depression D, factors that rest at 1 and multiply the weight: A = w·F·D.

    dF/dt = (1 - F)/τ_F, dD/dt = (1 - D)/τ_D; a spike transmits w·F·D, then F ← F + f and D ← d·D.
    """

    f: float = 0.2
    d: float = 0.6
    tau_f: Time = 100 * ms
    tau_d: Time = 400 * ms

    facilitation = State(1.0)
    depression = State(1.0)

    def derivative(self, s, x):
        return dict(facilitation=(1.0 - s.facilitation) / self.tau_f, depression=(1.0 - s.depression) / self.tau_d)

    def arrive(self, s, w):
        return dict(facilitation=s.facilitation + self.f, depression=self.d * s.depression)

    def transmits(self, s, w):
        return w * s.facilitation * s.depression
