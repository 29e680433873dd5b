"""The files of the package form no circle, wherever in a file an import stands, and the README's map is that of the rooms.

Why to believe it: every file is parsed, so that imports inside functions, under TYPE_CHECKING and by name (a string that is the
name of a module) count as the others do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import neuropil

SOURCE = Path(neuropil.__file__).parent


def name_of(file: Path, source: Path) -> str:
    """The dotted name of a module."""
    parts = (source.name, *file.relative_to(source).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, package: str, known: Set[str]) -> Iterator[str]:
    """The modules that a module imports, and those whose names stand in it as strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            whole = [f"{base}.{alias.name}" for alias in node.names]  # a module, or a name in one
            yield from (name if name in known else base for name in whole if name in known or base in known)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            yield from {node.value.partition(":")[0]} & known


def graph(source: Path) -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    files = {name_of(file, source): file for file in source.rglob("*.py")}
    arrows: dict[str, set[str]] = {}
    for module, file in files.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        arrows[module] = set(imported(ast.parse(file.read_text(encoding="utf-8")), package, files.keys())) - {module}
    return arrows


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """The modules of one circle, or nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))  # graphlib lists a circle against its arrows
    return []


@pytest.fixture(scope="module")
def arrows():
    return graph(SOURCE)


def test_files_form_no_circle(arrows):
    assert not circle(arrows)


def test_a_circle_is_found_wherever_its_arrows_stand(tmp_path):
    """Each kind of arrow that closes a circle of two files is seen."""
    source = tmp_path / "house"
    source.mkdir()
    (source / "__init__.py").write_text("")
    (source / "b.py").write_text("import house.a\n")
    back = ("from house.b import f", "from .b import f", "def g():\n    from house import b", 'def g():\n    return import_module("house.b")', 'PLACES = ["house.b:f"]',
            "if TYPE_CHECKING:\n    from house.b import f")  # fmt: skip
    for text in back:
        (source / "a.py").write_text(text)
        assert set(circle(graph(source))) == {"house.a", "house.b"}, text
    (source / "a.py").write_text('"""See house.b."""\n')
    assert not circle(graph(source))


def test_no_name_of_a_type_is_compared():
    found = set()
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            named = any(isinstance(side, ast.Attribute) and side.attr in ("__name__", "__qualname__") for side in sides)
            if named and any(isinstance(part, ast.Constant) for side in sides for part in ast.walk(side)):
                found.add(file.relative_to(SOURCE).as_posix())
    assert not found


def rooms() -> dict[str, str]:
    """Each room and single file of the package, and the first line of its docstring."""
    found = {}
    for file in (*SOURCE.rglob("*/__init__.py"), *SOURCE.glob("[!_]*.py")):
        room_of = file.relative_to(SOURCE)
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        found[(room_of.parent if room_of.name == "__init__.py" else room_of).as_posix()] = text.partition("\n")[0]
    return found


def test_the_map_shows_each_room_once_by_its_first_line():
    """After a change: the row of a room is | [`room`](src/neuropil/room) | first line of its docstring |."""
    readme = (SOURCE.parents[1] / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`([\w/.]+)`\]\(src/neuropil/\1\) \| (.+) \|$", readme, re.MULTILINE)
    assert len(rows) == len(dict(rows)) and dict(rows) == rooms()


@pytest.mark.parametrize(
    ("wanted", "room"),
    [
        ("exact propagator", "lower"), ("SWC", "model/cell"), ("spikes once per smallest delay", "engine/exchange"), ("spikes filed into the steps", "engine/stores"),
        ("STDP brought up to date", "engine/stores"), ("rounding of weights", "engine/stores"), ("diffusion", "model/modulation"), ("Poisson counts", "engine/stimuli"),
        ("checkpoints written", "engine/record"), ("surrogate gradients", "learn"),
    ],
)  # fmt: skip
def test_a_reader_finds_a_mechanism_in_the_map(wanted, room):
    """One row, and no other, names it."""
    assert [room_of for room_of, text in rooms().items() if wanted in text] == [room]
