"""Parameters of cells with morphology changed while a network runs: of channels (uniform, along the cell, per cell) and point processes.

Why to believe it: as of point neurons. The cells have gates in tables, a channel that varies along the dendrite, a pool that others read,
and synapses.
"""

from __future__ import annotations

import numpy as np
import pytest

from contract.cell_networks import small_tree
from neuropil.engine import Simulation
from neuropil.errors import ModelError, NetworkError
from neuropil.model import FixedCount, Gain, Network, Poisson, Signal, Step
from neuropil.model.cell.cell import Cell
from neuropil.oracle import simulate
from neuropil.units import Hz, cm, mS, ms, mV, nS, pA
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.channels.squid_axon import SquidPotassium, SquidSodium
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.synapses.ampa_nmda import AMPANMDA

DT, CELLS, END = 0.025 * ms, 3, 400
DENSITY = mS / cm**2


def cell(leak=-65 * mV, **sodium):
    made = Cell(small_tree(), discretisation=FixedCount(2), initial=-65 * mV)
    made.paint("soma", SquidSodium(**sodium)).paint("soma", SquidPotassium()).paint("all", Leak(e=leak))
    made.paint("trunk", HCurrent(), g=lambda x: (0.02 + 0.001 * x) * DENSITY)
    made.place("clamp", CurrentClamp(), at="soma(0.5)").place("synapse", AMPANMDA(), at=["left(0.5)", "twig(0.5)"])
    return made


def network(model=None):
    made = Network("cells")
    pop = made.population("cells", model or cell(), CELLS)
    made.stimulate(pop, Step(150 * pA), input="clamp.amplitude")
    made.stimulate(pop, Poisson(300 * Hz), port="synapse.exc", weight=1 * nS, name="background")
    for state in ("v", "SquidSodium.m"):
        made.probe(pop, state)
    return made


def settings(net):
    pop = net["cells"]
    return {
        60: [("cells", {"SquidSodium__g": 90 * DENSITY}), ("background", {"rate": np.array([100, 300, 500]) * Hz})],
        61: [(pop[1:], {"HCurrent__g": 0.3 * DENSITY}), (pop, {"synapse.ratio": 1.4})],
        140: [(pop, {"Leak.e": np.array([-66.0, -64.0, -60.0]) * mV, "SquidSodium.celsius": 9.0})],
        220: [(pop[2], {"synapse__e": np.array([-20.0, 5.0]) * mV}), (pop, {"HCurrent__g": 0.1 * DENSITY, "Leak__e": -65 * mV})],
    }  # fmt: skip


def go(sim, acts, end):
    while sim.core.step < end:
        for target, values in acts.get(sim.core.step, ()):
            sim.set(target, **values)
        sim.step(min([k for k in acts if k > sim.core.step] + [end]) - sim.core.step)
    return sim.result()


def test_the_engine_does_what_the_oracle_does(tmp_path):
    """And the same bits on other threads, after waking from a checkpoint, and after going back to a snapshot."""
    net = network()
    acts = settings(net)
    with Simulation(net, dt=DT, threads=1) as sim:
        go(sim, acts, 100)
        early = sim.snapshot()
        go(sim, acts, 230)
        path = sim.checkpoint(tmp_path / "cells.h5")
        result = go(sim, acts, END)
        again = sim.summary()["compiled_kernels"]
        sim.restore(early)
        back = go(sim, acts, END)
        assert sim.summary()["compiled_kernels"] == again, "all kernels are known"
    truth = simulate(net, END * DT, dt=DT, settings=acts)
    for name, values in truth.traces.items():
        np.testing.assert_allclose(result.traces[name].values, values, rtol=1e-6, atol=1e-7, err_msg=name)
        np.testing.assert_array_equal(back.traces[name].values, result.traces[name].values[100:], err_msg=name)
    assert len(truth.spikes.step)
    with Simulation(net, dt=DT, threads=2, resume=path) as woken:
        resumed = go(woken, acts, END)
    for name, trace in resumed.traces.items():
        np.testing.assert_array_equal(trace.values, result.traces[name].values[230:], err_msg=name)


def test_set_at_the_start_is_described():
    """Gates that start at rest are at the rest that follows from the new values; an array of one value per cell is as if painted."""
    values = {"SquidSodium.celsius": 9.0, "SquidSodium.g": np.array([100.0, 110.0, 140.0]) * DENSITY, "Leak.e": -60 * mV}
    described = network(cell(leak=-60 * mV, celsius=9.0, g=values["SquidSodium.g"]))
    results = []
    for net, given in ((network(), values), (described, {})):
        with Simulation(net, dt=DT, threads=1) as sim:
            if given:
                sim.set("cells", **given)
            results.append((sim.run(3 * ms), sim.state("cells", "SquidSodium.m").value))
    for name, trace in results[1][0].traces.items():
        np.testing.assert_array_equal(results[0][0].traces[name].values, trace.values, err_msg=name)
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_modulators_act_on_what_is_set():
    net = network()
    m = net.modulator("m", Signal(), volume=[net["cells"]], tick=1 * ms)
    m.modulates(net["cells"], "SquidPotassium.g", Gain(by=0.5))
    acts = {30: [("cells", {"SquidPotassium__g": np.array([30.0, 36.0, 40.0]) * DENSITY})]}
    with Simulation(net, dt=DT, threads=1) as sim:
        sim.modulators["m"].set_signal(0.6)
        result = go(sim, acts, 200)
    truth = simulate(net, 200 * DT, dt=DT, signals={"m": {0: 0.6}}, settings=acts)
    for name, values in truth.traces.items():
        np.testing.assert_allclose(result.traces[name].values, values, rtol=1e-6, atol=1e-7, err_msg=name)


def test_wrong_values_are_refused():
    with Simulation(network(), dt=DT, threads=1) as sim:
        for error, text, values in (
            (ModelError, "must be 0 or more", {"Leak__g": -1 * DENSITY}), (NetworkError, "no parameter 'Lek.g'", {"Lek__g": 1 * DENSITY}),
            (ModelError, "wrong shape", {"Leak__g": np.ones(2) * DENSITY}), (NetworkError, "no parameter", {"capacitance": 1.0}),
        ):  # fmt: skip
            with pytest.raises(error, match=text):
                sim.set("cells", **values)
        assert sim.summary()["interventions"] == []
