"""Gates read from tables: those of a membrane whose new value follows from the potential and from itself alone.

Of nearly every gate the new value is a straight line in the old one, with coefficients that depend on the potential v alone,

    x' = x + D(v) x + B(v),

whatever rates, temperatures and integrators they come from. That is found on the traced graph (`affine`). D and B are then piecewise
polynomials: degree 5 on each interval of 1 mV (.5, .25 mV where that is not fine enough) from -120 to 80 mV, through Chebyshev points.
A row holds D and B of four gates side by side for each power, so that one vector instruction works on all of them.

Each fit is compared with the equations between its points and at the borders of the intervals, on which jumps of the rates fall if
they are at whole numbers of mV. A gate stays direct, computed by its equations, where that is cheaper, where its parameters differ
between compartments or cells or may change while the cell runs, and where a fit misses. Outside of the tables' range every gate is
computed by its equations, element by element.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.lower.constants import Constants, hoisted
from neuropil.lower.graph import Graph

LOW, HIGH = -120.0, 80.0
"""mV, the range of the tables."""

WIDTHS = (1.0, 0.5, 0.25)
"""mV, of an interval: the first at which no gate misses."""

DEGREE = 5
SIDE_BY_SIDE = 4
"""Gates in a row: with two functions each they fill a vector of 512 bits."""

ACCURACY = 1e-10
"""Largest error of the value that a gate tends to at a potential, by the gate's range (which is 1 of most)."""

ROUNDING = 4 * float(np.finfo(float).eps)
"""Of an update, by the gate's range: what the equations themselves round is not held against a fit."""

TABLE_FLOPS = 4 * DEGREE + 4
"""Of a gate and step: two polynomials and the update."""

Update = Callable[[Any, np.ndarray], np.ndarray]
"""(x, v) -> x'."""


@dataclass(frozen=True)
class GateTable:
    """The updates of some gates of a membrane.

    Attributes:
        gates: states by "mechanism.state", four to a tile, in order.
        width: of an interval, mV.
        values: float64[tiles, 1 + intervals, DEGREE + 1, 2, 4]: D and B of the four gates of a tile for each power, the highest
            first, of the distance from the middle of the interval in widths. The first row is that of potentials outside of the
            range: zeros, which leave a gate as it is.
        errors: by gate, the largest difference from the equations found of the value that the gate tends to, by its range.
    """

    gates: tuple[str, ...]
    width: float
    values: np.ndarray
    errors: dict[str, float]

    @property
    def intervals(self) -> int:
        """Number of intervals within the range."""
        return self.values.shape[1] - 1


def tabulate(
    graph: Graph, states: Mapping[str, int], parameters: Mapping[str, Any], size: int, *, changing: Mapping[str, Collection[str]], as_given: bool = False
) -> tuple[GateTable | None, dict[str, str]]:
    """The table of a membrane.

    Args:
        graph: of the membrane.
        states: node of the new value of every state that changes, by "mechanism.state".
        parameters: by "mechanism.name", numbers or arrays that differ between compartments or cells.
        size: number of compartments.
        changing: by state, parameters it depends on that may change while the cell runs.
        as_given: as of `Constants.of`.

    Returns:
        The table, None if nothing is tabulated; and of every other state that reads the potential why it is computed directly.
    """
    direct: dict[str, str] = {}
    updates: dict[str, Update] = {}
    for state, node in states.items():
        if "x.v" in graph.leaves(node):
            reason = _unfit(graph, state, node, parameters, size, as_given) or _changes(changing.get(state, ()))
            if reason is None:
                updates[state] = _update(graph, state, node, parameters)
            else:
                direct[state] = reason
    best: GateTable | None = None
    for width in WIDTHS:
        if best is None or len(best.gates) < len(updates):
            table = _table(updates, width)
            best = table if best is None or len(table.gates) > len(best.gates) else best
    missed = [state for state in updates if best is None or state not in best.gates]
    direct |= dict.fromkeys(missed, f"polynomials miss it by more than {ACCURACY:g} of its range")
    return (best if best is not None and best.gates else None), direct


