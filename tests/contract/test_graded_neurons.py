"""Every registered neuron with states sends them, and every one with inputs receives, by graded transmission: engine and rollout as the oracle.

Registering a model enrols it here; what it is fed stands in `neuropil.zoo.contract`. Several neurons share the kernels that other tests compile.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from contract.contract_networks import by_engine, by_oracle, by_rollout
from neuropil import maths
from neuropil.model.neuron.composite import split
from neuropil.units import Quantity
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.registry import neuron, neuron_names

STEPS, SIZE = 150, 5
KINDS = ("lif_exp", "hodgkin_huxley", "branch_neuron", "rate_unit", "ctrnn_unit", "echo_state_unit")
"""Tested by default: one of each kind of kernel, and the rate units."""


def sent(name: str):
    """A bounded function of all states of the soma, and of the first parameter."""
    spec = next(p for n, p in npl.Network("n").population("p", neuron(name)(), 1).parts.items() if n == "").model.spec

    def value(s, p):
        total = sum(getattr(s, n) / Quantity(10.0, d) for n, d in spec.state_dimensions.items())
        first = next(iter(spec.parameters.items()), None)
        return maths.tanh(total if first is None else total + getattr(p, first[0]) / Quantity(1e6, first[1]))

    return value


def network(name: str) -> npl.Network:
    """Neurons that drive each other and readouts, which drive them."""
    made, drive = npl.Network("graded"), contract_drive(name)
    cells = made.population("cells", neuron(name)(), SIZE)
    read = made.population("read", LeakyReadout(), 3)
    drive.apply(made, cells)
    spec, random = cells.neuron.spec, np.random.default_rng(2)
    if any(split(n)[0] == "" for n in spec.states):
        f = sent(name)
        made.project(cells, read, npl.AllToAll(), weight=random.normal(size=(SIZE, 3)), delay=2 * drive.dt, input="drive", synapse=npl.Graded(f))
        made.probe(read, "y", name="read")
        for entry, amplitude in drive.currents.items():
            where = f"{entry}[0]" if cells.sites(entry) > 1 else entry
            made.project(cells, cells, npl.FixedProbability(0.5), weight=0.1 * amplitude, delay=0 * drive.dt, input=where, synapse=npl.Graded(f))
            made.project(read, cells, npl.AllToAll(), weight=0.1 * amplitude, delay=0 * drive.dt, input=where, synapse=npl.Graded())
    for n in spec.states:
        made.probe(cells, n, name=n)
    return made


@pytest.mark.parametrize("name", [n if n in KINDS else pytest.param(n, marks=pytest.mark.slow) for n in neuron_names()])
def test_every_neuron_sends_and_receives(name):
    described, dt = network(name), contract_drive(name).dt
    truth = by_oracle(described, dt, STEPS)
    if described.graded:
        assert np.abs(truth.traces["read"]).max() > 0.0
    one = by_engine(described, dt, steps=STEPS)
    np.testing.assert_array_equal(one.spikes.neuron, truth.spikes.neuron)
    other = by_engine(described, dt, threads=2, steps=STEPS)
    rolled = by_rollout(described, dt, STEPS)
    for probe, values in truth.traces.items():
        scale = np.abs(values).max(initial=1e-300)
        np.testing.assert_allclose(one.traces[probe] / scale, values / scale, rtol=0, atol=1e-9, err_msg=probe)
        np.testing.assert_array_equal(one.traces[probe], other.traces[probe], err_msg=probe)
        np.testing.assert_allclose(rolled.traces[probe] / scale, values / scale, rtol=0, atol=1e-9, err_msg=probe)
