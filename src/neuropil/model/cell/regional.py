"""Values that differ over a cell: one for each region, a function of distance from the soma, one for each compartment.

A mapping names sections, labels, kinds or "all". A section takes the value of the most particular name it has: its own, then
that of a label, then of its kind, then "all". A mapping that leaves sections out is refused: "all" gives them a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import ModelError, MorphologyError
from neuropil.model.base.distribution import Distribution, axes, checked_values
from neuropil.model.cell.morphology import Morphology
from neuropil.model.cell.section import Section, suggest
from neuropil.units import Dimension

Floats = NDArray[np.float64]
T = TypeVar("T")

EVERYTHING = "all"


def by_section(morphology: Morphology, values: Mapping[str, T], what: str) -> list[T]:
    """The value of each section.

    Args:
        values: by section, label, kind or "all".
        what: the values are for; opens the error message.

    Returns:
        One value for each section, in the order of the morphology.

    Raises:
        MorphologyError: a name that the cell does not have, sections without a value, or with values of two labels.
    """
    names = region_names(morphology)
    for name in values:
        if name not in names:
            fix = suggest(name, names) if isinstance(name, str) else "name a section, a label, a kind or 'all'"
            raise MorphologyError(f"{what}: {morphology.name} has no region {name!r}", fix=fix)
    found: list[T] = []
    missing: list[Section] = []
    for s in morphology.sections:
        labels = [n for n in s.labels if n in values]
        if len(labels) > 1 and s.name not in values:
            raise MorphologyError(f"{what}: section {s.name!r} has two values", got=f"of labels {labels[0]!r} and {labels[1]!r}", fix=f"give one to {s.name!r} itself")
        known = [n for n in (s.name, *labels, s.kind, EVERYTHING) if n in values]
        if known:
            found.append(values[known[0]])
        else:
            missing.append(s)
    if missing:
        kind = missing[0].kind
        whole = sum(s.kind == kind for s in missing) == sum(s.kind == kind for s in morphology.sections)
        which = f"sections of kind {kind!r}" if whole else f"section {missing[0].name!r}"
        raise MorphologyError(f"{what}: no value for {which}", got=f"values for {', '.join(values)}", fix="\"all\": ... gives one to all that are not named")
    return found


def region_names(morphology: Morphology) -> list[str]:
    """All names of regions: "all", kinds, labels, sections."""
    labels = (label for s in morphology.sections for label in s.labels)
    return list(dict.fromkeys([EVERYTHING, *morphology.kinds, *labels, *(s.name for s in morphology.sections)]))


def along(what: str, value: Any, distance: Floats, dimension: Dimension) -> Floats:
    """A number, a function of distance, or an array, at positions of a cell.

    Args:
        value: a quantity; a function that gives one for each of an array of distances (µm); or an array of quantities, one for
            each position.
        distance: float64[n], path lengths from the soma, µm.
        what: the value is for; opens the error message.
        dimension: the dimension required.

    Returns:
        float64[n], finite, in base units.

    Raises:
        ModelError: a function that fails, another number of values, a distribution. UnitError: another dimension.
    """
    given = _called(what, value, distance) if callable(value) else value
    if isinstance(given, Distribution):
        raise ModelError(f"{what} is a distribution", got=given, expected="a quantity, with one value for each position where it differs")
    return np.array(np.broadcast_to(np.asarray(checked_values(given, dimension, what, distance.shape)), distance.shape))


def _called(what: str, function: Callable[[Floats], Any], distance: Floats) -> Any:
    try:
        return function(distance.copy())
    except (TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ModelError(f"{what}: the function fails on an array of distances (µm)", got=got, fix="write it for arrays: np.where, np.exp") from error


def is_listed(value: Any) -> bool:
    """Whether a value is an array, one for each compartment."""
    return axes(value) > 0
