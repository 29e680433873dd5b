"""The example of docs/plasticity.md runs as it stands, and its table names what exists."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from neuropil.plan.plan import make_plan
from neuropil.zoo.registry import SYNAPSES, synapse

GUIDE = (Path(__file__).parents[2] / "docs" / "plasticity.md").read_text()


def test_the_example_runs_lazily_and_learns():
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE, re.S).group(1), names)
    assert names["efficacy"].shape == (250,)
    assert 0.0 <= names["efficacy"].min() < names["efficacy"].max() <= 1.0
    program = make_plan(names["network"]).synapses[0]
    assert program.event_driven and program.form.of("source") == ("pre",)


def test_the_table_names_what_exists():
    rows = re.findall(r"^\| (.*?) \| `(\w+)` \|", GUIDE, re.M)
    listed = set()
    for rules, file in rows:
        module = import_module(f"neuropil.zoo.plasticity.{file}")
        listed |= {name for name in re.findall(r"`(\w+)`", rules) if hasattr(module, name)}
        assert all(hasattr(module, name) for name in re.findall(r"`(\w+)`", rules)), (rules, file)
    assert {synapse(n).__name__ for n in SYNAPSES if ".plasticity." in SYNAPSES[n]} <= listed
