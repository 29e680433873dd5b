"""`neuropil claims` over stand-in experiments: listing, choosing, files, interruption, mistakes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from neuropil.claims import Claim, Condition, Findings, Measured, registry
from neuropil.cli import app
from neuropil.cli import claims as command

INTERRUPT = SimpleNamespace(now=False)


def _run(trial):
    if INTERRUPT.now:
        raise KeyboardInterrupt
    trial.progress(0.5)
    x = Measured.over_seeds("x [unit]", [float(s) for s in trial.seeds])
    return Findings([x], [Condition.at_least(x, 0.0)], [Condition.fact("it is otherwise", True)])


def _then_interrupt(trial):
    found = _run(trial)
    INTERRUPT.now = True
    return found


def _claim(id, run):
    return Claim(id, "title", "000 §1", "says", "Someone (1990)", False, "UNS", "criterion", "scope", run, "untraceable")


FIRST, SECOND = _claim("A1", _then_interrupt), _claim("A3", _run)


@pytest.fixture(autouse=True)
def two_experiments(monkeypatch, tmp_path):
    INTERRUPT.now = False
    made = {"A1": FIRST, "A3": SECOND}
    known = {"A1": "first", "A2": "unwritten", "A3": "second"}
    for module in (registry, command):
        monkeypatch.setattr(module, "LISTED", known)
        monkeypatch.setattr(module, "EXPERIMENTS", dict.fromkeys(made, ""))
    monkeypatch.setattr(command, "claim", lambda id: made[id])
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    return CliRunner().invoke(app, ["claims", *arguments])


def test_the_listing_is_honest():
    listed = call().stdout.splitlines()
    assert len(listed) == 3 and "not written yet" in listed[1] and "not written" not in listed[0]


def test_it_tests_and_reports(tmp_path):
    result = call("a3", "--seeds", "3", "--out", str(tmp_path / "out"))
    assert result.exit_code == 0 and "reproduced" in result.stdout and "otherwise" in result.stdout
    assert json.loads((tmp_path / "out/A3/result.json").read_text())["outcome"]["seeds"] == [1, 2, 3]
    assert (tmp_path / "out/index.html").exists()


def test_json(tmp_path):
    result = call("A3", "A3", "--quick", "--json")
    found = json.loads(result.stdout)
    assert len(found) == 1 and found[0]["outcome"]["verdict"] == "reproduced" and found[0]["outcome"]["quick"]
    assert (tmp_path / "neuropil-out/claims/A3/report.md").exists()


@pytest.mark.parametrize("names", [["all"], ["A"], ["A1", "A3"]])
def test_an_interruption_keeps_what_is_finished(names, tmp_path):
    result = call(*names)
    assert result.exit_code == 130 and "interrupted" in result.stderr
    assert (tmp_path / "neuropil-out/claims/A1/result.json").exists()
    assert not (tmp_path / "neuropil-out/claims/A3").exists()
    assert "A1" in (tmp_path / "neuropil-out/claims/index.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "culprit"), [(["A33"], "did you mean"), (["A3", "--seeds", "0"], "--seeds"), (["Z"], "no claim 'Z'")]
)
def test_mistakes_end_in_a_message(arguments, culprit):
    result = call(*arguments)
    assert result.exit_code == 2 and culprit in result.stderr and result.stdout == ""
