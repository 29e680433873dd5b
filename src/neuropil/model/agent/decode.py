"""From the rates of an actor to an action: the winner, a draw by softmax, a number, a population vector.

Decoders are functions without memory: rates (Hz) of the cells of every environment, and a uniform deviate for each where
chance has a part, give the actions. The deviates come from counters, so that a decoder has nothing to be saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuropil.errors import ModelError

Rates = NDArray[np.float64]


class Decoder:
    """Base of decoders. `groups` is how many groups of equal size the actor's cells fall into: one per action."""

    @property
    def groups(self) -> int:
        """1, where the actor is one population."""
        return 1

    @property
    def chooses(self) -> bool:
        """Whether an action is the number of a choice among the groups, and not one or several real numbers."""
        return self.groups > 1

    @property
    def numbers(self) -> int | None:
        """How many real numbers an action has; None: not known before it is decoded."""
        return None

    def decode(self, rates: Rates, deviate: Rates) -> Any:
        """The actions that the actor's rates stand for.

        Args:
            rates: float64[environments, groups, cells], Hz.
            deviate: float64[environments], uniform in (0, 1), for decoders that choose at random.

        Returns:
            One action for each environment, int64[environments] or float64[environments, dimensions].
        """
        raise NotImplementedError


@dataclass(frozen=True)
class _Choice(Decoder):
    actions: int

    def __post_init__(self) -> None:
        if not isinstance(self.actions, int) or self.actions < 2:
            raise ModelError(f"{type(self).__name__}: the number of actions must be a whole number, at least 2", got=self.actions)

    @property
    def groups(self) -> int:
        return self.actions


@dataclass(frozen=True)
class WinnerTakesAll(_Choice):
    """The group that fires most (least, if `lowest`: the output of basal ganglia disinhibits); ties fall by the deviate."""

    lowest: bool = False

    def decode(self, rates: Rates, deviate: Rates) -> NDArray[np.int64]:
        mean = rates.mean(axis=2) * (-1.0 if self.lowest else 1.0)
        tied = mean == mean.max(axis=1, keepdims=True)
        return _draw(tied / tied.sum(axis=1, keepdims=True), deviate)


@dataclass(frozen=True)
class Softmax(_Choice):
    """Action a with chance exp(r_a/T) / Σ exp(r_b/T), r the mean rates of the groups and T the `temperature` in Hz.

    Raises:
        ModelError: a temperature that is not positive.
    """

    temperature: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.temperature, (int, float)) or not self.temperature > 0:
            raise ModelError("Softmax: the temperature must be positive", got=self.temperature)

    def decode(self, rates: Rates, deviate: Rates) -> NDArray[np.int64]:
        mean = rates.mean(axis=2) / self.temperature
        odds = np.exp(mean - mean.max(axis=1, keepdims=True))
        return _draw(odds / odds.sum(axis=1, keepdims=True), deviate)


@dataclass(frozen=True)
class RateCode(Decoder):
    """A number: `gain` times (mean rate - `offset`), rates in Hz."""

    gain: float
    offset: float = 0.0

    @property
    def numbers(self) -> int:
        return 1

    def decode(self, rates: Rates, deviate: Rates) -> Rates:
        return self.gain * (rates.mean(axis=(1, 2)) - self.offset)


@dataclass(frozen=True, eq=False)
class PopulationVector(Decoder):
    """Σ r_i·p_i / Σ r_i over cells with preferred vectors p (Georgopoulos, Schwartz & Kettner 1986, Science 233:1416).

    Args:
        preferred: [cells, dimensions]; with all cells silent the answer is their mean.

    Raises:
        ModelError: not one vector for each cell.
    """

    preferred: ArrayLike

    def __post_init__(self) -> None:
        shape = np.shape(self.preferred)
        if len(shape) != 2 or 0 in shape:
            raise ModelError("PopulationVector: one preferred vector per cell is needed", got=shape, expected="(cells, dimensions)")

    @property
    def numbers(self) -> int:
        return int(np.shape(self.preferred)[1])

    def decode(self, rates: Rates, deviate: Rates) -> Rates:
        preferred = np.asarray(self.preferred, float)
        cells = rates.reshape(len(rates), -1)
        if cells.shape[1] != len(preferred):
            raise ModelError("PopulationVector: one preferred vector per cell is needed", got=preferred.shape, expected=f"({cells.shape[1]}, dimensions)")
        total = cells.sum(axis=1, keepdims=True)
        share = np.where(total > 0, cells / np.where(total > 0, total, 1.0), 1.0 / cells.shape[1])
        return share @ preferred


def _draw(chance: Rates, deviate: Rates) -> NDArray[np.int64]:
    """The action in whose part of the unit interval the deviate falls; the last possible one, where rounding leaves a gap."""
    reached = np.cumsum(chance, axis=1) > np.asarray(deviate)[:, None]
    last = chance.shape[1] - 1 - np.argmax(chance[:, ::-1] > 0, axis=1)
    return np.where(reached.any(axis=1), np.argmax(reached, axis=1), last).astype(np.int64)
