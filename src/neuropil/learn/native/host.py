"""The native backend on the host: arrays from JAX through the executor, and back."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np

from neuropil.engine.access.arguments import cores
from neuropil.errors import ModelError
from neuropil.learn.native import execute
from neuropil.learn.native.calls import NativeCall
from neuropil.learn.native.execute import Executor
from neuropil.learn.native.kernels import read
from neuropil.learn.native.machine import END, END_BAR, START, START_BAR, Machine
from neuropil.learn.native.part import Part, inner_names
from neuropil.learn.native.synapses import part_name
from neuropil.model.neuron.composite import full_name
from neuropil.plan.gradient_signature import FIRED, Role, Signature

Tree = dict[str, Any]


def _fixed(a: Any) -> np.ndarray:
    """An array of the caller's, as kernels take it: contiguous, and not to be written."""
    made = np.ascontiguousarray(a).view()
    made.flags.writeable = False
    return made


def _batch(call: NativeCall, machine: Machine, floats: Tree, fixed: Tree) -> execute.Batch:
    """What the executor is given."""
    given: execute.Arrays = {}
    every: execute.Arrays = {}
    dt, count = call.own.rollout.dt, int(fixed["count"])
    for part in machine.parts:
        kinds = {Role.STATE: "states", Role.RING: "flight"}
        given |= {(START, *part.key(role, n)): _fixed(floats[kinds[role]][part.name][full_name(part.part, n)]) for role, n in part.moving if role in kinds}
        if (step := part.step) is not None:
            (given if part.name in call.apart else every).update(_constants(call, part.key, part, step.signature, step.constants(_values(call, part, floats), dt)))
    for name, left in fixed["left"].items():
        given[START, name, Role.LEFT, ""] = _fixed(left)
        period = np.asarray(fixed["period"][name], np.int32)
        if name in call.apart:
            given[name, Role.PERIOD, ""] = period.reshape(len(period), -1).copy()
        else:
            every[name, Role.PERIOD, ""] = np.atleast_1d(period).copy()
    given |= {(name, Role.UNIFORM, ""): _fixed(a)[:, :count] for name, a in fixed["uniform"].items()}
    given |= {(part_name(name), "signal", ""): _fixed(a)[:, :count] for name, a in fixed["modulators"].items()}
    for kind, role in (("events", Role.EVENTS), ("currents", Role.CURRENT)):
        given |= {(name, role, n): _fixed(a)[:, :count] for name, of in floats[kind].items() for n, a in of.items()}
    for m in machine.mapped:
        made = _constants(call, lambda role, n="", m=m: (m.name, role, n), m.part, m.signature, m.constants(_values(call, m.part, floats), dt))
        (given if m.part.name in call.apart else every).update(made)
    given |= {(START, e.name, Role.PAST, ""): _fixed(floats["past"][e.name[1]]) for e in machine.emissions if e.longest}
    every |= {(("graded", n), "weight"): _fixed(a) for n, a in floats["graded"].items()}
    for link in machine.links:
        weight = np.ones(link.target.size, call.own.rollout.dtype) if link.fixed else np.asarray(floats["weights"][link.wiring.name])
        every[link.wiring.name, "weight"] = _fixed(link.taken(weight))
        if link.timed:
            every[link.wiring.name, "delay"] = _fixed(link.taken(np.asarray(fixed["delays"][link.wiring.name], np.int64)))
    given |= {(name, of): _fixed(a) for name, listed in fixed["spikes"].items() for of, a in listed.items()}
    stamps = np.asarray(fixed["first"])[:count]
    if stamps.size and not np.array_equal(stamps, stamps[0] + np.arange(stamps.size)):
        raise ModelError("the native backend takes steps that follow each other", got=f"inputs['step'] = {stamps}")
    return execute.Batch(every, given, int(stamps[0]) if stamps.size else 0, count, call.samples)


def _values(call: NativeCall, part: Part, floats: Tree) -> Tree:
    """What the constants of a part follow from, by the names within it: () or [elements], with the samples before if they are apart ([samples, 1])."""
    given = floats["constants"][part.name]
    values = {inner: np.asarray(given[n]) for inner, n in inner_names(part.part, given).items()}
    return {n: v.reshape(len(v), -1) for n, v in values.items()} if part.name in call.apart else values


def _constants(call: NativeCall, key: Any, part: Part, signature: Signature, values: list[np.ndarray]) -> execute.Arrays:
    """Arrays of hoisted constants, with the samples before if they are apart."""
    lead = (call.samples,) if part.name in call.apart else ()
    same = np.zeros((*lead, len(values)), part.precision)
    for j in set(range(len(values))) - set(signature.apart):
        same[..., j] = values[j].reshape(lead) if lead and np.ndim(values[j]) else values[j]
    each = {j: np.ascontiguousarray(np.broadcast_to(values[j], (*lead, part.size))) for j in signature.apart}
    return {key(Role.NUMBERS): same} | {key(Role.CONSTANT, str(j)): a for j, a in each.items()}


def numbers(codes: np.ndarray, filled: np.ndarray) -> None:
    """Spikes as numbers.

    Args:
        codes: [samples, steps, width].
        filled: [samples, steps, neurons], to be filled.
    """
    read(codes, np.uint8(FIRED), filled)


def _executor(call: NativeCall, machine: Machine) -> Executor:
    return Executor(machine, call.native.threads or cores(), call.native.memory)


