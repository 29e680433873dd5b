"""What decides how a run continues, by what a person calls it: plain values, and digests of descriptions by content."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import sys
from types import CodeType
from typing import Any

import numpy as np

from neuropil.codegen.cable_source import emit_cable
from neuropil.codegen.kernel import source_of
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import Projection
from neuropil.plan.plan import Plan
from neuropil.units import Quantity


def parts(plan: Plan) -> dict[str, str]:
    """Everything that decides how a run continues, by what a person calls it: plain values, and digests of descriptions."""
    network = plan.network
    drives, projections = network.drives, network.projections
    found = {
        "dt": f"{plan.dt} ms", "seed": str(plan.seed), "precision": plan.precision, "weights": f"{8 * np.dtype(plan.word).itemsize}-bit words",
        "the order of projections and stimuli": ", ".join([*(p.name for p in projections), *(p.name for p in network.graded), *(d.name for d in drives)]),
    }  # fmt: skip
    for group in plan.groups:
        for m in group.members:
            name = f"{m.population.name}.{m.part}" if m.part else m.population.name
            found[f"population {name!r}"] = _digest(source_of(group), m.population.size, m.period, m.numbers, m.arrays)
    for cells in plan.cells.values():
        tree = (cells.cable.parent, cells.cable.axial, cells.cable.area, cells.cable.capacitance, cells.cable.cell.trigger, cells.cable.cell.initial)
        constants = [(c.numbers, c.arrays) for p in cells.cable.groups for c in p.loops.values()]
        where = [(p.name, p.compartments) for p in cells.cable.groups]
        found[f"cells of population {cells.population.name!r}"] = _digest(
            emit_cable(cells), cells.population.size, tree, where, constants, cells.weight_scales
        )
    for j, (p, scale) in enumerate(zip(projections, plan.scale, strict=True)):
        stored = scale and (scale.unit, scale.top, str(np.dtype(scale.word)))
        positions = _positions(p)
        found[f"projection {p.name!r}"] = _digest(
            p.source.name, p.target.name, p.port, p.site, p.rule, p.weight, p.delay, stored, positions, _synapses(plan, j), p.sources, p.targets, p.stream
        )
    for graded in network.graded:
        described = (graded.source.name, graded.target.name, graded.input, graded.site, graded.rule, graded.weight, graded.delay, graded.sources, graded.targets)
        found[f"projection {graded.name!r}"] = _digest(*described, graded.stream, graded.value, graded.matrix, _positions(graded))
    for j, c in enumerate(network.couplings):
        found[f"coupling {j + 1}"] = _digest([(e.population.name, e.input, e.flat_index) for e in (c.first, c.second)], getattr(type(c.junction), "current", None), c.values)
    for planned in plan.drives:
        d = planned.drive
        found[f"stimulus {d.name!r}"] = _digest(planned.kind, d.target.name, d.port, d.input, d.site, d.weight, d.stimulus, d.neurons, d.stream)
    for modulator in network.modulators.values():
        found[f"modulator {modulator.name!r}"] = _digest(modulator.described())
    for probe in network.probes:
        found[f"probe {probe.name!r}"] = _digest(probe.target.name, probe.recorded, probe.neurons, probe.sites, probe.interval, probe.start)
    for recorded in network.synapse_probes:
        found[f"probe {recorded.name!r}"] = _digest(recorded.projection.name, recorded.variable, recorded.chosen, recorded.interval, *(() if recorded.start is None else (recorded.start,)))
    for n in network.normalisations:
        found[f"normalisation of {n.variable!r} of projection {n.projection.name!r}"] = _digest(n.total, n.interval)
    return found


def _positions(projection: Projection) -> object:
    """Where the neurons stand, if the rule of the projection asks for it."""
    return (projection.source.positions, projection.target.positions) if projection.rule.needs_positions else None


def wiring(plan: Plan) -> dict[str, str]:
    """By projection, a digest of what decides where its synapses are: two with the same have the same list of synapses."""
    found = {}
    for p in plan.network.projections:
        shown = (p.source.name, p.source.size, p.target.name, p.target.size, p.sites, p.site, p.sources, p.targets)
        delay = p.delay if p.per_synapse else None  # states are kept by source and delay
        found[p.name] = _digest(plan.seed, plan.dt, p.rule, delay, _positions(p), shown, p.stream, p.clock_driven, p.structure is None)
    for g in plan.network.graded:
        found[g.name] = _digest(plan.seed, plan.dt, g.rule, type(g.matrix), _positions(g), g.source.size, g.target.size, g.site, g.sources, g.targets, g.stream)
    return found


def fingerprint(plan: Plan) -> str:
    """A digest of all parts: a checkpoint fits only the network it came from."""
    return _digest(parts(plan))


def _synapses(plan: Plan, j: int) -> object:
    """What decides how the synapses with states of a projection go on; None without."""
    if j not in plan.synapses:
        return None
    p, program = plan.network.projections[j], plan.synapses[j]
    model = program.traced.model
    values = {n: getattr(model, n) for n in model.spec.parameters}
    described = (program.traced.name, program.arrival.nodes, program.step.nodes, values, p.input, p.clock_driven, p.response_delay, p.initial)
    return described, None if p.structure is None else vars(p.structure)


def _digest(*values: object) -> str:
    digest = hashlib.sha256()
    _absorb(digest, values)
    return digest.hexdigest()[:32]


def _absorb(digest: Any, value: Any) -> None:
    """Add a description's value to a digest: by content, never by address."""
    digest.update(type(value).__name__.encode())
    _absorb_equations(digest, type(value))
    if isinstance(value, type):  # such as the class that `super()` in a method refers to
        digest.update(value.__qualname__.encode())
    elif isinstance(value, CodeType):
        digest.update(value.co_code)
        _absorb(digest, (value.co_names, value.co_consts))
    elif isinstance(value, np.ndarray):
        digest.update(str((value.dtype, value.shape)).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _absorb(digest, sorted(value.items(), key=lambda item: repr(item[0])))
    elif isinstance(value, (set, frozenset)):
        _absorb(digest, sorted(map(repr, value)))
    elif isinstance(value, (list, tuple)):
        for part in value:
            _absorb(digest, part)
    elif isinstance(value, Quantity):
        _absorb(digest, (value.value, value.dimension))
    elif isinstance(value, functools.partial):
        _absorb(digest, (value.func, value.args, value.keywords))
    elif callable(value) and hasattr(value, "__code__"):
        closure = [c.cell_contents for c in value.__closure__ or () if c.cell_contents is not value]
        _absorb(digest, (value.__code__, value.__defaults__, value.__kwdefaults__, closure))
    elif dataclasses.is_dataclass(value) or isinstance(value, Distribution) or getattr(type(value), "__repr__", None) is object.__repr__:
        _absorb(digest, getattr(value, "__dict__", {}))
    elif callable(value) and hasattr(type(value).__call__, "__code__"):  # an object that is called like a function
        _absorb(digest, (type(value).__call__, vars(value)))
    elif isinstance(value, DeclarativeModel):
        digest.update(value.changed().encode())
    else:
        digest.update(repr(value).encode())


def _absorb_equations(digest: Any, kind: type) -> None:
    """Add what the methods of a class outside the package compute: stimuli, rules, junctions and effects are defined by them."""
    for each in kind.__mro__:
        room = each.__module__.partition(".")[0]
        if room != "neuropil" and room not in sys.stdlib_module_names and room != "numpy":
            for name, member in sorted(vars(each).items()):
                method = getattr(member, "__func__", member)
                if hasattr(method, "__code__") and not name.startswith("__"):
                    digest.update(name.encode())
                    _absorb(digest, method)
