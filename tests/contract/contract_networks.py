"""Networks for the contract tests, and one run of each by every executor, shared by the tests of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import numpy as np

from neuropil.connectivity.draw import edges
from neuropil.engine import run
from neuropil.learn import Rollout
from neuropil.model import Branched, Edges, Network, Neuron, Population, Uniform
from neuropil.oracle import simulate
from neuropil.result import Spikes
from neuropil.units import Hz, Quantity, ms
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.registry import neuron

STEPS = 1000
LONGEST_DELAY = 15  # steps


@dataclass(frozen=True)
class Run:
    """What an executor left: spikes, and the states recorded by every probe, [samples, neurons]."""

    spikes: Spikes
    traces: dict[str, np.ndarray]


# --- running ---------------------------------------------------------------------------------------------------------


def by_oracle(network: Network, dt: Quantity, steps: int = STEPS, seed: int = 1) -> Run:
    """The truth. Synapses left to chance are those that the engine draws."""
    h = float(dt.to(ms))
    drawn: dict[Any, Any] = {j: edges(p, seed, h) for j, p in enumerate(network.projections)}
    drawn |= {p.name: edges(replace(p, delay=h) if p.uniform_delay else p, seed, h) for p in network.graded if p.matrix is None}
    result = simulate(network, steps * dt, dt=dt, seed=seed, edges=drawn)
    return Run(result.spikes, result.traces)


def by_engine(
    network: Network, dt: Quantity, precision: str = "float64", threads: int = 1, steps: int = STEPS, seed: int = 1
) -> Run:
    """Native kernels."""
    result = run(network, steps * dt, dt=dt, seed=seed, precision=precision, threads=threads)
    return Run(result.spikes, {name: trace.values for name, trace in result.traces.items()})


def by_rollout(network: Network, dt: Quantity, steps: int = STEPS, seed: int = 1, **options: Any) -> Run:
    """The differentiable twin, in float64."""
    with jax.enable_x64(True):
        rolled = Rollout(network, dt=dt, seed=seed, precision="float64", **options).run(steps * dt)
        stamps, neurons = [np.zeros(0, int)], [np.zeros(0, int)]
        for name, population in network.populations.items():
            step, who = np.nonzero(np.asarray(rolled.spikes[name]))
            stamps.append(step + 1)
            neurons.append(who + population.first)
        ranges = {n: (p.first, p.size) for n, p in network.populations.items()}
        spikes = Spikes.from_unsorted(np.concatenate(stamps), np.concatenate(neurons), ranges, float(dt.to(ms)))
        return Run(spikes, {name: np.asarray(values) for name, values in rolled.traces.items()})


def assert_same(run: Run, truth: Run, tolerance: float) -> None:
    """Spikes identical; every recorded state within `tolerance` of its own largest magnitude."""
    np.testing.assert_array_equal(run.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(run.spikes.neuron, truth.spikes.neuron)
    assert set(run.traces) == set(truth.traces)
    for name, values in truth.traces.items():
        assert run.traces[name].shape == values.shape, name
        assert error(run.traces[name], values) <= tolerance, (name, error(run.traces[name], values))


def error(values: np.ndarray, truth: np.ndarray) -> float:
    """Largest difference over the largest magnitude."""
    return float(np.abs(values - truth).max(initial=0.0) / max(np.abs(truth).max(initial=0.0), 1e-300))


# --- a registered neuron, alone and in company -----------------------------------------------------------------------


def record(network: Network, population: Population) -> None:
    """Probe every state of every neuron at every step."""
    for state in population.neuron.spec.states:
        network.probe(population, state)


def varied(model: Any, size: int) -> Any:
    """The model with its first parameter (and the refractory period) an array and its last one a distribution.

    Of a neuron with branches, soma and branches alike; one more parameter of the branches differs from branch to branch.
    """
    if not isinstance(model, Branched):
        return model.with_(**_spread(model, size))
    branch = _spread(model.branch, size * model.branches)
    names = [n for n in model.branch.spec.parameters if n not in branch and getattr(model.branch, n).value != 0.0]
    if names:
        branch[names[0]] = getattr(model.branch, names[0]) * np.linspace(0.9, 1.1, model.branches)
    return model.with_(**_spread(model.soma, size), **{f"branch__{n}": v for n, v in branch.items()})


def _spread(model: Neuron, size: int) -> dict[str, Any]:
    spec = type(model).spec
    names = [n for n in spec.parameters if getattr(model, n).value != 0.0 and n != model.refractory]
    spread: dict[str, Any] = {}
    if len(names) > 1:
        last = getattr(model, names[-1])
        low, high = sorted((0.95 * last.value, 1.05 * last.value))
        spread[names[-1]] = Uniform(Quantity(low, last.dimension), Quantity(high, last.dimension))
    if names:
        spread[names[0]] = getattr(model, names[0]) * np.linspace(0.95, 1.05, size)
    if model.refractory is not None:
        spread[model.refractory] = np.linspace(0.5, 3.0, size) * ms
    return spread


def recurrent_edges(pre: int, post: int, synapses: int, salt: int) -> tuple[Edges, np.ndarray, np.ndarray]:
    """Explicit edges (multapses among them), a factor in (0.2, 1) for each weight, and delays of 1 to 15 steps."""
    draw = np.random.default_rng(salt)
    rule = Edges(draw.integers(0, pre, synapses), draw.integers(0, post, synapses))
    return rule, draw.uniform(0.2, 1.0, synapses), np.resize(np.arange(1, LONGEST_DELAY + 1), synapses)


def alone(name: str) -> Network:
    """The first population of a contract network, which hears of no other, by itself."""
    network = Network(f"alone_{name}")
    population = network.population("alone", neuron(name)(), 6)
    contract_drive(name).apply(network, population)
    record(network, population)
    return network


def contract_network(name: str) -> Network:
    """A registered model twice: `alone`, driven; and `wired`, driven, varied, recurrent and fed by Poisson sources."""
    drive, model = contract_drive(name), neuron(name)()
    network = alone(name)
    wired = network.population("wired", varied(model, 13), 13)
    source = network.population("source", PoissonSource(rate=80 * Hz), 9)
    drive.apply(network, wired)
    record(network, wired)
    for salt, (port, (weight, _)) in enumerate(drive.events.items()):
        for pre in (source, wired):
            rule, factor, delay = recurrent_edges(pre.size, wired.size, 60, 2 * salt + (pre is wired))
            # A model whose only port excites would excite itself without end.
            sign = -0.5 if pre is wired and len(drive.events) == 1 else 1.0
            network.project(pre, wired, rule, weight=sign * factor * weight, delay=delay * drive.dt, port=port)
    return network


@cache
def oracle_of(name: str) -> Run:
    """The oracle's run of a contract network."""
    return by_oracle(contract_network(name), contract_drive(name).dt)


@cache
def engine_of(name: str, precision: str = "float64", threads: int = 1) -> Run:
    """The engine's run of a contract network."""
    return by_engine(contract_network(name), contract_drive(name).dt, precision, threads)
