"""Every registered neuron: the engine and the rollout do what the oracle does, whatever the threads and the precision.

Registering a model enrols it here; what it is fed stands in `neuropil.zoo.contract`.
"""

from __future__ import annotations

import numpy as np
import pytest

from contract.contract_networks import (
    alone,
    assert_same,
    by_rollout,
    contract_network,
    engine_of,
    error,
    oracle_of,
)
from neuropil.learn import SHAPES
from neuropil.model.base.noise import white
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.registry import neuron, neuron_names

TOLERANCE = 1e-9
"""Of a float64 state, relative to its largest magnitude: rounding, and what an exponential spike upstroke makes of it."""

SINGLE = 1e-3
"""Of a float32 state likewise, root mean square, until the first spike of the network that differs."""

everyone = pytest.mark.parametrize("name", neuron_names())


@everyone
def test_the_contract_drive_reaches_every_port_and_input(name):
    spec, drive = neuron(name)().spec, contract_drive(name)
    assert set(drive.events) == set(spec.ports)
    assert set(drive.currents) == set(spec.inputs) - set(white(spec.inputs))


@everyone
def test_the_contract_network_is_alive(name):
    truth, drive = oracle_of(name), contract_drive(name)
    for population in ("alone", "wired"):
        spikes = truth.spikes.of(population)
        assert (len(spikes) >= 3) == drive.spikes, population
        assert len(spikes) < 0.5 * spikes.size(population) * truth.spikes.step.max(), "saturated"


@everyone
def test_engine_equals_oracle(name):
    assert_same(engine_of(name), oracle_of(name), TOLERANCE)


@everyone
def test_rollout_equals_oracle(name):
    assert_same(by_rollout(contract_network(name), contract_drive(name).dt), oracle_of(name), TOLERANCE)


@everyone
def test_a_surrogate_leaves_the_forward_run_as_it_is(name):
    shape = sorted(SHAPES)[neuron_names().index(name) % len(SHAPES)]
    run, truth = by_rollout(alone(name), contract_drive(name).dt, surrogate=shape, reset_gradient=True), oracle_of(name)
    assert run.spikes.of("alone") == truth.spikes.of("alone")
    for probe, values in run.traces.items():
        assert error(values, truth.traces[probe]) <= TOLERANCE, probe


IN_SINGLE = ("lif_exp", "lif_cond_alpha", "hodgkin_huxley", "gif", "branch_neuron")
"""Neurons that are tested by default in single precision, too: one of each kind of kernel."""


@pytest.mark.parametrize(
    ("name", "precision"),
    [(n, "float64") for n in neuron_names()]
    + [pytest.param(n, "float32", marks=() if n in IN_SINGLE else pytest.mark.slow) for n in neuron_names()],
)
def test_threads_do_not_matter(name, precision):
    one = engine_of(name, precision, 1)
    for threads in (2, 4):
        other = engine_of(name, precision, threads)
        assert other.spikes.digest() == one.spikes.digest(), threads
        for probe, values in one.traces.items():
            np.testing.assert_array_equal(other.traces[probe], values, err_msg=f"{probe}, {threads} threads")


@pytest.mark.parametrize("name", [n if n in IN_SINGLE else pytest.param(n, marks=pytest.mark.slow) for n in neuron_names()])
def test_single_precision_stays_close(name):
    """Spike counts within 5 % (or 3), states within `SINGLE`; no spike moves in the first fifth of the run."""
    single, double = engine_of(name, "float32"), engine_of(name)
    for population in ("alone", "wired"):
        a, b = len(single.spikes.of(population)), len(double.spikes.of(population))
        assert abs(a - b) <= max(3, 0.05 * b), population
    same = first_difference(single.spikes, double.spikes)
    assert same > 0.2 * next(iter(double.traces.values()), np.zeros((1, 1))).shape[0]
    for probe, values in double.traces.items():
        rms = np.sqrt(np.mean((single.traces[probe][: same - 1] - values[: same - 1]) ** 2))
        assert rms <= SINGLE * np.abs(values).max(), (probe, rms)


def first_difference(a, b) -> int:
    """The first step whose spikes differ between two runs; past the end if there is none."""
    pairs = [set(zip(s.step.tolist(), s.neuron.tolist(), strict=True)) for s in (a, b)]
    return min((step for step, _ in pairs[0] ^ pairs[1]), default=1 << 40)
