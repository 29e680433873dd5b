"""When stimuli act: a second input says so to models that need it (`Input.window`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from neuropil.model.contents.contents import StimulusConnection
from neuropil.model.stimulus.stimulus import Step, Stimulus, TimeArray

ATTACHED, ACTIVE = -1.0, 1024.0
"""What each stimulus that is attached adds to the second input all along, in every neuron and site of the population, and what
it adds to its own within its window: up to a thousand stimuli, the sum is negative only while none is active."""


def window_drives(drive: StimulusConnection) -> list[StimulusConnection]:
    """What a drive brings to the input that says whether its own is on; nothing where there is none."""
    entry = drive.target.neuron.spec.windows.get(drive.entry)
    if entry is None:
        return []
    told = replace(drive, name=f"{drive.name}, attached", stimulus=Step(ATTACHED), input=entry, site=None, neurons=None, follows=drive)
    return [told, replace(drive, name=f"{drive.name}, active", stimulus=active(drive.stimulus), input=entry, follows=drive)]


def active(stimulus: Stimulus) -> Stimulus:
    """`ACTIVE` from when a stimulus starts to when it stops, and zero outside."""
    if isinstance(stimulus, Step):
        return Step(ACTIVE, start=stimulus.start, stop=stimulus.stop)
    if isinstance(stimulus, TimeArray):
        return TimeArray(np.full(len(stimulus.values), ACTIVE), stimulus.interval, grid=stimulus.grid)
    return Step(ACTIVE)
