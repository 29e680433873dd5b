"""Running in chunks: native steps, and between them what happens at intervals.

Normalisation acts before a step, and so do modulators of what their operations cannot change; rewiring and recorded weights after one; each ends a chunk. States, the number of
the step and what was recorded are the same whatever the chunks.
"""

from __future__ import annotations

import numpy as np

from neuropil.engine.access.upkeep import Upkeep
from neuropil.engine.core import DONE, FAULT, RUNAWAY, SHORT, Core
from neuropil.engine.modulation.modulate import Modulation
from neuropil.engine.record.recorder import Recorder
from neuropil.engine.tally import SpikeTally
from neuropil.errors import NeuropilError

SECONDS = 0.05
"""How long a chunk should take: between looks at the clock, Ctrl-C and the progress bar."""

Collected = list[tuple[np.ndarray, np.ndarray]]
"""Spikes of chunks: stamps and neurons of each."""


class Chunks:
    """The chunks of one simulation.

    Args:
        core: runs them; modulation, upkeep: act between them.
        tally: takes the spikes.

    Attributes:
        recorder: where spikes and samples go.
        steps: of the next chunk at most.
        fault: why the last chunk ended with FAULT.
    """

    def __init__(self, core: Core, modulation: Modulation, upkeep: Upkeep, tally: SpikeTally):
        self.core, self.modulation, self.upkeep, self.tally = core, modulation, upkeep, tally
        self.recorder: Recorder
        self.steps = 16
        self.fault: NeuropilError | None = None
        # Steps until a probe's buffer would be full.
        self._probe_room = min([core.probe_rows * p.steps(core.plan.dt)[1] for p in core.plan.network.probes], default=1 << 30)
        self._probe_room = min(self._probe_room, modulation.room)
        self.begin()

    def begin(self) -> None:
        """Find what is due next, from the step reached on."""
        self.tally.ring = self.core.ring
        self._rewiring = self.core.next_rewiring()
        self.upkeep.resume(self.core.step)

    def run(self, target: int, collected: Collected | None) -> tuple[int, int]:
        """Some steps towards a target, with all that belongs to them.

        Args:
            target: the step not to pass.
            collected: takes the spikes.

        Returns:
            How many steps were asked for, and how they ended (DONE, SHORT, RUNAWAY or FAULT: `fault` is what an effect or a normalisation
            did wrong before a step; all until then has been taken in).
        """
        core = self.core
        if not core.pending and not self._before_step():
            return 0, FAULT
        due = min(self._rewiring, self.modulation.due, self.upkeep.due)
        steps = 0 if core.step == due else min(self.steps, target - core.step, self._probe_room, due - core.step)
        _, status = core.advance(steps)
        if status == SHORT:
            core.make_room()
        elif status == DONE:
            self.upkeep.after(core.step)
        self.fault = self.modulation.fault(core.step) if status == FAULT else None
        self._collect(collected, None if self.fault is None else core.step)
        if status == RUNAWAY:
            core.advance(0)
            self._collect(collected)
        if core.step == self._rewiring and not core.pending:
            core.rewire(*self.tally.under_way(core.step))
            self._rewiring = core.next_rewiring()
        return steps, status

    def flush_pending(self, collected: Collected | None = None) -> None:
        """Take in the spikes of the last step, if they wait for room, also into `collected`."""
        self.core.make_room()
        self.core.advance(0)
        self._collect(collected)

    def adapt(self, steps: int, status: int, seconds: float) -> None:
        """Choose the length of the next chunk by what the last one took.

        Args:
            steps: that the last chunk did.
            status: with which it ended.
            seconds: wall time that it took.
        """
        if status == DONE and steps == self.steps and seconds < 0.5 * SECONDS:
            self.steps = min(2 * self.steps, 1 << 16)
        elif seconds > 2.0 * SECONDS:
            self.steps = max(1, self.steps // 2)

    def _before_step(self) -> bool:
        """Let the modulators act and normalise, where that is due before the step that comes; whether nothing was wrong."""
        step = self.core.step
        try:
            if step == self.modulation.due or (step == self.upkeep.due and self.modulation.is_tick(step)):
                self.modulation.tick(step)
            self.upkeep.before(step)
        except NeuropilError as error:
            self.fault = error
            return False
        return True

    def _collect(self, collected: Collected | None, failed: int | None = None) -> None:
        """Take in the spikes and samples since the last time, but those of the tick of a step that `failed`."""
        core = self.core
        stamps, neurons = core.flush()
        self.tally.take(stamps, neurons, core.step)
        samples = core.flush_probes() + self.upkeep.flush() + self.modulation.flush(failed)
        self.recorder.add(stamps, neurons, samples, core.step - core.pending)
        if collected is not None:
            collected.append((stamps, neurons))


def joined(parts: Collected) -> tuple[np.ndarray, np.ndarray]:
    """The spikes of several chunks, or of none.

    Args:
        parts: (stamps, neurons) of each chunk.

    Returns:
        Stamps and neurons, int64[n].
    """
    none = np.empty(0, np.int64)
    return np.concatenate([none, *(p[0] for p in parts)]), np.concatenate([none, *(p[1] for p in parts)])
