"""A simulator for inference and optimisation: an array of parameters in, an array of features out.

    x[i] = outputs(run of the network with the parameters theta[i])

One simulation is made, and each run goes back to its first state and sets other values: nothing is compiled again. `sbi` and BluePyOpt take such a function.
What fails is a row of NaN, which is counted, as both expect.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.engine.record.snapshot import Snapshot
from neuropil.engine.simulation import Simulation
from neuropil.errors import SimulationError, did_you_mean
from neuropil.model.network.network import Network
from neuropil.units import Quantity

_GROUP = 16
"""Rows that a process takes at once."""

Rows = tuple[NDArray[np.float64], Counter[str]]
"""Features of some rows, and why some of them failed."""


@dataclass(frozen=True)
class Swept:
    """A parameter of a simulator.

    Attributes:
        target: name of a population, stimulus or projection; name: of its parameter, its field, or "weight".
        low, high: bounds, in `unit`.
        unit: of the numbers in theta; None: they have none.
        weights: whether `target` is a projection.
    """

    target: str
    name: str
    low: float
    high: float
    unit: Quantity | None
    weights: bool

    def value(self, number: float) -> Any:
        """A number with its unit.

        Args:
            number: in `unit`.
        """
        return number if self.unit is None else number * self.unit


class Simulator:
    """See `simulator`, which makes it.

    Args:
        network, parameters, outputs, duration, seed, processes: as of `simulator`.
        options: of `Simulation`.

    Attributes:
        names: of the parameters, in the order of theta's columns.
        bounds: float64[parameters, 2], lowest and highest value, each in the unit of its parameter.
        features: names of the features, where `outputs` is a mapping whose functions give one number each; else numbered.
        simulated: rows so far; failed: reasons of the rows that are NaN, with their numbers.

    Raises:
        NeuropilError: a description, a parameter or a bound that does not fit; SimulationError: outputs that are no features.
    """

    def __init__(self, network: Network, parameters: Mapping[str, Any], outputs: Any, duration: Quantity, *, seed: int = 1, processes: int = 1, **options: Any):
        self._run = _Run(network, _swept(network, parameters), outputs, duration, seed, {"threads": 1, **options})
        self.names = tuple(parameters)
        self.bounds = np.array([[p.low, p.high] for p in self._run.parameters])
        if isinstance(processes, bool) or not isinstance(processes, (int, np.integer)) or processes < 1:
            raise SimulationError("simulator: processes must be a whole number from 1 on", got=processes)
        self._processes = int(processes)
        self._pool: ProcessPoolExecutor | None = None
        self.simulated, self.failed = 0, Counter[str]()
        self.features = self._run.check()

    def __repr__(self) -> str:
        return f"Simulator({self._run.network.name!r}, {len(self.names)} parameters, {len(self.features)} features, {self.simulated} simulated, {self.failed.total()} failed)"

    def __call__(self, theta: Any, seeds: Any = None) -> Any:
        """Features of some parameters.

        Args:
            theta: [n, parameters] or [parameters], each in its unit.
            seeds: of the random streams: one for all rows, or [n]; None: a new one for each row that this simulator runs.

        Returns:
            float64[n, features] or [features]; NaN in rows that failed. If `theta` has a method `new_tensor`, as tensors of PyTorch have, a tensor made by it.

        Raises:
            SimulationError: a theta or seeds of the wrong shape. Interrupted: Ctrl-C.
        """
        given = np.asarray(theta, np.float64)
        rows = np.atleast_2d(given)
        if given.ndim not in (1, 2) or rows.shape[1] != len(self.names):
            raise SimulationError("simulator: theta has the wrong shape", got=given.shape, expected=f"(n, {len(self.names)}): {', '.join(self.names)}")
        numbers = self._seeds(seeds, len(rows))
        groups = [slice(k, k + _GROUP) for k in range(0, len(rows), _GROUP)]
        if self._processes == 1:
            parts = [self._run(rows[g], numbers[g]) for g in groups]
        else:
            parts = self._shared([(rows[g], numbers[g]) for g in groups])
        self.simulated += len(rows)
        for _, reasons in parts:
            self.failed.update(reasons)
        found = np.concatenate([values for values, _ in parts]) if parts else np.empty((0, len(self.features)))
        found = found.reshape((*given.shape[:-1], len(self.features)))
        return theta.new_tensor(found) if hasattr(theta, "new_tensor") else found

    def _shared(self, groups: list[tuple[NDArray[np.float64], list[int]]]) -> list[Rows]:
        """Groups of rows by processes."""
        fix = "a network and outputs whose functions stand at the top level of a module that can be imported, or processes=1"
        if self._pool is None:
            try:
                pickle.dumps(self._run)
            except Exception as error:
                raise SimulationError("simulator: what processes need cannot be pickled", got=str(error), fix=fix) from None
            self._pool = ProcessPoolExecutor(self._processes, multiprocessing.get_context("spawn"), _begin, (self._run,))
        try:
            return list(self._pool.map(_work, groups))
        except BrokenProcessPool:
            self._pool = None
            raise SimulationError("simulator: a process ended; see what it wrote to the error stream", fix=fix) from None

    def draw(self, n: int, seed: int = 1) -> NDArray[np.float64]:
        """Parameters drawn uniformly between the bounds, [n, parameters].

        Args:
            n: how many; seed: of the draws.
        """
        low, high = self.bounds.T
        return np.asarray(low + (high - low) * np.random.default_rng(seed).uniform(size=(n, len(self.names))))

    def close(self) -> None:
        """End the processes and the simulation; a later call begins them anew."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        self._run.close()

    def __enter__(self) -> Simulator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _seeds(self, given: Any, count: int) -> list[int]:
        if given is None:
            return [rng.stream_key(self._run.seed, "simulator", self.simulated + k)[0] for k in range(count)]
        made = np.asarray(given)
        if made.dtype.kind not in "iu" or made.shape not in ((), (count,)) or (made.size and made.min() < 0):
            raise SimulationError("simulator: seeds must be whole numbers from 0 on", got=f"{made.dtype}, shape {made.shape}", expected=f"one, or ({count},)")
        return [int(s) for s in np.broadcast_to(made, count)]


