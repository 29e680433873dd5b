"""What a rollout is given, against what it takes: no name is ignored, no shape broadcasts by accident.

Only names and shapes are looked at, so that the checks also hold for tracers, within `jit`, `grad` and `vmap`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from neuropil.errors import ModelError, did_you_mean
from neuropil.model.network.network import Network

Tree = Mapping[str, Any]

_ALWAYS, _OPTIONAL = ("step", "events", "currents", "uniform"), ("modulators", "signals", "doses", "spikes")


def check_inputs(network: Network, inputs: Tree, hazards: set[str], living: set[str]) -> None:
    """Refuse inputs of a rollout that do not fit the network.

    Args:
        inputs: as of `Rollout.inputs`.
        hazards: populations that need uniform numbers.
        living: projections with a synapse model.

    Raises:
        ModelError: a name that does not exist or is missing, an array of another shape.
    """
    _keys("inputs", inputs, _ALWAYS, _OPTIONAL, "take Rollout.inputs(duration) and change its arrays")
    shape = np.shape(inputs["step"])
    if len(shape) != 1:
        raise ModelError("inputs: 'step' has one number for each step", got=f"shape {shape}", expected="(steps,)")
    steps = shape[0]
    for kind, what in (("events", "port"), ("currents", "input")):
        _keys(f"inputs[{kind!r}]", inputs[kind], (), network.populations, "give the name of a population")
        for name, arrays in inputs[kind].items():
            population = network[name]
            spec = population.neuron.spec
            known = spec.ports if kind == "events" else spec.inputs
            _keys(f"inputs[{kind!r}][{name!r}]", arrays, (), known, f"give the name of {'an' if what == 'input' else 'a'} {what} of {type(population.neuron).__name__}")
            for entry, values in arrays.items():
                _shape(f"inputs[{kind!r}][{name!r}][{entry!r}]", values, (steps, population.size * population.sites(entry)), "(steps, sites of all neurons)")
    _keys("inputs['uniform']", inputs["uniform"], hazards, (), "one array for each population with a hazard")
    for name, values in inputs["uniform"].items():
        _shape(f"inputs['uniform'][{name!r}]", values, (steps, network[name].size), "(steps, neurons)")
    for name, values in _keys("inputs['modulators']", inputs.get("modulators", {}), (), living, "give the name of a projection with a synapse model").items():
        _shape(f"inputs['modulators'][{name!r}]", values, (steps,), "(steps,)")
    for name, listed in _keys("inputs['spikes']", inputs.get("spikes", {}), (), network.populations, "give the name of a population").items():
        what = f"inputs['spikes'][{name!r}]"
        _keys(what, listed, ("step", "neuron"), (), "give the steps of the spikes and their neurons")
        if np.ndim(listed["step"]) != 1 or np.shape(listed["step"]) != np.shape(listed["neuron"]):
            raise ModelError(f"{what} has the wrong shape", got=f"shapes {np.shape(listed['step'])} and {np.shape(listed['neuron'])}", expected="two arrays (spikes,) of one length")
    for kind in ("signals", "doses"):
        for name, values in _keys(f"inputs[{kind!r}]", inputs.get(kind, {}), (), network.modulators, "give the name of a modulator").items():
            cells = network.modulators[name].signals if kind == "signals" and np.ndim(values) > 1 else ()
            _shape(f"inputs[{kind!r}][{name!r}]", values, (steps, *cells), "(steps,), or of signals to cells that are Apart (steps, cells)")


def check_parameters(own: Tree, given: Tree, sizes: Mapping[str, int]) -> None:
    """Refuse parameters that are not those of the rollout.

    Args:
        own: `Rollout.parameters`.
        given: in their place.
        sizes: elements of every population whose parameters may be numbers or one for each; the names of others are checked by
            themselves.

    Raises:
        ModelError: a name that does not exist or is missing, an array of another shape.
    """
    fix = "take a copy of Rollout.parameters and change its arrays"
    _keys("parameters", given, [kind for kind in own if own[kind]], own, fix)
    for kind in given:
        _keys(f"parameters[{kind!r}]", given[kind], own[kind], (), fix)
    for name, values in given.get("weights", {}).items():
        _shape(f"parameters['weights'][{name!r}]", values, np.shape(own["weights"][name]), "one for each synapse, in the order of Rollout.wirings; shared weights as described")
    for name, values in given.get("delays", {}).items():
        _shape(f"parameters['delays'][{name!r}]", values, np.shape(own["delays"][name]), "one for each synapse, in the order of the weights")
    for name, mine in own.get("graded", {}).items():
        for parameter, values in _keys(f"parameters['graded'][{name!r}]", given["graded"][name], mine, (), fix).items():
            _shape(f"parameters['graded'][{name!r}][{parameter!r}]", values, np.shape(mine[parameter]), "as of Rollout.parameters")
    for kind in {"modulators", "effects"} & own.keys():
        for name, mine in own[kind].items():
            for parameter, value in _keys(f"parameters[{kind!r}][{name!r}]", given[kind][name], mine, (), fix).items():
                _shape(f"parameters[{kind!r}][{name!r}][{parameter!r}]", value, (), "one number")
    for kind in {"neurons", "synapses"} & given.keys():
        for name, mine in own[kind].items():
            if kind == "neurons" and name not in sizes:
                continue
            _keys(f"parameters[{kind!r}][{name!r}]", given[kind][name], mine, (), fix)
            count = sizes[name] if kind == "neurons" else int(np.size(own["weights"][name]))
            for parameter, values in given[kind][name].items():
                if np.shape(values) not in ((), (count,), np.shape(mine[parameter])):
                    raise ModelError(
                        f"parameters[{kind!r}][{name!r}][{parameter!r}] has the wrong shape", got=f"shape {np.shape(values)}", expected=f"() or ({count},)", fix=fix
                    )  # fmt: skip


def check_state(own: Tree, given: Tree) -> None:
    """Refuse a state of other names or shapes than `Rollout.initial` gives.

    Args:
        own: `Rollout.initial()`.
        given: the state in its place.

    Raises:
        ModelError: with the first difference.
    """
    mine, theirs = ({jax.tree_util.keystr(path): np.shape(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(t)} for t in (own, given))
    for name in sorted(mine.keys() ^ theirs.keys()):
        raise ModelError(f"the state has {'no entry' if name in mine else 'an unknown entry'} {name}", fix="give Rollout.initial(), or the state that a rollout returned")
    for name, shape in mine.items():
        if theirs[name] != shape:
            raise ModelError(f"the state's entry {name} has the wrong shape", got=f"shape {theirs[name]}", expected=f"{shape}")


def _keys(what: str, given: Any, needed: Any, allowed: Any, fix: str) -> Tree:
    """The mapping itself, whose names are all of `needed` and some of `allowed`."""
    if not isinstance(given, Mapping):
        raise ModelError(f"{what} must be a mapping by name", got=type(given).__name__)
    for name in needed:
        if name not in given:
            raise ModelError(f"{what} lacks {name!r}", got=", ".join(map(repr, given)) or "nothing", fix=fix)
    for name in given:
        if name not in needed and name not in allowed:
            raise ModelError(f"{what} has an unknown name {name!r}", fix=did_you_mean(str(name), [*map(str, needed), *map(str, allowed)]) or fix)
    return given


def _shape(what: str, values: Any, expected: tuple[int, ...], meaning: str) -> None:
    if np.shape(values) != expected:
        raise ModelError(f"{what} has the wrong shape", got=f"shape {np.shape(values)}", expected=f"{expected}: {meaning}")


def whole_number(value: Any, what: str, least: int = 1) -> int:
    """A number of things, or a seed, checked.

    Args:
        value: as given.
        what: it is; begins the message.
        least: the smallest.

    Raises:
        ModelError: not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ModelError(f"{what} must be a whole number of at least {least}", got=value)
    return int(value)
