"""A saved loop: whole or not there, and no changed bit of it is believed. The truth is the loop that was saved."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from agents.stub_world import StubWorld
from agents.test_loop import small
from neuropil.agents import Loop, saved
from neuropil.errors import CheckpointError, NeuropilError, ResultError


def test_a_save_that_fails_leaves_the_loop_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(small(), StubWorld(), seed=5)
    loop.run(1)
    loop.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 3
    loop.run(1)
    for culprit in ("seal_of", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(saved, culprit, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                loop.save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    loop.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert saved.read_saved(tmp_path)[0]["begun"] == [2]


def test_no_changed_bit_of_a_saved_loop_is_believed(tmp_path: Path) -> None:
    loop = Loop(small(), StubWorld(), seed=5)
    loop.run(1)
    loop.save(tmp_path)
    kept = saved.read_saved(tmp_path)
    random = np.random.default_rng(3)
    files = sorted(tmp_path.iterdir())
    for flip in range(60):
        path = files[flip % 3]
        good = path.read_bytes()
        bad = bytearray(good)
        bad[random.integers(len(good))] ^= 1 << random.integers(8)
        path.write_bytes(bad)
        with contextlib.suppress(NeuropilError):
            assert saved.read_saved(tmp_path) == kept
        path.write_bytes(good)
    files[0].unlink()
    with pytest.raises(CheckpointError, match="missing"):
        Loop(small(), StubWorld(), seed=5, resume=tmp_path)


def test_a_folder_is_one_loops(tmp_path: Path) -> None:
    first = Loop(small(), StubWorld(), seed=5, out=tmp_path)
    with pytest.raises(ResultError, match="another run is writing"):
        Loop(small(), StubWorld(), seed=6, out=tmp_path)
    first.run(1)
    first.save(tmp_path / "saved")
    first.close()
    with pytest.raises(ResultError, match="already holds a run"):
        Loop(small(), StubWorld(), seed=6, out=tmp_path)
    second = Loop(small(), StubWorld(), seed=6, out=tmp_path, overwrite=True)
    assert not any((tmp_path / "saved").iterdir()) and not (tmp_path / "episodes.h5").exists()
    second.close()
