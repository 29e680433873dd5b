"""The guide to stochastic equations: its example runs, and does what it says."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "noise.md").read_text(encoding="utf-8")


def test_the_example_runs(capsys) -> None:
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    printed = capsys.readouterr().out
    assert 110 < names["result"].traces["cells.i_noise"].values[-1].std() < 190 and len(names["result"].spikes) > 100
    assert names["found"].shape == (800, 10) and 0.01 < names["found"][-1].std() < 0.2
    assert "exact in distribution, strong order 1.0" in printed and "Milstein" in printed
