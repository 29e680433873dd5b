"""`neuropil cost article`: article 003's tables beside counted operations, and its figures recomputed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neuropil.cli.cost_tables import ends, grid

if TYPE_CHECKING:
    from neuropil.cost.article import Finding, Row


def show(console: Console, threads: int | None = None, again: bool = False) -> dict[str, Any]:
    """Print the tables and return them in plain types.

    Args:
        console: for the tables.
        threads: with which the machine is measured; None: all cores.
        again: measure anew.
    """
    from neuropil.cost.article import findings, measured_synapse, neuron_rows, synapse_rows
    from neuropil.cost.hodgkin_huxley import convergence

    neuron, synapse = neuron_rows(), synapse_rows()
    _show_rows("a neuron's step, FLOPs (the article: 126)", neuron, console)
    _show_rows("a synapse's step, FLOPs (the article: 85)", synapse, console)
    console.print(
        "items: its own list added up, an exponential at 10. written: the equation on counting numbers, Euler update included. "
        "shared: traced, common terms formed once. ours: with the 18 FLOPs of our exponential.",
        highlight=False,
    )
    spikes = convergence()
    _show_convergence(spikes, console)
    found = findings()
    _show_findings(found, console)
    measured = measured_synapse(threads, again=again)
    _show_measured(measured, console)
    return {
        "neuron": [asdict(row) for row in neuron],
        "synapse": [asdict(row) for row in synapse],
        "spikes": {method: {f"{dt:g}": n for dt, n in counts.items()} for method, counts in spikes.items()},
        "findings": [{**asdict(f), "ours": f.ours.to_json()} for f in found],
        "measured": measured,
    }


def _show_rows(title: str, rows: list[Row], console: Console) -> None:
    table = grid("line", "article", "its items", "written", "of it Euler", "shared", "ours", "note", title=title)
    table.columns[-1].justify = "left"
    for r in rows:
        table.add_row(r.name, f"{r.article}", f"{r.items}", f"{r.written:g}", f"{r.updates}", f"{r.shared:g}", f"{r.ours:g}", r.note)
    table.add_section()
    sums = [sum(getattr(r, what) for r in rows) for what in ("article", "items", "written", "updates", "shared", "ours")]
    table.add_row("sum", *(f"{s:g}" for s in sums), "")
    console.print(table)


def _show_convergence(spikes: dict[str, dict[float, int | None]], console: Console) -> None:
    steps = next(iter(spikes.values()))
    table = grid("spikes in 100 ms at 10 µA/cm², by step (ms)", *(f"{dt:g}" for dt in steps), title="F1: does the neuron work at 1 ms?")
    for method, counts in spikes.items():
        table.add_row(method.replace("_", " "), *("diverges" if n is None else str(n) for n in counts.values()))
    console.print(table)


def _show_findings(found: list[Finding], console: Console) -> None:
    table = grid("claim", "figure", "article", "recomputed", "low", "high", "unit", "note", title="its figures, recomputed", left=2)
    for column in table.columns[-2:]:
        column.justify = "left"
    last = ""
    for f in found:
        if last and f.claim != last:
            table.add_section()
        last = f.claim
        digits = 4 if f.ours.value < 1e4 else 3
        article = "" if f.article is None else f"{f.article:.{digits}g}"
        table.add_row(f.claim, f.what, article, *ends(f.ours, digits), f.unit, f.note)
    console.print(table)


def _show_measured(measured: dict[str, float], console: Console) -> None:
    table = grid("F7 on this machine: article 003's synapse as a kernel", "", title="F7: memory or arithmetic?")
    for name, value in measured.items():
        table.add_row(name, f"{value:.4g}")
    console.print(table)
