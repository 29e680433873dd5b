"""Every registered neuron: parameters set at t = 0 give, to the last bit, what a network does that is described with these values.

Why to believe it: the two simulations share nothing but the kernels; the second never knew other values.
"""

from __future__ import annotations

import numpy as np
import pytest

from contract.contract_networks import alone
from neuropil.engine import Simulation
from neuropil.model.neuron.composite import split
from neuropil.model.neuron.neuron import Neuron
from neuropil.units import Quantity
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.registry import neuron, neuron_names

STEPS = 300


def others(population, spread=False):
    """Other values of all parameters that are not 0, as arrays if `spread`; a refractory period stays on the grid."""
    made = {}
    for part, model in population.models.items():
        for k, name in enumerate(model.spec.parameters):
            value = getattr(model, name)
            if not isinstance(value, Quantity) or np.ndim(value.value) or value.value == 0.0:
                continue
            full = f"{part}.{name}" if part else name
            sites = population.parts[part].sites
            if name == getattr(type(model), "refractory", None):
                made[full] = 2 * value
            else:
                made[full] = value * (np.linspace(1.0, 1.01 + 0.001 * k, population.size * sites) if spread else 1.01 + 0.001 * k)
    return made


def run(network, dt, precision, values=None):
    with Simulation(network, dt=dt, precision=precision, threads=1) as sim:
        if values is not None:
            sim.set("alone", **values)
        sim.step(STEPS)
        result = sim.result()
        states = {n: sim.state("alone", n).value for n in network["alone"].neuron.spec.states}
    return result, states


def check(name, precision, spread):
    network, dt = alone(name), contract_drive(name).dt
    values = others(network["alone"], spread)
    described = network.replace(populations={"alone": {n.replace(".", "__") if split(n)[0] else n: v for n, v in values.items()}})
    (changed, states), (truth, expected) = run(network, dt, precision, values), run(described, dt, precision)
    plain, _ = run(network, dt, precision)
    if values and truth.traces:
        assert any(not np.array_equal(plain.traces[n].values, t.values) for n, t in truth.traces.items()), "the values matter"
    np.testing.assert_array_equal(changed.spikes.step, truth.spikes.step)
    for probe, trace in truth.traces.items():
        np.testing.assert_array_equal(changed.traces[probe].values, trace.values, err_msg=probe)
    for state, end in expected.items():
        np.testing.assert_array_equal(states[state], end, err_msg=state)


WITH_PARAMETERS = [n for n in neuron_names() if neuron(n)().spec.parameters or not isinstance(neuron(n)(), Neuron)]


@pytest.mark.parametrize("name", WITH_PARAMETERS)
def test_set_at_the_start_is_described(name):
    check(name, "float64", spread=False)


AS_ARRAYS = ("lif_exp", "branch_neuron")
"""Neurons whose kernels with arrays are compiled by default."""


@pytest.mark.parametrize("name", [n if n in AS_ARRAYS else pytest.param(n, marks=pytest.mark.slow) for n in WITH_PARAMETERS])
def test_arrays_set_at_the_start_are_described(name):
    check(name, "float32", spread=True)
