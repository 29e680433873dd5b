"""All that the modulators of a network change."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.modulation.modulated_membrane import ModulatedMembrane
from neuropil.engine.modulation.modulated_part import ModulatedPart
from neuropil.engine.modulation.modulated_synapses import ModulatedSynapses
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.plan import Plan


def modulated(plan: Plan, core: Core) -> list[Modulated]:
    """The targets of a network's modulators: parts of populations, membranes, synapses."""
    network = plan.network
    made: list[Modulated] = []
    for g, group in enumerate(plan.groups):
        for member in group.members:
            if member.modulated:
                whole = effects_on(network.modulators, member.population)
                mine = {n: whole[full_name(member.part, n)] for n in sorted(member.modulated)}
                made.append(ModulatedPart(core, g, group, member, mine))
    for name, cells in plan.cells.items():
        whole = effects_on(network.modulators, cells.population)
        for membrane in (*cells.cable.membranes, *cells.cable.points):
            if mine := {n: whole[n] for n in whole if split(n)[0] in membrane.program.membrane.traced}:
                made.append(ModulatedMembrane(plan, [arrays for _, arrays in core.machine.cells[name]], membrane, mine))
    for j, store in core.listed.items():
        if effects := effects_on(network.modulators, network.projections[j]):
            made.append(ModulatedSynapses(plan, store, effects))
    return made
