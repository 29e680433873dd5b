"""How the share of open channels fluctuates where their number is finite.

A channel is open while all of its gates are, which open and close independently of each other. The share of N such channels that is open then has, at a
constant potential, a covariance in time that is a sum of exponentials: for each way to choose gates that change together, i of the k alike of each kind,

    variance = ∏ C(k, i) p^(2k - i) (1 - p)^i / N,    rate = Σ i r,

with the steady state p and the rate r of each gate. Linaro, Storace & Giugliano (2011) PLoS Comput. Biol. 7:e1001102.
"""

from __future__ import annotations

from itertools import product
from math import comb, prod
from typing import Any

from neuropil.maths import sqrt
from neuropil.units import ms


def fluctuations(*gates: tuple[Any, Any, int]) -> list[tuple[Any, Any]]:
    """Each process of the share of open channels.

    Args:
        gates: of each kind the steady state, the rate (opening and closing together), and how many of it a channel has.

    Returns:
        For each process its variance times the number of channels, and its rate.
    """
    found = []
    for changed in product(*(range(many + 1) for *_, many in gates)):
        if any(changed):
            variance: Any = prod(comb(many, i) for (*_, many), i in zip(gates, changed, strict=True))
            rates = []
            for (p, rate, many), i in zip(gates, changed, strict=True):
                variance = variance * p ** (2 * many - i) * (1 - p) ** i
                rates.append(i * rate)
            found.append((variance, sum(rates[1:], rates[0])))
    return found


def relaxing(share: Any, variance: Any, rate: Any, noise: Any) -> Any:
    """The derivative of a process.

    Args:
        share: its value; variance: of it, when it has gone on for long; rate: at which it forgets, 1/ms.
        noise: white noise of its own.
    """
    return (-share + sqrt(2 * variance / (rate * ms)) * noise) * rate
