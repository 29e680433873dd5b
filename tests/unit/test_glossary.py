"""One word for one meaning: the glossary's terms are the package's, and what they replace does not come back.

Looked at are docstrings and the text of errors, which users read; a term counts as used if it stands in any source file.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
TERMS = re.findall(r"\*\*([^*]+)\*\*", GLOSSARY)
MOST = 60

REPLACED = {
    r"milliard": "10⁹",
    r"silently|in silence": "without an error",
    r"(a|its) life of its own": "stateful",
    r"\b(the )?\w+ knows? no\b": "does not support, has no",
    r"nobody|somebody": "name who or what",
    r"\btold\b": "given, set",
    r"\bdeaf\b|\bhears?\b": "receives",
    r"\bmend\b": "correct",
    r"\blazy\b|\blazily\b": "event-driven",
    r"starting values?": "initial value",
    r"(?<!there )\b(is|are) no (neuron|region|location|number|projection|network|path|time|directory|folder|scale)\b": "is not a ...",
    r"left to chance|chance decides": "random",
    r"\b(held|holds?) against\b": "compared with",
    r"\b(ran|runs?|running) away\b": "diverged, diverges",
    r"without notice": "at unannounced times",
    r"to speak of|\bof late\b|full tilt|in one go|of its own accord|good news|round figures|a rehearsal": "plain words",
    r"c[oa]mes? upon|come across": "reaches",
    r"\b(wakes?|woken|waking|awake|asleep)\b": "restore, resume",
    r"opens anywhere": "self-contained",
    r"\bsprouts?\b": "is attached",
    r"\bwhoever\b": "name who or what",
    r"\bDraft\b|\bLazyStore\b|\bWatchman\b|\bcarry_out\b": "PlanBuilder, event-driven store, guard, execute",
}
"""Expressions that STYLE replaces, each with what stands in its place."""


@cache
def sources() -> dict[str, str]:
    return {str(p.relative_to(ROOT)): p.read_text() for p in sorted((ROOT / "src" / "neuropil").rglob("*.py"))}


@cache
def public_text() -> tuple[tuple[str, int, str], ...]:
    """(file, line, text) of every docstring and of every string in a call that makes an error."""
    found = []
    for path, text in sources().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                found.append((path, getattr(node, "lineno", 1), ast.get_docstring(node) or ""))
            elif isinstance(node, ast.Call) and re.search(r"(Error|refuse|warn)$", ast.unparse(node.func)):
                found += [(path, node.lineno, c.value) for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)]
    return tuple(found)


def test_the_glossary_is_short_and_names_nothing_twice() -> None:
    lines = [line for line in GLOSSARY.splitlines() if line.startswith("- ")]
    assert all(line.startswith("- **") for line in lines)
    assert 0 < len(TERMS) <= MOST
    assert len(set(TERMS)) == len(TERMS)


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_used(term: str) -> None:
    pattern = re.compile(rf"\b{re.escape(term).replace('y', '(y|ie)', 1) if term.endswith('y') else re.escape(term)}(s|es)?\b", re.I)
    assert any(pattern.search(re.sub(r"\s+", " ", text)) for text in sources().values())


@pytest.mark.parametrize("pattern", REPLACED)
def test_what_was_replaced_does_not_come_back(pattern: str) -> None:
    found = [f"{path}:{line}: {match[0]!r}" for path, line, text in public_text() if (match := re.search(pattern, text, re.I))]
    assert not found, f"write {REPLACED[pattern]!r}:\n" + "\n".join(found)


def test_the_readme_links_the_glossary() -> None:
    assert "docs/glossary.md" in (ROOT / "README.md").read_text()
