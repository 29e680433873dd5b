"""One self-contained HTML page about a run: what it did, how it compares, what it cost, how to repeat it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuropil.pages import render
from neuropil.result import Result
from neuropil.result.atomic import replacing
from neuropil.view.numbers import number, seconds, short_count, significant, size
from neuropil.view.panels import MAX_ROWS, MIN_NEURONS, distributions_figure, spectra_figure, traces_figure
from neuropil.view.raster import MAX_DOTS, raster_figure, raster_window
from neuropil.view.statistics import MIN_SPIKES, SPECTRUM_MS, PopulationStatistics, describe
from neuropil.view.style import SERIES, colour, to_svg

Statistics = Mapping[str, PopulationStatistics]


def write_report(
    result: Result,
    path: str | os.PathLike[str] = "report.html",
    published: Mapping[str, float] | None = None,
    *,
    t_from: float | None = None,
) -> Path:
    """Write the report of a run; the file needs no other files and no network access.

    Args:
        result: the run.
        path: the file, or a folder to put `report.html` into.
        published: population -> reference rate, Hz, to be set beside this run's.
        t_from: where the statistics begin, ms, past the transient; by default the start of the run.

    Returns:
        The path of the file.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = render_report(result, published, t_from=t_from)
    with replacing(path) as temporary:
        temporary.write_text(document, encoding="utf-8")
    return path


def render_report(result: Result, published: Mapping[str, float] | None = None, *, t_from: float | None = None) -> str:
    """The report as one HTML document; arguments as in `write_report`.

    Args:
        published: rates by population, Hz.
        t_from: from which on statistics count, ms.
    """
    stop = raster_window(result)[1]
    start = max(result.t_start_ms, t_from if t_from is not None else result.t_start_ms)
    start = min(start, stop - result.spikes.dt)
    statistics = describe(result.spikes, start, stop)
    model = result.summary.get("model", "Run")
    return render(
        __package__, "report.html",
        title=f"{model} · neuropil",
        model=model,
        lead=lead(result),
        partial=bool(result.summary.get("partial")),
        key_figures=key_figures(result),
        raster=_raster(result),
        activity=_activity(statistics, published or {}, start, stop),
        distributions=_distributions(statistics, start, stop),
        spectra=_spectra(statistics, stop - start),
        traces=_traces(result),
        cost=_cost(result),
        plan=_plan(result.summary),
        command=_command(result.summary),
        digest=result.summary.get("digest") or result.spikes.digest(),
    )  # fmt: skip


def lead(result: Result) -> str:
    """The size and length of a run in one line."""
    s = result.summary
    neurons = s.get("neurons", sum(size for _, size in result.spikes.populations.values()))
    parts = [f"{number(neurons)} neuron{'' if neurons == 1 else 's'}"]
    if s.get("synapses") is not None:
        parts.append(f"{number(s['synapses'])} synapses")
    parts += [f"{result.duration_ms:,g} ms of biological time", f"steps of {result.spikes.dt:g} ms"]
    return " · ".join(parts)


def key_figures(result: Result) -> list[tuple[str, str, str]]:
    """What a reader asks of a run first: (name, value, note) of its cost, spikes, seed and digest, where they are known."""
    s = result.summary
    factor = s.get("real_time_factor")
    pace = ""
    if isinstance(factor, int | float) and factor > 0:
        pace = f"{significant(1 / factor)} × faster than life" if factor < 1 else "wall ÷ biological time"
    digest = str(s.get("digest") or result.spikes.digest())
    tiles = [
        ("Real-time factor", significant(factor), pace),
        ("Wall time", seconds(s.get("wall_seconds")), f"for {seconds(result.duration_ms / 1000)} of biology"),
        ("Build", seconds(s.get("build_seconds")), "of the network"),
        ("Compile", seconds(s.get("compile_seconds")), "of its kernels"),
        ("Peak memory", size(s.get("peak_memory_bytes")), _per_synapse(result)),
        ("Spikes", short_count(s.get("spikes", len(result.spikes))), _mean_rate(result)),
        ("Synaptic events", short_count(s.get("synaptic_events")), _event_rate(result)),
        ("Threads", number(s.get("threads")), f"{s.get('precision', 'unknown')} state"),
        ("Seed", str(s.get("seed", "–")), "of every random number"),
        ("Digest of spikes", digest[:8], "SHA-256, in full below"),
    ]
    # Tiles without a value are left out; a run that recorded little has few.
    return [tile for tile in tiles if tile[1] != "–"]


