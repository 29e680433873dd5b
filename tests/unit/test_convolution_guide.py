"""The guide to convolution: its examples run."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "convolution.md").read_text(encoding="utf-8")


def test_the_examples_run() -> None:
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    vertical, horizontal = names["spikes"].sum(axis=(1, 2))
    assert vertical > 5 * horizontal > 0
    assert names["own"].projections[0].rule.listed
