"""Every registered experiment, in its quick form. Writing one and naming it in the registry enrols it here."""

from __future__ import annotations

import functools
import json
import re

import pytest

from neuropil.claims import Outcome, Verdict, claim, write_report, written
from neuropil.claims.claim import TAGS
from neuropil.claims.registry import LISTED

LONG = ("C9", "D6", "M1")
"""Experiments whose rehearsal takes long."""

everyone = pytest.mark.parametrize("id", written())
quick_ones = pytest.mark.parametrize("id", [pytest.param(i, marks=pytest.mark.slow) if i in LONG else i for i in written()])


@functools.cache
def outcome(id: str) -> Outcome:
    return claim(id).test(quick=True)


@everyone
def test_the_description_is_complete(id):
    c = claim(id)
    assert c.id == id and c.title and LISTED[id]
    assert re.match(r"00\d\b", c.article), "an article is named by its number"
    assert c.says and c.criterion and c.scope and c.tag in TAGS
    assert re.search(r"\b(1[89]|20)\d\d\b", c.source), "a citation has a year"
    assert c.tag == "OK" or c.wrong, "what is not plainly supported must say what is wrong"


@quick_ones
def test_it_runs_and_its_verdict_follows_from_its_conditions(id):
    found = outcome(id)
    assert found.quick and found.wall_seconds > 0
    if found.verdict is Verdict.UNTESTABLE:
        assert found.untestable
        return
    assert found.criterion and found.measured
    holds = [c.holds for c in found.criterion]
    expected = (
        Verdict.REPRODUCED if all(holds) else Verdict.NOT_REPRODUCED if False in holds else Verdict.UNDECIDED
    )
    assert found.verdict is expected
    for m in found.measured:
        assert not m.by_seed or len(m.by_seed) == len(found.seeds), m.name
        assert not (m.high < m.value or m.low > m.value), m.name


@quick_ones
def test_it_says_the_same_after_a_round_trip_and_leaves_its_files(id, tmp_path):
    found = outcome(id)
    back = Outcome.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    assert back.to_json() == found.to_json()
    folder = write_report(claim(id), found, tmp_path)
    assert json.loads((folder / "result.json").read_text())["outcome"]["verdict"] == str(found.verdict)
    if found.verdict is not Verdict.UNTESTABLE:
        assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG")
