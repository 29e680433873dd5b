"""What is compiled, and how often: counted where Numba compiles.

The truth is the count itself: values, sizes and names of a description must not reach compiled code, so after the first point of
a sweep over them the count is 0; and what is added to a network must not touch the kernels that it had.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.codegen import kernel_cache
from neuropil.engine.stores.packed import pack_two, with_weights
from neuropil.engine.stores.packed_kernels import pack_rows
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp


def network(name="first", exc="exc", n=80, rate=9000 * Hz, weight=30 * pA, delay=1.5 * ms, drive=30 * pA, tau_m=20 * ms, spread=0.1, inhibition=-180 * pA):
    net = npl.Network(name)
    start = {"v": npl.Uniform(-65 * mV, -50 * mV)}
    e = net.population(exc, LIFExp(tau_m=tau_m), n, initial=start)
    i = net.population("inh", LIFExp(tau_m=tau_m), n // 4, initial=start)
    rule = npl.FixedProbability(0.1)
    net.project(e, e + i, rule, weight=npl.Normal(weight, spread * weight, low=0 * pA) if spread else weight, delay=delay, port="exc")
    net.project(i, e + i, rule, weight=inhibition, delay=0.8 * ms, port="inh")
    net.stimulate(e + i, npl.Poisson(rate), port="exc", weight=drive)
    return net


def compiled(net, **options):
    """How many kernels a short run compiles."""
    return npl.run(net, 2 * ms, threads=1, **options).summary["compiled_kernels"]


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Every kernel of the first point is there."""
    npl.run(network(), 2 * ms, threads=1)


@pytest.mark.parametrize(
    "point",
    [
        {"name": "second"}, {"exc": "another name"}, {"n": 81}, {"n": 700}, {"n": 20}, {"rate": 500 * Hz}, {"rate": 20_000 * Hz}, {"weight": 3 * pA},
        {"delay": 12 * ms}, {"delay": npl.Uniform(1 * ms, 3 * ms)}, {"drive": 45 * pA}, {"tau_m": 12 * ms},
        {"spread": 0}, {"inhibition": npl.Uniform(-190 * pA, -20 * pA)}, {"spread": 0, "inhibition": -20 * pA, "weight": 5 * pA},
    ],
    ids=lambda point: next(iter(point)),
)  # fmt: skip
def test_a_sweep_compiles_nothing_after_its_first_point(point):
    assert compiled(network(**point)) == 0


@pytest.mark.parametrize("option", [{"seed": 7}, {"dt": 0.05 * ms}, {"dt": 0.02 * ms}, {"threads": 2}], ids=str)
def test_nor_does_one_over_seed_time_step_and_threads(option):
    assert npl.run(network(), 2 * ms, **{"threads": 1, **option}).summary["compiled_kernels"] == 0


def test_what_is_added_compiles_only_what_is_new():
    """A probe: the two kernels of probes. A population without Poisson events and inhibition: its neurons. Nothing else, and each once: programs are data."""
    probed = network()
    probed.probe(probed.populations["exc"], "v")
    assert compiled(probed) <= 2
    probed = network(n=90)
    probed.probe(probed.populations["inh"], "i_exc")
    assert compiled(probed) == 0
    larger, rule = network(), npl.FixedProbability(0.2)
    more = larger.population("more", LIFExp(), 33)
    larger.project(more, more, rule, weight=20 * pA, delay=1 * ms, port="exc")
    assert compiled(larger) <= 1
    larger.project(more, larger.populations["exc"], rule, weight=npl.Normal(20 * pA, 5 * pA), delay=2 * ms, port="exc")
    larger.probe(more, "v")
    assert compiled(larger) == 0
    larger.stimulate(more, npl.Poisson(8000 * Hz), port="exc", weight=40 * pA)
    larger.project(larger.populations["inh"], more, rule, weight=-20 * pA, delay=1 * ms, port="inh")
    assert compiled(larger) == 0  # it is as the others now


def test_the_count_is_of_what_is_compiled(monkeypatch, tmp_path):
    """In an empty cache a kernel is compiled, in another process (here: without what this one remembers) it is not."""
    source = "def advance(x):\n    return x + 1.5\n"

    def fresh():
        space = {"__name__": kernel_cache.__name__}
        exec(source, space)
        return kernel_cache.cached_njit()(space["advance"])

    monkeypatch.setenv("NEUROPIL_CACHE", str(tmp_path / "cache"))
    counted = kernel_cache.Compilations()
    with counted:
        assert fresh()(1.0) == 2.5
    assert counted.count == 1
    with counted:
        assert fresh()(1.0) == 2.5
    assert counted.count == 1
    with counted:
        fresh()(np.float32(1))
    assert counted.count == 2


@pytest.mark.parametrize("word", ["uint32", "uint64"])
def test_the_kernel_that_is_compiled_ahead_is_that_of_a_run(word):
    """Packing two neurons asks for no version that a run does not ask for."""
    npl.run(network(), 2 * ms, threads=1, full_weights=word == "uint64")
    before = set(pack_rows.overloads)
    pack_two(word)
    assert set(pack_rows.overloads) == before


def test_words_with_and_without_weights_are_packed_by_one_version():
    """Its compilation is a large part of a cold start; words of 2 bytes are cut from those of 4 as they are written."""
    simulation = npl.Simulation(network(), threads=1)
    assert set(simulation.plan.packed) == {np.uint16, np.uint32}
    assert {with_weights(simulation.plan.scale, word) for word in simulation.plan.packed} == {np.uint32}
    words = {types[-2].dtype.name for types in pack_rows.overloads}
    assert "uint32" in words and words <= {"uint32", "uint64"}
