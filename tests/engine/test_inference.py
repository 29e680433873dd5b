"""A simulator: rows of parameters to rows of features.

Why to believe it: each row equals, to the bit, a run of a network that is described with these values; the posterior of a rejection sampler, which knows nothing of the
engine, contains the parameters that made the observation.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import neuropil as npl
from neuropil.errors import NetworkError, NeuropilError, SimulationError
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

LENGTH = 60 * ms
PARAMETERS = {"exc.tau_m": (5, 30, ms), "drive.rate": (2000, 20000, Hz), "local.weight": (0, 60, pA)}


def network(tau=10.0, rate=12000.0, weight=20.0) -> npl.Network:
    net = npl.Network("circuit")
    exc = net.population("exc", LIFExp(tau_m=tau * ms), 20)
    net.stimulate(exc, npl.Poisson(rate * Hz), port="exc", weight=80 * pA, name="drive")
    net.project(exc, exc, npl.FixedProbability(0.3), weight=weight * pA, delay=1 * ms, port="exc", name="local")
    net.probe(exc[:1], "v", interval=1 * ms)
    return net


def features(result) -> list[float]:
    """Rate, and mean and deviation of a potential: three numbers."""
    v = result.traces["exc.v"].values
    return [result.rates()["exc"], float(v.mean()), float(v.std())]


def picky(result) -> float:
    """A feature that does not exist for silent networks."""
    return float(result.spikes.of("exc").times()[0])


@pytest.fixture(scope="module")
def simulate():
    with npl.simulator(network(), parameters=PARAMETERS, outputs=features, duration=LENGTH, seed=3) as made:
        yield made


def test_a_row_is_a_run_of_the_network_that_is_described_so(simulate):
    theta = np.array([[7.0, 15000.0, 45.0], [20.0, 9000.0, 0.0]])
    found = simulate(theta, seeds=3)
    for row, got in zip(theta, found, strict=True):
        assert np.array_equal(got, features(npl.run(network(*row), LENGTH, seed=3, threads=1)))
    assert np.array_equal(simulate(theta[1], seeds=3), found[1]) and found.shape == (2, 3)  # no run leaves anything behind


def test_seeds_belong_to_rows(simulate):
    theta = np.tile([[10.0, 15000.0, 20.0]], (4, 1))
    new = simulate(theta)
    assert len(np.unique(new, axis=0)) == 4 and not np.array_equal(simulate(theta), new)
    assert np.array_equal(simulate(theta, seeds=[5, 6, 5, 6])[:2], simulate(theta, seeds=[1, 2, 5, 6])[2:])
    assert simulate.names == tuple(PARAMETERS) and np.array_equal(simulate.bounds, [[5, 30], [2000, 20000], [0, 60]])


def test_nothing_is_compiled_again(simulate):
    simulate(simulate.draw(1))
    running = simulate._run._simulation
    before = running.result().summary["compiled_kernels"]
    simulate(simulate.draw(5, seed=2))
    assert simulate._run._simulation is running and running.result().summary["compiled_kernels"] == before


def test_what_fails_is_a_row_of_nan_and_counted():
    with npl.simulator(network(rate=15000), parameters={"drive.rate": (1, 20000, Hz)}, outputs={"first": picky, "rate": lambda r: r.rates()["exc"]}, duration=LENGTH) as simulate:
        found = simulate([[15000.0], [1.0], [30000.0], [np.nan], [14000.0]])
        assert np.array_equal(np.isnan(found), np.repeat([[False], [True], [True], [True], [False]], 2, axis=1))
        assert simulate.features == ("first", "rate") and simulate.simulated == 5
        assert sorted(simulate.failed.values()) == [1, 2] and any("IndexError" in why for why in simulate.failed)


class Tensor(np.ndarray):
    """Stands for a tensor of PyTorch."""

    def new_tensor(self, values):
        return np.asarray(values).view(Tensor)


def test_tensors_come_back_as_tensors(simulate):
    assert isinstance(simulate(np.array([10.0, 15000.0, 20.0]).view(Tensor)), Tensor)


def test_a_parameter_is_inferred():
    """Rejection: of 80 rates of a stimulus drawn from the prior, the eight whose features come nearest to an observation are about the hidden one."""
    with npl.simulator(network(), parameters={"drive.rate": (2000, 20000, Hz)}, outputs=features, duration=LENGTH) as simulate:
        observed, theta = simulate(np.array([14000.0]), seeds=7), simulate.draw(80)
        found = simulate(theta)
    near = theta[np.argsort(np.linalg.norm((found - observed) / found.std(axis=0), axis=1))[:8], 0]
    assert abs(near.mean() - 14000.0) < 1000.0 and near.std() < 0.25 * theta.std()


@pytest.mark.slow
def test_processes_change_no_number(tmp_path, monkeypatch):
    (tmp_path / "rate_feature.py").write_text('def rate(result):\n    return result.rates()["exc"]\n')
    monkeypatch.syspath_prepend(tmp_path)
    rate = importlib.import_module("rate_feature").rate
    given = {"parameters": PARAMETERS, "outputs": rate, "duration": LENGTH}
    with npl.simulator(network(), **given) as one, npl.simulator(network(), processes=2, **given) as two:
        theta = one.draw(40)
        assert np.array_equal(one(theta), two(theta)) and two.simulated == 40


def test_processes_need_what_can_be_pickled():
    with npl.simulator(network(), parameters=PARAMETERS, outputs=lambda result: 1.0, duration=LENGTH, processes=2) as simulate, pytest.raises(SimulationError, match="cannot be pickled"):
        simulate(simulate.draw(1))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "must be a mapping"), ({"ex.tau_m": (1, 2, ms)}, "nothing has the name"), ({"exc.tau_n": (1, 2, ms)}, "tau_n"), ({"exc.tau_m": (2, 1, ms)}, "must rise"),
        ({"exc.tau_m": (1, 2, mV)}, "unit"), ({"exc.tau_m": (1 * ms, 2 * ms)}, "two numbers and a unit"), ({"exc.tau_m": (1, 2)}, "unit"), ({"local.delay": (1, 2, ms)}, "only the weight"),
        ({"exc.tau_m": (-1, 2, ms)}, "tau_m"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(parameters, message):
    with pytest.raises((NeuropilError, NetworkError), match=message):
        npl.simulator(network(), parameters=parameters, outputs=features, duration=LENGTH)


def test_a_theta_of_the_wrong_shape_is_refused(simulate):
    for wrong in (np.zeros((2, 2)), np.zeros(4), np.zeros((1, 1, 3))):
        with pytest.raises(SimulationError, match="wrong shape"):
            simulate(wrong)
    with pytest.raises(SimulationError, match="seeds must be"):
        simulate(np.zeros((2, 3)), seeds=[1, 2, 3])
