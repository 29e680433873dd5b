"""What can only be judged once the time step is known, or once the network is complete.

The constructors of the model refuse what is wrong in itself; `validate` is called by every executor before it builds.
It reports all that it finds in one error, so that a model is corrected in one step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, NeuropilError
from neuropil.model.base import grid
from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.contents.contents import Population, Probe, Projection
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.contents.in_context import target_parameters
from neuropil.model.contents.pairs import ends_of, missing_positions
from neuropil.model.modulation.bound_effect import must_be_positive
from neuropil.model.modulation.modulator import check_modulators, effects_on
from neuropil.model.network.coupling import check_couplings
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import full_name
from neuropil.units import Dimension, Quantity, ms

_TIME = ms.dimension
# Relative slack when a time is compared with a multiple of the step: 0.3 / 0.1 is not 3 in binary.
_SLACK = 1e-6
# A wrong dt makes every projection a culprit; ten are enough to see the pattern.
_MOST_LISTED = 10
MOST_GRADED_STEPS = 1 << 20
"""What was sent is kept for every step of a graded delay."""


def validate(network: Network, dt: Quantity) -> None:
    """Refuse a network that cannot be simulated with the time step `dt`.

    Args:
        network: the complete description.
        dt: time step, a time (for example 0.1 * ms).

    Raises:
        NetworkError: naming every fault found and its remedy. UnitError: `dt` is not a time.
    """
    if not isinstance(network, Network):
        raise NetworkError("not a network", got=network, expected="a neuropil.Network")
    step = checked_values(dt, _TIME, "the time step dt", ())
    if not isinstance(step, float) or not step > 0:
        raise NetworkError("the time step dt must be one positive time", got=dt, expected="for example 0.1 * ms")
    if not network.populations:
        raise NetworkError(f"network {network.name!r} is empty", fix="add neurons with network.population(...)")
    found: list[NeuropilError] = []
    for pop in network.populations.values():
        found += _population(pop, step)
    for projection in network.projections:
        found += _projection(projection, step)
        modulated = effects_on(network.modulators, projection.target)
        found += [_stale(projection.name, name) for name in sorted(target_parameters(projection)) if name in modulated]
    for graded in network.graded:
        found += [*_graded(graded, step), *_modulated(graded, effects_on(network.modulators, graded.source))]
    for drive in network.drives:
        found += drive.stimulus.faults(step, f"stimulus {drive.name}")
    for name, interval in [(k.name, k.interval) for k in network.synapse_probes] + [(k.name, k.interval) for k in network.normalisations]:
        found += grid.fault(interval, step, f"{name}: interval")
    for watched in network.synapse_probes:
        found += [] if watched.start is None else grid.fault(watched.start, step, f"{watched.name}: start", least=0)
    for probe in network.probes:
        found += _probe(probe, step)
    found += check_couplings(network.couplings, network.populations, {(d.target.name, d.input or "") for d in network.drives})
    found += check_modulators(network.modulators.values(), [p.name for p in network.probes], step)
    if len(found) == 1:
        raise found[0]
    if found:
        listed = "\n".join(f"- {error}" for error in found[:_MOST_LISTED])
        more = f"\n- and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
        raise NetworkError(f"network {network.name!r} has {len(found)} faults:\n{listed}{more}")


def _population(pop: Population, step: float) -> list[NeuropilError]:
    """Time constants and capacitances positive, other times not negative."""
    found: list[NeuropilError] = []
    for part_name, model in pop.models.items():
        found += _parameters(model, f"{pop.name}.{full_name(part_name, '')}")
        refractory = getattr(type(model), "refractory", None)
        if refractory is not None and _largest(getattr(model, refractory)) > 1e9 * step:
            where = f"{pop.name}.{full_name(part_name, refractory)}"
            found.append(NetworkError(f"{where} exceeds 10⁹ time steps", got=getattr(model, refractory)))
        elif refractory is not None and isinstance(value := getattr(model, refractory), Quantity) and np.ndim(value.value) == 0:
            found += grid.fault(value, step, f"{pop.name}.{full_name(part_name, refractory)}", least=0)
    return found


def _parameters(model: DeclarativeModel, prefix: str) -> list[NeuropilError]:
    return [error for name, dimension in model.spec.parameters.items() for error in parameter_faults(f"{prefix}{name}", name, dimension, getattr(model, name))]


def parameter_faults(where: str, name: str, dimension: Dimension, value: Any) -> list[NeuropilError]:
    """What is wrong with the values of a parameter, whatever the model.

    Args:
        where: opens the error message.
        name: of the parameter.
        dimension: of the parameter.
        value: a quantity, a number or an array in base units, or a distribution.
    """
    smallest = _smallest(value)
    if must_be_positive(name, dimension) and not smallest > 0:
        return [NetworkError(f"{where} must be positive", got=f"{smallest:g}", fix="equations divide by it")]
    if dimension == _TIME and smallest < 0:
        return [NetworkError(f"{where} must not be negative", got=f"{smallest:g} ms")]
    return []


def _stale(projection: str, parameter: str) -> NetworkError:
    return NetworkError(f"projection {projection}: its context inputs read {parameter!r} of the target, which a modulator changes", fix="read a state of the target instead")


def _graded(projection: GradedProjection, step: float) -> list[NeuropilError]:
    """Delays on the grid; one number may be 0."""
    if not projection.uniform_delay:
        return _projection(projection, step)
    found = grid.fault(projection.delay, step, f"projection {projection.name}: the delay", least=0)
    if not found and _largest(projection.delay) > MOST_GRADED_STEPS * step:
        found.append(NetworkError(f"projection {projection.name}: a graded delay spans too many steps", got=f"{projection.delay:g} ms", expected=f"at most {MOST_GRADED_STEPS} steps"))
    return found + missing_positions(projection, f"projection {projection.name}")


def _projection(projection: Projection, step: float) -> list[NeuropilError]:
    """Delays that round to at least one step; a synapse's times; positions where the rule asks for distances."""
    label = f"projection {projection.name}"
    found = [] if projection.synapse is None else _parameters(projection.synapse, f"{label}: {type(projection.synapse).__name__}.")
    # A drawn delay counts as the nearest multiple of dt, so its distribution may reach down to half a step; a given one may not.
    drawn = isinstance(projection.delay, Distribution)
    shortest, needed = _smallest(projection.delay), (0.5 if drawn else 1.0) * step
    if shortest < needed * (1 - _SLACK):
        found.append(
            NetworkError(
                f"{label}: a delay is below the time step",
                got=f"{projection.delay!r}" if drawn else f"{shortest:g} ms",
                expected=f"at least dt = {step:g} ms" + (" (a distribution may reach down to dt/2)" if drawn else ""),
                fix=f"truncate it, low={needed:g} * ms, or choose a smaller dt" if drawn else "choose a smaller dt",
            )
        )
    elif isinstance(projection.delay, float):
        found += grid.fault(projection.delay, step, f"{label}: the delay")
    found += grid.fault(projection.response_delay, step, f"{label}: response_delay", least=0)
    if projection.structure is not None:
        found += grid.fault(projection.structure.interval, step, f"{label}: Rewiring.interval")
    longest = _largest(projection.delay)
    if longest > 2**31 * step:
        found.append(NetworkError(f"{label}: a delay spans too many steps", got=f"{longest:g} ms at dt = {step:g} ms"))
    return found + (missing_positions(projection, label) or projection.rule.position_faults(ends_of(projection), label))


