"""Dividing a morphology into compartments, and the electrical circuit they make.

The circuit is NEURON's (Carnevale & Hines 2006, "The NEURON Book", ch. 5): each section is divided into compartments
of equal length; a compartment's membrane sits at its middle; area and axial resistance are integrated along the points,
frustum by frustum. A frustum of length h between diameters d and e has lateral area ``pi (d + e)/2 sqrt(h² + (d - e)²/4)``
and axial resistance ``4 R h / (pi d e)``, both exact.

Sections meet as they do there. What is attached at 0 < x < 1 joins the middle of the compartment that holds x, its index
``int(x n)``. What is attached at x = 1 joins the end of the parent, a node without membrane (area 0) half a compartment beyond
the last middle. What is attached at x = 0 joins whatever the parent's own start joins; at the root, the start becomes a node.

NEURON keeps a node at every end. Here a free end, to which nothing is attached, becomes one only when a point process sits on
it (`Compartments.with_nodes`): without, no current flows there and its potential is that of the last compartment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import MorphologyError
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.compartments import Compartments
from neuropil.model.cell.morphology import Morphology
from neuropil.model.cell.regional import EVERYTHING, along, by_section, is_listed
from neuropil.units import Dimension, GOhm, Hz, Ohm, kHz, magnitude, pF, uF, um
from neuropil.units import cm as centimetre

MOST = 2**24
"""Compartments in one cell; more is a slip of units in the rule."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@unchanging
@dataclass(frozen=True)
class Rule:
    """How many compartments each section is divided into."""

    def counts(self, morphology: Morphology, electrotonic: Floats) -> NDArray[np.float64]:
        """Whole numbers >= 1, float64[sections].

        Args:
            electrotonic: float64[sections], ``sqrt(R C/d)`` integrated along each section, ms^0.5; times
                ``2 sqrt(pi f)`` it is the section's length in units of the length constant at frequency f (1/ms).
        """
        raise NotImplementedError


@unchanging
@dataclass(frozen=True)
class FixedCount(Rule):
    """`n` compartments in every section, or as many as a mapping says: ``FixedCount({"soma": 1, "apical": 9})``.

    A mapping names sections, labels, kinds or "all" for the rest (see :mod:`neuropil.model.cell.regional`).

    Raises:
        MorphologyError: not a whole number above 0, or a mapping of them.
    """

    n: int | Mapping[str, int] = 1

    def __post_init__(self) -> None:
        for n in self.n.values() if isinstance(self.n, Mapping) else [self.n]:
            if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
                raise MorphologyError("FixedCount.n is not a number of compartments", got=self.n, expected="a whole number >= 1, or a mapping of them")
        if isinstance(self.n, Mapping):
            object.__setattr__(self, "n", dict(self.n))

    def counts(self, morphology: Morphology, electrotonic: Floats) -> Floats:
        """float64[sections]: compartments of each section of a morphology; the electrotonic length is not used."""
        by = self.n if isinstance(self.n, Mapping) else {EVERYTHING: self.n}
        return np.array(by_section(morphology, by, "FixedCount"), float)


@unchanging
@dataclass(frozen=True)
class MaxLength(Rule):
    """As few compartments as keep each at most `length` long.

    Raises:
        MorphologyError: not a positive length.
    """

    length: Any

    def __post_init__(self) -> None:
        if not 0 < magnitude(self.length, um.dimension, "MaxLength.length") < np.inf:
            raise MorphologyError("MaxLength.length is not a length", got=self.length, expected="more than 0 µm")

    def counts(self, morphology: Morphology, electrotonic: Floats) -> Floats:
        """float64[sections]: compartments of each section of a morphology; the electrotonic length is not used."""
        longest = magnitude(self.length, um.dimension, "MaxLength.length")
        # A section of exactly k lengths gets k compartments, whatever its last digit.
        return np.maximum(1.0, np.ceil([s.length / longest * (1 - 1e-12) for s in morphology.sections]))


