"""Receptors: how much of them a concentration binds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neuropil.maths import maximum, minimum


@dataclass(frozen=True)
class Receptor:
    """Saturating binding: occupancy = Cⁿ / (ec50ⁿ + Cⁿ). Of a whole n every machine makes the same bits.

    Attributes:
        name: by which effects refer to it.
        ec50: half-maximal concentration, base units; hill: the exponent n.
    """

    name: str
    ec50: Any
    hill: float

    def occupancy(self, c: Any) -> Any:
        """Occupancy, 0 to 1, at the concentration `c` (base units, any shape); a negative one binds nothing."""
        most = 1e18 ** min(1.0 / self.hill, 2.0)  # there the occupancy is 1 in float64; beyond it the power would overflow in float32
        ratio = minimum(maximum(c, 0.0).value / self.ec50, most).value
        power = math.prod([ratio] * int(self.hill)) if self.hill.is_integer() else ratio**self.hill
        return power / (1.0 + power)
