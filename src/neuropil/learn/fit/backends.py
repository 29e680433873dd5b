"""Which backend computes gradients: the one that was asked for, or native where it can and is not known to be slower."""

from __future__ import annotations

import jax

from neuropil.errors import NeuropilError
from neuropil.learn.fit.objective import Objective
from neuropil.learn.fit.settings import Settings
from neuropil.learn.methods.method import method_of
from neuropil.learn.trainable import FreeParameters


def chosen_backend(objective: Objective, free: FreeParameters, settings: Settings) -> tuple[str, str]:
    """The backend, and why.

    Args:
        objective: of the training; free: what is trained.
        settings: what was asked for.
    """
    if settings.backend != "auto":
        return settings.backend, "as asked"
    if "native" not in (method := method_of(settings.method)).backends:
        return "jax", f"method {method.name!r} takes steps apart"
    rollout = objective.rollout
    if rollout._modulators.span == 1:
        return "jax", "native, called from each tick of a modulator to the next, is slower where every step is a tick"
    try:
        with objective.x64:
            parameters, state = free.values(free.start)
            jax.eval_shape(lambda p, s: rollout.apply(p, s, rollout.inputs(1), backend="native"), parameters, state)
    except NeuropilError as error:
        return "jax", f"native cannot: {error.what}"
    return "native", "supported"
