"""The parameters of a part with a kernel of its own: the kernel's constants are computed from them as when it was made, and written.

A constant that is one number for all elements lies in the table of numbers; one that becomes another in each needs an array, and the kernel
that reads arrays in its place: the one thing that a change may compile, once.

Args:
    core: of the simulation.
    g: index of the batch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from neuropil.engine.aligned import aligned_zeros
from neuropil.engine.compose import advance_of
from neuropil.engine.core import Core
from neuropil.errors import SimulationError
from neuropil.lower.resolution import RESOLVED, slow_states
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import full_name
from neuropil.plan.builder import check_finite, constants, refractory_steps
from neuropil.plan.parts import KernelBatch, PopulationSlice
from neuropil.plan.signature import Argument, Kind, Signature, Varying, state


def changing_part(core: Core, population: Population, part: str, values: Mapping[str, Any]) -> Callable[[], None]:
    """What gives parameters of a part new values, after all checks.

    Args:
        population: whose part.
        part: its name.
        values: by the name of the parameter: a number, or float64[neurons, sites].

    Raises:
        ModelError: a constant that is not finite. SimulationError: a state that float32 does not resolve.
    """
    g, m = core.plan.indices_of(population, part)
    batch = core.now.groups[g]
    member = batch.members[m]
    flat = {n: by_site(v) for n, v in values.items()}
    parameters = {**member.parameters, **flat}
    made = constants(batch.program, parameters, core.plan.dt)
    check_finite(batch.program, made, population.name)
    initial = {**member.initial, **_starting(member, flat)}
    _check_resolved(core, batch, member, parameters, initial, flat)
    found: dict[Argument, np.ndarray] = {Argument(Kind.CONSTANT, k): _rows(value, member) for k, value in enumerate(made)}
    refractory = getattr(type(batch.program.step.traced.neuron), "refractory", None)
    if refractory in flat:
        found[Argument(Kind.PERIOD)] = _rows(refractory_steps(flat[refractory], core.plan.dt, f"{population.name}.{refractory}"), member)

    def change() -> None:
        renew(core, g, m, dataclasses.replace(core.now.groups[g].members[m], parameters=parameters, initial=initial), found)
        if core.step == 0:
            _begin(core, member, initial)

    return change


def by_site(value: Any) -> Any:
    """A `value` of a parameter, a number or [neurons, sites], as a part keeps it: a float, or float64[sites · neurons]."""
    return np.ascontiguousarray(np.transpose(value)).ravel() if np.ndim(value) else float(value)


def renew(core: Core, g: int, m: int, member: PopulationSlice, values: Mapping[Argument, np.ndarray]) -> None:
    """Give a part other constants, weights of Poisson events, or refractory periods.

    Args:
        m: index of the part among the members of the batch.
        member: the part as it is from now on, but for these values.
        values: by argument of the kernel: [sites, 1 or neurons].
    """
    before = core.now.groups[g]
    _put(core, g, m, member)
    batch = widened(core, g, [a for a, rows in values.items() if np.any(np.ptp(rows, axis=1))])
    member = batch.members[m]
    rows_of = slice(first := sum(one.sites for one in batch.members[:m]), first + member.sites)
    numbers, arrays, period = member.numbers.copy(), dict(member.arrays), member.period
    for argument, rows in values.items():
        if argument in arrays:
            arrays[argument] = np.broadcast_to(rows, (member.sites, member.population.size)).astype(float)
        elif argument.kind is Kind.PERIOD:
            period = int(rows[0, 0])
        else:
            numbers[:, batch.signature.columns.index(argument)] = rows[:, 0]
    batch = _put(core, g, m, dataclasses.replace(member, numbers=numbers, arrays=arrays, period=period))
    grown = _refractory_counts(core, g, batch)
    if batch.signature != before.signature or grown:
        core.machine.advances[g], old = advance_of(core.now, core.layout, core.machine, g, batch), core.machine.advances[g]
        core.substitute({old: (core.machine.advances[g],)})
    for argument, rows in values.items():
        write(core, g, batch, member, rows_of, argument, rows)


def write(core: Core, g: int, batch: KernelBatch, member: PopulationSlice, rows_of: slice, argument: Argument, values: Any) -> None:
    """Bring values of a part to where its kernel reads them.

    Args:
        batch, member: the batch, and the part.
        rows_of: of the table of numbers, those of the part.
        argument: of the kernel: a constant, a weight of Poisson events, or the refractory period.
        values: one, or [sites, 1 or neurons].
    """
    if argument in batch.signature.arguments:
        whole = np.broadcast_to(values, (member.sites, member.population.size))
        core.scatter(member.population, member.part, argument, whole.T)
        return
    each = np.reshape(values, (member.sites, -1))[:, 0] if np.ndim(values) else values
    if argument.kind is Kind.PERIOD:
        core.machine.periods[g][rows_of] = each
    else:
        core.machine.numbers[g][rows_of, batch.signature.columns.index(argument)] = each


def widened(core: Core, g: int, wanted: Collection[Argument]) -> KernelBatch:
    """The batch after some of its constants have become arrays; those that are already stay so.

    Args:
        wanted: constants, weights of Poisson events, or the refractory period.
    """
    batch, machine = core.now.groups[g], core.machine
    new = [a for a in wanted if a not in batch.signature.arguments]
    if not new:
        return batch
    arrays = {*batch.signature.arguments, *new}
    constant = tuple(k for k in range(len(batch.program.hoisted)) if Argument(Kind.CONSTANT, k) in arrays)
    weights = tuple(p for p in batch.ports if Argument(Kind.EVENT_WEIGHT, p) in arrays)
    signature = Signature.of(batch.program, Varying(constant, weights, Argument(Kind.PERIOD) in arrays))
    new = [a for a in new if a in signature.arguments]  # a neuron that cannot fire has no use for a refractory period
    columns = {a: batch.signature.columns.index(a) for a in new if a.kind is not Kind.PERIOD}
    kept = [batch.signature.columns.index(a) for a in signature.columns]
    for t, share in enumerate(core.layout.shares):
        held = machine.groups[t][g]
        for argument in new:
            each = machine.numbers[g][:, columns[argument]] if argument in columns else machine.periods[g]
            held.arrays[argument] = array = aligned_zeros(held.size, core.plan.element_type(batch, argument))
            for (start, stop), value in zip(share.bounds[g], each, strict=True):
                array[start:stop] = value
    machine.numbers[g] = np.ascontiguousarray(machine.numbers[g][:, kept])
    members = []
    for member in batch.members:
        shape = (member.sites, member.population.size)
        spread = {a: np.broadcast_to(member.numbers[:, columns[a], None] if a in columns else float(member.period), shape) for a in new}
        members.append(dataclasses.replace(member, numbers=member.numbers[:, kept], arrays={**member.arrays, **spread}))
    return _replace(core, g, dataclasses.replace(batch, signature=signature, members=tuple(members)))


def _put(core: Core, g: int, m: int, member: PopulationSlice) -> KernelBatch:
    """The batch after a member has taken the place of the one at m."""
    batch = core.now.groups[g]
    return _replace(core, g, dataclasses.replace(batch, members=(*batch.members[:m], member, *batch.members[m + 1 :])))


def _replace(core: Core, g: int, batch: KernelBatch) -> KernelBatch:
    groups = core.now.groups
    core.change(groups=(*groups[:g], batch, *groups[g + 1 :]))
    return batch


def _rows(value: Any, member: PopulationSlice) -> np.ndarray:
    """A value of one element or of all, as [sites, 1 or neurons]; one number per site where its neurons do not differ."""
    if np.size(value) == 1:
        return np.full((member.sites, 1), np.ravel(value)[0], float)
    rows = np.asarray(value, float).reshape(member.sites, -1)
    return rows if np.any(np.ptp(rows, axis=1)) else rows[:, :1]


def _starting(member: PopulationSlice, changed: Mapping[str, Any]) -> dict[str, Any]:
    """New initial values of the states that start at changed parameters: a float, or float64[sites, neurons]."""
    model, made = member.population.parts[member.part].model, {}
    for name, declared in model.spec.states.items():
        given = member.population.initial.get(full_name(member.part, name), declared.initial)
        if isinstance(given, str) and given in changed:
            value = changed[given]
            made[name] = np.reshape(value, (member.sites, member.population.size)) if np.ndim(value) else value
    return made


def _begin(core: Core, member: PopulationSlice, initial: Mapping[str, Any]) -> None:
    """Before the first step: states that are still where they started, and start at a changed parameter, start there."""
    shape = (member.sites, member.population.size)
    for name, value in initial.items():
        if value is not member.initial[name]:
            now = core.gather(member.population, member.part, state(name))
            before, after = (np.broadcast_to(v, shape).T.ravel().astype(now.dtype) for v in (member.initial[name], value))
            core.scatter(member.population, member.part, state(name), np.where(now == before, after, now))


def _check_resolved(
    core: Core, batch: KernelBatch, member: PopulationSlice, parameters: dict[str, Any], initial: dict[str, Any], changed: Mapping[str, Any]
) -> None:
    """Refuse what makes a state too slow for float32."""
    if batch.precision != "float32":
        return
    slow = slow_states(batch.program.step, parameters, initial, {}, core.plan.dt, member.modulated)
    for name, why in slow.items():
        raise SimulationError(
            f"population {member.population.name!r}: {name} would be too slow for float32", got=f"{why} with the new {', '.join(changed)}",
            expected=f"at most {1.0 / RESOLVED:g} steps", fix='Simulation(..., precision="float64")',
        )  # fmt: skip


def _refractory_counts(core: Core, g: int, batch: KernelBatch) -> bool:
    """Widen the refractory counts to hold a longer period; returns whether that was needed."""
    argument, grown = Argument(Kind.REFRACTORY), False
    for mine in core.machine.groups:
        arrays, needed = mine[g].arrays, np.dtype(batch.refractory_type)
        if argument in arrays and arrays[argument].itemsize < needed.itemsize:
            held = arrays[argument]
            arrays[argument], grown = aligned_zeros(held.size, needed), True
            arrays[argument][:] = held
    return grown
