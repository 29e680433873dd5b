"""A rollout by native kernels, to JAX one function with a derivative."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from neuropil.errors import ModelError
from neuropil.learn.batches import Batch as Axes
from neuropil.learn.native import execute
from neuropil.learn.native.execute import Executor, available_threads
from neuropil.learn.native.links import Link
from neuropil.learn.native.machine import Machine, Part
from neuropil.learn.native.observed import needed_states, traces_of
from neuropil.learn.native.step import NativeStep, names_of
from neuropil.learn.native.support import check_supported
from neuropil.lower.gradient import Use
from neuropil.plan.gradient_signature import Role

Tree = dict[str, Any]


@dataclass(frozen=True)
class Native:
    """The native backend with its options, as `backend` of `Rollout.apply`.

    Attributes:
        threads: how many threads share the samples of a batch; None: as many as there are processors. No bit depends on it.
        memory: bytes for what a gradient keeps of the way forward. What does not fit is computed a second time: sample by sample, and where
            that does not fit either, between checkpoints.
    """

    threads: int | None = None
    memory: float = 2.0**30

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ModelError("threads must be at least 1", got=self.threads)
        if not self.memory >= 0:
            raise ModelError("memory must be a number of bytes", got=self.memory)


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Call:
    """What is known of a call before it runs.

    Attributes:
        own: the rollout with its machines.
        native: options.
        samples, steps: how many.
        recorded: states that are recorded, (population, state).
        wanted: paths of the arrays whose cotangents are wanted.
    """

    own: NativeRollout
    native: Native
    samples: int
    steps: int
    recorded: tuple[tuple[str, str], ...]
    wanted: frozenset[tuple[str, ...]] = frozenset()


@dataclass(eq=False)
class NativeRollout:
    """The kernels of a rollout, made as they are needed.

    Attributes:
        rollout: the rollout.
        links: its projections.
        machines: by what is given and wanted.
    """

    rollout: Any
    links: tuple[Link, ...]
    machines: dict[Any, Machine] = field(default_factory=dict)

    @classmethod
    def of(cls, rollout: Any) -> NativeRollout:
        """The native side of a rollout, made once."""
        found = rollout.__dict__.get("_native")
        if found is None:
            found = rollout.__dict__["_native"] = cls(rollout, tuple(Link.of(w) for w in rollout.wirings))
        return found

    def machine(self, call: _Call, floats: Tree) -> Machine:
        """The machine for a call with these arrays."""
        apart = {n: frozenset(k for k, v in values.items() if np.ndim(v)) for n, values in floats["constants"].items()}
        key = (
            call.wanted, call.recorded, tuple(sorted((n, tuple(sorted(names))) for n, names in apart.items())),
            tuple((kind, n, e) for kind in ("events", "currents") for n in sorted(floats[kind]) for e in sorted(floats[kind][n])),
        )  # fmt: skip
        if key not in self.machines:
            self.machines[key] = self._made(call, floats, apart)
        return self.machines[key]

    def _made(self, call: _Call, floats: Tree, apart: dict[str, frozenset[str]]) -> Machine:
        rollout, wanted, parts = self.rollout, call.wanted, []
        for name, neurons in rollout._neurons.items():
            names = names_of(neurons)
            rings: dict[str, int] = {}
            for link in self.links:
                if link.wiring.target == name:
                    rings[link.wiring.port] = max(rings.get(link.wiring.port, 1), link.wiring.longest)
            events, currents = floats["events"].get(name, {}), floats["currents"].get(name, {})
            use = Use(
                rings=tuple(n for n in names.ports if n in rings), events=tuple(n for n in names.ports if n in events),
                currents=tuple(n for n in names.inputs if n in currents), recorded=tuple(n for n in names.states if (name, n) in call.recorded),
                parameters=tuple(n for n in names.parameters if ("constants", name, n) in wanted),
                event_bars=tuple(n for n in names.ports if ("events", name, n) in wanted),
                current_bars=tuple(n for n in names.inputs if ("currents", name, n) in wanted),
            )  # fmt: skip
            step = NativeStep.of(neurons, use, apart.get(name, frozenset()), rollout.precision)
            parts.append(Part(name, neurons.population.size, step, rings))
        return Machine(tuple(parts), self.links, frozenset(path[1] for path in wanted if path[0] == "weights"))


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
    axes = Axes.of(rollout.network, rollout.initial(), state, inputs)
    rollout.check(parameters, *_first(axes, state, inputs))
    dtype, steps = rollout.dtype, len(inputs["step"])
    constants = rollout.constants(parameters)

    def batched(a: Any, axis: int | None) -> Any:
        return jnp.asarray(a) if axis is not None else jnp.asarray(a)[None]

    given = jax.tree.map(batched, inputs, {**axes.inputs, "step": None}, is_leaf=lambda a: a is None)
    started = jax.tree.map(batched, state, axes.state, is_leaf=lambda a: a is None)
    varying = {n: {k: v for k, v in of.items() if k not in ("dt", "period")} for n, of in constants.items()}
    floats = {
        "constants": varying, "weights": {n: jnp.asarray(w, dtype) for n, w in parameters["weights"].items()},
        "states": started["neurons"], "flight": started["flight"],
        **jax.tree.map(lambda a: jnp.asarray(a, dtype), {kind: given[kind] for kind in ("events", "currents")}),
    }  # fmt: skip
    fixed = {"left": started["left"], "uniform": given["uniform"], "period": {n: of["period"] for n, of in constants.items()}, "first": inputs["step"]}
    recorded = needed_states(rollout)
    call = _Call(NativeRollout.of(rollout), native, axes.size or 1, steps, tuple(sorted(recorded)))
    out = _rolled(call, floats, fixed)
    out = out if axes.size is not None else jax.tree.map(lambda a: a[0], out)
    traces = traces_of(rollout, constants, out["records"], axes.size is not None)
    empty = {"synapses": started["synapses"]}
    after = {"neurons": out["states"], "left": out["left"], "flight": out["flight"], **empty}
    return out["spikes"], traces, after


def _first(axes: Axes, state: Tree, inputs: Tree) -> tuple[Tree, Tree]:
    """State and inputs of one sample, for the checks: shapes alone."""

    def one(a: Any, axis: int | None) -> Any:
        return jax.ShapeDtypeStruct(np.shape(a)[1:] if axis is not None else np.shape(a), np.result_type(a))

    none = lambda a: a is None  # noqa: E731
    return jax.tree.map(one, state, axes.state, is_leaf=none), jax.tree.map(one, inputs, {**axes.inputs, "step": None}, is_leaf=none)


# --- one function to JAX ---------------------------------------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rolled(call: _Call, floats: Tree, fixed: Tree) -> Tree:
    return _host(_forward, call, _results(call, floats), floats, fixed)


def _results(call: _Call, floats: Tree) -> Tree:
    """Shapes of what comes out."""
    rollout, lead = call.own.rollout, (call.samples, call.steps)
    shape = partial(jax.ShapeDtypeStruct, dtype=rollout.dtype)
    size = {n: v.population.size for n, v in rollout._neurons.items()}
    records: Tree = {}
    for name, state in call.recorded:
        records.setdefault(name, {})[state] = shape((*lead, size[name]))
    return {
        "spikes": {n: shape((*lead, size[n])) for n in size}, "records": records,
        "states": {n: {k: shape((call.samples, *a.shape[1:])) for k, a in of.items()} for n, of in floats["states"].items()},
        "flight": {n: {k: shape((call.samples, *a.shape[1:])) for k, a in of.items()} for n, of in floats["flight"].items()},
        "left": {n: jax.ShapeDtypeStruct((call.samples, size[n]), np.int32) for n in size},
    }  # fmt: skip


def _host(function: Any, call: _Call, results: Any, *arguments: Any) -> Any:
    return jax.pure_callback(partial(function, call), results, *arguments, vmap_method="sequential")


def _fwd(call: _Call, floats: Tree, fixed: Tree) -> tuple[Tree, Any]:
    wanted = frozenset(tuple(k.key for k in path) for path, a in jax.tree_util.tree_leaves_with_path(floats, is_leaf=_is_primal) if a.perturbed)
    floats, fixed = (jax.tree.map(lambda a: a.value, tree, is_leaf=_is_primal) for tree in (floats, fixed))
    call = _Call(call.own, call.native, call.samples, call.steps, call.recorded, wanted)
    machine = call.own.machine(call, floats)
    results, tapes = _results(call, floats), None
    if machine.tape_bytes * call.samples * call.steps <= call.native.memory:
        tapes = {name: {} for name in floats["states"]}
        for (name, leaf), (width, dtype) in machine.tape.items():
            tapes[name][leaf] = jax.ShapeDtypeStruct((call.samples, call.steps, width), dtype)
        out, tapes = _host(_forward_keeping, call, (results, tapes), floats, fixed)
    else:
        out = _host(_forward, call, results, floats, fixed)
    return out, (call, floats, fixed, tapes)


def _is_primal(a: Any) -> bool:
    return hasattr(a, "perturbed")


def _bwd(_: _Call, residuals: Any, bars: Tree) -> tuple[Tree, None]:
    call, floats, fixed, tapes = residuals
    mine = {kind: bars[kind] for kind in ("spikes", "records", "states", "flight")}
    nonzero = {n: a for n, a in mine["spikes"].items() if not isinstance(a, SymbolicZero)}
    given = {**{k: jax.tree.map(_instantiated, mine[k], is_leaf=_is_zero) for k in ("records", "states", "flight")}, "spikes": nonzero}
    paths = sorted(call.wanted)
    shapes = {path: jax.ShapeDtypeStruct(np.shape(_at(floats, path)), call.own.rollout.dtype) for path in paths}
    found = _host(_backward, call, shapes, floats, fixed, tapes, given) if paths else {}
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


# --- on the host -----------------------------------------------------------------------------------------------------------------


def _fixed(a: Any) -> np.ndarray:
    """An array of the caller's, as kernels take it: contiguous, and not to be written."""
    made = np.ascontiguousarray(a).view()
    made.flags.writeable = False
    return made


