"""A rollout by native kernels, to JAX one function with a derivative."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from neuropil.errors import ModelError
from neuropil.learn.batches import Batch
from neuropil.learn.native.calls import Native, NativeCall, NativeRollout
from neuropil.learn.native.foreign import foreign
from neuropil.learn.native.host import backward, forward, numbers
from neuropil.learn.native.living import living_after, living_parts
from neuropil.learn.native.observed import needed_states, traces_of
from neuropil.learn.native.support import check_supported
from neuropil.model.neuron.composite import split
from neuropil.plan.gradient_signature import FIRED

Tree = dict[str, Any]


def apply_native(rollout: Any, parameters: Tree, state: Tree, inputs: Tree, native: Native) -> Any:
    """What `Rollout.apply` returns, computed by native kernels.

    Args:
        rollout: the rollout.
        parameters, state, inputs: as of `Rollout.apply`.
        native: options.

    Raises:
        ModelError: the network has something that the native backend does not support.
    """
    check_supported(rollout, parameters)
    compiled = rollout.__dict__.setdefault("_native_compiled", {})
    if native not in compiled:
        # Within `jit` this changes nothing; outside, JAX would compile some hundred operations one by one, each for a new shape.
        compiled[native] = jax.jit(partial(_applied, rollout, native))
    return compiled[native](parameters, state, inputs)


def _applied(rollout: Any, native: Native, parameters: Tree, state: Tree, inputs: Tree) -> Any:
    axes = Batch.of(rollout.network, rollout.initial(), state, inputs)
    if axes.size == 0:
        raise ModelError("the native backend needs a sample", got="a batch of 0 samples", fix="leave the call out")
    rollout.check(parameters, *_first(axes, state, inputs))
    dtype, steps = rollout.dtype, len(inputs["step"])
    constants = rollout.constants(parameters)

    def batched(a: Any, axis: int | None) -> Any:
        return jnp.asarray(a) if axis is not None else jnp.asarray(a)[None]

    given = jax.tree.map(batched, inputs, {**axes.inputs, "step": None}, is_leaf=lambda a: a is None)
    started = jax.tree.map(batched, state, axes.state, is_leaf=lambda a: a is None)
    varying = {n: {k: v for k, v in of.items() if split(k)[1] not in ("dt", "period")} for n, of in constants.items()}
    own = NativeRollout.of(rollout)
    living = {k: v for n, of in rollout.living.items() for k, v in living_parts(of, parameters, started["synapses"][n], inputs["step"], rollout).items()}
    weights, delays = own.weights(parameters)
    steps_of = jnp.zeros((1, steps), dtype)
    signals = {n: given.get("modulators", {}).get(n, steps_of) for n in rollout.living}
    floats = {
        "constants": varying | {n: of["constants"] for n, of in living.items()}, **weights,
        **{kind: started[of] | {n: v[kind] for n, v in living.items()} for kind, of in (("states", "neurons"), ("flight", "flight"))}, "past": started.get("graded", {}),
        **jax.tree.map(lambda a: jnp.asarray(a, dtype), {kind: given[kind] for kind in ("events", "currents")}),
    }  # fmt: skip
    fixed = {"left": started["left"], "uniform": given["uniform"], "period": {n: of["period"] for n, of in constants.items()}, "first": inputs["step"], "delays": delays, "modulators": {n: jnp.asarray(v, dtype) for n, v in signals.items()}, "spikes": given.get("spikes", {})}
    recorded = needed_states(rollout)
    still = {(n, k) for n, k in recorded if n in fixed["spikes"]}  # a population with given spikes takes no step
    call = NativeCall(own, native, axes.size or 1, steps, tuple(sorted(recorded - still)), tuple(sorted(fixed["spikes"])))
    out = _rolled(call, floats, fixed)
    for n, k in sorted(still):
        a = jnp.asarray(started["neurons"][n][k], dtype)[:, None]
        out["records"].setdefault(n, {})[k] = jnp.broadcast_to(a, (axes.size or 1, steps, a.shape[-1]))
    out = out if axes.size is not None else jax.tree.map(lambda a: a[0], out)
    traces = traces_of(rollout, constants, out["records"], axes.size is not None)
    before = jax.tree.map(lambda a: a[0] if axes.size is None else jnp.broadcast_to(a, (axes.size, *a.shape[1:])), started["synapses"])
    left = {n: living_after(of, before[n], out, inputs["step"]) for n, of in rollout.living.items()}
    neurons, flight = ({n: v for n, v in out[kind].items() if n not in living} for kind in ("states", "flight"))
    after = {"neurons": neurons, "left": out["left"], "flight": flight, "synapses": left, **({"graded": out["past"]} if out["past"] else {})}
    return out["spikes"], traces, after


def _first(axes: Batch, state: Tree, inputs: Tree) -> tuple[Tree, Tree]:
    """State and inputs of one sample, for the checks: shapes alone."""

    def one(a: Any, axis: int | None) -> Any:
        return jax.ShapeDtypeStruct(np.shape(a)[1:] if axis is not None else np.shape(a), np.float32)

    none = lambda a: a is None  # noqa: E731
    return jax.tree.map(one, state, axes.state, is_leaf=none), jax.tree.map(one, inputs, {**axes.inputs, "step": None}, is_leaf=none)


# --- one function to JAX ---------------------------------------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rolled(call: NativeCall, floats: Tree, fixed: Tree) -> Tree:
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


_rolled.defvjp(_fwd, _bwd, symbolic_zeros=True)
