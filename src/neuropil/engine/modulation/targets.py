"""All that the modulators of a network change: parts of populations and membranes by operations, parameters that are drawn for each synapse between chunks."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.effects.compose import Target, modulated_membrane, modulated_part
from neuropil.engine.effects.modulated_membrane import modulated_places
from neuropil.engine.effects.modulated_target import ModulatedTarget
from neuropil.engine.modulation.drawn_synapses import DrawnSynapses
from neuropil.model.modulation.modulator import effects_on
from neuropil.plan.operations import Operation


def changed_targets(core: Core) -> None:
    """Make what operations change anew, from present values of parameters, in the place of what was before.

    Args:
        core: of the simulation.
    """
    machine, substitutes, made = core.machine, dict[Operation, list[Operation]](), dict[Target, ModulatedTarget]()
    places = modulated_places(core.now)
    for (name, place), old in machine.modulated.items():
        if isinstance(place, str):
            g, m = core.plan.indices_of(core.plan.network[name], place)
            one: ModulatedTarget = modulated_part(core.now, core.layout, machine.arrays, machine.levels, g, core.now.groups[g].members[m])
            made[name, place] = _in_place_of(old, one, substitutes)
            continue
        substitutes[old.operation] = []
        for own in ((place[0], False), (place[0], True)):  # constants may differ between cells now, or no more
            key = name, own
            if key in places and key not in made:
                one = modulated_membrane(core.now, machine.arrays, machine.levels, key, places[key])
                made[key] = one
                substitutes[old.operation].append(one.operation)
    machine.modulated = made
    core.substitute(substitutes)


def _in_place_of(old: ModulatedTarget, new: ModulatedTarget, substitutes: dict[Operation, list[Operation]]) -> ModulatedTarget:
    """What stays of both: the old one with what the new one holds, where the function is the same."""
    if new.kernel is old.kernel:
        old.adopt(new)
        return old
    substitutes[old.operation] = [new.operation]
    return new


def drawn_synapses(core: Core) -> list[DrawnSynapses]:
    """Synapses with parameters that the modulators of a network change between chunks, from those of the start.

    Args:
        core: of a simulation in which no modulator has acted yet: afterwards the synapses hold what effects have made of the values.
    """
    network = core.plan.network
    found = {j: effects_on(network.modulators, network.projections[j]) for j, store in core.per_synapse.items() if store.before is None}
    return [DrawnSynapses(core.plan, core.per_synapse[j], effects) for j, effects in found.items() if effects]
