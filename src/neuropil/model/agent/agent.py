"""What an agent is: a network, what reaches it from a world, what it does, and what its dopamine says.

An agent is a description, like a network; `neuropil.agents.Loop` brings it to life in a Gymnasium environment. One
network may hold several `copies` of the agent, each with its own slice of every population and its own environment:
cells are numbered copy by copy.

In a turn, a step of the environment (or `repeat`), the network receives the observation for `decide`; then critic and actor are read, the action
is fed back as an efference copy, and the error of the step before is released as dopamine for the time `act`. Modulators of
the network take part in two ways: the error may be a signal to them, which holds until the next error (`Signalling`), and the
level of one may be the horizon of reward (`Horizon`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.agent.decode import Decoder
from neuropil.model.agent.encode import Code
from neuropil.model.agent.monitor import Guard
from neuropil.model.base.grid import steps
from neuropil.model.network.network import Network
from neuropil.units import Quantity, magnitude, ms


@dataclass(frozen=True)
class Sense:
    """How observations reach cells.

    Args:
        code: activity of the cells for an observation.
        by: `Rates`, `Currents` or `Proportional`: the form in which they are driven.
        drive: name of the drive whose amplitude is set; or
        population, state: the state that is set.
    """

    code: Code
    by: Any
    drive: str | None = None
    population: str | None = None
    state: str = "rate"


@dataclass(frozen=True)
class Critic:
    """A population whose rate encodes the value of the present situation: (rate - zero) / (one - zero).

    Args:
        population: its name in the network.
        zero: rate that stands for a value of 0, Hz.
        one: rate that stands for a value of 1, Hz.

    Raises:
        ModelError: the two rates are equal or not finite.
    """

    population: str
    zero: float
    one: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.one - self.zero) or self.one == self.zero:
            raise ModelError("Critic: zero and one must be two different finite rates", got=(self.zero, self.one))

    def value(self, rate: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of mean rates: float64 of the shape of `rate` (Hz)."""
        return (rate - self.zero) / (self.one - self.zero)


@dataclass(frozen=True)
class TemporalDifference:
    """δ = (1 - γ)·r + γ·V' - V with γ = exp(-Δ/horizon); V' = 0 after an end (Sutton 1988; in time, Doya 2000, Neural Comput 12:219).

    (1 - γ) makes V the mean reward over the horizon, so that a critic of bounded rate can hold it.

    Args:
        horizon: over which reward counts; 0 ms leaves r - V.
        scale: factor of the reward.
        bound: the largest |δ| that is released; a cap on dopamine.
        mean: whether r is so weighed; without, V is the sum of what is to come, for worlds where that is bounded.

    Raises:
        ModelError: a negative bound, or a scale that is not finite.
    """

    horizon: Any = 1000 * ms
    scale: float = 1.0
    bound: float = math.inf
    mean: bool = True

    def __post_init__(self) -> None:
        if not self.bound >= 0 or not math.isfinite(self.scale):
            raise ModelError("TemporalDifference: bound must be at least 0 and scale finite", got=(self.bound, self.scale))

    def discount(self, interval_ms: float) -> float:
        """γ over a turn of `interval_ms` (ms)."""
        horizon = float(magnitude(self.horizon, ms.dimension, "TemporalDifference.horizon"))
        return math.exp(-interval_ms / horizon) if horizon > 0 else 0.0

    def error(self, gamma: Any, reward: Any, value: Any, following: Any) -> NDArray[np.float64]:
        """δ before the bound.

        Args:
            gamma: discount of the turn, 0 to 1.
            reward: [copies], of the turn.
            value: [copies], V before the turn.
            following: [copies], V' after the turn, 0 after an end.

        Returns:
            float64[copies].
        """
        weight = 1.0 - gamma if self.mean else 1.0
        return weight * self.scale * np.asarray(reward) + gamma * np.asarray(following) - np.asarray(value)


@dataclass(frozen=True)
class Horizon:
    """A modulator whose level says how far ahead reward counts.

    Args:
        modulator: its name in the network.
        receptor: whose occupancy, from 0 to 1, is the level.
        discount: from the level to γ of a step.
    """

    modulator: str
    receptor: str
    discount: Callable[[float], float]


@dataclass(frozen=True)
class Signalling:
    """A modulator whose nucleus receives the error.

    Args:
        modulator: its name in the network.
        transform: from δ to its signal (see `neuropil.model.modulation.kinetics`).
    """

    modulator: str
    transform: Callable[[float], float]


@dataclass(frozen=True)
class Efference:
    """The copy of the chosen action that the actor gets back: a current into its group, another into the others.

    Args:
        drive: name of a current stimulus of the actor.
        chosen: current into the group of the action that was chosen.
        others: current into the other groups.
    """

    drive: str
    chosen: Quantity
    others: Quantity