def _batch(call: _Call, machine: Machine, floats: Tree, fixed: Tree) -> execute.Batch:
    """What the executor is given."""
    start: dict[Any, np.ndarray] = {}
    given: dict[Any, np.ndarray] = {}
    every: dict[Any, np.ndarray] = {}
    dt = call.own.rollout.dt
    for part in machine.parts:
        name, step = part.name, part.step
        start |= {(name, Role.STATE, n): np.asarray(floats["states"][name][n]) for n in step.program.names.states}
        start |= {(name, Role.RING, n): np.asarray(floats["flight"][name][n]) for n in part.rings}
        start[name, Role.LEFT, ""] = np.asarray(fixed["left"][name])
        given |= {(name, Role.EVENTS, n): _fixed(a) for n, a in floats["events"].get(name, {}).items()}
        given |= {(name, Role.CURRENT, n): _fixed(a) for n, a in floats["currents"].get(name, {}).items()}
        if name in fixed["uniform"]:
            given[name, Role.UNIFORM, ""] = _fixed(fixed["uniform"][name])
        values = step.constants(floats["constants"][name], dt)
        every[name, Role.NUMBERS, ""] = np.array([0.0 if np.ndim(v) else v for v in values], step.precision)
        every |= {(name, Role.CONSTANT, str(j)): np.ascontiguousarray(np.broadcast_to(values[j], part.size)) for j in step.signature.apart}
        every[name, Role.PERIOD, ""] = np.atleast_1d(np.asarray(fixed["period"][name], np.int32)).copy()
    for link in machine.links:
        every[link.wiring.name, "weight"] = _fixed(link.taken(np.asarray(floats["weights"][link.wiring.name])))
    stamps = np.asarray(fixed["first"])
    if stamps.size and not np.array_equal(stamps, stamps[0] + np.arange(stamps.size)):
        raise ModelError("the native backend takes steps that follow each other", got=f"inputs['step'] = {stamps}")
    return execute.Batch(start, given, every, int(stamps[0]) if stamps.size else 0, call.steps, call.samples)


