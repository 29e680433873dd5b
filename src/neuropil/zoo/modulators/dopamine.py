"""Dopamine: its transporter, its receptors, and the error of predicted reward that it carries.

Uptake in striatum is by one saturable transporter, V_max about 4 µM/s and K_m about 0.2 µM (Wightman et al. 1988,
Neuroscience 25:513; Garris & Wightman 1994, J Neurosci 14:442; from memory), so that small amounts vanish with a time
constant of 50 ms. At rest some tens of nM are there (50 nM here, from memory; Atcherley et al. 2015, ACS Chem Neurosci
6:1509, calibrate 0.09 µM in the mouse). D1 receptors are mostly in their state of low affinity, about 1 µM, D2 receptors
in that of high affinity, about 10 nM (Richfield, Penney & Young 1989, Neuroscience 30:767; from memory).

What it signals: the error of the prediction of reward (Montague, Dayan & Sejnowski 1996, J Neurosci 16:1936; Schultz, Dayan
& Montague 1997, Science 275:1593),

    δ_t = r_t + γ V(s_t) - V(s_{t-1}).

A burst or pause of the nucleus in proportion to δ is the signal of these kinetics: ``set_signal(3 * delta)``, cut where
the nucleus falls silent.
"""

from __future__ import annotations

import math

from neuropil.errors import ModelError
from neuropil.model.modulation.kinetics import MichaelisMenten, RateOfChange
from neuropil.model.modulation.modulator import Modulator
from neuropil.units import Concentration, nM, second, uM


class Dopamine(MichaelisMenten):
    """Dopamine in striatum."""

    baseline: Concentration = 50 * nM
    vmax: RateOfChange = 4 * uM / second
    km: Concentration = 0.2 * uM


def receptors(modulator: Modulator) -> Modulator:
    """The modulator, with the receptors D1 and D2 declared."""
    return modulator.receptor("D1", ec50=1 * uM).receptor("D2", ec50=10 * nM)


class PredictionError:
    """The temporal-difference error from rewards and a critic's values, one call for each step of an episode.

    Args:
        gamma: discount of a step; may be set between calls (serotonin's part).

    Attributes:
        delta: the last error.
    """

    def __init__(self, gamma: float = 0.9):
        self.gamma, self.delta = gamma, 0.0
        self._before: float | None = None

    def reset(self) -> None:
        """A new episode begins: nothing was predicted."""
        self._before, self.delta = None, 0.0

    def update(self, reward: float, value: float, *, done: bool = False) -> float:
        """The error δ on reaching a state.

        Args:
            reward: received on the way; value: the critic's V of the state reached.
            done: the episode ends here: no reward follows, whatever the critic says.

        Raises:
            ModelError: a reward or value that is not finite.
        """
        if not (math.isfinite(reward) and math.isfinite(value)):
            raise ModelError("a prediction error needs finite numbers", got=f"reward {reward}, value {value}", fix="check the environment's reward and the critic")
        follows = 0.0 if done else self.gamma * value
        self.delta = 0.0 if self._before is None else reward + follows - self._before
        self._before = None if done else value
        return self.delta
