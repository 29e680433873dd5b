"""Gymnasium's spaces as an agent meets them: how many choices or numbers an action has, and what an observation must look like.

A choice among n (`Discrete`) is one of n groups of the actor. Several choices at once (`MultiDiscrete`, `MultiBinary`) are
one choice among all their combinations, the last one varying fastest. A `Box` takes as many numbers as it has entries,
cut to its bounds. Whatever has several parts with names (`Dict`, `Tuple`) is left to Gymnasium's wrappers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import WorldError
from neuropil.model.agent.decode import Decoder

ARRAYS = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
"""Spaces whose elements are arrays of numbers, by the names of their classes: Gymnasium itself is optional."""


def kind(space: Any) -> str:
    """The name of the space of Gymnasium that this one is."""
    return next((c.__name__ for c in type(space).__mro__ if c.__module__.startswith("gymnasium.spaces")), type(space).__name__)


def sizes(space: Any) -> NDArray[np.int64] | None:
    """Of a space of choices the number of each, int64[choices]; None of numbers."""
    found = kind(space)
    if found == "Discrete":
        return np.array([space.n], np.int64)
    if found == "MultiDiscrete":
        return np.asarray(space.nvec, np.int64).ravel()
    return np.full(int(np.prod(space.shape)), 2, np.int64) if found == "MultiBinary" else None


def check_actions(space: Any, decoder: Decoder, where: str) -> None:
    """Refuse a decoder whose actions are none of the space's.

    Args:
        space: of the environment's actions.
        where: opens the error message.

    Raises:
        WorldError: with what the decoder gives and what the space takes.
    """
    if kind(space) not in ARRAYS:
        raise WorldError(
            f"{where}: actions in {kind(space)} are not supported", got=space, expected=f"one of {', '.join(ARRAYS)}",
            fix="gymnasium.wrappers.TransformAction(env, function, gymnasium.spaces.Discrete(n))",
        )  # fmt: skip
    among = sizes(space)
    if among is not None:
        choices, gives = int(np.prod(among)), decoder.groups if decoder.chooses else None
        if gives != choices:
            raise WorldError(
                f"{where}: the agent's actions do not fit the environment's", got=f"{type(decoder).__name__}, {_said(decoder)}",
                expected=f"a choice among {choices}, for {space}", fix=f"for example WinnerTakesAll({choices})" if choices > 1 else "an environment with a choice",
            )  # fmt: skip
        return
    numbers = int(np.prod(space.shape))
    if decoder.chooses or decoder.numbers not in (None, numbers):
        raise WorldError(
            f"{where}: the agent's actions do not fit the environment's", got=f"{type(decoder).__name__}, {_said(decoder)}",
            expected=f"{numbers} numbers, for {space} of shape {space.shape}", fix="PopulationVector with preferred vectors of that many dimensions (or RateCode for one number)",
        )  # fmt: skip


def _said(decoder: Decoder) -> str:
    if decoder.chooses:
        return f"a choice among {decoder.groups}"
    return "numbers" if decoder.numbers is None else f"{decoder.numbers} number{'s' if decoder.numbers != 1 else ''}"


def action_for(space: Any, action: Any, where: str) -> Any:
    """An agent's action as an element of the space.

    Args:
        action: the number of a choice, or numbers, as many as the space has.
        space: of the environment's actions.
        where: opens the error message.

    Raises:
        WorldError: numbers that are not as many, or not finite.
    """
    among = sizes(space)
    if among is not None:
        chosen = np.unravel_index(int(action), tuple(among))
        first = np.broadcast_to(np.asarray(getattr(space, "start", 0)).ravel(), among.shape)
        if kind(space) == "Discrete":
            return int(first[0]) + int(chosen[0])
        return (first + np.array(chosen)).reshape(space.shape).astype(space.dtype)
    given = np.asarray(action, float)
    if given.size != int(np.prod(space.shape)):
        raise WorldError(f"{where}: the agent's action does not fit the environment's", got=f"shape {given.shape}", expected=f"shape {space.shape} of {space}")
    if not np.isfinite(given).all():
        raise WorldError(f"{where}: the agent's action is not finite", got=given.tolist(), fix="check the decoder")
    within = np.clip(given.reshape(space.shape), space.low, space.high)
    return (np.rint(within) if np.issubdtype(space.dtype, np.integer) else within).astype(space.dtype)


def check_observations(space: Any, where: str) -> int:
    """How many numbers an observation has.

    Args:
        space: of the environment's observations.
        where: opens the error message.

    Raises:
        WorldError: observations that are not arrays of numbers of a fixed size.
    """
    if kind(space) not in ARRAYS:
        raise WorldError(
            f"{where}: observations in {kind(space)} are not supported", got=space, expected=f"one of {', '.join(ARRAYS)}",
            fix="gymnasium.wrappers.FlattenObservation(env)",
        )  # fmt: skip
    return int(np.prod(space.shape))


def observation_from(space: Any, seen: Any, where: str) -> NDArray[np.float64]:
    """An observation as float64[numbers].

    Args:
        space: of the environment's observations.
        seen: what the environment returned.
        where: opens the error message.

    Raises:
        WorldError: not an element of the space: not numbers, another shape, not finite, a choice that does not exist.
    """
    try:
        values = np.asarray(seen, float)
    except (TypeError, ValueError):
        raise WorldError(f"{where}: the observation is not an array of numbers", got=seen) from None
    if values.shape != tuple(space.shape):
        raise WorldError(
            f"{where}: the observation does not fit its space", got=f"shape {values.shape}", expected=f"shape {tuple(space.shape)} of {space}",
            fix="correct the environment: its observation_space must describe what reset() and step() return",
        )  # fmt: skip
    values = values.ravel()
    if not np.isfinite(values).all():
        raise WorldError(f"{where}: the observation is not finite", got=values.tolist())
    among = sizes(space)
    if among is not None:
        past = values - np.asarray(getattr(space, "start", 0), float).ravel()
        if np.any((past < 0) | (past >= among) | (past != np.floor(past))):
            raise WorldError(f"{where}: the observation does not fit its space", got=values.tolist(), expected=str(space))
    return values
