"""From the parameters and the initial state of a rollout back to a network description, which runs in the engine with the same result.

What a rollout has drawn (synapses, parameters, initial values) is written down, so that no seed draws other values for what was trained;
stimuli and noise are left as they are. What did not change and was not drawn stays as it was described.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import numpy as np

from neuropil.connectivity.draw import edges, numbered_edges
from neuropil.errors import ModelError
from neuropil.learn.modulators import key_of
from neuropil.learn.rollout import Rollout
from neuropil.learn.trainable.cells import described_cell
from neuropil.model.base.distribution import Distribution, axes
from neuropil.model.cell.cell import Cell
from neuropil.model.connection.rules import Edges
from neuropil.model.connection.shared import SharedWeights
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.per_synapse import in_order
from neuropil.model.contents.wiring import weight_dimension
from neuropil.model.modulation.effects import Effect
from neuropil.model.network.graded import weight_dimension as graded_dimension
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import full_name
from neuropil.units import Quantity, ms

Tree = dict[str, Any]


def described(rollout: Rollout, parameters: Tree, state: Tree) -> Network:
    """The rollout's network with other values.

    Args:
        rollout: of the network.
        parameters, state: as of `Rollout.parameters` and `Rollout.initial`, arrays of NumPy; delays on the grid.

    Returns:
        An independent copy.

    Raises:
        ModelError: a state with spikes on the way; values that the description cannot have.
    """
    network, initial = rollout.network, rollout.initial()
    populations = {p.name: _population(rollout, p, parameters, state, initial) for p in network.populations.values()}
    projections = {p.name: _projection(rollout, p, parameters, state, initial) for p in network.projections}
    projections |= {p.name: _graded(rollout, p, parameters) for p in network.graded}
    made = network.replace(populations={n: c for n, c in populations.items() if c}, projections={n: c for n, c in projections.items() if c})
    _modulators(rollout, made, parameters)
    return made


def _population(rollout: Rollout, pop: Population, parameters: Tree, state: Tree, initial: Tree) -> Tree:
    mine, before = parameters["neurons"][pop.name], rollout.parameters["neurons"][pop.name]
    if isinstance(pop.neuron, Cell):
        return described_cell(pop, pop.neuron, mine, before)
    changes: Tree = {}
    starts: Tree = {n: _quantity(v, pop.neuron.spec.state_dimensions[n]) for n, v in pop.initial.items()}
    for part, of in pop.parts.items():
        for name, dimension in of.model.spec.parameters.items():
            full = full_name(part, name)
            if isinstance(getattr(of.model, name), Distribution) or _differ(mine[full], before[full]):
                changes[full] = _quantity(mine[full], dimension)
    count = len(starts)
    for part, of in pop.parts.items():
        for name, declared in of.model.spec.states.items():
            full = full_name(part, name)
            value, old = state["neurons"][pop.name][full], initial["neurons"][pop.name][full]
            given = pop.initial.get(full, declared.initial)
            follows = isinstance(given, str)
            would_be = np.broadcast_to(mine[full_name(part, given)], np.shape(value)) if follows else old
            if isinstance(given, Distribution) or _differ(value, would_be):
                starts[full] = _quantity(value, of.model.spec.state_dimensions[name])
                count += 1
    return {**changes, "initial": starts} if count > len(pop.initial) else changes


def _projection(rollout: Rollout, p: Projection, parameters: Tree, state: Tree, initial: Tree) -> Tree:
    if isinstance(p.matrix, SharedWeights):
        now, before = (tree["weights"][p.name] for tree in (parameters, rollout.parameters))
        return {"weight": p.matrix.bound({p.matrix.parameter: _plain(now)})} if _differ(now, before) else {}
    synapse, spec = p.synapse, None if p.synapse is None else p.synapse.spec
    pre, post, _, steps, site, _ = numbered_edges(p, rollout.seed, rollout.dt)
    drawn, arranged = _arrangement(p, pre, post)
    changes: Tree = {"rule": Edges(*p.within(pre, post))} if drawn else {}

    def fixed(name: str, given: Any, value: Any, old: Any, dimension: Any) -> None:
        if isinstance(given, Distribution) or _differ(value, old) or (drawn and axes(given)):
            changes[name] = _quantity(value if np.ndim(value) == 0 else arranged(value), dimension)

    weights, old = parameters["weights"][p.name], rollout.parameters["weights"][p.name]
    port = None if p.port is None else p.target.neuron.spec.ports.get(p.port)
    fixed("weight", p.weight, weights, old, weight_dimension(p.name, synapse, port))
    delay = np.round(np.asarray(parameters.get("delays", {}).get(p.name, steps * rollout.dt)) / rollout.dt)
    fixed("delay", p.delay, np.asarray(delay) * rollout.dt, steps * rollout.dt, ms.dimension)
    if (p.site is None and p.sites > 1) or (drawn and axes(p.site)):
        changes["site"] = np.asarray(arranged(site), np.int64)
    if spec is None:
        return changes
    for name, dimension in spec.parameters.items():
        fixed(name, getattr(synapse, name), parameters["synapses"][p.name][name], rollout.parameters["synapses"][p.name][name], dimension)
    starts, count = {n: _quantity(v, spec.state_dimensions[n]) for n, v in p.initial.items()}, 0
    for name, declared in spec.states.items():
        if name == "weight":
            continue
        value, old = (tree["synapses"][p.name]["states"][name] for tree in (state, initial))
        given = p.initial.get(name, declared.initial)
        would_be = np.broadcast_to(parameters["synapses"][p.name][given], np.shape(value)) if isinstance(given, str) else old
        if isinstance(given, Distribution) or _differ(value, would_be) or (drawn and axes(given)):
            starts[name], count = _quantity(arranged(value), spec.state_dimensions[name]), count + 1
    return {**changes, "initial": starts} if count else changes


def _arrangement(p: Projection, pre: np.ndarray, post: np.ndarray) -> tuple[bool, Any]:
    """Whether a projection's synapses are drawn, and what puts values in the rollout's order into that of its description."""
    if p.rule.array_shape(*p.ends) is None:
        return True, lambda values: values  # written down as edges, in the rollout's order
    if not p.rule.listed:
        rows = p.within(pre, post)

        def matrix(values: Any) -> Any:
            whole = np.full(p.ends, np.max(values, initial=1.0))  # where no synapse is: what a delay or a time constant may be
            whole[rows] = values
            return whole

        return False, matrix
    index = in_order(np.arange(pre.size), p, pre, post).astype(np.int64)

    def listed(values: Any) -> Any:
        found = np.empty(index.size)
        found[index] = values
        return found

    return False, listed


def _graded(rollout: Rollout, p: GradedProjection, parameters: Tree) -> Tree:
    mine, before = parameters["graded"][p.name], rollout.graded[p.name].start
    changed = any(_differ(mine[n], before[n]) for n in mine)
    if p.matrix is not None:
        return {"weight": p.matrix.bound({n: _plain(v) for n, v in mine.items()})} if changed else {}
    dimension = graded_dimension(p.target, str(p.input), p.value.dimension(p.model))
    drawn = p.rule.array_shape(*p.ends) is None
    if not (changed or drawn or isinstance(p.weight, Distribution)):
        return {}
    if p.dense:
        return {"weight": _quantity(mine["weight"], dimension)}
    flat = dataclasses.replace(p, delay=rollout.dt) if p.uniform_delay else p
    pre, post, _, steps, site = edges(flat, rollout.seed, rollout.dt)
    changes: Tree = {"rule": Edges(*p.within(pre, post)), "weight": _quantity(mine["weight"], dimension)}
    if not p.uniform_delay:
        changes["delay"] = Quantity(steps * rollout.dt, ms.dimension)
    if not p.fixed_site:
        changes["site"] = site
    return changes


def _modulators(rollout: Rollout, made: Network, parameters: Tree) -> None:
    """Put the values of modulators and their effects into a copy of the network."""
    for name, modulator in made.modulators.items():
        mine, before = parameters["modulators"][name], rollout.parameters["modulators"][name]
        spec = modulator.kinetics.spec
        changed = {n: _quantity(mine[n], spec.parameters[n]) for n in spec.parameters if _differ(mine[n], before[n])}
        if changed:
            modulator.kinetics = modulator.kinetics.with_(**changed)
            modulator.steps = modulator.kinetics.steps(modulator.tick, modulator.grid.fastest)
        for one in list(modulator.receptors.values()):
            if _differ(mine[f"{one.name}.ec50"], before[f"{one.name}.ec50"]):
                modulator.receptors[one.name] = dataclasses.replace(one, ec50=float(mine[f"{one.name}.ec50"]))
        for k, effect in enumerate(modulator.effects):
            receptor, change = effect.receptor, effect.change
            key = key_of(made.modulators, effect)
            if isinstance(change, Effect) and (constants := parameters["effects"].get(key, {})):
                old = rollout.parameters["effects"][key]
                other = {n: float(v) for n, v in constants.items() if _differ(v, old[n])}
                change = change.with_constants(other) if other else change
            bound = None if receptor is None else modulator.receptors[receptor.name]
            modulator.effects[k] = effect if (bound, change) == (receptor, effect.change) else _rebound(effect, bound, change)


def _rebound(effect: Any, receptor: Any, change: Any) -> Any:
    twin = copy.copy(effect)
    object.__setattr__(twin, "receptor", receptor)
    object.__setattr__(twin, "change", change)
    return twin


def _differ(value: Any, old: Any) -> bool:
    return not np.array_equal(np.broadcast_to(value, np.shape(old)) if np.ndim(value) == 0 else value, old)


def _plain(value: Any) -> Any:
    array = np.asarray(value, np.float64)
    if not np.all(np.isfinite(array)):
        raise ModelError("a trained value is not finite", got=f"{array.ravel()[np.argmax(~np.isfinite(array.ravel()))]}", fix="a smaller rate of learning, or clipped gradients")
    return float(array) if array.ndim == 0 else array


def _quantity(value: Any, dimension: Any) -> Any:
    return value if isinstance(value, Distribution) else Quantity(_plain(value), dimension)
