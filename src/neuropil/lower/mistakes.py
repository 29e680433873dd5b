"""What errors of Python, NumPy and JAX mean when a model's equations raise them: the mistake behind each, and its remedy."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback
from typing import Any

from neuropil import maths, units
from neuropil.errors import ModelError, NeuropilError, did_you_mean
from neuropil.lower.later import jax
from neuropil.model.base.described import DeclarativeModel

_FOREIGN = re.compile(r"\b(math|cmath|np|numpy|jnp|jax\.numpy|scipy\.special|special)\.(\w+)\(")
_OTHER_NAMES = {"abs": "absolute", "fabs": "absolute", "max": "maximum", "min": "minimum", "power": "**", "pow": "**", "square": "**"}
_ON_QUANTITIES = ("__array_ufunc__", "abstract array", "must be real number, not Quantity", "NumPy functions do not support quantities")


def explained(error: Exception, model: DeclarativeModel, method: str, where: str) -> NeuropilError:
    """The error to raise in place of one that a method of a model raised.

    Args:
        where: the method, and the state whose equation it is, in words.
        error: as raised.
        model: whose method it is.
        method: its name.
    """
    line = _line(error, method)
    foreign = _FOREIGN.search(line)
    if isinstance(error, jax.errors.TracerBoolConversionError):
        return ModelError(f"{where} branches on a value", fix="use where(condition, a, b), maximum or minimum of neuropil.maths instead of if / and / or / max / min")
    if isinstance(error, NeuropilError) and not foreign:
        return error
    if foreign or isinstance(error, jax.errors.JAXTypeError) or any(text in str(error) for text in _ON_QUANTITIES):
        called = f"{foreign[1]}.{foreign[2]}" if foreign else "a function of another library"
        return ModelError(f"{where} calls {called}, which does not support units and cannot be traced", got=line or None, fix=_of_maths(foreign[2] if foreign else ""))
    if isinstance(error, AttributeError) and isinstance(getattr(error, "obj", None), DeclarativeModel):
        return ModelError(f"{type(model).__name__} has no parameter {error.name!r}", got=line or None, fix=_named(str(error.name), model))
    if isinstance(error, NameError):
        return ModelError(f"{where} uses the unknown name {error.name!r}", got=line or None, fix=_named(str(error.name), model))
    expected = _signature(model, method)
    if isinstance(error, TypeError) and expected is not None:
        return ModelError(f"{where} does not take the arguments it is given", got=f"def {method}{inspect.signature(getattr(type(model), method))}", expected=f"def {method}{expected}")
    return ModelError(f"{where} failed: {type(error).__name__}: {error}", got=line or None, fix="equations may use + - * / **, comparisons and neuropil.maths")


def _line(error: Exception, method: str) -> str:
    """The line of the method from which the error came, as its author wrote it; "" where there is no source."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.name == method and "neuropil/lower" not in frame.filename.replace("\\", "/")]
    return linecache.getline(own[-1].filename, own[-1].lineno or 0).strip() if own else ""


def _of_maths(name: str) -> str:
    """How to write a function with neuropil.maths."""
    own = _OTHER_NAMES.get(name, name)
    if own == "**":
        return "write x**n"
    if own in maths.__all__:
        return f"from neuropil.maths import {own}, and {own}(...) of a number without unit"
    return f"use + - * / ** and the functions of neuropil.maths: {', '.join(maths.__all__)}"


def _named(name: str, model: DeclarativeModel) -> str:
    """The likely meaning of an unknown name in an equation."""
    spec = model.spec
    for prefix, known in (("self", spec.parameters), ("s", spec.states), ("x", spec.inputs), ("w", spec.ports)):
        if name in known:
            return f"{prefix}.{name}"
    for module in (maths, units):
        if hasattr(module, name):
            return f"from {module.__name__} import {name}"
    return f"{did_you_mean(name, spec.parameters)}; states are s.name, inputs x.name"


def _signature(model: DeclarativeModel, method: str) -> Any:
    """The arguments that a method must take, if it does not."""
    mine = getattr(type(model), method, None)
    base = next((vars(kind)[method] for kind in type(model).__mro__ if kind.__module__.startswith("neuropil.model.") and method in vars(kind)), None)
    if mine is None or base is None:
        return None
    asked, given = (inspect.signature(function) for function in (base, mine))
    try:
        given.bind(*asked.parameters)
    except TypeError:
        return "(" + ", ".join(asked.parameters) + ")"
    return None
