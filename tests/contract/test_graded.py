"""Graded transmission in every form of weights: the engine and the rollout do what the oracle does, whatever the threads and the precision.

Why to believe it: the oracle multiplies by a matrix that it makes from the description; the engine never makes one of structured weights. A
new form is entered in `graded_networks.FORMS`.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

import neuropil as npl
from contract.graded_networks import DT, FORMS, TIME, network, oracle_of
from neuropil.learn.rollout import Rollout
from neuropil.units import ms


def engine(described, precision="float64", threads=1):
    return {n: t.values for n, t in npl.run(described, TIME, dt=DT, precision=precision, threads=threads).traces.items()}


@pytest.mark.parametrize("form", FORMS)
def test_engine_and_rollout_equal_the_oracle(form):
    described = network(form)
    truth = oracle_of(described)
    (p,) = described.graded
    changed = truth[p.target.name]
    assert np.abs(changed - oracle_of(network())[p.target.name]).max() > 1e-3
    run = engine(described)
    for name, values in truth.items():
        np.testing.assert_allclose(run[name], values, rtol=0, atol=1e-13)
    rolled = Rollout(described, dt=DT, precision="float64").run(TIME).traces
    for name, values in truth.items():
        np.testing.assert_allclose(rolled[name], values, rtol=0, atol=1e-13)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_threads_do_not_matter(precision):
    """All forms at once, so that sums of several meet in one input; in float32 close to float64."""
    described = network(*FORMS)
    one = engine(described, precision)
    for threads in (2, 3):
        other = engine(described, precision, threads)
        for name, values in one.items():
            np.testing.assert_array_equal(other[name], values)
    for name, values in oracle_of(described).items():
        np.testing.assert_allclose(one[name], values, rtol=0, atol=1e-12 if precision == "float64" else 1e-5)


def test_chunks_checkpoints_and_resets_change_no_bit(tmp_path):
    described = network(*FORMS)
    whole = engine(described)
    last = {n: v[-1] for n, v in whole.items()}

    def same(simulation):
        return all(np.array_equal(simulation.state(n, "r").value, values) for n, values in last.items())

    with npl.Simulation(described, dt=DT, precision="float64", threads=2) as simulation:
        simulation.run(1.7 * ms)
        simulation.checkpoint(tmp_path / "graded.h5")
    with npl.Simulation(described, dt=DT, precision="float64", threads=3, resume=tmp_path / "graded.h5") as simulation:
        simulation.run_until(TIME)
        assert same(simulation)
    with npl.Simulation(described, dt=DT, precision="float64", threads=1) as simulation:
        for _ in range(40):
            simulation.step()
        assert same(simulation)
        for p in described.graded:
            simulation.set_weights(p, simulation.weights(p))  # as they are
        simulation.reset(restart=True)
        simulation.step(40)
        assert same(simulation)


def test_weights_are_set_saved_and_taken_over(tmp_path):
    described = network("matrix", "drawn", "circulant", "one to one")
    with npl.Simulation(described, dt=DT, precision="float64", threads=2) as simulation:
        dense = simulation.weights("matrix", dense=True)
        np.testing.assert_array_equal(dense, described.graded[0].weight)
        simulation.set_weights("matrix", 0.5 * dense)
        simulation.set_weights("drawn", 2.0 * simulation.weights("drawn"))
        simulation.set_weights("circulant", npl.Circulant(0.1 * described.graded[2].matrix.kernel))
        synapses = simulation.synapses("one to one")
        np.testing.assert_array_equal(synapses["source"], synapses["target"])
        simulation.set_weights("one to one", 0.0)
        simulation.checkpoint(tmp_path / "set.h5")
        simulation.run(TIME)
        states = {n: simulation.state(n, "r").value for n in "ab"}
        with npl.Simulation(described, dt=DT, precision="float64", threads=1, resume=tmp_path / "set.h5") as other:
            other.run(TIME)
            assert all(np.array_equal(other.state(n, "r").value, v) for n, v in states.items())
        with npl.Simulation(described, dt=DT, precision="float64", threads=1) as other:
            other.load_weights(simulation)
            other.run(TIME)
            assert all(np.array_equal(other.state(n, "r").value, v) for n, v in states.items())
    changed = described.replace(projections={
        "matrix": {"weight": 0.5 * dense}, "circulant": {"weight": npl.Circulant(0.1 * described.graded[2].matrix.kernel)},
        "one to one": {"weight": 0.0}, "drawn": {"weight": npl.Normal(0.0, 2.0)},
    })  # fmt: skip
    run = engine(changed)
    assert all(np.allclose(run[n][-1], v, rtol=0, atol=1e-12) for n, v in states.items())


SMALL = ("matrix", "drawn delays", "circulant", "kronecker", "permutation", "blocks", "convolution", "pooling")


def test_gradients_equal_finite_differences():
    """Of weights, through their structure, and of a parameter through what is transmitted."""
    with jax.enable_x64(True):
        rollout = Rollout(network(*SMALL), dt=DT, precision="float64")
        state, inputs = rollout.initial(), rollout.inputs(12)
        probe = {n: np.random.default_rng(3).normal(size=v.shape) for n, v in rollout.apply(rollout.parameters, state, inputs).traces.items()}

        def loss(parameters):
            return sum((probe[n] * v).sum() for n, v in rollout.apply(parameters, state, inputs).traces.items())

        value = jax.jit(loss)
        gradient = jax.jit(jax.grad(loss))(rollout.parameters)
        random = np.random.default_rng(4)
        checked = [(("graded", form, name), values) for form, one in rollout.parameters["graded"].items() for name, values in one.items()]
        checked.append((("neurons", "a", "a"), rollout.parameters["neurons"]["a"]["a"]))
        for (kind, one, name), values in checked:
            direction = random.normal(size=np.shape(values))
            along = [
                float(value({**rollout.parameters, kind: {**rollout.parameters[kind], one: {**rollout.parameters[kind][one], name: values + h * direction}}}))
                for h in (1e-5, -1e-5)
            ]
            expected, found = (along[0] - along[1]) / 2e-5, float((np.asarray(gradient[kind][one][name]) * direction).sum())
            assert abs(expected) > 1e-6
            assert found == pytest.approx(expected, rel=1e-6), (kind, one, name)


def test_a_parameter_that_is_set_reaches_what_is_transmitted(tmp_path):
    """Set at t = 0, one for all and one for some, it does what a network does that is described so; a checkpoint keeps it."""
    a = np.full(37, 1.25)
    a[:5] = 0.75
    described = network("matrix", "drawn", "circulant")
    wanted = engine(described.replace(populations={"a": {"a": a}}))
    with npl.Simulation(described, dt=DT, precision="float64", threads=2) as simulation:
        simulation.set("a", a=1.25)
        simulation.set(described["a"][:5], a=0.75)
        simulation.run(1.3 * ms)
        simulation.checkpoint(tmp_path / "set.h5")
    with npl.Simulation(described, dt=DT, precision="float64", threads=1, resume=tmp_path / "set.h5") as simulation:
        simulation.run_until(TIME)
        for name, values in wanted.items():
            np.testing.assert_array_equal(simulation.state(name, "r").value, values[-1])
