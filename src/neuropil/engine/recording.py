"""What a simulation has recorded so far: its result, its summary, and spikes of a last step that still wait for room."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.codegen.kernel_cache import Compilations
from neuropil.engine import memory
from neuropil.engine.access.access import Access
from neuropil.engine.chunks import Chunks, Collected
from neuropil.engine.interrupt import stoppable
from neuropil.engine.parameters.interventions import Interventions
from neuropil.engine.record.recorder import Marks, Recorder, describe
from neuropil.engine.tally import SpikeTally
from neuropil.errors import ResultError, StorageError
from neuropil.result import Result
from neuropil.units import Quantity, ms


class Recording(Access):
    """The part of a `Simulation` that gives what it has recorded."""

    threads: int
    memory: dict[str, float]
    record_spikes: bool
    interrupted: bool
    trace_seconds: float
    compile_seconds: float
    build_seconds: float
    wall_seconds: float
    _folder: Path | None
    _finished: Marks | None
    _chunks: Chunks
    _tally: SpikeTally
    _compilations: Compilations
    _interventions: Interventions

    @property
    def counts(self) -> np.ndarray:
        """int64[neurons]: spikes of each neuron since t = 0, to be read; `run` and `step` go on counting in it."""
        view = self._tally.counts.view()
        view.setflags(write=False)
        return view

    @property
    def recorder(self) -> Recorder:
        """Where spikes and samples go."""
        return self._chunks.recorder

    @recorder.setter
    def recorder(self, recorder: Recorder) -> None:
        self._chunks.recorder = recorder

    @property
    def time(self) -> Quantity:
        """Biological time reached."""
        return self.core.step * self.plan.dt * ms

    def result(self) -> Result:
        """What was recorded so far, as `run` returns it; also after calls of `step`. The simulation may then go on."""
        with stoppable(), self._guard.running("result"), Keeping(self):
            return self._result()

    def _result(self) -> Result:
        if self._folder is not None:
            self._finished = self.recorder.sync()
        return self.recorder.finish(self.core.step * self.plan.dt, self.summary())

    def summary(self) -> dict[str, Any]:
        """The run so far, in plain types (a finished result's summary has the digest of its spikes besides)."""
        seconds = self.core.step * self.plan.dt / 1000.0
        counted_ms = [self.recorder.start * self.plan.dt, self.core.step * self.plan.dt]
        counted = (counted_ms[1] - counted_ms[0]) / 1000.0
        rates = {
            p.name: (self._tally.of(p) - earlier) / (p.size * counted) if counted else 0.0
            for p, earlier in zip(self.network.populations.values(), self.recorder.earlier, strict=True)
        }
        shares = self.core.phases()
        return {
            **describe(self.plan),
            "synapses": sum(store.size for store in self.core.stores),
            "biological_seconds": seconds,
            "wall_seconds": self.wall_seconds,
            "real_time_factor": self.wall_seconds / seconds if seconds else 0.0,
            "trace_seconds": self.trace_seconds,
            "compile_seconds": self.compile_seconds,
            "compiled_kernels": self._compilations.count,
            "build_seconds": self.build_seconds,
            "peak_memory_bytes": memory.peak(),
            "threads": self.threads,
            "spikes": int(self.counts.sum()),
            "synaptic_events": self.core.events,
            "neuron_steps": self.network.size * self.core.step,
            "rates_hz": rates,
            "counted_ms": counted_ms,
            "record_spikes": self.record_spikes,
            "phases": {name: share * self.wall_seconds for name, share in shares.items()},
            "weights_saturated": sum(sum(packed.saturated) for packed in self.core.packed),
            "weight_rounding_max": max((max(packed.rounding, default=0.0) for packed in self.core.packed), default=0.0),
            "weights_vanished": sum(sum(packed.vanished) for packed in self.core.packed),
            "memory": {name: int(size) for name, size in self.memory.items()},
            "interrupted": self.interrupted,
            "interventions": list(self._interventions.log),
            "interventions_unlisted": self._interventions.unlisted,
        }

    def _keep_results(self, error: StorageError) -> None:
        """Give what was recorded to the error of a disk that refuses."""
        with suppress(ResultError):
            error.result = self.recorder.result(self.core.step * self.plan.dt)
            error.result.summary.update({**self.summary(), "partial": True})

    def _flush_pending(self, collected: Collected | None = None) -> None:
        """Take in the spikes of the last step, if an interrupted run left them waiting for room."""
        while self.core.pending:
            with self._guard.whole():
                self._chunks.flush_pending(collected)

    def _reopen(self) -> None:
        """Go on recording after a run that ended and whose files are complete."""
        if self._finished is not None:
            self.recorder = Recorder(self.plan, self._folder, record_spikes=self.record_spikes, resume=self._finished)
            self._finished = None


class Keeping:
    """A context that gives what a simulation has recorded to the error of a disk that refuses.

    Args:
        simulation: whose result it is.
    """

    __slots__ = ("_simulation",)

    def __init__(self, simulation: Recording):
        self._simulation = simulation

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, StorageError):
            self._simulation._keep_results(error)
