"""What an experiment leaves on disk: a folder per claim, and an index over them.

    DIR/A3/result.json   the claim and its outcome: the same bytes for the same seeds on one machine
    DIR/A3/report.md     the same for a reader
    DIR/A3/figure.png
    DIR/A3/run.json      what may differ between two runs: wall time, versions, machine, date
    DIR/index.md         a table of every claim found in DIR, with links
    DIR/index.html       the same with the figures, for a browser
"""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neuropil.claims.claim import TAGS, Claim, Outcome
from neuropil.claims.registry import LISTED
from neuropil.pages import render
from neuropil.result.atomic import read_json, replacing, write_json

_ANSWER = {True: "holds", False: "fails", None: "undecided"}
_CONTRADICTION = {True: "yes", False: "no", None: "undecided"}


def write_report(claim: Claim, outcome: Outcome, folder: Path) -> Path:
    """Write the folder of one claim below `folder`; returns it."""
    own = folder / claim.id
    own.mkdir(parents=True, exist_ok=True)
    write_json(own / "result.json", {"description": claim.to_json(), "outcome": outcome.to_json()})
    write_json(own / "run.json", {"wall_seconds": outcome.wall_seconds, **_circumstances()})
    _write(own / "report.md", markdown(claim.to_json(), outcome))
    if outcome.figure is not None:
        with replacing(own / "figure.png") as path:
            outcome.figure.savefig(path, format="png", dpi=150)
    return own


def write_index(folder: Path) -> None:
    """Write the index over all claims that have a result in `folder`."""
    found = [read_json(folder / id / "result.json") for id in LISTED if (folder / id / "result.json").exists()]
    read = [(Outcome.from_json(result["outcome"]), result["description"], provenance(result["description"])) for result in found]
    for name in ("index.md", "index.html"):
        _write(folder / name, render(__package__, name, read=read, answers=_ANSWER))


def provenance(description: dict[str, Any]) -> str:
    """Whether the original of what the article says was found, from the description of a claim."""
    return "original traceable" if description["traceable"] else "original untraceable"


def markdown(description: dict[str, Any], outcome: Outcome) -> str:
    """The report of one claim.

    Args:
        description: of the claim, in plain types.
    """
    return render(
        __package__, "report.md", claim=description, outcome=outcome, provenance=provenance(description), tags=TAGS,
        answers=_ANSWER, contradictions=_CONTRADICTION,
    )  # fmt: skip


def _circumstances() -> dict[str, Any]:
    from neuropil.version import __version__

    return {
        "neuropil": __version__,
        "python": platform.python_version(),
        "machine": platform.platform(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