class _Run:
    """What a process needs to turn rows of theta into rows of features; the simulation is made when it is first wanted, in the process that uses it."""

    def __init__(self, network: Network, parameters: list[Swept], outputs: Any, duration: Quantity, seed: int, options: dict[str, Any]):
        self.network, self.parameters, self.outputs, self.duration, self.seed, self.options = network, parameters, outputs, duration, seed, options
        self.width = 0
        self._simulation: Simulation | None = None
        self._start: Snapshot | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_simulation": None, "_start": None}

    def check(self) -> tuple[str, ...]:
        """Run the network as described, and set each parameter to its bounds; the names of the features.

        Raises:
            NeuropilError: something that does not fit. Whatever `outputs` raises.
        """
        simulation = self._begun(self.seed)
        values = self._features(simulation.run(self.duration))
        for p in self.parameters:
            for bound in (p.low, p.high):
                self._begun(self.seed)
                self._set([p], [bound])
        self.width = len(values)
        names = list(self.outputs) if isinstance(self.outputs, Mapping) else []
        return tuple(names) if len(names) == self.width else tuple(f"feature {k}" for k in range(self.width))

    def __call__(self, rows: NDArray[np.float64], seeds: list[int]) -> Rows:
        """Features of rows, and why some failed.

        Args:
            rows: [n, parameters]; seeds: of each.
        """
        found, reasons = np.full((len(rows), self.width), np.nan), Counter[str]()
        for row, seed, into in zip(rows, seeds, found, strict=True):
            try:
                into[:] = self._one(row, seed)
            except Exception as error:  # a model may diverge, a feature may not exist: both are answers
                reasons[f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"] += 1
            else:
                if not np.all(np.isfinite(into)):
                    reasons["a feature is not finite"] += 1
                    into[:] = np.nan
        return found, reasons

    def _one(self, row: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
        for p, value in zip(self.parameters, row, strict=True):
            if not p.low <= value <= p.high:
                raise SimulationError(f"{p.target}.{p.name} is outside its bounds")
        simulation = self._begun(seed)
        self._set(self.parameters, row.tolist())
        values = self._features(simulation.run(self.duration))
        if len(values) != self.width:
            raise SimulationError("outputs gave another number of features", got=len(values), expected=self.width)
        return values

    def _begun(self, seed: int) -> Simulation:
        """The simulation at its start, as described, with random streams of a seed."""
        if self._simulation is None or self._start is None:
            self._simulation = Simulation(self.network, seed=self.seed, **self.options)
            self._start = self._simulation.snapshot()
        self._simulation.restore(self._start, seed=seed)
        return self._simulation

    def _set(self, parameters: list[Swept], values: list[float]) -> None:
        """Set parameters, those of one target together."""
        assert self._simulation is not None
        by_target: dict[str, dict[str, Any]] = {}
        for p, value in zip(parameters, values, strict=True):
            if p.weights:
                self._simulation.set_weights(p.target, p.value(value))
            else:
                by_target.setdefault(p.target, {})[p.name] = p.value(value)
        for target, given in by_target.items():
            self._simulation.set(target, **given)

    def _features(self, result: Any) -> NDArray[np.float64]:
        if isinstance(self.outputs, Mapping):
            return np.concatenate([np.atleast_1d(np.asarray(of(result), np.float64)).ravel() for of in self.outputs.values()])
        return np.atleast_1d(np.asarray(self.outputs(result), np.float64)).ravel()

    def close(self) -> None:
        """End the simulation."""
        if self._simulation is not None:
            self._simulation.close()
        self._simulation = self._start = None


_here: _Run | None = None


def _begin(run: _Run) -> None:
    """What a process starts with."""
    global _here
    _here = run


def _work(group: tuple[NDArray[np.float64], list[int]]) -> Rows:
    """A group of rows, in a process."""
    assert _here is not None
    return _here(*group)


def _swept(network: Network, parameters: Any) -> list[Swept]:
    """Parameters as of `simulator`, checked."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise SimulationError("simulator: parameters must be a mapping", got=parameters, expected='{"population.parameter": (low, high, unit)}')
    drives, projections = {d.name for d in network.drives}, {p.name for p in network.projections}
    owners = sorted({*network.populations, *drives, *projections}, key=len, reverse=True)
    made = []
    for label, given in parameters.items():
        owner = next((n for n in owners if isinstance(label, str) and label.startswith(f"{n}.")), None)
        if owner is None:
            raise SimulationError(f"simulator: nothing has the name of {label!r}", expected='"population.parameter", "stimulus.field" or "projection.weight"', fix=did_you_mean(str(label).partition(".")[0], owners))
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3) or any(isinstance(g, (bool, Quantity)) or not isinstance(g, (int, float, np.number)) for g in given[:2]):
            raise SimulationError(f"simulator: bounds of {label} must be two numbers and a unit", got=given, expected="(low, high, unit), such as (1, 5, nS)")
        low, high, unit = float(given[0]), float(given[1]), given[2] if len(given) == 3 else None
        if not (np.isfinite([low, high]).all() and low < high) or not (unit is None or isinstance(unit, Quantity)):
            raise SimulationError(f"simulator: bounds of {label} must rise, and its unit must be one", got=given, expected="(low, high, unit), such as (1, 5, nS)")
        name, weights = label[len(owner) + 1 :], owner in projections and owner not in network.populations
        if weights and name != "weight":
            raise SimulationError("simulator: of a projection only the weight can be set, one for all synapses", got=label, fix=f"{owner}.weight")
        made.append(Swept(owner, name, low, high, unit, weights))
    return made


def simulator(
    network: Network, *, parameters: Mapping[str, tuple[Any, ...]], outputs: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]], duration: Quantity,
    seed: int = 1, processes: int = 1, **options: Any,
) -> Simulator:  # fmt: skip
    """A function from arrays of parameters to arrays of features, for simulation-based inference and optimisers.

    Args:
        network: the description, with the probes that `outputs` reads.
        parameters: "population.parameter", "stimulus.field" or "projection.weight" -> (low, high, unit), numbers in that unit; no unit where there is none.
        outputs: a function of a `Result` that gives one number or several, or a dict of such functions by name. What it raises, and what is not finite, makes a row NaN.
        duration: biological time of a run.
        seed: of synapses and of whatever else is drawn at the start, the same in all runs; and of the seeds of runs.
        processes: that share the rows; network and outputs must be picklable then (functions at the top level of a module). No number depends on it.
        options: of `Simulation`: dt, precision, ...; one thread if not given.

    Returns:
        simulate(theta) -> features.

    Raises:
        NeuropilError: whatever is wrong with the description, a parameter or a bound. What `outputs` raises for the network as described.

    Example:
        >>> simulate = npl.simulator(net, parameters={"cell.g_na": (40, 300, mS / cm**2)}, outputs=rate, duration=200 * ms)
        >>> simulate(simulate.draw(100)).shape
        (100, 1)
    """
    return Simulator(network, parameters, outputs, duration, seed=seed, processes=processes, **options)
