"""The page of a training: learning curve, activity, warnings, what an inference costs, in one self-contained file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from neuropil.learn.fit.result import Fit
from neuropil.learn.methods.method import method_of
from neuropil.pages import render
from neuropil.result.atomic import replacing
from neuropil.view.numbers import number, seconds, significant, size
from neuropil.view.style import SERIES, label, new_figure, tidy, to_svg

_CURVES = (("loss", "validation_loss", "loss"), ("accuracy", "validation_accuracy", "share of right answers"))


def training_figure(fitted: Fit) -> Any:
    """Loss and share of right answers by epoch, of the training and of the validation data.

    Args:
        fitted: what `fit` returned.
    """
    history = fitted.history
    panels = [curve for curve in _CURVES if curve[0] in history] or list(_CURVES[:1])
    figure = new_figure(3.4 * len(panels), 2.8)
    for k, (own, held, name) in enumerate(panels):
        ax = figure.add_subplot(1, len(panels), k + 1)
        for column, colour, what in ((own, SERIES[0], "training"), (held, SERIES[1], "validation")):
            if column in history:
                ax.plot(range(1, history.epochs + 1), history[column], color=colour, linewidth=1.4, label=what)
        if held in history:
            ax.legend(frameon=False, fontsize=8)
        tidy(ax, grid="y")
        label(ax, x="epoch", y=name)
    figure.tight_layout()
    return figure


def write_training(fitted: Fit, path: str | os.PathLike[str] = "report.html") -> Path:
    """Write the page; it needs no other files.

    Args:
        fitted: what `fit` returned.
        path: of the file, or a folder to put `report.html` into.

    Returns:
        The path of the file.
    """
    path = Path(path)
    path = path / "report.html" if path.is_dir() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    document = render(
        __package__, "training.html",
        title=f"{fitted.network.name}: training", facts=_facts(fitted), warnings=fitted.history.warnings,
        curve=to_svg(training_figure(fitted), "training", "Learning curve") if fitted.history.epochs else "",
        rates=[[name, number(fitted.network[name].size), significant(rate)] for name, rate in fitted.facts["rates"].items()],
        trained=[[name, number(count)] for name, count in fitted.facts["trained"].items()],
        cost=_cost(fitted),
        how=[["loss", repr(fitted.settings.loss)], ["inputs", ", ".join(f"{e.name}: {e.encoder!r}" for e in fitted.settings.entries)], ["surrogate", repr(fitted.settings.surrogate)],
             ["gradients", f"{method_of(fitted.settings.method).label}, {fitted.facts['backend']} ({fitted.facts['backend_why']})"], ["time step", f"{fitted.settings.dt:g} ms"], ["seed", str(fitted.settings.seed)]],
    )  # fmt: skip
    with replacing(path) as temporary:
        temporary.write_text(document, encoding="utf-8")
    return path


def _facts(fitted: Fit) -> list[tuple[str, str, None]]:
    last = fitted.history.rows[-1] if fitted.history.rows else {}
    found = [("epochs", f"{fitted.facts['epochs']}" + (" (stopped early)" if fitted.facts["stopped"] else ""))]
    for name, what in (("loss", "loss"), ("accuracy", "right answers"), ("validation_loss", "validation loss"), ("validation_accuracy", "right answers, validation")):
        if name in last:
            found.append((what, f"{100 * last[name]:.2f} %" if name.endswith("accuracy") else significant(last[name])))
    if last:
        found += [("hidden rate", f"{significant(last['rate'])} Hz"), ("wall time", seconds(sum(row["seconds"] for row in fitted.history.rows)))]
    return [(name, value, None) for name, value in found]


def _cost(fitted: Fit) -> list[list[str]]:
    cost = fitted.cost()
    one, dense = cost.event_driven, cost.dense
    rows = [
        ["operations", significant(one.operations), significant(dense.operations)], ["bytes", size(one.bytes), size(dense.bytes)],
        ["synaptic events", significant(one.synaptic_events), significant(dense.synaptic_events)],
    ]  # fmt: skip
    return rows + [[f"joules, {platform}", significant(joules.value), significant(dense.joules[platform].value)] for platform, joules in one.joules.items() if joules.high > 0]
