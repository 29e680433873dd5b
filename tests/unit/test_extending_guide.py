"""The guide to stimuli, junctions and probes of one's own: its example runs."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


def test_the_example_runs(capsys) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert capsys.readouterr().out == "pA\n"
    assert len(names["result"].spikes) > 0 and names["result"].traces["cells.leak"].values.std() > 0.0
