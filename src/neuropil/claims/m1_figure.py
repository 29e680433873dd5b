"""The figure of M1: what each arm earns, how it recovers from a change, and how the circuit is reconfigured while it works.

Args:
    streams: by seed.
    seeds: of the streams.
    histories: one for each seed; arms: histories by name of the arm.
    kind: of change.
    more: further quantities for the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuropil.claims.claim import Measured
from neuropil.claims.drawing import SERIES, label, legend
from neuropil.claims.rule_stream import STEPS, History, Stream, parameters
from neuropil.zoo.circuits.modulated_choice import ACTIONS, MODULATORS, PER_ACTION, PER_STIMULUS, STIMULI

BEFORE, AFTER = 8, 24  # trials around a change
KINDS = ("map", "cue", "delay")


def around(streams: dict[int, Stream], seeds: Sequence[int], histories: list[History], kind: str) -> np.ndarray:
    """Share of best choices from `BEFORE` trials before changes of a kind to `AFTER` after, running mean of three."""
    rows = []
    for seed, history in zip(seeds, histories, strict=True):
        for at, what in streams[seed].changes:
            if what == kind:
                row = np.full(BEFORE + AFTER, np.nan)
                low, high = max(0, at - BEFORE), min(history.right.size, at + AFTER)
                row[low - at + BEFORE : high - at + BEFORE] = history.right[low:high]
                rows.append(row)
    there = np.isfinite(rows)
    mean = np.where(there, rows, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.convolve(np.pad(mean, 1, mode="edge"), np.full(3, 1 / 3), mode="valid")


def draw(streams: dict[int, Stream], seeds: Sequence[int], arms: dict[str, list[History]], more: list[Measured]) -> Any:
    """The whole figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 12.5), dpi=130, layout="constrained")
    grid = figure.add_gridspec(5, 3, height_ratios=(1.1, 1.1, 1.2, 1.2, 1.4))
    _differences(figure.add_subplot(grid[0, :]), more)
    for j, kind in enumerate(KINDS):
        ax = figure.add_subplot(grid[1, j])
        for colour, (name, histories) in zip((*SERIES, "#000000"), arms.items(), strict=False):
            ax.plot(np.arange(-BEFORE, AFTER), around(streams, seeds, histories, kind), color=colour, lw=2.0 if name == "full" else 0.9, label=name)
        ax.axvline(0, color="0.6", lw=0.8)
        label(ax, f"trials since a change of {kind}", "best choices")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncol=9, frameon=False, fontsize=7, title="arms of the second row", title_fontsize=7)
    first, history = streams[seeds[0]], arms["full"][0]
    _levels(figure.add_subplot(grid[2, :]), first, history)
    _parameters(figure.add_subplot(grid[3, :]), first, history)
    _raster(figure.add_subplot(grid[4, :]), first, history)
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return figure


def _differences(ax: Any, more: list[Measured]) -> None:
    y = np.arange(len(more))[::-1]
    values = np.array([[m.value, max(m.low, -1.0), min(m.high, 1.0)] for m in more])
    ax.errorbar(values[:, 0], y, xerr=[values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], fmt="o", color=SERIES[0], capsize=2, ms=4)
    for row, m in zip(y, more, strict=True):
        ax.plot(m.by_seed, np.full(len(m.by_seed), row + 0.25), ".", color="0.6", ms=3)
    ax.axvline(0, color="0.6", lw=0.8)
    ax.set_yticks(y, [m.name.split(":")[0] for m in more])
    label(ax, "reward per trial that the full system earns more (95 %; dots are seeds)", "")


def _changes(ax: Any, stream: Stream) -> None:
    top = ax.get_ylim()[1]
    for at, kind in stream.changes:
        ax.axvline(at, color="0.6", lw=0.8)
        ax.text(at, top, f" {kind}", fontsize=7, va="top", color="0.4")


def _levels(ax: Any, stream: Stream, history: History) -> None:
    trials = np.arange(history.level[MODULATORS[0]].size) / 3
    for colour, name in zip(SERIES, MODULATORS[2:], strict=False):
        ax.plot(trials, history.level[name] * 1e6, color=colour, lw=1.2, label=name)
    legend(ax, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncol=3)
    label(ax, "trial", "concentration (nM)", "full system, first seed; grey: both errors of dopamine, times 50")
    for name in MODULATORS[:2]:
        ax.plot(trials, history.level[name] * 50 - 60, color="0.6", lw=0.5)
    _changes(ax, stream)


def _parameters(ax: Any, stream: Stream, history: History) -> None:
    made = parameters(history.level)
    trials = np.arange(history.level[MODULATORS[0]].size) / 3
    shown = {
        "learning rate (ventral), of its largest": made["ventral.rate"] / made["ventral.rate"].max(), "gain of actions": made["action.gain"],
        "forgetting, times 100 ms": made["ventral.forget"] * 100, "scale of dorsal loop": made["dorsal.scale"], "expectation": made["expectation.scale"],
    }  # fmt: skip
    for colour, (name, values) in zip(SERIES, shown.items(), strict=False):
        ax.plot(trials, values, color=colour, lw=1.0, label=name)
    legend(ax, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncol=5)
    ax.set_ylim(0, 1.3)
    label(ax, "trial", "parameter", "what they made of parameters")
    _changes(ax, stream)


def _raster(ax: Any, stream: Stream, history: History) -> None:
    """The actions' neurons in choices for one stimulus, before and after the first change of map."""
    assert history.result is not None
    at = next(at for at, kind in stream.changes if kind == "map")
    asked = np.bincount(stream.stimulus[max(0, at - 25) : at + 25], minlength=STIMULI)
    stimulus = int(np.argmax(asked))
    mine = np.flatnonzero(stream.stimulus == stimulus)
    mine = np.concatenate([mine[mine < at][-5:], mine[mine >= at][:9]])
    stamps, neurons = history.result.spikes.step, history.result.spikes.neuron
    first = 3 * STIMULI * PER_STIMULUS
    for column, t in enumerate(mine.tolist()):
        inside = (stamps > 3 * STEPS * t) & (stamps <= 3 * STEPS * t + STEPS) & (neurons >= first)
        who, when = neurons[inside].astype(int) - first, (stamps[inside] - 3 * STEPS * t) / STEPS * 0.9 + column
        for a in range(ACTIONS):
            ax.plot(when[who // PER_ACTION == a], who[who // PER_ACTION == a], "|", ms=2.5, mew=0.6, color=SERIES[a])
        ax.text(column + 0.45, ACTIONS * PER_ACTION, f"{history.reward[t]:g}", fontsize=7, ha="center")
        if t < at <= (mine[column + 1] if column + 1 < mine.size else t):
            ax.axvline(column + 0.95, color="black", lw=1.0)
    ax.set_xticks(np.arange(mine.size) + 0.45, mine)
    label(ax, f"trials that show stimulus {stimulus} (100 ms of choice each; above: reward; line: the map changes)", "neuron of the actions", "the same stimulus, another answer")
