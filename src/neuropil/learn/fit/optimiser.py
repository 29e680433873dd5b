"""The optimiser: any of optax, by name or as it is, with clipping before it."""

from __future__ import annotations

import inspect
from typing import Any

from neuropil.errors import ModelError, did_you_mean
from neuropil.learn.fit.average import Averaging

NAMES = ("adam", "adamw", "adamax", "nadam", "rmsprop", "sgd", "lion", "adagrad", "radam", "lamb", "yogi")
"""Optimisers of optax that are found by a word; any other is given as it is."""

LEARNING_RATE = 0.02
"""By which an optimiser that is named moves, if no rate is given. Free numbers are about 1 at the start: Adam moves a weight by about 2 % of the root mean square of
its projection."""


def optimiser_of(given: Any, learning_rate: Any, clip: Any, average: Any = None) -> Any:
    """An optax optimiser, or one that averages what it changes.

    Args:
        given: a name in `NAMES`, or an `optax.GradientTransformation`.
        learning_rate: a number or a schedule, of an optimiser that is named; None: `LEARNING_RATE`.
        clip: the largest norm of all gradients together; None: any.
        average: decay of the average of trained values; None: there is none.

    Raises:
        ModelError: none of these.
    """
    import optax

    if isinstance(given, str):
        if given.lower() not in NAMES:
            raise ModelError("unknown optimiser", got=given, fix=did_you_mean(given, NAMES) + "; or give one of optax: optax.adam(1e-2)")
        rate = LEARNING_RATE if learning_rate is None else learning_rate
        number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
        if not callable(rate) and not (number and 0.0 < rate < float("inf")):
            raise ModelError("learning_rate must be a positive number or an optax schedule", got=rate)
        made = getattr(optax, given.lower())(learning_rate=rate)
    else:
        if learning_rate is not None:
            raise ModelError("learning_rate is for an optimiser that is named", got=f"learning_rate={learning_rate!r} and {type(given).__name__}", fix="give the rate to the optimiser")
        if inspect.isfunction(given):
            raise ModelError("optimizer: give an optimiser, not the function that makes it", got=given.__name__, fix=f"optax.{given.__name__}(1e-2)")
        if not (hasattr(given, "init") and hasattr(given, "update")) or isinstance(given, type):
            raise ModelError("not an optimiser", got=given, expected=f"an optax optimiser, such as optax.adam(1e-2), or one of {', '.join(NAMES)}")
        made = given
    if clip is not None:
        made = _clipped(made, clip)
    return made if average is None else Averaging(made, average)


def label_of(given: Any, learning_rate: Any) -> str:
    """What is known of an optimiser, by which a resumed training is recognised. Of one of optax that is given as it is, only the shape of its memory is compared.

    Args:
        given, learning_rate: as of `optimiser_of`.
    """
    if not isinstance(given, str):
        return "of optax"
    return f"{given.lower()}, {'a schedule' if callable(learning_rate) else LEARNING_RATE if learning_rate is None else float(learning_rate)!r}"


def _clipped(optimiser: Any, clip: Any) -> Any:
    import optax

    if isinstance(clip, bool) or not isinstance(clip, (int, float)) or not 0.0 < clip < float("inf"):
        raise ModelError("clip must be a positive number: the largest norm of the gradient", got=clip)
    return optax.chain(optax.clip_by_global_norm(float(clip)), optimiser)
