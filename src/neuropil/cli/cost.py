"""`neuropil cost`: what a brain, a circuit or article 003's estimate costs, each assumption an option."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neuropil.cli import cost_article, cost_circuit
from neuropil.cli.cost_tables import Question, ends, grid, say_if_shared, wide
from neuropil.errors import CommandError

if TYPE_CHECKING:
    from neuropil.cost import Assumptions, Bar, Estimate, Interval

SMALLEST_FACTOR = 1.01
"""Assumptions that move a total by less are not shown."""


def execute(question: Question, as_json: bool) -> None:
    """Answer on the console; with `as_json`, one JSON object on standard output and the tables on standard error.

    Raises:
        CommandError: flags that do not go together.
    """
    from neuropil.cost import BRAINS

    question.check()
    console = wide(Console(stderr=as_json))
    if question.subject in BRAINS:
        answer = _brain(question, console)
    elif question.plot is not None:
        raise CommandError("--plot is for brains", got=question.subject, expected=", ".join(BRAINS))
    elif question.subject == "article":
        answer = cost_article.show(console, question.threads, question.again)
    else:
        answer = cost_circuit.show(question, console)
    if as_json:
        json.dump(answer, sys.stdout)
        sys.stdout.write("\n")


# --- brains -------------------------------------------------------------------------------------------------------


def assume(question: Question, event_driven: bool | None, precision: str) -> Assumptions:
    """The assumptions of a brain with what the flags fix.

    Args:
        event_driven: None: as of the brain.
        precision: "float32" or "float64".
    """
    from neuropil.cost import assumptions, brain

    fixed = dict(question.fixed)
    subject = brain(question.subject)
    if question.synapses_per_neuron is not None:
        fixed["synapses"] = question.synapses_per_neuron * fixed.get("neurons", subject.neurons.value)
    return assumptions(subject, event_driven=event_driven, precision=precision).fixed(**fixed)


def _brain(question: Question, console: Console) -> dict[str, Any]:
    from neuropil.cost.estimate import draws, estimate, tornado

    a = assume(question, question.event_driven, question.precision or "float32")
    found = estimate(a)
    driven = "clock-driven" if a.event_driven else "event-driven"
    other = "float64" if a.precision == "float32" else "float32"
    others = {
        f"synapses {driven} instead": assume(question, not a.event_driven, a.precision),
        f"{other} instead": assume(question, a.event_driven, other),
    }
    bars = [bar for bar in tornado(a, "h100", others) if bar.factor >= SMALLEST_FACTOR]
    sample = [float(x) for x in _percentiles(draws(a, "flops"))]
    here, machine = _here(question, found)
    _show_assumptions(a, question.subject, console)
    _show_work(found, console)
    _show_answers(found, sample, here, machine, console)
    _show_tornado(bars, found, console)
    if question.plot is not None:
        _draw(bars, found, question)
        console.print(f"tornado plot: {question.plot}", highlight=False)
    answer = {"subject": question.subject, **found.to_json(), "flops_percentiles": dict(zip(("5", "50", "95"), sample, strict=True))}
    answer["tornado"] = [{"name": b.name, "low": b.low, "high": b.high, "factor": b.factor} for b in bars]
    answer["this_machine"] = {**machine, "seconds": here.to_json()}
    return answer


def _percentiles(sample: Any) -> Any:
    import numpy as np

    return np.percentile(sample, [5, 50, 95])


def _here(question: Question, found: Estimate) -> tuple[Interval, dict[str, Any]]:
    """Seconds of wall time here for a second of biology, and this machine's figures."""
    from dataclasses import asdict

    from neuropil.cost import neuron_seconds, this_machine
    from neuropil.cost.brain import clocked_synapse, kernel_of
    from neuropil.cost.measure import synapse_seconds

    machine = this_machine(question.threads, again=question.again)
    a = found.assumptions
    plan, group = kernel_of(question.subject, a.precision)
    rate = group.program.flops / neuron_seconds(group, plan, question.threads, again=question.again)
    synapse_rate = None
    if not a.event_driven:
        program, work = clocked_synapse(a.precision)
        synapse_rate = work.flops / synapse_seconds(program, a.precision, question.threads, again=question.again)
    figures = {**asdict(machine), "neuron_kernel_flops": rate, "synapse_kernel_flops": synapse_rate}
    return found.seconds_here(machine, rate, synapse_rate), figures