@dataclass(frozen=True)
class _Picture:
    """A section of the page with a drawing, or with a sentence where there is nothing to draw."""

    title: str
    svg: str = ""
    note: str = ""
    instead: str = ""


def _raster(result: Result) -> _Picture | None:
    start, stop = raster_window(result)
    title = f"Spikes from {start:,g} to {stop:,g} ms"
    if not result.spikes.populations:
        return None
    if not len(result.spikes.between(start, stop)) and not result.modulators:
        return _Picture(title, instead="No neuron fired in this window.")
    drawing, fraction = raster_figure(result, with_fraction=True)
    drawn = "every neuron" if fraction >= 1 else f"a random {significant(100 * fraction, 2)} % of the neurons"
    note = f"Each mark is a spike; {drawn} of each population, at most {MAX_DOTS:,} marks. Below, the mean rates."
    if result.modulators:
        note += " Under them the modulators: concentrations at their ticks, over positions the mean over each population."
    return _Picture(title, to_svg(drawing, "raster", "Raster of spikes"), note)


def _activity(statistics: Statistics, published: Mapping[str, float], start: float, stop: float) -> dict[str, Any] | None:
    """The table of populations; beside published rates where there are any."""
    if not statistics:
        return None
    note = (
        f"Means over the neurons, from {start:,g} to {stop:,g} ms. CV: of the intervals of neurons with at least "
        f"{MIN_SPIKES} spikes. Correlation: of spike counts in 2 ms bins, between 200 neurons that fired."
    )
    compared = any(name in statistics for name in published)
    deviations = {name: _deviation(s.rate, published.get(name)) for name, s in statistics.items()}
    # The scale is at least ±10 %, so that a run within one per cent looks like one.
    scale = max([10.0, *(abs(value) for value in deviations.values() if math.isfinite(value))])
    top = max((s.rate for s in statistics.values() if math.isfinite(s.rate)), default=0.0)
    if compared:
        note += f" The bars of deviation reach ±{significant(scale, 2)} %."
    rows = []
    for name, s in statistics.items():
        known = math.isfinite(deviations[name])
        bar = None if compared and not known else _bar(deviations[name] / scale, 50.0) if compared else _bar(s.rate / top if top else 0.0, 0.0)
        rows.append(
            {
                "name": name, "colour": colour(name), "size": number(s.size), "rate": number(s.rate), "bar": bar,
                "published": number(float(published[name])) if name in published else "–",
                "deviation": f"{deviations[name]:+.1f} %".replace("-", "−") if known else "–",
                "silent": f"{100 * s.silent:.1f} %" if math.isfinite(s.silent) else "–",
                "cv": number(s.cv), "correlation": number(s.correlation, 4),
            }
        )  # fmt: skip
    columns = ["population", "neurons", "rate (Hz)", *(["published (Hz)", "deviation"] if compared else []), "", "silent", "CV", "correlation"]
    return {"columns": columns, "rows": rows, "compared": compared, "note": note}


def _bar(part: float, origin: float) -> dict[str, float]:
    """A bar within its cell, in per cent: of the length `part` (-1 to 1 of what is beside the origin), from the origin on."""
    part = min(max(part if math.isfinite(part) else 0.0, -1.0 if origin else 0.0), 1.0)
    length = (100.0 - origin) * part
    return {"left": origin + min(length, 0.0), "width": abs(length)}


def _distributions(statistics: Statistics, start: float, stop: float) -> _Picture | None:
    # A few neurons have no distribution; the table has their values.
    if not any(s.spikes and s.size >= MIN_NEURONS for s in statistics.values()):
        return None
    note = "Each curve is scaled to its own peak; the mark is the median. A Poisson process has a CV of 1."
    if len(statistics) > MAX_ROWS:
        note += f" The first {MAX_ROWS} of {len(statistics)} populations."
    drawing = distributions_figure(statistics, (stop - start) / 1000.0)
    return _Picture("Distributions over neurons", to_svg(drawing, "dist", "Distributions"), note)


