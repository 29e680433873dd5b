"""A population of neurons with branches within a rollout: two populations that see each other as they are at t_k."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuropil.learn.exchange import Exchange
from neuropil.learn.population import Neurons
from neuropil.lower.trace import Scalars
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.branched import BRANCH, Branched
from neuropil.model.neuron.composite import full_name


@dataclass(frozen=True)
class BranchedNeurons:
    """A population of branched neurons as a rollout steps it: the somas and their branches.

    Attributes:
        neuron: the model.
        soma: the somas; branches: all branches, neuron by neuron.
    """

    neuron: Branched
    soma: Neurons
    branches: Neurons

    @property
    def population(self) -> Population:
        """As described."""
        return self.soma.population

    @property
    def parameters(self) -> dict[str, Any]:
        """Of the soma and of the branches."""
        return _joined(self.soma.parameters, self.branches.parameters)

    @property
    def initial(self) -> dict[str, Any]:
        """States at the start."""
        return _joined(self.soma.initial, self.branches.initial)

    @property
    def draws_uniform(self) -> bool:
        """The soma's threshold is a hazard."""
        return self.soma.draws_uniform

    @property
    def pieces(self) -> dict[str, Neurons]:
        """Parts that step by one set of equations each, by name."""
        return {"": self.soma, BRANCH: self.branches}

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What soma and branches give each other, in order: states of the soma to each branch, then the outputs of all branches to the soma."""
        each = np.arange(self.population.size * self.neuron.branches)
        soma, output = each // self.neuron.branches, self.branches.step.traced.output
        seen = [Exchange("", BRANCH, partial(_state, state), n, soma, each) for n, state in self.neuron.reads.items()]
        return (*seen, Exchange(BRANCH, "", output, self.neuron.into, each, soma))

    def constants(self, parameters: Scalars, dt: float, dtype: Any) -> Scalars:
        """All that a step reads.

        Args:
            parameters: by full name ("branch.tau"), [neurons] or [neurons · branches].
            dt: time step, ms.
            dtype: of the arrays.
        """
        mine, theirs = _parted(parameters)
        return _joined(self.soma.constants(mine, dt, dtype), self.branches.constants(theirs, dt, dtype))

    def completed(self, p: Scalars, s: Scalars, x: Scalars) -> Scalars:
        """Inputs with what somas and branches give each other, added up in order.

        Args:
            p: from `constants`; s: states by full name; x: what comes from outside.
        """
        (_, p_branch), (s_soma, s_branch), (x_soma, x_branch) = map(_parted, (p, s, x))
        count, size = self.neuron.branches, self.population.size
        x_branch |= {n: jnp.repeat(s_soma[state], count) for n, state in self.neuron.reads.items()}
        given = self.branches.step.traced.output(p_branch, s_branch, x_branch)
        given = jnp.broadcast_to(given, (size * count,)).reshape(-1, count)
        total = x_soma[self.neuron.into]
        for b in range(count):
            total = total + given[:, b]
        return _joined({**x_soma, self.neuron.into: total}, x_branch)

    def advance(self, p: Scalars, s: Scalars, left: Any, x: Scalars, w: Scalars, u: Any) -> tuple[Scalars, Any, Any]:
        """One step: branches and soma by themselves.

        Args:
            p: from `constants`.
            s: states by full name.
            left: int32[neurons], refractory steps left.
            x: inputs by full name, from `completed`; w: summed weights by full name of the port.
            u: uniform numbers [neurons], for models with a hazard.

        Returns:
            New states, `left`, and spikes [neurons], 0 or 1.
        """
        (p_soma, p_branch), (s_soma, s_branch), (x_soma, x_branch), (w_soma, w_branch) = map(_parted, (p, s, x, w))
        count = self.neuron.branches
        still = jnp.zeros(left.size * count, left.dtype)
        new_branch, _, _ = self.branches.advance(p_branch, s_branch, still, x_branch, w_branch, jnp.zeros(still.shape, u.dtype))
        new_soma, left, spikes = self.soma.advance(p_soma, s_soma, left, x_soma, w_soma, u)
        return _joined(new_soma, new_branch), left, spikes

    def observed(self, s: Scalars, name: str, indices: np.ndarray) -> Any:
        """A state at indices counted neuron by neuron.

        Args:
            s: states by full name.
            name: of the state.
            indices: int[n], neuron · sites + site.
        """
        return s[name][indices]


def _state(name: str, p: Scalars, s: Scalars, x: Scalars) -> Any:
    return s[name]


def _joined(soma: Scalars, branch: Scalars) -> Scalars:
    return {**soma, **{full_name(BRANCH, n): v for n, v in branch.items()}}


def _parted(values: Scalars) -> tuple[Scalars, Scalars]:
    """The soma's and the branches' own."""
    prefix = full_name(BRANCH, "")  # names of a propagator's entries may have points in them
    theirs = {n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix)}
    return {n: v for n, v in values.items() if not n.startswith(prefix)}, theirs
