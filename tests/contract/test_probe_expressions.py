"""Probes of expressions: the engine, the oracle and the rollout record what a function of the recorded states gives.

Why to believe it: the same function is applied to the recorded states afterwards.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import by_engine, by_oracle, by_rollout, error
from neuropil import maths
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.learn import Rollout
from neuropil.model import Branched
from neuropil.oracle import simulate
from neuropil.units import cm, mS, ms, mV, nM, nS, pA, pF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.branch_neuron import NMDADendrite
from neuropil.zoo.neurons.lif import LIFExp

N, STEPS, DT = 5, 60, 0.1 * ms


def leak(s, p):
    return p.c_m * (p.e_l - s.v) / p.tau_m


def opening(s, p):
    """Of a branch."""
    return 1.0 / (1.0 + maths.exp(-(s.v - p.e_l) / (3 * mV)))


@cache
def network() -> npl.Network:
    made = npl.Network("expressions")
    cells = made.population("cells", LIFExp(e_l=-70 * mV, tau_m=np.linspace(8, 12, N) * ms, c_m=npl.Normal(250 * pF, 20 * pF)), N, initial={"v": npl.Uniform(-70 * mV, -56 * mV)})
    made.stimulate(cells, npl.Step(np.linspace(200, 900, N) * pA), input="current")
    made.probe(cells, leak, name="leak")
    made.probe(cells[[4, 1]], npl.Expression(leak, name="leak"), interval=0.5 * ms, name="some")
    made.probe(cells, lambda s, p: p.c_m / p.tau_m, name="constant")
    made.probe(cells, "v")
    branched = made.population("branched", Branched(LIFExp(), NMDADendrite(), 2, into="current", reads={"v_soma": "v"}, e_l=np.array([-70.0, -66.0]) * mV), 3)
    made.stimulate(branched, npl.Poisson(4 * npl.units.kHz), port="branch.exc", weight=1 * nS)
    made.probe(branched, npl.Expression(opening, part="branch", name="opening"), name="opening")
    made.probe(branched, npl.Expression(opening, part="branch"), sites=[1], neurons=[2, 0], name="one branch")
    made.probe(branched, "branch.v")
    return made


@cache
def run_of(executor: str) -> dict[str, np.ndarray]:
    return {"oracle": by_oracle, "engine": by_engine, "rollout": by_rollout}[executor](network(), DT, steps=STEPS).traces


@pytest.mark.parametrize("executor", ["engine", "oracle", "rollout"])
def test_records_what_the_function_gives(executor):
    traces, tau = run_of(executor), np.linspace(8, 12, N)
    c_m = traces["constant"][0] * tau
    assert np.ptp(c_m) > 1.0 and np.all(traces["constant"] == traces["constant"][0])
    assert error(traces["leak"], c_m * (-70.0 - traces["cells.v"]) / tau) < 1e-12
    np.testing.assert_array_equal(traces["some"], traces["leak"][4::5, [4, 1]])
    expected = 1.0 / (1.0 + np.exp(-(traces["branched.branch.v"] - np.tile([-70.0, -66.0], 3)) / 3.0))
    assert np.ptp(expected) > 0.1 and error(traces["opening"], expected) < 1e-12
    np.testing.assert_array_equal(traces["one branch"], traces["opening"][:, [5, 1]])
    for name, truth in run_of("oracle").items():
        assert error(traces[name], truth) < 1e-11, name


def test_threads_and_units():
    runs = [npl.run(network(), STEPS * DT, dt=DT, threads=t, precision="float64").traces for t in (2, 3)]
    for name, truth in run_of("engine").items():
        assert all(np.array_equal(traces[name].values, truth) for traces in runs), name
    assert (runs[0]["leak"].unit, runs[0]["opening"].unit, runs[0]["some"].variable) == ("pA", "dimensionless", "leak")


def test_a_rollout_differentiates_it():
    """The slope of a sample by the conductance is the potential's, as finite differences have it."""
    made = npl.Network("slope")
    cells = made.population("cells", LIFExp(e_l=-71 * mV), 2)
    made.stimulate(cells, npl.Step(50 * pA), input="current")
    made.probe(cells, leak, name="leak")
    with jax.enable_x64(True):
        rollout = Rollout(made, dt=DT, precision="float64")

        def last(e_l):
            parameters = {**rollout.parameters, "neurons": {"cells": {**rollout.parameters["neurons"]["cells"], "e_l": e_l}}}
            return rollout.apply(parameters, rollout.initial(), rollout.inputs(20)).traces["leak"][-1].sum()

        at = jnp.asarray(-70.0)
        assert float(jax.grad(last)(at)) == pytest.approx(float(last(at + 1e-3) - last(at - 1e-3)) / 2e-3, rel=1e-6)


def test_refused():
    made = npl.Network("refused")
    cells = made.population("cells", LIFExp(), 3)
    morphology = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(3)).paint("all", Leak())
    dendrites = made.population("dendrites", morphology, 1)
    with pytest.raises(UnitError, match="different units"):
        made.probe(cells, lambda s, p: s.v + p.tau_m)
    with pytest.raises(ModelError, match="no state 'w'"):
        made.probe(cells, lambda s, p: s.w)
    with pytest.raises(ModelError, match="no parameter 'g'"):
        made.probe(cells, lambda s, p: p.g)
    with pytest.raises(ModelError, match="one number"):
        made.probe(cells, lambda s, p: "v")
    with pytest.raises(NetworkError, match="no part"):
        made.probe(cells, npl.Expression(leak, part="branch"))
    with pytest.raises(NetworkError, match="cells with morphology"):
        made.probe(dendrites, lambda s, p: s.v)
    assert not made.probes
    made.probe(cells, leak)
    npl.Simulation(made).close()


