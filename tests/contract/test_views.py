"""Views: a part of a population is to every executor what the same neurons are when they are listed by hand.

The truths: the draws of the whole populations, restricted; explicit `Edges` and arrays; the oracle.
"""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.connectivity.draw import edges, expected_synapses, numbered_edges
from neuropil.engine import Simulation
from neuropil.errors import NetworkError
from neuropil.learn import Rollout
from neuropil.oracle import simulate
from neuropil.units import Hz, kHz, ms, mV, nS, pA, um
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.calcium_graupner_brunel import GraupnerBrunel
from neuropil.zoo.synapses.short_term import TsodyksMarkram

N = 40
SOURCES, TARGETS = np.array([3, 33, 7, 20, 21, 22, 39, 10]), np.array([0, 1, 7, 30, 33, 21, 3])
POSITIONS = np.random.default_rng(0).uniform(0, 500, (N, 2)) * um
PAIRWISE = {
    "probability": npl.FixedProbability(0.3),
    "probability, others only": npl.FixedProbability(0.7, allow_self=False),
    "all": npl.AllToAll(),
    "all others": npl.AllToAll(allow_self=False),
    "distance": npl.DistanceDependent(lambda d: np.exp(-d / 150), allow_self=False),
}
IN = {"in": npl.FixedInDegree(4, allow_self=False, allow_multiple=False), "in, multiple": npl.FixedInDegree(4)}
OUT = {"out": npl.FixedOutDegree(5, allow_self=False, allow_multiple=False), "out, multiple": npl.FixedOutDegree(5)}
TOTAL = {"total": npl.FixedTotal(30, allow_self=False, allow_multiple=False), "total, multiple": npl.FixedTotal(30)}
EVERY = slice(None)


def joined(rule, sources=EVERY, targets=EVERY, seed=3):
    """The projection and its synapses, drawn weights and delays and numbers included."""
    net = npl.Network()
    p = net.population("p", LIFExp(), N, positions=POSITIONS)
    law = {"weight": npl.Normal(10 * pA, 1 * pA), "delay": npl.Uniform(1 * ms, 3 * ms)}
    (made,) = net.project(p[sources], p[targets], rule, port="exc", name="x", **law)
    return made, numbered_edges(made, seed, 0.1)


def restricted(whole, sources, targets):
    ours = np.isin(whole[0], np.arange(N)[sources]) & np.isin(whole[1], np.arange(N)[targets])
    return [values[ours] for values in whole]


@pytest.mark.parametrize(("sources", "targets"), [(SOURCES, EVERY), (EVERY, TARGETS), (SOURCES, TARGETS)], ids=["sources", "targets", "both"])
@pytest.mark.parametrize("name", [*PAIRWISE, *IN, *OUT])
def test_draws_are_those_of_the_whole_populations(name, sources, targets):
    """Of independent pairs in any case; of degrees where the side on which they are counted is made smaller."""
    rule = {**PAIRWISE, **IN, **OUT}[name]
    pools = {**dict.fromkeys(IN, sources), **dict.fromkeys(OUT, targets)}
    wide = joined(rule, *((pools[name], EVERY) if name in IN else (EVERY, pools[name]) if name in OUT else (EVERY, EVERY)))[1]
    projection, found = joined(rule, sources, targets)
    for one, other in zip(found, restricted(wide, sources, targets), strict=True):
        np.testing.assert_array_equal(one, other)
    assert abs(found[0].size - expected_synapses(projection)) < 5 * np.sqrt(found[0].size)


@pytest.mark.parametrize("name", [*IN, *OUT, *TOTAL])
def test_degrees_are_met_within_the_views(name):
    rule = {**IN, **OUT, **TOTAL}[name]
    counts = np.zeros((N, N))
    for seed in range(200):
        _, (pre, post, *_) = joined(rule, SOURCES, TARGETS, seed)
        assert np.isin(pre, SOURCES).all() and np.isin(post, TARGETS).all()
        if name in IN:
            assert np.all(np.bincount(post, minlength=N)[TARGETS] == rule.k)
        if name in OUT:
            assert np.all(np.bincount(pre, minlength=N)[SOURCES] == rule.k)
        if name in TOTAL:
            assert pre.size == rule.n
        if not rule.allow_multiple:
            assert np.unique(pre * N + post).size == pre.size and np.all(pre != post)
        np.add.at(counts, (pre, post), 1)
    inside = counts[np.ix_(SOURCES, TARGETS)]
    allowed = rule.allow_self | (SOURCES[:, None] != TARGETS)
    assert np.all((inside > 0) == allowed), "every pair comes up"
    spread = inside[allowed] / counts.sum() * allowed.sum()
    assert spread.min() > 0.6 and spread.max() < 1.5


