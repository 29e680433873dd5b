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
from neuropil.units import Quantity, ms, mV, nS, pA, pF, um
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.electrodes.current_clamp import CurrentClamp
from neuropil.zoo.neurons.lif import LIFExp
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
    if described.graded and any(np.any(values) for probe, values in truth.traces.items() if probe != "read"):  # a relay's state is 0 after each step
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


class Passive(npl.Branch):
    """A leaky branch with an input."""

    c_m: npl.Capacitance = 20 * pF
    g_c: npl.Conductance = 3 * nS

    v = npl.State(-70 * mV)
    current = npl.Input(pA)
    v_soma = npl.Input(mV)

    def derivative(self, s, x):
        return {"v": (1 * nS * (-70 * mV - s.v) - self.output(s, x) + x.current) / self.c_m}

    def output(self, s, x):
        return self.g_c * (s.v - x.v_soma)


def release(s, p):
    return maths.sigmoid((s.v + 66 * mV) / (2 * mV))


def on_cells():
    """From a location on cells with morphology to branches at drawn sites and at one, and back from somas to a location."""
    made = npl.Network("on_cells")
    build = npl.Morphology.builder("ball and stick")
    build.section("soma", kind="soma", length=20 * um, diameter=18 * um)
    build.section("stick", kind="apical", length=120 * um, diameter=[3, 1.5] * um, parent="soma")
    cell = npl.Cell(build.build(), discretisation=npl.FixedCount(3), initial=-68 * mV)
    cell.paint("all", Leak(), name="leak")
    cell.place("clamp", CurrentClamp(), at="stick(0.9)")
    cells = made.population("cells", cell, 4, initial={"v": np.linspace(-72.0, -60.0, 4) * mV})
    twigs = made.population("twigs", npl.Branched(LIFExp(), Passive(), 2, into="current", reads={"v_soma": "v"}), 3)
    made.project(cells, twigs, npl.AllToAll(), weight=40 * pA, delay=0.2 * ms, input="branch.current", synapse=npl.Graded(release, at="clamp"))
    made.project(cells, twigs, npl.AllToAll(), weight=npl.Kronecker(np.ones((4, 1)), np.array([[5.0, -3.0, 2.0]]) * pA), delay=0 * ms, input="branch.current[1]",
                 synapse=npl.Graded(release, at="clamp"))  # fmt: skip
    made.project(twigs, cells, npl.FixedInDegree(2), weight=npl.Uniform(5 * pA, 20 * pA), delay=0 * ms, input="clamp.amplitude",
                 synapse=npl.Graded(npl.Expression(release)))  # fmt: skip
    made.probe(cells, "v", name="cells")
    made.probe(twigs, "branch.v", name="twigs")
    return made


def test_locations_on_cells_and_branches():
    described, dt = on_cells(), 0.1 * ms
    truth = by_oracle(described, dt, 100)
    one, other = by_engine(described, dt, steps=100), by_engine(described, dt, threads=2, steps=100)
    rolled = by_rollout(described, dt, 100)
    for probe, values in truth.traces.items():
        assert np.ptp(values[-1]) > 0.5
        np.testing.assert_allclose(one.traces[probe], values, rtol=0, atol=1e-9, err_msg=probe)
        np.testing.assert_array_equal(one.traces[probe], other.traces[probe], err_msg=probe)
        np.testing.assert_allclose(rolled.traces[probe], values, rtol=0, atol=1e-9, err_msg=probe)
