"""Synapses whose words are targets alone, because all of a segment weigh the same, do what synapses with words of their own weights do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neuropil.plan.plan
from neuropil.engine import Simulation
from neuropil.model import FixedProbability, Network, Normal, Poisson
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, kHz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp


def network() -> Network:
    """Two weights of one population onto one port (words of their own weights), one weight onto another, and drawn ones."""
    net = Network("equal")
    exc, inh, other = (net.population(name, LIFExp(), n) for name, n in (("exc", 400), ("inh", 100), ("other", 50)))
    net.stimulate(exc + inh, Poisson(20 * kHz), port="exc", weight=80 * pA)
    net.stimulate(other, Poisson(10 * Hz), port="exc", weight=900 * pA)
    net.project(exc, inh, FixedProbability(0.1), weight=50 * pA, delay=Normal(1.5 * ms, 0.7 * ms, low=0.1 * ms), port="exc", name="one")
    net.project(exc, other, FixedProbability(0.1), weight=50 * pA, delay=1 * ms, port="exc", name="same")
    net.project(inh, exc, FixedProbability(0.2), weight=-200 * pA, delay=2 * ms, port="inh", name="back")
    net.project(inh, inh, FixedProbability(0.2), weight=Normal(-200 * pA, 20 * pA), delay=2 * ms, port="inh", name="drawn")
    net.project(other, exc, FixedProbability(0.2), weight=90 * pA, delay=2 * ms, port="exc", name="strong")
    return net


def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on all words have weights."""
    monkeypatch.setattr(neuropil.plan.plan, "narrowed", lambda network, scales, channel_of: list(scales))


def words(net: Network) -> dict[str, int]:
    return {p.name: np.dtype(s.word).itemsize for p, s in zip(net.projections, make_plan(net).scale, strict=True) if s is not None}


def test_which_words_have_no_weights():
    """Where a population's synapses on one accumulator all weigh the same once rounded, whatever their targets and delays."""
    assert words(network()) == {"one": 2, "same": 2, "back": 4, "drawn": 4, "strong": 2}
    assert [s and s.word for s in make_plan(network(), precision="float64").scale] == [np.uint16, np.uint16, np.uint64, np.uint64, np.uint16]
    assert {np.dtype(s.word).itemsize for s in make_plan(network(), full_weights=True).scale if s is not None} == {8}
    many = Network("many")
    target = many.population("target", LIFExp(), 5)
    for k in range(40):
        many.project(many.population(f"p{k}", LIFExp(), 5), target, FixedProbability(0.5), weight=(k + 1) * pA, delay=1 * ms, port="exc", name=f"{k}")
    assert sorted(words(many).values()) == [2] * 32 + [4] * 8  # a step looks at no more lists than that


@pytest.mark.parametrize("threads, precision", [(1, "float32"), (2, "float32"), (2, "float64")])
def test_spikes_are_those_of_words_with_weights(threads: int, precision: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """And stay so when weights are set while spikes are under way, in the same step and after a checkpoint; until then half the memory is enough."""
    found = []
    for turn in ("narrow", "wide"):
        if turn == "wide":
            wide(monkeypatch)
        net = network()
        simulation = Simulation(net, threads=threads, seed=3, precision=precision)
        size = simulation.core.packed[0].words.nbytes if turn == "narrow" else 0
        assert not size or size == 2 * sum(simulation.weights(name).size for name in ("one", "same", "strong"))
        before = {p.name: simulation.weights(p.name) for p in net.projections}
        first = simulation.run(30 * ms)
        weights = np.linspace(0.0, 60.0, before["one"].size)
        simulation.set_weights("one", weights)
        np.testing.assert_allclose(simulation.weights("one"), weights, atol=0.01)
        second = simulation.run(20 * ms)
        simulation.checkpoint(tmp_path / f"{turn}.h5")
        resumed = Simulation(net, threads=3 - threads, seed=3, precision=precision, resume=tmp_path / f"{turn}.h5")
        np.testing.assert_array_equal(resumed.weights("one"), simulation.weights("one"))
        third = resumed.run(20 * ms)
        assert len(first.spikes) > 100 and len(second.spikes) > 50 and len(third.spikes) > 50
        found.append((before, [r.spikes.digest() for r in (first, second, third)]))
        simulation.close()
        resumed.close()
    assert found[0][1] == found[1][1]
    for name, weights in found[0][0].items():
        np.testing.assert_array_equal(weights, found[1][0][name], err_msg=name)


def test_weights_can_be_reset():
    """A trial begins with the weights of the description, also where they were given words of their own since."""
    simulation = Simulation(network(), threads=1, seed=3)
    before = simulation.weights("one")
    first = simulation.run(20 * ms).spikes.neuron.tolist()
    simulation.set_weights("one", 10 * pA)
    simulation.reset(weights=False, restart=True)
    np.testing.assert_array_equal(simulation.weights("one"), before)
    assert len(first) > 20 and simulation.run(20 * ms).spikes.neuron.tolist() == first
    simulation.close()