def modulated(dendrites: bool = True) -> npl.Network:
    """Parameters that the probes read change at every tick: one for all, drawn, and of a channel that differs along the cell."""
    made = npl.Network("modulated")
    cells = made.population("cells", LIFExp(e_l=-70 * mV, c_m=npl.Normal(250 * pF, 20 * pF)), N, initial={"v": npl.Uniform(-70 * mV, -56 * mV)})
    made.probe(cells, leak, name="leak", start=0 * ms)
    made.probe(cells, lambda s, p: p.c_m / p.tau_m, name="constant")
    kinetics = npl.FirstOrder(baseline=200 * nM, tau=4 * ms)
    da = made.modulator("da", kinetics, volume=cells, tick=0.7 * ms).receptor("D1", ec50=600 * nM)
    da.modulates(cells, "tau_m", npl.Gain(by=3.0), receptor="D1").modulates(cells, "c_m", npl.Gain(by=-0.5), receptor="D1")
    if dendrites:
        morphology = npl.Cell(npl.Morphology.cable(300 * um, 2 * um), discretisation=npl.FixedCount(3), initial=-65 * mV)
        morphology.paint("all", Leak(), name="leak", g=lambda x: (0.05 + 0.001 * x) * mS / cm**2)
        branches = made.population("dendrites", morphology, 2)
        made.probe(branches, npl.Expression(lambda s, p, x: p.g * (x.v - p.e), part="leak"), name="density")
        na = made.modulator("na", kinetics, volume=branches, tick=0.7 * ms).receptor("a2", ec50=600 * nM)
        na.modulates(branches, "leak.g", npl.Gain(by=2.0), receptor="a2").modulates(branches, "leak.e", npl.Shift(by=10 * mV), receptor="a2")
    return made


def test_modulated_parameters_are_read_as_they_are_in_force():
    """The oracle reads them where it keeps them; 800 nM at 2.1 ms."""
    truth = simulate(modulated(), STEPS * DT, dt=DT, doses={"da": {20: 8e-4}, "na": {20: 8e-4}}).traces
    for threads, chunks in ((1, (20, 40)), (2, (20, 3, 37))):
        with npl.Simulation(modulated(), dt=DT, precision="float64", threads=threads) as simulation:
            for k, steps in enumerate(chunks):
                simulation.step(steps)
                for name in ("da", "na") if not k else ():
                    simulation.modulators[name].release(800 * nM)
            traces = simulation.result().traces
        for name, values in truth.items():
            np.testing.assert_allclose(traces[name].values, values, rtol=1e-9, atol=1e-9, err_msg=name)
    constant = traces["constant"].values
    assert np.all(np.ptp(constant, axis=0) > 0.1 * np.abs(constant).max(axis=0))
    rolled, still = by_rollout(modulated(dendrites=False), DT, steps=STEPS).traces, by_oracle(modulated(dendrites=False), DT, steps=STEPS).traces
    for name, values in still.items():
        np.testing.assert_allclose(rolled[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_modulated_parameters_are_read_after_a_change_and_a_wake(tmp_path):
    """The change, and the checkpoint, between two ticks: what is in force follows from the levels of the last one."""
    acts = {25: [("cells", {"tau_m": np.linspace(8, 12, N) * ms}), ("dendrites", {"leak.e": -60 * mV})]}
    truth = simulate(modulated(), STEPS * DT, dt=DT, settings=acts).traces
    with npl.Simulation(modulated(), dt=DT, precision="float64", threads=2) as simulation:
        simulation.step(25)
        for name, values in acts[25]:
            simulation.set(name, **values)
        path = simulation.checkpoint(tmp_path / "c.h5")
        simulation.step(STEPS - 25)
        traces = simulation.result().traces
    with npl.Simulation(modulated(), dt=DT, precision="float64", threads=1, resume=path) as woken:
        woken.step(STEPS - 25)
        late = woken.result().traces
    for name, values in truth.items():
        np.testing.assert_allclose(traces[name].values, values, rtol=1e-9, atol=1e-9, err_msg=name)
        np.testing.assert_array_equal(late[name].values, traces[name].values[-len(late[name].values) :], err_msg=name)


def test_changed_parameters_are_read_from_then_on():
    """What is recorded has the new values from the step after, also where one number becomes one for each neuron."""
    made = npl.Network("changed")
    cells = made.population("cells", LIFExp(e_l=-70 * mV, c_m=250 * pF), N, initial={"v": npl.Uniform(-70 * mV, -56 * mV)})
    made.probe(cells, leak, name="leak", start=0 * ms)
    made.probe(cells, "v", start=0 * ms)
    tau = np.linspace(8.0, 12.0, N)
    with npl.Simulation(made, dt=DT, precision="float64", threads=2) as simulation:
        simulation.run(1 * ms)
        simulation.set("cells", tau_m=tau * ms)
        traces = simulation.run(2 * ms).traces
    v, expected = traces["cells.v"].values, np.where(np.arange(31)[:, None] <= 10, 10.0, tau)
    np.testing.assert_allclose(traces["leak"].values, 250.0 * (-70.0 - v) / expected, rtol=1e-12)
