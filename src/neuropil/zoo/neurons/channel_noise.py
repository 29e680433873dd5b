"""Hodgkin and Huxley's squid axon with a finite number of channels: their openings fluctuate.

    dV/dt = … - g_K (n⁴ + Σ η_i) (V - E_K) / C - g_Na (m³ h + Σ η_ij) (V - E_Na) / C
    dη/dt = -η / τ + σ √(2 / τ) ξ,    white noise ξ of each η

The channels of a patch, with independent gates, are open with a covariance in time that is a sum of exponentials: of N channels with four
gates n, C(4, i) n^(8-i) (1 - n)^i / N with the time constant τ_n / i, for i from 1 to 4, n being at its steady state of the moment; of those
with gates m³h likewise, for i gates m and j gates h. Each is one process η.

Linaro, Storace & Giugliano (2011) PLoS Comput. Biol. 7:e1001102, which Goldwyn & Shea-Brown (2011) PLoS Comput. Biol. 7:e1002247 find accurate, unlike
noise in the equations of gates. 60 and 18 channels/µm², as in the programs of the latter (ModelDB 138950). With few channels a conductance may become negative.

Must show: in voltage clamp, the variance of the open share p of N channels is p (1 - p) / N.
"""

from __future__ import annotations

from neuropil.model import Input, State
from neuropil.units import Quantity, ms, um
from neuropil.zoo.channels.fluctuations import fluctuations, relaxing
from neuropil.zoo.neurons.hodgkin_huxley import HodgkinHuxley, rates


class ChannelNoise(HodgkinHuxley):
    """`HodgkinHuxley` whose channels number `area` times these densities."""

    na_density: Quantity = 60 / um**2
    k_density: Quantity = 18 / um**2

    k_1, k_2, k_3, k_4 = (State(0.0) for _ in range(4))
    na_1, na_2, na_3, na_4, na_5, na_6, na_7 = (State(0.0) for _ in range(7))
    noise_k_1, noise_k_2, noise_k_3, noise_k_4 = (Input(1.0) for _ in range(4))
    noise_na_1, noise_na_2, noise_na_3, noise_na_4, noise_na_5, noise_na_6, noise_na_7 = (Input(1.0) for _ in range(7))

    def derivative(self, s, x):
        own = super().derivative(s, x)
        (m, rate_m), (h, rate_h), (n, rate_n) = ((alpha / (alpha + beta), alpha + beta) for alpha, beta in rates(s.v))
        k, na = (s.k_1, s.k_2, s.k_3, s.k_4), (s.na_1, s.na_2, s.na_3, s.na_4, s.na_5, s.na_6, s.na_7)
        noise_k = (x.noise_k_1, x.noise_k_2, x.noise_k_3, x.noise_k_4)
        noise_na = (x.noise_na_1, x.noise_na_2, x.noise_na_3, x.noise_na_4, x.noise_na_5, x.noise_na_6, x.noise_na_7)
        number_k, number_na = self.k_density * self.area, self.na_density * self.area
        for i, ((variance, rate), share, noise) in enumerate(zip(fluctuations((n, rate_n, 4)), k, noise_k, strict=True), 1):
            own[f"k_{i}"] = relaxing(share, variance / number_k, rate / ms, noise)
        for i, ((variance, rate), share, noise) in enumerate(zip(fluctuations((m, rate_m, 3), (h, rate_h, 1)), na, noise_na, strict=True), 1):
            own[f"na_{i}"] = relaxing(share, variance / number_na, rate / ms, noise)
        own["v"] -= (self.g_k * sum(k[1:], k[0]) * (s.v - self.e_k) + self.g_na * sum(na[1:], na[0]) * (s.v - self.e_na)) / self.c_m
        return own
