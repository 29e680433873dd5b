"""The one table of operations: how each is written in a kernel, evaluated on NumPy and counted.

Whatever a model may contain is in this table; what is missing from it is a named error that says what to write
instead. FLOPs follow the usual convention: an add, multiply, compare or select is 1, a division or square root 1
(though slower), and a transcendental the number of operations of its polynomial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from neuropil.errors import PrimitiveError
from neuropil.lower.coupled import LARGEST_GROUP, evaluate_flow


@dataclass(frozen=True)
class Primitive:
    """One scalar operation.

    Attributes:
        emit: its text in a kernel, with {0}, {1}, … for the arguments.
        evaluate: the same on NumPy arrays.
        flops: floating-point operations.
        gives: "f" (a number), "b" (a truth value) or "t" (a tuple of numbers).
    """

    emit: str
    evaluate: Callable[..., Any]
    flops: int
    gives: str = "f"


PRIMITIVES: dict[str, Primitive] = {
    "add": Primitive("{0} + {1}", np.add, 1),
    "sub": Primitive("{0} - {1}", np.subtract, 1),
    "mul": Primitive("{0} * {1}", np.multiply, 1),
    "div": Primitive("{0} / {1}", np.divide, 1),
    "neg": Primitive("-{0}", np.negative, 1),
    "abs": Primitive("abs({0})", np.abs, 1),
    "max": Primitive("max({0}, {1})", np.maximum, 1),
    "min": Primitive("min({0}, {1})", np.minimum, 1),
    "sqrt": Primitive("sqrt({0})", np.sqrt, 1),
    "floor": Primitive("floor({0})", np.floor, 1),
    "ceil": Primitive("ceil({0})", np.ceil, 1),
    "exp": Primitive("exp({0})", np.exp, 18),
    "exp2": Primitive("exp2({0})", np.exp2, 17),
    "expm1": Primitive("expm1({0})", np.expm1, 22),
    "log": Primitive("log({0})", np.log, 24),
    "log1p": Primitive("log1p({0})", np.log1p, 27),
    "tanh": Primitive("tanh({0})", np.tanh, 26),
    "logistic": Primitive("logistic({0})", special.expit, 21),
    "sin": Primitive("sin({0})", np.sin, 20),
    "cos": Primitive("cos({0})", np.cos, 20),
    "pow": Primitive("pow({0}, {1})", np.power, 44),
    "lt": Primitive("{0} < {1}", np.less, 1, "b"),
    "le": Primitive("{0} <= {1}", np.less_equal, 1, "b"),
    "gt": Primitive("{0} > {1}", np.greater, 1, "b"),
    "ge": Primitive("{0} >= {1}", np.greater_equal, 1, "b"),
    "eq": Primitive("{0} == {1}", np.equal, 1, "b"),
    "ne": Primitive("{0} != {1}", np.not_equal, 1, "b"),
    "and": Primitive("{0} & {1}", np.logical_and, 0, "b"),
    "or": Primitive("{0} | {1}", np.logical_or, 0, "b"),
    "not": Primitive("not {0}", np.logical_not, 0, "b"),
    "is_finite": Primitive("isfinite({0})", np.isfinite, 1, "b"),
    "select": Primitive("{1} if {0} else {2}", np.where, 1),
    "to_float": Primitive("number({0})", lambda b: np.asarray(b, float), 0),
}

PRIMITIVES |= {
    f"flow{n}": Primitive(f"flow{n}({', '.join(f'{{{k}}}' for k in range(n * n + n))})", evaluate_flow, 30 * n * n, "t") for n in range(2, LARGEST_GROUP + 1)
}
PRIMITIVES |= {f"item{k}": Primitive(f"number({{0}}[{k}])", lambda a, k=k: a[k], 0) for k in range(LARGEST_GROUP)}

MATH_FUNCTIONS = ("exp", "exp2", "expm1", "log", "log1p", "tanh", "logistic", "sin", "cos", "pow")
"""Those that kernels take from `neuropil.codegen.numerics`."""

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
    """The error for an operation that has no native form."""
    return PrimitiveError(
        f"{where}: the operation {name!r} has no native form",
        expected="one of " + ", ".join(sorted(PRIMITIVES)),
        fix=_INSTEAD.get(name, "write it with the functions of neuropil.maths, or add it to neuropil.lower.primitives"),
    )
