"""Neurons made of parts: the interface that a network needs, whatever the parts are.

A population's neuron is either a `Neuron`, one set of equations, or a `Composite`: a cell with morphology, or a soma with
branches. A *part* is a model of which every neuron has one or several, its *sites*: the synapses of one kind along a
dendrite, the branches themselves. Outside, a part's ports, inputs and states carry its name: "tuft.exc", "branch.v".
A single site is named by an index behind the name: "branch.exc[3]".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from neuropil.errors import ModelError, NetworkError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, Spec
from neuropil.model.base.shown import Shown

_INDEXED = re.compile(r"(?P<name>[^\[\]]*)\[(?P<index>[^\[\]]*)\]\Z")


@dataclass(frozen=True)
class Part:
    """A model and how many sites of it every neuron has.

    Attributes:
        model: its equations and parameters.
        sites: how many; with one site its ports need no index.
        within: inputs of the model that other parts of the neuron supply: no stimulus reaches them.
    """

    model: DeclarativeModel
    sites: int = 1
    within: tuple[str, ...] = ()


class Composite(Shown):
    """Base class of neurons made of parts.

    Class attributes:
        coupling: the machinery that advances the parts: "branched" (kernels of their own, coupled through the soma's
            input) or "cable" (one solver of the whole cell, for which the parts only collect what arrives).
    """

    coupling: ClassVar[str] = "cable"
    _complete = False

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete:
            raise ModelError(f"{type(self).__name__}.{name} cannot be set", got=f"{name} = {value!r}", fix="make a new one with other arguments")
        super().__setattr__(name, value)

    def frozen(self) -> Composite:
        """What a population keeps: itself, or where it can still be changed a copy that cannot."""
        return self

    @property
    def parts(self) -> dict[str, Part]:
        """The parts by name; the name "" is the neuron's own, whose ports carry no prefix."""
        raise NotImplementedError

    @property
    def models(self) -> dict[str, DeclarativeModel]:
        """Whatever has parameters, by name: the parts' models, and in a cell with morphology its channels."""
        return {name: part.model for name, part in self.parts.items()}

    def with_(self, **parameters: Any) -> Composite:
        """A copy with some parameters changed: those of a part or a channel as "part.name" (part__name as a keyword).

        Raises:
            ModelError, UnitError: no such part or parameter; a value that does not fit.
        """
        changes: dict[str, dict[str, Any]] = {}
        models = self.models
        for given, value in parameters.items():
            part, name = split(given.replace("__", "."))
            if part not in models or name not in models[part].spec.parameters:
                known = [full_name(p, n) for p, model in models.items() for n in model.spec.parameters]
                raise ModelError(f"{type(self).__name__} has no parameter {given!r}", fix=did_you_mean(given.replace("__", "."), known))
            changes.setdefault(part, {})[name] = value
        return self._with(changes)

    def _with(self, changes: dict[str, dict[str, Any]]) -> Composite:
        """A copy in which these parameters of these models are changed: {part: {parameter: value}}."""
        raise ModelError(f"{type(self).__name__}: parameters cannot be changed from outside", got=list(changes), fix="create a new neuron")

    def check_size(self, population: str, size: int) -> None:
        """Refuse what does not fit a population of this size, parts aside."""

    @property
    def spec(self) -> Spec:
        """What the whole declares to the outside: ports, inputs and states of the parts under their full names."""
        whole = Spec()
        for name, part in self.parts.items():
            inner, prefix = part.model.spec, f"{name}." if name else ""
            inputs = {n: d for n, d in inner.inputs.items() if n not in part.within}
            whole.ports.update({prefix + n: d for n, d in inner.ports.items()})
            whole.inputs.update({prefix + n: d for n, d in inputs.items()})
            whole.windows.update({prefix + n: prefix + w for n, w in inner.windows.items()})
            whole.states.update({prefix + n: s for n, s in inner.states.items()})
            whole.state_dimensions.update({prefix + n: d for n, d in inner.state_dimensions.items()})
            if part.sites > 1:
                whole.sites.update(dict.fromkeys((prefix + n for n in (*inner.ports, *inputs, *inner.states)), part.sites))
        return whole


def parts_of(neuron: Any) -> dict[str, Part]:
    """The parts of a population's neuron; a plain model is its own only part."""
    return neuron.parts if isinstance(neuron, Composite) else {"": Part(neuron)}


def split(name: str) -> tuple[str, str]:
    """A full name as (part, name within it): "branch.v" is ("branch", "v"), "v" is ("", "v")."""
    part, _, inner = name.rpartition(".")
    return part, inner


def full_name(part: str, name: str) -> str:
    """The name that a part's port, input or state has outside."""
    return f"{part}.{name}" if part else name


def indexed(name: Any) -> tuple[Any, int | None]:
    """A name and the site it names, if any: "branch.exc[3]" is ("branch.exc", 3).

    Raises:
        NetworkError: brackets without a whole number in them.
    """
    found = _INDEXED.match(name) if isinstance(name, str) else None
    if found is None:
        return name, None
    if not found["index"].isdecimal():
        raise NetworkError(f"{name!r} is not a site", got=found["index"], expected=f"a whole number: {found['name']}[3]")
    return found["name"], int(found["index"])