def test_a_total_counts_the_pairs_of_views_that_share_neurons():
    """One target that is one of five sources has four others; two views of the same neuron have no pair, and so no synapse."""
    for multiple in (True, False):
        _, (pre, post, *_) = joined(npl.FixedTotal(4, allow_self=False, allow_multiple=multiple), slice(5), slice(2, 3))
        assert pre.size == 4 and np.isin(pre, [0, 1, 3, 4]).all() and np.all(post == 2)
        assert joined(npl.FixedTotal(0, allow_self=False, allow_multiple=multiple), slice(1), slice(1))[1][0].size == 0
    with pytest.raises(NetworkError, match="at most 4"):
        joined(npl.FixedTotal(5, allow_self=False, allow_multiple=False), slice(5), slice(2, 3))


def test_edges_one_to_one_and_matrices_count_within_the_views():
    net = npl.Network()
    p = net.population("p", LIFExp(), N)
    matrix = np.arange(SOURCES.size * TARGETS.size, dtype=float).reshape(SOURCES.size, TARGETS.size)
    made = [
        net.project(p[SOURCES], p[TARGETS], npl.Edges([0, 7, 2], [6, 0, 0]), weight=[1.0, 2.0, 3.0] * pA, delay=1 * ms, port="exc")[0],
        net.project(p[TARGETS], p[SOURCES[:7]], npl.OneToOne(), weight=np.arange(7) * pA, delay=1 * ms, port="exc")[0],
        net.project(p[SOURCES], p[TARGETS], npl.AllToAll(allow_self=False), weight=matrix * pA, delay=(1 + matrix) * ms, port="exc")[0],
    ]
    listed = [set(zip(*(a.tolist() for a in edges(one, 1, 1.0)[:3]), strict=True)) for one in made]
    assert listed[0] == {(SOURCES[0], TARGETS[6], 1.0), (SOURCES[7], TARGETS[0], 2.0), (SOURCES[2], TARGETS[0], 3.0)}
    assert listed[1] == {(t, s, float(i)) for i, (t, s) in enumerate(zip(TARGETS, SOURCES[:7], strict=True))}
    pairs = {(s, t): matrix[i, j] for i, s in enumerate(SOURCES) for j, t in enumerate(TARGETS) if s != t}
    assert listed[2] == {(*pair, w) for pair, w in pairs.items()}
    _, _, weight, delay, _ = edges(made[2], 1, 1.0)
    np.testing.assert_array_equal(delay, 1 + weight)
    assert simulate(net, 1 * ms).states["p"]["v"].size == N, "the oracle lists them, too"


# --- all executors -----------------------------------------------------------------------------------------------------


def described(by_hand=False, cut=slice(None)):
    """Stores of every kind and stimuli of every kind on views; by hand: the same synapses as `Edges`, the same values in arrays."""
    net = npl.Network("views")
    a = net.population("a", PoissonSource(rate=60 * Hz), 20)
    b = net.population("b", LIFExp(), N, initial={"v": npl.Uniform(-65 * mV, -55 * mV)})
    c = net.population("c", BranchNeuron(3), 9)
    law = {"delay": npl.Uniform(0.5 * ms, 3 * ms), "port": "exc"}
    drawn = TsodyksMarkram(use=npl.Uniform(0.3, 0.7))
    ends = [
        (a[5:], b[TARGETS][cut], npl.FixedProbability(0.6), {**law, "weight": npl.Normal(900 * pA, 60 * pA), "name": "packed"}),
        (a[:12], b[10:30], npl.FixedInDegree(4), {**law, "weight": 900 * pA, "name": "degrees"}),
        (a[[7, 2, 11]], b[::2], npl.AllToAll(), {**law, "weight": npl.Uniform(600 * pA, 900 * pA), "synapse": drawn, "name": "waiting"}),
        (a[::-3], b[5:15], npl.FixedProbability(0.7), {**law, "weight": 300 * pA, "synapse": drawn, "clock_driven": True, "name": "advancing"}),
        (b[:9], b[TARGETS], npl.FixedProbability(0.5), {**law, "weight": 80 * pA, "synapse": GraupnerBrunel(), "name": "noisy"}),
        (a[3:9], c[2:7], npl.FixedOutDegree(4), {"weight": 1.5 * nS, "delay": 1 * ms, "port": "branch.exc", "name": "branches"}),
    ]
    for source, target, rule, how in ends:
        net.project(source, target, rule, **how)
    who, amplitudes = np.array([8, 1, 30]), np.array([380.0, 400.0, 390.0])
    table = np.random.default_rng(1).uniform(0, 200, (12, 3))

    def one_each(values):
        full = np.zeros((*np.shape(values)[:-1], N))
        full[..., who] = values
        return full

    some, spread = (b, one_each) if by_hand else (b[who], lambda values: values)
    net.stimulate(some, npl.Step(spread(amplitudes) * pA), input="current")
    net.stimulate(some, npl.TimeArray(spread(table) * pA, 2 * ms), input="current")
    net.stimulate(some, npl.Sine(spread(np.full(3, 20.0)) * pA, 100 * Hz), input="current")
    net.stimulate(some, npl.TimeArray([9.0, 0.0, 5.0] * pA, 5 * ms), input="current") if not by_hand else net.stimulate(
        some, npl.TimeArray(spread(np.outer([9.0, 0.0, 5.0], np.ones(3))) * pA, 5 * ms), input="current"
    )
    net.stimulate(some, npl.Noise(spread(np.zeros(3)) * pA, spread(np.full(3, 40.0)) * pA), input="current")
    net.stimulate(some, npl.Poisson(spread(np.array([500.0, 900, 2000])) * Hz), port="exc", weight=30 * pA)
    net.stimulate(some, npl.Poisson(3 * kHz), port="inh", weight=spread(np.full(3, -10.0)) * pA)
    net.stimulate(some, npl.InhomogeneousPoisson(spread(table / 50) * kHz, 2 * ms), port="exc", weight=9 * pA)
    net.stimulate(some, npl.Regular(3 * ms), port="exc", weight=spread(np.full(3, 50.0)) * pA)
    net.stimulate(some, npl.SpikeList([5.0, 6.0, 6.5] * ms, who[[0, 2, 2]] if by_hand else [0, 2, 2]), port="exc", weight=spread(np.full(3, 300.0)) * pA)
    net.stimulate(c if by_hand else c[2:5], npl.Poisson((np.isin(np.arange(9), [2, 3, 4]) if by_hand else np.ones(3)) * 2 * kHz), port="branch.exc", weight=1 * nS)
    net.probe(b if by_hand else b[who], "v", neurons=who if by_hand else None, name="v")
    net.probe(c[2:5], "branch.g", sites=[1], name="g") if "branch.g" in c.neuron.spec.states else None
    return net


