"""The native backend on the host: arrays from JAX through the executor, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.native import execute
from neuropil.learn.native.calls import NativeCall
from neuropil.learn.native.execute import Executor, available_threads
from neuropil.learn.native.machine import Machine
from neuropil.plan.gradient_signature import FIRED, Role

Tree = dict[str, Any]


def _fixed(a: Any) -> np.ndarray:
    """An array of the caller's, as kernels take it: contiguous, and not to be written."""
    made = np.ascontiguousarray(a).view()
    made.flags.writeable = False
    return made


def _batch(call: NativeCall, machine: Machine, floats: Tree, fixed: Tree) -> execute.Batch:
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


def _mark(codes: np.ndarray, steps: int, step: np.ndarray, neuron: np.ndarray) -> None:
    """Mark given spikes in codes [samples, steps, width], of lists [samples or 1, spikes]."""
    for b, code in enumerate(codes):
        when, who = step[b % len(step)], neuron[b % len(neuron)]
        there = (when >= 0) & (when < steps)
        code[when[there], who[there]] = FIRED


def _executor(call: NativeCall, machine: Machine) -> Executor:
    return Executor(machine, call.native.threads or available_threads(), call.native.memory)


def forward(call: NativeCall, floats: Tree, fixed: Tree, filled: tuple[Tree, Tree | None]) -> None:
    """Values of every sample.

    Args:
        call: what is known of it.
        floats, fixed: as `apply_native` makes them.
        filled: what comes out, and the tapes that `backward` takes, or None.
    """
    machine, (out, kept) = call.own.machine(call, floats), filled
    tapes: execute.Arrays | None = None if kept is None else {key: kept[key[0]][key[1]] for key in machine.tape}
    left: execute.Arrays = {}
    for part in machine.parts:
        if part.coded:
            out["codes"][part.name][..., 0 if part.given else part.size :] = 0
            left[part.name, Role.CODE, ""] = out["codes"][part.name]
    for name, listed in fixed["spikes"].items():
        _mark(out["codes"][name], call.steps, *(np.asarray(listed[of]) for of in ("step", "neuron")))
    ends = {(n, Role.STATE, k): a for n, of in out["states"].items() for k, a in of.items()} | {(n, Role.LEFT, ""): a for n, a in out["left"].items()}
    ends |= {(n, Role.RING, k): a for n, of in out["flight"].items() for k, a in of.items()}
    left |= {(n, Role.RECORD, k): a for n, of in out["records"].items() for k, a in of.items()}
    _executor(call, machine).forward(_batch(call, machine, floats, fixed), tapes, ends, left)


def backward(call: NativeCall, floats: Tree, fixed: Tree, tapes: Tree | None, codes: Tree, bars: Tree, filled: dict[tuple[str, ...], np.ndarray]) -> None:
    """The cotangents that are wanted.

    Args:
        call: what is known of it.
        floats, fixed: as `apply_native` makes them.
        tapes, codes: from `forward`; tapes may be None.
        bars: cotangents of what `forward` gives; of spikes those that are not zero.
        filled: by path, to be filled.
    """
    machine = call.own.machine(call, floats)
    kept = None if tapes is None else {key: _fixed(tapes[key[0]][key[1]]) for key in machine.tape}
    ends: execute.Arrays = {(n, Role.STATE, k): np.asarray(a) for n, of in bars["states"].items() for k, a in of.items()}
    ends |= {(n, Role.RING, k): np.asarray(a) for n, of in bars["flight"].items() for k, a in of.items()}
    records = {(n, Role.RECORD_BAR, k): _fixed(a) for n, of in bars["records"].items() for k, a in of.items()}
    wanted: execute.Arrays = {(p.name, Role.PARAMETER_BAR, n): np.zeros(p.size, p.step.precision) for p in machine.parts for n in p.step.signature.parameters}
    batch = _batch(call, machine, floats, fixed)
    wanted |= {(link.wiring.name, "weight_bar"): batch.fixed[link.wiring.name, "weight"] for link in machine.links if link.wiring.name in machine.weights}
    starts, sums, given = _executor(call, machine).backward(batch, kept, {(n, Role.CODE, ""): _fixed(a) for n, a in codes.items()}, ends, records, {n: _fixed(a) for n, a in bars["spikes"].items()}, wanted)
    links = {link.wiring.name: link for link in machine.links}
    for path, found in filled.items():
        kind, name, *more = path
        if kind == "weights":
            found[...] = links[name].given_back(sums[name, "weight_bar"])
            continue
        if kind == "constants":
            value = sums.get((name, Role.PARAMETER_BAR, more[0]), np.zeros(1))
        else:
            role = {"events": Role.EVENTS_BAR, "currents": Role.CURRENT_BAR, "states": Role.STATE, "flight": Role.RING}[kind]
            value = (given if kind in ("events", "currents") else starts)[name, role, more[0]]
        shape = found.shape
        if kind == "constants":
            value = value.sum(dtype=float) if shape == () else np.broadcast_to(value, shape)
        elif shape[0] == 1 and call.samples > 1:
            value = value.sum(0, keepdims=True)
        found[...] = value
