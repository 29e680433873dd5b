"""When stimuli act: an input that must know is told by a second one (`Input.window`)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neuropil.model.contents import Drive
from neuropil.model.stimulus import Step, Stimulus, TimeArray
from neuropil.units import ms

ATTACHED, ACTIVE = -1.0, 1024.0
"""What each stimulus that is attached adds to the second input all along, and what it adds within its window: up to a thousand
stimuli, the sum is negative only while none is active."""


def window_drives(drive: Drive) -> list[Drive]:
    """What a drive brings to the input that says whether its own is on; nothing where there is none."""
    entry = drive.target.neuron.spec.windows.get(drive.entry)
    if entry is None:
        return []
    start, stop = window(drive.stimulus)
    told = {"attached": Step(ATTACHED), "active": Step(ACTIVE, start=start, stop=stop)}
    return [replace(drive, name=f"{drive.name}, {what}", stimulus=one, input=entry, follows=drive) for what, one in told.items()]


def window(stimulus: Stimulus) -> tuple[Any, Any]:
    """When a stimulus starts, and when it stops (None: never)."""
    if isinstance(stimulus, Step):
        return stimulus.start, stimulus.stop
    if isinstance(stimulus, TimeArray):
        return 0 * ms, len(stimulus.values) * stimulus.interval
    return 0 * ms, None
