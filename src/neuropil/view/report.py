"""One self-contained HTML page about a run: what it did, how it compares, what it cost, how to repeat it."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from neuropil.result import Result
from neuropil.result.atomic import replacing
from neuropil.view import markup as m
from neuropil.view.page import page
from neuropil.view.panels import MAX_ROWS, MIN_NEURONS, distributions_figure, spectra_figure, traces_figure
from neuropil.view.raster import MAX_DOTS, raster_figure, raster_window
from neuropil.view.statistics import MIN_SPIKES, PopulationStatistics, describe
from neuropil.view.style import colour, to_svg

Statistics = Mapping[str, PopulationStatistics]


def write_report(
    result: Result,
    path: str | os.PathLike[str] = "report.html",
    published: Mapping[str, float] | None = None,
    *,
    t_from: float | None = None,
) -> Path:
    """Write the report of a run; the file needs nothing beside it and no network.

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
    """The report as one HTML document; arguments as in `write_report`."""
    stop = raster_window(result)[1]
    start = max(result.t_start_ms, t_from if t_from is not None else result.t_start_ms)
    start = min(start, stop - result.spikes.dt)
    statistics = describe(result.spikes, start, stop)
    parts = (
        _head(result),
        _raster(result),
        _rates(statistics, published or {}, start, stop),
        _distributions(statistics, start, stop),
        _spectra(statistics, stop - start),
        _traces(result),
        _cost(result),
        _plan(result),
        _reproduce(result),
    )
    return page(f"{result.summary.get('model', 'Run')} · neuropil", "".join(parts))


def _head(result: Result) -> str:
    s = result.summary
    neurons = s.get("neurons", sum(size for _, size in result.spikes.populations.values()))
    lead = [f"{m.number(neurons)} neuron{'' if neurons == 1 else 's'}"]
    if s.get("synapses") is not None:
        lead.append(f"{m.number(s['synapses'])} synapses")
    lead += [f"{result.duration_ms:,g} ms of biological time", f"steps of {result.spikes.dt:g} ms"]
    partial = (
        '<p class="partial">This run was stopped before its end; the page shows what had reached the disk.</p>'
        if s.get("partial")
        else ""
    )
    return (
        f"<header><h1>{m.text(s.get('model', 'Run'))}</h1>"
        f'<p class="lead">{m.text(" · ".join(lead))}</p>{partial}{m.tiles(_tiles(result))}</header>\n'
    )


def _tiles(result: Result) -> list[tuple[str, str, str]]:
    s = result.summary
    factor = s.get("real_time_factor")
    pace = ""
    if isinstance(factor, int | float) and factor > 0:
        pace = f"{m.significant(1 / factor)} × faster than life" if factor < 1 else "wall ÷ biological time"
    digest = str(s.get("digest") or result.spikes.digest())
    tiles = [
        ("Real-time factor", m.significant(factor), pace),
        ("Wall time", m.seconds(s.get("wall_seconds")), f"for {m.seconds(result.duration_ms / 1000)} of biology"),
        ("Build", m.seconds(s.get("build_seconds")), "of the network"),
        ("Compile", m.seconds(s.get("compile_seconds")), "of its kernels"),
        ("Peak memory", m.size(s.get("peak_memory_bytes")), _per_synapse(result)),
        ("Spikes", m.short_count(s.get("spikes", len(result.spikes))), _mean_rate(result)),
        ("Synaptic events", m.short_count(s.get("synaptic_events")), _event_rate(result)),
        ("Threads", m.number(s.get("threads")), f"{s.get('precision', 'unknown')} state"),
        ("Seed", str(s.get("seed", "–")), "of every random number"),
        ("Digest of spikes", digest[:8], "SHA-256, in full below"),
    ]
    # A tile without a value says nothing; a run that recorded little has few.
    return [tile for tile in tiles if tile[1] != "–"]


