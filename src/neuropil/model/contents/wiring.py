"""Whether a synapse model fits the projection it is given to, and the target it projects to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, UnitError, did_you_mean
from neuropil.model.base.described import Spec
from neuropil.model.base.distribution import Distribution, axes, checked_values
from neuropil.model.cell.cell import Cell
from neuropil.model.connection.rule import Rule
from neuropil.model.connection.structure import Rewiring
from neuropil.model.contents.chosen import shared
from neuropil.model.contents.contents import Population
from neuropil.model.contents.own_noise import refuse_noise
from neuropil.model.contents.per_synapse import check_array, differs
from neuropil.model.contents.population import View, indices_of, whole
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.synapse.context import (
    POST_TIME,
    Activity,
    ContextInput,
    Potential,
    TargetState,
    context_input,
    reads,
)
from neuropil.model.synapse.synapse import Synapse
from neuropil.registry import names
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, unit_name


def check_synapse(
    label: str, population: Population, *, port: Any, weight: Any, delay: Any, synapse: Any, input: Any, clock_driven: Any, structure: Any,
    response_delay: Any = 0.0,
) -> None:
    """Refuse arguments of `Network.project` that do not fit together.

    Args:
        label: of the projection, for messages.
        population: the target.
        port, weight, delay, synapse, input, clock_driven, structure, response_delay: as of `Network.project`.

    Raises:
        NetworkError: naming the projection.
    """
    where, target = f"projection {label}", population.neuron.spec
    if isinstance(synapse, type) and issubclass(synapse, Synapse):
        raise NetworkError(f"{where}: pass a synapse, not its class", got=synapse.__name__, fix=f"{synapse.__name__}()")
    if synapse is not None and not isinstance(synapse, Synapse):
        raise NetworkError(f"{where}: not a synapse model", got=synapse, expected="an instance of a Synapse subclass")
    if not isinstance(clock_driven, bool) or (clock_driven and synapse is None):
        raise NetworkError(f"{where}: clock_driven must be True or False, and needs a synapse model", got=clock_driven)
    if not isinstance(response_delay, float) or response_delay < 0:
        raise NetworkError(f"{where}: response_delay must be a time that is not negative", got=response_delay)
    if response_delay and (synapse is None or type(synapse).respond is Synapse.respond):
        raise NetworkError(f"{where}: these synapses do not respond to their targets' spikes", got="a response_delay", fix="leave it out, or give the synapse model respond(s, w)")
    flows = synapse is not None and synapse.has_current
    if flows != (input is not None):
        got = f"input={input!r}"
        if flows:
            raise NetworkError(f"{where}: {type(synapse).__name__} has a current, which needs an input of the target", got=got, expected="an input of the target", fix=f"input={next(iter(target.inputs), '…')!r}")
        raise NetworkError(f"{where}: these synapses have no current", got=got, fix="leave input out; events go to a port")
    if flows and (not isinstance(input, str) or input not in target.inputs):
        raise NetworkError(f"{where}: the target has no input {input!r}", fix=did_you_mean(input, target.inputs))
    refuse_noise(input, where)
    if isinstance(port, str) and flows and split(port)[0] != split(input)[0]:
        raise NetworkError(f"{where}: port and input belong to different parts of the target", got=f"{port} and {input}", expected="one part, where the synapse sits")
    if synapse is not None:
        _check_world(where, synapse, population, split(port or input or "")[0])
    if structure is not None:
        _check_structure(where, structure, synapse, weight, delay)


def _check_world(where: str, synapse: Synapse, target: Population, part: str) -> None:
    name, spec = type(synapse).__name__, target.neuron.spec
    v = "v" if isinstance(target.neuron, Cell) else full_name(part, "v")  # every compartment has one
    if reads(synapse.spec.inputs, Potential) and spec.state_dimensions.get(v) != Potential().dimension:
        raise NetworkError(f"{where}: {name} needs the target's potential", got=f"a target without a state {v} in mV")
    for given, dimension in ((n, d) for n, d in synapse.spec.inputs.items() if isinstance(context_input(n), TargetState)):
        state = full_name(part, given)
        if state not in spec.state_dimensions:
            known = [split(n)[1] for n in spec.state_dimensions if split(n)[0] == part] + list(names(ContextInput))
            raise NetworkError(f"{where}: {name} reads {given!r}, which is not a state of {target.name}", got=state, fix=did_you_mean(given, known))
        if spec.state_dimensions[state] != dimension:
            raise UnitError(f"{where}: {name} reads {target.name}.{state} in another unit", got=unit_name(dimension), expected=unit_name(spec.state_dimensions[state]))
    if reads(synapse.spec.inputs, Activity) and differs(getattr(synapse, POST_TIME)):
        raise NetworkError(f"{where}: {name}.{POST_TIME} must be one number for all targets", got=getattr(synapse, POST_TIME), expected="one time")


def _check_structure(where: str, structure: Any, synapse: Synapse | None, weight: Any, delay: Any) -> None:
    if not isinstance(structure, Rewiring):
        raise NetworkError(f"{where}: not a structural plasticity", got=structure, expected="for example Rewiring(100 * ms, eliminate=…)")
    for what, value in (("weights", weight), ("delays", delay)):
        if axes(value):
            raise NetworkError(f"{where}: new synapses need {what}", got="an array", expected="a number or a distribution")
    if synapse is not None and any(differs(getattr(synapse, p)) for p in synapse.spec.parameters):
        raise NetworkError(f"{where}: parameters of synapses that rewire must be single numbers", fix="give numbers")


def check_values(
    label: str, synapse: Synapse | None, rule: Rule, source: Population | View, target: Population | View, initial: Any, structure: Any
) -> dict[str, Any]:
    """Refuse arrays of parameters and initial values of states that do not fit the rule.

    Args:
        label: of the projection, for messages.
        synapse, rule, source, target, initial, structure: as of `Network.project`.

    Returns:
        The initial values by state, in base units.

    Raises:
        NetworkError, ModelError, UnitError: naming the projection.
    """
    where, sizes = f"projection {label}", (source.size, target.size, _recurrent(source, target))
    spec = Spec() if synapse is None else synapse.spec
    for parameter in spec.parameters:
        value = getattr(synapse, parameter)
        if not isinstance(value, Distribution):
            check_array(value, rule, *sizes, f"{where}: {type(synapse).__name__}.{parameter}")
    if not isinstance(initial, Mapping):
        raise NetworkError(f"{where}: initial must be a dict of states", got=initial)
    checked: dict[str, Any] = {}
    for state, value in initial.items():
        if state not in spec.states or state == "weight":
            fix = "weight=..." if state == "weight" else did_you_mean(state, spec.states)
            raise NetworkError(f"{where}: no state {state!r} to initialise", fix=fix)
        if not isinstance(value, Distribution):
            check_array(value, rule, *sizes, f"{where}: {state}")
            if structure is not None and differs(value):
                raise NetworkError(f"{where}: new synapses need initial states", got="an array", expected="a number or a distribution")
        raw = value.value if isinstance(value, Quantity) else value
        checked[state] = checked_values(value, spec.state_dimensions[state], f"{where}: {state}", np.shape(raw) if not isinstance(value, Distribution) else ())
    return checked


def _recurrent(source: Population | View, target: Population | View) -> bool | None:
    """Whether they are one population; None: views of one, of which some neurons are in both."""
    same = whole(source) is whole(target)
    if not same or (indices_of(source) is None and indices_of(target) is None):
        return same
    return None if shared(indices_of(source), indices_of(target), whole(source).size) else False


def weight_dimension(label: str, synapse: Synapse | None, port: Dimension | None) -> Dimension:
    """The unit of a projection's weight: the port's, or that of the synapse's state `weight`, or none.

    Args:
        label: of the projection, for messages.
        port: dimension of the port; None if no events are sent.

    Raises:
        UnitError: port and state disagree.
    """
    own = None if synapse is None else synapse.spec.state_dimensions.get("weight")
    if own is not None and port is not None and own != port:
        raise UnitError(f"projection {label}: the state weight does not fit the port", got=unit_name(own), expected=unit_name(port))
    return port if port is not None else own if own is not None else DIMENSIONLESS


def threshold(structure: Rewiring, dimension: Dimension, label: str) -> float:
    """The weight below which synapses may vanish, in base units; infinite where all may.

    Args:
        structure: the rewiring.
        dimension: of the weight.
        label: of the projection, for messages.

    Raises:
        NetworkError: the bound is a distribution.
    """
    if structure.below is None:
        return float("inf")
    checked = checked_values(structure.below, dimension, f"projection {label}: Rewiring.below", ())
    if isinstance(checked, Distribution):
        raise NetworkError(f"projection {label}: Rewiring.below must be a number", got=structure.below)
    return float(checked)