@unchanging
@dataclass(frozen=True)
class DLambda(Rule):
    """NEURON's d_lambda rule: an odd number of compartments, each at most about `d` length constants at `frequency`.

    The length constant of a cable of diameter D is ``lambda(f) = sqrt(D / (pi f R C)) / 2``; a section of electrotonic
    length E gets ``2 int((E/d + 0.9)/2) + 1`` compartments (Hines & Carnevale 2001, The Neuroscientist 7:123; the 0.9
    from NEURON's own geometry procedure).

    Raises:
        MorphologyError: `d` or `frequency` is not positive.
    """

    d: float = 0.1
    frequency: Any = 100.0 * Hz

    def __repr__(self) -> str:
        return f"DLambda({self.d:g}, {self.frequency.to(Hz):g} Hz)"

    def __post_init__(self) -> None:
        if not 0 < self.d < np.inf:
            raise MorphologyError("DLambda.d is not a fraction of the length constant", got=self.d, expected="more than 0, usually 0.1")
        if not 0 < magnitude(self.frequency, kHz.dimension, "DLambda.frequency") < np.inf:
            raise MorphologyError("DLambda.frequency is not a frequency", got=self.frequency, expected="more than 0 Hz, usually 100 Hz")

    def counts(self, morphology: Morphology, electrotonic: Floats) -> Floats:
        """float64[sections]: compartments of each section of a morphology, from float64[sections], their electrotonic lengths."""
        frequency = magnitude(self.frequency, kHz.dimension, "DLambda.frequency")
        lengths = 2.0 * np.sqrt(np.pi * frequency) * electrotonic
        return 2.0 * np.floor((lengths / self.d + 0.9) / 2.0) + 1.0


RESISTIVITY, CAPACITANCE = 100 * Ohm * centimetre, 1 * uF / centimetre**2
"""Of the axoplasm and of the membrane, where nothing else is said: the values that most models of cells take; unverified."""


def discretise(morphology: Morphology, rule: Rule, axial_resistivity: Any = RESISTIVITY, capacitance: Any = CAPACITANCE) -> Compartments:
    """Divide a morphology into compartments.

    Args:
        rule: FixedCount, MaxLength or DLambda.
        axial_resistivity: a quantity (resistance × length, such as ohm·cm); a function of path distance from the soma (µm,
            float64[n]) that gives one for each; an array with one for each compartment with membrane; or a mapping of
            quantities and functions by region (see :mod:`neuropil.model.cell.regional`).
        capacitance: of the membrane per area (such as µF/cm²), likewise.

    A function is evaluated at the middle of each compartment; before that, to find how many a section needs, at the middle of the
    section.

    Returns:
        The compartments, numbered depth first from the root, and after them the nodes without membrane.

    Raises:
        MorphologyError: an unknown region, sections without a value, a value that is not positive, an absurd number of compartments, or an array for a rule
            that needs the values before it divides sections.
        UnitError: a value of another dimension.
    """
    resistivity = _Specific(morphology, axial_resistivity, (GOhm * um).dimension, "axial_resistivity")
    specific = _Specific(morphology, capacitance, (pF / um**2).dimension, "capacitance")
    outline = _Outline(morphology)
    counts = _counts(morphology, rule, np.sqrt(resistivity.first() * specific.first()) * outline.inverse_root_diameter())
    parent, ends, beyond = _connect(morphology, counts)
    total = int(counts.sum())
    order = _depth_first(parent, np.concatenate([np.arange(total), beyond]))
    order = np.concatenate([order[order < total], np.arange(total, len(parent))])  # the nodes last
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))

    pieces = outline.divide(counts)
    distance = morphology.distance_at(pieces.section, pieces.position)
    r, c = (value.at(pieces.section, distance, rank[:total]) for value in (resistivity, specific))
    half = pieces.conductance_length * r[:, None]
    tips = np.stack([half[np.cumsum(counts) - counts, 0], half[np.cumsum(counts) - 1, 1]], axis=1)

    def joined(values: NDArray[Any], at_ends: list[Any]) -> NDArray[Any]:
        return np.concatenate([values, at_ends])[order]

    zeros = [0.0] * len(ends)
    section = joined(pieces.section, [s for s, _ in ends]).astype(np.int32)
    position = joined(pieces.position, [x for _, x in ends])
    return Compartments(
        morphology=morphology,
        parent=np.where(parent >= 0, rank[parent], -1)[order].astype(np.int32),
        area=joined(pieces.area, zeros),
        resistance=joined(_resistances(counts, half), [tips[s, int(x)] for s, x in ends]),
        capacitance=joined(pieces.area * c, zeros),
        length=joined(pieces.length, zeros),
        diameter=joined(pieces.diameter, [morphology.sections[s].points[-1 if x else 0, 3] for s, x in ends]),
        section=section,
        position=position,
        distance=morphology.distance_at(section, position),
        counts=counts.astype(np.int32),
        numbers=rank[:total].astype(np.int32),
        electrotonic=2.0 * np.sqrt(np.pi * 0.1) * outline.inverse_root_diameter() * np.bincount(pieces.section, np.sqrt(r * c)) / counts,
        tips=tips,
        rule=repr(rule),
    )


