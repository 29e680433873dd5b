"""Spike for spike what NEST does, in float64, on networks with explicit connections.

A hundred neurons, random weights, delays of 0.1 to 4 ms, an input train and a constant current for each, 0.5 s. NEST's
spikes are kept in ``nest_spikes.npz``; ``tests/peer/test_nest.py`` makes them anew where NEST is installed.
"""

from __future__ import annotations

import numpy as np
import pytest

from golden.nest_networks import DT, Comparison, load, names
from neuropil.engine import run
from neuropil.model import Network

EXACT = [n for n in names() if not n.startswith("cond")]
CONDUCTANCE = [n for n in names() if n.startswith("cond")]


def spikes(network: Network, case: Comparison, **options: object) -> tuple[np.ndarray, np.ndarray]:
    found = run(network, case.duration, dt=DT, seed=1, threads=2, **{"precision": "float64", **options}).spikes  # type: ignore[arg-type]
    return found.step, found.neuron


def trains(step: np.ndarray, neuron: np.ndarray, size: int) -> list[np.ndarray]:
    return [step[neuron == i] for i in range(size)]


def test_the_file_holds_every_current_based_and_conductance_based_model() -> None:
    assert {n.split("_equal")[0] for n in names()} == {"exp", "alpha", "delta", "cond_exp", "cond_alpha"}


@pytest.mark.parametrize("name", names())
def test_neurons_interact(name: str) -> None:
    """Without its synapses a network fires differently, so equality is about synapses and delays too."""
    case = load(name)
    case.network.projections.clear()
    step, neuron = spikes(case.network, case)
    assert case.step.size > 500
    assert set(zip(step, neuron, strict=True)) ^ set(zip(case.step, case.neuron, strict=True))


@pytest.mark.parametrize("name", EXACT)
def test_currents_are_spike_for_spike_equal(name: str) -> None:
    """Exponential, alpha and delta synapses; also where a synapse's time constant equals the membrane's."""
    case = load(name)
    step, neuron = spikes(case.network, case)
    np.testing.assert_array_equal(step, case.step)
    np.testing.assert_array_equal(neuron, case.neuron)


@pytest.mark.parametrize("name", CONDUCTANCE)
def test_conductances_within_a_step(name: str) -> None:
    """As many spikes in every neuron, each within one step of NEST's.

    Both integrate numerically: NEST by adaptive Runge-Kutta-Fehlberg with a tolerance of 0.001 mV and nS per step,
    neuropil by fourth-order Runge-Kutta with the fixed step. The connections lead from one half of the neurons to the
    other, so that a spike moved by a step moves nothing that comes back to it.
    """
    case = load(name)
    mine = trains(*spikes(case.network, case), case.neurons)
    theirs = trains(case.step, case.neuron, case.neurons)
    assert [t.size for t in mine] == [t.size for t in theirs]
    assert max(int(np.abs(a - b).max(initial=0)) for a, b in zip(mine, theirs, strict=True)) <= 1


@pytest.mark.parametrize("name", EXACT)
def test_float32_stays_close(name: str) -> None:
    """With 24 bits of state and 16-bit weights: at least 95 % of the spikes are the same to the step."""
    case = load(name)
    step, neuron = spikes(case.network, case, precision="float32")
    mine, theirs = (
        set(zip(s.tolist(), n.tolist(), strict=True)) for s, n in ((step, neuron), (case.step, case.neuron))
    )
    assert len(mine & theirs) >= 0.95 * len(theirs)
