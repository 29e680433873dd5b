"""Run a network: from a description to a result, in one call or step by step."""

from __future__ import annotations

import inspect
import os
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.codegen.ahead import begin
from neuropil.codegen.kernel_cache import Compilations
from neuropil.engine import memory
from neuropil.engine.access.arguments import byte_limit, flag, path_of, thread_count
from neuropil.engine.access.reset import States, begin_anew, kept_states, starting_states
from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.engine.access.upkeep import Upkeep
from neuropil.engine.caller import CallerGuard
from neuropil.engine.chunks import Chunks
from neuropil.engine.core import Core
from neuropil.engine.interrupt import Stop, stoppable
from neuropil.engine.modulation.modulate import Modulation
from neuropil.engine.parameters.interventions import Interventions, Parameters, Settings
from neuropil.engine.record.graded_values import GradedValues
from neuropil.engine.record.neuron_states import Amplitudes, NeuronStates
from neuropil.engine.record.recorder import Marks
from neuropil.engine.record.snapshot import Snapshot
from neuropil.engine.record.start import shared
from neuropil.engine.running import Progress, Running
from neuropil.engine.saved import Saved
from neuropil.engine.stores.packed import packing, with_weights
from neuropil.engine.stores.packed_weights import PackedWeights
from neuropil.engine.tally import SpikeTally
from neuropil.engine.worthwhile import worthwhile
from neuropil.errors import Interrupted, SimulationError, StorageError, did_you_mean
from neuropil.lower.coarse import too_coarse
from neuropil.model.contents.contents import Population, StimulusConnection
from neuropil.model.contents.population import View
from neuropil.model.network.network import Network
from neuropil.plan.plan import Plan, make_plan
from neuropil.registry import provided
from neuropil.result import Result
from neuropil.result.folder import CHECKPOINT_FILE, require_room
from neuropil.units import Quantity, ms


