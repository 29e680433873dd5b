"""What the benchmarks share: running a peer in its own environment, describing the machine, writing tables."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "benchmarks"
PEERS = Path(__file__).resolve().parent / "peers"


def interpreter(given: str | None, variable: str, peer: str) -> tuple[str | None, str]:
    """A peer's Python, from an option or an environment variable, and otherwise the reason why there is none."""
    path = given or os.environ.get(variable)
    if not path:
        return None, f"{peer} was not measured: no interpreter was named (option or {variable})"
    if not Path(path).exists():
        return None, f"{peer} was not measured: there is no {path}"
    return path, ""


def measure(python: str, script: Path, *arguments: Any, tree: Path = ROOT) -> dict[str, Any]:
    """Run a script that ends with one JSON object on a line of standard output; adds `process_seconds`, all in all.

    With this interpreter neuropil is that of the checkout `tree`.
    """
    environment = dict(os.environ)
    if python == sys.executable:
        environment["PYTHONPATH"] = os.pathsep.join([str(tree / "src"), environment.get("PYTHONPATH", "")])
    else:
        environment.pop("PYTHONPATH", None)
    start = time.perf_counter()
    done = subprocess.run(
        [python, str(script), *map(str, arguments)], env=environment, text=True, capture_output=True, check=False
    )
    spent = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{script.name} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**figures, "process_seconds": spent}


def neuropil(*arguments: Any) -> dict[str, Any]:
    """One run of neuropil in a process of its own; see `run_neuropil.py`."""
    return measure(sys.executable, ROOT / "benchmarks" / "run_neuropil.py", *arguments)


def machine() -> dict[str, Any]:
    """The machine and the load on it now."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": [round(x, 2) for x in os.getloadavg()],
    }


def table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def write(name: str, text: str, raw: dict[str, Any]) -> None:
    """The page `docs/benchmarks/NAME.md` and the figures it rests on, `NAME.json`."""
    PAGES.mkdir(parents=True, exist_ok=True)
    (PAGES / f"{name}.md").write_text(text)
    (PAGES / f"{name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    print(text)


def footing(about: dict[str, Any]) -> str:
    """Where and under what load the figures were taken."""
    return (
        f"\nMeasured on {about['cores']} cores of {about['processor']} ({about['system']}, Python {about['python']}); "
        f"load average at the start {about['load'][0]}: other work may have shared the machine.\n"
    )