def _probe(probe: Probe, step: float) -> list[NeuropilError]:
    if probe.neurons.size == 0:
        return [NetworkError(f"probe {probe.name} records no neuron", fix="neurons=None records all")]
    found = [] if probe.interval is None else grid.fault(probe.interval, step, f"probe {probe.name}: interval")
    return found + ([] if probe.start is None else grid.fault(probe.start, step, f"probe {probe.name}: start", least=0))


def _modulated(projection: GradedProjection, modulated: Iterable[str]) -> list[NeuropilError]:
    """Parameters that a graded projection reads and that change while the network runs."""
    return [
        NetworkError(
            f"projection {projection.name}: {name} is changed by a modulator", expected="parameters that stay as they are",
            fix="let a state of the source follow what is modulated, and transmit that",
        )
        for name in sorted(projection.parameters & set(modulated))
    ]  # fmt: skip


def _extreme(value: Any, u: float, pick: Any) -> float:
    if isinstance(value, Distribution):
        return float(value.quantile(u))
    raw = np.asarray(value.value if isinstance(value, Quantity) else value, float)
    return float(pick(raw)) if raw.size else float("nan")


def _smallest(value: Any) -> float:
    """The smallest value; of a distribution, what one draw in 10¹² falls below (NaN for no values at all)."""
    return _extreme(value, 1e-12, np.min)


def _largest(value: Any) -> float:
    return _extreme(value, 1 - 1e-12, np.max)