def _unfit(graph: Graph, state: str, node: int, parameters: Mapping[str, Any], size: int, as_given: bool) -> str | None:
    """Why the equations forbid a table of a state; None if they do not."""
    leaves = graph.leaves(node)
    others = sorted(x[2:] for x in leaves if not x.startswith("p.") and x not in (f"s.{state}", "x.v"))
    if others:
        return f"it reads {', '.join(others)}"
    if not affine(graph, node, f"s.{state}"):
        return "it is not a straight line in itself"
    if graph.flops([node]) <= TABLE_FLOPS:
        return "its equations cost less than a table"
    given = {f"p.{n}": v for n, v in parameters.items()}
    if Constants.of(graph, hoisted(graph, [node]), given, size, as_given=as_given).arrays:
        return "its parameters differ between compartments or cells"
    return None


def _changes(parameters: Collection[str]) -> str | None:
    return f"{', '.join(sorted(parameters))} may change" if parameters else None


def affine(graph: Graph, node: int, leaf: str) -> bool:
    """Whether a node is a straight line in a leaf, whatever the values of the others.

    Args:
        graph: of the node.
        node: its number.
        leaf: name of the leaf.
    """
    depends: set[int] = set()
    for n in graph.reach([node]):
        one = graph.nodes[n]
        which = [k for k, a in enumerate(one.args) if a in depends]
        if one.op == "leaf" and one.value == leaf:
            depends.add(n)
        elif which:
            straight = one.op in ("add", "sub", "neg") or (one.op == "mul" and len(which) == 1) or (one.op == "div" and which == [0])
            if not straight and not (one.op == "select" and 0 not in which):
                return False
            depends.add(n)
    return True


def _update(graph: Graph, state: str, node: int, parameters: Mapping[str, Any]) -> Update:
    """The update of a state whose constants are the same everywhere."""
    given = {leaf: np.ravel(parameters[leaf[2:]])[0] for leaf in graph.leaves(node) if leaf.startswith("p.")}

    def update(x: Any, v: np.ndarray) -> np.ndarray:
        return np.broadcast_to(graph.evaluate([node], {**given, f"s.{state}": x, "x.v": v})[0], v.shape)

    return update


def _table(updates: Mapping[str, Update], width: float) -> GateTable:
    """The table of the gates that intervals of a width do justice to."""
    fits = {gate: _fit(update, width) for gate, update in updates.items()}
    gates = tuple(gate for gate, (_, _, good) in fits.items() if good)
    values = np.zeros((-(-len(gates) // SIDE_BY_SIDE), round((HIGH - LOW) / width) + 1, DEGREE + 1, 2, SIDE_BY_SIDE))
    for k, gate in enumerate(gates):
        values[k // SIDE_BY_SIDE, 1:, :, :, k % SIDE_BY_SIDE] = fits[gate][0]
    return GateTable(gates, width, values, {gate: fits[gate][1] for gate in gates})


def _fit(update: Update, width: float) -> tuple[np.ndarray, float, bool]:
    """Coefficients [intervals, DEGREE + 1, 2] of D and B, the largest error by the gate's range, and whether it is small enough."""
    middle = (LOW + (np.arange(round((HIGH - LOW) / width)) + 0.5) * width)[:, None]
    count = DEGREE + 1
    points = 0.5 * np.cos(np.pi * (2 * np.arange(count) + 1) / (2 * count))
    inverse = np.linalg.inv(np.vander(points, count))
    coefficients = np.stack([f @ inverse.T for f in _coefficients(update, middle + width * points)], axis=-1)
    between = np.append(0.5 * np.cos(np.pi * np.arange(1, 2 * count) / count), -0.5)  # where the error of such a fit is largest; the lower border
    slope, shift = _coefficients(update, middle + width * between)
    powers = np.vander(between, count)
    off_slope, off_shift = (np.abs(coefficients[..., k] @ powers.T - exact) for k, exact in enumerate((slope, shift)))
    with np.errstate(divide="ignore", invalid="ignore"):
        target = np.abs(shift / slope)
        reach = max(float(np.max(target, initial=0.0, where=np.isfinite(target))), np.finfo(float).tiny)
        error = (off_slope * reach + off_shift) / reach
        tends = error / np.abs(slope)
    good = bool(np.all(np.isfinite(coefficients)) and np.all((error <= ACCURACY * np.abs(slope)) | (error <= ROUNDING)))
    return coefficients, float(np.max(tends, initial=0.0, where=np.isfinite(tends))), good


def _coefficients(update: Update, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D and B at potentials."""
    flat = v.ravel()
    at_zero, at_one = update(0.0, flat), update(1.0, flat)
    return ((at_one - at_zero) - 1.0).reshape(v.shape), at_zero.reshape(v.shape)
