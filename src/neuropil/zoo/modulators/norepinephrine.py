"""Norepinephrine: slow uptake, adrenergic receptors, and unexpected uncertainty.

Its transporter is far slower than dopamine's: 0.2 µM/s at a K_m of 0.5 µM (order of magnitude, from memory of Park, Kile
& Wightman 2009, Eur J Neurosci 30:2121), a time constant of 2.5 s; 10 nM at rest and half-activation of α1 at 0.3 µM are
from memory too.

What it signals: unexpected uncertainty, an error beyond the expected one (Yu & Dayan 2005, Neuron 46:681), here the running
mean of the surprise

    s_t = max(0, |δ_t| - α) / (|δ_t| + α),    ν_t = κ s_t + (1 - κ) ν_{t-1},

0 for errors of the usual size and near 1 for much larger ones. (The form of s was chosen for this file.) Where ν > α/(0.5 + α), the
criterion of Yu and Dayan with both on a scale of 0 to 1 (from memory), the context is taken to have changed: what was
learnt is to be reset (Bouret & Sara 2005, Trends Neurosci 28:574).

What it does: it multiplies gain (Servan-Schreiber, Printz & Cohen 1990, Science 249:892; Aston-Jones & Cohen 2005, Annu
Rev Neurosci 28:403).
"""

from __future__ import annotations

from typing import Any

from neuropil.errors import ModelError
from neuropil.model.modulation.effects import Gain
from neuropil.model.modulation.kinetics import MichaelisMenten, RateOfChange
from neuropil.model.modulation.modulator import Modulator
from neuropil.units import Concentration, nM, second, uM


class Norepinephrine(MichaelisMenten):
    """Norepinephrine in the forebrain."""

    baseline: Concentration = 10 * nM
    vmax: RateOfChange = 0.2 * uM / second
    km: Concentration = 0.5 * uM


def receptors(modulator: Modulator) -> Modulator:
    """The modulator, with the receptor α1 declared."""
    return modulator.receptor("alpha1", ec50=300 * nM)


def raises_gain(modulator: Modulator, projections: Any, by: float = 1.0) -> Modulator:
    """Projections of `Scaled` synapses gain up to this share of their weight (α1).

    Args:
        projections: with `Scaled` synapses.
        by: increase at full occupancy.
    """
    return modulator.modulates(projections, "scale", Gain(by=by), receptor="alpha1")


class UnexpectedUncertainty:
    """The running mean of surprise, and when it says that the world has changed.

    Args:
        kappa: weight of the newest surprise, above 0 and at most 1.
        gain: how much full surprise multiplies gain by, beyond 1.

    Attributes:
        level: ν, 0 to 1.
        reset: whether the last error crossed the criterion; ν then starts again from 0.

    Raises:
        ModelError: kappa out of range.
    """

    def __init__(self, kappa: float = 0.3, gain: float = 1.0):
        if not 0.0 < kappa <= 1.0:
            raise ModelError("UnexpectedUncertainty: kappa is out of range", got=kappa, expected="above 0, at most 1")
        self.kappa, self.by = kappa, gain
        self.level, self.reset = 0.0, False

    @property
    def gain(self) -> float:
        """The factor on gain: 1 + by · ν."""
        return 1.0 + self.by * self.level

    def update(self, delta: float, expected: float) -> float:
        """ν after an error `delta`.

        Args:
            expected: α, the error that was expected (`ExpectedUncertainty.level`, before this error).
        """
        error = abs(delta)
        surprise = max(0.0, error - expected) / (error + expected) if error > 0.0 else 0.0
        before = 0.0 if self.reset else self.level
        self.level = self.kappa * surprise + (1.0 - self.kappa) * before
        self.reset = expected > 0.0 and self.level > expected / (0.5 + expected)
        return self.level