def _executor(call: _Call, machine: Machine) -> Executor:
    return Executor(machine, call.native.threads or available_threads(), call.native.memory)


def _forward(call: _Call, floats: Tree, fixed: Tree) -> Tree:
    machine = call.own.machine(call, floats)
    return _output(*_executor(call, machine).forward(_batch(call, machine, floats, fixed), None))


def _forward_keeping(call: _Call, floats: Tree, fixed: Tree) -> tuple[Tree, Tree]:
    machine = call.own.machine(call, floats)
    tapes = {key: np.zeros((call.samples, call.steps, width), dtype) for key, (width, dtype) in machine.tape.items()}
    out = _output(*_executor(call, machine).forward(_batch(call, machine, floats, fixed), tapes))
    kept: Tree = {part.name: {} for part in machine.parts}
    for (name, leaf), a in tapes.items():
        kept[name][leaf] = a
    return out, kept


def _output(ends: execute.Arrays, records: execute.Arrays, spikes: dict[str, np.ndarray]) -> Tree:
    out: Tree = {"spikes": spikes, "records": {}, "states": {n: {} for n in spikes}, "flight": {}, "left": {}}
    for (name, role, of), a in ends.items():
        if role is Role.LEFT:
            out["left"][name] = a
        else:
            out["states" if role is Role.STATE else "flight"].setdefault(name, {})[of] = a
    for (name, _, of), a in records.items():
        out["records"].setdefault(name, {})[of] = a
    return out


