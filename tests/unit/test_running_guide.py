"""The example of docs/running.md runs as it stands, compiles once, and its sweep does what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

GUIDE = (Path(__file__).parents[2] / "docs" / "running.md").read_text()


def test_the_sweep_runs_and_compiles_once() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    names: dict[str, Any] = {}
    exec(example, names)
    rates = names["rates"]
    assert list(rates) == [-52, -50, -48] and rates[-52] > rates[-50] > rates[-48]
    assert names["network"]["exc"].neuron.v_th.value == -50.0, "the network is as it was"
    before = {name for name in sys.modules if name.startswith("neuropil_generated.")}
    exec(example.replace("sweep", "another").replace("100)", "77)").replace("-52, -50", "-53, -51"), {})
    assert {name for name in sys.modules if name.startswith("neuropil_generated.")} == before
