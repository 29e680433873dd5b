"""The examples of docs/training.md run as they stand, and learn what they say."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import TrainingWarning

GUIDE = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")


def test_the_examples_learn() -> None:
    examples = re.findall(r"```python\n(.*?)```", GUIDE, re.S)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        for example in examples:
            exec(example, names)
    assert names["scores"].accuracy > 0.93 and names["fitted"].history.epochs == 6
    assert names["fitted"].agreement(names["test"][0][:10]).same_answers == 10
    assert names["recalled"].evaluate((names["trials"], names["cue"])).accuracy > 0.9
    assert len(names["recorded"].populations) == 1 and np.allclose(names["found"], [130.0, 30.0, 0.4], rtol=1e-4)  # hidden parameters
    assert len(examples[0].strip().splitlines()) <= 30
