"""Between trials, and into another network: what a reset keeps and drops, and weights that another simulation loads."""

from __future__ import annotations

import numpy as np
import pytest

from engine.test_interventions import STORES, all_of, kept_network, network
from neuropil.engine import Simulation
from neuropil.errors import NetworkError, SimulationError
from neuropil.model import AllToAll, Network, Regular
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay


def everything(simulation):
    return all_of(simulation) | {"v": simulation.state("target", "v").value, "exc": simulation.state("target", "i_exc").value}


def assert_same(one, other):
    for key, values in one.items():
        np.testing.assert_array_equal(other[key], values, err_msg=str(key))


def test_a_restart_is_as_new():
    """To the bit, spikes, states and recordings, after weights were written and plasticity did its work; in float32 on two threads."""
    made = kept_network()
    fresh, used = Simulation(made, threads=1), Simulation(made, threads=2)
    used.step(777)
    used.set_weights("packed", 250 * pA)
    used.set_weights("lazy", 250 * pA)
    used.step(40)
    used.reset(weights=False, restart=True)
    assert_same(everything(fresh), everything(used))
    stamps = [s.step(500) for s in (fresh, used)]
    np.testing.assert_array_equal(stamps[0][1], stamps[1][1])
    assert_same(everything(fresh), everything(used))
    assert used.time.value == fresh.time.value and used.summary()["spikes"] == fresh.summary()["spikes"] > 20
    fresh.close()
    used.close()


def test_what_was_learnt_outlives_a_reset_and_nothing_else():
    """Kept weights in a restarted simulation, and in a new one that loads them, go on alike."""
    made = network()
    trained, other = Simulation(made, threads=2, precision="float64"), Simulation(made, threads=1, precision="float64")
    trained.step(700)
    trained.set_weights("packed", 250 * pA)
    learnt = all_of(trained)
    trained.reset(restart=True)
    after = all_of(trained)
    for name in STORES:
        np.testing.assert_array_equal(after[name, "weight"], learnt[name, "weight"])
    for name in STORES[1:]:
        np.testing.assert_array_equal(after[name, "efficacy"], learnt[name, "efficacy"])
        assert np.all(after[name, "pre"] == 0.0) and np.all(after[name, "post"] == 0.0) and np.any(learnt[name, "post"] > 0.0)
    other.load_weights(trained)
    assert_same(everything(trained), everything(other))
    stamps = [s.step(400) for s in (trained, other)]
    np.testing.assert_array_equal(stamps[0][1], stamps[1][1])
    assert stamps[0][1].size > 20, "alive"
    assert_same(everything(trained), everything(other))
    trained.close()
    other.close()


def test_time_goes_on_and_spikes_under_way_are_dropped():
    """By hand: a spike 1 ms before it arrives is dropped; a kept state stays; the next regular event comes at its own time."""
    made = Network("reset")
    source, target = made.population("source", Relay(), 1), made.population("target", LIFExp(), 2, initial={"v": [-60.0, -65.0] * mV})
    made.stimulate(source, Regular(10 * ms), port="spikes", weight=1.0)
    made.project(source, target, AllToAll(), weight=64 * pA, delay=3 * ms, port="exc", name="p")
    simulation = Simulation(made, threads=1)
    simulation.step(120)
    v = simulation.state("target", "v").value
    assert v[0] < -60.0
    simulation.reset(keep=["target.v"])
    np.testing.assert_array_equal(simulation.state("target", "v").value, v)
    simulation.step(30)
    assert np.all(simulation.state("target", "i_exc").value == 0.0)
    simulation.reset()
    np.testing.assert_array_equal(simulation.state("target", "v").value, [-60.0, -65.0])
    simulation.step(80)
    assert simulation.time.value == pytest.approx(23.0) and np.all(simulation.state("target", "i_exc").value == 64.0)
    for wrong, message in ((["target.w"], "no state 'w'"), (["tarjet.v"], "no population"), ("target.v", "keep names states")):
        with pytest.raises((NetworkError, SimulationError), match=message):
            simulation.reset(keep=wrong)
    simulation.close()


def test_a_frozen_copy_transmits_what_was_learnt():
    """A network without a rule gets what a spike would transmit: weight times efficacy. What does not fit is refused."""
    trained = Simulation(network(), threads=1, precision="float64")
    trained.step(700)
    made = Network("frozen")
    source, target = made.population("source", PoissonSource(rate=60 * Hz), 12), made.population("target", LIFExp(), 17)
    made.project(source, target, trained.network.projections[2].rule, weight=300 * pA, delay=1 * ms, port="exc", name="lazy")
    frozen = Simulation(made, threads=1, precision="float64")
    frozen.load_weights(trained)
    s = trained.synapses("lazy")
    np.testing.assert_allclose(frozen.weights("lazy"), s["weight"] * s["efficacy"], rtol=1e-9)
    for act, message in (
        (lambda: frozen.load_weights(trained, ["packed"]), "no projection 'packed'"),
        (lambda: trained.load_weights(frozen, ["clocked"]), "no projection 'clocked'"),
        (lambda: Simulation(made, seed=2, threads=1, precision="float64").load_weights(trained), "other synapses"),
        (lambda: frozen.load_weights(s), "needs a Simulation"),
    ):
        with pytest.raises((NetworkError, SimulationError), match=message):
            act()
    trained.close()
    frozen.close()
