"""A stimulus changed while a network runs: its operation is made anew from the changed description, as it was made from the first."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from neuropil.engine.core import Core
from neuropil.engine.parameters.part import renew
from neuropil.engine.stimuli.compose import MOST_COUNTED, counted, counts_at, stimulus_of
from neuropil.errors import SimulationError
from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.neuron.composite import split
from neuropil.model.stimulus.checks import base
from neuropil.plan.builder import drive_weight
from neuropil.plan.parts import PlannedStimulus
from neuropil.plan.signature import Argument, Kind
from neuropil.units import kHz

SETTABLE = ("amplitude", "weight")
"""The fields that `Simulation.set_drive` sets of a stimulus."""


def change_stimulus(core: Core, index: int, twin: StimulusConnection, fields: Collection[str]) -> None:
    """Put a stimulus in the place of one with other values.

    Args:
        core: of the simulation.
        index: index of the stimulus in the network.
        twin: the stimulus as it is from now on.
        fields: names of those that are others than before; without any of `SETTABLE`, what `set_drive` has set stays.
    """
    planned = dataclasses.replace(core.now.drives[index], drive=twin)
    part, port = split(twin.entry)
    g, m = core.plan.indices_of(twin.target, part)
    arrays = [own[g].arrays for own in core.machine.groups]
    drives = core.now.drives
    core.change(drives=(*drives[:index], planned, *drives[index + 1 :]))
    key: str | int = index
    if planned.kind == "counted":
        key = counts_at(port)
        made = counted(core.now, core.layout, g, core.now.batches[g], port, arrays, core.machine.streams)
        if "weight" in fields:
            member = core.now.groups[g].members[m]
            weight = np.asarray(drive_weight(planned, core.plan.seed), float)
            rows = np.broadcast_to(weight, (member.sites, weight.shape[-1] if weight.ndim else 1))
            renew(core, g, m, member, {Argument(Kind.EVENT_WEIGHT, port): rows})
    else:
        kept = None if set(SETTABLE) & set(fields) else core.machine.amplitudes.get(index)
        made = stimulus_of(core.now, core.layout, planned, arrays, core.machine.amplitudes, core.machine.streams)
        if kept is not None:
            for now, before in zip(core.machine.amplitudes[index], kept, strict=True):
                now[:] = before
    old = core.machine.stimuli[g][key]
    core.machine.stimuli[g][key] = made
    core.substitute({old: (made,)})


def check_counts(planned: PlannedStimulus, twin: StimulusConnection, dt: float) -> None:
    """Refuse a mean number of events that Poisson counts of 8 bits do not hold.

    Args:
        planned: the stimulus as it is executed.
        twin: as it is to be.
        dt: time step, ms.

    Raises:
        SimulationError: a rate beyond that.
    """
    stimulus: Any = twin.stimulus
    largest = float(np.max(base(stimulus.rate))) * dt if planned.kind == "counted" else 0.0
    if largest > MOST_COUNTED:
        raise SimulationError(
            f"stimulus {twin.name!r}: too many events per step for a stimulus that began with one moderate rate for all", got=f"{largest:g}",
            expected=f"at most {MOST_COUNTED:g} ({MOST_COUNTED / dt * kHz.value:g} kHz at this dt)", fix="describe it with an array of rates, one for each neuron",
        )  # fmt: skip
