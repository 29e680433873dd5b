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
from html import escape
from pathlib import Path
from typing import Any

from neuropil.claims.claim import TAGS, Claim, Condition, Outcome
from neuropil.claims.registry import LISTED
from neuropil.result.atomic import read_json, replacing, write_json

_ANSWER = {True: "holds", False: "fails", None: "undecided"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.3rem .7rem;border-bottom:1px solid #8884;vertical-align:top}"
    "img{max-width:100%;background:#fff}section{margin-top:3rem}small{opacity:.75}"
)


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
    read = [(result["description"], Outcome.from_json(result["outcome"])) for result in found]
    _write(folder / "index.md", _index_markdown(read))
    _write(folder / "index.html", _index_html(read))


def provenance(description: dict[str, Any]) -> str:
    """Whether what the article says has an original that was found."""
    return "original traceable" if description["traceable"] else "original untraceable"


def markdown(description: dict[str, Any], outcome: Outcome) -> str:
    """The report of one claim."""
    lines = [
        f"# {outcome.claim} · {description['title']}",
        "",
        f"**{outcome.verdict}**; {provenance(description)}." + (" A quick run: a rehearsal, not a result." if outcome.quick else ""),
        "",
        f"> {description['says']} (article {description['article']})",
        "",
        f"- Source: {description['source']}",
        f"- Tag: {description['tag']}, {TAGS[description['tag']]}",
        f"- Criterion: {description['criterion']}",
        f"- Scope: {description['scope']}",
        f"- Seeds: {', '.join(map(str, outcome.seeds)) or 'none; nothing is left to chance'}",
    ]
    if description["wrong"]:
        lines.append(f"- Wrong in the article: {description['wrong']}")
    if outcome.untestable:
        lines.append(f"- Untestable here: {outcome.untestable}")
    lines += _conditions("Criterion", outcome.criterion, _ANSWER)
    lines += _conditions("Contradicts the article", outcome.corrections, {**_ANSWER, True: "yes", False: "no"})
    if outcome.measured:
        lines += ["", "## Measured", "", "| quantity | value [95 % interval] | |", "|---|---|---|"]
        lines += [f"| {m.name} | {m} | {'control' if m.control else ''} |" for m in outcome.measured]
    if outcome.notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in outcome.notes)]
    return "\n".join([*lines, "", "![figure](figure.png)", ""])


def _conditions(title: str, conditions: tuple[Condition, ...], answer: dict[bool | None, str]) -> list[str]:
    if not conditions:
        return []
    rows = [f"| {c.text} | {c.measured} | {answer[c.holds]} |" for c in conditions]
    return ["", f"## {title}", "", "| condition | measured | |", "|---|---|---|", *rows]


def _index_markdown(read: list[tuple[dict[str, Any], Outcome]]) -> str:
    rows = [
        f"| [{o.claim}]({o.claim}/report.md) | {d['title']} | {o.verdict}{' (quick)' if o.quick else ''} | {d['tag']} | {provenance(d)} |"
        for d, o in read
    ]
    return "\n".join(["# Claims tested", "", "| claim | | verdict | tag | provenance |", "|---|---|---|---|---|", *rows, ""])


def _index_html(read: list[tuple[dict[str, Any], Outcome]]) -> str:
    head = "".join(
        f'<tr><td><a href="#{o.claim}">{o.claim}</a></td><td>{escape(d["title"])}</td><td>{escape(str(o.verdict))}'
        f"{' (quick)' if o.quick else ''}</td><td>{escape(provenance(d))}</td></tr>"
        for d, o in read
    )
    body = "".join(_section_html(d, o) for d, o in read)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Claims tested</title><style>{_STYLE}</style></head><body><h1>Claims tested</h1><table>{head}</table>{body}</body></html>\n"
    )


def _section_html(d: dict[str, Any], o: Outcome) -> str:
    rows = "".join(
        f"<tr><td>{escape(c.text)}</td><td>{escape(c.measured)}</td><td>{_ANSWER[c.holds]}</td></tr>" for c in o.criterion
    )
    contradicted = "".join(f"<li>{escape(text)}</li>" for text in o.corrected)
    notes = "".join(f"<li>{escape(note)}</li>" for note in o.notes)
    return (
        f'<section id="{o.claim}"><h2>{o.claim} · {escape(d["title"])}</h2><p><b>{escape(str(o.verdict))}</b>; {escape(provenance(d))}. '
        f"<small>{escape(d['source'])}</small></p><blockquote>{escape(d['says'])} <small>(article {escape(d['article'])})</small></blockquote>"
        f"<p>{escape(d['criterion'])}</p><table>{rows}</table>"
        + (f"<p>Contradicts the article:</p><ul>{contradicted}</ul>" if contradicted else "")
        + f'<p><img src="{o.claim}/figure.png" alt="figure of claim {o.claim}"></p><ul>{notes}</ul>'
        f'<p><a href="{o.claim}/report.md">all measured values</a></p></section>'
    )


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