@dataclass(frozen=True)
class Agent:
    """A network with what it senses, how its spikes become actions and what teaches it; see the module's text.

    Args:
        name: shown in results.
        network: with the populations of all copies.
        world: id of the Gymnasium environment it is meant for.
        sense: how observations reach the network.
        actor: name of the population that acts.
        decoder: from the rates of the actor to an action.
        critic: what predicts reward; None leaves δ = (1 - γ)·r.
        learning: names of the projections, by copy, whose `modulator` is the dopamine of that copy.
        teacher: from reward and values to dopamine.
        efference: the action's copy, if any.
        decide, act: times of sensing and of acting, whole steps of `dt`.
        settle, rest: times of sensing before the first action of an episode, and without input after the last, in whole turns.
        dt: time step.
        stimulation: name of an entry of the environment's `info` that is added to dopamine (self-stimulation, or an error that
            the environment reports).
        horizons: by copy, the modulator that sets γ; empty: γ is the teacher's.
        signals: by copy, the modulators that receive δ.
        guard: how its copies are watched for self-stimulation; None: not at all.
        repeat: steps of the environment that an action lasts; their rewards are summed.
        copies: agents in the network.
        citation: the paper.

    Raises:
        ModelError: a part that does not exist in the network, or sizes that do not fit together.
        NetworkError: a population that does not exist.
    """

    name: str
    network: Network
    world: str
    sense: Sense
    actor: str
    decoder: Decoder
    critic: Critic | None = None
    learning: tuple[tuple[str, ...], ...] = ()
    teacher: TemporalDifference = field(default_factory=TemporalDifference)
    efference: Efference | None = None
    decide: Quantity = 10 * ms
    act: Quantity = 10 * ms
    settle: Quantity = 0 * ms
    rest: Quantity = 500 * ms
    dt: Quantity = 1 * ms
    stimulation: str | None = None
    horizons: tuple[Horizon, ...] = ()
    signals: tuple[tuple[Signalling, ...], ...] = ()
    guard: Guard | None = None
    repeat: int = 1
    copies: int = 1
    citation: str = ""

    def __post_init__(self) -> None:
        for what, kind in (("network", Network), ("sense", Sense), ("decoder", Decoder)):
            if not isinstance(getattr(self, what), kind):
                raise ModelError(f"agent {self.name!r}: {what} has the wrong type", got=getattr(self, what), expected=f"a {kind.__name__}")
        for what in ("copies", "repeat"):
            if getattr(self, what) < 1:
                raise ModelError(f"agent {self.name!r}: {what} must be at least 1", got=getattr(self, what))
        named = [self.actor, *([self.critic.population] if self.critic else []), *([self.sense.population] if self.sense.population else [])]
        for population in named:
            size = self.network[population].size
            if size % self.copies:
                raise ModelError(f"agent {self.name!r}: population {population!r} does not divide into copies", got=size, expected=f"a multiple of {self.copies}")
        if (self.network[self.actor].size // self.copies) % self.decoder.groups:
            raise ModelError(f"agent {self.name!r}: the actor does not divide into groups", got=self.network[self.actor].size, expected=f"a multiple of {self.decoder.groups}")
        if self.efference is not None:
            amplitudes = {d.name: d for d in self.network.drives}
            if self.efference.drive in amplitudes and amplitudes[self.efference.drive].target.name != self.actor:
                raise ModelError(f"agent {self.name!r}: the efference copy must go to the actor", got=amplitudes[self.efference.drive].target.name)
        drives, projections = [d.name for d in self.network.drives], [p.name for p in self.network.projections]
        for drive in (self.sense.drive, self.efference.drive if self.efference else None):
            if drive is not None and drive not in drives:
                raise ModelError(f"agent {self.name!r}: the network has no drive {drive!r}", fix=did_you_mean(drive, drives))
        if (self.sense.drive is None) == (self.sense.population is None):
            raise ModelError(f"agent {self.name!r}: its sense needs a drive or a population", got=self.sense)
        hearing = self.network[self.sense.population] if self.sense.population else next(d.target for d in self.network.drives if d.name == self.sense.drive)
        if hearing.size != self.copies * self.sense.code.cells:
            raise ModelError(f"agent {self.name!r}: the code does not fit the population that it drives", got=f"{hearing.size} cells of {hearing.name!r}", expected=f"{self.copies} × {self.sense.code.cells}")
        for what, given in (("learning projections", self.learning), ("horizons", self.horizons), ("signals", self.signals)):
            if given and len(given) != self.copies:
                raise ModelError(f"agent {self.name!r}: {what} need one entry for each copy", got=len(given), expected=self.copies)
        for name in (n for names in self.learning for n in names):
            if name not in projections:
                raise ModelError(f"agent {self.name!r}: the network has no projection {name!r}", fix=did_you_mean(name, projections))
        self._check_modulators()
        for what in ("decide", "act", "settle", "rest"):
            self.steps(what)

    def _check_modulators(self) -> None:
        modulators = self.network.modulators
        for name in (*(h.modulator for h in self.horizons), *(s.modulator for signals in self.signals for s in signals)):
            if name not in modulators:
                raise ModelError(f"agent {self.name!r}: the network has no modulator {name!r}", fix=did_you_mean(name, modulators))
        for h in self.horizons:
            receptors = modulators[h.modulator].receptors
            if h.receptor not in receptors:
                raise ModelError(f"agent {self.name!r}: modulator {h.modulator!r} has no receptor {h.receptor!r}", fix=did_you_mean(h.receptor, receptors))

    def steps(self, what: str) -> int:
        """`decide`, `act`, `settle` or `rest` in time steps.

        Args:
            what: which of them, by name.

        Raises:
            ModelError: not a finite time, or not a multiple of `dt`.
        """
        time, dt = (float(magnitude(t, ms.dimension, f"agent {self.name!r}: {what}")) for t in (getattr(self, what), self.dt))
        if not (dt > 0 and math.isfinite(time)):
            raise ModelError(f"agent {self.name!r}: {what} and dt must be finite times, dt above zero", got=f"{time:g} and {dt:g} ms")
        return steps(time, dt, f"agent {self.name!r}: {what}", least=int(what == "decide"), error=ModelError)

    @property
    def interval_ms(self) -> float:
        """Biological time of a turn."""
        return (self.steps("decide") + self.steps("act")) * float(magnitude(self.dt, ms.dimension, "dt"))
