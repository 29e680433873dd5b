"""The packed store holds exactly the synapses that ``edges`` lists, wherever and by whomever they are packed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuropil.connectivity.draw import edges
from neuropil.engine.stores import packed
from neuropil.errors import NetworkError, PlanError
from neuropil.model.base.distribution import LogNormal, Normal, Uniform
from neuropil.model.connection.rules import (
    AllToAll,
    DistanceDependent,
    Edges,
    FixedInDegree,
    FixedOutDegree,
    FixedProbability,
    FixedTotal,
    OneToOne,
)
from neuropil.model.network.network import Network
from neuropil.plan.weight_scale import Scale, scale_for
from neuropil.units import ms, pA, um
from neuropil.zoo.neurons.lif import LIFExp

DT = 0.1
PORTS = ["exc", "inh"]


@st.composite
def networks(draw):
    """Up to three populations and six projections of every rule and kind of value."""
    net = Network()
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3))
    pops = [net.population(f"p{i}", LIFExp(), n, positions=np.arange(2.0 * n).reshape(n, 2) * um) for i, n in enumerate(sizes)]
    for _ in range(draw(st.integers(0, 6))):
        pre, post = draw(st.sampled_from(pops)), draw(st.sampled_from(pops))
        sign = draw(st.sampled_from([1, -4]))
        weight = draw(st.sampled_from([
            80 * sign * pA, Normal(80 * sign * pA, 8 * pA), LogNormal(9 * pA, 2 * pA), Uniform(-3 * pA, 3 * pA),
            Normal(0 * pA, 1 * pA, low=4 * pA), 0 * pA,
        ]))  # fmt: skip
        delay = draw(st.sampled_from([0.1 * ms, 1.5 * ms, Normal(1.5 * ms, 0.75 * ms, low=DT * ms), Uniform(1 * ms, 2 * ms)]))
        net.project(pre, post, _rule(draw, pre, post), weight=weight, delay=delay, port=draw(st.sampled_from(PORTS)))
    return net


def _rule(draw, pre, post):
    options = [
        AllToAll(), FixedProbability(0.3), FixedProbability(0.9), FixedTotal(50), FixedOutDegree(7), FixedInDegree(3),
        FixedTotal(pre.size * post.size // 2, allow_multiple=False), FixedOutDegree(post.size // 2, allow_multiple=False),
        DistanceDependent(lambda d: np.exp(-d / 20)),
    ]  # fmt: skip
    if pre is post:
        options += [AllToAll(allow_self=False), FixedProbability(0.5, allow_self=False)]
    if pre.size == post.size:
        options.append(OneToOne())
    ends = draw(st.integers(0, 2**31))
    some = np.random.default_rng(ends)
    options.append(Edges(some.integers(0, pre.size, 30), some.integers(0, post.size, 30)))
    return draw(st.sampled_from(options))


def blocks(n, n_blocks):
    index = np.arange(n)
    return (index % n_blocks).astype(np.uint16), (index // n_blocks).astype(np.uint16)


def build(net, n_blocks=2, word=np.uint32, threads=1, seed=3, **more):
    block_of, local_of = blocks(net.size, n_blocks)
    channel_of = [PORTS.index(p.port) for p in net.projections]
    scale = [dataclasses.replace(scale_for(_largest(p.weight), max(word, np.uint32, key=lambda w: w().itemsize)), word=word) for p in net.projections]
    return packed.build(
        net, DT, seed, block_of=block_of, local_of=local_of, n_blocks=n_blocks, channel_of=channel_of, scale=scale,
        word=word, threads=threads, **more,
    )  # fmt: skip


def _largest(weight):
    return weight.largest() if hasattr(weight, "largest") else float(np.abs(weight).max())


def listed(net, store, n_blocks):
    """Per source population, sorted rows (source, target, channel, delay, multiple of the weight scale) that ``edges`` promises."""
    rows = [[np.empty((0, 5))] for _ in net.populations]
    for j, p in enumerate(net.projections):
        pre, post, weight, delay, _ = edges(p, 3, DT)
        columns = pre, post + p.target.first, np.full(pre.size, PORTS.index(p.port)), delay, weight / store.scale[j].unit
        rows[list(net.populations.values()).index(p.source)].append(np.stack(columns, axis=1).astype(float))
    return [np.concatenate(r) for r in rows]


def unpacked(net, store, n_blocks):
    """The same from the store."""
    out = []
    for number, pop in enumerate(net.populations.values()):
        rows = [np.empty((0, 5))]
        for s in range(pop.size):
            u = store.unpack(number, s, pop.first)
            target = u["local"] * n_blocks + u["block"]
            rows.append(np.stack([np.full(target.size, s), target, u["channel"], u["delay"], u["multiples"]], axis=1).astype(float))
        out.append(np.concatenate(rows))
    return out


def in_order(rows):
    return rows[np.lexsort(rows.T[::-1])]


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 3), st.sampled_from([np.uint16, np.uint32, np.uint64]))
def test_round_trip(net, n_blocks, word):
    store = build(net, n_blocks, word)
    # Half a unit of rounding, and what float32 (float64) loses of a weight of 2**14 (2**46) units or twice that.
    slack = 0.5 + (0.02 if word is np.uint32 else 0.2)
    for want, got in zip(listed(net, store, n_blocks), unpacked(net, store, n_blocks), strict=True):
        want, got = in_order(want), in_order(got)
        assert want.shape == got.shape
        assert np.array_equal(want[:, :4], got[:, :4])
        if word is np.uint16:
            assert not got[:, 4].any()  # such words have no weights
        elif not sum(store.saturated):
            assert np.abs(want[:, 4] - got[:, 4]).max(initial=0) <= slack
    assert store.n_synapses == sum(len(edges(p, 3, DT)[0]) for p in net.projections)


@settings(max_examples=30, deadline=None)
@given(networks(), st.integers(1, 3))
def test_segments_tile_their_rows(net, n_blocks):
    store = build(net, n_blocks)
    for number, pop in enumerate(net.populations.values()):
        keys, bounds = store.keys[number], store.offsets[number].astype(np.int64)
        assert bounds.shape == (pop.size, n_blocks, len(keys) + 1)
        assert [tuple(k) for k in keys] == sorted({tuple(k) for k in keys})
        assert np.all(np.diff(bounds, axis=2) >= 0) and np.all(bounds[:, 0, 0] == 0)
        assert np.array_equal(bounds[:, :-1, -1], bounds[:, 1:, 0])
        lengths = np.diff(store.row_start[pop.first : pop.first + pop.size + 1])
        assert np.array_equal(bounds[:, -1, -1], lengths)
    assert store.row_start[0] == 0 and store.row_start[-1] == store.words.size


@pytest.mark.parametrize("word", [np.uint32, np.uint64])
def test_round_trip_of_several_projections_with_arrays(word):
    """Explicit targets, weights and delays of more than one projection share pools; each must find its own."""
    some = np.random.default_rng(1)
    net = Network()
    a = net.population("a", LIFExp(), 9)
    b = net.population("b", LIFExp(), 7)
    for post in (b, a, b):
        rule = Edges(some.integers(0, 9, 60), some.integers(0, post.size, 60))
        weight, delay = some.normal(size=60) * pA, some.integers(1, 30, 60) * DT * ms
        net.project(a, post, rule, weight=weight, delay=delay, port="exc")
        net.project(a, post, FixedOutDegree(5), weight=Uniform(-1 * pA, 1 * pA), delay=Uniform(1 * ms, 2 * ms), port="inh")
    shape = 9, 9
    net.project(a, a, AllToAll(), weight=some.normal(size=shape) * pA, delay=some.uniform(0.1, 3, shape) * ms, port="inh")
    store = build(net, 2, word)
    for want, got in zip(listed(net, store, 2), unpacked(net, store, 2), strict=True):
        want, got = in_order(want), in_order(got)
        assert np.array_equal(want[:, :4], got[:, :4])
        assert np.abs(want[:, 4] - got[:, 4]).max(initial=0) <= 0.7


def many_rows():
    """Enough synapses for dozens of tasks."""
    net = Network()
    a = net.population("a", LIFExp(), 3000)
    b = net.population("b", LIFExp(), 1000)
    delay = Normal(1.5 * ms, 0.75 * ms, low=DT * ms)
    net.project(a, (a, b), FixedProbability(0.1), weight=Normal(80 * pA, 8 * pA), delay=delay, port="exc")
    net.project(b, (a, b), FixedTotal(400_000), weight=Normal(-320 * pA, 32 * pA), delay=1 * ms, port="inh")
    net.project(b, b, FixedInDegree(100), weight=LogNormal(5 * pA, 2 * pA), delay=delay, port="exc")
    return net


@pytest.mark.parametrize("word", [np.uint32, np.uint64])
@pytest.mark.parametrize("n_blocks", [1, 2, 3])
def test_bit_identical_for_any_number_of_build_threads(n_blocks, word):
    net = many_rows()
    one = build(net, n_blocks, word, threads=1)
    for threads in (2, 4):
        other = build(net, n_blocks, word, threads=threads)
        assert np.array_equal(one.words, other.words)
        assert all(np.array_equal(a, b) for a, b in zip(one.offsets, other.offsets, strict=True))


def test_the_same_synapses_for_any_number_of_blocks():
    net = many_rows()
    first = None
    for n_blocks in (1, 2, 3):
        rows = [in_order(r) for r in unpacked(net, build(net, n_blocks), n_blocks)]
        if first is not None:
            assert all(np.array_equal(a, b) for a, b in zip(first, rows, strict=True))
        first = rows


def test_memory_is_predicted_exactly_for_fixed_numbers():
    net = Network()
    a = net.population("a", LIFExp(), 300)
    b = net.population("b", LIFExp(), 100)
    net.project(a, b, FixedTotal(5000), weight=1 * pA, delay=Uniform(1 * ms, 2 * ms), port="exc")
    net.project(b, (a, b), FixedOutDegree(50), weight=1 * pA, delay=1 * ms, port="inh")
    for word in (np.uint32, np.uint64):
        predicted = packed.predict_memory(net, DT, 2, [0, 1, 1], [scale_for(1.0, word)] * 3, word)
        building = predicted.pop("while building")
        assert predicted == build(net, 2, word).memory() and building > 0


def test_memory_is_predicted_in_expectation_otherwise():
    net = many_rows()
    predicted = packed.predict_memory(net, DT, 2, [0, 0, 1, 1, 0], [scale_for(1.0, np.uint32)] * 5)
    assert predicted["synapses"] == pytest.approx(build(net).memory()["synapses"], rel=0.01)


def test_constant_weights_in_powers_of_two_are_exact():
    net = Network()
    a = net.population("a", LIFExp(), 10)
    for w in (87.81, 2 * 87.81, -4 * 87.81):
        net.project(a, a, AllToAll(), weight=w * pA, delay=1 * ms, port="exc")
    block_of, local_of = blocks(10, 1)
    scale = scale_for(4 * 87.81, np.uint32)
    store = packed.build(net, DT, 0, block_of=block_of, local_of=local_of, n_blocks=1, channel_of=[0] * 3, scale=[scale] * 3)
    assert store.rounding == [0, 0, 0] and store.saturated == [0, 0, 0] and store.vanished == [0, 0, 0]
    assert sorted(set(store.unpack(0, 0, 0)["multiples"] * scale.unit)) == [-4 * 87.81, 87.81, 2 * 87.81]


def test_weights_too_large_are_saturated_and_those_stored_as_0_counted():
    net = Network()
    a = net.population("a", LIFExp(), 4)
    matrix = np.eye(4) * 5.0 - 1
    matrix[0] = [0.0, 1e-300, -2e-5, 1.6e-4]  # what is 0 has not vanished
    net.project(a, a, AllToAll(), weight=matrix * pA, delay=1 * ms, port="exc")
    block_of, local_of = blocks(4, 1)
    scale = Scale(1e-4, 32767, np.uint32)
    store = packed.build(net, DT, 0, block_of=block_of, local_of=local_of, n_blocks=1, channel_of=[0], scale=[scale])
    assert store.saturated == [3] and store.vanished == [2] and store.rounding == [pytest.approx(0.25, rel=1e-5)]
    assert store.unpack(0, 0, 0)["multiples"].tolist() == [0, 0, 0, 2]
    assert store.unpack(0, 1, 0)["multiples"].tolist() == [-10000, 32767, -10000, -10000]


def test_progress_reaches_one_and_an_error_within_it_stops_the_building():
    seen = []
    build(many_rows(), threads=2, progress=seen.append)
    assert seen and seen == sorted(seen) and seen[-1] == 1

    def interrupt(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(many_rows(), progress=interrupt)


def test_lessons():
    net = many_rows()
    block_of, local_of = blocks(net.size, 2)
    with pytest.raises(PlanError):
        packed.build(net, DT, 0, block_of=block_of, local_of=local_of, n_blocks=1, channel_of=[0] * 5, scale=[Scale(1.0, 32767, np.uint32)] * 5)
    with pytest.raises(NetworkError, match="time step"):
        packed.build(net, 5.0, 0, block_of=block_of, local_of=local_of, n_blocks=2, channel_of=[0] * 5, scale=[Scale(1.0, 32767, np.uint32)] * 5)


