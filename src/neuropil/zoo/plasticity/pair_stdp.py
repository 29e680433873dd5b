"""Spike-timing-dependent plasticity of pairs: presynaptic before postsynaptic potentiates, the reverse order depresses.

    dx/dt = -x/τ₊, at an arriving spike x ← x + 1, and the efficacy changes by -F₋(w)·y
    dy/dt = -y/τ₋, at a spike of the target y ← y + 1, and the efficacy changes by +F₊(w)·x

`AdditiveSTDP`         F₊ = A₊, F₋ = A₋         Song, Miller & Abbott 2000, Nat. Neurosci. 3:919: 0.005, 1.05 times that, 20 ms
`VanRossumSTDP`        F₊ = A₊, F₋ = A₋·w       van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812, whose potentiation is
                       a constant number of pS and whose depression 0.3 % of the weight; here 0.3 % for both, without noise
`MultiplicativeSTDP`   F₊ = A₊·(1 - w), F₋ = A₋·w   Rubin, Lee & Sompolinsky 2001, Phys. Rev. Lett. 86:364
`PowerLawSTDP`         F₊ = λ·r^(1-µ)·w^µ, F₋ = α·λ·w, w and r in the same measure: Morrison, Aertsen & Diesmann 2007, Neural
                       Comput. 19:1437: µ = 0.4, λ = 0.1, α = 0.11, r = 1 pA (here a part of the projection's weight)

All spikes pair with all others; in the `Nearest…` variants each pairs with the last one of the other side only: a trace is
set to 1 instead of raised by it (the symmetric scheme of Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459).
Constants from memory of the papers, Song's as in CLAIMS C9.

Must show: for an isolated pair, exponentials of the lag with these amplitudes and time constants; weights at both bounds
under Poisson input for `AdditiveSTDP`, one peak for the others.
"""

from __future__ import annotations

from neuropil.maths import maximum
from neuropil.model import State
from neuropil.units import Time, ms
from neuropil.zoo.plasticity.efficacy import Efficacy, bounded


class PairSTDP(Efficacy):
    """The traces, and a change that each kind of weight dependence says for itself."""

    a_plus: float = 0.005
    a_minus: float = 0.00525
    tau_plus: Time = 20 * ms
    tau_minus: Time = 20 * ms

    pre = State(0.0)
    post = State(0.0)

    def potentiation(self, efficacy):
        """F₊ at this efficacy, for a spike trace of 1."""
        return self.a_plus

    def depression(self, efficacy):
        """F₋ at this efficacy, for a spike trace of 1."""
        return self.a_minus

    def raised(self, trace):
        """A trace just after a spike."""
        return trace + 1.0

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau_plus, post=-s.post / self.tau_minus)

    def arrive(self, s, w):
        return dict(pre=self.raised(s.pre), efficacy=bounded(s.efficacy - self.depression(s.efficacy) * s.post))

    def respond(self, s, w):
        return dict(post=self.raised(s.post), efficacy=bounded(s.efficacy + self.potentiation(s.efficacy) * s.pre))


class Nearest(PairSTDP):
    """Only the last spike of the other side counts."""

    def raised(self, trace):
        return 1.0


class AdditiveSTDP(PairSTDP):
    """Changes do not depend on the weight; the bounds stop them."""


class VanRossumSTDP(PairSTDP):
    """Depression in proportion to the weight."""

    a_plus: float = 0.003
    a_minus: float = 0.003

    def depression(self, efficacy):
        return self.a_minus * efficacy


class MultiplicativeSTDP(VanRossumSTDP):
    """Both in proportion to how far the bound is."""

    def potentiation(self, efficacy):
        return self.a_plus * (1.0 - efficacy)


class PowerLawSTDP(PairSTDP):
    """Potentiation as a power of the weight, below 1, depression in proportion to it.

    a_plus is Morrison's λ and a_minus his α·λ; `reference` is his w₀ as a part of the projection's weight.
    """

    a_plus: float = 0.1
    a_minus: float = 0.011
    mu: float = 0.4
    reference: float = 0.01

    def potentiation(self, efficacy):
        return self.a_plus * self.reference ** (1.0 - self.mu) * maximum(efficacy, 0.0) ** self.mu

    def depression(self, efficacy):
        return self.a_minus * efficacy


class NearestAdditiveSTDP(Nearest, AdditiveSTDP):
    """`AdditiveSTDP` of nearest neighbours."""


class NearestMultiplicativeSTDP(Nearest, MultiplicativeSTDP):
    """`MultiplicativeSTDP` of nearest neighbours."""


class NearestPowerLawSTDP(Nearest, PowerLawSTDP):
    """`PowerLawSTDP` of nearest neighbours."""
