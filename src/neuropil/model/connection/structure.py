"""Structural plasticity: synapses of a projection that vanish and form while the network runs.

At every multiple of an interval T each synapse vanishes with probability 1 - exp(-eliminate·T) (where `below` is given,
only those whose weight is below it), and each target neuron forms synapses with sources drawn at random: on average
form·T of them, or just as many as it lost. These are rates: a result does not depend on T where T is short beside
them. (Article 003 gives probabilities without a time and lets P_elim = 1 - P_form, which makes every synapse form or
vanish in every step.)

A new synapse obeys the projection's rule. Its source is drawn uniformly from those that the rule allows (DistanceDependent: in proportion to
the pair's probability), within the view if the projection is from one: never the target itself under ``allow_self=False``; none that has a
synapse onto the target already, unless the rule allows several (FixedTotal, FixedInDegree and FixedOutDegree by ``allow_multiple``; `Edges`
if they hold a pair twice). A target that has no source left forms none. With ``form=None`` in-degrees stay, hence FixedInDegree and the
number of FixedTotal; the out-degrees of FixedOutDegree, and all degrees under ``form``, are those of the start. Rules whose synapses cannot
be drawn one by one (`Rule.rewires`), such as OneToOne, are refused.

The axon carries the spike: one that is under way while synapses change acts, on arrival, through those that then exist.
"""

from __future__ import annotations

from typing import Any

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.units import kHz, ms


class Rewiring:
    """How a projection rewires itself.

    Args:
        interval: biological time between rewirings.
        eliminate: rate at which each synapse vanishes.
        form: rate at which each target neuron forms synapses; None replaces what it lost, so that in-degrees stay.
        below: only synapses with a weight below this vanish (in the unit of the weight).

    A new synapse starts as the description says: weight, delay and states anew.
    """

    def __init__(self, interval: Any, *, eliminate: Any, form: Any = None, below: Any = None):
        self.interval = _positive(interval, ms.dimension, "interval")
        self.eliminate = _positive(eliminate, kHz.dimension, "eliminate", zero=True)
        self.form = None if form is None else _positive(form, kHz.dimension, "form", zero=True)
        self.below = below

    def __repr__(self) -> str:
        form = "replace" if self.form is None else f"{self.form:g}/ms"
        return f"Rewiring(every {self.interval:g} ms, eliminate {self.eliminate:g}/ms, form {form}, below {self.below!r})"


def _positive(value: Any, dimension: Any, name: str, zero: bool = False) -> float:
    number = checked_values(value, dimension, f"Rewiring: {name}", ())
    if isinstance(number, Distribution) or not (number > 0 or (zero and number == 0)):
        raise NetworkError(f"Rewiring: {name} must be a positive number", got=value)
    return float(number)
