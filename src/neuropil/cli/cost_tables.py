"""What the answers of `neuropil cost` have in common: the question, and tables on the console."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from neuropil.errors import CommandError

if TYPE_CHECKING:
    from neuropil.cost.interval import Interval

BUSY = 0.5
"""Load average above which other work disturbs a measurement."""
PICTURES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Question:
    """The command line of `neuropil cost`.

    Attributes:
        subject: human, mouse, fly, worm; article; a circuit or path.py:function.
        fixed: assumptions given as flags, by their names in `neuropil.cost.Assumptions`.
        synapses_per_neuron: instead of the number of synapses.
        event_driven: None leaves it to the brain.
        precision: None means float32 for brains, and for circuits what a run would take.
        scale: of a circuit; options: its arguments, key=value.
        threads: with which the machine is measured; None: all cores.
        again: measure anew.
        plot: file of the picture, or None.
    """

    subject: str
    fixed: Mapping[str, float] = field(default_factory=dict)
    synapses_per_neuron: float | None = None
    event_driven: bool | None = None
    precision: str | None = None
    scale: float | None = None
    options: tuple[str, ...] = ()
    threads: int | None = None
    again: bool = False
    plot: Path | None = None

    def check(self) -> None:
        """Raise CommandError for flags that make no sense."""
        given = {**self.fixed, "synapses_per_neuron": self.synapses_per_neuron}
        for name, value in given.items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise CommandError(f"--{name.replace('_', '-')} must be a positive number", got=value)
        for name in ("active_fraction", "utilisation"):
            if self.fixed.get(name, 0.0) > 1:
                raise CommandError(f"--{name.replace('_', '-')} is a fraction and must be at most 1", got=self.fixed[name])
        if self.precision not in (None, "float32", "float64"):
            raise CommandError("--precision is unknown", got=self.precision, expected="float32 or float64")
        if self.synapses_per_neuron is not None and "synapses" in self.fixed:
            raise CommandError("--synapses and --synapses-per-neuron exclude each other")
        if self.plot is not None and self.plot.suffix not in PICTURES:
            raise CommandError("--plot needs a picture's file name", got=str(self.plot), expected=" or ".join(PICTURES))


def wide(console: Console) -> Console:
    """The console, made wide enough that no number is broken where it is a pipe, which has no width."""
    if not console.is_terminal:
        console.width = max(console.width, 170)
    return console


def grid(*columns: str, title: str = "", left: int = 1) -> Table:
    """A table in the style of the package; all but the first columns flush right.

    Args:
        columns: headings.
        title: of the table.
        left: number of columns flush left.
    """
    table = Table(*columns, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold")
    for column in table.columns[left:]:
        column.justify = "right"
    return table


def ends(interval: Interval, digits: int = 3) -> tuple[str, str, str]:
    """Best, low and high of an interval as text with so many significant digits; no range where there is none."""
    if interval.low == interval.high:
        return f"{interval.value:.{digits}g}", "", ""
    return f"{interval.value:.{digits}g}", f"{interval.low:.{digits}g}", f"{interval.high:.{digits}g}"


def say_if_shared(machine: Mapping[str, Any], console: Console) -> None:
    """Print to a console a warning if the figures of a machine were measured under load and are too low."""
    if machine["load"] > BUSY:
        console.print(f"this machine was measured under a load of {machine['load']:.2g}: --measure-again when it is idle", highlight=False)
