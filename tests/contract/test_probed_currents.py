"""Inputs, events and currents by name, from t = 0 on: engine, oracle and rollout record the same.

Why to believe it: three executors that share no code for them; conservation of charge; the currents that stimuli inject are known; a membrane's
currents add up to what its definition says.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import by_engine, by_oracle, by_rollout, error
from neuropil.errors import ModelError, NetworkError
from neuropil.units import Hz, cm, kHz, mm, mS, ms, mV, nS, pA, pF, um
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane, SquidSodium
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp
from neuropil.zoo.neurons.branch_neuron import NMDADendrite
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.ampa import AMPA

DT, STEPS = 0.05 * ms, 100
ELECTRODES = np.array([[20.0, 0.0, 0.0], [100.0, 50.0, -20.0], [0.0, 0.0, 3.0]])
NAMES = ("v", "hh.m", "i_hh", "i_hh.na", "i_na", "i_membrane", "i_axial", "i_injected", "i_syn", "i_clamp", "i_vc", "clamp.amplitude", "syn.exc")


def cell() -> npl.Cell:
    made = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(3))
    made.paint("all", HodgkinHuxleyMembrane(g_na=npl.Uniform(100 * mS / cm**2, 120 * mS / cm**2)), name="hh").paint("soma", SquidSodium(g=10 * mS / cm**2), name="extra")
    return made.place("clamp", CurrentClamp(), "soma(0.5)").place("syn", AMPA(), ["dend(0.5)", "dend(0.9)"]).place("vc", VoltageClamp(), "dend(1)")


@cache
def network() -> npl.Network:
    made = npl.Network("currents")
    points = made.population("points", LIFExp(c_m=npl.Normal(250 * pF, 20 * pF)), 4)
    made.stimulate(points, npl.Step(300 * pA, start=0.2 * ms), input="current")
    made.stimulate(points, npl.Poisson(20 * kHz), port="exc", weight=60 * pA)
    made.project(points, points, npl.AllToAll(), weight=30 * pA, delay=0.3 * ms, port="exc")
    made.probe(points, "current", start=0 * ms)
    made.probe(points, lambda w: w.exc, name="events")
    made.probe(points, lambda s, x, p: p.derivative(s, x)["v"], name="slope", interval=0.5 * ms, start=0 * ms)
    made.probe(points[2:], "v", name="late", interval=0.3 * ms, start=1 * ms)
    branched = made.population("branched", npl.Branched(LIFExp(), NMDADendrite(), 2, into="current", reads={"v_soma": "v"}), 3)
    made.stimulate(branched, npl.Poisson(4 * kHz), port="branch.exc", weight=1 * nS)
    made.probe(branched, "current", start=0 * ms, name="into somas")
    made.probe(branched, npl.Expression(lambda s, x, p: p.output(s, x), part="branch", name="output"), start=0 * ms)
    cells = made.population("cells", cell(), 3, positions=np.array([[0, 0, 0], [60, 0, 0], [0, 30, 80]]) * um)
    made.stimulate(cells, npl.Step(200 * pA, start=0.5 * ms), input="clamp.amplitude")
    made.stimulate(cells[1], npl.Step(-50 * mV, start=1 * ms, stop=3 * ms), input="vc.command")
    made.stimulate(cells, npl.Poisson(3000 * Hz), port="syn.exc", weight=1 * nS)
    for name in NAMES:
        made.probe(cells, name, start=0 * ms)
    made.probe(cells, npl.Expression(lambda s, x, p: p.current(s, x), part="hh"), name="at the soma", at="soma(0.5)", interval=0.2 * ms, start=0.6 * ms)
    made.probe(cells, "i_syn", at="dend(0.9)", name="one site")
    turned = np.array([np.eye(3), np.diag([-1.0, -1.0, 1.0]), np.roll(np.eye(3), 1, axis=0)])
    made.probe(cells, npl.LineSource(ELECTRODES * um, rotations=turned), interval=0.1 * ms, start=0 * ms, name="potential")
    made.probe(cells[1:], npl.PointSource(ELECTRODES * um, conductivity=0.2 * mS / mm), name="some")
    return made


@cache
def run_of(executor: str) -> dict[str, np.ndarray]:
    return {"oracle": by_oracle, "engine": by_engine, "rollout": by_rollout}[executor](network(), DT, steps=STEPS).traces


@pytest.mark.parametrize("executor", ["engine", "rollout"])
def test_executors_agree(executor):
    traces = run_of(executor)
    assert set(traces) == set(run_of("oracle"))
    for name, truth in run_of("oracle").items():
        assert traces[name].shape == truth.shape, name
        np.testing.assert_array_equal(np.isnan(traces[name]), np.isnan(truth))
        close = 1e-9 if name in ("potential", "some") else 1e-10  # the engine adds potentials up in units of 2⁻⁴⁰ mV
        assert np.nanmax(np.abs(truth)) > 0 and error(np.nan_to_num(traces[name]), np.nan_to_num(truth)) < close, name


def test_threads_chunks_and_resume(tmp_path):
    truth = {n: t for n, t in npl.run(network(), STEPS * DT, dt=DT, precision="float64", threads=1).traces.items()}
    with npl.Simulation(network(), dt=DT, precision="float64", threads=3) as simulation:
        for steps in (1, 2, 37):
            simulation.run(steps * DT)
        path = simulation.checkpoint(tmp_path / "half")
    with npl.Simulation(network(), dt=DT, precision="float64", threads=2, resume=path) as simulation:
        later = simulation.run((STEPS - 40) * DT).traces
    whole = npl.run(network(), STEPS * DT, dt=DT, precision="float64", threads=2).traces
    for name, trace in truth.items():
        assert np.array_equal(trace.values, whole[name].values, equal_nan=True) and np.array_equal(trace.times_ms, whole[name].times_ms), name
        np.testing.assert_array_equal(trace.values[-len(later[name].values) :], later[name].values)
        np.testing.assert_array_equal(trace.times_ms[-len(later[name].values) :], later[name].times_ms)


def test_charge_is_conserved():
    """What is injected leaves through the membrane, at every time; nodes without membrane let nothing out; known currents."""
    traces = run_of("engine")
    through, brought = (traces[f"cells.{n}"].reshape(STEPS + 1, 3, -1) for n in ("i_membrane", "i_injected"))
    np.testing.assert_allclose(through.sum(axis=2), brought.sum(axis=2), atol=1e-8)
    assert np.abs(through[:, :, ~cell().compartments.has_membrane]).max() < 1e-8 < np.abs(through).max()
    np.testing.assert_array_equal(traces["cells.i_clamp"][:, 0], np.where(np.arange(-1, STEPS) >= 10, -200.0, 0.0))
    np.testing.assert_array_equal(traces["points.current"][:, 0], np.where(np.arange(-1, STEPS) >= 4, 300.0, 0.0))
    clamped, v = traces["cells.i_vc"][:, 1], traces["cells.v"].reshape(STEPS + 1, 3, -1)[:, 1, cell().compartments.at("dend", 1.0)]
    np.testing.assert_allclose(clamped, np.where((np.arange(-1, STEPS) >= 20) & (np.arange(-1, STEPS) < 60), v + 50.0, 0.0) / 1e-3, atol=1e-7)


def test_ionic_and_capacitive_currents_make_up_the_membrane():
    """As the step shrinks: i_membrane is the sum of channels and synapses and of C dv/dt (the implicit step evaluates at its end)."""
    left = []
    for dt in (0.02, 0.01):
        net = npl.Network("sum")
        cells = net.population("cells", cell().with_(hh__g_na=120 * mS / cm**2), 1)
        net.stimulate(cells, npl.Step(300 * pA), input="clamp.amplitude")
        net.stimulate(cells, npl.Step(-60 * mV, start=50 * ms), input="vc.command")
        for name in ("v", "i_hh", "i_extra", "i_membrane"):
            net.probe(cells, name, interval=dt * ms, name=name)
        traces = {n: t.values for n, t in npl.run(net, 4 * ms, dt=dt * ms, precision="float64").traces.items()}
        made = cell().compartments
        ionic = (np.nan_to_num(traces["i_hh"]) + np.nan_to_num(traces["i_extra"])) * made.area
        capacitive = made.capacitance * np.diff(traces["v"], axis=0) / dt
        left.append(np.abs(traces["i_membrane"][1:] - ionic[1:] - capacitive).max())
    assert 1.9 < left[0] / left[1] < 2.1


def test_refused():
    made = npl.Network("refused")
    cells = made.population("cells", cell(), 2)
    points = made.population("points", LIFExp(), 2)
    for target, name in ((cells, "i_ca"), (points, "i_membrane"), (points, "w")):
        with pytest.raises(NetworkError, match=f"no {name!r} to record"):
            made.probe(target, name)
    with pytest.raises(ModelError, match="by these names"):
        made.probe(points, lambda a, b: a.v)
    with pytest.raises(NetworkError, match="start must be 0 or later"):
        made.probe(points, "v", start=-1 * ms)
    with pytest.raises(NetworkError, match="no i_syn at this location"):
        made.probe(cells, "i_syn", at="soma(0.5)")
    with pytest.raises(NetworkError, match="that of an ion"):
        made.probe(made.population("both", cell().paint("soma", SquidSodium(), name="na"), 1), "i_na")
    made.probe(points, "v", start=0.05 * ms)
    with pytest.raises(NetworkError, match="not a multiple of the time step"):
        npl.Simulation(made, dt=0.1 * ms)
