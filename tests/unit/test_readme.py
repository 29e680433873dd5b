"""The README's examples, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

from neuropil import run
from neuropil.units import ms


def test_a_network_and_a_rule_that_learns_in_it(tmp_path, monkeypatch):
    """The first example in full; the one about learning goes on from its network."""
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8"), re.S)
    first, learning = blocks[0], next(b for b in blocks if "PairSTDP" in b)
    names: dict[str, object] = {}
    exec(compile(first, "README.md", "exec"), names)
    rates = names["result"].rates()  # type: ignore[attr-defined]
    assert (tmp_path / "raster.png").exists() and all(1.0 < rate < 100.0 for rate in rates.values())
    dendrites = next(b for b in blocks if "Morphology" in b)
    exec(compile(first.split("result =")[0] + dendrites, "README.md", "exec"), names)
    assert names["net"]["L5"].size == 100  # type: ignore[index]
    # From the same description, before it ran.
    exec(compile(first.split("result =")[0] + learning, "README.md", "exec"), names)
    learned = run(names["net"], 100 * ms, seed=1)
    assert learned.summary["synaptic_events"] > 0 and learned.modulators["dopamine"].values.size > 90