def _backward(call: _Call, floats: Tree, fixed: Tree, tapes: Tree | None, bars: Tree) -> dict[tuple[str, ...], np.ndarray]:
    machine = call.own.machine(call, floats)
    kept = None if tapes is None else {key: _fixed(tapes[key[0]][key[1]]) for key in machine.tape}
    ends = {(n, Role.STATE, k): np.asarray(a) for n, of in bars["states"].items() for k, a in of.items()}
    ends |= {(n, Role.RING, k): np.asarray(a) for n, of in bars["flight"].items() for k, a in of.items()}
    records = {(n, Role.RECORD_BAR, k): _fixed(a) for n, of in bars["records"].items() for k, a in of.items()}
    wanted = {(p.name, Role.PARAMETER_BAR, n): np.zeros(p.size, p.step.precision) for p in machine.parts for n in p.step.signature.parameters}
    batch = _batch(call, machine, floats, fixed)
    wanted |= {(link.wiring.name, "weight_bar"): batch.fixed[link.wiring.name, "weight"] for link in machine.links if link.wiring.name in machine.weights}
    starts, sums, given = _executor(call, machine).backward(batch, kept, ends, records, {n: _fixed(a) for n, a in bars["spikes"].items()}, wanted)
    links = {link.wiring.name: link for link in machine.links}
    found = {}
    for path in call.wanted:
        kind, name, *more = path
        if kind == "weights":
            found[path] = links[name].given_back(sums[name, "weight_bar"])
            continue
        if kind == "constants":
            value = sums.get((name, Role.PARAMETER_BAR, more[0]), np.zeros(1))
        else:
            role = {"events": Role.EVENTS_BAR, "currents": Role.CURRENT_BAR, "states": Role.STATE, "flight": Role.RING}[kind]
            value = (given if kind in ("events", "currents") else starts)[name, role, more[0]]
        shape = np.shape(_at(floats, path))
        if kind == "constants":
            value = value.sum(dtype=float) if shape == () else np.broadcast_to(value, shape)
        elif shape[0] == 1 and call.samples > 1:
            value = value.sum(0, keepdims=True)
        found[path] = np.asarray(value, call.own.rollout.dtype)
    return found


