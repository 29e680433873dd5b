"""What a notebook shows of a result, a trace and a simulation: key figures, tables and a picture, without files or network access."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from neuropil.errors import ResultError
from neuropil.pages import render
from neuropil.result import Result, Trace
from neuropil.view.numbers import number, seconds, significant, size
from neuropil.view.panels import traces_figure
from neuropil.view.raster import raster_figure
from neuropil.view.report import key_figures, lead

_DOTS = 8000  # of a raster, so that a notebook with many results stays small
_ROWS = 24  # of a table


def result_html(result: Result) -> str:
    """A result: key figures (cost among them), rates of the populations, and the raster, or the traces where nothing fired.

    Args:
        result: of a run.
    """
    try:
        rates = result.rates()
    except ResultError:  # nothing was run, or spikes of a part of the run were not recorded: they are shown as not known
        rates = {}
    populations = [[name, number(count), number(rates.get(name))] for name, (_, count) in result.spikes.populations.items()]
    probes = [[name, trace.variable, trace.population, trace.unit or "–", number(trace.neurons.size), number(len(trace))] for name, trace in result.traces.items()]
    return _page(
        str(result.summary.get("model", "run")), "result", [lead(result), *_warnings(result)],
        [(name, f"{value} {note}") for name, value, note in key_figures(result)],
        [
            ("Rates over the whole run", ["population", "neurons", "rate (Hz)"], populations),
            ("Probes", ["name", "variable", "of", "unit", "columns", "samples"], probes),
        ],
        *_picture(result),
    )  # fmt: skip


def trace_html(trace: Trace) -> str:
    """A trace: what it is of, its extent, and its picture.

    Args:
        trace: of a probe.
    """
    shown = len(trace) > 0 and trace.neurons.size > 0
    png = _png(traces_figure({f"{trace.population}.{trace.variable}": trace})) if shown else ""
    return _page(f"{trace.variable} of {trace.population}", "trace", [repr(trace)], [], [], png, "Traces of the probe")


def simulation_html(simulation: Any) -> str:
    """A simulation: where it is, how it runs, what of, and what it has cost.

    Args:
        simulation: a `neuropil.engine.Simulation`.
    """
    network, summary = simulation.network, simulation.summary()
    rates = summary["rates_hz"]
    facts = [
        ("time", str(simulation.time)), ("time step", f"{summary['dt_ms']:g} ms"), ("seed", str(summary["seed"])), ("threads", str(simulation.threads)),
        ("precision", str(summary["precision"])), ("synapses", number(summary["synapses"])), ("build", seconds(simulation.build_seconds)),
        ("compile", seconds(simulation.compile_seconds)), ("wall time", seconds(simulation.wall_seconds)), ("memory", size(sum(simulation.memory.values()))),
    ]  # fmt: skip
    populations = [[p.name, type(p.neuron).__name__, number(p.size), number(rates.get(p.name))] for p in network.populations.values()]
    projections = [[p.name, p.source.name, p.target.name, type(p.rule).__name__] for p in network.projections]
    return _page(
        network.name or "network", "simulation", [f"{number(network.size)} neurons"], facts,
        [
            ("Populations", ["population", "model", "neurons", "rate so far (Hz)"], populations),
            ("Projections", ["projection", "from", "to", "rule"], projections),
        ],
        "", "",
    )  # fmt: skip


def _warnings(result: Result) -> list[str]:
    found = []
    if result.summary.get("partial"):
        found.append("The run was killed: this is what reached the disk.")
    if result.summary.get("interrupted"):
        found.append("The run was interrupted.")
    if result.summary.get("record_spikes") is False:
        found.append("Spikes were counted, not recorded.")
    return found


def _picture(result: Result) -> tuple[str, str]:
    """A picture as PNG, and what it shows; none where there is nothing to draw."""
    if len(result.spikes):
        drawing, fraction = raster_figure(result, max_dots=_DOTS, with_fraction=True)
        part = "of every neuron" if fraction >= 1 else f"of a random {significant(100 * fraction, 2)} % of the neurons of each population"
        return _png(drawing), f"Spikes {part}, and mean rates"
    probes = {n: t for n, t in list(result.traces.items())[:4] if t.values.size}
    return (_png(traces_figure(probes)), f"Traces of {', '.join(probes)}") if probes else ("", "")


def _png(figure: Any) -> str:
    """A figure on white, which is legible in every theme, in base64."""
    buffer = io.BytesIO()
    figure.patch.set(facecolor="white", alpha=1.0)
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _page(
    title: str, kind: str, about: Sequence[str], facts: Sequence[tuple[str, str]], tables: Sequence[tuple[str, list[str], list[list[str]]]], png: str, caption: str
) -> str:
    shown = [
        {"title": name, "columns": columns, "rows": rows[:_ROWS], "more": max(len(rows) - _ROWS, 0)}
        for name, columns, rows in tables
        if rows
    ]
    return render(__package__ or "", "shown.html", title=title, kind=kind, about=about, facts=facts, tables=shown, png=png, caption=caption)
