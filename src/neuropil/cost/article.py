"""Article 003's estimate of a human brain, line by line and figure by figure, recomputed (CLAIMS F1 to F7).

Its operations are counted four ways: its own items added up; the equations run on counting numbers (as written); the
equations traced by JAX, with common expressions shared, as our kernels have them; and those at the cost of
our exponential. Its totals are recomputed from its own inputs first, and then from corrected ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np

from neuropil.cost.article_equations import NEURON, NEURON_TOTAL, SYNAPSE, SYNAPSE_TOTAL, Line
from neuropil.cost.brain import BRAINS, Assumptions, assumptions, clocked_synapse
from neuropil.cost.counted import count, flops
from neuropil.cost.estimate import draws, estimate, percentile_of
from neuropil.cost.interval import Interval
from neuropil.cost.machines import (
    ARTICLE_YEAR,
    FP32_DOUBLING,
    FP64_DOUBLING_ARTICLE,
    H100,
    H100_ALL_IN_WATTS,
    P100,
    V100,
    doubling_time,
    growth_between,
    year_reached,
)
from neuropil.cost.measure import synapse_seconds, this_machine
from neuropil.lower.graph import Graph, absorb
from neuropil.lower.trace import scalar_jaxpr

NEURONS, SYNAPSES = 100e9, 600e12
NEURON_FLOPS, SYNAPSE_FLOPS, STEPS = 20_000.0, 85.0, 1000.0
TRANSCENDENTAL = 10
"""FLOPs that the article counts for an exponential."""
GPT4_TRAINING = 2.1e25
"""FLOPs of GPT-4's training, Epoch's estimate (CLAIMS F4)."""
WEEK = 7 * 86400.0
CARLSMITH = (1e13, 1e17)
"""FLOP/s that Carlsmith 2020 thinks likely to suffice; more than 1e21 he calls unlikely (CLAIMS F3)."""
ORDERS_TO_GROW = 100.0
"""The article's "two orders of magnitude" from the clusters of its day."""


@dataclass(frozen=True)
class Row:
    """A line of the article's tables, counted four ways.

    Attributes:
        article: its total; items: its own items added up, an exponential at 10.
        written: the equation on counting numbers, an exponential at 10, the Euler update included.
        shared: the traced equation with common expressions formed once, at the same price.
        ours: the same with the exponential of our kernels.
        updates: how many of `written` are multiplications by dt and additions of the Euler step.
        name: of the line.
        note: how it is counted.
    """

    name: str
    article: int
    items: int
    written: float
    shared: float
    ours: float
    updates: int
    note: str


def traced(line: Line) -> Counter[str]:
    """Operations of a line's equation in its trace, simplified and shared as in a kernel, every argument a variable."""

    class Maths:
        exp = staticmethod(jnp.exp)
        maximum = staticmethod(jnp.maximum)

    names = list(line.arguments)
    closed = scalar_jaxpr(lambda *values: line.function(Maths, *values), *names)
    graph = Graph()
    roots = absorb(graph, closed, [graph.leaf(f"s.{name}") for name in names], line.name)
    return graph.operations(roots)


def rows(lines: tuple[Line, ...]) -> list[Row]:
    """A table of the article, counted.

    Args:
        lines: of the table.
    """
    found = []
    for line in lines:
        written, _ = count(line.function, line.arguments.values())
        shared = traced(line)
        found.append(
            Row(line.name, line.total, line.items_total(TRANSCENDENTAL), flops(written, TRANSCENDENTAL),
                flops(shared, TRANSCENDENTAL), flops(shared), line.updates, line.note)
        )  # fmt: skip
    return found


def neuron_rows() -> list[Row]:
    """The table of the neuron (126)."""
    return rows(NEURON)


def synapse_rows() -> list[Row]:
    """The table of the synapse (85)."""
    return rows(SYNAPSE)


@dataclass(frozen=True)
class Finding:
    """A figure of the article beside ours.

    Attributes:
        claim: "F1" … "F7"; what: the figure.
        article: as printed there (None where it says nothing); ours: recomputed, with its range.
        note: how.
        unit: of the figures.
    """

    claim: str
    what: str
    article: float | None
    ours: Interval
    unit: str
    note: str = ""


def article_flops(neurons: float = NEURONS, synapses: float = SYNAPSES) -> tuple[float, float]:
    """(neurons, synapses): FLOP/s by the article's own inputs."""
    return neurons * NEURON_FLOPS * STEPS, synapses * SYNAPSE_FLOPS * STEPS


def findings() -> list[Finding]:
    """Every figure, claim by claim."""
    return [*f1(), *f2(), *f3(), *f4(), *f5(), *f6(), *f7()]


def _found(claim: str, what: str, article: float | None, ours: Interval | float, unit: str, note: str = "") -> Finding:
    return Finding(claim, what, article, Interval.of(ours), unit, note)


