"""Synaptic caching: changes are kept in a cheap transient form, and made permanent, at a cost of energy, only when they are large.

    sent: w·(efficacy + transient);  dtransient/dt = -transient/τ;  where |transient| ≥ θ: efficacy += transient, transient = 0
    energy: |transient| costs `maintenance` a unit and ms, a consolidation `price` a unit moved

Li & van Rossum 2020, eLife 9:e50804, with both the threshold and the consolidation of each synapse by itself (claim E11 has the
scheme in which one synapse above the threshold consolidates all): a decay and a maintenance cost of 1e-3 for each of the
perceptron's steps (from memory), here for each ms. The rule that proposes the changes is pair STDP. A threshold of zero
consolidates every change at once, which is learning without a cache, with the energy Σ|Δw|.

|transient| decays as the transient does; it is a state by itself (`size`), so that the energy too has a closed form.
Must show: energy in closed form of one pairing; less energy than with a threshold of zero for changes that cancel.
"""

from __future__ import annotations

from neuropil.maths import absolute, where
from neuropil.model import State
from neuropil.units import Rate, Time, ms
from neuropil.zoo.plasticity.efficacy import bounded
from neuropil.zoo.plasticity.pair_stdp import PairSTDP


class SynapticCaching(PairSTDP):
    """`efficacy` is the persistent part."""

    learned = ("efficacy", "transient", "size", "energy")

    threshold: float = 0.02
    tau_transient: Time = 1000 * ms
    maintenance: Rate = 1e-3 / ms
    price: float = 1.0

    transient = State(0.0)
    size = State(0.0)
    energy = State(0.0)

    def derivative(self, s, x):
        return PairSTDP.derivative(self, s, x) | dict(
            transient=-s.transient / self.tau_transient, size=-s.size / self.tau_transient, energy=self.maintenance * s.size
        )

    def kept(self, s, change):
        """The states after a change is proposed: it is cached, or everything cached is consolidated."""
        total = bounded(s.efficacy + s.transient + change)
        transient = total - s.efficacy
        size = absolute(transient)
        full = size >= self.threshold
        return dict(
            efficacy=where(full, total, s.efficacy), transient=where(full, 0.0, transient), size=where(full, 0.0, size),
            energy=s.energy + where(full, self.price * size, 0.0),
        )  # fmt: skip

    def arrive(self, s, w):
        return dict(pre=self.raised(s.pre)) | self.kept(s, -self.depression(s.efficacy) * s.post)

    def respond(self, s, w):
        return dict(post=self.raised(s.post)) | self.kept(s, self.potentiation(s.efficacy) * s.pre)

    def transmits(self, s, w):
        return w * bounded(s.efficacy + s.transient)
