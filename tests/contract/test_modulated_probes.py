"""Currents and potentials that are added up of mechanisms whose parameters a modulator changes: engine and oracle record the same.

Why to believe it: two executors that share no code for them; what an electrode injects is known from its potential, its command and its resistance, which is
that of the modulator's level; what is injected leaves through the membrane; a potential is a sum of the recorded currents.
"""

from __future__ import annotations

from functools import cache

import numpy as np

import neuropil as npl
from contract.contract_networks import by_engine, by_oracle, error
from contract.test_probed_currents import ELECTRODES, cell
from neuropil.units import Hz, ms, mV, nM, nS, pA, um
from neuropil.zoo.neurons.poisson_source import PoissonSource

DT, STEPS, TICK = 0.05 * ms, 80, 4
COMMAND = -40.0
NAMES = ("v", "i_na", "i_membrane", "i_injected", "i_vc")


@cache
def network() -> npl.Network:
    made = npl.Network("modulated probes")
    nucleus = made.population("nucleus", PoissonSource(rate=500 * Hz), 6)
    cells = made.population("cells", cell(), 3, positions=np.array([[0, 0, 0], [60, 0, 0], [0, 30, 80]]) * um)
    made.stimulate(cells, npl.Step(np.array([200.0, 50.0, 400.0]) * pA, start=0.5 * ms), input="clamp.amplitude")
    made.stimulate(cells, npl.Step(COMMAND * mV), input="vc.command")
    made.project(nucleus, cells, npl.AllToAll(), weight=1 * nS, delay=0.3 * ms, port="syn.exc")
    for name in NAMES:
        made.probe(cells, name, start=0 * ms, name=name)
    made.probe(cells, npl.LineSource(ELECTRODES * um), start=0 * ms, name="potential")
    made.probe(cells[[2, 0]], "i_na", interval=0.2 * ms, start=1 * ms, name="later")
    m = made.modulator("m", npl.FirstOrder(baseline=50 * nM, tau=3 * ms), volume=cells, tick=TICK * DT).released_by(nucleus, 200 * nM)
    m.modulates(cells, "hh.g_na", npl.Gain(by=-0.4 / (1000 * nM))).modulates(cells, "extra.g", npl.Gain(by=0.3 / (1000 * nM)))
    m.modulates(cells, "vc.r_series", npl.Gain(by=0.5 / (1000 * nM)))
    return made


@cache
def run_of(executor: str) -> dict[str, np.ndarray]:
    return {"oracle": by_oracle, "engine": by_engine}[executor](network(), DT, steps=STEPS).traces


def test_engine_equals_the_oracle():
    traces, truth = run_of("engine"), run_of("oracle")
    assert set(traces) - {"m"} == set(truth)
    for name, values in truth.items():
        np.testing.assert_array_equal(np.isnan(traces[name]), np.isnan(values))
        assert np.nanmax(np.abs(values)) > 0 and error(np.nan_to_num(traces[name]), np.nan_to_num(values)) < 1e-9, name


def test_what_an_electrode_injects_follows_its_modulated_resistance():
    traces, made = run_of("engine"), cell().compartments
    v, through, brought = (traces[n].reshape(STEPS + 1, 3, -1) for n in ("v", "i_membrane", "i_injected"))
    resistance = (v[:, :, made.at("dend", 1.0)] - COMMAND)[1:] / traces["i_vc"][1:] * 1e3  # MΩ, of 1 without modulator
    assert resistance.min() > 1.02 and np.ptp(resistance) > 0.1  # at the baseline 1.025
    held = resistance.reshape(-1, TICK, 3)  # between two ticks nothing changes
    np.testing.assert_allclose(np.ptp(held, axis=(1, 2)), 0.0, atol=1e-7)  # and one level holds for all cells
    np.testing.assert_allclose(through.sum(axis=2), brought.sum(axis=2), atol=1e-7)


def test_a_potential_is_the_sum_of_recorded_currents():
    (probe,) = (p for p in network().probes if p.name == "potential")
    through = run_of("engine")["i_membrane"].reshape(STEPS + 1, 3, -1)
    expected = sum(through[:, c] @ probe.matrix(c).T for c in range(3))
    np.testing.assert_allclose(run_of("engine")["potential"], expected, atol=1e-9 * np.abs(expected).max())


def test_threads_do_not_matter():
    other = by_engine(network(), DT, threads=3, steps=STEPS).traces
    for name, values in run_of("engine").items():
        np.testing.assert_array_equal(other[name], values)
