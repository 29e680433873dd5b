"""Gradients of several methods side by side: cosines with a reference, and norms, by what is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.methods.method import Method, method_of
from neuropil.learn.rollout import Rolled
from neuropil.learn.trainable import FreeParameters

Tree = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """Gradients by free numbers.

    Attributes:
        reference: name of the method to which others are compared.
        gradients: method -> label -> array.
        values: method -> the loss.
    """

    reference: str
    gradients: dict[str, Tree]
    values: dict[str, float]

    def cosine(self, method: str, label: str | None = None) -> float:
        """The cosine between a method's gradient and the reference's; NaN if one of them is zero.

        Args:
            method: its name.
            label: of what is trained; None: everything.
        """
        a, b = (self._flat(name, label) for name in (method, self.reference))
        size = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / size) if size > 0 else float("nan")

    def norm(self, method: str, label: str | None = None) -> float:
        """The Euclidean norm of a gradient.

        Args:
            method, label: as of `cosine`.
        """
        return float(np.linalg.norm(self._flat(method, label)))

    def _flat(self, method: str, label: str | None) -> np.ndarray:
        known = self.gradients[self.reference]
        chosen = list(known) if label is None else [label]
        return np.concatenate([np.ravel(np.asarray(self.gradients[method][n], np.float64)) for n in chosen])

    def __str__(self) -> str:
        labels: list[str | None] = [*self.gradients[self.reference], None]
        width = max(len(n or "all") for n in labels)
        head = f"{'':{width}}" + "".join(f"  {m:>20}" for m in self.gradients)
        rows = [f"{n or 'all':{width}}" + "".join(f"  {self.cosine(m, n):>8.4f} {self.norm(m, n):>11.4g}" for m in self.gradients) for n in labels]
        return "\n".join([head, f"{'':{width}}" + f"  {'cosine':>8} {'norm':>11}" * len(self.gradients), *rows])


def compare_gradients(
    free: FreeParameters, loss: Callable[[Rolled], Any], inputs: Tree, methods: Iterable[str | Method] = ("bptt", "eprop"), *, at: Tree | None = None,
    show: bool = True,
) -> Comparison:  # fmt: skip
    """Compute the gradient of one loss by several methods, and print how they compare to the first.

    Args:
        free: what is trained, of which rollout.
        loss: of what the rollout leaves, one number.
        inputs: as of `Rollout.apply`.
        methods: names or methods; the first is the reference.
        at: free numbers; None: those at the start.
        show: print the table.

    Raises:
        ModelError: an unknown method, one given twice, or one that does not support the network.
    """
    chosen = [method_of(m) for m in methods]
    labels = [m.name if sum(m.name == n.name for n in chosen) == 1 else m.label for m in chosen]
    if not chosen or len(set(labels)) < len(labels):
        raise ModelError("compare_gradients needs different methods", got=labels)
    gradients, values = {}, {}
    with jax.enable_x64(free.rollout.precision == "float64"):
        for label, method in zip(labels, chosen, strict=True):
            start = method.start(free.rollout, free.start if at is None else at)
            (value, _), slope = jax.jit(method.gradient(free.rollout, free.values, lambda rolled: (loss(rolled), None)))(start, inputs)
            gradients[label] = {n: np.asarray(slope[n]) for n in free.start}
            values[label] = float(value)
    made = Comparison(labels[0], gradients, values)
    if show:
        print(made)
    return made
