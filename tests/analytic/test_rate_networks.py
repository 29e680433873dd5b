"""Networks of graded units against the recurrences and fixed points that they are.

Why to believe it: the recurrence of an echo state network is written in NumPy in two lines; fixed points follow by hand.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.units import ms
from neuropil.zoo.neurons.ctrnn import CTRNNUnit, firing
from neuropil.zoo.neurons.echo_state import EchoStateUnit
from neuropil.zoo.neurons.rate import LeakyReadout

N, STEPS, LEAK = 1000, 200, 0.3
SUM = LeakyReadout(tau=0.01 * ms)
"""With steps of 1 ms its state is its input: exp(-100) is nothing."""


@pytest.mark.parametrize("sparse", [False, True])
def test_an_echo_state_network_is_that_of_numpy(sparse):
    random = np.random.default_rng(5)
    w = random.normal(size=(N, N)) * (random.random((N, N)) < 0.1)
    w *= 0.9 / np.sqrt(0.1 * N)  # spectral radius, by the circular law
    entry, out, u = random.uniform(-0.5, 0.5, N), random.normal(size=(N, 2)) / N, random.uniform(-1, 1, STEPS)
    net = npl.Network("echo state")
    units = net.population("units", EchoStateUnit(tau=1 / LEAK * ms, bias=0.1), N)
    read = net.population("read", SUM, 2)
    rule, weight = (npl.Edges(*np.nonzero(w)), w[np.nonzero(w)]) if sparse else (npl.AllToAll(), w)
    net.project(units, units, rule, weight=weight, delay=0 * ms, input="drive", synapse=npl.Graded())
    net.project(units, read, npl.AllToAll(), weight=out, delay=0 * ms, input="drive", synapse=npl.Graded("x"))
    net.stimulate(units, npl.TimeArray(u[:, None] * entry, interval=1 * ms), input="drive")
    net.probe(units, "x", name="x")
    net.probe(read, "y", name="y")

    x, states = np.zeros(N), [np.zeros(N)]
    for k in range(STEPS):
        x = (1 - LEAK) * x + LEAK * np.tanh(x @ w + entry * u[k] + 0.1)
        states.append(x)
    for precision, tolerance in (("float64", 1e-12), ("float32", 2e-6)):
        result = npl.run(net, STEPS * ms, dt=1 * ms, threads=2, precision=precision)
        np.testing.assert_allclose(result.traces["x"].values, states[1:], rtol=0, atol=tolerance)
        np.testing.assert_allclose(result.traces["y"].values, np.array(states[:-1]) @ out, rtol=0, atol=tolerance)


def test_ctrnn_units_keep_one_of_two_fixed_points():
    net = npl.Network("bistable")
    units = net.population("units", CTRNNUnit(theta=-10.0), 3, initial={"y": np.array([9.0, 11.0, 4.0])})
    net.project(units, units, npl.OneToOne(), weight=20.0, delay=0 * ms, input="drive", synapse=npl.Graded(firing))
    net.probe(units, "y", name="y")
    y = npl.run(net, 300 * ms, precision="float64").traces["y"].values[-1]

    def settled(y):
        for _ in range(200):
            y = 20.0 / (1.0 + np.exp(10.0 - y))
        return y

    np.testing.assert_allclose(y, [settled(0.0), settled(20.0), settled(0.0)], atol=1e-9)


def test_a_delay_counts_from_the_state_at_the_beginning_of_a_step():
    """Such a unit hands on what it is: a chain through delays of 0, 1 and 3 steps takes 1, 2 and 4 steps for each link."""
    for lag in (0, 1, 3):
        net = npl.Network("chain")
        units = net.population("units", SUM, 4, initial={"y": np.array([1.0, 0.0, 0.0, 0.0])})
        net.project(units[:3], units[1:], npl.OneToOne(), weight=2.0, delay=lag * ms, input="drive", synapse=npl.Graded())
        net.probe(units, "y", name="x")
        x = npl.run(net, 13 * ms, dt=1 * ms, threads=2).traces["x"].values
        expected = np.zeros((13, 4))
        for j in (1, 2, 3):
            expected[j * (lag + 1) - 1, j] = 2.0**j
        np.testing.assert_allclose(x, expected, rtol=0, atol=1e-40)


@pytest.mark.parametrize("n", [8, 9, 100, 256])
def test_a_circulant_product_is_within_its_bound(n):
    random = np.random.default_rng(n)
    kernel, x = random.normal(size=n), random.normal(size=n)
    net = npl.Network("ring")
    units = net.population("units", SUM, n, initial={"y": x})
    net.project(units, units, npl.AllToAll(), weight=npl.Circulant(kernel), delay=0 * ms, input="drive", synapse=npl.Graded())
    with npl.Simulation(net, dt=1 * ms, precision="float64", threads=2) as simulation:
        simulation.step()
        made = simulation.state("units", "y").value
    length = n if n & (n - 1) == 0 else 1 << (2 * n - 2).bit_length()
    exact = np.array([sum(kernel[(j - i) % n] * x[i] for i in range(n)) for j in range(n)])
    assert np.abs(made - exact).max() <= 8 * np.log2(length) * 2.0**-53 * np.linalg.norm(kernel) * np.linalg.norm(x)
