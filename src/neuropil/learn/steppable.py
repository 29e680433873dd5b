"""What a rollout asks of a population, whatever its neurons are made of."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neuropil.learn.branched import BranchedNeurons
from neuropil.learn.cable import CellNeurons
from neuropil.learn.population import Neurons
from neuropil.learn.surrogate import Surrogate
from neuropil.lower.trace import Scalars
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.branched import BRANCH, Branched


class Steppable(Protocol):
    """See `Neurons`, whose methods these are; names are full ones."""

    @property
    def population(self) -> Population: ...
    @property
    def parameters(self) -> dict[str, Any]: ...
    @property
    def initial(self) -> dict[str, Any]: ...
    @property
    def draws_uniform(self) -> bool: ...
    def constants(self, parameters: Scalars, dt: float, dtype: Any) -> Scalars: ...
    def advance(self, p: Scalars, s: Scalars, left: Any, x: Scalars, w: Scalars, u: Any) -> tuple[Scalars, Any, Any]: ...
    def observed(self, s: Scalars, name: str, places: np.ndarray) -> Any: ...


def steppable(
    population: Population, dt: float, seed: int, dtype: Any, surrogate: Surrogate | None, reset_gradient: bool, scale: float | None
) -> Steppable:
    """A population as a rollout steps it; see `Rollout` for the arguments."""
    if isinstance(population.neuron, Cell):
        return CellNeurons.of(population, dt, seed, dtype, surrogate, scale)
    soma = Neurons.of(population, seed, dtype, surrogate, reset_gradient, scale)
    if not isinstance(population.neuron, Branched):
        return soma
    return BranchedNeurons(population.neuron, soma, Neurons.of(population, seed, dtype, None, False, None, BRANCH))
