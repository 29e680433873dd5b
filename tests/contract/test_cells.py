"""Cells with every registered channel and point process: the engine does what the oracle does, whatever the threads,
the cells per block, the chunks of the run and the instruction set.

Registering a mechanism enrols it here. All sit in one cell, since every kernel costs seconds to compile.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from contract.cell_networks import CELLS, CURRENTS, DT, SITES, STEPS, engine_everything, everything, oracle_everything
from neuropil.engine import Simulation
from neuropil.engine.cells import arrays as cells
from neuropil.errors import CheckpointError
from neuropil.model.base.noise import is_white
from neuropil.result import Result
from neuropil.zoo.registry import CHANNELS, POINT_PROCESSES, channel, point_process

TOLERANCE = 1e-11
"""Of a float64 state after 20 ms, relative to its largest magnitude. Measured: 3e-14, roundings, which the
upstroke of a spike magnifies a hundredfold and the reset of the gates behind it forgets. A scheme that differs in one gate
shows: a gate by Runge-Kutta instead of exponential Euler gave 2e-9.
"""

MECHANISMS = (*CHANNELS, *POINT_PROCESSES)


def states_of(name: str) -> list[str]:
    model = (channel if name in CHANNELS else point_process)(name)
    return [f"cells.{name}.{state}" for state in model.spec.states]


def assert_close(values: np.ndarray, truth: np.ndarray, label: str) -> None:
    """NaN in the same elements, and everything else within the tolerance of the largest magnitude."""
    np.testing.assert_array_equal(np.isnan(values), np.isnan(truth), err_msg=label)
    worst = np.nanmax(np.abs(values - truth)) / max(np.nanmax(np.abs(truth)), 1e-300)
    assert worst <= TOLERANCE, (label, worst)


# --- against the oracle ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_mechanism_is_at_work(name):
    """Each of its states moves by a thousandth of its size at least; an electrode is told something, or has noise of its own."""
    for probe in states_of(name):
        values = oracle_everything().traces[probe]
        assert np.nanmax(np.ptp(values, axis=0)) > 1e-3 * np.nanmax(np.abs(values)), probe
    model = (channel if name in CHANNELS else point_process)(name)
    if name in POINT_PROCESSES and not model.spec.ports:
        assert any(map(is_white, model.spec.inputs)) or CURRENTS[name][0] in model.spec.inputs


@pytest.mark.parametrize("name", MECHANISMS)
def test_states_equal_the_oracle(name):
    for probe in states_of(name):
        assert_close(engine_everything().traces[probe], oracle_everything().traces[probe], probe)


def test_spikes_and_all_other_states_equal_the_oracle():
    run, truth = engine_everything(), oracle_everything()
    for population in ("cells", "points", "branched"):
        assert len(truth.spikes.of(population)) >= 3, population
    np.testing.assert_array_equal(run.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(run.spikes.neuron, truth.spikes.neuron)
    for probe, values in truth.traces.items():
        assert_close(run.traces[probe], values, probe)


# --- against itself --------------------------------------------------------------------------------------------------


def digest(traces: dict[str, np.ndarray]) -> str:
    made = hashlib.sha256()
    for name in sorted(traces):
        made.update(np.ascontiguousarray(traces[name]).tobytes())
    return made.hexdigest()


def outcome(result: Result) -> tuple[str, str]:
    return result.spikes.digest(), digest({name: t.values for name, t in result.traces.items()})


@pytest.fixture(scope="module")
def straight() -> tuple[str, str]:
    run = engine_everything()
    return run.spikes.digest(), digest(run.traces)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("lanes", [1, 2, 64])
def test_bits_depend_neither_on_threads_nor_on_cells_per_block(straight, monkeypatch, threads, lanes):
    """Blocks of two leave one of five cells beside an empty lane."""
    monkeypatch.setattr(cells, "NARROWEST", lanes)
    monkeypatch.setattr(cells, "WIDEST", lanes)
    assert cells.cells_side_by_side(CELLS, 10, 30, 8) == min(lanes, CELLS)
    assert outcome(Simulation(everything(), dt=DT, threads=threads).run(STEPS * DT)) == straight


def test_chunks_and_single_steps_are_the_same_run(straight):
    simulation = Simulation(everything(), dt=DT, threads=2)
    for n in (1, 1, 2, 3, 293):
        simulation.step(n)
    assert outcome(simulation.run_until(STEPS * DT)) == straight


@pytest.mark.parametrize("threads", [1, 3])
def test_resuming_is_bit_exact(straight, tmp_path: Path, threads):
    Simulation(everything(), dt=DT, threads=2, out=tmp_path).run(9 * 40 * DT, checkpoint_every=120 * DT)
    resumed = Simulation(everything(), dt=DT, threads=threads, out=tmp_path, resume=tmp_path)
    assert 0 < resumed.core.step < STEPS
    assert outcome(resumed.run_until(STEPS * DT)) == straight


def test_states_can_be_read_and_set(straight):
    """By "v", "channel.state" and "point.state"; setting what was read changes nothing, NaN where a channel is absent included."""
    simulation = Simulation(everything(), dt=DT, threads=2)
    simulation.step(100)
    for state in ("v", "h_current.m", "calcium_pool.c_ca", "nmda.rising"):
        values = simulation.state("cells", state)
        simulation.set_state("cells", state, values)
        np.testing.assert_array_equal(simulation.state("cells", state).value, values.value)
    cell = simulation.network["cells"].neuron
    absent = np.isnan(simulation.state("cells", "h_current.m").value.reshape(CELLS, -1))
    np.testing.assert_array_equal(absent, np.tile(~cell.channels["h_current"], (CELLS, 1)))
    assert simulation.state("cells", "nmda.rising").value.size == len(SITES) * CELLS
    assert outcome(simulation.run_until(STEPS * DT)) == straight


def test_a_checkpoint_knows_where_synapses_sit(tmp_path: Path):
    path = Simulation(everything(), dt=DT, threads=1).checkpoint(tmp_path / "c.h5")
    other = everything()
    moved = other["cells"].neuron.placed["nmda"].compartments
    moved[0] = moved[1]
    with pytest.raises(CheckpointError, match="another network"):
        Simulation(other, dt=DT, threads=1, resume=path)


_OUTCOME = """
from contract.cell_networks import DT, STEPS, everything
from contract.test_cells import outcome
from neuropil.engine import run
print(*outcome(run(everything(), STEPS * DT, dt=DT, threads=2)))
"""


@pytest.mark.slow
def test_bits_do_not_depend_on_the_instruction_set(straight):
    """Compiled again for a processor without AVX or FMA: every spike and every bit of every state."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the plainest x86-64 can only be tried on an x86-64")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    printed = subprocess.run([sys.executable, "-c", _OUTCOME], env=env, capture_output=True, text=True, check=True).stdout
    assert tuple(printed.split()) == straight
