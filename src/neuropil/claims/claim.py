"""A claim of the articles, the experiment that tests it, and the outcome with a verdict computed from what was measured.

An experiment is a function `run(trial) -> Findings`. It measures quantities (`Measured`, with an interval over seeds) and
compares them with thresholds fixed beforehand (`Condition`). The verdict is a function of the conditions and of nothing else:

    reproduced                    every condition of the criterion holds over the whole interval
    not reproduced                at least one fails over the whole interval
    not reproduced (undecided)    none fails, but an interval straddles its threshold
    untestable here               the experiment said why it cannot be done

Beside the criterion stand *corrections*: statements of the article that the same measurements contradict. They have no
part in the verdict on the mechanism, and are shown next to it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neuropil.claims.statistics import Interval, mean_interval
from neuropil.errors import NeuropilError
from neuropil.result.atomic import plain

TAGS = {
    "OK": "supported by its source",
    "PART": "real, but overstated or misstated",
    "GARB": "real work, wrong facts",
    "UNS": "no primary source was found",
    "INT": "the article contradicts itself",
}
DEFAULT_SEEDS, QUICK_SEEDS = 5, 2


class Verdict(StrEnum):
    """What an experiment says about a claim."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    UNDECIDED = "not reproduced (undecided)"
    UNTESTABLE = "untestable here"


@dataclass(frozen=True)
class Measured:
    """A measured quantity.

    Attributes:
        name: what it is.
        value: the estimate, in `unit`.
        low, high: its 95 % interval; both equal to `value` where nothing is random.
        by_seed: the value of each seed, in their order, where there are seeds.
        control: whether it belongs to a control.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str = ""
    by_seed: tuple[float, ...] = ()
    control: bool = False

    @classmethod
    def over_seeds(cls, name: str, values: ArrayLike, unit: str = "", *, control: bool = False) -> Measured:
        """The mean of one value per seed, with its bootstrap interval.

        Args:
            name: of the quantity.
            values: [seeds].
            unit: of the values.
            control: whether it is a control.
        """
        samples = tuple(float(v) for v in np.asarray(values, float))
        return cls.estimate(name, mean_interval(samples), unit, by_seed=samples, control=control)

    @classmethod
    def estimate(
        cls, name: str, interval: Interval, unit: str = "", *, by_seed: Sequence[float] = (), control: bool = False
    ) -> Measured:
        """An estimate whose interval was made elsewhere: a paired ratio, a proportion.

        Args:
            name: of the quantity.
            interval: the value with its bounds.
            unit: of the values.
            by_seed: the value of each seed.
            control: whether it is a control.
        """
        return cls(name, interval.value, interval.low, interval.high, unit, tuple(by_seed), control)

    @classmethod
    def exact(cls, name: str, value: float, unit: str = "", *, control: bool = False) -> Measured:
        """A value without randomness: computed, or counted.

        Args:
            name: of the quantity.
            value: computed or counted.
            unit: of the value.
            control: whether it is a control.
        """
        return cls(name, float(value), float(value), float(value), unit, control=control)

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low == self.high or math.isnan(self.value):
            return f"{self.value:.4g}{unit}"
        if math.isinf(self.low):
            return f"{self.value:.4g}{unit} [one seed: no interval]"
        return f"{self.value:.4g}{unit} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True)
class Condition:
    """A statement decided by measurement: True, False, or None where an interval straddles the threshold.

    Attributes:
        text: the statement.
        holds: True, False or None.
        measured: the value, as text.
    """

    text: str
    holds: bool | None
    measured: str = ""

    @classmethod
    def at_least(cls, what: Measured, threshold: float) -> Condition:
        """The condition that the quantity `what` is no less than the threshold."""
        return cls._of(what, f"at least {threshold:g}", what.low >= threshold, what.high < threshold)

    @classmethod
    def at_most(cls, what: Measured, threshold: float) -> Condition:
        """The condition that the quantity `what` is no more than the threshold."""
        return cls._of(what, f"at most {threshold:g}", what.high <= threshold, what.low > threshold)

    @classmethod
    def within(cls, what: Measured, low: float, high: float) -> Condition:
        """The quantity lies in the range, bounds included.

        Args:
            what: the quantity.
            low, high: the range.
        """
        inside, outside = low <= what.low and what.high <= high, what.high < low or what.low > high
        return cls._of(what, f"between {low:g} and {high:g}", inside, outside)

    @classmethod
    def contains(cls, what: Measured, value: float) -> Condition:
        """The condition that the interval of the quantity `what` contains a claimed value."""
        inside = what.low <= value <= what.high
        return cls._of(what, f"interval contains {value:g}", inside, not inside)

    @classmethod
    def fact(cls, text: str, holds: bool) -> Condition:
        """The condition that a statement (`text`) is true or not (`holds`)."""
        return cls(text, bool(holds))

    @classmethod
    def _of(cls, what: Measured, relation: str, holds: bool, fails: bool) -> Condition:
        # NaN, as of a run that diverged, satisfies nothing.
        decided = False if math.isnan(what.value) else True if holds else False if fails else None
        return cls(f"{what.name}: {relation}", decided, str(what))


@dataclass(frozen=True)
class Findings:
    """What an experiment returns.

    Attributes:
        measured: the quantities, controls among them.
        criterion: all must hold for the claim to be reproduced.
        corrections: statements that contradict the article, where they hold.
        notes: what a reader must know: what follows by construction, what was left out.
        figure: a matplotlib Figure.
        untestable: why the experiment cannot be done here; empty if it was done.
    """

    measured: Sequence[Measured] = ()
    criterion: Sequence[Condition] = ()
    corrections: Sequence[Condition] = ()
    notes: Sequence[str] = ()
    figure: Any = None
    untestable: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict, from the conditions of the criterion alone."""
        if self.untestable:
            return Verdict.UNTESTABLE
        decided = [c.holds for c in self.criterion]
        if not decided:
            raise NeuropilError("an experiment without conditions has no verdict", fix="give Findings a criterion, or say why it is untestable")
        if all(decided):
            return Verdict.REPRODUCED
        return Verdict.NOT_REPRODUCED if False in decided else Verdict.UNDECIDED