def _counts(morphology: Morphology, rule: Rule, electrotonic: Floats) -> NDArray[np.int64]:
    """Compartments of each section, as a rule wants them; `electrotonic` as of `Rule.counts`."""
    wanted = rule.counts(morphology, electrotonic)
    if not np.all(np.isfinite(wanted)):
        raise MorphologyError(f"{rule} needs capacitance and resistivity before it divides sections", got="an array with a value for each compartment", fix="FixedCount, MaxLength, or a function of distance")
    if wanted.sum() > MOST:
        raise MorphologyError(f"{morphology.name}: {rule} makes too many compartments", got=f"{wanted.sum():.3g}", expected=f"at most {MOST}")
    return wanted.astype(np.int64)


# --- integrals along the points ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pieces:
    """Compartments section by section, before they are joined; float64[n] unless said otherwise."""

    section: NDArray[np.int64]
    position: Floats
    length: Floats
    diameter: Floats
    area: Floats
    conductance_length: Floats
    """float64[n, 2]: 4/(pi d²) integrated over the first and the second half, 1/µm; times R it is a resistance."""


class _Outline:
    """All points of all sections end to end, with the integrals from the first point to each.

    A gap of 1 µm is left between sections, so that a coordinate on the common axis belongs to one section only.
    """

    def __init__(self, morphology: Morphology):
        sections = morphology.sections
        sizes = np.array([len(s.points) for s in sections])
        self.lengths = np.array([s.length for s in sections])
        self.offset = np.concatenate([[0.0], np.cumsum(self.lengths[:-1] + 1.0)])
        self.first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.last = self.first + sizes - 1
        self.coordinate = np.concatenate([s.arc for s in sections]) + np.repeat(self.offset, sizes)
        self.diameter = np.concatenate([s.points[:, 3] for s in sections])
        self.real = np.ones(len(self.coordinate) - 1, dtype=bool)
        self.real[self.last[:-1]] = False  # the gaps

    def inverse_root_diameter(self) -> Floats:
        """The integral of d^(-1/2) along each section, each frustum taken at its mean diameter as NEURON does."""
        h = np.where(self.real, np.diff(self.coordinate), 0.0)
        steps = h / np.sqrt(0.5 * (self.diameter[1:] + self.diameter[:-1]))
        return np.add.reduceat(np.append(steps, 0.0), self.first)

    def divide(self, counts: NDArray[np.int64]) -> _Pieces:
        """Each section into `counts` compartments of equal length."""
        section = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(section)) - np.repeat(np.cumsum(counts) - counts, counts)
        n = counts[section]
        edges = np.stack([2 * within, 2 * within + 1, 2 * within + 2], axis=1) / (2.0 * n[:, None])
        integrals = self._integrals(section, edges)
        (area, thickness, resistance) = np.diff(integrals, axis=2)
        length = self.lengths[section] / n
        return _Pieces(section, edges[:, 1], length, thickness.sum(axis=1) / length, area.sum(axis=1), resistance)

    def _integrals(self, section: NDArray[np.int64], x: Floats) -> Floats:
        """Area, d and 4/(pi d²) integrated from the first point of all to the positions (section, x); float64[3, n, 3]."""
        coordinate = self.offset[section, None] + x * self.lengths[section, None]
        # On the right of coinciding points, so that a step in diameter belongs to the compartment it ends; but a step at
        # the very start belongs to the first.
        frustum = np.where(x == 0.0, 0, np.searchsorted(self.coordinate, coordinate, side="right") - 1)
        frustum = np.clip(frustum, self.first[section, None], self.last[section, None] - 1)
        d, step = self.diameter, np.diff(self.coordinate)
        whole = _frustum(np.where(self.real, step, 0.0), d[:-1], np.where(self.real, d[1:], d[:-1]))
        before = np.concatenate([np.zeros((3, 1)), np.cumsum(whole, axis=1)], axis=1)
        step = step[frustum]
        part = np.divide(coordinate - self.coordinate[frustum], step, out=np.ones_like(coordinate), where=step > 0)
        part = np.where(x == 1.0, 1.0, np.where(x == 0.0, 0.0, np.minimum(part, 1.0)))
        reached = d[frustum] + part * (d[frustum + 1] - d[frustum])
        return before[:, frustum] + _frustum(part * step, d[frustum], reached)


