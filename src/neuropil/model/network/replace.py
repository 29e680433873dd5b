"""Copies of networks: as they are, or with parts of them described anew.

A copy is made of the whole graph of objects at once, whatever a network may come to hold, so that nothing can be left out; only
values that never change (models, rules, stimuli, arrays, functions) are shared between a network and its copies. What is
replaced is checked as if it had been described so from the start.
"""

from __future__ import annotations

import dataclasses
import io
import pickle
from collections.abc import Mapping
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.contents.chosen import Indices, inverse_index
from neuropil.model.contents.contents import Population, Probe, Projection, StimulusConnection
from neuropil.model.contents.graded import Graded, GradedProjection
from neuropil.model.contents.own_noise import own_noise
from neuropil.model.contents.population import View
from neuropil.model.contents.windows import window_drives
from neuropil.model.contents.wiring import weight_dimension
from neuropil.model.network.contents import Contents
from neuropil.model.network.describe import described_drive, described_population, described_projection
from neuropil.model.network.graded import described_graded
from neuropil.model.network.graded import weight_dimension as graded_dimension
from neuropil.model.neuron.composite import Composite
from neuropil.model.neuron.neuron import Neuron
from neuropil.model.probe.upkeep import check_upkeep
from neuropil.model.stimulus.stimulus import EventStimulus, Stimulus
from neuropil.model.stimulus.wiener import Wiener
from neuropil.units import Quantity, ms, um

Changes = Mapping[str, Mapping[str, Any]]
T = TypeVar("T")
N = TypeVar("N", bound=Contents)

_VALUES = (np.ndarray, DeclarativeModel, Composite, Distribution, type, FunctionType, BuiltinFunctionType, MethodType)
"""What a copy shares with its original: it never changes."""
OF_POPULATION = ("neuron", "size", "initial", "positions")
OF_PROJECTION = ("rule", "weight", "delay", "site", "synapse", "clock_driven", "response_delay", "structure", "initial")
OF_GRADED = ("rule", "weight", "delay", "site", "synapse")
OF_DRIVE = ("stimulus", "weight")


def duplicate(network: T, replaced: Mapping[int, Any] | None = None) -> T:
    """A copy of a network, in which other objects stand in the place of some.

    Args:
        replaced: from the `id` of an object of the network to what takes its place everywhere.
    """
    shared: list[Any] = []
    twins = replaced or {}

    class Writer(pickle.Pickler):
        def persistent_id(self, one: Any) -> int | None:
            if not isinstance(one, _VALUES):
                return None
            shared.append(one)
            return len(shared) - 1

        def reducer_override(self, one: Any) -> Any:
            return twins[id(one)].__reduce_ex__(5) if id(one) in twins else NotImplemented

    class Reader(pickle.Unpickler):
        def persistent_load(self, index: int) -> Any:
            return shared[index]

    file = io.BytesIO()
    Writer(file, protocol=5).dump(network)
    file.seek(0)
    copy: T = Reader(file).load()
    return copy


def replaced(network: N, name: str | None, populations: Changes | None, projections: Changes | None, drives: Changes | None) -> N:
    """An independent copy of a network in which some things are described anew; see `Network.replace`.

    Args:
        name, populations, projections, drives: as of `Network.replace`.
        network: the original, which stays as it is.

    Raises:
        NetworkError, ModelError, UnitError: as of `Network.replace`.
    """
    wanted = {"populations": _asked(populations, network.populations, "population")}
    wanted["projections"] = _asked(projections, [p.name for p in (*network.projections, *network.graded)], "projection")
    wanted["drives"] = _asked(drives, [d.name for d in network.drives if d.follows is None], "stimulus")
    pops, anew = _populations(network, wanted["populations"])
    made = duplicate(network, {id(old): new for old, new in zip(network.populations.values(), pops, strict=True) if old is not new})
    if name is not None:
        if not isinstance(name, str):
            raise NetworkError("a network's name must be text", got=name)
        made.name = name
    for pop in made.populations.values():
        had = {d.input for d in made.drives if d.target is pop and isinstance(d.stimulus, Wiener)}
        if had != {d.input for d in own_noise(pop)}:
            raise NetworkError(f"replace: {pop.name} would have other inputs of white noise", got=f"{type(pop.neuron).__name__}", fix="describe a new network")
    elements = _elements(made, wanted, anew)
    _check_rest(made, set(anew))
    whole = duplicate(made, elements) if elements else made
    check_upkeep(whole.synapse_probes, whole.normalisations)
    return whole


def _asked(changes: Any, known: Any, what: str) -> Changes:
    """The changes by name, if each name exists."""
    if changes is None:
        return {}
    if not isinstance(changes, Mapping) or not all(isinstance(v, Mapping) for v in changes.values()):
        raise NetworkError(f"replace: {what}s are changed by a dict of dicts", got=changes, expected="{name: {what: value}}")
    for name in changes:
        if name not in known:
            raise NetworkError(f"replace: the network has no {what} {name!r}", fix=did_you_mean(name, known))
    return changes


