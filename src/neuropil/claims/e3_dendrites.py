"""E3: human dendrites are three times as long; von Economo neurons.

What a neuron gains by three times the dendrite, by the storage capacity of Poirazi & Mel (2001) evaluated exactly: three times
as many branches, or branches three times as long, or, as a control, three times the synapses on a neuron whose branches do
nothing. The capacity depends on the number of input lines, which is not known; it is varied over two orders of magnitude.

Mohan et al. (2015) Cereb. Cortex 25:4839 (human dendrites); Poirazi & Mel (2001) Neuron 29:779 (capacity); Evrard, Forro &
Logothetis (2012) Neuron 74:482 (von Economo neurons in the macaque).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.capacity import branched_bits, linear_bits
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels

LARGER = 3
BRANCHES, PER_BRANCH = 40, 100  # of the smaller cell: as many branches as in A5; synapses that can be stored, a choice
LINES = (100, 300, 1_000, 3_000, 10_000)
LEAST_GAIN = 2.0  # a proposal: most of the threefold
ARMS = ("three times the branches", "branches three times as long", "three times the synapses, no branches")


def gains(lines: int) -> tuple[float, float, float]:
    """Capacity with three times the branches, three times the length of each, and of the linear neuron, over the original's.

    Args:
        lines: inputs to choose from.
    """
    base, linear = branched_bits(BRANCHES, PER_BRANCH, lines), linear_bits(BRANCHES * PER_BRANCH, lines)
    return (
        branched_bits(LARGER * BRANCHES, PER_BRANCH, lines) / base,
        branched_bits(BRANCHES, LARGER * PER_BRANCH, lines) / base,
        linear_bits(LARGER * BRANCHES * PER_BRANCH, lines) / linear,
    )


def run(trial: Trial) -> Findings:
    """The three gains over the sweep; nothing is random."""
    found = np.array([gains(d) for d in LINES])
    most = [Measured.exact(f"least gain of capacity, {arm}", found[:, i].min(), control=i == 2) for i, arm in enumerate(ARMS)]
    largest = Measured.exact(f"largest gain, {ARMS[2]}", found[:, 2].max(), control=True)
    cell = Measured.exact(
        f"bits of the smaller cell, {LINES[2]:,} lines", branched_bits(BRANCHES, PER_BRANCH, LINES[2]), "bit"
    )
    return Findings(
        [*most, largest, cell],
        [
            Condition.at_least(most[0], LEAST_GAIN),
            Condition.fact("more than the linear neuron gains, for every number of lines", bool(np.all(found[:, 0] > found[:, 2]))),
        ],
        [],
        [
            "This is what the length of dendrites can store, not that human dendrites are three times as long, which is anatomy.",
            "Longer branches gain less than more branches: " + ", ".join(
                f"{f[1]:.2f} against {f[0]:.2f} at {d:,} lines" for d, f in zip(LINES, found, strict=True)) + ".",
            "Which species have von Economo neurons is anatomy too and is not tested: they were found in the macaque.",
        ],
        _figure(found),
    )  # fmt: skip


def _figure(found: Any) -> Any:
    figure, (ax,) = panels(1, width=4.6)
    for colour, arm, gain in zip(SERIES, ARMS, found.T, strict=False):
        ax.plot(LINES, gain, "o-", color=colour, markersize=4, label=arm)
    ax.axhline(LARGER, color="black", linewidth=0.8, linestyle="--")
    ax.set_xscale("log")
    ax.set_ylim(1, 1.1 * LARGER)
    label(ax, "input lines", "capacity over that of the smaller cell", "Three times the dendrite")
    legend(ax)
    return figure


CLAIM = Claim(
    id="E3",
    title="Von Economo neurons; human dendrites three times larger",
    article="002, on cellular architecture",
    says="Von Economo neurons are entirely absent in lower mammals; human pyramidal dendrites are on average three times larger than "
    "those of rodents.",
    source="Mohan et al. (2015) Cereb. Cortex 25:4839; Evrard, Forro & Logothetis (2012) Neuron 74:482",
    traceable=True,
    tag="PART",
    criterion="Three times the branches at least double the storage capacity, and gain more than three times the synapses on a neuron "
    "without branches, for 100 to 10,000 input lines.",
    scope="The consequence of larger dendrites by the capacity formulas of Poirazi & Mel (2001); no anatomy.",
    run=run,
    wrong="Von Economo neurons were found in the macaque (Evrard 2012), so they are not unique to apes, whales and elephants.",
    seeds=0,
)
