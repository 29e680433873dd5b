"""The coincidence factor of two spike trains: a score of predicted spikes, which has no gradient that training could use.

    Γ = (N_c - 2 ν Δ N_data) / ((N_data + N_model) / 2) / (1 - 2 ν Δ),

N_c the pairs of spikes at most Δ apart (each spike in one pair), ν the rate of the model: 1 for equal trains, 0 on average for a Poisson train of that rate. Kistler, Gerstner & van Hemmen (1997)
Neural Comput. 9:1015; Jolivet, Lewis & Gerstner (2004) J. Neurophysiol. 92:959.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from neuropil.errors import ModelError


def coincidence_factor(model: ArrayLike, data: ArrayLike, duration: float, precision: float = 2.0) -> float:
    """Γ of a predicted and a recorded spike train; NaN if there is no spike at all.

    Args:
        model, data: times, ms, in any order.
        duration: of the recording, ms.
        precision: Δ, ms.

    Raises:
        ModelError: times that are not finite numbers; a duration or a precision that is none, or a precision so large that all trains coincide.
    """
    try:
        a, b = (np.sort(np.asarray(train, float)) for train in (model, data))
    except (TypeError, ValueError):
        raise ModelError("coincidence_factor needs two arrays of times", got=(model, data)) from None
    if a.ndim != 1 or b.ndim != 1 or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise ModelError("coincidence_factor needs two arrays of finite times", got=f"shapes {a.shape} and {b.shape}")
    for name, value in (("duration", duration), ("precision", precision)):
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0.0 < value < float("inf"):
            raise ModelError(f"coincidence_factor: {name} must be a positive time in ms", got=value)
    chance = 2.0 * precision * a.size / duration
    if chance >= 1.0:
        raise ModelError("coincidence_factor: at this precision every train coincides with the model's", got=f"2 ν Δ = {chance:g}", expected="less than 1", fix="a smaller precision")
    if a.size + b.size == 0:
        return float("nan")
    pairs = i = j = 0
    while i < a.size and j < b.size:
        if abs(a[i] - b[j]) <= precision:
            pairs, i, j = pairs + 1, i + 1, j + 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return float((pairs - chance * b.size) / (0.5 * (a.size + b.size)) / (1.0 - chance))