def _populations(network: Contents, changes: Changes) -> tuple[list[Population], dict[str, int]]:
    """All populations of the copy; and those on which what refers to them may no longer fit, with the size they had."""
    pops: list[Population] = []
    anew: dict[str, int] = {}
    for pop in network.populations.values():
        first, own = sum(p.size for p in pops), dict(changes.get(pop.name, {}))
        if not own:
            pops.append(pop if pop.first == first else dataclasses.replace(pop, first=first))
            continue
        neuron, size, initial, positions = (own.pop(key, default) for key, default in zip(OF_POPULATION, _as_given(pop), strict=True))
        if own and isinstance(neuron, (Neuron, Composite)):
            neuron = neuron.with_(**own)
        twin = described_population(pop.name, neuron, size, initial, positions, first)
        pops.append(twin)
        if twin.size != pop.size or changes[pop.name].keys() & {"neuron", "positions"}:
            anew[pop.name] = pop.size
    return pops, anew


def _as_given(pop: Population) -> tuple[Any, ...]:
    """Neuron, size, initial values and positions as a caller would give them."""
    initial = {state: _in_unit(value, pop.neuron.spec.state_dimensions[state]) for state, value in pop.initial.items()}
    return pop.neuron, pop.size, initial, _in_unit(pop.positions, um.dimension)


def _in_unit(value: Any, dimension: Any) -> Any:
    return value if value is None or isinstance(value, (Distribution, WeightMatrix)) else Quantity(value, dimension)


def _elements(made: Contents, wanted: dict[str, Changes], anew: dict[str, int]) -> dict[int, Any]:
    """Projections, drives and probes that are described anew, by the id of what they replace.

    Args:
        anew: populations on which what refers to them may no longer fit, and how many neurons they had.
    """
    found: dict[int, Any] = {}
    for p in made.projections:
        if p.name in wanted["projections"] or anew.keys() & {p.source.name, p.target.name}:
            found[id(p)] = _projection(p, wanted["projections"].get(p.name, {}))
    for g in made.graded:
        if g.name in wanted["projections"] or anew.keys() & {g.source.name, g.target.name}:
            found[id(g)] = _graded(g, wanted["projections"].get(g.name, {}))
    for d in made.drives:
        if d.follows is None and (d.name in wanted["drives"] or d.target.name in anew):
            found[id(d)] = redescribed_drive(d, wanted["drives"].get(d.name, {}))
    for d in made.drives:
        if d.follows is not None and id(d.follows) in found:
            (twin,) = (one for one in window_drives(found[id(d.follows)]) if one.name == d.name)
            found[id(d)] = dataclasses.replace(twin, follows=d.follows)
    for probe in made.probes:
        if probe.target.name in anew:
            found[id(probe)] = _probe(probe, anew[probe.target.name])
    return found


def _projection(p: Projection, changes: Mapping[str, Any]) -> Projection:
    fields = {name: getattr(p, name) for name in OF_PROJECTION}
    own = _known(changes, OF_PROJECTION, p.synapse, f"projection {p.name!r}")
    at_port = None if p.port is None else p.target.neuron.spec.ports.get(p.port)
    fields["weight"] = _in_unit(p.weight, weight_dimension(p.name, p.synapse, at_port))
    fields["delay"] = _in_unit(p.delay, ms.dimension)
    fields["initial"] = {} if p.synapse is None else {n: _in_unit(v, p.synapse.spec.state_dimensions[n]) for n, v in p.initial.items()}
    if own:
        fields["synapse"] = p.synapse.with_(**own)  # type: ignore[union-attr]
    fields.update({name: value for name, value in changes.items() if name in OF_PROJECTION})
    if "response_delay" in changes:
        fields["response_delay"] = checked_values(changes["response_delay"], ms.dimension, f"projection {p.name}: response_delay", ())
    site, entry = fields.pop("site"), {"port": p.port, "input": p.input}
    if isinstance(site, (int, np.integer)):
        site, which = None, "port" if p.port is not None else "input"
        entry[which] = f"{entry[which]}[{p.site}]"
    weight, delay, rule = (fields.pop(name) for name in ("weight", "delay", "rule"))
    source, target = _seen(p.source, p.sources, p.name), _seen(p.target, p.targets, p.name)
    rule = rule if "rule" in changes else rule.within(p.within)
    return described_projection(source, target, rule, weight, delay, entry["port"], site, p.name, p.stream, {"input": entry["input"], **fields})


