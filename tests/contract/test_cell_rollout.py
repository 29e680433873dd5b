"""Cells with morphology in the rollout: step for step what the oracle does, which writes down the whole matrix."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from contract.cell_models import CELLS, STEPS, inputs
from neuropil.errors import ModelError
from neuropil.learn import Rollout
from neuropil.learn.cable import CellNeurons, roll
from neuropil.model import Edges, Network, SpikeList, Step
from neuropil.model.base.distribution import Uniform
from neuropil.model.contents.contents import Population
from neuropil.oracle import simulate
from neuropil.oracle.cable import Cells
from neuropil.units import ms, mV, nA, nS, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.gap_junction import GapJunction

DT = 0.025
SPIKING = 1e-8
"""Relative and mV, once the branched cell spikes. Its matrix has condition 1e4, so that two ways of solving it differ by up
to 1e-10 mV (epsilon · condition · 70 mV); its dense sodium channels multiply that: the oracle itself, started 1e-12 mV off,
is 1.4e-10 mV off in its spikes. Before them the limit is 1e-10."""


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", CELLS)
def test_every_state_is_the_oracles(name: str):
    cell, size = CELLS[name](), 2
    signals, events = inputs(cell, size)
    watch = {n: np.arange(cell.spec.sites.get(n, 1)) for n in cell.spec.states}
    neurons = CellNeurons.alone(cell, size, DT)
    rolled = jax.jit(lambda x, w: roll(neurons, STEPS, signals=x, events=w, watch=watch))(signals, events)
    truth = Cells(Population("cells", cell, size, 0), DT, 1)
    close = 1e-10
    moved = {n: 0.0 for n in watch}
    start = {n: np.array(v) for n, v in truth.s.items()}
    for k in range(STEPS):
        fired = truth.step(k, {n: v[k].ravel() for n, v in signals.items()}, {n: v[k].ravel() for n, v in events.items()})
        np.testing.assert_array_equal(np.asarray(rolled["spikes"][k]), fired)
        if name == "branched" and truth.v.max() > -45.0:
            close = SPIKING
        for n, values in truth.s.items():
            np.testing.assert_allclose(np.ravel(rolled[n][k]), values, rtol=close, atol=close, err_msg=f"{n} at step {k}")
            moved[n] = max(moved[n], float(np.nanmax(np.abs(values - start[n]))))
    assert moved["v"] > 1.0 and min(moved.values()) > 0.0


def network() -> Network:
    """A list of spikes reaches synapses on cells; the cells' spikes reach point neurons, which reach the cells again."""
    net = Network("cells and points")
    relay = net.population("relay", Relay(), 2)
    cells = net.population("cells", CELLS["branched"](), 3, initial={"v": np.linspace(-75, -60, 3).repeat(len(CELLS["branched"]())) * mV})
    points = net.population("points", LIFExp(), 2)
    net.stimulate(relay, SpikeList(np.array([1.0, 2.0, 3.0]) * ms, np.array([0, 1, 0])), port="spikes", weight=1.0)
    net.stimulate(cells, Step(2000 * pA, start=0.5 * ms), input="electrode.amplitude")
    pairs = Edges(np.array([0, 1, 1, 0]), np.array([0, 1, 2, 2]))
    net.project(relay, cells, pairs, weight=np.array([1.0, 2.0, 3.0, 1.5]) * nS, delay=0.5 * ms, port="tuft.exc[1]", name="in")
    net.project(cells, points, Edges(np.array([0, 1, 2]), np.array([0, 1, 1])), weight=20 * nA, delay=0.2 * ms, port="exc", name="out")
    net.project(points, cells, Edges(np.array([0, 1]), np.array([2, 0])), weight=2 * nS, delay=0.3 * ms, port="tuft.exc[0]", name="back")
    net.probe(cells, "v", name="v")
    net.probe(cells, "HCurrent.m", name="gate")
    net.probe(cells, "tuft.nmda_decaying", name="synapse")
    net.probe(points, "v", name="points")
    return net


def test_networks_of_cells_and_points_are_the_oracles():
    net = network()
    truth = simulate(net, 10 * ms, dt=DT * ms)
    roll = Rollout(net, dt=DT * ms, precision="float64", chunk=20)
    rolled = roll.run(10 * ms)
    for name, pop in net.populations.items():
        ours = np.argwhere(np.asarray(rolled.spikes[name]) > 0) + np.array([1, pop.first])
        mine = (truth.spikes.neuron >= pop.first) & (truth.spikes.neuron < pop.first + pop.size)
        np.testing.assert_array_equal(ours, np.stack([truth.spikes.step[mine], truth.spikes.neuron[mine]], axis=1))
        assert len(ours) > 0, name
    for name, values in truth.traces.items():
        np.testing.assert_allclose(rolled.traces[name], values, rtol=SPIKING, atol=SPIKING, err_msg=name)


def test_gap_junctions_and_drawn_starts_are_the_oracles():
    """Cells that start at drawn potentials, one of them driven, pull each other along through their junctions."""
    net = Network("coupled")
    cell = CELLS["passive"]().place("gap", GapJunction(g=5 * nS), ["dend(0.2)", "soma(0.5)"])
    cells = net.population("cells", cell, 3, initial={"v": Uniform(-75 * mV, -60 * mV)})
    net.stimulate(cells, Step(np.array([300.0, 0.0, 0.0]) * pA), input="electrode.amplitude")
    net.couple((cells, "gap"), (cells, "gap"), [(0, 1), (1, 2), (2, 0)], sites=(0, 1))
    net.probe(cells, "v", name="v")
    truth = simulate(net, 5 * ms, dt=DT * ms, seed=3).traces["v"]
    ours = Rollout(net, dt=DT * ms, seed=3, precision="float64").run(5 * ms).traces["v"]
    np.testing.assert_allclose(ours, truth, rtol=1e-10, atol=1e-10)
    single = Rollout(net, dt=DT * ms, seed=3).run(5 * ms).traces["v"]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, truth, rtol=0, atol=0.01)  # solved for whole potentials it would be 0.67 mV off


def test_mistakes_are_named():
    neurons = CellNeurons.alone(CELLS["branched"](), 1, DT)
    with pytest.raises(ModelError, match="parameters must be those of the cell"):
        roll(neurons, 1, parameters={"Leak.q": 1.0})
    with pytest.raises(ModelError, match="no such signal or port"):
        roll(neurons, 1, events={"tuft.inh": 1.0})