class Simulation(Running):
    """A network ready to run.

    Args:
        network: the description. The simulation keeps a copy of it (`network`, which refuses changes); running on after a
            change of what was given is refused, so that nothing is ignored.
        dt: time step; None: 0.1 ms, or that of the snapshot.
        seed: of every random stream: synapses, initial states, stimuli; None: 1. With `start`, of the streams from there on alone; None: those
            of the snapshot.
        threads: owners of the neurons; None: the machine's cores, but one where the network is too small to divide (see
            `neuropil.engine.worthwhile`). Results do not depend on it.
        precision: "float32" or "float64" state; float64 also packs weights in 48 bits. None: float32, but float64 for
            cells with morphology.
        full_weights: 48-bit weights with float32 state too.
        gate_tables: whether gates of cells in float64 may be read from tables, to 1e-10 of their range (see `neuropil.lower.gate_tables`).
        out: folder to stream spikes and traces to, in bounded memory; None keeps them in memory. One simulation writes to a
            folder at a time.
        overwrite: replace the run that the folder `out` holds, and its checkpoint; otherwise it is refused.
        record_spikes: whether the result holds spikes (rates and counts are kept in any case).
        resume: folder (or file) of a checkpoint to go on from.
        memory_limit: bytes not to exceed (what the machine has left, if None).
        progress: True shows phases and the share that is done; or a function, see `Progress`.
        start: a snapshot to start from, of this network or of one like it. Things find each other by name: what the network has besides starts
            fresh, what it lacks, or has in another size, is an error. Stimuli, probes and parameters are those of the network, and an
            amplitude that was set counts unless the stimulus is described anew; parameters, synapses and whatever else is drawn at the
            start are drawn by the seed of the snapshot's simulation.

    One Python thread at a time may run it, in the process that made it. It is a context manager, which closes it. It cannot be copied
    or pickled: checkpoints and results can.

    Raises:
        NeuropilError: whatever is wrong, before anything large is allocated.
        Interrupted: Ctrl-C while it was made.
    """

    def __init__(
        self, network: Network, *, dt: Quantity | float | None = None, seed: int | None = None, threads: int | None = None,
        precision: str | None = None, full_weights: bool = False, gate_tables: bool = True, out: str | os.PathLike[str] | None = None,
        record_spikes: bool = True, resume: str | os.PathLike[str] | None = None, memory_limit: float | None = None,
        progress: Progress | bool | None = None, overwrite: bool = False, start: Snapshot | None = None,
    ):  # fmt: skip
        if not isinstance(network, Network):
            raise SimulationError("only a Network can be simulated", got=network)
        if isinstance(progress, bool):
            progress = provided("progress").display(progress)
        if progress is not None and not callable(progress):
            raise SimulationError("progress must be a function", got=progress, expected="True, False, or progress(phase, fraction, info)")
        if start is not None and (resume is not None or not isinstance(start, Snapshot)):
            got, fix = (start, "simulation.snapshot(), or npl.load_snapshot(path)") if resume is None else (f"resume={resume!r} as well", "one of them")
            raise SimulationError("start must be a snapshot, without resume", got=got, fix=fix)
        streams, seed = (None, 1 if seed is None else seed) if start is None else (seed, start.seed)
        if dt is None:
            dt = (0.1 if start is None else start.dt) * ms
        if start is not None and precision is None:
            precision = start.precision
        self._progress = progress or (lambda phase, fraction, info: None)
        self._guard, self._restored = CallerGuard(network), 0
        self._described, self.network = network, network.frozen()
        self._folder = None if out is None else path_of(out, "out")
        if self._folder is not None and self._folder.exists() and not self._folder.is_dir():
            raise SimulationError("out must be a folder", got=f"the file {self._folder}")
        self._overwrite, self._here = flag(overwrite, "overwrite"), _is_of(resume, self._folder)
        if self._folder is not None and not self._here:
            require_room(self._folder, overwrite)  # before the work; the folder is taken when there is something to record
        begun = time.perf_counter()
        with _interrupted(f"Ctrl-C while {network.name!r} was traced"):
            self._lower(threads, memory_limit, dt=dt, seed=seed, precision=precision, full_weights=full_weights, gate_tables=gate_tables)
        self.trace_seconds = time.perf_counter() - begun
        self.wall_seconds = 0.0
        self._compilations = Compilations()
        self._tally = SpikeTally(self.network.populations.values(), self.core.counts)
        self.interrupted = False
        self.record_spikes = flag(record_spikes, "record_spikes")
        self._finished: Marks | None = None
        self._start: States | None = None
        try:
            self._build(start)
            self._modulation = Modulation(self.plan, self.core, self._guard)
            self._interventions = Interventions(self.core, self._modulation)
            self._chunks = Chunks(self.core, self._modulation, self._upkeep, self._tally)
            # In the order in which a checkpoint is taken up: what modulators do to the synapses of the start is lost.
            self._saved: dict[str, Saved] = {
                "parameters": Parameters(self._interventions), "settings": Settings(self._interventions), "neurons": NeuronStates(self.core), "modulators": self._modulation, "synapses": self._synaptic,
                "stimuli": Amplitudes(self.core), "graded": GradedValues(self.core), "spikes": self._tally, "interventions": self._interventions, "streams": self.core.machine.streams,
            }  # fmt: skip
            self._session_start, self._session_seconds = self.core.step, 0.0
            self.recorder = self._open(resume) if start is None else self._start_from(start, streams)
            self._made = True
        except BaseException as error:
            self.core.close()
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(f"Ctrl-C while {network.name!r} was built") from None
            raise

    def _lower(self, threads: int | None, memory_limit: float | None, **how: Any) -> None:
        """Make the plan, check that it fits into memory, and lay out the arrays; `how`: as of `make_plan`."""
        self._progress("trace", 0.0, {})
        if any(not p.per_synapse for p in self.network.projections):
            begin([packing(np.uint64 if how["full_weights"] or how["precision"] == "float64" else np.uint32)], worth=1)
        self.plan: Plan = make_plan(self.network, **how)
        begin([packing(with_weights(self.plan.scale, word)) for word in self.plan.packed], worth=1)  # the first guess may have been wrong
        for cells in self.plan.cells.values():
            if note := too_coarse(cells.cable):
                warnings.warn(f"population {cells.population.name!r}: {note}", stacklevel=3)
        self.threads = worthwhile(self.plan) if threads is None else thread_count(threads)
        self._memory_limit = byte_limit(memory_limit)
        self.memory = memory.require(self.plan, self.threads, self._memory_limit)
        self._progress("trace", 1.0, {})
        self.core = Core(self.plan, self.threads)

    def _build(self, origin: Snapshot | None) -> None:
        """Compile the program and draw the synapses, or share those of the snapshot from which to start."""
        start = time.perf_counter()
        self._progress("compile", 0.0, {})
        with self._compilations:
            self.core.compile()
        self._progress("compile", 1.0, {})
        compiled = time.perf_counter()
        with stoppable() as stop:
            with self._compilations:
                self.core.connect(lambda fraction: self._building(fraction, stop), None if origin is None else shared(origin, self.plan, self.core.layout))
            self._building(1.0, stop)
        self._synaptic = SynapticState(self.plan, self.core, PackedWeights(self.plan, self.core))
        self._upkeep = Upkeep(self.plan, self._synaptic)
        self.compile_seconds = compiled - start
        self.build_seconds = time.perf_counter() - compiled

    def __repr__(self) -> str:
        return f"Simulation({self.network.name!r}, {self.network.size} neurons, t = {self.time})"

    def _repr_html_(self) -> str:
        """What a notebook shows: where it is, how it runs, what of."""
        html: str = provided("drawing").simulation_html(self)
        return html

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with nullcontext() if error is None else suppress(StorageError):  # the first error has the results
            self.close()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise SimulationError(
            "a Simulation cannot be copied or pickled: its threads and native arrays belong to this process",
            fix="pickle the network or the result; to continue elsewhere, checkpoint(path) and Simulation(network, resume=path)",
        )

    def _building(self, fraction: float, stop: Stop) -> None:
        self._progress("build", fraction, {})
        if stop.is_set():
            raise KeyboardInterrupt  # `__init__` raises `Interrupted` instead

    def reset(self, *, keep: Iterable[str] = (), weights: bool = True, restart: bool = False) -> None:
        """Begin anew between trials; what was learnt stays.

        States of neurons (and refractory counts) are as at the start, spikes under way are dropped, traces, eligibilities and
        resources of synapses and concentrations of modulators are as at the start. Weights, what rules have learnt
        (`Synapse.learned`), synapses that have formed, and what was set stay: drives, signals, caps, `plasticity`.

        Args:
            keep: states of neurons that stay as they are, such as ["exc.theta"].
            weights: False: weights and learnt states are as at the start, too.
            restart: False: time goes on, and with it stimuli and random numbers, which are functions of time: each trial has its
                own noise. True: time, counts and recordings begin again at 0 with the same random numbers: after
                ``reset(weights=False, restart=True)`` the simulation does, to the bit, what it did when it was new.

        Raises:
            NetworkError: a state to keep that does not exist.
            SimulationError: `restart` of a simulation that records to a folder.
        """
        with self._guard.using("reset"):
            kept, weights, restart = kept_states(self.network, keep), flag(weights, "reset: weights"), flag(restart, "reset: restart")
            if restart and self._folder is not None:
                raise SimulationError("reset: restart=True is not possible while recording to a folder", got="restart=True", fix="restart=False, or Simulation without out")
            self._flush_pending()
            if self._start is None:
                self._start = starting_states(self.core)
            with self._guard.whole():
                begin_anew(self.core, self._synaptic, self._modulation, self._start, kept, weights=weights, restart=restart)
                self._tally.drop()
                if restart:
                    self._tally.counts[:], self.wall_seconds, self._session_start, self._session_seconds = 0, 0.0, 0, 0.0
                    self.recorder, self._finished = self._open(None), None
                self._chunks.begin()

    def set(self, target: str | Population | View | StimulusConnection, **values: Any) -> None:
        """Change parameters of neurons, or fields of a stimulus, from the present time on.

            sim.set("exc", tau_m=12 * ms)                        # of all neurons of a population
            sim.set(exc[:50], v_threshold=-48 * mV)              # of some
            sim.set(cells, branch__g_l=rates)                    # of a part: "branch.g_l"; with an array
            sim.set(background, rate=9 * kHz)                    # of a stimulus, which `stimulate` returned

        Everything that follows from a parameter is computed as when the simulation was made: set at t = 0, it does to the last bit what a
        network does that is described so (also states that start at the parameter are then those). States otherwise stay. What a
        modulator does to a parameter, it does to the new value.

        The first value that differs between neurons where there was one for all may compile a kernel, and no later one. Changes are
        listed in the summary ("interventions") and part of checkpoints. `reset` leaves them.

        Args:
            target: a population, a view or a stimulus, or the name of a population or stimulus.
            values: new values by name: with unit, one for all, or one for each neuron (and site: neuron by neuron) of the target in
                its order; of a stimulus those of its description, or "weight".

        Raises:
            NetworkError: what does not exist, is of another network, or decides what the network is made of.
            ModelError, UnitError, SimulationError: a value that does not fit; nothing is changed then.
        """
        with self._guard.using("set"):
            self._require_own(target, "set")
            self._flush_pending()
            change = self._interventions.prepared(target, values)
            with self._guard.whole(), self._compilations:
                change()
            self._start = None

    def close(self) -> None:
        """End the threads of this simulation and close its journals; what it holds can still be read. A second time does nothing."""
        if self._guard.close():
            self.core.close()
            self.recorder.close()