def _raster(result: Result) -> str:
    start, stop = raster_window(result)
    title = f"Spikes from {start:,g} to {stop:,g} ms"
    if not result.spikes.populations:
        return ""
    if not len(result.spikes.between(start, stop)) and not result.modulators:
        return m.section(title, "<p>No neuron fired in this window.</p>")
    drawing, fraction = raster_figure(result, with_fraction=True)
    drawn = "every neuron" if fraction >= 1 else f"a random {m.significant(100 * fraction, 2)} % of the neurons"
    note = f"Each mark is a spike; {drawn} of each population, at most {MAX_DOTS:,} marks. Below, the mean rates."
    if result.modulators:
        note += " Under them the modulators: concentrations at their ticks, over positions the mean over each population."
    return m.section(title, m.figure(to_svg(drawing, "raster", "Raster of spikes")), note)


def _rates(statistics: Statistics, published: Mapping[str, float], start: float, stop: float) -> str:
    if not statistics:
        return ""
    note = (
        f"Means over the neurons, from {start:,g} to {stop:,g} ms. CV: of the intervals of neurons with at least "
        f"{MIN_SPIKES} spikes. Correlation: of spike counts in 2 ms bins, between 200 neurons that fired."
    )
    head = ["population", "neurons", "rate (Hz)"]
    compared = any(name in statistics for name in published)
    if compared:
        head += ["published (Hz)", "deviation", ""]
        deviations = [abs(_deviation(s.rate, published.get(name))) for name, s in statistics.items()]
        # The scale is at least ±10 %, so that a run within one per cent looks like one.
        scale = max([10.0, *(value for value in deviations if math.isfinite(value))])
        note += f" The bars of deviation reach ±{m.significant(scale, 2)} %."
    else:
        head += [""]
        top = max((s.rate for s in statistics.values() if math.isfinite(s.rate)), default=0.0)
    head += ["silent", "CV", "correlation"]
    rows = []
    for name, s in statistics.items():
        row = [f'<span style="color:{colour(name)}">{m.text(name)}</span>', m.number(s.size), m.number(s.rate)]
        if compared:
            deviation = _deviation(s.rate, published.get(name))
            known = math.isfinite(deviation)
            row += [
                m.number(float(published[name])) if name in published else "–",
                f"{deviation:+.1f} %".replace("-", "−") if known else "–",
                m.deviation_bar(deviation / scale, colour(name)) if known else "",
            ]
        else:
            row += [m.bar(s.rate / top if top else 0.0, colour(name))]
        silent = f"{100 * s.silent:.1f} %" if math.isfinite(s.silent) else "–"
        rows.append([*row, silent, m.number(s.cv), m.number(s.correlation, 4)])
    return m.section("Activity of each population", m.table(head, rows), note)


def _distributions(statistics: Statistics, start: float, stop: float) -> str:
    # Of a handful of neurons there is no distribution, and the table has said it all.
    if not any(s.spikes and s.size >= MIN_NEURONS for s in statistics.values()):
        return ""
    note = "Each curve is scaled to its own peak; the mark is the median. A Poisson process has a CV of 1."
    if len(statistics) > MAX_ROWS:
        note += f" The first {MAX_ROWS} of {len(statistics)} populations."
    drawing = distributions_figure(statistics, (stop - start) / 1000.0)
    return m.section("Distributions over neurons", m.figure(to_svg(drawing, "dist", "Distributions")), note)


def _spectra(statistics: Statistics, duration_ms: float) -> str:
    # Below a few windows of 256 ms a spectrum is noise, and below one it has no low frequencies.
    if duration_ms < 256 or not any(s.spikes and s.frequencies.size > 2 for s in statistics.values()):
        return ""
    note = (
        "Power spectral density of each population's mean rate (Welch, 1 ms bins, windows of 256 ms). Dashed: what "
        "independent Poisson neurons of the same rate would show."
    )
    return m.section("Rhythms", m.figure(to_svg(spectra_figure(statistics), "spectra", "Power spectra")), note)


def _traces(result: Result) -> str:
    probes = {name: trace for name, trace in result.traces.items() if not trace.is_concentration}
    if not any(len(trace) and trace.neurons.size for trace in probes.values()):
        return ""
    return m.section("Probes", m.figure(to_svg(traces_figure(probes), "traces", "Traces of the probes")))