@dataclass(frozen=True)
class Trial:
    """How an experiment is to be run.

    Attributes:
        seeds: one repetition each; arms of an experiment share them (paired).
        quick: reduced sizes, so that it takes seconds: a check that it runs, not a result.
        progress: called with the fraction done.
    """

    seeds: tuple[int, ...]
    quick: bool = False
    progress: Callable[[float], None] = lambda fraction: None

    def size(self, full: int, quick: int) -> int:
        """A size of the experiment: `quick` where it is quick, else `full`."""
        return quick if self.quick else full

    def each_seed(self, measure: Callable[[int], dict[str, Any]]) -> dict[str, np.ndarray]:
        """Run a measurement once per seed; its values are stacked by name, seeds first.

        Args:
            measure: seed -> values by name.

        Returns:
            [seeds, ...] by name.
        """
        rows = []
        for done, seed in enumerate(self.seeds):
            self.progress(done / len(self.seeds))
            rows.append(measure(seed))
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}


@dataclass(frozen=True)
class Claim:
    """What an article says, where it comes from, and how it is tested.

    Attributes:
        id: as in the list of claims: A3.
        title: one line.
        article: number and section: "000 §3".
        says: the claim, quoted briefly.
        source: the citation of the original work.
        traceable: whether the original of what the article says was found.
        tag: one of `TAGS`.
        criterion: what counts as reproduced, in words.
        scope: what is simulated, and what is not.
        run: the experiment.
        wrong: where the article is wrong, and why.
        seeds: how many it takes by default; 0 for an experiment without randomness.
        first: the first of its seeds; beyond 1 where an earlier design was tested on the earlier ones.

    Raises:
        NeuropilError: a tag that does not exist.
    """

    id: str
    title: str
    article: str
    says: str
    source: str
    traceable: bool
    tag: str
    criterion: str
    scope: str
    run: Callable[[Trial], Findings] = field(compare=False, repr=False)
    wrong: str = ""
    seeds: int = DEFAULT_SEEDS
    first: int = 1

    def __post_init__(self) -> None:
        if self.tag not in TAGS:
            raise NeuropilError(f"claim {self.id}: unknown tag", got=self.tag, expected=", ".join(TAGS))

    def test(
        self, *, seeds: int | None = None, quick: bool = False, progress: Callable[[float], None] | None = None
    ) -> Outcome:
        """Run the experiment.

        Args:
            seeds: how many, from `first` on; the claim's own number, or two for a quick run, if None.
            quick: see `Trial`.
            progress: called with the fraction done.

        Returns:
            The verdict with what was measured.

        Raises:
            NeuropilError: fewer than one seed.
        """
        count = (min(self.seeds, QUICK_SEEDS) if quick else self.seeds) if seeds is None else seeds
        if seeds is not None and seeds < 1:
            raise NeuropilError("an experiment needs at least one seed", got=seeds)
        chosen = tuple(range(self.first, self.first + count)) if self.seeds else ()
        begun = time.perf_counter()
        findings = self.run(Trial(chosen, quick, progress or (lambda fraction: None)))
        return Outcome(
            self.id, findings.verdict, chosen, quick, tuple(findings.measured), tuple(findings.criterion),
            tuple(findings.corrections), tuple(findings.notes), findings.untestable,
            wall_seconds=time.perf_counter() - begun, figure=findings.figure,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The description in plain JSON types."""
        names = ("id", "title", "article", "says", "source", "traceable", "tag", "criterion", "scope", "wrong")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Outcome:
    """The outcome of testing a claim. Equal if the result is; wall time and figure do not count.

    Attributes:
        claim: its id.
        wall_seconds: how long it took.
        figure: a matplotlib Figure, or None if read back from JSON.
        The others are those of `Findings` and `Trial`.
        verdict: of the criterion.
        seeds: that were run; quick: whether the short form was.
        measured: all quantities; criterion: the conditions of the verdict.
        corrections, notes: remarks for the report.
        untestable: why there is no verdict; empty if there is.
    """

    claim: str
    verdict: Verdict
    seeds: tuple[int, ...]
    quick: bool
    measured: tuple[Measured, ...]
    criterion: tuple[Condition, ...]
    corrections: tuple[Condition, ...]
    notes: tuple[str, ...]
    untestable: str = ""
    wall_seconds: float = field(default=0.0, compare=False)
    figure: Any = field(default=None, compare=False, repr=False)

    @property
    def corrected(self) -> list[str]:
        """The statements of the article that the measurements contradict."""
        return [c.text for c in self.corrections if c.holds]

    def to_json(self) -> dict[str, Any]:
        """The outcome in plain JSON types, without wall time and figure: the same for the same seeds."""
        value: dict[str, Any] = plain(
            {
                "claim": self.claim, "verdict": str(self.verdict), "seeds": self.seeds, "quick": self.quick,
                "measured": [vars(m) for m in self.measured], "criterion": [vars(c) for c in self.criterion],
                "corrections": [vars(c) for c in self.corrections], "notes": self.notes, "untestable": self.untestable,
            }
        )  # fmt: skip
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Outcome:
        """The outcome that `to_json` wrote as `value`; a number that JSON cannot hold (NaN, infinite) comes back as NaN."""
        return cls(
            value["claim"], Verdict(value["verdict"]), tuple(value["seeds"]), value["quick"],
            tuple(_measured(m) for m in value["measured"]), tuple(Condition(**c) for c in value["criterion"]),
            tuple(Condition(**c) for c in value["corrections"]), tuple(value["notes"]), value["untestable"],
        )  # fmt: skip


def _measured(value: dict[str, Any]) -> Measured:
    numbers = {name: math.nan if value[name] is None else value[name] for name in ("value", "low", "high")}
    by_seed = tuple(math.nan if v is None else v for v in value["by_seed"])
    return Measured(**{**value, **numbers, "by_seed": by_seed})
