"""A piece of a cell within a rollout: the compartments of one membrane, or the sites of a point process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.learn.propagators import entry_values
from neuropil.lower.membrane import Membrane

Values = dict[str, Any]
"""By name, arrays."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A membrane, or the sites of a point process, within the cells' arrays.

    Attributes:
        name: what its states are kept under.
        membrane: its two functions.
        rows: int[k], rows of the arrays [compartment, cell]; consecutive for a membrane.
        among: mechanism -> int[k], which of the mechanism's compartments or sites, in the cell's order, each row is.
        initial: states at the start, [k, cells].
    """

    name: str
    membrane: Membrane
    rows: np.ndarray
    among: dict[str, np.ndarray]
    initial: Values

    def constants(self, parameters: Values, dt: float, dtype: Any) -> Values:
        """Parameters and propagators by "mechanism.name", of shape (), [k, 1] or [k, cells].

        Args:
            parameters: by "mechanism.name".
            dt: time step, ms.
            dtype: of the arrays.
        """
        found: Values = {"dt": jnp.asarray(dt, dtype)}
        for name, t in self.membrane.traced.items():
            own = {n: column(parameters[f"{name}.{n}"], self.among[name], dtype) for n in t.spec.parameters}
            entries = entry_values(self.membrane.steps[name], own, dt, dtype)
            found.update({f"{name}.{n}": value for n, value in {**own, **entries}.items()})
        return found

    def noises(self, signals: Values) -> Values:
        """The white noise of its channels, [k, cells].

        Args:
            signals: by "mechanism.input", [compartments that have the mechanism, cells].
        """
        return {n: signals[n][self.among[n.partition(".")[0]]] for n in self.membrane.signals}

    def currents(self, p: Values, s: Values, v: Any, around: Values, signals: Values) -> tuple[Any, Any, Values]:
        """Conductance, outward current and ion currents, each like v; see `Membrane.currents`.

        Args:
            p: from `constants`.
            s: states by "mechanism.name", [k, cells].
            v: potentials, mV, [k, cells].
            around: what compartments supply by name.
            signals: stimuli by "mechanism.input".
        """
        early = {n: a for n, a in around.items() if not n.startswith("i_")}
        g, out, ions = self.membrane.currents(p, s, v, early, signals)
        return like(g, v), like(out, v), {n: like(i, v) for n, i in ions.items()}

    def advance(self, p: Values, s: Values, v: Any, around: Values, signals: Values, w: Values) -> Values:
        """States after the step, each like v.

        Args:
            p, s, v, around, signals: as of `currents`.
            w: summed weights by "mechanism.port".
        """
        return {n: like(value, v) for n, value in self.membrane.advance(p, s, v, around, signals, w).items()}

    def offers(self, p: Values, s: Values, v: Any) -> Values:
        """What point processes may read, each like v.

        Args:
            p, s, v: as of `currents`.
        """
        given = self.membrane.surroundings(p, s, v, {})
        return {n: like(given[n], v) for n in self.membrane.offers}


def column(value: Any, which: np.ndarray, dtype: Any) -> Any:
    """A number as it is; of [sites] or [sites, cells] the rows `which`, as [k, 1] or [k, cells].

    Args:
        value: as it is given.
        which: int[k].
        dtype: of the result.
    """
    array = jnp.asarray(value, dtype)
    if array.ndim == 0:
        return array
    chosen = array[which]
    return chosen[:, None] if chosen.ndim == 1 else chosen


def like(value: Any, v: Any) -> Any:
    """A value in shape and type of v."""
    return jnp.broadcast_to(value, v.shape).astype(v.dtype)
