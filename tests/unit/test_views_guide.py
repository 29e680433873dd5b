"""The guide to views says what happens: its example runs, and a slip in it is caught."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "views.md").read_text()


def test_the_example_runs(capsys) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert names["result"].duration_ms == 100.0 and names["result"].traces["exc.v"].neurons.tolist() == [0, 1, 2, 3, 4]
    printed = capsys.readouterr().out
    assert "parts" in printed and "mV" in printed
    assert [len(p.sources) for p in names["net"].projections[:2]] == [100, 100]
