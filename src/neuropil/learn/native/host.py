"""The native backend on the host: arrays from JAX through the executor, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.learn.native import execute
from neuropil.learn.native.calls import NativeCall
from neuropil.learn.native.execute import Executor, available_threads
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
    dt = call.own.rollout.dt
    for part in machine.parts:
        kinds = {Role.STATE: "states", Role.RING: "flight"}
        given |= {(START, *part.key(role, n)): _fixed(floats[kinds[role]][part.name][full_name(part.part, n)]) for role, n in part.moving if role in kinds}
        if (step := part.step) is not None:
            every |= _constants(part.key, part, step.signature, step.constants(_values(part, floats), dt))
    for name, left in fixed["left"].items():
        given[START, name, Role.LEFT, ""] = _fixed(left)
        every[name, Role.PERIOD, ""] = np.atleast_1d(np.asarray(fixed["period"][name], np.int32)).copy()
    given |= {(name, Role.UNIFORM, ""): _fixed(a) for name, a in fixed["uniform"].items()}
    given |= {(part_name(name), "signal", ""): _fixed(a) for name, a in fixed["modulators"].items()}
    for kind, role in (("events", Role.EVENTS), ("currents", Role.CURRENT)):
        given |= {(name, role, n): _fixed(a) for name, of in floats[kind].items() for n, a in of.items()}
    for m in machine.mapped:
        every |= _constants(lambda role, n="", m=m: (m.name, role, n), m.part, m.signature, m.constants(_values(m.part, floats), dt))
    given |= {(START, e.name, Role.PAST, ""): _fixed(floats["past"][e.name[1]]) for e in machine.emissions if e.longest}
    every |= {(("graded", n), "weight"): _fixed(a) for n, a in floats["graded"].items()}
    for link in machine.links:
        weight = np.ones(link.target.size, call.own.rollout.dtype) if link.fixed else np.asarray(floats["weights"][link.wiring.name])
        every[link.wiring.name, "weight"] = _fixed(link.taken(weight))
        if link.timed:
            every[link.wiring.name, "delay"] = _fixed(link.taken(np.asarray(fixed["delays"][link.wiring.name], np.int64)))
    given |= {(name, of): _fixed(a) for name, listed in fixed["spikes"].items() for of, a in listed.items()}
    stamps = np.asarray(fixed["first"])
    if stamps.size and not np.array_equal(stamps, stamps[0] + np.arange(stamps.size)):
        raise ModelError("the native backend takes steps that follow each other", got=f"inputs['step'] = {stamps}")
    return execute.Batch(every, given, int(stamps[0]) if stamps.size else 0, call.steps, call.samples)


def _values(part: Part, floats: Tree) -> Tree:
    """What the constants of a part follow from, by the names within it."""
    given = floats["constants"][part.name]
    return {inner: given[n] for inner, n in inner_names(part.part, given).items()}


def _constants(key: Any, part: Part, signature: Signature, values: list[np.ndarray]) -> execute.Arrays:
    """Arrays of hoisted constants."""
    made = {key(Role.NUMBERS): np.array([0.0 if np.ndim(v) else v for v in values], part.precision)}
    return made | {key(Role.CONSTANT, str(j)): np.ascontiguousarray(np.broadcast_to(values[j], part.size)) for j in signature.apart}


def numbers(codes: np.ndarray, filled: np.ndarray) -> None:
    """Spikes as numbers.

    Args:
        codes: [samples, steps, width].
        filled: [samples, steps, neurons], to be filled.
    """
    read(codes, np.uint8(FIRED), filled)


def _executor(call: NativeCall, machine: Machine) -> Executor:
    return Executor(machine, call.native.threads or available_threads(), call.native.memory)


def forward(call: NativeCall, floats: Tree, fixed: Tree, out: Tree) -> None:
    """Values of every sample.

    Args:
        call: what is known of it.
        floats, fixed: as `apply_native` makes them.
        out: what comes out, to be filled.
    """
    machine = call.own.machine(call, floats)
    batch = _batch(call, machine, floats, fixed)
    for part in machine.parts:
        if part.name in out["codes"]:
            batch.each[part.key(Role.CODE)] = out["codes"][part.name]
    batch.each |= {(END, n, Role.STATE, k): a for n, of in out["states"].items() for k, a in of.items()}
    batch.each |= {(END, n, Role.RING, k): a for n, of in out["flight"].items() for k, a in of.items()}
    batch.each |= {(END, n, Role.LEFT, ""): a for n, a in out["left"].items()}
    batch.each |= {(END, ("graded", n), Role.PAST, ""): a for n, a in out["past"].items()}
    batch.each |= {(n, Role.RECORD, k): a for n, of in out["records"].items() for k, a in of.items()}
    out["tapes"][...] = _executor(call, machine).forward(batch, call.keeps(machine))


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
    batch.each |= {(n, Role.RECORD_BAR, k): _fixed(a) for n, of in bars["records"].items() for k, a in of.items()}
    batch.each |= {(n, "spikes"): _fixed(a) for n, a in bars["spikes"].items()}
    sums: execute.Arrays = {p.key(Role.PARAMETER_BAR, n): np.empty(p.size, p.precision) for p in machine.parts if p.step is not None for n in p.step.signature.parameters}
    sums |= {(m.name, Role.PARAMETER_BAR, n): np.empty(m.part.size, m.part.precision) for m in machine.mapped for n in m.parameters}
    links, spread = {link.wiring.name: link for link in machine.links}, {}
    for path, found in filled.items():
        kind, name, *more = path
        if kind == "weights":
            straight = links[name].order is None
            sums[name, "weight_bar"] = found.reshape(links[name].shape) if straight else np.empty(links[name].shape, found.dtype)
        elif kind == "graded":
            sums[path, "weight_bar"] = found
        elif kind != "constants":
            key = _PLACES[kind](name, *more)
            spread[path] = batch.each[key] = found if len(found) == call.samples else np.empty((call.samples, *found.shape[1:]), found.dtype)
            found[...] = 0
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
                if key in sums:
                    found += sums[key].sum(dtype=float) if found.shape == () else sums[key]
