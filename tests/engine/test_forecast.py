"""What a run will need and what it gives, known from its plan: memory of traces, threads, machine code; and rates from one count."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import memory
from neuropil.engine import worthwhile as threads
from neuropil.engine.core import Core
from neuropil.errors import MemoryLimitError, ResultError
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, cm, mS, ms, nM, pA, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def network(size: int = 100, rate: float = 20000, probed: int = 1) -> npl.Network:
    net = npl.Network("forecast")
    e = net.population("e", LIFExp(), size)
    net.stimulate(e, npl.Poisson(rate * Hz), port="exc", weight=80 * pA)
    net.project(e, e, npl.FixedInDegree(10), weight=30 * pA, delay=1.5 * ms, port="exc")
    net.probe(e, "v", neurons=slice(0, probed))
    return net


# --- memory ------------------------------------------------------------------------------------------------------


def test_recorded_weights_are_forecast() -> None:
    """Eight bytes a sample, of 10,000 samples: each synapse that is recorded is a column, as each neuron is."""
    net = network()
    (q,) = net.project(net["e"], net["e"], npl.AllToAll(), weight=1 * pA, delay=1.5 * ms, port="exc")
    bare = memory.predict(make_plan(net))["probes"]
    assert bare == 8.0 * 10_000
    net.probe(q, "weight", synapses=[3, 5], interval=1 * ms)
    assert memory.predict(make_plan(net))["probes"] == 3 * bare
    net.probe(q, "weight", interval=1 * ms, name="all")
    assert memory.predict(make_plan(net))["probes"] == 3 * bare + 8 * 4_000_000.0


def test_matrices_of_potentials_are_forecast() -> None:
    """A number for each cell, electrode and compartment, and the currents; what is held then is what was foretold."""
    net = npl.Network("potentials")
    shape = npl.Morphology.ball_and_stick()
    cells = net.population("cells", npl.Cell(shape, discretisation=npl.FixedCount(4)).paint("all", Leak(g=0.1 * mS / cm**2)), 7, positions=np.zeros((7, 3)) * um)
    n = len(cells.neuron)
    net.probe(cells[:5], npl.LineSource([[50.0, 0, 0], [0, 90.0, 0], [0, 0, 40.0]] * um), name="electrodes")
    needs = memory.predict(make_plan(net))["probes"]
    assert needs == 8.0 * (3 * 10_000 + 5 * n * 3 + 5 * n)
    with npl.Simulation(net, threads=1) as simulation:
        given = [a for o in simulation.core.machine.operations if o.label == "record electrodes" for a in o.own(0)]
    assert sum(a.nbytes for a in given if getattr(a, "ndim", 0) == 3) == 8 * 5 * n * 3


def grown(add: str) -> dict[str, float]:
    """By how much the forecast grows, in bytes, when one mechanism is added to a hundred neurons without synapses."""

    def needs(*kinds: str) -> dict[str, float]:
        net = npl.Network("grows")
        e = net.population("e", LIFExp(), 100)
        if "neurons" in kinds:
            net.population("more", LIFExp(), 50)
        if "cells" in kinds:
            cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(4)).paint("all", Leak(g=0.1 * mS / cm**2))
            net.population("cells", cell, 7)
        if "packed" in kinds:
            net.project(e, e, npl.FixedInDegree(10), weight=30 * pA, delay=1.5 * ms, port="exc")
        if "learning" in kinds:
            net.project(e, e, npl.FixedInDegree(10), weight=30 * pA, delay=1.5 * ms, port="exc", synapse=AdditiveSTDP())
        if "probe" in kinds:
            net.probe(e, "v")
        return memory.predict(make_plan(net, precision="float64"), 1)

    bare, more = needs(), needs(add)
    return {purpose: more[purpose] - bare[purpose] for purpose in more if more[purpose] != bare[purpose]}


@pytest.mark.parametrize(
    ("add", "exactly", "at_least"),
    [
        # Of a neuron: three states, a refractory count and whether it fired; 40 bytes of spikes; accumulators of two ports.
        ("neurons", {"spikes": 50 * 40, "accumulators": 50 * 2 * 8, "state": 50 * (3 * 8 + 1 + 1)}, {}),
        # Potentials of seven cells: four compartments of the soma, four of the dendrite, and the node where they meet.
        ("cells", {"spikes": 7 * 40, "state": 7 * 9 * 8}, {}),
        # A thousand synapses, each one word; spikes on their way: room for 1024 at first, a segment each.
        ("packed", {"synapses": 1000 * 2}, {"row starts": 100 * 4, "segment bounds": 1, "keys": 1, "while building": 1, "spikes in flight": 1024 * 8}),
        # Each with its two ends, a delay, a weight and the time of its last update at least.
        ("learning", {}, {"synapses": 1000 * 5 * 4, "segment bounds": 1, "spikes in flight": 1024 * 8, "while building": 1}),
        ("probe", {"probes": 100 * 8 * 10_000}, {}),
    ],
)  # fmt: skip
def test_each_mechanism_counts_in_each_of_its_terms(add: str, exactly: dict[str, float], at_least: dict[str, float]) -> None:
    """By its size, written down by hand: a term that is left out, or counted as zero, is seen."""
    found = grown(add)
    for purpose, size in exactly.items():
        assert found.get(purpose, 0.0) == pytest.approx(size), purpose
    for purpose, size in at_least.items():
        assert found.get(purpose, 0.0) >= size, purpose
    assert sum(found.values()) > 0 and set(memory.PURPOSES) >= set(found)


# --- rates -------------------------------------------------------------------------------------------------------


def test_rates_have_one_source(tmp_path: Path) -> None:
    """With spikes, without them, from a folder and after resuming: spikes of the window over neurons and seconds."""
    with npl.Simulation(network(), threads=1) as simulation:
        simulation.run(50 * ms)
        simulation.checkpoint(tmp_path / "c.h5")
        whole = simulation.run(70 * ms)
    end = 120.0
    for options in ({}, {"record_spikes": False}, {"out": tmp_path / "a"}, {"out": tmp_path / "b", "record_spikes": False}):
        result = npl.run(network(), end * ms, threads=1, **options)
        assert result.rates() == result.summary["rates_hz"] == whole.rates()
        if "out" in options:
            assert npl.Result.load(tmp_path / str(options["out"])).rates() == whole.rates()
    counted = len(whole.spikes) / (100 * end / 1000)
    assert whole.rates()["e"] == pytest.approx(counted, rel=1e-12) and counted > 10
    later = whole.rates(50.0)["e"]
    assert later != whole.rates()["e"]
    for record in (True, False):
        with npl.Simulation(network(), threads=1, resume=tmp_path / "c.h5", record_spikes=record) as again:
            result = again.run(70 * ms)
        assert result.t_start_ms == 50.0 and result.rates()["e"] == result.summary["rates_hz"]["e"] == pytest.approx(later, rel=1e-12)
    with pytest.raises(ResultError, match="not recorded"):
        result.rates(60.0)
    npl.Simulation(network(), threads=1, resume=tmp_path / "c.h5", out=tmp_path / "d").run(30 * ms, checkpoint_every=30 * ms)
    with npl.Simulation(network(), threads=1, resume=tmp_path / "d", out=tmp_path / "d") as again:
        assert again.run(40 * ms).rates()["e"] == pytest.approx(later, rel=1e-12), "resumed twice"


# --- memory ------------------------------------------------------------------------------------------------------


def test_traces_in_memory_are_forecast_before_the_run() -> None:
    with npl.Simulation(network(probed=100), threads=1) as simulation:
        before = sum(simulation.memory.values())
        result = simulation.run(50 * ms)
    held = sum(t.values.nbytes for t in result.traces.values())
    assert held == 500 * 100 * 4
    assert result.summary["memory"]["traces"] == 2 * held, "pieces and the whole, for a moment"
    assert sum(result.summary["memory"].values()) == pytest.approx(before + 2 * held, abs=20)


@pytest.mark.parametrize("way", ["run", "step"])
def test_traces_that_will_not_fit_are_refused_before_a_step_is_done(way: str) -> None:
    with npl.Simulation(network(probed=100), threads=1, memory_limit=1e9) as simulation:
        steps = 2_000_000  # 100 columns of 4 bytes, twice: 1.6 GB
        with pytest.raises(MemoryLimitError, match=r"1\.60 GB(.|\n)*'e\.v' every 0\.1 ms(.|\n)*out="):
            simulation.run(steps * 0.1 * ms) if way == "run" else simulation.step(steps)
        assert simulation.core.step == 0
        simulation.step(10)


def test_a_folder_needs_the_half(tmp_path: Path) -> None:
    with npl.Simulation(network(probed=100), threads=1, out=tmp_path) as simulation:
        result = simulation.run(50 * ms)
    assert result.summary["memory"]["traces"] == result.traces["e.v"].values.nbytes


# --- threads -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "expected"), [(100, 1), (1_000, 1), (3_000, 1), (20_000, 5), (200_000, 8)])
def test_threads_are_as_many_as_have_enough_to_do(monkeypatch: pytest.MonkeyPatch, size: int, expected: int) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 8)
    assert threads.worthwhile(make_plan(network(size))) == pytest.approx(expected, abs=1 if 1 < expected < 8 else 0)


def test_few_cells_of_many_compartments_have_enough_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    net = npl.Network()
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(400)).paint("all", Leak(g=0.1 * mS / cm**2))
    net.population("cells", cell, 20)
    assert threads.worthwhile(make_plan(net, dt=0.025 * ms)) == 2


def test_a_number_of_threads_that_is_asked_for_is_taken() -> None:
    for asked, used in ((None, 1), (2, 2)):
        result = npl.run(network(), 5 * ms, threads=asked)
        assert result.summary["threads"] == used


# --- machine code ------------------------------------------------------------------------------------------------


def generated() -> set[str]:
    return {name for name in sys.modules if name.startswith("neuropil_generated.")}


def labelled(name: str, size: int, rate: float, order: int) -> npl.Network:
    """A network of every kind of generated code, under other names, with other sizes and values."""
    net = npl.Network(f"network {name}")
    e = net.population(f"e{name}", LIFExp(tau_m=(10 + order) * ms), size)
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(3)).paint("all", Leak(g=(0.1 + order) * mS / cm**2))
    c = net.population(f"c{name}", cell, 2 + order)
    net.stimulate(e, npl.Poisson(rate * Hz), port="exc", weight=(8 + order) * pA, name=f"drive{name}")
    net.stimulate(e, npl.Step((3 + order) * pA), input="current", name=f"dc{name}")
    net.project(e, e, npl.FixedInDegree(3), weight=(1 + order) * pA, delay=(1 + order) * ms, port="exc", name=f"plain{name}")
    net.project(e, e, npl.FixedInDegree(3), weight=(1 + order) * pA, delay=2 * ms, port="exc", name=f"stdp{name}", synapse=AdditiveSTDP())
    net.probe(e, "v", neurons=[0], name=f"v{name}")
    net.probe(c, "v", at="soma(0.5)", name=f"vc{name}")
    net.modulator(f"da{name}", npl.FirstOrder(baseline=(1 + order) * nM, tau=40 * ms), volume=[e], tick=1 * ms)
    return net


def test_a_sweep_over_names_sizes_and_values_compiles_once() -> None:
    def made(*arguments: Any) -> set[str]:
        before = generated()
        Core(make_plan(labelled(*arguments), precision="float64"), 1).close()
        return generated() - before

    made("a", 20, 4000.0, 0)
    assert made("a", 20, 4000.0, 0) == made("b β", 33, 5500.0, 1) == set()
    assert np.ptp([len(made(f"n{k}", 40 + k, 4000.0 + 250 * k, k)) for k in range(2, 5)]) == 0
