"""Parts and sites: how they are named, numbered, drawn and owned; what a neuron with branches is."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.connectivity.draw import edges
from neuropil.engine.core import Core
from neuropil.engine.layout import Layout
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.model import (
    AllToAll,
    Branch,
    Branched,
    Composite,
    Edges,
    FixedInDegree,
    FixedTotal,
    Network,
    Part,
    PointProcess,
    Poisson,
    Port,
    State,
    Step,
)
from neuropil.plan.operations import Phase
from neuropil.plan.plan import make_plan
from neuropil.plan.signature import Argument, Kind, state
from neuropil.units import Hz, ms, mV, nS, pA
from neuropil.zoo.neurons.branch_neuron import BranchNeuron, NMDADendrite
from neuropil.zoo.neurons.lif import LIFExp


class Conductance(PointProcess):
    g = State(0 * nS)
    exc = Port(nS)

    def receive(self, s, w):
        return {"g": w.exc}


class Cell(Composite):
    """What a cable solver would advance: two kinds of synapses at sites of a dendrite."""

    @property
    def parts(self):
        return {"tuft": Part(Conductance(), 5), "trunk": Part(Conductance())}


def network(port="branch.exc", rule=None, **options):
    net = Network()
    lif, branchy = net.population("lif", LIFExp(), 9), net.population("branchy", BranchNeuron(4), 6)
    (made,) = net.project(lif, branchy, rule or AllToAll(), weight=1 * nS, delay=1 * ms, port=port, **options)
    return net, made


def test_a_composite_declares_what_its_parts_offer_under_full_names():
    spec = BranchNeuron(7).spec
    assert set(spec.ports) == {"exc", "inh", "branch.exc"}
    assert set(spec.inputs) == {"current"}, "what the soma supplies is nobody else's input"
    assert {"v", "branch.v", "branch.g_n"} <= set(spec.states)
    assert spec.sites == {"branch.exc": 7, "branch.v": 7, "branch.g_a": 7, "branch.g_n": 7}


def test_elements_are_numbered_neurons_first_then_parts_neuron_by_neuron():
    net = Network()
    net.population("a", BranchNeuron(3), 4)
    net.population("b", LIFExp(), 5)
    net.population("c", Cell(), 2)
    parts = make_plan(net).parts
    assert {key: p.first for key, p in parts.items()} == {
        ("a", ""): 0, ("b", ""): 4, ("c", ""): 9, ("a", "branch"): 11, ("c", "tuft"): 23, ("c", "trunk"): 33,
    }  # fmt: skip
    assert make_plan(net).elements == 35


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_thread_owns_its_neurons_with_all_their_elements_site_by_site(threads):
    net = Network()
    a, b = net.population("a", BranchNeuron(3), 7), net.population("b", Cell(), 5)
    plan = make_plan(net)
    layout = Layout.of(plan, threads)
    for population, part, sites in ((a, "", 1), (a, "branch", 3), (b, "", 1), (b, "tuft", 5), (b, "trunk", 1)):
        first = plan.parts[population.name, part].first
        seen = []
        for t in range(threads):
            mine, whole = layout.slice(population, part, t), layout.slice(population, "", t)
            assert (mine.lower, mine.neurons, mine.sites) == (whole.lower, whole.neurons, sites)
            expected = first + (mine.lower + np.arange(mine.neurons)) * sites + np.arange(sites)[:, None]
            elements = layout.shares[t].elements[mine.start : mine.stop]
            np.testing.assert_array_equal(elements, expected.ravel())
            np.testing.assert_array_equal(layout.slot_of[elements], np.arange(mine.start, mine.stop))
            seen.append(elements)
        assert sorted(np.concatenate(seen)) == list(range(first, first + population.size * sites))


def test_sites_are_drawn_uniformly_and_leave_everything_else_as_it_was():
    """10,000 draws over 4 sites: a chi-squared above 16.3 (3 degrees) comes once in a thousand seeds."""

    def drawn(port, name="p"):
        net = Network()
        a, b = net.population("a", LIFExp(), 50), net.population("b", BranchNeuron(4), 100)
        return edges(net.project(a, b, FixedTotal(10_000), weight=1 * nS, delay=1 * ms, port=port, name=name)[0], 1, 0.1)

    one, other = drawn("branch.exc"), drawn("branch.exc[2]")
    counts = np.bincount(one[4], minlength=4)
    assert counts.size == 4 and np.sum((counts - 2500) ** 2 / 2500) < 16.3
    assert set(other[4]) == {2}
    assert all(np.array_equal(x, y) for x, y in zip(one[:4], other[:4], strict=True))
    assert not np.array_equal(one[4], drawn("branch.exc", "q")[4]), "another name, another stream"


def test_listed_sites_stay_with_their_edges():
    draw = np.random.default_rng(0)
    pre, post, site = draw.integers(0, 9, 40), draw.integers(0, 6, 40), draw.integers(0, 4, 40)
    _, projection = network(rule=Edges(pre, post), site=site)
    given = sorted(zip(pre, post, site, strict=True))
    assert sorted(zip(*(edges(projection, 1, 0.1)[i] for i in (0, 1, 4)), strict=True)) == given


def test_an_index_names_one_site_and_is_not_needed_where_there_is_one():
    assert network("branch.exc[3]")[1].site == 3
    assert network("branch.exc")[1].site is None
    assert network()[1].port == "branch.exc"
    net = Network()
    pop = net.population("p", BranchNeuron(1), 3)
    assert net.stimulate(pop, Poisson(1 * Hz), port="branch.exc[0]", weight=1 * nS)[0].site is None
    probe = net.probe(net.population("q", BranchNeuron(4), 3), "branch.v", neurons=[2, 0], sites=[3, 1])
    assert probe.neurons.tolist() == [2, 2, 0, 0] and probe.sites.tolist() == [3, 1, 3, 1]
    assert probe.flat_index.tolist() == [11, 9, 3, 1]


def test_parameters_may_differ_by_branch_or_by_every_branch_of_every_neuron():
    net = Network()
    net.population("a", BranchNeuron(3, g_c=np.array([1.0, 2.0, 3.0]) * nS), 4)
    each = np.arange(1.0, 16.0)
    net.population("b", BranchNeuron(3, g_c=each * nS), 5)
    groups = {g.members[0].population.name: g for g in make_plan(net).groups if g.variant.gives}
    assert groups["a"].members[0].numbers.shape[0] == 3 and not groups["a"].members[0].arrays
    shift = Argument(Kind.SOMA_SHIFT)
    assert shift in groups["a"].signature.arguments and shift not in groups["a"].arguments
    found = groups["b"].members[0].arrays.values()
    assert any(np.allclose(array, each.reshape(5, 3).T) for array in found)


def test_a_part_without_a_kernel_collects_what_arrives():
    net = Network()
    lif, cell = net.population("lif", LIFExp(), 3), net.population("cell", Cell(), 2)
    net.project(lif, cell, FixedInDegree(2), weight=1 * nS, delay=1 * ms, port="tuft.exc")
    net.stimulate(cell, Poisson(10 * Hz), port="trunk.exc", weight=1 * nS)
    bare = {b.members[0].part: b for b in make_plan(net).bare}
    assert bare["tuft"].arguments == (state("g"), Argument(Kind.EXACT, "exc")) and bare["tuft"].members[0].weight_scales["exc"] > 0
    assert bare["trunk"].arguments == (state("g"), Argument(Kind.REAL, "exc"))


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: network("branch.exc[4]"), "0 … 3"),
        (lambda: network("branch.exc[-1]"), "whole number"),
        (lambda: network("branch.exc[]"), "whole number"),
        (lambda: network("brunch.exc"), "did you mean 'branch.exc'"),
        (lambda: network(rule=AllToAll(), site=[0]), "Edges"),
        (lambda: network("branch.exc[1]", rule=Edges([0], [0]), site=[0]), "given twice"),
        (lambda: network(rule=Edges([0, 1], [0, 1]), site=[0]), "one value per edge"),
        (lambda: network(rule=Edges([0, 1], [0, 1]), site=[0, 4]), "outside of branch.exc"),
        (lambda: network(rule=Edges([0, 1], [0, 1]), site=[0.5, 1]), "whole numbers"),
        (lambda: network(rule=Edges([0, 1], [0, 1]), site=[[0], [1]]), "whole numbers"),
        (lambda: network(rule=Edges([0, 1], [0, 1]), site="ab"), "whole numbers"),
        (lambda: network()[0].probe(network()[0]["branchy"], "branch.v"), "another network"),
    ],
)
def test_malformed_sites_are_lessons(call, word):
    with pytest.raises(NetworkError) as caught:
        call()
    assert word in str(caught.value)


@pytest.mark.parametrize("sites", [[4], [-1], [], [0.5]])
def test_malformed_sites_of_a_probe(sites):
    net, projection = network()
    with pytest.raises(NetworkError):
        net.probe(projection.target, "branch.v", sites=sites)


class Mute(Branch):
    """Gives millivolts, which no current takes."""

    gives = mV
    v = State(0 * mV)

    def output(self, s, x):
        return s.v


@pytest.mark.parametrize(
    "call, error, word",
    [
        (lambda: Branched(LIFExp, NMDADendrite(), 3), ModelError, "soma"),
        (lambda: Branched(LIFExp(), LIFExp(), 3), ModelError, "branch model"),
        (lambda: Branched(NMDADendrite(), NMDADendrite(), 3), ModelError, "soma"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 0), ModelError, "number of branches"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 2.0), ModelError, "number of branches"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 3, into="curent"), ModelError, "did you mean 'current'"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 3, reads={"v_soma": "i_exc"}), UnitError, "another unit"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 3, reads={"soma": "v"}), ModelError, "did you mean 'v_soma'"),
        (lambda: Branched(LIFExp(), NMDADendrite(), 3, reads={"v_soma": "u"}), ModelError, "no state 'u'"),
        (lambda: Branched(LIFExp(), Mute(), 3), UnitError, "does not fit the input"),
        (lambda: Network().population("p", BranchNeuron, 3), NetworkError, "not its class"),
        (lambda: Network().population("p", NMDADendrite(), 3), NetworkError, "Branched"),
        (lambda: Network().population("p", BranchNeuron(3, g_c=np.ones(4) * nS), 5), ModelError, "branch.g_c"),
        (lambda: Network().population("p", BranchNeuron(3), 5, initial={"branch.v": np.ones(5) * mV}), ModelError, "branch.v"),
        (lambda: type("Firing", (Branch,), {"fires": lambda self, s: True}), ModelError, "does not spike"),
    ],
)
def test_malformed_neurons_with_branches_are_lessons(call, error, word):
    with pytest.raises(error) as caught:
        call()
    assert word in str(caught.value)


def test_a_soma_cannot_be_driven_in_the_place_of_its_branches():
    net = Network()
    pop = net.population("p", BranchNeuron(3), 2)
    with pytest.raises(NetworkError, match=r"v_soma"):
        net.stimulate(pop, Poisson(1 * Hz), port="branch.v_soma", weight=1 * pA)


def test_what_branches_add_to_their_soma_comes_after_all_stimuli():
    """The order of a sum of real numbers is part of the step contract: stimuli first, whatever the order of the populations' parts."""
    net = Network()
    pop = net.population("p", BranchNeuron(2), 4)
    net.stimulate(pop, Step(100 * pA), input="current")
    plan = make_plan(net)
    core = Core(plan, 1)
    into = plan.buffers[plan.indices_of(pop)[0], Argument(Kind.INPUT, "current")]
    adding = [op.phase for op in core.program.operations if into in op.adds]
    core.close()
    assert adding == [Phase.STIMULI, Phase.NEURONS]
