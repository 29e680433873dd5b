"""`neuropil run`: simulate, save, report."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from neuropil.cli.loading import add_probes, described, with_settings
from neuropil.cli.rerun import keep
from neuropil.errors import CommandError, Interrupted, did_you_mean
from neuropil.model import Agent, Network
from neuropil.result.folder import folder_name
from neuropil.units import ms
from neuropil.view.progress import Reporter

ENOUGH_SECONDS, ENOUGH_NEURONS = 1.0, 50
"""Less than this, and mean rates are not compared with published ones without a remark."""


@dataclass(frozen=True)
class Job:
    """The command line of one run; see `neuropil run --help`.

    Attributes:
        name: of a circuit or agent, or path.py:function.
        time_ms: biological time, ms.
        dt_ms: time step, ms.
        scale: size relative to the published one.
        seed, threads, precision, overwrite: as of `Simulation`.
        settings: texts pop.param=value.
        options: texts key=value for the circuit.
        record: what to record, texts.
        out: folder of the results; None: a new one.
        checkpoint_every_ms: ms; None: no checkpoints.
        resume: go on from the checkpoint in the folder.
        env: id of the environment, of an agent; episodes: their number.
    """

    name: str
    time_ms: float = 1000.0
    dt_ms: float = 0.1
    scale: float | None = None
    seed: int = 1
    threads: int | None = None
    precision: str | None = None
    settings: list[str] | tuple[str, ...] = ()
    options: list[str] | tuple[str, ...] = ()
    record: list[str] | tuple[str, ...] = ()
    out: Path | None = None
    checkpoint_every_ms: float | None = None
    resume: bool = False
    overwrite: bool = False
    env: str | None = None
    episodes: int | None = None

    def check(self) -> None:
        """Raise CommandError for values that no network accepts."""
        for flag, value in (("--time", self.time_ms), ("--dt", self.dt_ms), ("--checkpoint-every", self.checkpoint_every_ms)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise CommandError(f"{flag} must be a positive time in ms", got=value)
        if self.precision not in (None, "float32", "float64"):
            raise CommandError("--precision is unknown", got=self.precision, fix=did_you_mean(self.precision, ("float32", "float64")))
        if self.threads is not None and self.threads < 1:
            raise CommandError("--threads must be at least 1", got=self.threads)
        if self.seed < 0:
            raise CommandError("--seed must not be negative", got=self.seed)


def execute(job: Job, as_json: bool) -> bool:
    """Run the job, write its folder and print a summary. Returns whether Ctrl-C ended it early.

    Args:
        as_json: print the summary as JSON.

    Raises:
        CommandError: options that do not fit.
    """
    job.check()
    made = described(job.name, job.scale, list(job.options))
    if isinstance(made, Agent):
        return _run_agent(made, job, as_json)
    if job.env is not None or job.episodes is not None:
        raise CommandError("--env and --episodes are for agents", got=job.name, fix="see `neuropil list`")
    network = with_settings(made, list(job.settings))
    record_spikes = add_probes(network, list(job.record))
    folder = job.out or Path("neuropil-out") / folder_name(network.name)
    if job.resume and not folder.is_dir():
        raise CommandError("--resume: there is no such folder of results", got=str(folder), fix="name it with --out")
    result = simulate(network, job, folder, record_spikes)  # saves spikes, traces and summary into the folder
    interrupted = bool(result.summary.get("interrupted", False))
    _pictures(result, network, folder)
    keep(network, result, folder)
    console = Console(stderr=as_json)
    if as_json:
        json.dump(result.to_json(), sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()
    _show(result.to_json(), network, folder, console, job.scale)
    if interrupted:
        print("neuropil: interrupted; what was recorded is saved", file=sys.stderr)
    return interrupted


def _run_agent(agent: Agent, job: Job, as_json: bool) -> bool:
    """An agent's run. Options about a circuit's time, recording and parameters do not apply to it."""
    from neuropil.cli.agents import EPISODES, AgentRun, run_agent

    if job.settings or job.record or job.checkpoint_every_ms is not None:
        raise CommandError("--set, --record and --checkpoint-every are for circuits", got=agent.name, fix="agents take --option key=value")
    episodes = EPISODES if job.episodes is None else job.episodes
    return run_agent(agent, AgentRun(job.env, episodes, job.seed, job.threads, job.precision, job.out, job.resume, job.overwrite), as_json)


def simulate(network: Network, job: Job, folder: Path | None, record_spikes: bool = True) -> Any:
    """Hand the job to the engine, with a progress bar. Returns its Result.

    Args:
        folder: of the results; None: in memory.
        record_spikes: as of `Simulation`.
    """
    from neuropil.engine import Simulation

    with Reporter(job.time_ms) as progress:
        simulation = Simulation(
            network,
            dt=job.dt_ms * ms,
            seed=job.seed,
            threads=job.threads,
            precision=job.precision,
            out=folder,
            record_spikes=record_spikes,
            resume=folder if job.resume else None,
            overwrite=job.overwrite,
            progress=progress,
        )
        every = None if job.checkpoint_every_ms is None else job.checkpoint_every_ms * ms
        try:
            return simulation.run_until(job.time_ms * ms, checkpoint_every=every)
        except Interrupted as interruption:
            return interruption.result


def _pictures(result: Any, network: Network, folder: Path) -> None:
    from neuropil.view import raster_figure, write_report

    raster_figure(result).savefig(folder / "raster.png", dpi=150)
    write_report(result, folder / "report.html", published=network.published)


def _show(summary: dict[str, Any], network: Network, folder: Path, console: Console, scale: float | None) -> None:
    """The summary for people: the rates beside the published ones, the speed, where the files lie."""
    rates = Table("population", "neurons", "rate (Hz)", box=box.SIMPLE_HEAD)
    if network.published:
        rates.add_column("published (Hz)")
    for column in rates.columns[1:]:
        column.justify = "right"
    for name, rate in summary.get("rates_hz", {}).items():
        size = network.populations[name].size if name in network.populations else 0
        row = [name, f"{size:,}", f"{rate:.3f}"]
        if network.published:
            row.append(f"{network.published[name]:.3f}" if name in network.published else "")
        rates.add_row(*row)
    console.print(rates)
    if network.published and (reasons := _not_comparable(summary, network, scale)):
        console.print(f"published rates are not comparable: {', '.join(reasons)}", highlight=False, soft_wrap=True)
    for line in _figures(summary):
        console.print(line, highlight=False)
    console.print(f"results: {folder}/ (report.html, raster.png, spikes.h5, summary.json)", highlight=False, soft_wrap=True)


def _not_comparable(summary: dict[str, Any], network: Network, scale: float | None) -> list[str]:
    """Why rates of this run and the published ones differ for other reasons than the model."""
    reasons = [] if scale in (None, 1.0) else [f"the circuit is scaled by {scale:g}"]
    seconds = float(summary.get("biological_seconds") or 0)
    if seconds < ENOUGH_SECONDS:
        reasons.append(f"{seconds:g} s, the start included, are short")
    if few := [name for name in network.published if name in network.populations and network.populations[name].size < ENOUGH_NEURONS]:
        reasons.append(f"few neurons in {', '.join(few)}")
    return reasons


def _figures(summary: dict[str, Any]) -> list[str]:
    def value(key: str) -> Any:
        return summary.get(key) or 0

    seconds, wall = value("biological_seconds"), value("wall_seconds")
    lines = [
        f"{value('neurons'):,} neurons, {value('synapses'):,} synapses, dt {value('dt_ms'):g} ms, {value('threads')} threads, "
        f"{summary.get('precision', '')}, seed {value('seed')}",
        f"{seconds:g} s of biological time in {wall:.2f} s: real-time factor {value('real_time_factor'):.2f} "
        f"(compiled in {value('compile_seconds'):.1f} s, connected in {value('build_seconds'):.1f} s)",
        f"{value('spikes'):,} spikes, {value('synaptic_events'):,} synaptic events, "
        f"peak memory {value('peak_memory_bytes') / 1e9:.2f} GB",
    ]
    return lines + _work(summary)


def _work(summary: dict[str, Any]) -> list[str]:
    """What the run did, beside the clock."""
    from neuropil.cost.achieved import achieved

    found = achieved(summary)
    if found is None:
        return []
    joules = found.joules["CPU"]
    return [
        f"{found.flops:.3g} FLOPs at {found.flops_per_second / 1e9:.3g} GFLOP/s, {found.bytes:.3g} bytes at "
        f"{found.bytes_per_second / 1e9:.3g} GB/s; {joules.low:.2g} to {joules.high:.2g} J on a CPU by published energies"
    ]
