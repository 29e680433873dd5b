"""Pages from templates: what enters HTML is escaped, and a value that is missing is an error."""

from __future__ import annotations

import jinja2
import pytest

from neuropil.agents.history import History
from neuropil.claims import Claim, Condition, Findings, write_index, write_report
from neuropil.pages import render
from neuropil.view.learning import write_learning

ODD = "<b>a & b</b> | \"c\" 'd'"
ESCAPED = "&lt;b&gt;a &amp; b&lt;/b&gt; | &#34;c&#34; &#39;d&#39;"


def test_no_text_of_a_claim_becomes_markup(tmp_path):
    claim = Claim(
        id="A3", title=ODD, article=ODD, says=ODD, source=ODD, traceable=True, tag="OK", criterion=ODD, scope=ODD,
        run=lambda trial: Findings(criterion=[Condition(ODD, True, ODD)], corrections=[Condition(ODD, True)], notes=[ODD]),
    )  # fmt: skip
    write_report(claim, claim.test(), tmp_path)
    write_index(tmp_path)
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<b>a" not in index and index.count(ESCAPED) == 10  # title twice, source, says, article, criterion, a condition's two texts, correction, note
    assert (tmp_path / "A3" / "report.md").read_text(encoding="utf-8").count(ODD) == 10, "Markdown keeps its text"


def test_no_text_of_an_agent_becomes_markup(tmp_path):
    write_learning(History([[1.0, 2.0]], [], [], [], {"agent": ODD, "world": "w", "interrupted": ODD}), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    # The title of the picture is escaped by Matplotlib.
    assert "<b>a" not in page and page.count(f"<h1>{ESCAPED} in w</h1>") == 1 and f"The run was {ESCAPED}." in page


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="interrupted"):
        render("neuropil.view", "learning.html", title="t", facts=[], curve="")
