"""Native gradients through effects of modulators: constants that change at ticks, in each sample by what its own neurons release.

Why to believe it: as in `test_native_gradients`, against JAX by everything a rollout takes, levels, kinetics, receptors and effects among it; JAX's are held to
finite differences in `test_modulated_gradients`. The networks are those with which the engine and the oracle are compared.
"""

from __future__ import annotations

from functools import partial

import jax
import numpy as np
import pytest

import neuropil as npl
from contract import modulated_networks as modulated
from contract.native_comparison import assert_near, compared, functional
from neuropil.learn import Native, Rollout, surrogate
from neuropil.model import Gain, Network, Shift, Toward
from neuropil.model.modulation.diffusion import Apart
from neuropil.model.modulation.kinetics import FirstOrder
from neuropil.units import ms, mV, nM, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.scaled import Scaled

DT, SAMPLES, STEPS = 0.1 * ms, 3, 70


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


CASES = [modulated.branches, modulated.own_third_factors, *(pytest.param(c, marks=pytest.mark.slow) for c in (modulated.over_positions, modulated.refractory, modulated.short_term, modulated.clocked_synapse, modulated.three_factors, modulated.composed, modulated.drawn_factors))]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_effect(case):
    """From a step between two ticks, to another one."""
    network = case()
    roll, steps = Rollout(network, precision="float64"), 153
    signals = {n: np.where(np.arange(steps) > 60, 0.4, 0.1) for n in network.modulators}
    doses = {n: np.where(np.arange(steps) % 50 == 7, 1e-4, 0.0) for n in network.modulators}
    _, (parameters, *_) = compared(network, DT, steps, {"step": np.arange(7, 7 + steps, dtype=np.int32), "signals": {**roll.inputs(steps)["signals"], **signals}, "doses": doses})
    assert any(np.any(g != 0) for g in jax.tree.leaves((parameters["modulators"], parameters["effects"])))


def network() -> Network:
    """Relays whose spikes release two modulators with ticks of 0.8 and 1.2 ms: one for each cell, one for all."""
    net = Network("two")
    relay, cells = net.population("relay", Relay(), 4), net.population("cells", LIFExp(t_ref=1 * ms), 5)
    net.project(relay, cells, npl.AllToAll(), weight=900 * pA, delay=0.5 * ms, port="exc", name="plain")
    (into,) = net.project(cells, cells, npl.AllToAll(), weight=150 * pA, delay=0.9 * ms, port="exc", synapse=Scaled(), name="scaled")
    net.probe(cells, "v", name="v")
    own = net.modulator("own", FirstOrder(tau=5 * ms, baseline=50 * nM), volume=cells, tick=0.8 * ms, diffusion=Apart()).released_by(relay, 300 * nM, at=np.array([0, 1, 3, 3])).receptor("R", ec50=100 * nM)
    own.modulates(cells, "tau_m", Gain(by=-0.4), receptor="R").modulates(cells, "v_th", Shift(by=-2 * mV), receptor="R")
    shared = net.modulator("shared", FirstOrder(tau=10 * ms), volume=[cells, into], tick=1.2 * ms).released_by(cells, 40 * nM).receptor("R", ec50=80 * nM)
    shared.modulates(into, "scale", Toward(2.5), receptor="R").modulates(cells, "tau_exc", Gain(by=0.5), receptor="R")
    return net


def inputs(roll: Rollout, first: int) -> dict:
    """Spikes of the relays and a current, each sample's own, and a dose."""
    draw = np.random.default_rng(4)
    when, who = draw.integers(-5, STEPS, (SAMPLES, 40)), draw.integers(0, 4, (SAMPLES, 40))
    made = roll.inputs(STEPS)
    return {
        **made, "step": np.arange(first, first + STEPS, dtype=np.int32), "spikes": {"relay": {"step": when, "neuron": who}},
        "currents": {"cells": {"current": draw.uniform(200, 600, (SAMPLES, STEPS, 5))}}, "doses": {**made["doses"], "shared": np.where(draw.random((SAMPLES, STEPS)) < 0.1, 1e-5, 0.0)},
    }  # fmt: skip


def test_samples_have_levels_of_their_own():
    """From a step between two ticks; by parameters and inputs, doses included. Bits do not depend on threads or memory."""
    roll = Rollout(network(), precision="float64", surrogate=surrogate("superspike", width=0.3))
    given = inputs(roll, 7)

    def found(backend):
        def value(parameters, currents, doses):
            rolled = roll.apply(parameters, roll.initial(), {**given, "currents": currents, "doses": doses}, backend=backend)
            return functional(rolled), (rolled.spikes, rolled.state["modulators"])

        return jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True))(roll.parameters, given["currents"], given["doses"])

    mine, truth = found(Native(threads=1)), found("jax")
    (value, (spikes, levels)), gradients = mine
    assert np.sum(spikes["cells"], (1, 2)).min() > 3 and np.ptp(np.asarray(levels["shared"]["level"])) > 0
    assert jax.tree.all(jax.tree.map(np.array_equal, spikes, truth[0][1][0]))
    np.testing.assert_allclose(value, truth[0][0], rtol=1e-11)
    assert_near((levels, gradients), (truth[0][1][1], truth[1]), 1e-10)
    assert all(np.any(np.asarray(g) != 0) for g in jax.tree.leaves((truth[1][0]["effects"], truth[1][2]["shared"])))
    assert jax.tree.all(jax.tree.map(np.array_equal, found(Native(threads=2, memory=0.0)), mine))


def test_no_step():
    """A state stays as it is."""
    roll = Rollout(network(), precision="float64")
    mine, truth = (jax.jit(partial(roll.apply, backend=backend))(roll.parameters, roll.initial(), roll.inputs(0)) for backend in ("native", "jax"))
    assert jax.tree.structure(mine) == jax.tree.structure(truth)
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(truth), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12)