def f1() -> list[Finding]:
    """The neuron's table."""
    table = neuron_rows()
    once = sum(r.shared for r in table[:3])
    a = human("float32")
    kernel = a.flops_per_compartment.value
    return [
        _found("F1", "FLOPs of a neuron's step, its lines added", NEURON_TOTAL, sum(r.article for r in table), "FLOP"),
        _found("F1", "the same, its own items added", NEURON_TOTAL, sum(r.items for r in table), "FLOP"),
        _found("F1", "counted, each current formed once", NEURON_TOTAL, once, "FLOP", "an exponential at 10, as there"),
        _found("F1", "our kernel: exponential Euler, stable at the steps in use", NEURON_TOTAL, kernel, "FLOP", "our exponential: 18"),
    ]


def f2() -> list[Finding]:
    """The synapse's table."""
    table = synapse_rows()
    written, updates = sum(r.written for r in table), sum(r.updates for r in table)
    return [
        _found("F2", "FLOPs of a synapse's step, its lines added", SYNAPSE_TOTAL, sum(r.article for r in table), "FLOP"),
        _found("F2", "the same, its own items added", SYNAPSE_TOTAL, sum(r.items for r in table), "FLOP"),
        _found("F2", "counted as written, without Euler updates", SYNAPSE_TOTAL, written - updates, "FLOP"),
        _found("F2", "counted as written, with them", SYNAPSE_TOTAL, written, "FLOP"),
    ]


def human(precision: str, event_driven: bool = True) -> Assumptions:
    """What we assume of a human brain.

    Args:
        precision: "float32" or "float64".
        event_driven: whether synapses are.
    """
    return assumptions(BRAINS["human"], precision=precision, event_driven=event_driven)