def _cost(result: Result) -> str:
    s, cost = result.summary, result.cost
    rows = []
    for name, key, each in (
        ("neuron-steps", "neuron_steps", "ns_per_neuron_step"),
        ("synaptic events", "synaptic_events", "ns_per_synaptic_event"),
    ):
        if cost.get(key):
            rows.append([name, m.number(cost[key]), f"{m.significant(cost[each])} ns" if each in cost else "–"])
    if cost.get("wall_seconds"):
        fired = len(result.spikes)
        each_spike = f"{m.significant(1e9 * cost['wall_seconds'] / fired)} ns" if fired else "–"
        rows.append(["spikes", m.number(fired), each_spike])
    body = m.table(["work", "count", "wall time for each"], rows) if rows else ""
    phases = m.stack(_amounts(s.get("phases")), {k: m.seconds(v) for k, v in _amounts(s.get("phases")).items()})
    memory = m.stack(_amounts(s.get("memory")), {k: m.size(v) for k, v in _amounts(s.get("memory")).items()})
    body += _work(s)
    body += f"<h3>Where the wall time went</h3>{phases}" if phases else ""
    body += f"<h3>Where the memory is</h3>{memory}" if memory else ""
    note = "Time for each is the whole wall time of the run divided by that count: the rows are not to be added."
    return m.section("What it cost", body, note if rows else "")


def _work(summary: Mapping[str, object]) -> str:
    """Operations and bytes beside the clock, and the joules that published tables give them."""
    from neuropil.cost.achieved import achieved

    found = achieved(summary)
    if found is None:
        return ""
    rows = [
        [m.text(d.kind), m.significant(d.times), m.significant(d.flops / d.times), m.significant(d.bytes / d.times),
         m.significant(d.flops), m.size(d.bytes)]
        for d in found.done
        if d.times
    ]  # fmt: skip
    rows.append(["all", "", "", "", m.significant(found.flops), m.size(found.bytes)])
    head = ["work", "times", "FLOPs each", "bytes each", "FLOPs", "read and written"]
    body = "<h3>Operations and bytes</h3>" + m.table(head, rows)
    body += f"<p>{m.significant(found.flops_per_second / 1e9)} GFLOP/s and {m.size(found.bytes_per_second)}/s of wall time.</p>"
    energy = [
        [platform, *(m.significant(x) for x in (joules.low, joules.value, joules.high))]
        for platform, joules in found.joules.items()
        if joules.high > 0
    ]
    note = '<p class="note">Joules for this run by published energies of each operation; the sources are in docs/cost.md.</p>'
    return body + "<h3>Energy</h3>" + note + m.table(["platform", "at least (J)", "best guess (J)", "at most (J)"], energy)


def _plan(result: Result) -> str:
    plan = result.summary.get("plan")
    if not plan:
        return ""
    lines = plan if isinstance(plan, str) else "\n".join(map(str, plan))
    return m.section(
        "Plan", f"<details><summary>What was compiled, and why</summary><pre>{m.text(lines)}</pre></details>"
    )


def _reproduce(result: Result) -> str:
    s = result.summary
    command = s.get("command")
    if isinstance(command, list | tuple):
        command = " ".join(map(str, command))
    body = f"<pre>{m.text(command)}</pre>" if command else ""
    body += f"<p>The same spikes have the SHA-256 digest <code>{m.text(s.get('digest') or result.spikes.digest())}</code>.</p>"
    return m.section("To reproduce", body)


def _deviation(rate: float, reference: float | None) -> float:
    """Per cent, or NaN where there is no reference to divide by."""
    return 100.0 * (rate - reference) / reference if reference else math.nan


def _amounts(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        return {}
    return {str(k): float(v) for k, v in value.items() if isinstance(v, int | float) and math.isfinite(v) and v > 0}


def _mean_rate(result: Result) -> str:
    neurons = sum(size for _, size in result.spikes.populations.values())
    if not neurons or result.duration_ms <= 0:
        return ""
    return f"{m.significant(1000 * len(result.spikes) / (neurons * result.duration_ms))} Hz a neuron"


def _per_synapse(result: Result) -> str:
    used, synapses = result.summary.get("peak_memory_bytes"), result.summary.get("synapses")
    return f"{m.significant(used / synapses)} bytes a synapse" if used and synapses else ""


def _event_rate(result: Result) -> str:
    events, wall = result.summary.get("synaptic_events"), result.summary.get("wall_seconds")
    return f"{m.short_count(events / wall)} a second" if events and wall else ""