def _is_of(resume: Any, folder: Path | None) -> bool:
    """Whether a run goes on in the folder that holds its checkpoint."""
    if resume is None or folder is None:
        return False
    path = path_of(resume, "resume")
    own = path if path.is_dir() else path.parent if path.name == CHECKPOINT_FILE else None
    return own is not None and own.resolve() == folder.resolve()


@contextmanager
def _interrupted(what: str) -> Iterator[None]:
    """A context in which Ctrl-C raises `Interrupted`, which says what was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(what) from None


def run(network: Network, duration: Quantity, *, checkpoint_every: Quantity | None = None, **options: Any) -> Result:
    """Build and run a network; options are those of `Simulation`. Ctrl-C raises `Interrupted`, as in `Simulation.run`.

    Args:
        duration: biological time of the whole run: with `resume`, what was run before the checkpoint counts.
        checkpoint_every: biological time between checkpoints, written to the `out` folder.
        options: arguments of `Simulation`. Without `progress`, a run of more than two seconds is shown on a terminal and in a notebook;
            `progress=False` shows nothing.

    Returns:
        The result, as of `Simulation.run`.

    Raises:
        SimulationError: an option that does not exist; further as of `Simulation` and `Simulation.run`.
    """
    known = set(inspect.signature(Simulation).parameters) - {"network"}
    for name in options:
        if name not in known:
            raise SimulationError(f"run() has no option {name!r}", fix=did_you_mean(name, known))
    shown = None
    if options.get("progress") is None or isinstance(options["progress"], bool):
        shown = options["progress"] = provided("progress").display(options.get("progress"))
    with nullcontext() if shown is None else closing(shown), Simulation(network, **options) as simulation:
        onward = simulation.run if options.get("resume") is None else simulation.run_until
        return onward(duration, checkpoint_every=checkpoint_every)
