"""All that the modulators of a network change: parts of populations by operations, membranes and synapses between chunks."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.effects.compose import modulated_part
from neuropil.engine.effects.modulated_part import ModulatedPart
from neuropil.engine.modulation.modulated_membrane import ModulatedMembrane
from neuropil.engine.modulation.modulated_synapses import ModulatedSynapses
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import split


def changed_part(core: Core, key: tuple[str, str]) -> ModulatedPart:
    """A part of a population anew, from present values of its parameters, in the place of the one before.

    Args:
        core: of the simulation.
        key: population and part.
    """
    machine = core.machine
    g, m = core.plan.indices_of(core.plan.network[key[0]], key[1])
    old, part = machine.modulated[key], modulated_part(core.now, core.layout, machine.arrays, machine.levels, g, core.now.groups[g].members[m])
    if part.kernel is old.kernel:
        old.adopt(part)
    else:
        machine.modulated[key] = part
        core.substitute({old.operation: part.operation})
    return machine.modulated[key]


def modulated_membranes(core: Core) -> list[ModulatedMembrane]:
    """Membranes of cells whose parameters the modulators of a network change, from the present values.

    Args:
        core: of the simulation.
    """
    network, made = core.plan.network, list[ModulatedMembrane]()
    for name, cells in core.now.cells.items():
        whole = effects_on(network.modulators, cells.population)
        for membrane in (*cells.cable.membranes, *cells.cable.points):
            if mine := {n: whole[n] for n in whole if split(n)[0] in membrane.program.membrane.traced}:
                made.append(ModulatedMembrane(core.plan, [arrays for _, arrays in core.machine.cells[name]], membrane, mine))
    return made


def modulated_synapses(core: Core) -> list[ModulatedSynapses]:
    """Synapses whose parameters the modulators of a network change, from those of the start.

    Args:
        core: of a simulation in which no modulator has acted yet: afterwards the synapses hold what effects have made of the values.
    """
    network = core.plan.network
    found = {j: effects_on(network.modulators, network.projections[j]) for j in core.per_synapse}
    return [ModulatedSynapses(core.plan, core.per_synapse[j], effects) for j, effects in found.items() if effects]
