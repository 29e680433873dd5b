"""The one table of operations: how each is evaluated on NumPy and counted (`neuropil.codegen.elementwise` says how kernels write it).

Whatever a model may contain is in this table; what is missing from it is a named error that says what to write
instead. FLOPs follow the usual convention: an add, multiply, compare or select is 1, a division or square root 1
(though slower), and a transcendental the number of operations of its polynomial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuropil.errors import PrimitiveError
from neuropil.lower.coupled import LARGEST_GROUP, evaluate_flow


@dataclass(frozen=True)
class Primitive:
    """One scalar operation.

    Attributes:
        evaluate: it, on NumPy arrays.
        flops: floating-point operations.
        gives: "f" (a number), "b" (a truth value) or "t" (a tuple of numbers).
    """

    evaluate: Callable[..., Any]
    flops: int
    gives: str = "f"


def _logistic(x: Any) -> Any:
    from scipy.special import expit  # SciPy takes a while to import, and few models have it

    return expit(x)


PRIMITIVES: dict[str, Primitive] = {
    "add": Primitive(np.add, 1),
    "sub": Primitive(np.subtract, 1),
    "mul": Primitive(np.multiply, 1),
    "div": Primitive(np.divide, 1),
    "neg": Primitive(np.negative, 1),
    "abs": Primitive(np.abs, 1),
    "max": Primitive(np.maximum, 1),
    "min": Primitive(np.minimum, 1),
    "sqrt": Primitive(np.sqrt, 1),
    "floor": Primitive(np.floor, 1),
    "ceil": Primitive(np.ceil, 1),
    "exp": Primitive(np.exp, 18),
    "exp2": Primitive(np.exp2, 17),
    "expm1": Primitive(np.expm1, 22),
    "log": Primitive(np.log, 24),
    "log1p": Primitive(np.log1p, 27),
    "tanh": Primitive(np.tanh, 26),
    "logistic": Primitive(_logistic, 21),
    "sin": Primitive(np.sin, 20),
    "cos": Primitive(np.cos, 20),
    "pow": Primitive(np.power, 44),
    "lt": Primitive(np.less, 1, "b"),
    "le": Primitive(np.less_equal, 1, "b"),
    "gt": Primitive(np.greater, 1, "b"),
    "ge": Primitive(np.greater_equal, 1, "b"),
    "eq": Primitive(np.equal, 1, "b"),
    "ne": Primitive(np.not_equal, 1, "b"),
    "and": Primitive(np.logical_and, 0, "b"),
    "or": Primitive(np.logical_or, 0, "b"),
    "not": Primitive(np.logical_not, 0, "b"),
    "is_finite": Primitive(np.isfinite, 1, "b"),
    "select": Primitive(np.where, 1),
    "to_float": Primitive(lambda b: np.asarray(b, float), 0),
}

PRIMITIVES |= {f"flow{n}": Primitive(evaluate_flow, 30 * n * n, "t") for n in range(2, LARGEST_GROUP + 1)}
PRIMITIVES |= {f"item{k}": Primitive(lambda a, k=k: a[k], 0) for k in range(LARGEST_GROUP)}

_INSTEAD = {
    "while": "a loop cannot run inside a neuron's equation: unroll it, or make the quantity a state with a derivative",
    "scan": "a loop cannot run inside a neuron's equation: unroll it, or make the quantity a state with a derivative",
    "cond": "use neuropil.maths.where(condition, a, b): both sides are computed, one is kept",
    "dot_general": "equations are scalar, one neuron at a time: write the sum out, or connect neurons by a projection",
    "erf": "use neuropil.maths.tanh or sigmoid, or add erf to neuropil.lower.primitives",
    "erf_inv": "draw normal numbers with a Noise stimulus",
    "random_bits": "randomness enters through hazard(), Noise and Poisson, which keep runs reproducible",
    "threefry2x32": "randomness enters through hazard(), Noise and Poisson, which keep runs reproducible",
    "atan2": "use tanh or exp, or add atan2 to neuropil.lower.primitives",
    "rem": "use floor: a - b * floor(a / b)",
    "gather": "indexing is not possible in a scalar equation: use where()",
    "dynamic_slice": "indexing is not possible in a scalar equation: use where()",
    "concatenate": "equations are scalar: return one value per state",
    "reduce_sum": "equations are scalar: write the sum out",
}


def missing(name: str, where: str) -> PrimitiveError:
    """The error for an operation that has no native form.

    Args:
        name: of the operation.
        where: in which equation.
    """
    return PrimitiveError(
        f"{where}: the operation {name!r} has no native form",
        expected="one of " + ", ".join(sorted(PRIMITIVES)),
        fix=_INSTEAD.get(name, "write it with the functions of neuropil.maths, or add it to neuropil.lower.primitives and neuropil.codegen.elementwise"),
    )
