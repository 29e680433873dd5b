"""Weights and states of synapses read and written while a network runs: what the oracle does, whatever the threads, and after waking."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError, SimulationError, UnitError
from neuropil.model import AllToAll, Edges, FixedProbability, Network, Regular, State, Step, Synapse, Uniform
from neuropil.oracle import simulate
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP

STORES = ("packed", "lazy", "clocked")


def network():
    """The three kinds of store between the same neurons, with drawn weights and delays; two packed projections share rows."""
    made = Network("interventions")
    source, target = made.population("source", PoissonSource(rate=60 * Hz), 12), made.population("target", LIFExp(), 17)
    made.stimulate(target, Step(370 * pA), input="current")
    how = dict(weight=Uniform(100 * pA, 300 * pA), delay=Uniform(0.3 * ms, 2 * ms), port="exc")
    made.project(source, target, FixedProbability(0.3), name="before", **how)
    made.project(source, target, FixedProbability(0.5), name="packed", **how)
    made.project(source, target, FixedProbability(0.5), name="lazy", synapse=AdditiveSTDP(), **how)
    made.project(target, target, FixedProbability(0.3), name="clocked", synapse=AdditiveSTDP(), clock_driven=True, **how)
    return made


def new_values(simulation):
    """Other weights for all stores, and efficacies for those that have them, in the order of the synapses."""
    made = {name: {"weight": np.linspace(50.0, 280.0, simulation.weights(name).size)} for name in STORES}
    for name in STORES[1:]:
        made[name]["efficacy"] = np.linspace(0.9, 0.1, made[name]["weight"].size)
    return made


def rewrite(simulation, values):
    for name, given in values.items():
        simulation.set_weights(name, given["weight"])
        if "efficacy" in given:
            simulation.set_synapses(name, efficacy=given["efficacy"])


def all_of(simulation):
    return {(p, n): v for p in ("before", *STORES) for n, v in simulation.synapses(p).items()}


def test_what_is_written_acts_as_in_the_oracle(tmp_path):
    """Written at an odd step on two threads; a spike under way delivers the new weight. Then: woken on another number of threads."""
    made, at, end = network(), 333, 1000
    simulation = Simulation(made, threads=2, precision="float64")
    stamps = [simulation.step(at)]
    values = new_values(simulation)
    rewrite(simulation, values)
    for name, given in values.items():
        np.testing.assert_allclose(simulation.weights(name), given["weight"], rtol=1e-9)
    stamps.append(simulation.step(200))
    path = simulation.checkpoint(tmp_path / "written.h5")
    woken = Simulation(made, threads=1, precision="float64", resume=path)
    stamps.append(simulation.step(end - at - 200))
    woken.step(end - at - 200)
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, end * 0.1 * ms, edges=drawn, changes={at: values})
    assert len(truth.spikes.of("target")) > 20, "alive"
    np.testing.assert_array_equal(np.concatenate([s[0] for s in stamps]), truth.spikes.step)
    np.testing.assert_array_equal(np.concatenate([s[1] for s in stamps]), truth.spikes.neuron)
    for name in STORES[1:]:
        for state in ("weight", "efficacy", "pre", "post"):
            np.testing.assert_allclose(simulation.synapses(name)[state], truth.synapses[name][state], rtol=1e-9, err_msg=f"{name}.{state}")
    for key, expected in all_of(simulation).items():
        np.testing.assert_array_equal(all_of(woken)[key], expected, err_msg=key)
    np.testing.assert_array_equal(woken.state("target", "v").value, simulation.state("target", "v").value)
    simulation.close()
    woken.close()


@pytest.mark.parametrize("name", STORES)
def test_a_matrix_says_the_same_as_an_array(name):
    """Dense with NaN or 0 elsewhere, sparse, a quantity, and what `weights` itself gave, all write one thing."""
    simulation = Simulation(network(), threads=1, precision="float64")
    s = simulation.synapses(name)
    wanted, shape = np.linspace(50.0, 280.0, s["weight"].size), tuple(simulation.network[p].size for p in (("target" if name == "clocked" else "source"), "target"))
    matrix = np.full(shape, np.nan)
    matrix[s["source"], s["target"]] = wanted
    ways = (wanted * pA, matrix, np.nan_to_num(matrix) * pA, sparse.csr_matrix(np.nan_to_num(matrix)), sparse.coo_array(np.nan_to_num(matrix)))
    for value in ways:
        simulation.set_weights(name, 100 * pA)
        np.testing.assert_allclose(simulation.weights(name), 100.0, rtol=1e-9)
        simulation.set_weights(simulation.network.projections[[p.name for p in simulation.network.projections].index(name)], value)
        np.testing.assert_allclose(simulation.weights(name), wanted, rtol=1e-9)
    found = simulation.weights(name, dense=True)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(matrix))
    simulation.set_weights(name, found)
    np.testing.assert_allclose(simulation.weights(name), wanted, rtol=1e-9)
    np.testing.assert_array_equal(simulation.weights("before"), Simulation(network(), threads=1, precision="float64").weights("before"))
    simulation.close()


def test_a_spike_under_way_delivers_the_new_weight():
    """Sent at 1 ms, weights changed at 2 ms, delivered at 4 ms: by hand, for a packed projection in float32."""
    made = Network("flight")
    source, target = made.population("source", Relay(), 1), made.population("target", LIFExp(), 2)
    made.stimulate(source, Regular(1 * ms, stop=1 * ms), port="spikes", weight=1.0)
    made.project(source, target, AllToAll(), weight=np.array([[64.0, 128.0]]) * pA, delay=3 * ms, port="exc", name="p")
    simulation = Simulation(made, threads=1)
    simulation.step(20)
    simulation.set_weights("p", np.array([32.0, 16.0]))
    simulation.step(20)
    np.testing.assert_array_equal(simulation.state("target", "i_exc").value, [32.0, 16.0])
    simulation.close()


def wrong_ones(s):
    pair = ~np.isnan(s.weights("packed", dense=True))
    i, j = np.argwhere(~pair)[0]
    extra = np.where(pair, 1.0, 0.0)
    extra[i, j] = 7.0
    return {
        f"7 at \\[{i}, {j}\\]": lambda: s.set_weights("packed", extra),
        f"{i}, {j}": lambda: s.set_weights("packed", sparse.csr_matrix(extra)),
        "transposed": lambda: s.set_weights("packed", np.zeros(pair.shape[::-1])),
        "wrong shape": lambda: s.set_weights("lazy", np.ones(3)),
        "wrong unit": lambda: s.set_weights("lazy", 3 * mV),
        "not finite": lambda: s.set_weights("lazy", np.where(np.arange(s.weights("lazy").size) == 1, np.nan, 1.0)),
        "no projection": lambda: s.set_weights("packd", 1 * pA),
        "no state": lambda: s.set_synapses("lazy", eficacy=1.0),
        "'packed' have no state": lambda: s.set_synapses("packed", efficacy=1.0),
        "kept once for each source and delay": lambda: s.set_synapses("lazy", pre=np.arange(s.weights("lazy").size) * 1.0),
        "not a projection": lambda: s.weights(np.array([1, 2])),
        "dense must be True or False": lambda: s.weights("lazy", dense="no"),
        "reset: weights must be True or False": lambda: s.reset(weights="no"),
        "names in a list": lambda: s.load_weights(s, "lazy"),
        "nothing is set": lambda: s.set_synapses("lazy"),
        "is a projection, not a population": lambda: s.set_state("lazy", "efficacy", 1.0),
        "no attribute 'plastcity'": lambda: setattr(s, "plastcity", False),
        "threads cannot be set": lambda: setattr(s, "threads", 2),
        "time cannot be set": lambda: setattr(s, "time", 0 * ms),
        "16 bits cannot represent": lambda: s.set_weights("packed", 1e9 * pA),
    }


def test_what_does_not_fit_is_refused_and_changes_nothing():
    simulation = Simulation(network(), threads=1)
    before = all_of(simulation)
    for message, act in wrong_ones(simulation).items():
        with pytest.raises((NetworkError, SimulationError, UnitError), match=message):
            act()
    for key, value in all_of(simulation).items():
        np.testing.assert_array_equal(value, before[key], err_msg=key)
    simulation.close()


def test_several_synapses_between_two_neurons_need_an_array():
    made = Network("multapses")
    source, target = made.population("source", Relay(), 2), made.population("target", LIFExp(), 2)
    made.project(source, target, Edges([0, 0, 1], [1, 1, 0]), weight=10 * pA, delay=1 * ms, port="exc", name="p")
    simulation = Simulation(made, threads=1)
    for act in (lambda: simulation.weights("p", dense=True), lambda: simulation.set_weights("p", np.zeros((2, 2)))):
        with pytest.raises(SimulationError, match="2 synapses from 0 to 1"):
            act()
    simulation.set_weights("p", [1.0, 2.0, 3.0])
    np.testing.assert_allclose(simulation.weights("p"), [1.0, 2.0, 3.0], rtol=1e-3)
    simulation.close()


# --- plasticity off and on ---------------------------------------------------------------------------------------------


def test_plasticity_off_holds_what_was_learnt_and_nothing_else(tmp_path):
    """Off, woken from a checkpoint while off, and on again: the oracle with the efficacies held, on another number of threads."""
    made, off, on, end = network(), 300, 700, 1100
    first = Simulation(made, threads=2, precision="float64")
    stamps = [first.step(off)]
    assert first.plasticity is True
    first.plasticity = False
    learnt = {name: first.synapses(name) for name in STORES[1:]}
    stamps.append(first.step(150))
    second = Simulation(made, threads=1, precision="float64", resume=first.checkpoint(tmp_path / "off.h5"))
    assert second.plasticity is False
    stamps.append(second.step(on - off - 150))
    for name in STORES[1:]:
        np.testing.assert_array_equal(second.synapses(name)["efficacy"], learnt[name]["efficacy"])
        assert not np.array_equal(second.synapses(name)["post"], learnt[name]["post"]), "traces go on"
    second.plasticity = True
    stamps.append(second.step(end - on))
    held = {off: dict.fromkeys(STORES[1:], ("efficacy",)), on: dict.fromkeys(STORES[1:])}
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, end * 0.1 * ms, edges=drawn, held=held)
    np.testing.assert_array_equal(np.concatenate([s[1] for s in stamps]), truth.spikes.neuron)
    for name in STORES[1:]:
        assert np.abs(second.synapses(name)["efficacy"] - learnt[name]["efficacy"]).max() > 1e-3, "learns again"
        for state in ("efficacy", "pre", "post"):
            np.testing.assert_allclose(second.synapses(name)[state], truth.synapses[name][state], rtol=1e-9, atol=1e-12, err_msg=f"{name}.{state}")
    first.close()
    second.close()


def test_plasticity_of_one_projection_by_its_name():
    simulation = Simulation(network(), threads=1, precision="float64")
    simulation.plasticity = {"lazy": False}
    assert simulation.plasticity == {"lazy": False, "clocked": True}
    before = all_of(simulation)
    simulation.step(500)
    after = all_of(simulation)
    np.testing.assert_array_equal(after["lazy", "efficacy"], before["lazy", "efficacy"])
    assert np.abs(after["clocked", "efficacy"] - before["clocked", "efficacy"]).max() > 1e-3
    for wrong, message in (({"packed": False}, "with plasticity"), (0, "True or False"), ({"lazy": None}, "True or False")):
        with pytest.raises((NetworkError, SimulationError), match=message):
            simulation.plasticity = wrong
    simulation.close()


# --- recorded and normalised at intervals --------------------------------------------------------------------------------


def kept_network():
    made = network()
    projections = {p.name: p for p in made.projections}
    made.probe(projections["lazy"], "efficacy", interval=5 * ms)
    made.probe(projections["lazy"], "pre", interval=5 * ms, synapses=[3, 0], name="two traces")
    made.probe(projections["packed"], "weight", interval=20 * ms, synapses=np.arange(4))
    made.probe(projections["clocked"], "efficacy", interval=10 * ms)
    made.probe(projections["lazy"], "efficacy", interval=10 * ms, start=0 * ms, name="from the start")
    made.probe(projections["packed"], "weight", interval=15 * ms, start=7.5 * ms, synapses=[2], name="late")
    made.normalise(projections["lazy"], 2.5, interval=20 * ms, variable="efficacy")
    made.normalise(projections["clocked"], np.linspace(1.0, 3.0, 17), interval=15 * ms, variable="efficacy")
    made.normalise(projections["packed"], 900 * pA, interval=30 * ms)
    return made


def test_recorded_and_normalised_as_in_the_oracle(tmp_path):
    """Into memory, and into a folder in two sessions cut at a step where both are due; sums are exact where nothing came after."""
    made, end = kept_network(), 80 * ms
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(made.projections)}
    truth = simulate(made, end, edges=drawn)
    whole = Simulation(made, threads=2, precision="float64")
    result = whole.run_until(end)
    assert len(truth.spikes.of("target")) > 20, "alive"
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    for name in ("lazy.efficacy", "two traces", "packed.weight", "clocked.efficacy", "from the start", "late"):
        np.testing.assert_allclose(result.traces[name].values, truth.traces[name], rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(result.traces["lazy.efficacy"].times_ms, np.arange(5.0, 81.0, 5.0), rtol=1e-12)
    np.testing.assert_allclose(result.traces["from the start"].times_ms, np.arange(0.0, 81.0, 10.0), atol=1e-12)
    np.testing.assert_allclose(result.traces["late"].times_ms, np.arange(7.5, 81.0, 15.0), rtol=1e-12)
    assert result.traces["two traces"].neurons.tolist() == [3, 0] and result.traces["packed.weight"].unit == "pA"
    first = Simulation(made, threads=1, precision="float64", out=tmp_path / "run")
    first.step(600)
    first.checkpoint()
    first.close()
    second = Simulation(made, threads=2, precision="float64", out=tmp_path / "run", resume=tmp_path / "run")
    second.step(150)
    for name, trace in second.run_until(end).traces.items():
        np.testing.assert_array_equal(trace.values, result.traces[name].values, err_msg=name)
    for key, values in all_of(whole).items():
        np.testing.assert_array_equal(all_of(second)[key], values, err_msg=key)
    whole.close()
    second.close()


def test_what_arrives_at_each_target_sums_to_the_total():
    """After one step of silence: Σ|w| = total, whatever the signs, and targets without synapses stay."""
    made = Network("sums")
    source, target = made.population("source", Relay(), 3), made.population("target", LIFExp(), 3)
    weights = np.array([1.0, -3.0, 0.0, 4.0])
    (p,) = made.project(source, target, Edges([0, 1, 1, 2], [0, 0, 1, 2]), weight=weights * pA, delay=1 * ms, port="exc", synapse=Kept(), name="p")
    made.normalise(p, 8 * pA, interval=1 * ms)
    simulation = Simulation(made, threads=1, precision="float64")
    simulation.step(1)
    np.testing.assert_array_equal(simulation.weights("p"), [2.0, -6.0, 0.0, 8.0])
    simulation.plasticity = False
    simulation.set_weights("p", weights)
    simulation.step(20)
    np.testing.assert_array_equal(simulation.weights("p"), weights)
    simulation.close()


class Kept(Synapse):
    """A weight that can be changed from outside."""

    weight = State(0.0 * pA)

    def arrive(self, s, w):
        return {"weight": w * 1.0}


def test_probes_and_normalisations_that_do_not_fit_are_refused():
    made = network()
    p, q = made.projections[1:3]
    other = network().projections[0]
    wrong = {
        "needs an interval": lambda: made.probe(p, "weight"),
        "have no 'eficacy'": lambda: made.probe(q, "eficacy", interval=1 * ms),
        "takes synapses": lambda: made.probe(q, "efficacy", neurons=[0], interval=1 * ms),
        "takes neurons": lambda: made.probe(made["target"], "v", synapses=[0]),
        "another network": lambda: made.probe(other, "weight", interval=1 * ms),
        "one projection at a time": lambda: made.normalise(made.projections, 1.0, interval=1 * ms),
        "total must be positive": lambda: made.normalise(q, 0.0, interval=1 * ms, variable="efficacy"),
        "wrong shape": lambda: made.normalise(q, np.ones(3), interval=1 * ms, variable="efficacy"),
        "interval must be a positive time": lambda: made.normalise(q, 1.0, interval=0 * ms, variable="efficacy"),
        "only a projection": lambda: made.normalise(made["target"], 1.0, interval=1 * ms),
        "positions in the order": lambda: made.probe(q, "weight", synapses=[0.5], interval=1 * ms),
    }
    for message, act in wrong.items():
        with pytest.raises((NetworkError, ModelError), match=message):
            act()
    made.probe(q, "efficacy", interval=1 * ms)
    with pytest.raises(NetworkError, match="already"):
        made.probe(q, "efficacy", interval=1 * ms)
    made.probe(p, "weight", synapses=[10_000], interval=1 * ms)
    with pytest.raises(NetworkError, match="no such synapse"):
        Simulation(made, threads=1)
    for description in (lambda n: n.probe(n.projections[1], "weight", interval=0.25 * ms), lambda n: n.normalise(n.projections[1], 1 * pA, interval=0.25 * ms)):
        off_grid = network()
        description(off_grid)
        with pytest.raises(NetworkError, match="not a multiple of the time step"):
            Simulation(off_grid, threads=1)
