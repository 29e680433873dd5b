"""Noise of channels and point processes: engine, oracle and rollout draw the same, however the run is made, and nothing else flows into it."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from contract.cell_networks import small_tree
from contract.noisy_cells import CELLS, Langevin, noisy_cell, noisy_network
from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.model import Channel, Input, Network, Noise, PointProcess, State
from neuropil.model.cell.cell import Cell
from neuropil.oracle import simulate
from neuropil.units import cm as cm_
from neuropil.units import ms, mV, nA, pA

STEPS, DT = 120, 0.025 * ms
STATES = ("v", "Langevin.x", "Restless.y", "Restless.z", "tuft.g")


def states(simulation):
    return [np.asarray(simulation.state("cells", n).value) for n in STATES]


@pytest.fixture(scope="module")
def alone():
    with Simulation(noisy_network(), dt=DT, seed=3, threads=1) as simulation:
        simulation.step(STEPS)
        return states(simulation)


def same(one, other):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def test_engine_oracle_and_rollout_agree():
    net, time = noisy_network(), STEPS * 0.025 * ms
    engine = npl.run(net, time, dt=DT, seed=3)
    truth = simulate(net, time, dt=DT, seed=3)
    rolled = npl.learn.Rollout(net, dt=DT, seed=3, precision="float64").run(time)
    assert len(engine.traces) == 6
    for name, trace in engine.traces.items():
        found = np.asarray(trace.values)
        np.testing.assert_allclose(found, truth.traces[name], rtol=1e-8, atol=1e-10, err_msg=name)
        np.testing.assert_allclose(np.asarray(rolled.traces[name]), truth.traces[name], rtol=1e-8, atol=1e-10, err_msg=name)
    drawn = np.asarray(engine.traces["cells.Restless.noise_y"].values)
    assert np.isnan(drawn[0]).sum() == CELLS * (len(noisy_cell()) - 2)  # the channel is in the two compartments of the trunk
    numbers = drawn[~np.isnan(drawn)] * np.sqrt(0.025)
    assert np.unique(numbers).size == numbers.size and abs(numbers.std() - 1) < 0.1  # 1440 numbers: 5.4 standard errors


def test_bits_do_not_depend_on_threads_and_chunks(alone):
    with Simulation(noisy_network(), dt=DT, seed=3, threads=3) as simulation:
        for chunk in (7, 1, STEPS - 8):
            simulation.step(chunk)
        assert same(states(simulation), alone)


def test_a_snapshot_and_a_checkpoint_go_on_with_the_same_noise(alone, tmp_path):
    with Simulation(noisy_network(), dt=DT, seed=3, threads=2) as simulation:
        simulation.step(50)
        kept = simulation.snapshot()
        simulation.step(STEPS - 50)
        simulation.restore(kept)
        simulation.step(STEPS - 50)
        assert same(states(simulation), alone)
        simulation.restore(kept, seed=4)
        simulation.step(STEPS - 50)
        assert not any(np.array_equal(a, b, equal_nan=True) for a, b in zip(states(simulation), alone, strict=True))
    path = kept.save(tmp_path / "kept.h5")
    with Simulation(noisy_network(), dt=DT, seed=3, resume=path) as simulation:
        simulation.step(STEPS - 50)
        assert same(states(simulation), alone)


def test_parameters_of_noise_change_while_it_runs():
    with Simulation(noisy_network(), dt=DT, seed=3) as simulation:
        simulation.step(40)
        simulation.set("cells", **{"Langevin.channels": 50.0, "tuft.deviation": 0.1 * npl.units.nS})
        simulation.step(40)
        found = states(simulation)
    settings = {40: [("cells", {"Langevin.channels": 50.0, "tuft.deviation": 0.1 * npl.units.nS})]}
    truth = simulate(noisy_network(), 80 * 0.025 * ms, dt=DT, seed=3, settings=settings)
    for name, values in zip(STATES, found, strict=True):
        np.testing.assert_allclose(values.ravel(), truth.traces[f"cells.{name}"][-1], rtol=1e-8, atol=1e-10, err_msg=name)


def test_what_cannot_have_noise_is_refused(tmp_path):
    net = noisy_network()
    with pytest.raises(NetworkError, match="white noise"):
        net.stimulate(net["cells"], Noise(0.0, 1.0), input="Langevin.noise")
    with pytest.raises(UnitError, match="no unit"):
        type("Wrong", (PointProcess,), {"y": State(0.0), "noise": Input(pA)})
    with pytest.raises(ModelError, match="no stimulus reaches a channel"):
        type("Commanded", (Channel,), {"y": State(0.0), "command": Input(pA)})
    with pytest.raises(ModelError, match="integrator is unknown"):
        type("Odd", (Channel,), {"y": State(0.0), "integrator": "exactly"})

    class White(Channel):
        v, noise = Input(mV), Input(1.0)

        def current(self, s, x):
            return 1 * nA / cm_**2 * x.noise

    refused = Network("refused")
    refused.population("cells", Cell(small_tree()).paint("all", White()), 1)
    with pytest.raises(ModelError, match=r"white noise noise outside of derivative\(\)"):
        Simulation(refused)
    net = Network("saved")
    net.population("cells", noisy_cell(), 2)
    net.save(tmp_path / "net.h5")
    again = npl.load_network(tmp_path / "net.h5", trust=True)
    assert {d.name for d in again.drives} == {
        "cells.tuft.noise", "cells.Langevin.noise", "cells.Restless.noise_y", "cells.Restless.noise_z"
    }  # fmt: skip


def test_an_explanation_says_the_strong_order():
    text = npl.explain(noisy_network(), dt=DT)
    assert "multiplicative noise in the sense of Itô" in text and "Ornstein-Uhlenbeck process, exact in distribution, strong order 1.0" in text
    assert Langevin.__name__ in text