def forward(call: NativeCall, floats: Tree, fixed: Tree, out: Tree) -> None:
    """Values of every sample.

    Args:
        call: what is known of it.
        floats, fixed: as `apply_native` makes them.
        out: what comes out, to be filled.
    """
    machine = call.own.machine(call, floats)
    batch = _batch(call, machine, floats, fixed)
    for a in (*out["codes"].values(), *(a for of in out["records"].values() for a in of.values())):
        a[:, batch.steps :] = 0  # of steps that are not taken
    if call.cut and not batch.steps:
        _passed(out, {**floats, "left": fixed["left"]})
        out["tapes"][...] = 0
        return
    for part in machine.parts:
        if part.name in out["codes"]:
            batch.each[part.key(Role.CODE)] = out["codes"][part.name][:, : batch.steps]
    batch.each |= {(END, n, Role.STATE, k): a for n, of in out["states"].items() for k, a in of.items()}
    batch.each |= {(END, n, Role.RING, k): a for n, of in out["flight"].items() for k, a in of.items()}
    batch.each |= {(END, n, Role.LEFT, ""): a for n, a in out["left"].items()}
    batch.each |= {(END, ("graded", n), Role.PAST, ""): a for n, a in out["past"].items()}
    batch.each |= {(n, Role.RECORD, k): a[:, : batch.steps] for n, of in out["records"].items() for k, a in of.items()}
    out["tapes"][...] = _executor(call, machine).forward(batch, call.keeps(machine))


def _passed(after: Tree, before: Tree) -> None:
    """What moves, where no step is taken: at the end as at the start."""
    for kind in ("states", "flight", "left", "past"):
        for n, of in after[kind].items():
            for k, a in of.items() if isinstance(of, dict) else [(None, of)]:
                a[...] = before[kind][n] if k is None else before[kind][n][k]


_PLACES: dict[str, Any] = {
    "events": lambda name, n: (name, Role.EVENTS_BAR, n), "currents": lambda name, n: (name, Role.CURRENT_BAR, n),
    "states": lambda name, n: (START_BAR, name, Role.STATE, n), "flight": lambda name, n: (START_BAR, name, Role.RING, n),
    "past": lambda name: (START_BAR, ("graded", name), Role.PAST, ""),
}  # fmt: skip
"""Keys of the cotangents of what each sample has of its own."""


def backward(call: NativeCall, floats: Tree, fixed: Tree, number: Any, bars: Tree, filled: dict[tuple[str, ...], np.ndarray]) -> None:
    """The cotangents that are wanted.

    Args:
        call: what is known of it.
        floats, fixed: as `apply_native` makes them.
        number: of the tapes, from `forward`.
        bars: cotangents of what `forward` gives; of spikes those that are not zero.
        filled: by path, to be filled.
    """
    machine = call.own.machine(call, floats)
    batch = _batch(call, machine, floats, fixed)
    batch.each |= {(END_BAR, n, Role.STATE, k): _fixed(a) for n, of in bars["states"].items() for k, a in of.items()}
    batch.each |= {(END_BAR, n, Role.RING, k): _fixed(a) for n, of in bars["flight"].items() for k, a in of.items()}
    batch.each |= {(END_BAR, ("graded", n), Role.PAST, ""): _fixed(a) for n, a in bars["past"].items()}
    batch.each |= {(n, Role.RECORD_BAR, k): _fixed(a)[:, : batch.steps] for n, of in bars["records"].items() for k, a in of.items()}
    batch.each |= {(n, "spikes"): _fixed(a)[:, : batch.steps] for n, a in bars["spikes"].items()}
    if call.cut and not batch.steps:
        for (kind, *names), found in filled.items():
            found[...] = reduce(getitem, names, bars[kind]) if kind in ("states", "flight", "past") else 0
        return
    sums: execute.Arrays = {key: np.empty(part.size, part.precision) for part, key in _summed(machine)}
    links, spread = {link.wiring.name: link for link in machine.links}, {}
    apart = {key: np.zeros((call.samples, *sums.pop(key).shape), call.own.rollout.dtype) for part, key in _summed(machine) if part.name in call.apart}
    batch.each |= apart
    for path, found in filled.items():
        kind, name, *more = path
        if kind == "weights":
            straight = links[name].order is None
            sums[name, "weight_bar"] = found.reshape(links[name].shape) if straight else np.empty(links[name].shape, found.dtype)
        elif kind == "graded":
            sums[path, "weight_bar"] = found
        elif kind != "constants":
            key = _PLACES[kind](name, *more)
            found[...] = 0
            spread[path] = found if len(found) == call.samples else np.zeros((call.samples, *found.shape[1:]), found.dtype)
            batch.each[key] = spread[path][:, : batch.steps] if kind in ("events", "currents") else spread[path]
    _executor(call, machine).backward(batch, frozenset(bars["spikes"]), sums, int(number))
    for path, found in filled.items():
        kind, name, *more = path
        if path in spread:
            if spread[path] is not found:
                spread[path].sum(0, keepdims=True, out=found)
        elif kind == "weights":
            if links[name].order is not None:
                found[...] = links[name].given_back(sums[name, "weight_bar"])
        elif kind == "constants":
            sent = [(m.name, Role.PARAMETER_BAR, n) for m in machine.mapped if m.part.name == name for n in inner_names(m.part.part, more)]
            found[...] = 0
            for key in ((name, Role.PARAMETER_BAR, more[0]), *sent):
                if key in apart:
                    found += apart[key].sum(-1, dtype=float) if found.ndim == 1 else apart[key]
                elif key in sums:
                    found += sums[key].sum(dtype=float) if found.shape == () else sums[key]


def _summed(machine: Machine) -> Iterator[tuple[Part, Any]]:
    """Parts, and the keys of the arrays in which cotangents of their parameters are summed."""
    yield from ((p, p.key(Role.PARAMETER_BAR, n)) for p in machine.parts if p.step is not None for n in p.step.signature.parameters)
    yield from ((m.part, (m.name, Role.PARAMETER_BAR, n)) for m in machine.mapped for n in m.parameters)
