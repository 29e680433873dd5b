"""How gradients of a rollout are computed: one interface for all methods.

A method gives the rollout's own values, and of them a gradient of its own kind. One outside the package is one class and one line:

    class Mine(Method):
        name = "mine"
        def apply(self, rollout, parameters, state, inputs): ...

    register(Mine())
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, ClassVar

import jax

from neuropil.errors import ModelError
from neuropil.learn.batches import Batch
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.registry import Named, named, names

Tree = dict[str, Any]
Values = Callable[[Tree], tuple[Tree, Tree]]
"""From free numbers to parameters and state, as `FreeParameters.values`."""


class Method(Named):
    """Base class; a subclass gives `apply`, or `gradient`.

    Class attribute:
        backends: of `Rollout.apply` that it can use.
    """

    family: ClassVar[str] = "method of training"
    backends: ClassVar[tuple[str, ...]] = ("jax",)

    @property
    def label(self) -> str:
        """Name and options."""
        options = ", ".join(f"{n}={v!r}" for n, v in vars(self).items())
        return f"{self.name} ({options})" if options else self.name

    def check(self, rollout: Rollout) -> None:
        """Refuse networks of which this method has no gradient.

        Args:
            rollout: of the network.

        Raises:
            ModelError: with what is not supported, and the remedy.
        """

    def check_dropout(self, rollout: Rollout, populations: Collection[str]) -> None:
        """Refuse dropout of which this method would see nothing.

        Args:
            rollout: of the network.
            populations: with neurons that are dropped.

        Raises:
            ModelError: with the remedy.
        """

    def check_backend(self, backend: str) -> None:
        """Refuse a `backend` that the method cannot use.

        Raises:
            ModelError: it is not one of `backends`.
        """
        if backend not in self.backends:
            raise ModelError(f"method {self.name!r} cannot use this backend", got=backend, expected=" or ".join(map(repr, self.backends)))

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

        Raises:
            ModelError: the method has `gradient` alone.
        """
        raise ModelError(f"{type(self).__name__} has no derivative of its own", fix="call gradient(rollout, values, loss)")

    def gradient(self, rollout: Rollout, values: Values, loss: Callable[..., Any], backend: str = "jax") -> Callable[..., Any]:
        """Value and gradient of a loss.

        Args:
            rollout: of the network.
            values: from free numbers to parameters and state.
            loss: (rolled, *arguments) -> (one number, anything).
            backend: one of `backends`.

        Returns:
            (free, inputs, *arguments) -> ((number, anything), gradient like free).

        Raises:
            ModelError: as `check`; a backend that the method cannot use.
        """
        self.check(rollout)
        self.check_backend(backend)
        chosen: dict[str, Any] = {} if backend == "jax" else {"backend": backend}

        def total(free: Tree, inputs: Tree, *arguments: Any) -> Any:
            return loss(self.apply(rollout, *values(free), inputs, **chosen), *arguments)

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
