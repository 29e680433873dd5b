"""Values that differ from synapse to synapse: parameters and starting states given as arrays or matrices.

An array has one value for each synapse: in the order of the edges for `Edges`, of the neurons for `OneToOne`, row by row for
`AllToAll` (without the diagonal, where it is left out). A matrix [source, target] goes with any rule: a synapse takes the entry of
the neurons that it joins, whichever synapses are drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import Distribution, axes
from neuropil.model.base.ends import Ends
from neuropil.model.connection.matrix import WeightMatrix, values_of
from neuropil.model.connection.rule import Rule
from neuropil.model.contents.contents import Projection
from neuropil.model.contents.pairs import pairs_of
from neuropil.units import Quantity

UNKNOWN = (-1,)
"""The shape of an array with one value for each synapse, where their number is not known before they are drawn: none fits."""


def differs(value: Any) -> bool:
    """Whether a value may differ from synapse to synapse: it is drawn, or given for each."""
    return isinstance(value, Distribution) or axes(value) > 0


def number_of_synapses(rule: Rule, n_source: int, n_target: int, recurrent: bool | None) -> int | None:
    """How many a rule makes, if that is known before any is drawn and their order is the description's.

    Args:
        recurrent: as of rules; None: between views of one population, of which some neurons are in both.
        n_source, n_target: neurons of the two populations or views.
    """
    if rule.array_shape(n_source, n_target) is None or (recurrent is None and not rule.joins_self):
        return None
    return int(rule.expected_synapses(n_source, n_target, bool(recurrent)))


def check_array(value: Any, rule: Rule, n_source: int, n_target: int, recurrent: bool | None, what: str) -> None:
    """Refuse an array that does not have a value for each synapse.

    Args:
        value: a quantity, a number or an array.
        n_source, n_target, recurrent: as of `number_of_synapses`.
        what: the value is for; opens the error message.

    Raises:
        NetworkError: with the shapes that would do.
    """
    shape = np.shape(value.value if isinstance(value, Quantity) else value)
    n = number_of_synapses(rule, n_source, n_target, recurrent)
    if len(shape) == 0 or shape == (n_source, n_target) or (n is not None and shape == (n,)):
        return
    either = f"({n},), one for each synapse, or " if n is not None else ""
    fix = None if n is not None or len(shape) != 1 else f"a matrix: {type(rule).__name__} draws its synapses when the network is built; or use a Distribution"
    raise NetworkError(f"{what} has the wrong shape", got=shape, expected=f"one number, {either}({n_source}, {n_target}) as [source, target]", fix=fix)


def refuse_listed(value: Any, shape: tuple[int, ...], rule: Rule, what: str, fix: str) -> None:
    """Refuse an array where the rule draws its synapses later (`shape` is `UNKNOWN`).

    Args:
        value: a quantity, a number or an array.
        what: the value is for; opens the error message.
        fix: the remedy that the message states.

    Raises:
        NetworkError: with the remedy.
    """
    if shape == UNKNOWN and axes(value):
        got = f"shape {np.shape(value.value if isinstance(value, Quantity) else value)}"
        raise NetworkError(f"{what}: an array is not possible, because {type(rule).__name__} draws its synapses when the network is built", got=got, fix=fix)


def in_order(value: Any, projection: Projection, pre: np.ndarray, post: np.ndarray) -> Any:
    """A number as it is; an array or a matrix as float64[n], for synapses sorted by source.

    Args:
        value: a number, float64[synapses] in the order of the description, float64[sources, targets], or weights with a structure.
        pre, post: int64[n], indices within the populations, of synapses sorted by source.
    """
    if isinstance(value, WeightMatrix):
        return values_of(value.entry(*projection.within(pre, post)))
    if np.ndim(value) == 0:
        return value
    if np.ndim(value) == 2:
        return np.asarray(value, float)[projection.within(pre, post)]
    array, rule = np.asarray(value, float), projection.rule
    if rule.listed:
        return array[pairs_of(projection, 0)[2]]
    found, (rows, columns) = np.empty(array.size), projection.within(pre, post)
    found[np.lexsort((columns, rows))] = array  # row by row of the views
    return found


def edges_of(rule: Rule, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The source and the target of each synapse, of a rule that lists them, between populations (or views) of n neurons."""
    return rule.pairs(Ends(n, n), np.random.default_rng)


def edge_weights(matrix: np.ndarray, rule: Rule, n: int, what: str) -> np.ndarray:
    """A matrix of weights as one for each edge of `Edges` or `OneToOne`.

    Args:
        matrix: float64[sources, targets].
        n: neurons of each side, of `OneToOne`.
        what: the matrix is for; opens the error message.

    Returns:
        float64[edges], in the order of the rule.

    Raises:
        NetworkError: an entry other than zero where no edge is.
    """
    pre, post = edges_of(rule, n)
    rest = matrix.copy()
    rest[pre, post] = 0.0
    if np.any(rest):
        i, j = np.argwhere(rest)[0]
        raise NetworkError(f"{what}: the matrix has an entry where there is no edge", got=f"{rest[i, j]:g} at [{i}, {j}]", expected="0 wherever no edge is")
    return matrix[pre, post]
