"""The guide to graded transmission: its examples run."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "graded.md").read_text(encoding="utf-8")


def test_the_examples_run(capsys) -> None:
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    r = names["result"].traces["units.r"].values
    assert r.shape == (500, 100) and r[-1].std() > 0.0
    assert names["error"] < 0.12 and f"{names['error']:.2f}" in capsys.readouterr().out
    assert len(names["inhibited"].spikes) > 0
