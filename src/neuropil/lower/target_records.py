"""Which rules can be carried out on target records, and what of their equations a record holds.

All synapses of a source with one delay met their source last at the same time. So which spikes of its target a synapse has yet to respond
to follows from the times of the target's spikes alone, and is kept once for all synapses of the target. What a response reads of its source
has decayed since that meeting, by exp(a·(t - t₀)) = exp(a·t)·exp(-a·t₀): a product of a number of the spike and a number of the source, so
that no synapse evaluates an exponential or keeps a time. The same holds, with the sides exchanged, for what an arrival reads of its target.

The forms are found in the graph: a *separable* node is a product of things that stand still between spikes and at most one such decay.

Args:
    graph: of what spikes do (`neuropil.lower.synapse.SynapseProgram.arrival`).
    age: leaf of the time since the states of a side were brought up to date; "" where they come as they are.
    mine: leaves of the states of that side, and of the parameters that are the same for all synapses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neuropil.lower.classify import parameter_leaf
from neuropil.lower.graph import Graph
from neuropil.lower.primitives import PRIMITIVES
from neuropil.lower.synapse import SynapseProgram
from neuropil.lower.synapse_form import age as age_of
from neuropil.model.base.distribution import Distribution
from neuropil.model.contents.contents import Projection
from neuropil.model.modulation.modulator import effects_on
from neuropil.model.network.network import Network

MANY, FEW = 7, 3
"""Spikes that a record remembers: so many that few synapses have more to respond to, or fewer where a response needs much."""

CHEAP = 16
"""Floating-point operations of a response that is computed also for spikes to which a synapse has responded."""

WIDEST = 32
"""Numbers of a record at most."""

SLOWEST = 20_000.0
"""Longest time constant of a decay, ms: decays distinguish times."""


@dataclass(frozen=True)
class Separable:
    """A product of factors and at most one decay.

    Attributes:
        rate: the static node of the decay's rate, 1/ms; None without a decay.
        factors: nodes that stand still between spikes.
    """

    rate: int | None
    factors: tuple[int, ...]


@dataclass(frozen=True)
class TargetRecords:
    """What is kept of every target, and for every source.

    Attributes:
        spikes: how many of the last spikes a record remembers.
        costly: whether a response takes so much that it is computed only where a synapse of a block needs it.
        source_rates, target_rates: static nodes, 1/ms; of each spike a record holds the decays of the source's rates.
        of_source: nodes of a response that are made of a source's decay or states alone.
        recorded: nodes of a response that the target's states alone decide, recorded at its spike.
        of_target: nodes of an arrival that are made of a target's decay or states alone.
        entries: of `of_target`: what a record holds, as its rate and the factors that are not static.
        computed: nodes of an arrival that the target's states alone decide, in another form: computed for all targets in a step.
    """

    spikes: int
    costly: bool
    source_rates: tuple[int, ...]
    target_rates: tuple[int, ...]
    of_source: dict[int, Separable]
    recorded: tuple[int, ...]
    of_target: dict[int, Separable]
    entries: tuple[Separable, ...]
    computed: tuple[int, ...]

    @property
    def per_spike(self) -> int:
        """Numbers of a spike."""
        return len(self.source_rates) + len(self.recorded)

    @property
    def size(self) -> int:
        """Numbers of a record, a multiple of four."""
        return _size(self.spikes, self.per_spike, len(self.entries))


def records_of(network: Network, projection: Projection, program: SynapseProgram) -> TargetRecords | str:
    """The target records of the event-driven synapses of a projection, or why they have none.

    Args:
        network, projection: as described.
        program: of its synapses.
    """
    found = records_of_program(program)
    if isinstance(found, str):
        return found
    system = program.scheme.system
    decays = system.graph.leaves(*system.a.values())
    changed = [n for n in effects_on(network.modulators, projection) if parameter_leaf(n) in decays]
    if changed:
        return f"{changed[0]} is modulated"
    traced = program.traced
    given: dict[str, Any] = {n: getattr(traced.model, n) for n in traced.spec.parameters}
    values = {n: 1.0 if isinstance(v, Distribution) or n in traced.drawn else v.value for n, v in given.items()}
    return found if decays_in_time(program, found, program.constants(values, 1.0)) else "a trace does not decay, or takes more than 20 s"


def decays_in_time(program: SynapseProgram, records: TargetRecords, constants: dict[str, Any]) -> bool:
    """Whether all rates are such that decays distinguish times.

    Args:
        program: of the synapses; records: theirs.
        constants: of the program, by name.
    """
    rates = program.arrival.evaluate((*records.source_rates, *records.target_rates), {f"p.{n}": v for n, v in constants.items()})
    return all(-SLOWEST * float(rate) >= 1.0 for rate in rates)


def records_of_program(program: SynapseProgram) -> TargetRecords | str:
    """The same by the equations alone.

    Args:
        program: of the synapses.
    """
    if not (program.event_driven and program.responds and program.responding):
        return "no synapse responds to its target"
    if program.dated:
        return "a state of each synapse changes between spikes"
    graph, side = program.arrival, program.form.of
    parameters = {x for x in graph.leaves(*program.response_roots, *program.arrival_roots) if x[0] == "p"}
    parameters -= {f"p.{n}" for n in program.traced.varied}
    sources, targets = ({f"s.{n}" for n in side(whose)} | parameters for whose in ("source", "target"))
    of_source, complete = _separable(graph, program.response_roots, age_of("source"), sources)
    source_rates = _rates(of_source)
    if not complete or not source_rates:
        return "a response does not follow from decaying traces of its source"
    recorded, _ = _separable(graph, program.response_roots, "", targets)
    of_target: dict[int, Separable] = {}
    computed = []
    for node in program.per_target:
        found, complete = _separable(graph, [node], age_of("target"), targets)
        if complete:
            of_target |= found
        else:
            computed.append(node)
    entries = tuple(dict.fromkeys(entry_of(graph, s) for s in of_target.values()))
    per_spike = len(source_rates) + len(recorded)
    known = {*of_source, *recorded}
    flops = sum(PRIMITIVES[graph.nodes[n].op].flops for n in graph.reach(program.response_roots, known) if n not in known and _computes(graph, n))
    spikes = MANY if _size(MANY, per_spike, len(entries)) <= WIDEST // 2 else FEW
    if _size(spikes, per_spike, len(entries)) > WIDEST:
        return "a record would be too long"
    return TargetRecords(spikes, flops > CHEAP, source_rates, _rates(of_target), of_source, tuple(recorded), of_target, entries, tuple(computed))


def entry_of(graph: Graph, product: Separable) -> Separable:
    """What a record holds of a product: what is not static."""
    return Separable(product.rate, tuple(n for n in product.factors if not graph.nodes[n].static))


def _size(spikes: int, per_spike: int, entries: int) -> int:
    return -(-(spikes * per_spike + entries) // 4) * 4


def _computes(graph: Graph, node: int) -> bool:
    return graph.nodes[node].op in PRIMITIVES and not graph.nodes[node].static


def _rates(found: dict[int, Separable]) -> tuple[int, ...]:
    return tuple(sorted({s.rate for s in found.values() if s.rate is not None}))


def _separable(graph: Graph, roots: Iterable[int], age: str, mine: set[str]) -> tuple[dict[int, Separable], bool]:
    """The largest separable nodes that the roots need and that read a state or the age of the side; whether nothing else reads the age."""
    found: dict[int, Separable] = {}
    seen: set[int] = set()
    stack, complete = list(roots), True
    while stack:
        n = stack.pop()
        if n in seen:
            continue
        seen.add(n)
        node = graph.nodes[n]
        product = None if node.static or node.op == "const" else _product(graph, n, age, mine)
        if product is not None:
            found[n] = product
        else:
            complete &= not (node.op == "leaf" and node.value == age)
            stack.extend(node.args)
    return dict(sorted(found.items())), complete


def _product(graph: Graph, n: int, age: str, mine: set[str]) -> Separable | None:
    node, leaves = graph.nodes[n], graph.leaves(n)
    if age not in leaves:
        return Separable(None, (n,)) if leaves <= mine else None
    if node.op == "exp":
        product = graph.nodes[node.args[0]]
        rates = [a for a in product.args if graph.nodes[a].static and graph.leaves(a) <= mine]
        ages = [a for a in product.args if graph.nodes[a].op == "leaf" and graph.nodes[a].value == age]
        return Separable(rates[0], ()) if product.op == "mul" and rates and ages else None
    if node.op == "mul":
        parts = [_product(graph, a, age, mine) for a in node.args]
        if all(p is not None for p in parts):
            rates = [p.rate for p in parts if p is not None and p.rate is not None]
            return Separable(rates[0], tuple(f for p in parts if p is not None for f in p.factors)) if len(rates) == 1 else None
    return None
