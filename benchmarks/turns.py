"""Worker processes that run the code of a checkout and take turns: one line in for a turn, one line of JSON out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def start(tree: Path, script: str, *worker: str) -> subprocess.Popen[str]:
    """A process that runs a script, with this command line, on a checkout's code.

    Args:
        tree: the checkout.
        script: path of the script.
        worker: further arguments, which make it a worker.
    """
    path = [tree / "src", tree / "benchmarks", tree / "benchmarks" / "peers"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.Popen([sys.executable, script, *sys.argv[1:], *worker], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line that a worker prints."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit("a worker ended; its error stands above")
    found: dict[str, Any] = json.loads(line)
    return found


def turn(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Let a worker take a turn; what it measured."""
    assert process.stdin is not None
    process.stdin.write("turn\n")
    process.stdin.flush()
    return answer(process)
