"""Synapses with states on parts of neurons: engine, oracle and rollout agree, and each reads the potential of its own site.

Branches and point processes exist at several sites of a neuron; a spike of the neuron reaches the synapses at all of them.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

from contract.cell_networks import Twig, small_tree
from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.errors import NetworkError
from neuropil.learn import Rollout
from neuropil.model import (
    AllToAll,
    Apart,
    Becomes,
    Edges,
    FixedCount,
    FixedProbability,
    Input,
    Network,
    Rewiring,
    Signal,
    Step,
    Uniform,
)
from neuropil.model.cell.cell import Cell
from neuropil.model.neuron.branched import Branched
from neuropil.oracle import simulate
from neuropil.units import Hz, Time, kHz, mS, ms, mV, nS, pA
from neuropil.units import cm as cm_
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.efficacy import Drifting
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP
from neuropil.zoo.plasticity.three_factor import EProp
from neuropil.zoo.synapses.ampa import AMPAExponential
from neuropil.zoo.synapses.full_synapse import FullSynapse
from neuropil.zoo.synapses.scaled import Scaled

pytestmark = pytest.mark.filterwarnings("ignore:.* is coarse for:UserWarning")  # squid axons at 0.1 ms: only equality matters here

STEPS = 1200


class Homeostat(Drifting):
    """An efficacy that falls where the target is active."""

    tau_post: Time = 20 * ms

    post = Input(kHz)

    def derivative(self, s, x):
        return dict(efficacy=0.1 * (0.03 * kHz - x.post))


RULES = {
    "lazy": AdditiveSTDP(a_plus=0.2, a_minus=0.15),
    "clocked": AdditiveSTDP(a_plus=0.2, a_minus=0.15),
    "potential": EProp(learning_signal=-0.5, threshold=-55 * mV, rest=-75 * mV),
    "activity": Homeostat(),
    "rewired": Scaled(),
    "third factor": EProp(threshold=-55 * mV, rest=-75 * mV),
}


def network(target: str, rule: str) -> Network:
    """Poisson sources onto neurons that are driven from outside, too; three sites each."""
    net = Network("dendrites")
    source = net.population("source", PoissonSource(rate=50 * Hz), 9)
    if target == "branches":
        cells = net.population("cells", Branched(LIFExp(), Twig(), 3, reads={"v_soma": "v"}), 7)
        net.stimulate(cells, Step(np.linspace(400, 600, 7) * pA), input="current")
        port, weight = "branch.exc", 8 * mV
    else:
        cell = Cell(small_tree(), discretisation=FixedCount(2), initial=-68 * mV)
        cell.paint("all", Leak(e=-68 * mV), name="leak", g=lambda x: (0.1 + 0.001 * x) * mS / cm_**2).paint("soma", HodgkinHuxleyMembrane(), name="hh")
        cell.place("spine", AMPAExponential(), at=["twig(0.9)", "left(0.3)", "right(0.5)"]).place("clamp", CurrentClamp(), at="soma(0.5)")
        cells = net.population("cells", cell, 4, initial={"v": Uniform(-70 * mV, -65 * mV)})
        net.stimulate(cells, Step(np.linspace(250, 500, 4) * pA), input="clamp.amplitude")
        port, weight = "spine.exc", 2 * nS
    how = {"structure": Rewiring(11 * ms, eliminate=8 * Hz)} if rule == "rewired" else {"response_delay": 1.3 * ms} if rule in ("lazy", "clocked") else {}
    how |= {"synapse": RULES[rule], "clock_driven": rule == "clocked"}
    (made,) = net.project(source, cells, FixedProbability(0.6), weight=weight, delay=Uniform(0.3 * ms, 3 * ms), port=port, name="in", **how)
    net.project(source, cells, AllToAll(), weight=0.5 * weight, delay=1 * ms, port=f"{port}[1]", name="plain")
    if rule == "third factor":
        signal = net.modulator("signal", Signal(), volume=made, diffusion=Apart()).released_by(source, 0.5, at=np.arange(9) % cells.size)
        signal.modulates(made, "learning_signal", Becomes(-1.0))
    net.probe(cells, "v" if target == "cells" else "branch.v", name="v")
    return net


def engine(net: Network, threads: int = 1, precision: str = "float64"):
    simulation = Simulation(net, threads=threads, precision=precision)
    simulation.step(333)
    result = simulation.run_until(STEPS * 0.1 * ms)
    found = simulation.synapses("in")
    simulation.close()
    return result, found


CASES = [(target, rule) for target in ("branches", "cells") for rule in RULES]


@pytest.mark.parametrize(("target", "rule"), CASES)
def test_engine_equals_oracle(target: str, rule: str) -> None:
    net = network(target, rule)
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(net.projections)}
    truth = simulate(net, STEPS * 0.1 * ms, edges=drawn)
    result, found = engine(net, threads=2)
    assert len(truth.spikes.of("cells")) > 10 and len(np.unique(found["site"])) == 3
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    np.testing.assert_allclose(result.traces["v"].values, truth.traces["v"], rtol=0.0, atol=1e-9 * 70)
    for name, values in truth.synapses["in"].items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-9, err_msg=name)
    if rule != "rewired":  # it did learn, and not everywhere the same
        assert np.ptp(truth.synapses["in"]["efficacy"]) > 1e-6


@pytest.mark.parametrize(("target", "rule"), [case for case in CASES if case[1] in ("lazy", "potential", "rewired", "activity")])
@pytest.mark.parametrize("precision", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
def test_threads_do_not_matter(target: str, rule: str, precision: str) -> None:
    runs = [engine(network(target, rule), threads, precision) for threads in (1, 3)]
    assert len({result.summary["digest"] for result, _ in runs}) == 1
    for name, values in runs[0][1].items():
        np.testing.assert_array_equal(runs[1][1][name], values, err_msg=name)


@pytest.mark.parametrize(("target", "rule"), [case for case in CASES if case[1] in ("lazy", "activity", "rewired")])
def test_waking_changes_nothing(target: str, rule: str, tmp_path) -> None:
    whole, found = engine(network(target, rule))
    first = Simulation(network(target, rule), threads=2, precision="float64")
    first.step(440)
    path = first.checkpoint(tmp_path / "c.h5")
    first.close()
    woken = Simulation(network(target, rule), threads=3, precision="float64", resume=path)
    result, late = woken.run_until(STEPS * 0.1 * ms), whole.spikes.step > 440
    np.testing.assert_array_equal(whole.spikes.step[late], result.spikes.step)
    np.testing.assert_array_equal(whole.spikes.neuron[late], result.spikes.neuron)
    for name, values in woken.synapses("in").items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    woken.close()


@pytest.mark.parametrize("rule", ["lazy", "potential"])
def test_rollout_equals_oracle(rule: str) -> None:
    net = network("branches", rule)
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(net.projections)}
    truth = simulate(net, STEPS * 0.1 * ms, edges=drawn)
    with jax.enable_x64(True):
        rolled = Rollout(net, precision="float64").run(STEPS)
        step, _ = np.nonzero(np.asarray(rolled.spikes["cells"]))
        np.testing.assert_array_equal(step + 1, truth.spikes.of("cells").step)
        np.testing.assert_allclose(np.asarray(rolled.traces["v"]), truth.traces["v"], rtol=0.0, atol=1e-8 * 70)
        for name, values in rolled.state["synapses"]["in"]["states"].items():
            np.testing.assert_allclose(np.asarray(values), truth.synapses["in"][name], rtol=1e-7, atol=1e-9, err_msg=name)


def test_synapses_that_form_where_edges_were_listed_find_a_site_of_their_own() -> None:
    """Each listed edge has its site; those that take the place of vanished ones are drawn one. Engine and oracle agree."""
    net = Network("listed")
    source = net.population("source", PoissonSource(rate=80 * Hz), 6)
    cells = net.population("cells", Branched(LIFExp(), Twig(), 3, reads={"v_soma": "v"}), 4)
    pre, post = (a.ravel() for a in np.indices((6, 4)))
    how = {"weight": 3 * mV, "delay": 1 * ms, "port": "branch.exc", "structure": Rewiring(10 * ms, eliminate=20 * Hz)}
    net.project(source, cells, Edges(pre, post), site=np.zeros(24, int), synapse=Scaled(), name="in", **how)
    truth = simulate(net, STEPS * 0.1 * ms)
    _, found = engine(net, threads=2)
    assert len(np.unique(found["site"])) == 3
    for name in ("source", "target", "weight"):
        np.testing.assert_array_equal(found[name], truth.synapses["in"][name])


def test_where_synapses_sit_may_be_said() -> None:
    """By an index in the port's name, or edge by edge; another part for the current than for the events is refused."""
    net = network("branches", "lazy")
    source, cells = net["source"], net["cells"]
    how = {"weight": 1 * mV, "delay": 1 * ms, "synapse": AdditiveSTDP()}
    net.project(source, cells, AllToAll(), port="branch.exc[2]", name="third", **how)
    net.project(source, cells, Edges([0, 1, 2], [0, 0, 3]), port="branch.exc", site=[1, 0, 2], name="listed", **how)
    simulation = Simulation(net)
    assert set(simulation.synapses("third")["site"]) == {2} and simulation.synapses("listed")["site"].tolist() == [1, 0, 2]
    simulation.close()
    with pytest.raises(NetworkError, match="different parts"):
        net.project(source, cells, AllToAll(), weight=20.0, delay=1 * ms, port="branch.exc", input="current", synapse=FullSynapse())
    with pytest.raises(NetworkError, match="no site"):
        net.project(source, cells, AllToAll(), port="branch.exc[3]", **how)
