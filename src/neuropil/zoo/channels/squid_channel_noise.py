"""The squid axon's sodium and potassium channels in finite number: their openings fluctuate.

    i = g (m³ h + Σ η) (v - E_Na)    or    i = g (n⁴ + Σ η) (v - E_K),    dη/dt = -η / τ + σ √(2 / τ) ξ

with seven processes η of sodium and four of potassium, white noise ξ of each; their σ and τ follow from the gates at the potential of the moment
(see fluctuations.py). Linaro, Storace & Giugliano (2011) PLoS Comput. Biol. 7:e1001102, which Goldwyn & Shea-Brown (2011) PLoS Comput.
Biol. 7:e1002247 find accurate, unlike noise in the equations of gates.

`channels` is the number in a compartment: that of 100 µm² at 60 (sodium) and 18 (potassium) channels/µm², the densities in the programs of Goldwyn & Shea-Brown
(ModelDB 138950), which are 20 pS for each channel; those of Linaro et al. (ModelDB 127992) have 10 pS, twice as many. With few channels a
conductance may become negative.

Must show: in voltage clamp, the variance of the open share p of N channels is p (1 - p) / N.
"""

from __future__ import annotations

from neuropil.model import Input, State
from neuropil.zoo.channels.fluctuations import fluctuations, relaxing
from neuropil.zoo.channels.squid_axon import SquidPotassium, SquidSodium, potassium_rates, sodium_rates


class NoisySquidSodium(SquidSodium):
    """`SquidSodium` of a finite number of channels in each compartment."""

    channels: float = 6000.0

    na_1, na_2, na_3, na_4, na_5, na_6, na_7 = (State(0.0) for _ in range(7))
    noise_1, noise_2, noise_3, noise_4, noise_5, noise_6, noise_7 = (Input(1.0) for _ in range(7))

    def current(self, s, x):
        more = s.na_1 + s.na_2 + s.na_3 + s.na_4 + s.na_5 + s.na_6 + s.na_7
        return self.g * (s.m**3 * s.h + more) * (x.v - self.e)

    def derivative(self, s, x):
        speed = self.q10 ** ((self.celsius - 6.3) / 10)
        gates = [(alpha / (alpha + beta), speed * (alpha + beta)) for alpha, beta in sodium_rates(x.v)]
        shares = (s.na_1, s.na_2, s.na_3, s.na_4, s.na_5, s.na_6, s.na_7)
        noises = (x.noise_1, x.noise_2, x.noise_3, x.noise_4, x.noise_5, x.noise_6, x.noise_7)
        found = super().derivative(s, x)
        for i, ((variance, rate), share, noise) in enumerate(zip(fluctuations((*gates[0], 3), (*gates[1], 1)), shares, noises, strict=True), 1):
            found[f"na_{i}"] = relaxing(share, variance / self.channels, rate, noise)
        return found


class NoisySquidPotassium(SquidPotassium):
    """`SquidPotassium` of a finite number of channels in each compartment."""

    channels: float = 1800.0

    k_1, k_2, k_3, k_4 = (State(0.0) for _ in range(4))
    noise_1, noise_2, noise_3, noise_4 = (Input(1.0) for _ in range(4))

    def current(self, s, x):
        return self.g * (s.n**4 + s.k_1 + s.k_2 + s.k_3 + s.k_4) * (x.v - self.e)

    def derivative(self, s, x):
        alpha, beta = potassium_rates(x.v)
        speed = self.q10 ** ((self.celsius - 6.3) / 10)
        shares, noises = (s.k_1, s.k_2, s.k_3, s.k_4), (x.noise_1, x.noise_2, x.noise_3, x.noise_4)
        found = super().derivative(s, x)
        for i, ((variance, rate), share, noise) in enumerate(zip(fluctuations((alpha / (alpha + beta), speed * (alpha + beta), 4)), shares, noises, strict=True), 1):
            found[f"k_{i}"] = relaxing(share, variance / self.channels, rate, noise)
        return found
