"""What each kind of NIR node is here: a neuron, or a linear operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.model import Convolution, Pooling
from neuropil.model.neuron.neuron import Neuron
from neuropil.nir import models
from neuropil.nir.library import library
from neuropil.nir.paths import Step

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        dt: ms, duration of a spike's pulse; euler: nodes advance by forward Euler.
        reset: as of `neuropil.nir.models.node`.
    """

    dt: float
    euler: bool
    reset: str

    def neuron(self, node: Any, size: int) -> Neuron:
        """The neuron of a node with a state.

        Args:
            node: of NIR; size: number of neurons.
        """
        kind, given = _neurons()[type(node)](node)
        flat = {n: np.ravel(v) for n, v in given.items()}
        return models.node(kind, size, self.dt, euler=self.euler, reset=self.reset, **flat)


def _milliseconds(value: Any) -> np.ndarray:
    return np.asarray(value, float) * 1000.0


def _neurons() -> dict[type, Callable[[Any], tuple[type, dict[str, Any]]]]:
    """By kind of node its model and parameters."""
    nir = library()

    def fires(n: Any) -> dict[str, Any]:
        return {"v_threshold": n.v_threshold, "v_reset": n.v_reset}

    def cuba(n: Any) -> dict[str, Any]:
        return {"tau_syn": _milliseconds(n.tau_syn), "tau_mem": _milliseconds(n.tau_mem), "r": n.r, "v_leak": n.v_leak, "w_in": n.w_in}

    def leaky(n: Any) -> dict[str, Any]:
        return {"tau": _milliseconds(n.tau), "r": n.r, "v_leak": n.v_leak}

    return {
        nir.LI: lambda n: (models.LI, leaky(n)),
        nir.LIF: lambda n: (models.LIF, {**leaky(n), **fires(n)}),
        nir.CubaLI: lambda n: (models.CubaLI, cuba(n)),
        nir.CubaLIF: lambda n: (models.CubaLIF, {**cuba(n), **fires(n)}),
        nir.I: lambda n: (models.I, {"r": n.r}),
        nir.IF: lambda n: (models.IF, {"r": n.r, **fires(n)}),
        nir.Threshold: lambda n: (models.Threshold, {"threshold": n.threshold}),
    }


def has_state(node: Any) -> bool:
    """Whether a node becomes neurons."""
    return type(node) in _neurons()


def own_shape(node: Any) -> Shape | None:
    """The shape of a node's output where the node alone says it.

    Args:
        node: of NIR.
    """
    nir = library()
    if isinstance(node, (nir.Linear, nir.Affine)):
        return (int(node.weight.shape[-2]),)
    if isinstance(node, nir.Input):
        return tuple(int(v) for v in np.ravel(next(iter(node.input_type.values()))))
    if has_state(node):
        shape = next(np.shape(v) for v in vars(node).values() if isinstance(v, np.ndarray))
        return tuple(shape) if int(np.prod(shape)) > 1 else None
    return None


def is_operation(node: Any) -> bool:
    """Whether a node is a linear operation."""
    return type(node) in _operations()


def step_of(node: Any, shape: Shape) -> Step:
    """A linear node as an operation on values of a shape.

    Args:
        node: of NIR; shape: of what goes in.

    Raises:
        ValueError, ModelError: it does not fit.
    """
    return _operations()[type(node)](node, shape)


def _operations() -> dict[type, Callable[[Any, Shape], Step]]:
    nir = library()
    return {
        nir.Linear: _linear, nir.Affine: _linear, nir.Scale: _scale, nir.Delay: _delay, nir.Flatten: _flatten, nir.Conv1d: _convolution,
        nir.Conv2d: _convolution, nir.SumPool2d: lambda n, s: _pooling(n, s, False), nir.AvgPool2d: lambda n, s: _pooling(n, s, True),
    }  # fmt: skip


def _linear(node: Any, shape: Shape) -> Step:
    if node.weight.ndim != 2:
        raise ValueError(f"weights of {node.weight.ndim} axes")
    if node.weight.shape[1] != np.prod(shape):
        raise ValueError(f"weights for {node.weight.shape[1]} inputs, of which there are {int(np.prod(shape))}")
    bias = np.asarray(node.bias, float) if hasattr(node, "bias") else None
    return Step((node.weight.shape[0],), np.asarray(node.weight, float).T, bias)


def _scale(node: Any, shape: Shape) -> Step:
    return Step(shape, np.array(np.broadcast_to(np.asarray(node.scale, float), shape)).ravel())


def _delay(node: Any, shape: Shape) -> Step:
    lag = _milliseconds(node.delay)
    if not np.all(lag >= 0.0):
        raise ValueError(f"a delay of {lag.min():g} ms")
    return Step(shape, delay=np.array(np.broadcast_to(lag, shape)).ravel())


def _flatten(node: Any, shape: Shape) -> Step:
    return Step((int(np.prod(shape)),))  # neurons lie row by row already


def _plain(value: Any) -> Any:
    """Whole numbers of NumPy as Python's."""
    if isinstance(value, (str, int)):
        return value
    flat = [int(v) for v in np.ravel(value)]
    return flat[0] if len(flat) == 1 else tuple(flat)


def _convolution(node: Any, shape: Shape) -> Step:
    axes = node.weight.ndim - 2
    channels = node.weight.shape[1] * int(node.groups)
    if len(shape) != axes + 1:
        if node.input_shape is None:
            raise ValueError(f"a shape of {axes + 1} axes is needed, not {shape}")
        shape = (channels, *(int(v) for v in np.ravel(node.input_shape)))
    padding = {"valid": 0}.get(node.padding, node.padding) if isinstance(node.padding, str) else _plain(node.padding)
    made = Convolution(np.asarray(node.weight, float), shape, _plain(node.stride), padding, _plain(node.dilation), int(node.groups))
    per_channel = int(np.prod(made.target_shape[1:]))
    bias = np.repeat(np.asarray(node.bias, float), per_channel) if node.bias is not None and np.any(node.bias) else None
    return Step(made.target_shape, made, bias)


def _pooling(node: Any, shape: Shape, mean: bool) -> Step:
    if len(shape) != 3:
        raise ValueError(f"pooling needs a shape of 3 axes, not {shape}")
    size = _plain(node.kernel_size)
    places = int(np.prod(np.broadcast_to(size, (2,))))
    made = Pooling(shape, size, 1.0 / places if mean else 1.0, _plain(node.stride), _plain(node.padding))
    return Step(made.target_shape, made)
