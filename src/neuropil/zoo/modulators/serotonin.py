"""Serotonin: uptake, a receptor, and the time horizon of reward.

Uptake in the substantia nigra, V_max 0.57 µM/s and K_m 0.17 µM (Bunin & Wightman 1998, J Neurosci 18:4854; figures from
memory), a time constant of 0.3 s. A rest of 10 nM and half-activation of 5-HT2A at 50 nM are from memory.

What it signals: the time horizon of reward, the discount γ of a step (Doya 2002, Neural Networks 15:495): people with less
serotonin discount delayed reward more steeply (Schweighofer et al. 2008, J Neurosci 28:4528). `discount` reads γ from a
level, `TimeHorizon` finds it: it tries a longer and a shorter horizon and moves towards the one that gave more reward, as in the
meta-learning of Schweighofer & Doya (2003, Neural Networks 16:5); the form here is ours.
"""

from __future__ import annotations

import math

import numpy as np

from neuropil import rng
from neuropil.errors import ModelError
from neuropil.model.modulation.kinetics import MichaelisMenten, RateOfChange
from neuropil.model.modulation.modulator import Modulator
from neuropil.units import Concentration, nM, second, uM

EC50 = 50 * nM
"""Of 5-HT2A."""


class Serotonin(MichaelisMenten):
    """Serotonin in the basal ganglia."""

    baseline: Concentration = 10 * nM
    vmax: RateOfChange = 0.57 * uM / second
    km: Concentration = 0.17 * uM


def receptors(modulator: Modulator) -> Modulator:
    """The modulator, with the receptor 5-HT2A declared."""
    return modulator.receptor("5-HT2A", ec50=EC50)


def discount(level: float, shortest: float = 1.0, longest: float = 100.0) -> float:
    """The discount γ of a step for a level of 0 to 1: γ = 1 - 1/τ with a horizon of τ steps.

    The horizon grows by equal factors: `shortest` at level 0, `longest` at level 1.

    Args:
        level: 0 to 1.

    Raises:
        ModelError: a level or horizon out of range.
    """
    if not 0.0 <= level <= 1.0:
        raise ModelError("a level of serotonin must be from 0 to 1", got=level)
    if not 1.0 <= shortest <= longest:
        raise ModelError("a horizon must be at least one step", got=f"{shortest} to {longest}")
    return 1.0 - 1.0 / (shortest * (longest / shortest) ** level)


def level_for(gamma: float, shortest: float = 1.0, longest: float = 100.0) -> float:
    """The level at which `discount` is γ.

    Args:
        gamma: discount of a step.
        shortest, longest: horizons at level 0 and 1, steps.

    Raises:
        ModelError: no level gives this discount.
    """
    if not (1.0 <= shortest < longest and 1.0 - 1.0 / shortest <= gamma <= 1.0 - 1.0 / longest):
        raise ModelError("no level gives this discount", got=f"γ = {gamma}", expected=f"horizons from {shortest} to {longest} steps")
    return math.log(1.0 / (1.0 - gamma) / shortest) / math.log(longest / shortest)


class TimeHorizon:
    """The horizon of reward, learnt: `hold` steps with ln τ = ln τ₀ + n σ, as many with ln τ₀ - n σ, then

        ln τ₀ += rate · n · (mean reward of the first - mean reward of the second),    n = ±1 at random

    (simultaneous perturbation: Spall 1992, IEEE Trans Autom Control 37:332).

    Args:
        horizon: τ₀ at the start, steps (above 1).
        rate, sigma, hold: of the search; seed: of the signs.

    Attributes:
        gamma: the present discount of a step.
        log_horizon: ln τ₀.

    Raises:
        ModelError: a horizon of one step or less.
    """

    def __init__(self, horizon: float = 10.0, *, rate: float = 1.0, sigma: float = 0.2, hold: int = 100, seed: int = 1):
        if not horizon > 1.0:
            raise ModelError("TimeHorizon: a horizon must be longer than one step", got=horizon)
        self.log_horizon, self.rate, self.sigma, self.hold = math.log(horizon), rate, sigma, hold
        self.key, self.pairs, self.steps = rng.stream_key(seed, "time horizon"), 0, 0
        self.totals = [0.0, 0.0]
        self.sign = self._sign()

    @property
    def gamma(self) -> float:
        """1 - 1/τ."""
        away = self.sign if self.steps < self.hold else -self.sign
        return 1.0 - math.exp(-max(0.0, self.log_horizon + away * self.sigma))

    def update(self, reward: float) -> float:
        """γ for the next step, after a step's reward.

        Raises:
            ModelError: a reward that is not finite.
        """
        if not math.isfinite(reward):
            raise ModelError("TimeHorizon: the reward is not finite", got=reward)
        self.totals[self.steps >= self.hold] += reward
        self.steps += 1
        if self.steps == 2 * self.hold:
            better = (self.totals[0] - self.totals[1]) / self.hold
            self.log_horizon = max(0.0, self.log_horizon + self.rate * self.sign * better)
            self.pairs, self.steps, self.totals = self.pairs + 1, 0, [0.0, 0.0]
            self.sign = self._sign()
        return self.gamma

    def _sign(self) -> float:
        return 1.0 if rng.uniform(self.key, np.arange(1), self.pairs)[0] < 0.5 else -1.0
