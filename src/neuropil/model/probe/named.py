"""What `Network.probe` records under a name: states, inputs, events at ports, and the currents of cells with morphology.

    "v", "tuft.rising"         a state
    "current", "clamp.command" an input: what it was during the step that ends at the sample
    "exc", "tuft.exc"          a port: the summed weights of the events that arrived in that step (where no state has the name)
    "i_hh", "i_hh.na"          the outward current of a channel or point process, all of it or what an ion carries
    "i_na"                     what an ion carries in each compartment, channels and point processes together
    "i_axial", "i_injected", "i_membrane"    see `neuropil.model.probe.currents`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.contents.expression import Expression, readable
from neuropil.model.contents.recordable import Recordable, RecordedState
from neuropil.model.neuron.composite import full_name
from neuropil.model.probe.currents import Current, Sum, carried, injected, membrane, of_ion, outward
from neuropil.units import pA


def recordable(population: Population, given: Any) -> Recordable:
    """What a caller of `Network.probe` named.

    Args:
        population: whose neurons are recorded.
        given: a name, a function, or a `Recordable`.

    Raises:
        NetworkError: no such thing.
    """
    if isinstance(given, Recordable):
        return given
    if isinstance(given, str):
        if given in population.neuron.spec.states:
            return RecordedState(given)
        every = [*_inputs(population), *_ports(population), *_currents(population)]
        found = [thing for name, thing in every if name == given]
        if len(found) > 1 and given.startswith("i_"):
            name = given.removeprefix("i_")
            raise NetworkError(f"{population.name}: {given!r} is the current of a mechanism and that of an ion", fix=f"paint or place {name!r} under another name (name=...)")
        if found:
            return found[0]
        raise NetworkError(f"{population.name} has no {given!r} to record", fix=did_you_mean(given, [*population.neuron.spec.states, *dict(every)]))
    if callable(given):
        return Expression(given)
    raise NetworkError("a probe records a name, an expression or a function", got=repr(given), expected='"v", "i_membrane", lambda s, p: ..., npl.Expression(...)')


def _inputs(population: Population) -> Iterator[tuple[str, Recordable]]:
    for part, model in population.models.items():
        own = population.parts.get(part)
        for name in readable(model) if own is not None else ():
            if full_name(part, name) in population.neuron.spec.inputs:
                yield full_name(part, name), Expression(InputOf(name), part, full_name(part, name))


def _ports(population: Population) -> Iterator[tuple[str, Recordable]]:
    for part, own in population.parts.items():
        for name in own.model.spec.ports:
            yield full_name(part, name), Expression(PortOf(name), part, full_name(part, name))


@dataclass(frozen=True)
class InputOf:
    """The function that gives an input.

    Attributes:
        name: of the input.
    """

    name: str

    def __call__(self, x: Any) -> Any:
        return getattr(x, self.name)


@dataclass(frozen=True)
class PortOf:
    """The function that gives what arrives at a port.

    Attributes:
        name: of the port.
    """

    name: str

    def __call__(self, w: Any) -> Any:
        return getattr(w, self.name)


def _currents(population: Population) -> Iterator[tuple[str, Recordable]]:
    """The currents of a cell with morphology."""
    if not isinstance(cell := population.neuron, Cell):
        return
    yield "i_membrane", Current("i_membrane", membrane)
    yield "i_axial", Current("i_axial", lambda _: Sum(True, (), pA.dimension))
    yield "i_injected", Current("i_injected", lambda cell: Sum(False, injected(cell), pA.dimension))
    ions: dict[str, None] = {}
    for part, model in cell.models.items():
        by = carried(model)
        ions |= dict.fromkeys(ion for ion in by if ion)
        yield f"i_{part}", outward(part, None, f"i_{part}")
        for ion in filter(None, by):
            yield f"i_{part}.{ion}", outward(part, ion, f"i_{part}.{ion}")
    for ion in ions:
        yield f"i_{ion}", Current(f"i_{ion}", partial(of_ion, ion=ion))
