"""The signed distance to threshold, read from the comparison that a model's `fires` makes.

A model says `s.v >= self.v_th` and gets a truth value; a surrogate gradient needs `s.v - self.v_th`. Both are in the
trace of `fires`: its last equation is the comparison, whose operands are evaluated in its place.
"""

from __future__ import annotations

from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from neuropil.errors import ModelError
from neuropil.lower.trace import Scalars, TracedNeuron

_SIGN = {"ge": 1.0, "gt": 1.0, "le": -1.0, "lt": -1.0}


def distance(traced: TracedNeuron, p: Scalars, s: Scalars) -> Any:
    """How far a neuron is above its threshold, in the unit of the comparison; positive where `fires` holds.

    Args:
        p, s: parameters and states by name, numbers or arrays of one value per neuron.
        traced: the model.

    Raises:
        ModelError: when `fires` is not one comparison by >=, >, <= or <.
    """
    closed = jax.make_jaxpr(lambda p, s: traced.fires(p, s))(p, s)
    jaxpr = closed.jaxpr
    (result,) = jaxpr.outvars
    made_by = [k for k, equation in enumerate(jaxpr.eqns) if result in equation.outvars]
    name = jaxpr.eqns[made_by[0]].primitive.name if made_by else "a constant"
    if name not in _SIGN:
        raise ModelError(
            f"{traced.name}.fires() has no distance to threshold for a surrogate gradient",
            got=f"a condition whose last operation is {name!r}",
            expected="one comparison, for example s.v >= self.v_th",
            fix="write the condition as one comparison, or roll out with surrogate=None",
        )
    last = made_by[0]
    operands = jaxpr.replace(eqns=jaxpr.eqns[:last], outvars=list(jaxpr.eqns[last].invars))
    left, right = jaxpr_as_fun(ClosedJaxpr(operands, closed.consts))(*jax.tree.leaves((p, s)))
    return _SIGN[name] * (left - right)
