"""What the parts of a neuron give each other in every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.trace import Scalars


@dataclass(frozen=True)
class Exchange:
    """What the sites of one part add to an input of those of another during a step, as they are at its beginning.

    Attributes:
        source, target: names of parts.
        value: of (parameters, states, inputs) of a site of the source, by name.
        into: the input.
        pre, post: int[pairs], sites of all neurons, in the order in which they are added up.
    """

    source: str
    target: str
    value: Callable[[Scalars, Scalars, Scalars], Any]
    into: str
    pre: np.ndarray
    post: np.ndarray
