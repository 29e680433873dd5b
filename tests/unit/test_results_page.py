"""The blocks of docs/results.md run one after the other, as they stand there, and say what the page says."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "True True",
        "100 ms",
        "True",
        "seed is 2, was 1; probe 'second' is new",
        "choose another folder, go on from its checkpoint (resume), or replace it (overwrite=True; --overwrite)",
    ]
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["spikes.h5", "summary.json", "traces.h5"]
