"""Run a network: from a description to a result, in one call or step by step."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.engine import checkpoint as checkpoints
from neuropil.engine import memory
from neuropil.engine.core import RUNAWAY, SHORT, Core
from neuropil.engine.interrupt import stoppable
from neuropil.engine.recorder import Recorder, describe
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.lower.connectivity import edges
from neuropil.lower.kernel import RUNAWAY as RUNAWAY_LIMIT
from neuropil.lower.plan import Plan, make_plan
from neuropil.model.distribution import checked_values
from neuropil.model.network import Network, Population, Projection
from neuropil.result import Result
from neuropil.result.atomic import write_json
from neuropil.units import Quantity, ms, unit_name

Progress = Callable[[str, float, dict[str, Any]], None]
"""Called as progress(phase, fraction done, details); phases are "trace", "compile", "build" and "run"."""

CHUNK_SECONDS = 0.05  # between looks at the clock, Ctrl-C and the progress bar
CHECKPOINT_FILE = "checkpoint.h5"


class Simulation:
    """A network ready to run.

    Args:
        network: the description; it is not changed.
        dt: time step.
        seed: of every random stream: synapses, initial states, stimuli.
        threads: owners of the neurons (the machine's cores, if None); results do not depend on it.
        precision: "float32" or "float64" state; float64 also packs weights in 48 bits.
        full_weights: 48-bit weights with float32 state too.
        out: folder to stream spikes and traces to, in bounded memory; None keeps them in memory.
        record_spikes: whether the result holds spikes (rates and counts are kept in any case).
        resume: folder (or file) of a checkpoint to go on from.
        memory_limit: bytes not to exceed (what the machine has left, if None).
        progress: see `Progress`.

    Raises:
        NeuropilError: whatever is wrong, before anything large is allocated.
    """

    def __init__(
        self, network: Network, *, dt: Quantity | float = 0.1 * ms, seed: int = 1, threads: int | None = None,
        precision: str = "float32", full_weights: bool = False, out: str | os.PathLike[str] | None = None,
        record_spikes: bool = True, resume: str | os.PathLike[str] | None = None, memory_limit: float | None = None,
        progress: Progress | None = None,
    ):  # fmt: skip
        if not isinstance(network, Network):
            raise SimulationError("only a Network can be simulated", got=network)
        self._progress = progress or (lambda phase, fraction, info: None)
        self.network = network
        self.threads = _threads(threads)
        self._progress("trace", 0.0, {})
        start = time.perf_counter()
        self.plan: Plan = make_plan(network, dt=dt, seed=seed, precision=precision, full_weights=full_weights)
        self.core = Core(self.plan, self.threads)
        self.memory = memory.require(self.plan, self.core.layout, memory_limit)
        self._progress("trace", 1.0, {})
        traced = time.perf_counter()
        self._progress("compile", 0.0, {})
        self.core.compile()
        self._progress("compile", 1.0, {})
        compiled = time.perf_counter()
        with stoppable() as stop:
            self.core.connect(lambda fraction: self._building(fraction, stop))
        self.trace_seconds = traced - start
        self.compile_seconds = compiled - traced
        self.build_seconds = time.perf_counter() - compiled
        self.wall_seconds = 0.0
        self.counts = np.zeros(network.size, np.int64)
        self._recent: list[tuple[np.ndarray, np.ndarray]] = []
        self._chunk = 16
        self.interrupted = False
        self._folder = None if out is None else Path(out)
        self.recorder = self._open(resume, record_spikes)

    def __repr__(self) -> str:
        return f"Simulation({self.network.name!r}, {self.network.size} neurons, t = {self.time})"

    @property
    def time(self) -> Quantity:
        """Biological time reached."""
        return self.core.step * self.plan.dt * ms

    # --- running ---------------------------------------------------------------------------------------------------

    def run(self, duration: Quantity, *, checkpoint_every: Quantity | None = None) -> Result:
        """Run for a biological time, or up to it if resumed from a checkpoint.

        Ctrl-C ends the run at once with what was recorded so far (`result.summary["interrupted"]`); a second one kills.

        Args:
            duration: biological time from the start of the run.
            checkpoint_every: biological time between checkpoints, written to the `out` folder.

        Raises:
            SimulationError: a state became NaN or ran away; what was recorded is kept in the folder.
        """
        total = round(float(checked_values(duration, ms.dimension, "the duration", ())) / self.plan.dt)  # type: ignore[arg-type]
        if total < 0:
            raise SimulationError("the duration must not be negative", got=duration)
        every = None
        if checkpoint_every is not None:
            interval = float(checked_values(checkpoint_every, ms.dimension, "checkpoint_every", ()))  # type: ignore[arg-type]
            every = max(1, round(interval / self.plan.dt))
            if self._folder is None:
                raise SimulationError("checkpoints need a folder", fix="pass out=...")
            self.checkpoint()
        first = self.core.step
        with stoppable() as stop:
            while self.core.step < total and not stop.is_set():
                target = total if every is None else min(total, (self.core.step // every + 1) * every)
                self._run_to(target, stop, first, total)
                if every is not None and self.core.step == target:
                    self.checkpoint()
            self.interrupted = stop.is_set()
            return self._result()  # still within: a Ctrl-C now must not cost the result

    def step(self, n: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Run n steps and return their spikes: stamps (steps) and global neuron indices.

        Between calls, states, weights of currents and inputs may be read and set; inside, nothing leaves native code.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise SimulationError("the number of steps must be a whole number", got=n)
        collected: list[tuple[np.ndarray, np.ndarray]] = []
        target = self.core.step + int(n)
        self._run_to(target, threading.Event(), self.core.step, target, collected, silent=True)
        if not collected:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        return np.concatenate([c[0] for c in collected]), np.concatenate([c[1] for c in collected])

    def _run_to(
        self, target: int, stop: threading.Event, first: int, total: int,
        collected: list[tuple[np.ndarray, np.ndarray]] | None = None, silent: bool = False,
    ) -> None:  # fmt: skip
        core = self.core
        while (core.step < target or core.pending) and not stop.is_set():
            begun = time.perf_counter()
            steps = min(self._chunk, target - core.step, self._probe_room())
            _, status = core.advance(steps)
            spent = time.perf_counter() - begun
            self.wall_seconds += spent
            if status == SHORT:
                core.make_room()
            spikes = core.flush()
            self._take(*spikes)
            if collected is not None:
                collected.append(spikes)
            if status == RUNAWAY:
                core.advance(0)
                self._take(*core.flush())
                self._runaway()
            if status == 0 and steps == self._chunk and spent < 0.5 * CHUNK_SECONDS:
                self._chunk = min(2 * self._chunk, 1 << 16)
            elif spent > 2.0 * CHUNK_SECONDS:
                self._chunk = max(1, self._chunk // 2)
            if not silent:
                self._report(first, total)

    def _probe_room(self) -> int:
        """Steps until a probe's buffer would be full."""
        from neuropil.engine.compose import steps_between

        return min([self.core.probe_rows * steps_between(p, self.plan.dt) for p in self.network.probes], default=1 << 30)

    def _take(self, steps: np.ndarray, neurons: np.ndarray) -> None:
        self.counts += np.bincount(neurons, minlength=self.counts.size)
        self.recorder.add(steps, neurons, self.core.flush_probes())
        if steps.size:
            self._recent.append((steps, neurons))
        oldest = self.core.step - self.core.ring
        while self._recent and self._recent[0][0][-1] <= oldest:
            self._recent.pop(0)

    def _report(self, first: int, total: int) -> None:
        done = self.core.step - first
        biological = done * self.plan.dt / 1000.0
        factor = self.wall_seconds / biological if biological else 0.0
        left = (total - self.core.step) * self.plan.dt / 1000.0 * factor
        info = {"real_time_factor": factor, "remaining_seconds": left, "biological_ms": self.core.step * self.plan.dt}
        self._progress("run", self.core.step / max(total, 1), info)

    def _building(self, fraction: float, stop: threading.Event) -> None:
        self._progress("build", fraction, {})
        if stop.is_set():
            raise KeyboardInterrupt

    # --- state between steps -----------------------------------------------------------------------------------------

    def state(self, population: str | Population, variable: str) -> Quantity:
        """A state of every neuron of a population, in order."""
        pop = self._population(population)
        values = self.core.gather(pop, self._variable(pop, variable))
        return Quantity(values, type(pop.neuron).spec.state_dimensions[variable])

    def set_state(self, population: str | Population, variable: str, value: Any) -> None:
        """Set a state: one value for all neurons, or an array."""
        pop = self._population(population)
        name = self._variable(pop, variable)
        dimension = type(pop.neuron).spec.state_dimensions[variable]
        checked = checked_values(value, dimension, f"{pop.name}.{variable}", (pop.size,))
        self.core.scatter(pop, name, np.broadcast_to(np.asarray(checked, float), (pop.size,)))

    def set_drive(self, name: str, value: Any) -> None:
        """Set the amplitude of a current drive (or the weight of a Regular one): one value, or one per neuron."""
        found = [j for j, d in enumerate(self.network.drives) if d.name == name]
        settable = {self.network.drives[j].name for j in self.core.machine.amplitudes}
        if not found or found[0] not in self.core.machine.amplitudes:
            raise NetworkError(f"no drive {name!r} whose amplitude can be set", fix=did_you_mean(name, settable))
        drive = self.network.drives[found[0]]
        spec = type(drive.target.neuron).spec
        dimension = spec.inputs[drive.input] if drive.input else spec.ports[str(drive.port)]
        checked = checked_values(value, dimension, f"drive {name!r}", (drive.target.size,))
        full = np.broadcast_to(np.asarray(checked, float), (drive.target.size,))
        g, m = self.plan.group_of(drive.target)
        for share, amplitude in zip(self.core.layout.shares, self.core.machine.amplitudes[found[0]], strict=True):
            low = share.lower[g][m]
            amplitude[:] = full[low : low + amplitude.size]

    def synapses(self, projection: str | Projection) -> dict[str, np.ndarray]:
        """The synapses of a projection: arrays "pre", "post" (indices within their populations), "weight" (in the
        port's base unit, before packing) and "delay" (ms), sorted by source."""
        name = projection.name if isinstance(projection, Projection) else projection
        for j, p in enumerate(self.network.projections):
            if p is projection or (not isinstance(projection, Projection) and p.name == name):
                pre, post, weight, steps = edges(p, j, self.plan.seed, self.plan.dt)
                return {"pre": pre, "post": post, "weight": weight, "delay": steps * self.plan.dt}
        raise NetworkError(f"no projection {name!r}", fix=did_you_mean(name, [p.name for p in self.network.projections]))

    def _population(self, population: str | Population) -> Population:
        return self.network[population.name if isinstance(population, Population) else population]

    def _variable(self, pop: Population, variable: str) -> str:
        spec = type(pop.neuron).spec
        if variable not in spec.states:
            raise NetworkError(f"{pop.name} has no state {variable!r}", fix=did_you_mean(variable, spec.states))
        return f"s_{variable}"

    # --- checkpoints ---------------------------------------------------------------------------------------------------

    def checkpoint(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write the state to a file (`checkpoint.h5` in the `out` folder, if None); going on from it is bit-exact."""
        if path is None and self._folder is None:
            raise SimulationError("where should the checkpoint go?", fix="pass a path, or out=... to Simulation")
        target = Path(path) if path is not None else self._folder / CHECKPOINT_FILE  # type: ignore[operator]
        spikes, rows = self.recorder.sync()
        states = {}
        for group in self.plan.groups:
            names = [f"s_{n}" for n in group.program.states] + (["left"] if group.program.refractory else [])
            for member in group.members:
                for name in names:
                    states[member.population.name, name] = self.core.gather(member.population, name)
        recent = self._recent or [(np.empty(0, np.int64), np.empty(0, np.int64))]
        step, neuron = (np.concatenate([r[i] for r in recent]) for i in (0, 1))
        late = step > self.core.step - self.core.ring
        data = checkpoints.Checkpoint(
            self.core.step, states, self.counts, step[late], neuron[late], self.core.events, spikes, rows, self.wall_seconds
        )
        checkpoints.save(target, self.plan, data)
        return target

    def _open(self, resume: str | os.PathLike[str] | None, record_spikes: bool) -> Recorder:
        if resume is None:
            return Recorder(self.plan, self._folder, record_spikes=record_spikes)
        path = Path(resume)
        data = checkpoints.load(path / CHECKPOINT_FILE if path.is_dir() else path, self.plan)
        self.core.step = data.step
        self.wall_seconds = data.wall_seconds
        for (population, name), values in data.states.items():
            self.core.scatter(self.network[population], name, values)
        self.counts = data.counts.copy()
        self._recent = [(data.flight_step, data.flight_neuron)] if data.flight_step.size else []
        self.core.refile(data.flight_step, data.flight_neuron)
        self.core.logs[0].counters[3] = data.events
        here = self._folder is not None and path.is_dir() and path.resolve() == self._folder.resolve()
        if here:
            return Recorder(
                self.plan, self._folder, record_spikes=record_spikes, resume=True, spikes=data.spikes, rows=data.rows
            )
        recorder = Recorder(self.plan, self._folder, record_spikes=record_spikes)
        recorder.rows_written = list(data.rows)
        return recorder

    # --- results -------------------------------------------------------------------------------------------------------

    def _result(self) -> Result:
        duration = self.core.step * self.plan.dt
        result, digest = self.recorder.finish(duration)
        result.summary.update({**self.summary(), "digest": digest})
        if self._folder is not None:
            write_json(self._folder / "summary.json", result.to_json())
            self.recorder = Recorder(self.plan, None)  # what follows in this process stays in memory
        return result

    def summary(self) -> dict[str, Any]:
        """The run so far, in plain types (a finished result's summary has the digest of its spikes besides)."""
        seconds = self.core.step * self.plan.dt / 1000.0
        synapses = self.core.synapses
        rates = {
            p.name: float(self.counts[p.first : p.first + p.size].sum() / (p.size * seconds)) if seconds else 0.0
            for p in self.network.populations.values()
        }
        shares = self.core.phases()
        return {
            **describe(self.plan),
            "synapses": synapses.n_synapses if synapses is not None else 0,
            "biological_seconds": seconds,
            "wall_seconds": self.wall_seconds,
            "real_time_factor": self.wall_seconds / seconds if seconds else 0.0,
            "trace_seconds": self.trace_seconds,
            "compile_seconds": self.compile_seconds,
            "build_seconds": self.build_seconds,
            "peak_memory_bytes": memory.peak(),
            "threads": self.threads,
            "spikes": int(self.counts.sum()),
            "synaptic_events": self.core.events,
            "neuron_steps": self.network.size * self.core.step,
            "rates_hz": rates,
            "phases": {name: share * self.wall_seconds for name, share in shares.items()},
            "memory": {name: int(size) for name, size in self.memory.items()},
            "interrupted": self.interrupted,
        }

    def _runaway(self) -> None:
        """Name the culprit of a runaway state, keep what was recorded, and stop."""
        self.recorder.close()
        for group in self.plan.groups:
            for member in group.members:
                for state in group.program.states:
                    values = self.core.gather(member.population, f"s_{state}")
                    with np.errstate(invalid="ignore"):
                        bad = ~(np.abs(values) < RUNAWAY_LIMIT)
                    if bad.any():
                        neuron = int(np.argmax(bad))
                        unit = unit_name(type(member.population.neuron).spec.state_dimensions[state])
                        raise SimulationError(
                            f"population {member.population.name!r}: {state} of neuron {neuron} ran away at t = {self.time.value:g} ms",
                            got=f"{values[neuron]} {unit}",
                            expected=f"finite, below {RUNAWAY_LIMIT:g}",
                            fix="a smaller dt, bounded inputs, or another integrator; spikes up to here are kept in the out folder",
                        )
        raise SimulationError("a state ran away and recovered within a step", got=f"t = {self.time}", fix="try a smaller dt")

    def close(self) -> None:
        """End the threads of this simulation and close its journals."""
        self.core.close()
        self.recorder.close()


def run(network: Network, duration: Quantity, *, checkpoint_every: Quantity | None = None, **options: Any) -> Result:
    """Build and run a network; options are those of `Simulation`."""
    simulation = Simulation(network, **options)
    try:
        return simulation.run(duration, checkpoint_every=checkpoint_every)
    finally:
        simulation.close()


def _threads(threads: Any) -> int:
    if threads is None:
        return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or not 1 <= threads <= 256:
        raise SimulationError("the number of threads must be a whole number from 1 to 256", got=threads)
    return int(threads)
