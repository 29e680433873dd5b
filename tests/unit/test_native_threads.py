"""Threads of native gradients write to arrays of XLA's, which are freed after the call: none may go on when it ends, however it ends."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from neuropil.learn.native import execute
from neuropil.learn.native.execute import Batch, Executor


def test_an_interrupted_call_ends_after_its_threads(monkeypatch):
    """The caller's thread is interrupted before its first group; the other one has taken one by then."""
    taken, done = threading.Event(), []

    class Program:
        def run(self, first: int, end: int, group: int) -> None:
            taken.set()
            time.sleep(0.05)
            done.append(group)

    def interrupted():
        taken.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "can_be_standard", lambda: True)
    monkeypatch.setattr(execute, "standard", interrupted)
    space = SimpleNamespace(origin=np.zeros(1, np.int64), program=lambda *_: Program())
    monkeypatch.setattr(Executor, "_space", lambda *_: space)
    machine = SimpleNamespace(rows=lambda *_: 1, parts=(), lock=threading.Lock())
    with pytest.raises(KeyboardInterrupt):
        Executor(machine, 2, 0.0).forward(Batch({}, {}, 0, 1, 8), keep=False)
    assert done == [0, 1], "the other thread has run all groups"