def _graded(p: GradedProjection, changes: Mapping[str, Any]) -> GradedProjection:
    _known(changes, OF_GRADED, None, f"projection {p.name!r}")
    rule = changes["rule"] if "rule" in changes else p.rule.within(p.within)
    weight = _in_unit(p.weight, graded_dimension(p.target, str(p.input), p.value.dimension(p.model)))
    fixed = isinstance(p.site, (int, np.integer))
    entry, site = (f"{p.input}[{p.site}]", None) if fixed else (p.input, p.site)
    synapse = changes.get("synapse", p.given)
    if not isinstance(synapse, Graded):
        raise NetworkError(f"replace: projection {p.name!r} must stay graded", got=synapse, expected="npl.Graded(...)")
    source, target = _seen(p.source, p.sources, p.name), _seen(p.target, p.targets, p.name)
    return described_graded(
        source, target, rule, changes.get("weight", weight), changes.get("delay", _in_unit(p.delay, ms.dimension)), changes.get("site", site), p.name, p.stream,
        synapse, {"input": entry},
    )  # fmt: skip


def redescribed_drive(d: StimulusConnection, changes: Mapping[str, Any]) -> StimulusConnection:
    """A stimulus connection described anew.

    Args:
        d: as it is.
        changes: "stimulus", "weight".

    Raises:
        NetworkError, ModelError, UnitError: what does not fit.
    """
    _known(changes, OF_DRIVE, None, f"stimulus {d.name!r}")
    index = "" if d.site is None else f"[{d.site}]"
    stimulus, weight = changes.get("stimulus", d.stimulus), None
    if d.port is not None:
        weight = changes.get("weight", _in_unit(d.weight, d.target.neuron.spec.ports.get(d.port)))
    elif "weight" in changes:
        weight = changes["weight"]
    if not isinstance(stimulus, Stimulus) or isinstance(stimulus, EventStimulus) != isinstance(d.stimulus, EventStimulus):
        raise NetworkError(f"replace: stimulus {d.name!r} must stay an event or a current stimulus", got=stimulus, expected="events for events, a current for a current")
    port = None if d.port is None else d.port + index
    target = _seen(d.target, d.neurons, d.name)
    if "stimulus" not in changes and stimulus.addressed is not None and d.neurons is not None:
        stimulus = stimulus.addressing(inverse_index(d.neurons, d.target.size)[stimulus.addressed])
    return described_drive(target, stimulus, port, None if d.input is None else d.input + index, weight, d.name, d.stream)


def _seen(population: Population, indices: Indices | None, what: str) -> Population | View:
    """A population, or the view of it that was given."""
    if indices is None:
        return population
    if indices.max() >= population.size:
        raise NetworkError(f"replace: {what!r} refers to a neuron that no longer exists", got=f"neuron {indices.max()} of {population.name}", expected=f"0 … {population.size - 1}")
    return View(population, indices, f"{population.name}[…]")


def _known(changes: Mapping[str, Any], fields: tuple[str, ...], model: DeclarativeModel | None, what: str) -> dict[str, Any]:
    """What of the changes is a parameter of the model, after checking that the rest are fields."""
    parameters = {} if model is None else model.spec.parameters
    for name in changes:
        if name not in fields and name not in parameters:
            raise NetworkError(f"replace: {what} has no field or parameter {name!r}", fix=did_you_mean(name, [*fields, *parameters]))
    return {name: value for name, value in changes.items() if name not in fields}


def _probe(probe: Probe, before: int) -> Probe:
    """A probe of a population that had `before` neurons: of all that there are where it was of all, else of the same ones."""
    pop, columns = probe.target, probe.neurons.size // before
    if columns and np.array_equal(probe.neurons, np.repeat(np.arange(before), columns)):
        sites = None if probe.sites is None else np.tile(probe.sites[:columns], pop.size)
        return dataclasses.replace(probe, neurons=np.repeat(np.arange(pop.size), columns), sites=sites)
    if probe.neurons.size and probe.neurons.max() >= pop.size:
        raise NetworkError(f"replace: probe {probe.name!r} records a neuron that no longer exists", got=f"neuron {probe.neurons.max()}", expected=f"0 … {pop.size - 1}")
    return probe


def _check_rest(network: Contents, anew: set[str]) -> None:
    """Couplings and effects of modulators name single neurons: they cannot follow another size or other positions."""
    for coupling in network.couplings:
        for side in (coupling.first, coupling.second):
            if side.population.name in anew:
                raise NetworkError(f"replace: coupling {coupling.name!r} names neurons of {side.population.name}", fix="describe a new network")
    for modulator in network.modulators.values():
        reached = {p.name for p in (*modulator.populations, *(q.target for q in modulator.projections), *(r.nucleus for r in modulator.releases if r.sites is not None))}
        if not modulator.grid.mixed and reached & anew:
            raise NetworkError(f"replace: modulator {modulator.name!r} has a voxel for each neuron of {min(reached & anew)}", fix="describe a new network")
