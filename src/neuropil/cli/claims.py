"""`neuropil claims`: list what the articles claim, test it, and show the verdicts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from neuropil.claims import Claim, Outcome, Verdict, claim, write_index, write_report, written
from neuropil.claims.registry import EXPERIMENTS, LISTED
from neuropil.claims.report import provenance
from neuropil.errors import CommandError, did_you_mean

_COLOUR = {
    Verdict.REPRODUCED: "green",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.UNDECIDED: "yellow",
    Verdict.UNTESTABLE: "dim",
}


def lines() -> list[str]:
    """All claims, one line each; those without an experiment say so."""
    return [f"{id:<4}{title}{'' if id in EXPERIMENTS else '  (not written yet)'}" for id, title in LISTED.items()]


def wanted(names: list[str]) -> list[str]:
    """The ids that the command line asks for, once each: A3, a3, a whole part (A), or all.

    Args:
        names: as typed.

    Raises:
        CommandError: no such claim.
    """
    chosen: list[str] = []
    for name in names:
        id = name.upper()
        if id in LISTED:
            chosen.append(id)
        elif members := [i for i in written() if id == "ALL" or (i.startswith(id) and len(id) == 1)]:
            chosen += members
        else:
            raise CommandError(f"there is no claim {name!r}", fix=did_you_mean(id, LISTED))
    return list(dict.fromkeys(chosen))


def execute(names: list[str], seeds: int | None, out: Path, quick: bool, as_json: bool) -> bool:
    """Test the claims, write a folder for each and print a table. Returns whether Ctrl-C ended it early.

    Args:
        names: of claims.
        seeds: number of seeds; None: as the claim says.
        out: folder of the reports.
        quick: run the short form.
        as_json: print one JSON object.

    Raises:
        CommandError: no such claim, or no seeds.
    """
    if seeds is not None and seeds < 1:
        raise CommandError("--seeds must be at least 1", got=seeds)
    claims = [claim(id) for id in wanted(names)]  # all of them, before the first is run
    done: list[tuple[Claim, Outcome]] = []
    interrupted = False
    with _Bars() as bars:
        for each in claims:
            try:
                outcome = each.test(seeds=seeds, quick=quick, progress=bars.begin(each.id))
            except KeyboardInterrupt:
                interrupted = True
                break
            write_report(each, outcome, out)
            write_index(out)
            done.append((each, outcome))
            bars.end(str(outcome.verdict))
    if as_json:
        found = [{"description": c.to_json(), "outcome": o.to_json(), "wall_seconds": o.wall_seconds} for c, o in done]
        json.dump(found, sys.stdout)
        sys.stdout.write("\n")
    if done:
        console = Console(stderr=as_json)
        console.print(table(done))
        for each, outcome in done:
            for text in outcome.corrected:
                console.print(f"{each.id} contradicts the article: {text}", highlight=False, soft_wrap=True)
        console.print(f"reports: {out}/index.html, {out}/index.md", highlight=False, soft_wrap=True)
    if interrupted:
        print("neuropil: interrupted; the claims that were finished are saved", file=sys.stderr)
    return interrupted


def table(done: list[tuple[Claim, Outcome]]) -> Table:
    """Claim, condition, measured value and verdict.

    Args:
        done: claims with their outcomes.
    """
    made = Table("claim", "condition", "measured", "verdict", "seconds", box=box.SIMPLE_HEAD)
    for each, outcome in done:
        colour = _COLOUR[outcome.verdict]
        verdict = f"[{colour}]{outcome.verdict}[/]{' (quick)' if outcome.quick else ''}\n{provenance(each.to_json())}"
        conditions = outcome.criterion or (None,)
        for row, condition in enumerate(conditions):
            text = outcome.untestable if condition is None else condition.text
            mark = "" if condition is None else {True: "[green]✓[/] ", False: "[red]✗[/] ", None: "[yellow]?[/] "}[condition.holds]
            first = row == 0
            made.add_row(
                each.id if first else "",
                mark + text.replace("[", r"\["),
                "" if condition is None else condition.measured.replace("[", r"\["),
                verdict if first else "",
                f"{outcome.wall_seconds:.1f}" if first else "",
                end_section=row == len(conditions) - 1,
            )
    return made


class _Bars:
    """One bar per claim on a terminal, one line per claim elsewhere; on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<5}"), BarColumn(bar_width=36), TaskProgressColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"), console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._id = ""

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def begin(self, id: str):  # type: ignore[no-untyped-def]
        """A bar for this claim; returns the function that moves it."""
        self._id = id
        self._task = self._progress.add_task(id, total=1.0, note="")
        return lambda fraction: self._progress.update(self._task, completed=fraction)

    def end(self, note: str) -> None:
        """The claim is done, with this verdict."""
        self._progress.update(self._task, completed=1.0, note=note)
        if not self._console.is_terminal:
            self._console.print(f"{self._id}: {note}", highlight=False)
