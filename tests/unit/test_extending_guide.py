"""The guide to objects of one's own: its examples run."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


def test_the_examples_run(capsys) -> None:
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    assert capsys.readouterr().out == "pA\n"
    assert len(names["result"].spikes) > 0 and names["result"].traces["cells.leak"].values.std() > 0.0
    assert len(names["more"].spikes) > 0
