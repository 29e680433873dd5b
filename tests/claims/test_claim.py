"""The verdict is a function of what was measured: its rules, its round trip through JSON, the files it leaves."""

from __future__ import annotations

import json
import math

import pytest

from neuropil.claims import Claim, Condition, Findings, Measured, Outcome, Trial, Verdict, write_index, write_report
from neuropil.claims.claim import TAGS
from neuropil.claims.drawing import label, panels
from neuropil.claims.registry import EXPERIMENTS, LISTED, claim
from neuropil.errors import NeuropilError

SURE = Measured("x", 2.0, 1.5, 2.5)


def made(run, **changes) -> Claim:
    values = dict(
        id="A3", title="t", article="000 §3", says="says", source="Someone (1990)", traceable=True, tag="OK", criterion="c", scope="s", run=run
    )
    return Claim(**{**values, **changes})


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition.at_least(SURE, 1.5), True), (Condition.at_least(SURE, 2.0), None), (Condition.at_least(SURE, 2.6), False),
        (Condition.at_most(SURE, 2.5), True), (Condition.at_most(SURE, 2.0), None), (Condition.at_most(SURE, 1.4), False),
        (Condition.within(SURE, 1.0, 3.0), True), (Condition.within(SURE, 2.0, 3.0), None), (Condition.within(SURE, 3.0, 4.0), False),
        (Condition.contains(SURE, 2.5), True), (Condition.contains(SURE, 2.6), False), (Condition.fact("so", False), False),
    ],
)  # fmt: skip
def test_a_condition_holds_only_over_the_whole_interval(condition, holds):
    assert condition.holds is holds


def test_what_diverged_satisfies_nothing_and_one_seed_decides_nothing():
    assert Condition.at_least(Measured.exact("x", math.nan), 0.0).holds is False
    assert Condition.at_most(Measured.exact("x", math.nan), 0.0).holds is False
    assert Condition.at_least(Measured.over_seeds("x", [5.0]), 1.0).holds is None


@pytest.mark.parametrize(
    ("holds", "verdict"),
    [
        ([True, True], Verdict.REPRODUCED), ([True, False], Verdict.NOT_REPRODUCED), ([None, False], Verdict.NOT_REPRODUCED),
        ([True, None], Verdict.UNDECIDED),
    ],
)  # fmt: skip
def test_the_verdict(holds, verdict):
    assert Findings(criterion=[Condition("c", h) for h in holds]).verdict is verdict


def test_corrections_have_no_part_in_the_verdict():
    findings = Findings(criterion=[Condition("c", True)], corrections=[Condition("the article errs", True)])
    assert findings.verdict is Verdict.REPRODUCED


def test_no_conditions_no_verdict():
    assert Findings(untestable="needs a rat").verdict is Verdict.UNTESTABLE
    with pytest.raises(NeuropilError, match="without conditions"):
        _ = Findings().verdict


def test_seeds():
    seen: list[Trial] = []

    def run(trial: Trial) -> Findings:
        seen.append(trial)
        return Findings(criterion=[Condition("c", True)])

    assert made(run).test().seeds == (1, 2, 3, 4, 5)
    assert made(run).test(quick=True).seeds == (1, 2)
    assert made(run).test(seeds=3).seeds == (1, 2, 3)
    assert made(run, seeds=0).test(seeds=3).seeds == (), "nothing is left to chance"
    assert [t.size(10, 2) for t in seen] == [10, 2, 10, 10]
    with pytest.raises(NeuropilError, match="at least one seed"):
        made(run).test(seeds=0)
    assert made(run, first=11).test(seeds=2).seeds == (11, 12)
    with pytest.raises(NeuropilError, match="unknown tag"):
        made(run, tag="MAYBE")


def outcome_of(values) -> tuple[Claim, Outcome]:
    def run(trial: Trial) -> Findings:
        x = Measured.over_seeds("x", trial.each_seed(lambda seed: {"x": values[seed - 1]})["x"], "mV")
        gone = Measured.exact("gone", math.nan, control=True)
        figure, (ax,) = panels()
        ax.plot(x.by_seed)
        label(ax, "seed", "x")
        return Findings([x, gone], [Condition.at_least(x, 1.0)], [Condition.fact("wrong", True)], ["a | note"], figure)

    c = made(run)
    return c, c.test(seeds=len(values))


def test_round_trip_through_json():
    _, outcome = outcome_of([1.0, 2.0, 3.0])
    back = Outcome.from_json(json.loads(json.dumps(outcome.to_json(), allow_nan=False)))
    assert back.to_json() == outcome.to_json()
    assert back.measured[0] == outcome.measured[0] and math.isnan(back.measured[1].value)
    assert back.corrected == ["wrong"]


def test_the_folder_of_a_claim_is_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        write_report(*outcome_of([1.0, 2.0, 3.0]), tmp_path / name)
        write_index(tmp_path / name)
    for file in ("A3/result.json", "A3/report.md", "A3/figure.png", "index.md", "index.html"):
        one, two = (tmp_path / name / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes(), file
        assert one.stat().st_size > 100
    assert "wall_seconds" in json.loads((tmp_path / "one/A3/run.json").read_text())
    assert "original traceable" in (tmp_path / "one/A3/report.md").read_text()


def test_the_registry_lists_every_claim_once():
    parts = {part: sum(id[0] == part for id in LISTED) for part in "ABCDEFG"}
    assert parts == {"A": 7, "B": 5, "C": 14, "D": 16, "E": 14, "F": 10, "G": 4}
    assert set(EXPERIMENTS) <= set(LISTED)
    with pytest.raises(NeuropilError, match="did you mean 'A3'"):
        claim("A33")
    unwritten = next((id for id in LISTED if id not in EXPERIMENTS), None)
    if unwritten:
        with pytest.raises(NeuropilError, match="not written yet"):
            claim(unwritten)
    assert set(TAGS) == {"OK", "PART", "GARB", "UNS", "INT"}
