"""When stimuli act: a second input says so to models that need it (`Input.window`)."""

from __future__ import annotations

from dataclasses import replace

from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.currents import Step

ATTACHED, ACTIVE = -1.0, 1024.0
"""What each stimulus that is attached adds to the second input all along, in every neuron and site of the population, and what
it adds to its own within its window: up to a thousand stimuli, the sum is negative only while none is active."""


def window_drives(drive: StimulusConnection) -> list[StimulusConnection]:
    """What a drive brings to the input that says whether its own is on; nothing where there is none."""
    entry = drive.target.neuron.spec.windows.get(drive.entry)
    if entry is None:
        return []
    attached = replace(drive, name=f"{drive.name}, attached", stimulus=Step(ATTACHED), input=entry, site=None, neurons=None, follows=drive)
    return [attached, replace(drive, name=f"{drive.name}, active", stimulus=drive.stimulus.window(ACTIVE) or Step(ACTIVE), input=entry, follows=drive)]