def _frustum(h: Floats, d: Floats, e: Floats) -> Floats:
    """Lateral area (µm²), integral of the diameter (µm²) and of 4/(pi d²) (1/µm) of frusta; stacked first."""
    area = 0.5 * np.pi * (d + e) * np.hypot(h, 0.5 * (d - e))
    return np.stack([area, 0.5 * (d + e) * h, 4.0 / np.pi * h / (d * e)])


# --- the tree ---------------------------------------------------------------------------------------------------


def _connect(morphology: Morphology, counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[tuple[int, float]], NDArray[np.int64]]:
    """Parents of compartments and, numbered after them, of the ends at which sections meet, as (section, x); and the first
    compartment beyond each of these."""
    start = np.cumsum(counts) - counts
    total = int(counts.sum())
    # Where each section begins: the middle of a compartment, or an end (section, 0 or 1) that others may share.
    above: int | tuple[int, float] = (0, 0.0)
    origin = [above]
    sharing: dict[tuple[int, float], list[int]] = {}
    parent = np.arange(total) - 1
    for i, s in enumerate(morphology.sections[1:], 1):
        if s.parent_at == 0.0:
            above = origin[s.parent]
        elif s.parent_at == 1.0:
            above = (s.parent, 1.0)
        else:
            above = int(start[s.parent] + int(s.parent_at * counts[s.parent]))
        origin.append(above)
        if isinstance(above, tuple):
            sharing.setdefault(above, []).append(i)
        else:
            parent[start[i]] = above
    for node, children in enumerate(sharing.values(), total):
        parent[start[children]] = node
    beside = [start[s] + counts[s] - 1 if x else start[s] for s, x in sharing]
    return np.append(parent, np.array(beside, np.int64)), list(sharing), start[[c[0] for c in sharing.values()]]


def _resistances(counts: NDArray[np.int64], half: Floats) -> Floats:
    """Axial resistance from each compartment's middle to the one before it, or to where its section begins; 0 at the root."""
    resistance = half[:, 0].copy()
    resistance[1:] += half[:-1, 1]
    first = np.cumsum(counts) - counts
    resistance[first] = half[first, 0]
    resistance[0] = 0.0
    return resistance


def _depth_first(parent: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Old numbers in the new order: each parent before its children, these by rank, each subtree in one piece."""
    n = len(parent)
    by_parent = np.lexsort([rank, parent])
    bounds = np.searchsorted(parent[by_parent], np.arange(n + 1)).tolist()
    children = by_parent[::-1].tolist()  # reversed, so that the stack gives them back in their own order
    order, stack = [], [0]
    while stack:
        i = stack.pop()
        order.append(i)
        stack.extend(children[n - bounds[i + 1] : n - bounds[i]])
    return np.array(order, dtype=np.int64)


class _Specific:
    """Capacitance or resistivity, as it was given, evaluated where it is needed; positive."""

    def __init__(self, morphology: Morphology, value: Any, dimension: Dimension, what: str):
        self.morphology, self.dimension, self.what = morphology, dimension, what
        by = value if isinstance(value, Mapping) else {EVERYTHING: value}
        self.listed = None if isinstance(value, Mapping) or not is_listed(value) else value
        self.values = by_section(morphology, by, what)
        for name, one in by.items():
            if isinstance(value, Mapping) and is_listed(one):
                raise MorphologyError(f"{what} of {name!r} is an array", got=one, expected="one value, or a function of distance")

    def first(self) -> Floats:
        """At the middle of each section; NaN where there is a value for each compartment."""
        n = len(self.morphology)
        if self.listed is not None:
            return np.full(n, np.nan)
        middle = self.morphology.distance_at(np.arange(n), 0.5)
        return self.at(np.arange(n), middle, np.arange(n))

    def at(self, section: NDArray[np.int64], distance: Floats, rank: NDArray[np.int64]) -> Floats:
        """At positions, section after section; rank: the numbers that they will have."""
        if self.listed is not None:
            return self._positive(along(self.what, self.listed, distance, self.dimension)[rank], section, distance)
        found = np.empty(len(section))
        for value in {id(v): v for v in self.values}.values():
            here = np.array([v is value for v in self.values])[section]
            found[here] = along(self.what, value, distance[here], self.dimension)
        return self._positive(found, section, distance)

    def _positive(self, values: Floats, section: NDArray[np.int64], distance: Floats) -> Floats:
        for i in np.flatnonzero(~(values > 0))[:1]:
            where = f"{self.morphology.sections[section[i]].name}, {distance[i]:.4g} µm from the soma"
            raise MorphologyError(f"{self.what} must be positive and finite", got=f"{values[i]:g} at {where}")
        return values
