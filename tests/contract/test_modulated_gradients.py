"""Gradients through modulators: a rollout's are those of finite differences, by weights, neurons, kinetics, receptors and effects.

Why to believe it: below threshold and for rate units a loss is a smooth function of all of these, so that central differences are an
independent truth. What the modulator changes is the loss itself, or the test would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neuropil as npl
from neuropil import maths
from neuropil.engine import run
from neuropil.errors import ModelError, SimulationError
from neuropil.learn import Rollout
from neuropil.oracle import simulate
from neuropil.units import Hz, mM, ms, mV, nM, pA
from neuropil.zoo.modulators.dopamine import Dopamine
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.scaled import Scaled

STEPS = 120


class RateUnit(npl.Neuron):
    """A rate that follows tanh of its input: tau dr/dt = -r + gain tanh(drive)."""

    tau: npl.Time = 5 * ms
    gain: float = 1.0
    tau_drive: npl.Time = 3 * ms

    r = npl.State(0.1)
    drive = npl.State(0.0)
    into = npl.Port(1.0)

    def receive(self, s, w):
        return {"drive": w.into}

    def derivative(self, s, x):
        return {"r": (self.gain * maths.tanh(s.drive) - s.r) / self.tau, "drive": -s.drive / self.tau_drive}


@dataclass(frozen=True)
class Sigmoidal(npl.Effect):
    """An effect of this file: value · 2 / (1 + exp(-slope · level)). Its function is all that any executor is given."""

    slope: float = 1.0

    def __call__(self, value, level):
        return value * 2.0 * maths.sigmoid(self.slope * level)


def network(model, weight, port, changed, probe):
    """Relays drive neurons that a modulator reaches in four ways, one of them through synapses."""
    net = npl.Network("smooth")
    relay = net.population("relay", Relay(), 3)
    listed = npl.SpikeList(np.array([0.5, 1.0, 2.5, 4.0, 6.0, 8.0]) * ms, np.array([0, 1, 2, 0, 1, 2]))
    net.stimulate(relay, listed, port="spikes", weight=1.0)
    cells = net.population("cells", model, 2)
    how = {"weight": weight, "delay": 0.5 * ms, "port": port}
    net.project(relay, cells, npl.AllToAll(), name="plain", **how)
    (into,) = net.project(relay, cells, npl.AllToAll(), name="scaled", synapse=Scaled(), **how)
    net.probe(cells, probe, name="seen")
    m = net.modulator("da", Dopamine(), volume=[cells, into], tick=1 * ms).released_by(relay, 20 * nM)
    m.receptor("D1", ec50=300 * nM).receptor("D2", ec50=60 * nM, hill=2.0)
    m.modulates(cells, changed[0], npl.Gain(by=0.7), receptor="D1").modulates(cells, changed[1], Sigmoidal(0.8), receptor="D2")
    m.modulates(cells, changed[0], npl.Gain(by=2000 / mM)).modulates(into, "scale", npl.Toward(2.0), receptor="D2")
    return net


NETWORKS = {
    "rate units": lambda: network(RateUnit(), 0.4, "into", ("tau", "gain"), "r"),
    "below threshold": lambda: network(LIFExp(), 60 * pA, "exc", ("tau_m", "c_m"), "v"),
}


@pytest.mark.parametrize("which", NETWORKS)
def test_gradients_are_those_of_finite_differences(which) -> None:
    net = NETWORKS[which]()
    with jax.enable_x64(True):
        rollout = Rollout(net, precision="float64", chunk=25)
        inputs = rollout.inputs(STEPS)
        inputs["signals"]["da"][40:] = 2.0
        inputs["doses"]["da"][65] = 1e-4

        def loss(parameters):
            seen = rollout.apply(parameters, rollout.initial(), inputs).traces["seen"]
            return jnp.mean((seen - seen[0, 0] + 1.0) ** 2)

        compiled, start = jax.jit(loss), jax.tree.map(jnp.asarray, rollout.parameters)
        value, gradient = jax.jit(jax.value_and_grad(loss))(start)
        leaves, tree = jax.tree.flatten(start)
        names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(start)]
        checked = set()
        for j, (name, leaf, slope) in enumerate(zip(names, leaves, jax.tree.leaves(gradient), strict=True)):
            if not any(word in name for word in ("weights", "cells", "da", "scaled")) or "baseline" in name or "t_ref" in name:
                continue
            step = 1e-5 * jnp.maximum(jnp.abs(leaf), 1e-6 if "loss" in name else 1e-9)
            up, down = (compiled(jax.tree.unflatten(tree, [*leaves[:j], leaf + sign * step, *leaves[j + 1 :]])) for sign in (1, -1))
            along = jnp.sum(jnp.asarray(slope) * step)  # of all entries of a leaf at once
            assert float(along) == pytest.approx(float(up - down) / 2, rel=1e-4, abs=1e-9 * float(value)), name
            checked |= {name} if abs(float(along)) > 1e-12 * float(value) else set()
    for part in ("['weights']['plain']", "['weights']['scaled']", "['modulators']['da']['vmax']", "['modulators']['da']['D1.ec50']", "['modulators']['da']['D2.ec50']"):
        assert any(part in name for name in checked), part
    assert sum("['effects']" in name for name in checked) >= 4 and sum("['neurons']['cells']" in name for name in checked) >= 2


def test_an_effect_of_this_file_runs_everywhere() -> None:
    """Engine, oracle and rollout from its function alone; the engine also with a level for each cell, as a compiled loop."""
    for diffusion in (None, npl.Apart()):
        net = npl.Network("own")
        source, cells = net.population("source", PoissonSource(rate=300 * Hz), 4), net.population("cells", LIFExp(), 5)
        net.stimulate(cells, npl.Step(360 * pA), input="current")
        net.probe(cells, "v", name="v")
        m = net.modulator("level", npl.FirstOrder(tau=30 * ms), volume=cells, diffusion=diffusion)
        m.released_by(source, 30 * nM, at=None if diffusion is None else np.array([0, 1, 1, 4])).receptor("R", ec50=100 * nM)
        m.modulates(cells, "tau_m", Sigmoidal(1.5), receptor="R").modulates(cells, "v_th", npl.Shift(by=-3 * mV), receptor="R")
        truth, found, rolled = simulate(net, 50 * ms), run(net, 50 * ms, precision="float64"), Rollout(net, precision="float64").run(50 * ms)
        np.testing.assert_array_equal(found.spikes.neuron, truth.spikes.neuron)
        np.testing.assert_allclose(found.traces["v"].values, truth.traces["v"], rtol=0, atol=1e-7)
        np.testing.assert_allclose(rolled.traces["v"], truth.traces["v"], rtol=0, atol=1e-7)
        assert len(truth.spikes.neuron[truth.spikes.neuron >= 4]) > 5


def test_leaving_bounds_is_told() -> None:
    net = npl.Network("bounds")
    cells = net.population("cells", LIFExp(), 2)
    m = net.modulator("level", npl.Signal(), volume=cells)
    m.modulates(cells, "tau_m", npl.Gain(by=1.0), high=15 * ms)
    rollout = Rollout(net)
    inputs = rollout.inputs(5 * ms)
    inputs["signals"]["level"][30:] = 1.0
    with pytest.raises(SimulationError, match=r"level: Gain\(by=1.0, at=0.0\) on cells.tau_m"):
        rollout.run(5 * ms, inputs=inputs)
    with pytest.raises(ModelError, match=r"inputs\['signals'\] has an unknown name 'lever'"):
        rollout.run(5 * ms, inputs={**inputs, "signals": {"lever": np.zeros(50)}})
