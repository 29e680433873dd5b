"""A plan as text: equations, how each state is advanced and why, kernels, memory, operations per step."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import numpy as np

from neuropil.codegen.cable_source import SOURCE_NAME, emit_cable
from neuropil.codegen.cache import path_of
from neuropil.codegen.kernel import NAME, legend, source_of
from neuropil.lower.cable import SITE_FLOPS, SOLVER_FLOPS, MembraneGroup
from neuropil.lower.coarse import too_coarse
from neuropil.lower.gate_tables import DEGREE, HIGH, LOW
from neuropil.lower.neuron_program import NeuronProgram
from neuropil.model.contents.contents import Projection
from neuropil.model.modulation.bound_effect import Target, vary_by_cell
from neuropil.model.modulation.diffusion import Apart
from neuropil.model.modulation.kinetics import concentration_text
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import Composite
from neuropil.model.neuron.neuron import Neuron
from neuropil.plan.cells import PlannedCells
from neuropil.plan.cost import kernel_costs
from neuropil.plan.parts import KernelBatch
from neuropil.plan.plan import Plan, make_plan
from neuropil.units import unit_name


def explain(subject: Network | Neuron | Composite, **options: Any) -> str:
    """The plan of a network, or of a neuron model on its own, as text.

    Args:
        subject: a network or a neuron model.
        options: as of `make_plan` (dt, seed, precision, full_weights, gate_tables).
    """
    if isinstance(subject, (Neuron, Composite)):
        network = Network(type(subject).__name__)
        network.population("one", subject, 1)
        return describe_plan(make_plan(network, **options))
    return describe_plan(make_plan(subject, **options))


def describe_plan(plan: Plan) -> str:
    """The text of a plan."""
    network = plan.network
    parts: list[str | None] = [
        f"{network.name}: {network.size:,} neurons in {len(network.populations)} populations, "
        f"{len(network.projections) + len(network.graded)} projections",
        network.citation,
        f"dt {plan.dt:g} ms, {plan.precision}, {'48' if plan.word().itemsize == 8 else '16'}-bit weights, seed {plan.seed}",
        "",
    ]
    parts += [_group(group, plan) for group in plan.groups]
    parts += [_cells(cells, plan) for cells in plan.cells.values()]
    parts += [_drives(plan), _projections(plan), _modulators(plan), _totals(plan)]
    return "\n".join(p for p in parts if p is not None)


def _group(group: KernelBatch, plan: Plan) -> str:
    program = group.program
    model = type(program.step.traced.neuron)
    names = ", ".join(f"{m.population.name} ({m.population.size:,})" for m in group.members)
    lines = [f"── {group.name}: {group.size:,} neurons ── {names}"]
    lines.append(textwrap.indent(inspect.getdoc(model) or "", "   "))
    module = inspect.getmodule(model)
    if module is not None and module.__doc__ and module.__doc__ != model.__doc__:
        lines.append(textwrap.indent(inspect.cleandoc(module.__doc__), "   │ "))
    lines.append("   states:")
    scheme, spec = program.step.scheme, program.step.traced.spec
    slow = _slow(group)
    for state in program.states:
        wide = f"; in float64: {slow[state]}" if state in slow else ""
        lines.append(f"     {state} ({unit_name(spec.state_dimensions[state])}): {scheme.reasons[state]}{wide}")
    if slow:
        lines.append(f"   all of its numbers are float64, because float32 would not resolve the changes of {', '.join(slow)}")
    lines.append(f"   parameters merged into {len(group.signature.columns)} constants per population" + _varying(group))
    lines.append(f"   per neuron and step: {program.flops} FLOPs, {group.bytes_per_step(plan)} bytes read and written")
    lines.append(f"   operations: {_operations(program)}")
    lines.append(f"   source: {path_of(NAME, source_of(group))}")
    lines.append(textwrap.indent(textwrap.fill("in it " + "; ".join(f"{n} is {meaning}" for n, meaning in legend(group).items()), 120), "      "))
    return "\n".join(lines) + "\n"


def _slow(group: KernelBatch) -> dict[str, str]:
    """Why states are too slow for float32: of the first population, and how many others there are."""
    every: dict[str, list[str]] = {}
    for member in group.members:
        for state, why in member.slow.items():
            every.setdefault(state, []).append(why if len(group.members) == 1 else f"in {member.population.name} {why}")
    return {s: reasons[0] + (f", and {len(reasons) - 1} more" if len(reasons) > 1 else "") for s, reasons in every.items()}


def _cells(cells: PlannedCells, plan: Plan) -> str:
    """A population of cells: how it is divided, its membranes and point processes, its cost."""
    cable, population = cells.cable, cells.population
    lines = [f"── cells with morphology: {population.size:,} ── {population.name}"]
    lines.append(textwrap.indent(cable.cell.compartments.report(), "   "))
    if cable.cell.temperature is not None:
        apart = ", ".join(dict.fromkeys(n for n, m in cable.cell.models.items() if "celsius" not in m.spec.parameters))
        lines.append(f"   at {cable.cell.temperature:g} °C" + (f"; without a parameter celsius, hence as they are: {apart}" if apart else ""))
    if note := too_coarse(cable):
        lines.append(f"   note: {note}")
    lines += [f"   note: {reader} reads {ion}, which nothing in the cell carries: it is 0" for ion, reader in cable.uncarried.items()]
    for group in cable.membranes:
        kinds = ", ".join(dict.fromkeys(cable.cell.compartments.kind[cable.order[group.compartments]].tolist()))
        lines.append(f"   membrane {group.name}: {group.size:,} compartments ({kinds}), {group.flops} FLOPs each and step")
        lines += _reasons(group)
    for point in cable.points:
        sites = f"{point.size:,} sites" if point.size > 1 else "1 site"
        lines.append(f"   {point.name}: {sites}, {point.flops + SITE_FLOPS} FLOPs each and step")
        lines += _reasons(point)
    real = np.dtype(cells.precision).itemsize
    if cells.slow:
        listed = ", ".join(f"{n} ({why})" for n, why in cells.slow.items())
        lines.append(f"   all of its numbers are float64, because float32 would not resolve {listed}")
    lines.append(f"   tree solver (Hines): {SOLVER_FLOPS} FLOPs per compartment and step")
    per_step = cable.flops / cable.size
    lines.append(f"   per cell and step: {cable.flops:,} FLOPs ({per_step:.1f} per compartment), {cable.bytes_per_step(real):,} bytes read and written")
    lines.append(f"   source: {path_of(SOURCE_NAME, emit_cable(cells))}")
    return "\n".join(lines) + "\n"


def _reasons(group: MembraneGroup) -> list[str]:
    """How each state of a membrane is advanced."""
    lines = []
    for name, traced in group.program.membrane.traced.items():
        scheme = group.program.membrane.steps[name].scheme
        label = name if name == type(traced.mechanism).__name__ else f"{name} ({type(traced.mechanism).__name__})"
        states = "; ".join(f"{s}: {scheme.reasons[s]}" for s in traced.spec.states) or "no state"
        lines.append(f"     {label}: {states}")
    if group.table is not None:
        lines.append(f"     read from a table (polynomials of degree {DEGREE} on {group.table.width:g} mV, from {LOW:g} to {HIGH:g} mV; the error of what a gate")
        lines.append(f"       tends to is at most {max(group.table.errors.values()):.1g} of its range): {', '.join(group.table.gates)}")
    return lines + [f"     computed by its equations, for {reason}: {state}" for state, reason in group.direct.items()]


def _varying(group: KernelBatch) -> str:
    arrays = group.members[0].arrays
    return f" and {len(arrays)} arrays with a value per neuron" if arrays else ""


def _operations(program: NeuronProgram) -> str:
    counts = program.graph.operations(program.roots)
    return ", ".join(f"{n} {op}" for op, n in sorted(counts.items(), key=lambda item: -item[1]))


def _drives(plan: Plan) -> str | None:
    if not plan.drives:
        return None
    why = {
        "counted": "Poisson counts by thresholds on one random word",
        "irregular": "events added one by one",
        "current": "added to the current before each step",
    }
    kinds: dict[str, list[str]] = {}
    for planned in plan.drives:
        kinds.setdefault(planned.kind, []).append(planned.drive.name)
    return "stimuli:\n" + "\n".join(f"   {len(names)} × {kind}: {why[kind]} ({_some(names)})" for kind, names in kinds.items())


def _projections(plan: Plan) -> str | None:
    if not plan.network.projections and not plan.network.graded:
        return None
    lines = ["projections:"]
    by_reason: dict[str, list[str]] = {}
    for projection, reason in zip(plan.network.projections, plan.reasons, strict=True):
        by_reason.setdefault(reason, []).append(projection.name)
    for graded in plan.graded:
        by_reason.setdefault(graded.why(), []).append(graded.projection.name)
    for reason, names in by_reason.items():
        lines.append(f"   {len(names)} × {reason}\n      ({_some(names)})")
    if packed := [s.unit for s in plan.scale if s is not None]:
        lines.append(f"   packed weights are whole multiples of {min(packed):.3g} to {max(packed):.3g} (unit of the port): their sums are exact")
    return "\n".join(lines)


def _modulators(plan: Plan) -> str | None:
    """Each modulator: its kinetics, who releases it, and which parameters it changes, in the order of the effects."""
    network = plan.network
    if not network.modulators:
        return None
    lines = ["modulators:"]
    for m in network.modulators.values():
        grid = f"{' × '.join(map(str, m.grid.shape))} cubes, {m.diffusion!r}"
        if m.grid.mixed or isinstance(m.diffusion, Apart):
            grid = "one concentration for all" if m.grid.mixed else "one for every cell"
        lines.append(f"   {m.name}: {m.kinetics.changed()}, every {m.tick:g} ms in {m.steps} Runge-Kutta step{'s' if m.steps > 1 else ''}, {grid}")
        lines += [f"      released by {r.nucleus.name}: {concentration_text(r.amount, m.kinetics.dimension)} a spike" for r in m.releases]
    lines.append("   modulated parameters, each effect on what the one before made of it:")
    targets: list[Target] = [*network.populations.values(), *network.projections]
    for target in targets:
        for name, effects in effects_on(network.modulators, target).items():
            whose = "target" if isinstance(target, Projection) else "neuron"
            values = f"one value per {whose}" if vary_by_cell(effects) else "one value"
            lines.append(f"      {target.name}.{name} ({values}): " + "; ".join(e.label.partition(" on ")[0] for e in effects))
    return "\n".join(lines)


def _some(names: list[str], limit: int = 4) -> str:
    return ", ".join(names[:limit]) + (f", … {len(names) - limit} more" if len(names) > limit else "")


def _totals(plan: Plan) -> str:
    steady = [w for w in kernel_costs(plan) if w.per == "step"]
    flops = sum(int(w.flops * w.count) for w in steady)
    moved = sum(int(w.bytes * w.count) for w in steady)
    per_second = 1000.0 / plan.dt
    return (
        f"neurons and stimuli, per step: {flops:,} FLOPs, {moved:,} bytes; per second of biology: {flops * per_second:.3g} FLOPs, "
        f"{moved * per_second:.3g} bytes (synaptic events come on top, by activity)"
    )
