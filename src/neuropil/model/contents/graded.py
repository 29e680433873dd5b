"""Graded transmission: a projection that carries a function of its sources' states in every step, and no spikes.

    input of the target += sum over sources of w · f(state of the source)

    net.project(units, units, npl.FixedProbability(0.1), weight=npl.Normal(0.0, 0.1), delay=0 * ms, input="drive",
                synapse=npl.Graded(lambda s, p: maths.tanh(s.x)))

During the step from t_k the input has what the states are at t_k - delay; before the start nothing was sent (docs/design.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.described import DeclarativeModel, State
from neuropil.model.base.immutable import unchanging
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.contents.expression import Expression
from neuropil.model.neuron.composite import full_name, split
from neuropil.units import mV


@unchanging
@dataclass(frozen=True, eq=False)
class Graded:
    """What a graded projection transmits, in place of a synapse model.

    Args:
        of: of the source: a function of its states `s` and parameters `p` (as of `Expression`), an `Expression` of a part of it, or
            the name of a state. None: its state `v`, or its only state. Of cells with morphology it is a function of `s.v`, the
            potential at a location.
        at: of cells with morphology the location: the name of a point process with one site.
    """

    of: str | Expression | Callable[[Any, Any], Any] | None = None
    at: str = ""

    def expression(self, source: Population, where: str) -> Expression:
        """What is transmitted of the neurons of a source, checked.

        Args:
            source: the population.
            where: opens the error messages.

        Raises:
            NetworkError: a state, part or location that does not exist, or more than one site. ModelError, UnitError: a function that
                fails, or gives no number.
        """
        cell = isinstance(source.neuron, Cell)
        if cell != bool(self.at):
            fix = 'npl.Graded(lambda s, p: ..., at="the name of a point process")' if cell else "leave it out"
            raise NetworkError(f"{where}: at names a point process on cells with morphology", got=f"at={self.at!r} for {source.name}", fix=fix)
        made = self.of if isinstance(self.of, Expression) else None
        if made is None:
            known = list(source.neuron.spec.states) if not cell else ["v"]
            name = _default(known, source, where) if self.of is None else self.of
            if isinstance(name, str):
                if name not in known:
                    raise NetworkError(f"{where}: {source.name} has no state {name!r} to transmit", fix=did_you_mean(name, known))
                part, inner = split(name)
                made = Expression(StateOf(inner), part, name)
            elif callable(name):
                made = Expression(name, name="what is transmitted")
            else:
                raise NetworkError(f"{where}: not a function of a source's states", got=self.of, expected="lambda s, p: ..., the name of a state, or an Expression")
        part = self.at or made.part
        if part not in source.parts:
            raise NetworkError(f"{where}: {source.name} has no part {part!r}", fix=did_you_mean(part, source.parts))
        if source.parts[part].sites != 1:
            raise NetworkError(f"{where}: {source.name}.{part} exists several times in a neuron", got=f"{source.parts[part].sites} sites", expected="one site")
        made = Expression(made.function, part, made.name)
        if not set(made.asks) <= {"s", "p"}:
            raise NetworkError(f"{where}: what is transmitted depends on states and parameters", got=f"a function of {', '.join(made.asks)}", expected="lambda s, p: ...")
        made.dimension(source_model(source, part))
        return made


@dataclass(frozen=True)
class StateOf:
    """The function that gives a state.

    Attributes:
        name: of the state.
    """

    name: str

    def __call__(self, s: Any, p: Any) -> Any:
        return getattr(s, self.name)


class Potential(DeclarativeModel):
    """What a graded projection reads at a location on a cell with morphology."""

    v = State(0 * mV)


def source_model(source: Population, part: str) -> DeclarativeModel:
    """The model whose states and parameters a graded projection reads of a `part` of a `source`."""
    return Potential() if isinstance(source.neuron, Cell) else source.parts[part].model


def _default(known: list[str], source: Population, where: str) -> str:
    """The state that is transmitted where none is named."""
    if "v" in known or len(known) == 1:
        return "v" if "v" in known else known[0]
    raise NetworkError(f"{where}: which state of {source.name} is transmitted?", got=f"states {', '.join(known)}", fix=f"npl.Graded({known[0]!r})" if known else "a source with a state")


@dataclass(frozen=True, eq=False)
class GradedProjection(Projection):
    """Weights of graded transmission from one population to another; beside what every projection has:

    Attributes:
        value: what is transmitted of a source.
        given: as it was described.
    """

    value: Expression = field(kw_only=True)
    given: Graded = field(kw_only=True)

    @property
    def model(self) -> DeclarativeModel:
        """Whose states and parameters are read."""
        return source_model(self.source, self.value.part)

    @property
    def parameters(self) -> set[str]:
        """The full names of the parameters of the source that are read."""
        return {full_name(self.value.part, n) for n in self.value.parameters(self.model)}

    @property
    def published(self) -> tuple[Any, ...]:
        """What sources send, for comparison: projections in which it is equal share it."""
        return self.source.name, self.value.function, self.value.part, None if self.sources is None else self.sources.tobytes()

    @property
    def uniform_delay(self) -> bool:
        """All weights have one delay."""
        return isinstance(self.delay, float)

    @property
    def fixed_site(self) -> bool:
        """All weights of a target reach one site of it."""
        return self.sites == 1 or isinstance(self.site, (int, np.integer))

    @property
    def dense(self) -> bool:
        """The weights are kept as a matrix with an entry for every pair, which follows from the description alone."""
        if self.matrix is not None or not self.uniform_delay or not self.fixed_site:
            return False
        return self.rule.array_shape(*self.ends) == self.ends and not self.excludes_self

    def __repr__(self) -> str:
        return f"GradedProjection({self.name!r}, {type(self.matrix or self.rule).__name__}, input {self.input!r})"
