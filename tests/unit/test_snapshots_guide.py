"""The examples of docs/snapshots.md run as they stand, one after the other, and say themselves what must come out."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "snapshots.md"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 4
    module = ModuleType("snapshots_guide")  # a module with a file, as a reader's program is: source text is found
    monkeypatch.setitem(sys.modules, module.__name__, module)
    program = tmp_path / "snapshots_guide.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    module.__file__ = str(program)
    exec(compile(program.read_text(encoding="utf-8"), str(program), "exec"), vars(module))
