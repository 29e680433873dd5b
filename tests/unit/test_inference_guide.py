"""The examples of docs/inference.md run as they stand, and find what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.units import mV, nS

GUIDE = (Path(__file__).parents[2] / "docs" / "inference.md").read_text(encoding="utf-8")


def test_the_examples_run() -> None:
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", GUIDE, re.S):
        exec(example, names)
    assert np.isfinite(names["x"]).all() and len(np.unique(names["x"][:, 0])) > 5
    names["simulate"].close()
    found = names["found"]  # Fourcaud-Trocmé et al. (2003): -59.9 mV, 10 nS, 3.48 mV
    assert abs(found.v_t.value + 59.9) < 1.0 and abs(found.g_l.value - 10.0) < 2.0 and abs(found.delta_t.value - 3.48) < 1.0
    assert names["factor"] > 0.75
    off = np.abs(names["again"] - names["recorded"])
    assert names["recorded"].min() > 10 and off.mean() < 4 and off.max() < 10, (names["again"], names["recorded"])
    assert min(one["loss"] for one in names["tuned"].facts["starts"]) < 0.08
    _recover(names)


def _recover(names: dict[str, Any]) -> None:
    """Parameters that made spikes are found from them."""
    hidden = {"g_l": 8.0, "v_t": -58.0, "v_spike": -52.0, "v_reset": -70.0}
    units = {"g_l": nS, "v_t": mV, "v_spike": mV, "v_reset": mV}
    (times,) = names["spikes_of"](names["EIF"](**{n: v * units[n] for n, v in hidden.items()}), names["current"])
    made = names["from_spikes"](names["current"], times, epochs=80).network["cell"].neuron
    assert abs(made.g_l.value - 8.0) < 0.2
    for name, value in {**hidden, "width": 2.0, "delta_t": 3.0}.items():
        assert name == "g_l" or abs(getattr(made, name).value - value) < 0.5, name
