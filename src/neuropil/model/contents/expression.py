"""What a probe computes of a neuron: an expression of its states and parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError, NeuropilError
from neuropil.model.base.described import DeclarativeModel, Values
from neuropil.model.base.immutable import unchanging
from neuropil.units import Dimension, Quantity, magnitude


class _Asked(dict[str, Any]):
    """Remembers which names were asked for."""

    def __init__(self, values: dict[str, Any]):
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        self.names.add(name)
        return found


@unchanging
@dataclass(frozen=True, eq=False)
class Expression:
    """A quantity that is computed from the states and parameters of a neuron, such as a leak current.

        net.probe(pop, npl.Expression(lambda s, p: p.g_l * (p.e_l - s.v), name="leak"))

    Args:
        function: of `s`, the states, and `p`, the parameters, each an object with them as attributes, to one quantity. It is written with
            arithmetic and the functions of `neuropil.maths`.
        part: of the neuron, such as "branch"; "" for the soma, and for neurons without parts.
        name: shown in messages and in the name of the probe.
    """

    function: Callable[[Any, Any], Any]
    part: str = ""
    name: str = "expression"

    @property
    def where(self) -> str:
        """For messages."""
        return f"the expression {self.name!r}"

    def of(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any]) -> Any:
        """Its value, on NumPy or JAX alike: a magnitude in base units.

        Args:
            model: whose states and parameters these are.
            p, s: magnitudes of parameters and states by name.
        """
        made = self.quantity(model, p, s)
        return made.value if isinstance(made, Quantity) else made

    def quantity(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any]) -> Any:
        """Its value, with its unit; as of `of`, with `model`, `p` and `s`."""
        return self._call(model, {n: Quantity(v, model.spec.parameters[n]) for n, v in p.items()}, {n: Quantity(v, model.spec.state_dimensions[n]) for n, v in s.items()})

    def _call(self, model: DeclarativeModel, p: dict[str, Any], s: dict[str, Any]) -> Any:
        owner = type(model).__name__
        return self.function(Values("state", owner, s), Values("parameter", owner, p))

    def parameters(self, model: DeclarativeModel) -> set[str]:
        """The names of the parameters of a `model` that it reads."""
        asked = _Asked({n: Quantity(1.0, d) for n, d in model.spec.parameters.items()})
        with np.errstate(all="ignore"):
            self._call(model, asked, {n: Quantity(1.0, d) for n, d in model.spec.state_dimensions.items()})
        return asked.names

    def dimension(self, model: DeclarativeModel) -> Dimension:
        """Of its value for neurons of a `model`, after trying it on ones.

        Raises:
            ModelError: it fails, or gives no number. UnitError: units that do not fit together.
        """
        try:
            with np.errstate(all="ignore"):
                made = self.quantity(model, dict.fromkeys(model.spec.parameters, 1.0), dict.fromkeys(model.spec.states, 1.0))
        except NeuropilError as error:
            raise type(error)(f"{self.where}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from None
        except Exception as error:
            raise ModelError(f"{self.where} fails", got=f"{type(error).__name__}: {error}", fix="write it with arithmetic and the functions of neuropil.maths") from error
        dimension = made.dimension if isinstance(made, Quantity) else (0, 0, 0, 0, 0)
        raw = magnitude(made, dimension, self.where)
        if np.ndim(raw) or np.asarray(raw).dtype.kind not in "biuf":
            raise ModelError(f"{self.where} must give one number", got=made, expected="a quantity")
        return dimension
