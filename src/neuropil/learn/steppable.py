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
    """The interface of `Neurons`; states, inputs, ports and parameters go by their full names ("branch.v")."""

    @property
    def population(self) -> Population:
        """The population, as described."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters by name, base units."""

    @property
    def initial(self) -> dict[str, Any]:
        """States at the start by name, base units."""

    @property
    def draws_uniform(self) -> bool:
        """Whether `advance` needs uniform numbers."""

    def constants(self, parameters: Scalars, dt: float, dtype: Any) -> Scalars:
        """All that a step reads.

        Args:
            parameters: by name, in place of `self.parameters`.
            dt: time step, ms.
            dtype: of the arrays.
        """

    def completed(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """Inputs with what the parts of a neuron give each other.

        Args:
            p: from `constants`; s: states by name; x: inputs by name, as they come from outside.
        """

    def advance(self, p: Scalars, s: Scalars, left: Any, x: Scalars, w: Scalars, u: Any) -> tuple[Scalars, Any, Any]:
        """One step.

        Args:
            p: from `constants`.
            s: states by name, [neurons · sites].
            left: int32[neurons], refractory steps left.
            x: inputs by name; w: summed weights by port, [neurons · sites].
            u: uniform numbers, [neurons].

        Returns:
            New states, `left`, and spikes [neurons], 0 or 1.
        """

    def observed(self, s: Scalars, name: str, indices: np.ndarray) -> Any:
        """The values of one state at some indices, [n].

        Args:
            s: states by name.
            name: of the state.
            indices: int[n], neuron · sites + site.
        """


def steppable(
    population: Population, dt: float, seed: int, dtype: Any, surrogate: Surrogate | None, reset_gradient: bool, scale: float | None
) -> Steppable:
    """A population as a rollout steps it.

    Args:
        population: as described.
        dt: time step, ms.
        seed, dtype, surrogate, reset_gradient, scale: as of `Rollout`.
    """
    if isinstance(population.neuron, Cell):
        return CellNeurons.of(population, dt, seed, dtype, surrogate, scale)
    soma = Neurons.of(population, seed, dtype, surrogate, reset_gradient, scale)
    if not isinstance(population.neuron, Branched):
        return soma
    return BranchedNeurons(population.neuron, soma, Neurons.of(population, seed, dtype, None, False, None, BRANCH))