def _show_assumptions(a: Assumptions, subject: str, console: Console) -> None:
    from neuropil.cost.brain import NAMES

    kind = "event-driven" if a.event_driven else "clock-driven"
    table = grid("assumption", "best", "low", "high", "source", title=f"{subject}: what is assumed ({kind} synapses, {a.precision})")
    table.columns[-1].justify = "left"
    for name, interval in a.intervals().items():
        table.add_row(NAMES[name], *ends(interval, 6), a.sources.get(name, ""))
    console.print(table)


def _show_work(found: Estimate, console: Console) -> None:
    """The sum, term by term: items × times per second × each = total, which can be recomputed by hand."""
    best = {name: interval.value for name, interval in found.assumptions.intervals().items()}
    t = {name: interval.value for name, interval in found.totals.items()}
    table = grid("for a second of biology", "items", "× per second", "× each", "= total", title="the sum, at the best values", left=1)
    kinds = (("FLOPs", "flops", "flops"), ("bytes moved", "bytes", "bandwidth"))
    for label, each, total in kinds:
        table.add_row(f"{label}: compartments", _n(t["compartments"]), _n(t["steps"]), _n(best[f"{each}_per_compartment"]), _n(t[f"neuron_{each}"]))
        table.add_row(f"{label}: synapses", _n(best["synapses"]), _n(t["updates"]), _n(best[f"{each}_per_synapse"]), _n(t[f"synapse_{each}"]))
        table.add_row(f"{label}: together", "", "", "", f"[bold]{_n(t[total])}[/bold]", end_section=True)
    table.add_row("memory: compartments", _n(t["compartments"]), "", _n(best["state_bytes"]), _n(t["neuron_memory"]))
    table.add_row("memory: synapses", _n(best["synapses"]), "", _n(best["memory_per_synapse"]), _n(t["synapse_memory"]))
    table.add_row("memory: together", "", "", "", f"[bold]{_n(t['memory'])}[/bold]")
    console.print(table)


def _n(value: float) -> str:
    return f"{value:.6g}"


def _show_answers(found: Estimate, sample: list[float], here: Interval, machine: Mapping[str, Any], console: Console) -> None:
    table = grid("answer", "best", "low", "high", title="what it takes, in real time (low, high: every assumption at its end)")
    rows: list[tuple[str, Interval]] = [
        ("FLOP/s", found["flops"]), ("memory bandwidth (bytes/s)", found["bandwidth"]), ("memory (bytes)", found["memory"]),
        ("synaptic events/s", found["events"]), ("H100s by FLOPs", found["h100_by_flops"]),
        ("H100s by bandwidth", found["h100_by_bandwidth"]), ("H100s by memory", found["h100_by_memory"]),
        (f"H100s needed: {found.limit} decides", found["h100"]), ("their power (W)", found.h100_watts),
    ]  # fmt: skip
    rows += [(f"energy by operations, {name} (J/s = W)", watts) for name, watts in found.watts.items()]
    rows += [
        (f"this machine: fraction of real time ({machine['threads']} threads, real kernels)", 1.0 / here),
        ("this machine: fraction of the memory", machine["memory"] / found["memory"]),
    ]
    rows += [(f"year for 10⁵ GPUs: {name}, {doubling:.2g} years to double", year) for name, (doubling, year) in found.years().items()]
    for name, interval in rows:
        table.add_row(name, *ends(interval, 4 if name.startswith("year") else 3))
    console.print(table)
    say_if_shared(machine, console)
    low, middle, high = sample
    console.print(f"FLOP/s of random assumptions within these ends: median {middle:.3g}, 90 % within {low:.3g} … {high:.3g}", highlight=False)


def _show_tornado(bars: list[Bar], found: Estimate, console: Console) -> None:
    table = grid("assumption, alone", "H100s at its low end", "at its high end", "factor", title=f"sensitivity: H100s needed, {found['h100'].value:.3g} at best")
    for bar in bars:
        table.add_row(bar.label, f"{bar.low:.3g}", f"{bar.high:.3g}", f"{bar.factor:.3g}")
    console.print(table)


def _draw(bars: list[Bar], found: Estimate, question: Question) -> None:
    from neuropil.view.tornado import tornado_figure

    assert question.plot is not None
    figure = tornado_figure(bars, found["h100"].value, "H100s needed", f"{question.subject} brain in real time")
    figure.savefig(question.plot, dpi=150, transparent=False, facecolor="white")
