"""`neuropil run AGENT`: an agent in its environment, its learning curve while it runs, and the files that it writes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from neuropil.agents import History, Loop
from neuropil.errors import CommandError, Interrupted, WorldError
from neuropil.model import Agent
from neuropil.result.folder import folder_name
from neuropil.view.learning import sparkline, write_learning

EPISODES = 200
_REPORTED = 10
"""Lines that a run writes whose output is not a terminal."""


@dataclass(frozen=True)
class AgentRun:
    """The command line of one run of an agent; see `neuropil run --help`.

    Attributes:
        env: id of the environment; None: the agent's own.
        episodes: of each copy.
        seed: of every random number.
        threads: of the simulation; None: one.
        precision: "float32" or "float64"; None: the default.
        out: folder of the results; None: a new one.
        resume: go on from the agent saved in the folder.
        overwrite: replace the run that the folder holds.
    """

    env: str | None = None
    episodes: int = EPISODES
    seed: int = 1
    threads: int | None = None
    precision: str | None = None
    out: Path | None = None
    resume: bool = False
    overwrite: bool = False


def run_agent(agent: Agent, options: AgentRun, as_json: bool) -> bool:
    """Run the agent, write its folder, print a summary. Returns whether Ctrl-C ended it early.

    Args:
        options: of the command line.
        as_json: print the summary as JSON.

    Raises:
        CommandError: no episodes, or nothing to resume.
    """
    if options.episodes < 1:
        raise CommandError("--episodes must be at least 1", got=options.episodes)
    folder = options.out or Path("neuropil-out") / folder_name(agent.name)
    saved = folder / "saved"
    if options.resume and not saved.is_dir():
        raise CommandError("--resume: there is no such saved agent", got=str(saved), fix="name its folder with --out")
    with _Bar(options.episodes * agent.copies) as bar:
        loop = Loop(
            agent, options.env, seed=options.seed, threads=options.threads or 1, precision=options.precision, out=folder,
            resume=saved if options.resume else None, progress=bar, overwrite=options.overwrite,
        )  # fmt: skip
        bar.begin(loop.history.episodes)
        try:
            try:
                history = loop.run(options.episodes)
            except Interrupted as interruption:
                history = interruption.result
            loop.save(saved)
        except WorldError:  # the network is at rest, and what it has learnt is saved
            loop.save(saved)
            raise
        finally:
            if loop.history.episodes:
                write_learning(loop.history, folder)
            loop.close()
    interrupted = bool(history.summary["interrupted"])
    if as_json:
        json.dump({**history.summary, "returns": history.returns, "lengths": history.lengths}, sys.stdout)
        sys.stdout.write("\n")
    _show(history, folder, Console(stderr=as_json))
    if interrupted:
        print("neuropil: interrupted; finished episodes are saved", file=sys.stderr)
    return interrupted


def _show(history: History, folder: Path, console: Console) -> None:
    s = history.summary
    console.print(f"{s['agent']} in {s['world']}, seed {s['seed']}: {history.episodes} episodes", highlight=False)
    for copy, returns in enumerate(history.returns):
        if returns:
            last = returns[-100:]
            console.print(f"  copy {copy}: mean return of the last {len(last)} episodes {sum(last) / len(last):.4g}, best {max(returns):.4g}", highlight=False)
    console.print(f"  {sparkline(history)}", highlight=False)
    for copy, episode in enumerate(s.get("self_stimulation", ())):
        if episode is not None:
            console.print(f"  copy {copy}: self-stimulation flagged in episode {episode}", highlight=False)
    console.print(
        f"{s['environment_steps']:,} steps in {s['wall_seconds']:.1f} s: {s['microseconds_per_step']:.0f} µs a step, rests between episodes included",
        highlight=False,
    )
    console.print(f"results: {folder}/ (report.html, curve.png, episodes.h5, summary.json, saved/)", highlight=False, soft_wrap=True)


class _Bar:
    """Episodes done and the curve so far; on standard error. Ten lines where that is not a terminal."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("episode {task.completed:.0f}/{task.total:.0f}"), BarColumn(bar_width=24), TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(), console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._total, self._first, self._lines = total, 0, 0

    def __enter__(self) -> _Bar:
        self._progress.start()
        self._task: Any = self._progress.add_task("", total=self._total, note="building …")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, episodes: int) -> None:
        """So many episodes were finished before."""
        self._first = episodes
        self._progress.update(self._task, note="")

    def __call__(self, fraction: float, history: History) -> None:
        done = history.episodes - self._first
        last = [x for r in history.returns for x in r[-20:]]
        note = f"{sparkline(history, 24)} {sum(last) / len(last):.4g}"
        self._progress.update(self._task, completed=done, note=note)
        if not self._console.is_terminal and done * _REPORTED >= (self._lines + 1) * self._total:
            self._lines = done * _REPORTED // self._total
            self._console.print(f"episode {done}/{self._total}: {note}", highlight=False)
