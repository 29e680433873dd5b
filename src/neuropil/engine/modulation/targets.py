"""All that the modulators of a network change."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.modulation.modulated_membrane import ModulatedMembrane
from neuropil.engine.modulation.modulated_part import ModulatedPart
from neuropil.engine.modulation.modulated_synapses import ModulatedSynapses
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import full_name, split


def modulated_neurons(core: Core) -> list[Modulated]:
    """Parts of populations, and membranes, whose parameters the modulators of a network change, from their present values.

    Args:
        core: of the simulation.
    """
    network, made = core.plan.network, list[Modulated]()
    for g, group in enumerate(core.now.groups):
        for member in group.members:
            if member.modulated:
                whole = effects_on(network.modulators, member.population)
                mine = {n: whole[full_name(member.part, n)] for n in sorted(member.modulated)}
                made.append(ModulatedPart(core, g, group, member, mine))
    for name, cells in core.now.cells.items():
        whole = effects_on(network.modulators, cells.population)
        for membrane in (*cells.cable.membranes, *cells.cable.points):
            if mine := {n: whole[n] for n in whole if split(n)[0] in membrane.program.membrane.traced}:
                made.append(ModulatedMembrane(core.plan, [arrays for _, arrays in core.machine.cells[name]], membrane, mine))
    return made


def modulated_synapses(core: Core) -> list[Modulated]:
    """Synapses whose parameters the modulators of a network change.

    Args:
        core: of the simulation.
    """
    network = core.plan.network
    found = {j: effects_on(network.modulators, network.projections[j]) for j in core.per_synapse}
    return [ModulatedSynapses(core.plan, core.per_synapse[j], effects) for j, effects in found.items() if effects]
