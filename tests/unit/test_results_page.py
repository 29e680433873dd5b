"""The blocks of docs/results.md run one after the other, as they stand there, and say what the page says."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "results.md"


def blocks() -> list[tuple[list[str], str]]:
    """Each block with the libraries that it needs, which stand behind the name of its language."""
    found = re.findall(r"```python(?: needs=(\S+))?\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [(needs.split(",") if needs else [], block) for needs, block in found]


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for needs, block in blocks():
        if not needs:
            exec(compile(block, str(PAGE), "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert int(lines[1].split()[0]) > 0  # the example fires
    assert lines[2:] == [
        "True True",
        "100 ms",
        "True",
        "seed is 2, was 1; probe 'second' is new",
        "choose another folder, go on from its checkpoint (resume), or replace it (overwrite=True; --overwrite)",
    ]
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == ["spikes.h5", "summary.json", "traces.h5"]


def test_the_blocks_that_need_other_libraries_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (needs, block), *others = [each for each in blocks() if each[0]]
    assert not others
    for name in needs:
        pytest.importorskip(name)
    names: dict[str, object] = {"__name__": "page"}
    for code in (blocks()[0][1], block):
        exec(compile(code, str(PAGE), "exec"), names)