STEPS = 600


def outcome(net, threads=1, chunks=(STEPS,)):
    with Simulation(net, threads=threads, precision="float64", seed=5) as simulation:
        for n in chunks:
            simulation.step(n)
        result = simulation.result()
        synapses = {p.name: simulation.synapses(p) for p in simulation.network.projections}
        return result.spikes.digest(), result.traces["v"].values, synapses, result


@pytest.fixture(scope="module")
def ours():
    return outcome(described())


def test_views_are_the_oracles(ours):
    net = described()
    truth = simulate(net, STEPS * 0.1 * ms, seed=5, edges={j: numbered_edges(p, 5, 0.1) for j, p in enumerate(net.projections)})
    spikes = ours[3].spikes
    assert len(truth.spikes.of("b")) > 20
    np.testing.assert_array_equal(spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(spikes.neuron, truth.spikes.neuron)
    np.testing.assert_allclose(ours[1], truth.traces["v"], rtol=1e-9)
    for name, states in truth.synapses.items():
        for state, values in states.items():
            np.testing.assert_allclose(ours[2][name][state], values, rtol=1e-8, atol=1e-12, err_msg=f"{name} {state}")


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_and_chunks_change_nothing(ours, threads):
    digest, v, synapses, _ = outcome(described(), threads, (77, 301, STEPS - 378))
    assert digest == ours[0]
    np.testing.assert_array_equal(v, ours[1])
    for name, arrays in ours[2].items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(synapses[name][key], values)


def test_stimuli_of_a_view_are_arrays_with_zeros_elsewhere(ours):
    digest, v, _, _ = outcome(described(by_hand=True))
    assert digest == ours[0]
    np.testing.assert_array_equal(v, ours[1])


def test_the_rollout_knows_views():
    ours, theirs = (Rollout(described(h), precision="float64", seed=5).inputs(200) for h in (False, True))
    for kind in ("events", "currents"):
        for port, values in ours[kind]["b"].items():
            np.testing.assert_allclose(values, theirs[kind]["b"][port], rtol=1e-12, atol=1e-12)
    small = npl.Network("small")
    a, b = small.population("a", PoissonSource(rate=200 * Hz), 9), small.population("b", LIFExp(), 9)
    small.project(a[2:], b[[1, 4, 8]], npl.FixedProbability(0.7), weight=2000 * pA, delay=1 * ms, port="exc")
    small.stimulate(b[:3], npl.Poisson(2 * kHz), port="exc", weight=300 * pA)
    rolled = Rollout(small, precision="float64", seed=5).run(300)
    truth = simulate(small, 30 * ms, seed=5, edges={0: edges(small.projections[0], 5, 0.1)})
    counts = np.array(rolled.spikes["b"]).sum(axis=0)
    assert counts.sum() > 5
    np.testing.assert_array_equal(counts, np.bincount(truth.spikes.of("b").neuron, minlength=9))


def test_an_ablation_leaves_all_other_draws():
    """A view of fewer targets: those that are left have the synapses they had, and nothing else changes before a spike tells."""
    whole, less = ({p.name: numbered_edges(p, 5, 0.1) for p in described(cut=cut).projections} for cut in (slice(None), slice(1, 5)))
    for name, arrays in whole.items():
        keep = np.isin(arrays[1], TARGETS[1:5]) if name == "packed" else np.ones(arrays[0].size, bool)
        assert keep.any()
        for one, other in zip(arrays, less[name], strict=True):
            np.testing.assert_array_equal(one[keep], other)


# --- the rest ----------------------------------------------------------------------------------------------------------


def test_states_and_drives_of_views_are_read_and_set():
    net = npl.Network()
    p = net.population("p", LIFExp(), 6)
    net.stimulate(p[[4, 1]], npl.Step(0 * pA), input="current", name="some")
    with Simulation(net, threads=1) as simulation:
        simulation.set_state(p[3:], "v", [-60.0, -61.0, -62.0] * mV)
        assert simulation.state(p[[5, 0]], "v").value.tolist() == [-62.0, -65.0]
        simulation.set_drive("some", [100.0, 900.0] * pA)
        simulation.step(10)
        v = simulation.state(p, "v").value
    assert v[1] > v[2] and v[1] > -63 and abs(v[0] + 65.0) < 1e-5


def test_views_are_populations_to_sums_and_views_of_views():
    net = npl.Network()
    p, q = net.population("p", LIFExp(), 10), net.population("q", LIFExp(), 4)
    assert p[2:8][[0, -1]].indices.tolist() == [2, 7] and len(p[-3:]) == 3 and p[np.int64(7)].indices.tolist() == [7]
    made = net.project(p[:5] + q, q + p[7:] + p, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")
    assert [one.ends for one in made] == [(5, 4), (5, 3), (5, 10), (4, 4), (4, 3), (4, 10)]
    assert net.project(p[:], q, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")[0].sources is None
    assert net.probe(p[::3], "v", neurons=[1]).neurons.tolist() == [3]
    assert net.probe(p, "v", neurons=np.arange(10) > 7, name="masked").neurons.tolist() == [8, 9]
    net.couple((p[:3], "current"), (p[5:], "current"), [(0, 4), (2, 0)], g=1 * nS)
    assert net.couplings[-1].second.flat_index.tolist() == [9, 5]


@pytest.mark.parametrize(
    ("which", "says"),
    [
        (10, "no such neuron"), ([0, -11], "no such neuron"), (slice(0, 11), "beyond its 10"), (slice(5, 5), "empty"), ([], "empty"),
        (np.zeros(10, bool), "empty"), (np.ones(9, bool), "one bool per neuron"), ([0.5], "whole numbers"), (1.0, "whole numbers"),
        ((1, 2), r"p\[\[1, 2\]\]"), ([1, 1], "twice"), ([1, -9], "twice"), ("a", "whole numbers"), (True, "whole numbers"),
        ([[1, 2]], "whole numbers"), (slice(0.5, 2), "whole numbers"), (None, "whole numbers"),
    ],
)  # fmt: skip
def test_what_is_no_part_is_refused(which, says):
    net = npl.Network()
    with pytest.raises(NetworkError, match=says):
        net.population("p", LIFExp(), 10)[which]


def test_what_does_not_fit_a_view_is_refused():
    net, other = npl.Network(), npl.Network()
    p, q = net.population("p", LIFExp(), 10), other.population("p", LIFExp(), 10)
    how = {"delay": 1 * ms, "port": "exc"}
    for wrong in (
        lambda: net.project(q[:3], p, npl.AllToAll(), weight=1 * pA, **how),
        lambda: net.project(p[:3], p[:2], npl.OneToOne(), weight=1 * pA, **how),
        lambda: net.project(p[:3], p, npl.Edges([3], [0]), weight=1 * pA, **how),
        lambda: net.project(p[:3], p[2:], npl.FixedInDegree(3, allow_self=False, allow_multiple=False), weight=1 * pA, **how),
        lambda: net.project(p[:3], p, npl.AllToAll(), weight=np.ones((10, 10)) * pA, **how),
        lambda: net.stimulate(p[:3], npl.Step(np.ones(10) * pA), input="current"),
        lambda: net.stimulate(p[:3], npl.SpikeList([1.0] * ms, [3]), port="exc", weight=1 * pA),
        lambda: net.probe(p[:3], "v", neurons=[3]),
        lambda: net.couple((p[:3], "current"), (p, "current"), [(3, 0)], g=1 * nS),
        lambda: net.modulator("m", npl.Signal(), volume=[p[:3]]),
    ):
        with pytest.raises(npl.NeuropilError):
            wrong()
    with pytest.raises(TypeError, match="not iterable"):
        list(p)
