"""One population, projection or stimulus as it is described: checked whole, in base units, with names.

`Network.population`, `project` and `stimulate` add what these functions make; `Network.replace` describes anew with them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.base.distribution import Distribution, axes, checked_values, real_array
from neuropil.model.connection.matrix import WeightMatrix
from neuropil.model.connection.rule import Rule, check_drawable
from neuropil.model.connection.shared import SharedPairs, spiking
from neuropil.model.contents.chosen import shared
from neuropil.model.contents.contents import Population, Projection, StimulusConnection, Stream
from neuropil.model.contents.in_context import synapse_in_context
from neuropil.model.contents.own_noise import refuse_noise
from neuropil.model.contents.per_synapse import UNKNOWN, edge_weights, refuse_listed
from neuropil.model.contents.population import View, indices_of, whole
from neuropil.model.contents.sites import check_parameters, edge_sites, named_site, started
from neuropil.model.contents.wiring import check_synapse, check_values, weight_dimension
from neuropil.model.neuron.branched import Branch
from neuropil.model.neuron.composite import Composite, full_name, indexed, parts_of
from neuropil.model.neuron.neuron import Neuron
from neuropil.model.stimulus.stimulus import CurrentStimulus, EventStimulus, Stimulus, check_stimulus
from neuropil.model.stimulus.wiener import Wiener
from neuropil.units import Dimension, magnitude, ms, um, unit_name


def described_population(name: Any, neuron: Any, size: Any, initial: Any, positions: Any, first: int) -> Population:
    """What `population` makes, whose first neuron has the global index `first`.

    Args:
        name, neuron, size, initial, positions: as of `Network.population`.

    Raises:
        NetworkError: a name, a model, a size or initial values that do not fit.
    """
    if not isinstance(name, str) or not name or "/" in name or "." in name:
        raise NetworkError("a population needs a name (text without '/' and '.')", got=name)
    if isinstance(neuron, type) and issubclass(neuron, (Neuron, Composite)):
        raise NetworkError(f"population {name!r}: pass a model, not its class", got=neuron.__name__, fix=f"{neuron.__name__}()")
    if not isinstance(neuron, (Neuron, Composite)):
        raise NetworkError(f"population {name!r}: not a neuron model", got=neuron, expected="an instance of a Neuron subclass")
    if isinstance(neuron, Branch):
        raise NetworkError(f"population {name!r}: a Branch cannot be a population", got=neuron, fix="wrap it in Branched(soma=..., branch=..., branches=...)")
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise NetworkError(f"population {name!r}: the size must be a whole number", got=repr(size), expected="an int, such as 100", fix=f"int({size!r})" if isinstance(size, (str, float)) else None)
    if size < 1:
        raise NetworkError(f"population {name!r} is empty", got=size, expected="at least 1 neuron")
    if size >= 2**31:
        raise NetworkError(f"population {name!r}: the size is too large", got=size, expected="less than 2**31 neurons")
    size = int(size)
    neuron = neuron.frozen() if isinstance(neuron, Composite) else neuron
    spec = neuron.spec
    for part_name, part in parts_of(neuron).items():
        check_parameters(f"{name}.{full_name(part_name, '')}", part, size)
    if isinstance(neuron, Composite):
        neuron.check_size(name, size)
    checked_initial = {}
    if initial is not None and not isinstance(initial, dict):
        raise NetworkError(f"population {name!r}: initial must be a dict of states", got=initial)
    for state, value in (initial or {}).items():
        if state not in spec.states:
            raise NetworkError(f"population {name!r}: no state {state!r} to initialise", fix=did_you_mean(state, spec.states))
        shape = (size * spec.sites.get(state, 1),)
        checked_initial[state] = checked_values(started(value, neuron, state, size), spec.state_dimensions[state], f"{name}.{state}", shape)
    return Population(name, neuron, size, first, checked_initial, _positions(positions, name, size))


def port_dimension(pop: Population, port: Any) -> Dimension:
    """The unit of a port of population `pop`, by its full name.

    Raises:
        NetworkError: there is none of this name.
    """
    ports = pop.neuron.spec.ports
    if port is None and ports:
        raise NetworkError(f"{pop.name} ({type(pop.neuron).__name__}): events need a port", got="port=None", expected=f"one of {', '.join(ports)}", fix=f"port={next(iter(ports))!r}")
    if not isinstance(port, str) or port not in ports:
        raise NetworkError(f"{pop.name} ({type(pop.neuron).__name__}) has no port {port!r}", fix=did_you_mean(port, ports))
    return ports[port]


def described_projection(
    source: Population | View, target: Population | View, rule: Any, weight: Any, delay: Any, port: Any, site: Any,
    name: str, stream: Stream, more: dict[str, Any],
) -> Projection:  # fmt: skip
    """What `Network.project` makes for one source and one target.

    Args:
        weight, delay, port, site: as given there; more: its further arguments by name.
        source, target, rule: as of `Network.project`.
        name: of the projection.

    Raises:
        NetworkError, UnitError: whatever does not fit together.
    """
    pre, post = whole(source), whole(target)
    label = f"{pre.name}→{post.name}"
    if not isinstance(rule, Rule):
        raise NetworkError(f"projection {label}: not a connection rule", got=rule, expected="for example FixedProbability(0.1)")
    check_drawable(rule, f"projection {label}")
    index, where = None, None
    if more["input"] is not None:
        more["input"], index = indexed(more["input"])
    if port is not None or more["input"] is None:
        port, index = indexed(port)
    initial = more.pop("initial")
    check_synapse(label, post, port=port, weight=weight, delay=delay, **more)
    at_port = None if port is None and more["input"] is not None else port_dimension(post, port)
    dimension = weight_dimension(label, more["synapse"], at_port)
    if (entry := port or more["input"]) is not None:
        where = named_site(index, post, entry) if site is None else edge_sites(site, index, rule, source.size, post, entry, label)
    if more["structure"] is not None and not rule.rewires:
        name = type(rule).__name__
        raise NetworkError(
            f"projection {label}: {name} does not support structural plasticity", got=more["structure"],
            fix=f"use Edges, leave structure out, or set rewires = True in {name} if any pair may be joined (its likelihood() says how likely)",
        )  # fmt: skip
    among = {"sources": indices_of(source), "targets": indices_of(target)}
    rule.check(source.size, target.size, shared(**among, size=pre.size) if pre is post else 0)
    more["initial"] = check_values(label, more["synapse"], rule, source, target, initial, more["structure"])
    shape = edge_shape(rule, source, target)
    refuse_listed(delay, shape, rule, f"projection {label}: delay", "a distribution")
    d = checked_values(delay, ms.dimension, f"projection {label}: delay", shape)
    if not isinstance(d, Distribution) and np.any(np.asarray(d) <= 0):
        raise NetworkError(f"projection {label}: a delay must be positive", got=f"{np.min(d)} ms", expected="at least one time step")
    if isinstance(weight, WeightMatrix):
        matrix = spiking(weight, more, d, f"projection {label}")
        _check_joins_all(rule, weight, source, target, where, post.sites(str(port)), f"projection {label}")
        weight.check((source.size, target.size), dimension, f"projection {label}")
        rule = SharedPairs(matrix)
        w: Any = matrix
    else:
        w = weights_of(weight, dimension, rule, source, target, label)
    rule = rule.between(source.size, **among)
    made = Projection(name, pre, post, rule, w, d, port, where, sources=among["sources"], targets=among["targets"], stream=stream, **more)
    synapse_in_context(made)  # refuses context inputs that do not fit
    return made


def described_drive(one: Population | View, stimulus: Stimulus, port: Any, input: Any, weight: Any, label: str, stream: Stream) -> StimulusConnection:
    """What `Network.stimulate` makes for one target, a population or a view.

    Args:
        one: the target.
        port, input, weight: as of `Network.stimulate`.
        label: name of the stimulus connection.

    Raises:
        NetworkError, UnitError: a port, input, weight, unit or shape that does not fit.
    """
    pop, size, neurons = whole(one), one.size, indices_of(one)
    if isinstance(stimulus, EventStimulus):
        if port is None or input is not None or weight is None:
            raise NetworkError(f"stimulus {label}: events need a port and a weight", got=f"port={port!r}, weight={weight!r}")
        port, index = indexed(port)
        w = checked_values(weight, port_dimension(pop, port), f"stimulus {label}: weight", (size,))
        check_stimulus(stimulus, size, f"stimulus {label}")
        if stimulus.addressed is not None:
            who = indices_within(stimulus.addressed, one, f"stimulus {label}")
            stimulus = stimulus if neurons is None else stimulus.addressing(neurons[who])
        return StimulusConnection(label, pop, stimulus, port=port, weight=w, site=named_site(index, pop, port), neurons=neurons, stream=stream)
    assert isinstance(stimulus, CurrentStimulus)
    inputs = pop.neuron.spec.inputs
    if input is None or port is not None or weight is not None:
        raise NetworkError(f"stimulus {label}: a current needs an input (and no port, no weight)", got=f"input={input!r}, port={port!r}, weight={weight!r}", expected=f"an input, one of {', '.join(inputs)}", fix=f"input={next(iter(inputs), None)!r}")
    input, index = indexed(input)
    if not isinstance(input, str) or input not in inputs:
        raise NetworkError(f"{pop.name} ({type(pop.neuron).__name__}) has no input {input!r}", fix=did_you_mean(input, inputs))
    if not isinstance(stimulus, Wiener):
        refuse_noise(input, f"stimulus {label}")
    check_stimulus(stimulus, size, f"stimulus {label}")
    if stimulus.dimension() != inputs[input]:
        raise NetworkError(f"stimulus {label} has the wrong unit", got=unit_name(stimulus.dimension()), expected=unit_name(inputs[input]))
    return StimulusConnection(label, pop, stimulus, input=input, site=named_site(index, pop, input), neurons=neurons, stream=stream)


def weights_of(weight: Any, dimension: Dimension, rule: Rule, pre: Population | View, post: Population | View, label: str) -> Any:
    """Weights in base units; those of edges, given as a matrix, as one for each edge.

    Args:
        weight: a quantity, numbers, an array, a matrix or a distribution; dimension: the one required.
        rule: of the projection; pre, post: what it joins.
        label: of the projection, for messages.

    Raises:
        NetworkError: weights that do not fit the rule.
    """
    matrix = axes(weight) == 2
    what = f"projection {label}: weight"
    shape = (pre.size, post.size) if matrix else edge_shape(rule, pre, post)
    refuse_listed(weight, shape, rule, what, "a matrix [sources, targets], from which each synapse takes its entry, or a distribution")
    checked = checked_values(weight, dimension, what, shape)
    return edge_weights(checked, rule, pre.size, what) if matrix and rule.listed else checked  # type: ignore[arg-type]


def _check_joins_all(rule: Rule, matrix: WeightMatrix, pre: Population | View, post: Population | View, site: Any, sites: int, where: str) -> None:
    """Weights with a structure determine which neurons are joined."""
    if not isinstance(rule, SharedPairs) and (rule.array_shape(pre.size, post.size) != (pre.size, post.size) or not rule.joins_self):
        raise NetworkError(f"{where}: {type(matrix).__name__} says which neurons are joined", got=rule, expected="AllToAll()")
    if sites > 1 and not isinstance(site, (int, np.integer)):
        raise NetworkError(f"{where}: weights with a structure reach one site", got=f"{sites} sites", fix='port="branch.exc[3]"')


def edge_shape(rule: Rule, pre: Population | View, post: Population | View) -> tuple[int, ...]:
    """The shape of an array with a value for each synapse of a `rule` between `pre` and `post`; `UNKNOWN` before they are drawn."""
    shape = rule.array_shape(pre.size, post.size)
    return UNKNOWN if shape is None else shape


def indices_within(neurons: Any, pop: Population | View, what: str) -> np.ndarray:
    """int64[n]: neurons of a population or view, given by numbers, a slice, or one bool for each.

    Args:
        neurons: whole numbers, a slice, or booleans [size].
        pop: the population or view.
        what: they are for; opens the error message.

    Raises:
        NetworkError: what is none of these, or does not exist.
    """
    try:
        array = np.atleast_1d(np.arange(pop.size)[neurons] if isinstance(neurons, slice) else np.asarray(neurons))
    except (ValueError, TypeError):
        raise NetworkError(f"{what}: not a list of neurons", got=neurons) from None
    if array.dtype == bool and array.shape == (pop.size,):
        return np.flatnonzero(array)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise NetworkError(f"{what}: neurons are given by whole numbers, or by one bool for each", got=neurons)
    if array.size and (array.min() < 0 or array.max() >= pop.size):
        raise NetworkError(f"{what}: no such neuron in {pop.name}", got=int(array[(array < 0) | (array >= pop.size)][0]), expected=f"0 … {pop.size - 1}")
    return array.astype(np.int64)


def _positions(positions: Any, name: str, size: int) -> np.ndarray | None:
    if positions is None:
        return None
    raw = magnitude(positions, um.dimension, f"population {name!r}: positions")
    array = real_array(raw, f"population {name!r}: positions must be an array of lengths")
    if array.ndim != 2 or array.shape[0] != size or array.shape[1] not in (1, 2, 3):
        raise NetworkError(f"population {name!r}: positions have the wrong shape", got=array.shape, expected=f"({size}, 1 to 3)")
    if not np.all(np.isfinite(array)):
        raise NetworkError(f"population {name!r}: positions are not finite")
    return array
