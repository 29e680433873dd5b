"""The operations of modulators: levels, and effects on parts of populations."""

from __future__ import annotations

from neuropil.engine.compose import Machine
from neuropil.engine.layout import Layout
from neuropil.engine.modulation.level import Level
from neuropil.engine.modulation.modulated_part import ModulatedPart
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.neuron.composite import full_name
from neuropil.plan.buffers import Buffer, Owner
from neuropil.plan.operations import Operation
from neuropil.plan.parts import PopulationSlice
from neuropil.plan.plan import Plan


def modulators_of(plan: Plan, layout: Layout, machine: Machine) -> list[Operation]:
    """What modulators do at ticks; it is kept in the machine by what it belongs to.

    Args:
        plan, layout: the network's.
        machine: of the network, which takes it.
    """
    machine.levels = {name: Level(m, plan.dt, len(layout.shares)) for name, m in plan.network.modulators.items()}
    for g, batch in enumerate(plan.groups):
        for member in batch.members:
            if member.modulated:
                machine.modulated[member.population.name, member.part] = modulated_part(plan, layout, machine, g, member)
    return [*(op for level in machine.levels.values() for op in level.operations), *(part.operation for part in machine.modulated.values())]


def modulated_part(plan: Plan, layout: Layout, machine: Machine, g: int, member: PopulationSlice) -> ModulatedPart:
    """A part of a population that modulators change.

    Args:
        plan: as it is now; layout: of the neurons.
        machine: its arrays.
        g: place of the batch; member: the part.
    """
    whole = effects_on(plan.network.modulators, member.population)
    effects = {n: whole[full_name(member.part, n)] for n in sorted(member.modulated)}
    arrays, start = [own[g].arrays for own in machine.groups], [share.start[g] for share in layout.shares]
    return ModulatedPart(
        plan.dt, layout, arrays, machine.numbers[g], machine.periods[g], start, plan.groups[g], member, effects, machine.levels,
        Buffer(f"modulated constants of {member.population.name} {member.part}".rstrip(), plan.precision, 0, Owner.ALL),
    )  # fmt: skip
