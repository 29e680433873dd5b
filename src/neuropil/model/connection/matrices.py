"""Structured weights of the package: circulant, permutation, Kronecker product, blocks on the diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.maths import where
from neuropil.model.connection.matrix import WeightMatrix, as_weights, values_of, weight_at


def _put(matrix: WeightMatrix, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(matrix, name, value)


@dataclass(frozen=True, eq=False)
class Circulant(WeightMatrix):
    """The same weights from every neuron to those around it on a ring: w[i, j] = kernel[(j - i) mod n].

    The product is a circular convolution, by a fast Fourier transform.

    Args:
        kernel: [n], weights by the distance from source to target, upwards around the ring.
    """

    kernel: Any

    def __post_init__(self) -> None:
        _put(self, kernel=as_weights(self.kernel, 1, "Circulant: kernel"))

    @property
    def shape(self) -> tuple[int, int]:
        n = int(np.shape(self.parameters["kernel"])[0])
        return n, n

    def entry(self, source: Any, target: Any) -> Any:
        return weight_at(self.kernel, (target - source) % self.shape[0])

    def product(self, x: Any) -> Any:
        library = x.__array_namespace__()
        transform = library.fft
        return transform.irfft(transform.rfft(x) * transform.rfft(library.asarray(self.parameters["kernel"])), self.shape[0]).astype(x.dtype)

    @property
    def multiply_adds(self) -> float:
        n = self.shape[0]
        return 5.0 * n * max(np.log2(n), 1.0)


@dataclass(frozen=True, eq=False)
class Permutation(WeightMatrix):
    """One target for each source: source i reaches target[i], each its own, with one weight or one each.

    Args:
        target: [n], each whole number below n once.
        weight: one, or [n] in the order of the sources.

    Raises:
        ModelError: no permutation, or weights of another shape.
    """

    target: Any
    weight: Any = 1.0

    def __post_init__(self) -> None:
        order = np.array(self.target)
        if order.ndim != 1 or order.dtype.kind not in "iu" or not np.array_equal(np.sort(order), np.arange(order.size)):
            raise ModelError("Permutation: target must name each of n targets once", got=self.target, expected="a permutation of 0 … n - 1")
        weight = as_weights(self.weight, np.ndim(values_of(self.weight)), "Permutation: weight")
        if values_of(weight).shape not in ((), order.shape):
            raise ModelError("Permutation: weight has the wrong shape", got=values_of(weight).shape, expected=f"{order.shape}, or one number")
        order.setflags(write=False)
        _put(self, target=order.astype(np.int64), weight=weight)

    @property
    def shape(self) -> tuple[int, int]:
        return self.target.size, self.target.size

    def entry(self, source: Any, target: Any) -> Any:
        weight = self.weight if np.ndim(self.parameters["weight"]) == 0 else weight_at(self.weight, source)
        return where(self.target[source] == target, weight, 0 * weight)

    def pairs(self) -> tuple[Any, Any]:
        return np.arange(self.target.size), self.target

    def product(self, x: Any) -> Any:
        return (x * self.parameters["weight"])[np.argsort(self.target)]

    @property
    def multiply_adds(self) -> float:
        return float(self.target.size)


@dataclass(frozen=True, eq=False)
class Kronecker(WeightMatrix):
    """The Kronecker product of two matrices: w[(i, k), (j, l)] = first[i, j] · second[k, l], where (i, k) is the neuron i · rows of second + k.

    Args:
        first: [sources, targets] of the slower index.
        second: likewise of the faster one. One of both may have a unit.
    """

    first: Any
    second: Any

    def __post_init__(self) -> None:
        _put(self, first=as_weights(self.first, 2, "Kronecker: first"), second=as_weights(self.second, 2, "Kronecker: second"))

    @property
    def shape(self) -> tuple[int, int]:
        (a, b), (c, d) = np.shape(self.parameters["first"]), np.shape(self.parameters["second"])
        return a * c, b * d

    def entry(self, source: Any, target: Any) -> Any:
        rows, columns = np.shape(self.parameters["second"])
        return weight_at(self.first, source // rows, target // columns) * weight_at(self.second, source % rows, target % columns)

    def product(self, x: Any) -> Any:
        first, second = (self.parameters[n] for n in ("first", "second"))
        return (first.T @ (x.reshape(np.shape(first)[0], -1) @ second)).ravel()

    @property
    def multiply_adds(self) -> float:
        (a, b), (c, d) = np.shape(self.parameters["first"]), np.shape(self.parameters["second"])
        return float(a * c * d + a * b * d)


@dataclass(frozen=True, eq=False)
class Blocks(WeightMatrix):
    """Blocks of one shape on the diagonal: source k of block b reaches the targets of block b alone, w = weights[b, k, l].

    Args:
        weights: [blocks, sources of a block, targets of a block].
    """

    weights: Any

    def __post_init__(self) -> None:
        _put(self, weights=as_weights(self.weights, 3, "Blocks: weights"))

    @property
    def shape(self) -> tuple[int, int]:
        blocks, rows, columns = np.shape(self.parameters["weights"])
        return blocks * rows, blocks * columns

    def entry(self, source: Any, target: Any) -> Any:
        _, rows, columns = np.shape(self.parameters["weights"])
        weight = weight_at(self.weights, source // rows, source % rows, target % columns)
        return where(source // rows == target // columns, weight, 0 * weight)

    def pairs(self) -> tuple[Any, Any]:
        _, rows, columns = np.shape(self.parameters["weights"])
        block, source, target = np.indices(np.shape(self.parameters["weights"])).reshape(3, -1)
        return block * rows + source, block * columns + target

    def product(self, x: Any) -> Any:
        weights = self.parameters["weights"]
        blocks, rows, _ = np.shape(weights)
        return (x.reshape(blocks, 1, rows) @ weights).ravel()

    @property
    def multiply_adds(self) -> float:
        return float(np.prod(np.shape(self.parameters["weights"])))
