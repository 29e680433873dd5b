"""A watch against self-stimulation: a brain that has found how to raise its own dopamine without earning anything.

Olds & Milner (1954, J Comp Physiol Psychol 47:419) gave rats the lever; article 001 asks that the dopamine of a machine be
watched for the same. Dopamine and the reward that the world pays are followed as exponentially weighted means (Roberts
1959, Technometrics 1:239), each in units of its own spread while all was well. As long as dopamine reports the world, the
two rise and fall together; where dopamine rises and reward does not, their difference diverges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuropil.errors import SimulationError


class SelfStimulationMonitor:
    """Watches a modulator's level against external return; see the module's text.

    The first `calibration` observations say what is usual: mean and standard deviation of both, and how both move
    together. After them, with z the standardised running means,

        divergence = z_dopamine - max(0, z_reward)      flagged where it exceeds `threshold` for `patience` observations in a row

    (worse reward than usual is no excuse), in standard deviations that include the error of the calibration. For independent
    normal observations each divergence is at most a Student's t of `calibration` - 1 degrees of freedom: above 5 with a chance
    of 6e-7 after 200. (Levels that are correlated in time vary more; observe them less often, or raise the threshold.)

    Args:
        calibration: observations that say what is usual.
        weight: of the newest observation in the running means, above 0 and at most 1.
        threshold: in standard deviations of the running mean.
        patience: observations above the threshold before it flags.

    Attributes:
        divergence: the present one (0 while calibrating).
        flagged: whether it has ever flagged.
        cap: mean plus `threshold` standard deviations of dopamine during calibration, without self-stimulation: no regular level is above it. The
            remedy: ``simulation.modulators["dopamine"].set_cap(...)``, or clipping of the signal.

    Raises:
        SimulationError: settings out of range.
    """

    def __init__(self, *, calibration: int = 200, weight: float = 0.02, threshold: float = 5.0, patience: int = 10):
        if calibration < 2 or patience < 1 or not 0.0 < weight <= 1.0 or not threshold > 0.0:
            got = f"calibration={calibration}, weight={weight}, threshold={threshold}, patience={patience}"
            raise SimulationError("SelfStimulationMonitor: parameters out of range", got=got, expected="calibration >= 2, 0 < weight <= 1, threshold > 0, patience >= 1")
        self.calibration, self.weight, self.threshold, self.patience = calibration, weight, threshold, patience
        self.observations, self.divergence, self.flagged = 0, 0.0, False
        self._mean, self._square, self._running, self._above = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], 0

    @property
    def cap(self) -> float:
        """The highest level of dopamine that is usual; infinite while calibrating."""
        return math.inf if self.observations < self.calibration else self._mean[0] + self.threshold * self._deviation(0)

    def observe(self, dopamine: float, reward: float) -> bool:
        """Add one observation of each.

        Args:
            dopamine: level of the modulator over the turn, any unit.
            reward: external reward of the turn.

        Returns:
            Whether self-stimulation is flagged now.

        Raises:
            SimulationError: a number that is not finite.
        """
        pair = (float(dopamine), float(reward))
        if not all(map(math.isfinite, pair)):
            raise SimulationError("SelfStimulationMonitor: an observation is not finite", got=f"dopamine {dopamine}, reward {reward}", expected="finite numbers")
        self.observations += 1
        if self.observations <= self.calibration:
            for i, value in enumerate(pair):  # Welford's running mean and sum of squares
                step = value - self._mean[i]
                self._mean[i] += step / self.observations
                self._square[i] += step * (value - self._mean[i])
            self._running = list(self._mean)
            return False
        self._running = [self.weight * v + (1.0 - self.weight) * r for v, r in zip(pair, self._running, strict=True)]
        # Of a running mean of independent values of spread 1, beside that of the mean it is compared with.
        spread = math.sqrt(self.weight / (2.0 - self.weight) + 1.0 / self.calibration)
        z = [(self._running[i] - self._mean[i]) / (spread * self._deviation(i)) for i in (0, 1)]
        self.divergence = z[0] - max(0.0, z[1])
        self._above = self._above + 1 if self.divergence > self.threshold else 0
        self.flagged = self.flagged or self._above >= self.patience
        return self._above >= self.patience

    def save(self) -> dict[str, Any]:
        """All that it has learnt, for `restore`."""
        return dict(vars(self))

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore the `state` that `save` returned."""
        vars(self).update(state)

    def _deviation(self, i: int) -> float:
        # Reward that never varied (none came) would make every later one infinite: a floor at a thousandth of the mean.
        return max(math.sqrt(self._square[i] / (self.calibration - 1)), 1e-3 * abs(self._mean[i]), 1e-12)


@dataclass(frozen=True)
class Guard:
    """How an agent is watched: a `SelfStimulationMonitor` for each copy, which receives the dopamine and the reward of every step.

    Args:
        after: steps before calibration; an agent that learns is surprised more often than is usual later.
        calibration, weight, threshold, patience: see there, counted in steps.
        remedy: whether the monitor's cap bounds the dopamine of a copy from when it is flagged.
    """

    after: int = 0
    calibration: int = 2000
    weight: float = 0.02
    threshold: float = 5.0
    patience: int = 10
    remedy: bool = True

    def monitor(self) -> SelfStimulationMonitor:
        """A new one."""
        return SelfStimulationMonitor(calibration=self.calibration, weight=self.weight, threshold=self.threshold, patience=self.patience)
