"""Point processes that use and feed ions, kinetic schemes, cells that differ and start apart: engine, rollout and oracle do
the same, whatever the threads, and what must hold of them by itself holds."""

from __future__ import annotations

import numpy as np
import pytest

from contract.contract_networks import by_rollout
from contract.ion_cells import CELLS, DT, STEPS, engine_ions, ions, oracle_ions
from contract.test_cells import assert_close, outcome
from neuropil.engine import Simulation

ROLLED = 1e-9
"""Relative, of the rollout: JAX's matrix exponential against SciPy's, over 400 steps with spikes."""


def test_every_state_is_the_oracles():
    run, truth = engine_ions(), oracle_ions()
    np.testing.assert_array_equal(run.spikes.step, truth.spikes.step)
    assert len(truth.spikes.step) >= 3
    for name, values in truth.traces.items():
        assert_close(run.traces[name], values, name)
        assert np.nanmax(np.ptp(values, axis=0)) > 1e-3 * np.nanmax(np.abs(values)), f"{name} does not move"


def test_the_rollout_is_the_oracles():
    run, truth = by_rollout(ions(), DT, STEPS), oracle_ions()
    np.testing.assert_array_equal(run.spikes.step, truth.spikes.step)
    for name, values in truth.traces.items():
        np.testing.assert_array_equal(np.isnan(run.traces[name]), np.isnan(values))
        worst = np.nanmax(np.abs(run.traces[name] - values)) / np.nanmax(np.abs(values))
        assert worst <= ROLLED, (name, worst)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_bits_do_not_depend_on_threads_even_with_fewer_cells_than_those(threads):
    run = engine_ions()
    other = engine_ions(threads)
    np.testing.assert_array_equal(other.spikes.step, run.spikes.step)
    for name, values in run.traces.items():
        np.testing.assert_array_equal(other.traces[name], values, err_msg=name)


def test_resuming_is_bit_exact(tmp_path):
    straight = outcome(Simulation(ions(), dt=DT, threads=1).run(STEPS * DT))
    Simulation(ions(), dt=DT, threads=2, out=tmp_path).run(150 * DT, checkpoint_every=100 * DT)
    resumed = Simulation(ions(), dt=DT, threads=3, out=tmp_path, resume=tmp_path)
    assert outcome(resumed.run_until(STEPS * DT)) == straight


def test_occupancies_keep_their_sum_and_stay_occupancies():
    """To rounding, through spikes and in every compartment."""
    traces = engine_ions().traces
    four = np.array([traces[f"cells.Markov.{n}"] for n in ("c1", "c2", "o", "d")])
    assert np.nanmax(np.abs(four.sum(axis=0) - 1)) < 1e-13
    assert np.nanmin(four) > 0 and np.nanmax(four) < 1
    two = np.array([traces[f"cells.TwoOfThree.{n}"] for n in ("c2", "o")])
    assert np.nanmin(two) > 0 and np.nanmax(two.sum(axis=0)) < 1


def test_cells_begin_in_balance_at_their_own_potentials():
    """The rates of all states that start at rest are zero at the potential that the population drew for each compartment."""
    simulation = Simulation(ions(), dt=DT, threads=2)
    v = simulation.state("cells", "v").value.reshape(CELLS, -1)
    assert np.ptp(v) > 1
    at = {n: simulation.state("cells", f"TwoOfThree.{n}").value.reshape(CELLS, -1) for n in ("c2", "o")}
    a, b = 2 / (1 + np.exp(-(v + 30) / 8)), 40 * np.exp(-v / 40)
    k = a / b
    for n, expected in (("c2", k / (1 + k + k**2)), ("o", k**2 / (1 + k + k**2))):
        there = ~np.isnan(at[n])
        np.testing.assert_allclose(at[n][there], expected[there], rtol=1e-12)
    m = simulation.state("cells", "HodgkinHuxleyMembrane.m").value.reshape(CELLS, -1)[:, 0]
    u = (v[:, 0] + 40) / 10
    alpha, beta = u / -np.expm1(-u), 4 * np.exp(-(v[:, 0] + 65) / 18)
    np.testing.assert_allclose(m, alpha / (alpha + beta), rtol=1e-12)
