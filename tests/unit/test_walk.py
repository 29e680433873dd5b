"""The walk from a description to machine code names files and functions that exist, and its network runs."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "neuropil"


def test_files_that_the_pages_name_exist() -> None:
    for page in ("walk.md", "design.md"):
        text = (ROOT / "docs" / page).read_text()
        named = set(re.findall(r"`([a-z_]+/[a-z_/0-9]+\.py)`", text))
        assert named
        assert not [n for n in named if not (PACKAGE / n).is_file() and not (ROOT / n).is_file()], page


def test_the_network_of_the_walk_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "walk.md").read_text(), re.DOTALL)
    scope: dict[str, object] = {}
    exec(code, scope)
    assert len(scope["result"].spikes) > 0  # type: ignore[attr-defined]
    from neuropil.engine.exchange.exchange import steps_between_meetings

    assert steps_between_meetings(scope["simulation"].plan) == 15  # type: ignore[attr-defined]