def f3_sample(n: int = 20_000, seed: int = 1) -> np.ndarray:
    """FLOP/s of a human brain under stated ranges, half the draws event-driven and half clock-driven.

    Ranges are those of `assumptions`: step, compartments, rates, counts and operations.

    Args:
        n: number of draws.
        seed: of the draws.

    Returns:
        float64[n].
    """
    return np.concatenate([f3_half(driven, n // 2, seed + driven) for driven in (True, False)])


def f3_half(event_driven: bool, n: int = 10_000, seed: int = 1) -> np.ndarray:
    """The event-driven or the clock-driven half of the draws.

    Args:
        event_driven: which half.
        n: number of draws.
        seed: of the draws.
    """
    return draws(human("float32", event_driven), "flops", n, seed)


def f3() -> list[Finding]:
    """53 exaFLOPS."""
    neurons, synapses = article_flops()
    sample = f3_sample()
    low, middle, high = (float(q) for q in np.percentile(sample, [5, 50, 95]))
    one_hertz = SYNAPSES * SYNAPSE_FLOPS * 1.0
    article = neurons + synapses
    return [
        _found("F3", "neurons", 2e18, neurons, "FLOP/s"),
        _found("F3", "synapses", 5.1e19, synapses, "FLOP/s"),
        _found("F3", "together", 5.3e19, article, "FLOP/s", "the arithmetic holds"),
        _found("F3", "its neuron per step: low", 2360, 126 * 10 + 1000 + 100, "FLOP"),
        _found("F3", "its neuron per step: high", 23100, 126 * 100 + 10_000 + 500, "FLOP", "it takes 20,000, near the top, and "
               "counts synapses here and again below"),
        _found("F3", "synapses at 85 FLOPs per event and 1 Hz instead of each ms", 5.1e19, one_hertz, "FLOP/s"),
        _found("F3", "neurons at 0.05 ms, where Euler holds, synapses at 1 ms", 5.3e19, 20 * neurons + synapses, "FLOP/s"),
        _found("F3", "our draws: 5, 50, 95 %", 5.3e19, Interval(low, middle, high), "FLOP/s"),
        _found("F3", "percentile of 53 exaFLOPS among them", None, percentile_of(article, sample), "%"),
        _found("F3", "percentile among the event-driven ones", None, percentile_of(article, f3_half(True)), "%"),
        _found("F3", "percentile among the clock-driven ones", None, percentile_of(article, f3_half(False)), "%"),
        _found("F3", "Carlsmith's likely range", 5.3e19, Interval(CARLSMITH[0], 1e15, CARLSMITH[1]), "FLOP/s"),
    ]  # fmt: skip


def f4() -> list[Finding]:
    """A week of it, and the training of GPT-4."""
    per_second = sum(article_flops())
    days = GPT4_TRAINING / per_second / 86400
    return [
        _found("F4", "FLOPs of one week", None, per_second * WEEK, "FLOP", f"GPT-4's training: {GPT4_TRAINING:.2g} (Epoch)"),
        _found("F4", "as many as GPT-4's training after", 7.0, days, "days", "more than a week's: the claim holds"),
    ]


def f5() -> list[Finding]:
    """1.55 million H100s."""
    per_second = sum(article_flops())
    needed = per_second / H100.fp64
    power = Interval(H100.watts, 1275.0, H100_ALL_IN_WATTS) * needed
    return [
        _found("F5", "H100s at 34 TF of FP64", 1.55e6, needed, ""),
        _found("F5", "H100s at the 67 TF of FP64 tensor units", None, per_second / H100.fp64_tensor, ""),
        _found("F5", "power of the former", None, power, "W", "boards; with hosts; with cooling"),
        _found("F5", "orders of magnitude beyond 10⁵ GPUs", 2.0, float(np.log10(needed / 1e5)), "orders", "dated: 10⁵ since 2024"),
    ]


def f6() -> list[Finding]:
    """2040 to 2075."""
    sheets = Interval(*sorted((growth_between(P100, H100), growth_between(V100, H100), doubling_time())))
    return [
        _found("F6", "doubling of FP64, years", 7.6, FP32_DOUBLING, "years", "a constant area ratio of 5 shifts the level of a trend, "
               "not its rate"),
        _found("F6", "how 7.6 came about: 2.3 log₂ 10", 7.6, FP64_DOUBLING_ARTICLE, "years"),
        _found("F6", "doubling of FP64 by data sheets, P100 or V100 to H100", 7.6, sheets, "years"),
        _found("F6", "a hundredfold at the article's FP32 rate", 2040, year_reached(ORDERS_TO_GROW, FP32_DOUBLING), "", f"from {ARTICLE_YEAR}"),
        _found("F6", "a hundredfold in FP64 at 2.8 years", None, year_reached(ORDERS_TO_GROW, 2.8), ""),
        _found("F6", "a hundredfold with the faulty step", 2075, year_reached(ORDERS_TO_GROW, FP64_DOUBLING_ARTICLE), ""),
        _found("F6", "15.6-fold (10⁵ GPUs today), same trend", None, year_reached(sum(article_flops()) / H100.fp64 / 1e5, FP32_DOUBLING), ""),
    ]  # fmt: skip


def f7() -> list[Finding]:
    """600 TB, and why memory is the limit."""
    states = 8 * 4.0
    moved = SYNAPSES * 2 * states * STEPS
    intensity = SYNAPSE_FLOPS / (2 * states)
    return [
        _found("F7", "memory at one byte per synapse", 600e12, SYNAPSES, "bytes"),
        _found("F7", "H100s to hold it", None, SYNAPSES / H100.memory, ""),
        _found("F7", "memory at eight FP32 states per synapse", None, SYNAPSES * states, "bytes"),
        _found("F7", "H100s to hold them", None, SYNAPSES * states / H100.memory, ""),
        _found("F7", "H100s to read and write them each ms", 1.55e6, moved / H100.bandwidth, ""),
        _found("F7", "FLOPs per byte of the synapse", None, intensity, "FLOP/B"),
        _found("F7", "FLOPs per byte where an H100 is balanced", None, H100.ridge("float64"), "FLOP/B"),
        _found("F7", "times memory-bound", None, H100.ridge("float64") / intensity, ""),
    ]


def article_assumptions() -> Assumptions:
    """The article's own inputs as assumptions of ours: `neuropil cost human` with its flags."""
    a = replace(human("float64", event_driven=False), utilisation=Interval.exact(1.0))
    return a.fixed(
        neurons=NEURONS, synapses=SYNAPSES, compartments=1, dt=1.0, flops_per_compartment=NEURON_FLOPS,
        flops_per_synapse=SYNAPSE_FLOPS, active_fraction=1.0,
    )  # fmt: skip


def article_estimate() -> dict[str, Interval]:
    """The article's inputs through our formula."""
    return dict(estimate(article_assumptions()).totals)


def measured_synapse(threads: int | None = None, synapses: int = 1_000_000, *, again: bool = False) -> dict[str, float]:
    """The article's synapse run on this machine, its state in the cache and in main memory (F7).

    Args:
        synapses: of each thread in the latter case; their states take 32 bytes each.
        again: measure even if there are figures.
        threads: None: all cores.

    Returns:
        By name: nanoseconds per synapse-step, FLOP/s and bytes/s, all threads together, beside the machine's own.
    """
    machine = this_machine(threads, again=again)
    program, counted = clocked_synapse("float32")
    work, moved = counted.flops, counted.bytes
    found: dict[str, float] = {"FLOPs per synapse-step": work, "bytes per synapse-step": moved, "FLOPs per byte": work / moved}
    for where, targets in (("cache", 24), ("memory", synapses // 1000)):
        seconds = synapse_seconds(program, "float32", threads, targets=targets, again=again)
        found |= {
            f"ns per synapse-step, state in {where}": 1e9 * seconds,
            f"GFLOP/s, state in {where}": 1e-9 * work / seconds,
            f"GB/s, state in {where}": 1e-9 * moved / seconds,
        }
    found |= {
        "GFLOP/s of multiply-adds (peak)": 1e-9 * machine.flops32,
        "GB/s of a triad from memory": 1e-9 * machine.bandwidth,
        "FLOPs per byte where this machine is balanced": machine.flops32 / machine.bandwidth,
    }
    return found
