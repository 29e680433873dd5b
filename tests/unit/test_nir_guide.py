"""The guide to NIR: its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

TEXT = (Path(__file__).parents[2] / "docs" / "nir.md").read_text(encoding="utf-8")


def test_the_example_runs() -> None:
    names: dict = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(code, names)
    first, second = names["first"].spikes, names["second"].spikes
    for population in ("hidden", "classes"):
        one, other = first.of(population), second.of(population)
        assert len(one) > 50
        np.testing.assert_array_equal(one.step, other.step)
        np.testing.assert_array_equal(one.neuron, other.neuron)
