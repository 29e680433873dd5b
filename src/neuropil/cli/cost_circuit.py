"""`neuropil cost CIRCUIT`: the work of a circuit's plan, mechanism by mechanism, and the time this machine needs for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from neuropil.cli.cost_tables import Question, ends, grid, say_if_shared
from neuropil.errors import CommandError

if TYPE_CHECKING:
    from neuropil.cost.circuit import CircuitCost, Load
    from neuropil.cost.interval import Interval

MOST_ROWS = 12
"""Mechanisms of a kind beyond which they are shown as one."""


def show(question: Question, console: Console) -> dict[str, Any]:
    """Print a circuit's cost and return it in plain types.

    Args:
        console: for the tables.

    Raises:
        CommandError: flags that are for brains.
    """
    from neuropil.cli.loading import load
    from neuropil.cost.circuit import cost_of, rates_for, seconds_here, to_json
    from neuropil.cost.measure import available_threads, this_machine
    from neuropil.engine.memory import predict
    from neuropil.plan.plan import make_plan
    from neuropil.units import ms

    given = dict(question.fixed)
    dt, rate = given.pop("dt", 0.1), given.pop("rate", None)
    if given or question.synapses_per_neuron is not None or question.event_driven is not None:
        name = min(given, default="synapses_per_neuron / event_driven")
        raise CommandError(
            f"--{name.replace('_', '-')} applies to brains only; a circuit determines it itself", fix="use --dt, --rate, --precision, --scale, --option"
        )
    network = load(question.subject, question.scale, list(question.options))
    plan = make_plan(network, dt=dt * ms, precision=question.precision)
    threads = question.threads or available_threads()
    machine = this_machine(threads, again=question.again)
    cost = cost_of(plan, rates_for(network, rate))
    seconds = seconds_here(plan, cost, machine, again=question.again)
    memory = predict(plan, threads)
    _show_work(cost, network.name, plan.dt, plan.precision, console)
    _show_answers(cost, seconds, memory, threads, console)
    say_if_shared(asdict(machine), console)
    return {
        "subject": network.name, "dt_ms": plan.dt, "precision": plan.precision, **to_json(cost), "memory": memory,
        "this_machine": asdict(machine), "seconds": {name: s.to_json() for name, s in seconds.items()},
        "real_time_factor": sum(seconds.values(), start=_nothing()).to_json(),
    }  # fmt: skip


def _nothing() -> Interval:
    from neuropil.cost.interval import Interval

    return Interval.exact(0.0)


def _show_work(cost: CircuitCost, name: str, dt: float, precision: str, console: Console) -> None:
    title = f"{name}, dt {dt:g} ms, {precision}: work for a second of biology, rates {cost.rates.source}"
    table = grid("mechanism", "items", "done", "FLOPs each", "bytes each", "FLOPs", "bytes", title=title)
    for kind in dict.fromkeys(load.work.kind for load in cost.loads):
        mine = [load for load in cost.loads if load.work.kind == kind]
        for load in mine if len(mine) <= MOST_ROWS else []:
            work = load.work
            each = (f"{work.flops:g}", f"{work.bytes:g}")
            table.add_row(work.what, f"{work.count:,.0f}", f"{load.times.value:.4g}", *each, f"{load.flops.value:.4g}", f"{load.bytes.value:.4g}")
        if len(mine) > 1:
            table.add_row(*_together(kind, mine), end_section=True)
    table.add_row("all", "", "", "", "", f"{cost.flops.value:.4g}", f"{cost.bytes.value:.4g}")
    console.print(table)


def _together(kind: str, loads: list[Load]) -> tuple[str, ...]:
    sums = [sum(getattr(load, what).value for load in loads) for what in ("times", "flops", "bytes")]
    items = sum(load.work.count for load in loads)
    return f"{kind}: {len(loads)} mechanisms", f"{items:,.0f}", f"{sums[0]:.4g}", "", "", f"{sums[1]:.4g}", f"{sums[2]:.4g}"


def _show_answers(cost: CircuitCost, seconds: dict[str, Interval], memory: dict[str, float], threads: int, console: Console) -> None:
    table = grid("for a second of biology", "best", "low", "high")
    table.add_row("FLOPs", *ends(cost.flops))
    table.add_row("bytes read and written", *ends(cost.bytes))
    table.add_row("synaptic events", *ends(cost.times("synaptic event")), end_section=True)
    for platform, watts in cost.watts.items():
        if watts.high > 0:  # without events, the energy of chips that is counted by events is zero
            table.add_row(f"energy, {platform} (J)", *ends(watts))
    table.add_section()
    for name, interval in seconds.items():
        table.add_row(f"this machine, {threads} threads: {name} (s)", *ends(interval))
    table.add_row("expected real-time factor", *ends(sum(seconds.values(), start=_nothing())), end_section=True)
    for name, size in sorted(memory.items(), key=lambda item: -item[1]):
        table.add_row(f"memory: {name} (MB)", f"{size / 1e6:,.1f}", "", "")
    table.add_row("memory, all (MB)", f"{sum(memory.values()) / 1e6:,.1f}", "", "")
    console.print(table)
