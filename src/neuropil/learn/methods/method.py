"""How gradients of a rollout are computed: one interface for all methods.

A method gives the rollout's own values, and of them a gradient of its own kind. One outside the package is one class and one line:

    class Mine(Method):
        name = "mine"
        def apply(self, rollout, parameters, state, inputs): ...

    register(Mine())
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.batches import Batch
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.registry import Named, named, names

Tree = dict[str, Any]
Values = Callable[[Tree], tuple[Tree, Tree]]
"""From free numbers to parameters and state, as `FreeParameters.values`."""


class Method(Named):
    """Base class; a subclass gives `apply`, or `gradient`."""

    family: ClassVar[str] = "method of training"

    def check(self, rollout: Rollout) -> None:
        """Refuse networks of which this method has no gradient.

        Args:
            rollout: of the network.

        Raises:
            ModelError: with what is not supported, and the remedy.
        """

    def start(self, rollout: Rollout, free: Tree) -> Tree:
        """What an optimiser changes at the start: the free numbers, and what the method itself learns beside them.

        Args:
            rollout: of the network.
            free: as `FreeParameters.start`.
        """
        return free

    def apply(self, rollout: Rollout, parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
        """As `Rollout.apply`, with this method's derivative.

        Args:
            rollout: of the network.
            parameters, state, inputs: as of `Rollout.apply`, with a batch axis or without.
        """
        raise ModelError(f"{type(self).__name__} has no derivative of its own", fix="call gradient(rollout, values, loss)")

    def gradient(self, rollout: Rollout, values: Values, loss: Callable[..., Any]) -> Callable[..., Any]:
        """Value and gradient of a loss.

        Args:
            rollout: of the network.
            values: from free numbers to parameters and state.
            loss: (rolled, *arguments) -> (one number, anything).

        Returns:
            (free, inputs, *arguments) -> ((number, anything), gradient like free).

        Raises:
            ModelError: as `check`.
        """
        self.check(rollout)

        def total(free: Tree, inputs: Tree, *arguments: Any) -> Any:
            return loss(self.apply(rollout, *values(free), inputs), *arguments)

        return jax.value_and_grad(total, has_aux=True)


def method_of(given: Any) -> Method:
    """A method: the one given, or the registered one of this name.

    Args:
        given: a `Method`, or a name.

    Raises:
        ModelError: there is none.
    """
    if isinstance(given, Method):
        return given
    if not isinstance(given, str):
        raise ModelError("not a method of training", got=given, expected=", ".join(map(repr, names(Method))))
    return named(Method, given)


def over_samples(rollout: Rollout, one: Callable[[Tree, Tree, Tree], Rolled], parameters: Tree, state: Tree, inputs: Tree) -> Rolled:
    """A function of one sample applied to every sample.

    Args:
        rollout: of the network.
        one: (parameters, state, inputs) -> rolled.
        parameters, state, inputs: as of `Rollout.apply`, with a batch axis or without.
    """
    batch = Batch.of(rollout.network, rollout.initial(), state, inputs)
    if batch.size is None:
        return one(parameters, state, inputs)
    rolled: Rolled = jax.vmap(lambda state, inputs: one(parameters, state, inputs), in_axes=(batch.state, batch.inputs))(state, inputs)
    return rolled


def whole_number(value: Any, what: str, least: int = 1) -> int:
    """A number of steps or a seed, checked.

    Args:
        value: as given.
        what: it is; opens the error message.
        least: the smallest.

    Raises:
        ModelError: not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ModelError(f"{what} must be a whole number of at least {least}", got=value)
    return int(value)
