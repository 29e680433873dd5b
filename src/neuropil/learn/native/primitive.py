"""What native kernels compute, to JAX one function with a derivative."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from neuropil.errors import ModelError
from neuropil.learn.native.calls import NativeCall
from neuropil.learn.native.foreign import foreign
from neuropil.learn.native.host import backward, forward, numbers
from neuropil.plan.gradient_signature import FIRED

Tree = dict[str, Any]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def rolled(call: NativeCall, floats: Tree, fixed: Tree) -> Tree:
    """Spikes, recorded states and the state at the end.

    Args:
        call: what is known of it.
        floats: what has cotangents.
        fixed: what has none; of its "count" steps the first so many are taken.
    """
    return _with_spikes(call, _host(forward, call, _results(call, floats), floats, fixed), fixed)


def _with_spikes(call: NativeCall, out: Tree, fixed: Tree) -> Tree:
    """What comes out, with spikes as numbers, each population by itself: where they are not needed, they are never made."""
    rollout = call.own.rollout
    spikes = {}
    for name, neurons in rollout._neurons.items():
        shape = (call.samples, call.steps, neurons.population.size)
        if name in fixed["spikes"]:
            rows = jax.vmap(partial(rollout._given, name, call.steps))(**fixed["spikes"][name])
            spikes[name] = jnp.broadcast_to(rows, shape)
        elif name in out["codes"]:
            spikes[name] = _numbers(out["codes"][name], jax.ShapeDtypeStruct(shape, rollout.dtype))
        else:
            spikes[name] = jnp.zeros(shape, rollout.dtype)
    return {**{kind: out[kind] for kind in ("records", "states", "flight", "past", "left")}, "spikes": spikes}


_LARGE = 2**20
"""Numbers from which on a call of the host costs less than what XLA does."""


def _numbers(codes: Any, like: Any) -> Any:
    """Spikes as numbers. Many are made by a kernel: XLA would compute them again wherever they are used, and hold an array for each use."""
    if like.size < _LARGE:
        return (codes[..., : like.shape[-1]] & FIRED).astype(like.dtype)
    return foreign((numbers, like.dtype), lambda given, filled: numbers(*given, *filled), [like], [codes])[0]


def _results(call: NativeCall, floats: Tree) -> Tree:
    """Shapes of what comes out."""
    rollout, lead = call.own.rollout, (call.samples, call.steps)
    shape = partial(jax.ShapeDtypeStruct, dtype=rollout.dtype)
    populations = {n: v.population for n, v in rollout._neurons.items()}
    size = {n: p.size for n, p in populations.items()}
    records: Tree = {}
    for name, state in call.recorded:
        records.setdefault(name, {})[state] = shape((*lead, size[name] * populations[name].sites(state)))
    return {
        "codes": {p.name: jax.ShapeDtypeStruct((*lead, p.width), np.uint8) for p in call.own.machine(call, floats).parts if p.coded and not p.given}, "tapes": jax.ShapeDtypeStruct((), np.int32), "records": records,
        "states": {n: {k: shape((call.samples, *a.shape[1:])) for k, a in of.items()} for n, of in floats["states"].items()},
        "flight": {n: {k: shape((call.samples, *a.shape[1:])) for k, a in of.items()} for n, of in floats["flight"].items()},
        "past": {n: shape((call.samples, *a.shape[1:])) for n, a in floats["past"].items()},
        "left": {n: jax.ShapeDtypeStruct((call.samples, size[n]), np.int32) for n in size},
    }  # fmt: skip


def _host(function: Any, call: NativeCall, results: Any, *arguments: Any) -> Any:
    """A function of the host, called with trees of arrays and one that it fills."""
    given, of_arguments = jax.tree.flatten(arguments)
    wanted, of_results = jax.tree.flatten(results)

    def flat(arrays: list[np.ndarray], filled: list[np.ndarray]) -> None:
        function(call, *jax.tree.unflatten(of_arguments, arrays), jax.tree.unflatten(of_results, filled))

    return jax.tree.unflatten(of_results, foreign((function, call, of_arguments, of_results), flat, wanted, given))


def _fwd(call: NativeCall, floats: Tree, fixed: Tree) -> tuple[Tree, Any]:
    wanted = frozenset(tuple(k.key for k in path) for path, a in jax.tree_util.tree_leaves_with_path(floats, is_leaf=_is_primal) if a.perturbed)
    for kind, what in (("uniform", "uniform numbers"), ("modulators", "signals that synapses read")):
        if any(a.perturbed for a in jax.tree.leaves(fixed[kind], is_leaf=_is_primal)):
            raise ModelError(f"the native backend has no gradient by {what}", fix="differentiate by other inputs, or backend='jax'")
    floats, fixed = (jax.tree.map(lambda a: a.value, tree, is_leaf=_is_primal) for tree in (floats, fixed))
    call = replace(call, wanted=wanted)
    out = _host(forward, call, _results(call, floats), floats, fixed)
    return _with_spikes(call, out, fixed), (call, floats, fixed, out["tapes"])


def _is_primal(a: Any) -> bool:
    return hasattr(a, "perturbed")


def _bwd(_: NativeCall, residuals: Any, bars: Tree) -> tuple[Tree, None]:
    call, floats, fixed, number = residuals
    mine = {kind: bars[kind] for kind in ("spikes", "records", "states", "flight", "past")}
    nonzero = {n: a for n, a in mine["spikes"].items() if not isinstance(a, SymbolicZero)}
    given = {**{k: jax.tree.map(_instantiated, mine[k], is_leaf=_is_zero) for k in ("records", "states", "flight", "past")}, "spikes": nonzero}
    paths = sorted(call.wanted)
    shapes = {path: jax.ShapeDtypeStruct(np.shape(_at(floats, path)), call.own.rollout.dtype) for path in paths}
    found = _host(backward, call, shapes, floats, fixed, number, given) if paths else {}
    made = jax.tree_util.tree_map_with_path(lambda path, _: found.get(tuple(k.key for k in path)), floats)
    return made, None


def _is_zero(a: Any) -> bool:
    return isinstance(a, SymbolicZero)


def _instantiated(a: Any) -> Any:
    return jnp.zeros(a.shape, a.dtype) if isinstance(a, SymbolicZero) else a


def _at(tree: Tree, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


rolled.defvjp(_fwd, _bwd, symbolic_zeros=True)