def _spectra(statistics: Statistics, duration_ms: float) -> _Picture | None:
    # Below a few windows of 256 ms a spectrum is noise, and below one it has no low frequencies.
    if duration_ms < SPECTRUM_MS or not any(s.spikes and s.frequencies.size > 2 for s in statistics.values()):
        return None
    note = (
        "Power spectral density of each population's mean rate (Welch, 1 ms bins, windows of 256 ms). Dashed: what "
        "independent Poisson neurons of the same rate would show."
    )
    return _Picture("Rhythms", to_svg(spectra_figure(statistics), "spectra", "Power spectra"), note)


def _traces(result: Result) -> _Picture | None:
    probes = {name: trace for name, trace in result.traces.items() if not trace.is_concentration}
    if not any(len(trace) and trace.neurons.size for trace in probes.values()):
        return None
    return _Picture("Probes", to_svg(traces_figure(probes), "traces", "Traces of the probes"))


def _cost(result: Result) -> dict[str, Any]:
    s, cost = result.summary, result.cost
    rows = []
    for name, key, each in (
        ("neuron-steps", "neuron_steps", "ns_per_neuron_step"),
        ("synaptic events", "synaptic_events", "ns_per_synaptic_event"),
    ):
        if cost.get(key):
            rows.append([name, number(cost[key]), f"{significant(cost[each])} ns" if each in cost else "–"])
    if cost.get("wall_seconds"):
        fired = len(result.spikes)
        each_spike = f"{significant(1e9 * cost['wall_seconds'] / fired)} ns" if fired else "–"
        rows.append(["spikes", number(fired), each_spike])
    note = "Time for each is the whole wall time of the run divided by that count: the rows are not to be added."
    return {
        "each": rows, "note": note if rows else "", "work": _work(s),
        "phases": _shares(s.get("phases"), seconds), "memory": _shares(s.get("memory"), size),
    }  # fmt: skip


def _work(summary: Mapping[str, object]) -> dict[str, Any] | None:
    """Operations and bytes beside the clock, and the joules that published tables give them."""
    from neuropil.cost.achieved import achieved

    found = achieved(summary)
    if found is None:
        return None
    rows = [
        [d.kind, significant(d.times), significant(d.flops / d.times), significant(d.bytes / d.times), significant(d.flops), size(d.bytes)]
        for d in found.done
        if d.times
    ]
    rows.append(["all", "", "", "", significant(found.flops), size(found.bytes)])
    energy = [
        [platform, *(significant(x) for x in (joules.low, joules.value, joules.high))]
        for platform, joules in found.joules.items()
        if joules.high > 0
    ]
    pace = f"{significant(found.flops_per_second / 1e9)} GFLOP/s and {size(found.bytes_per_second)}/s of wall time."
    return {"rows": rows, "pace": pace, "energy": energy}


def _plan(summary: Mapping[str, Any]) -> str:
    plan = summary.get("plan") or ""
    return plan if isinstance(plan, str) else "\n".join(map(str, plan))


def _command(summary: Mapping[str, Any]) -> str:
    command = summary.get("command") or ""
    return command if isinstance(command, str) else " ".join(map(str, command))


def _deviation(rate: float, reference: float | None) -> float:
    """Per cent, or NaN where there is no reference to divide by."""
    return 100.0 * (rate - reference) / reference if reference else math.nan


def _shares(amounts: object, show: Callable[[float], str]) -> list[dict[str, Any]]:
    """Parts of a whole, the largest first: name, colour, share (0 to 1), amount as text."""
    if not isinstance(amounts, Mapping):
        return []
    parts = {str(k): float(v) for k, v in amounts.items() if isinstance(v, int | float) and math.isfinite(v) and v > 0}
    total, ordered = sum(parts.values()), sorted(parts.items(), key=lambda item: -item[1])
    return [
        {"name": name, "colour": SERIES[i % len(SERIES)], "share": value / total, "amount": show(value)}
        for i, (name, value) in enumerate(ordered)
    ]


def _mean_rate(result: Result) -> str:
    neurons = sum(size for _, size in result.spikes.populations.values())
    if not neurons or result.duration_ms <= 0:
        return ""
    return f"{significant(1000 * len(result.spikes) / (neurons * result.duration_ms))} Hz a neuron"


def _per_synapse(result: Result) -> str:
    used, synapses = result.summary.get("peak_memory_bytes"), result.summary.get("synapses")
    return f"{significant(used / synapses)} bytes a synapse" if used and synapses else ""


def _event_rate(result: Result) -> str:
    events, wall = result.summary.get("synaptic_events"), result.summary.get("wall_seconds")
    return f"{short_count(events / wall)} a second" if events and wall else ""
