"""Acetylcholine: cleared by esterase, muscarinic receptors, and expected uncertainty.

Acetylcholinesterase is so fast and so plentiful that removal is first order at any physiological concentration. How long
volume-transmitted acetylcholine stays in cortex is not settled; 0.5 s here is between the milliseconds at a synapse and
the seconds of the transients that electrodes see (Parikh, Kozak, Martinez & Sarter 2007, Neuron 56:141; from memory, as
are a rest of 10 nM and a muscarinic half-activation of 0.1 µM).

What it signals: expected uncertainty, the usual size of errors (Yu & Dayan 2005, Neuron 46:681), here as the running mean of
unsigned prediction errors, and so how fast to learn (Doya 2002, Neural Networks 15:495),

    α_t = κ |δ_t| + (1 - κ) α_{t-1}.

What it does: it closes potassium channels, so that neurons adapt less and sit nearer threshold (McCormick 1993, Prog
Brain Res 98:303) and membranes, which leak less, integrate over a longer time (McCormick & Prince 1986, J Physiol 375:169,
from memory); it weakens recurrent synapses relative to afferent ones, and enables plasticity (Hasselmo 2006, Curr Opin
Neurobiol 16:710).
"""

from __future__ import annotations

from typing import Any

from neuropil.errors import ModelError
from neuropil.model.contents.contents import Population
from neuropil.model.modulation.effects import Gain, Shift
from neuropil.model.modulation.kinetics import FirstOrder
from neuropil.model.modulation.modulator import Modulator
from neuropil.units import Concentration, Quantity, Time, ms, mV, nM


class Acetylcholine(FirstOrder):
    """Acetylcholine in cortex."""

    baseline: Concentration = 10 * nM
    tau: Time = 500 * ms


def receptors(modulator: Modulator) -> Modulator:
    """The modulator, with the muscarinic receptor M1 declared."""
    return modulator.receptor("M1", ec50=100 * nM)


def favours_input(modulator: Modulator, recurrent: Any, suppression: float = 0.6) -> Modulator:
    """Recurrent projections of `Scaled` synapses lose up to this share of their weight (M1).

    Args:
        recurrent: projections.
        suppression: largest share that is lost, 0 to 1.
    """
    return modulator.modulates(recurrent, "scale", Gain(by=-suppression), receptor="M1", low=0.0)


def excites(modulator: Modulator, population: Population, by: Quantity = 5 * mV, parameter: str = "e_l") -> Modulator:
    """Bring the resting potential of a population up to `by` nearer to threshold (M1).

    Args:
        parameter: that is shifted.

    Returns:
        The modulator.
    """
    return modulator.modulates(population, parameter, Shift(by=by), receptor="M1")


def lengthens(modulator: Modulator, population: Population, by: float = 0.5, parameter: str = "tau_m") -> Modulator:
    """Lengthen the membrane time constant of a population by up to the share `by`, as the potassium conductance of rest is closed (M1).

    Args:
        parameter: that is scaled.

    Returns:
        The modulator.
    """
    return modulator.modulates(population, parameter, Gain(by=by), receptor="M1")


def gates_plasticity(
    modulator: Modulator, projections: Any, by: float = 1.0, at: float = 0.0, parameter: str = "eta", receptor: str = "M1"
) -> Modulator:
    """Synapses learn (1 + by · (occupancy - at)) times as fast; `parameter` is their model's rate of learning.

    Args:
        projections: whose synapses learn.
        by: increase at full occupancy.
        at: occupancy at which the rate is as described.
        receptor: on which it acts.
    """
    return modulator.modulates(projections, parameter, Gain(by=by, at=at), receptor=receptor)


class ExpectedUncertainty:
    """The running mean of unsigned errors.

    Args:
        kappa: weight of the newest error, above 0 and at most 1.
        start: α before the first.

    Attributes:
        level: α.

    Raises:
        ModelError: kappa out of range.
    """

    def __init__(self, kappa: float = 0.05, start: float = 0.0):
        if not 0.0 < kappa <= 1.0:
            raise ModelError("ExpectedUncertainty: kappa is out of range", got=kappa, expected="above 0, at most 1")
        self.kappa, self.level = kappa, start

    def update(self, delta: float) -> float:
        """α after an error `delta`."""
        self.level = self.kappa * abs(delta) + (1.0 - self.kappa) * self.level
        return self.level
