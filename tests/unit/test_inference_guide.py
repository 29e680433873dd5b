"""The examples of docs/inference.md run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

GUIDE = (Path(__file__).parents[2] / "docs" / "inference.md").read_text(encoding="utf-8")


def test_the_examples_run() -> None:
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", GUIDE, re.S):
        exec(example, names)
    assert np.isfinite(names["x"]).all() and len(np.unique(names["x"][:, 0])) > 5
    names["simulate"].close()
