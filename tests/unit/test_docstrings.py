"""Every public module, class and function says what it computes, what it takes, what it returns and what it raises.

Public is what has no leading underscore in any part of its path. Asked of each:

    docstring   on modules, classes, functions and methods; of a property one sentence is enough
    parameters  each is named in the docstring: as an entry of a section Args or Attributes, in backticks in the text, or with its
                shape (``x [n, axes]``); one of at most two parameters may be a plain word of the text ("e to the power x"); for a
                class the parameters of `__init__` or the fields of the dataclass
    returns     a section Returns, if a value is returned and the first sentence is an instruction ("Read …") and not the value
                itself ("The mean of …"); the word "returns" in the text does as well
    raises      each error of neuropil that the body raises is named, or the base of all, NeuropilError

Exempt, since it is stated elsewhere: methods that override a documented one of the package; fields of declarative models
(name, unit and default stand in the class, and `neuropil explain` shows them) and arguments of commands (`--help` shows
them); `s`, `x` and `w` of methods of models, which are states, inputs and weights by name; parameters that are the only object
of their class (``plan: Plan``); functions that Numba compiles, of which only the docstring is asked; builders that are registered for a type, which the decorator names. Parameters that the functions of a file
share may be explained once, in a section Args of the module.

What is missing is counted for each room and held at a stated number, which may only go down. What is missing where:

    python tests/unit/test_docstrings.py [ROOM ...]
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "neuropil"

ALLOWED: dict[str, int] = {}
"""What may be missing, by room; a room that is not named misses nothing."""

INSTRUCTIONS = frozenset({
    "Add", "Advance", "Allocate", "Begin", "Build", "Choose", "Classify", "Connect", "Count", "Declare", "Describe",
    "Detect", "Divide", "Do", "Draw", "Drive", "Evaluate", "Find", "Fit", "Follow", "Gather", "Give", "Guess", "Join",
    "Learn", "Let", "Lower", "Make", "Open", "Print", "Pull", "Put", "Raise", "Read", "Recompute", "Record", "Refuse",
    "Register", "Roll", "Run", "Save", "Scale", "Set", "Show", "Spread", "Store", "Take", "Test", "Trace", "Train", "Turn",
    "Visit", "With", "Write",
})  # fmt: skip
_NAME = r"\*{0,2}\w+(?: \[[^\]]*\])?"
ENTRY = re.compile(rf"(?:^\s+|; )({_NAME}(?:(?:, | and ){_NAME})*)(?: \([^)]*\))?:")
"""The names that an entry of a section explains: "a, b [n] and c (optional):"."""
NATIVE = re.compile(r"njit\b|\b(intrinsic|overload|kernel|vectorize)\b")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax trees of all files by path."""
    return {str(p.relative_to(SOURCE)): ast.parse(p.read_text()) for p in sorted(SOURCE.rglob("*.py"))}


@cache
def classes() -> dict[str, list[ast.ClassDef]]:
    """All classes of the package by name; a few names are those of several classes."""
    found: dict[str, list[ast.ClassDef]] = {}
    for node in (n for tree in modules().values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)):
        found.setdefault(node.name, []).append(node)
    return found


@cache
def error_names() -> frozenset[str]:
    """The classes of errors in neuropil.errors."""
    return frozenset(n.name for n in modules()["errors.py"].body if isinstance(n, ast.ClassDef))


def room(path: str) -> str:
    """The folder (of model and engine, the folder within) or file to which a path belongs."""
    parts = Path(path).parts
    depth = 2 if parts[0] in ("model", "engine") and len(parts) > 2 else 1
    return "/".join(parts[:depth])


def ancestors(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """The classes of the package from which a class inherits."""
    for base in node.bases:
        for parent in classes().get(ast.unparse(base).split(".")[-1].split("[")[0], []):
            if parent is not node:
                yield parent
                yield from ancestors(parent)


def decorators(node: Function | ast.ClassDef) -> str:
    """The text of the decorators."""
    return " ".join(ast.unparse(d) for d in node.decorator_list)


def parameters(node: Function) -> list[str]:
    """Names of the parameters of a function that need an explanation."""
    args = node.args
    named = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    extra = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [a.arg for a in (*named, *extra) if a.arg not in ("self", "cls") and not a.arg.startswith("_") and not is_the_only(a)]


def is_the_only(argument: ast.arg) -> bool:
    """Whether a parameter is named after its class (``plan: Plan``), so that nothing is left to say."""
    if argument.annotation is None:
        return False
    kinds = re.findall(r"\w+", ast.unparse(argument.annotation))
    return bool(kinds) and kinds[0] in classes() and kinds[0].lower() == argument.arg.replace("_", "")


def fields(node: ast.ClassDef) -> list[str]:
    """The public fields of a dataclass that its caller gives."""
    declared = [s for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    given = [s for s in declared if "ClassVar" not in ast.unparse(s.annotation) and (s.value is None or "init=False" not in ast.unparse(s.value))]
    return [s.target.id for s in given if isinstance(s.target, ast.Name) and not s.target.id.startswith("_")]


def entries(text: str) -> set[str]:
    """The names that a docstring explains: entries of sections, names in backticks, names followed by a shape."""
    quoted = {n for q in re.findall(r"`+([^`]+)`+", text) for n in re.findall(r"\w+", q)}
    return quoted | set(re.findall(r"\b(\w+) ?\[", text)) | sections(text)


def sections(text: str) -> set[str]:
    """The names that the sections Args and Attributes of a docstring explain."""
    names: set[str] = set()
    inside = False
    for line in text.splitlines():
        heading = re.fullmatch(r"(\w[\w ]*):", line.strip())
        if heading:
            inside = heading[1] in ("Args", "Attributes")
        elif inside:
            for entry in ENTRY.findall(line):
                names |= set(re.findall(r"\w+", re.sub(r"\[[^\]]*\]", "", entry)))
    return names


def raised(node: ast.AST) -> set[str]:
    """The errors of neuropil that a body raises itself."""
    found = set()
    for n in ast.walk(node):
        if isinstance(n, ast.Raise) and n.exc is not None:
            called = n.exc.func if isinstance(n.exc, ast.Call) else n.exc
            found |= {ast.unparse(called).split(".")[-1]} & error_names()
    return found


def returns_value(node: Function) -> bool:
    """Whether a function returns something."""
    if node.returns is not None:
        return ast.unparse(node.returns) not in ("None", "NoReturn", "Never")
    return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))


def of_function(node: Function, text: str, known: frozenset[str] = frozenset()) -> Iterator[str]:
    """What the docstring of a function does not say; `known`: parameters that need no words."""
    if re.search(r"\bcommand\b|\bcallback\b", decorators(node)):
        return
    words = re.findall(r"\w+", text)
    asked = [p for p in parameters(node) if p not in known]
    named = entries(text) | (set(words) if len(asked) <= 2 else set())
    yield from (f"argument {p}" for p in asked if p not in named)
    if returns_value(node) and words and words[0] in INSTRUCTIONS and not re.search(r"\b[Rr]eturn|Yields:", text):
        yield "Returns"
    yield from (f"Raises {e}" for e in sorted(raised(node)) if not re.search(rf"{e}|NeuropilError", text))


def of_class(node: ast.ClassDef, text: str, known: frozenset[str] = frozenset()) -> Iterator[str]:
    """What the docstring of a class does not say of its parameters and of the errors of its constructor; `known`: parameters."""
    bodies = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
    constructor = bodies.get("__init__")
    parents = "\n".join(ast.get_docstring(a) or "" for a in ancestors(node))
    said = f"{text}\n{(ast.get_docstring(constructor) or '') if constructor else ''}"
    asked = parameters(constructor) if constructor else []
    if (constructor is None and "dataclass" in decorators(node)) or any("NamedTuple" in ast.unparse(b) for b in node.bases):
        asked = fields(node)
    yield from (f"argument {p}" for p in asked if p not in entries(said) | entries(parents) | known)
    errors = {e for name in ("__init__", "__post_init__") if name in bodies for e in raised(bodies[name])}
    yield from (f"Raises {e}" for e in sorted(errors) if not re.search(rf"{e}|NeuropilError", said + parents))


def missing_in(path: str) -> Iterator[tuple[str, int, str]]:
    """(name, line, what is missing) for one file."""
    tree = modules()[path]
    if any(part.startswith("_") and part != "__init__.py" for part in Path(path).parts):
        return
    if not ast.get_docstring(tree):
        yield path, 1, "docstring"
    shared = frozenset(sections(ast.get_docstring(tree) or ""))
    for node in tree.body:
        if isinstance(node, Function):
            yield from missing_of(node, node.name, frozenset(), shared)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node)
            if text is None:
                yield node.name, node.lineno, "docstring"
            else:
                yield from ((node.name, node.lineno, what) for what in of_class(node, text, shared))
            equations = frozenset("sxw") if any(a.name == "DeclarativeModel" for a in ancestors(node)) else frozenset()
            documented = frozenset(m.name for a in ancestors(node) for m in a.body if isinstance(m, Function) and ast.get_docstring(m))
            for method in node.body:
                if isinstance(method, Function):
                    yield from missing_of(method, f"{node.name}.{method.name}", documented, equations | shared)


def missing_of(node: Function, name: str, documented: frozenset[str], known: frozenset[str] = frozenset()) -> Iterator[tuple[str, int, str]]:
    """(name, line, what is missing) for one function or method; `documented`: methods of base classes that are; `known`: parameters."""
    if node.name.startswith("_") or node.name in documented or ".setter" in decorators(node) or "overload" in decorators(node).split():
        return
    if re.search(r"\bregister\(", decorators(node)):
        return
    text = ast.get_docstring(node)
    if text is None:
        yield name, node.lineno, "docstring"
    elif "property" not in decorators(node) and not NATIVE.search(decorators(node)):
        yield from ((name, node.lineno, what) for what in of_function(node, text, known))


@cache
def counts() -> Counter[str]:
    """How much is missing, by room."""
    return Counter({room(p): 0 for p in modules()}) + Counter(room(p) for p in modules() for _ in missing_in(p))


@pytest.mark.parametrize("where", sorted({room(p) for p in modules()}))
def test_docstrings_are_complete(where: str) -> None:
    listed = "\n".join(f"{p}:{line} {name}: {what}" for p in modules() if room(p) == where for name, line, what in missing_in(p))
    allowed = ALLOWED.get(where, 0)
    assert counts()[where] <= allowed, f"{where}: {counts()[where]} things are missing, {allowed} may be\n{listed}"


def explained_twice(text: str) -> list[str]:
    """Names that have two entries in one section of a docstring."""
    found: list[str] = []
    names: list[str] = []
    for line in text.splitlines():
        if re.fullmatch(r"\w[\w ]*:", line):
            names = []
        elif entry := re.match(r" {4}((?:\*{0,2}\w+(?:, )?)+): ", line):
            given = entry[1].split(", ")
            found += [n for n in given if n in names]
            names += given
    return found


def test_nothing_is_explained_twice() -> None:
    listed = [
        (path, node.name, twice) for path, tree in modules().items() for node in ast.walk(tree)
        if isinstance(node, (ast.ClassDef, *Function.__args__)) and (twice := explained_twice(ast.get_docstring(node) or ""))
    ]  # fmt: skip
    assert not listed
    assert explained_twice("Add.\n\nArgs:\n    a: V.\n    b: V.\n    a: V.\n\nAttributes:\n    b: V.") == ["a"]


def test_the_rooms_that_are_named_exist() -> None:
    assert set(ALLOWED) <= {room(p) for p in modules()}


CASES = {
    "complete": ('def f(a, b):\n    """Add.\n\n    Args:\n        a: V.\n        b: V.\n\n    Returns:\n        V.\n    """\n    return a + b', []),
    "backticks": ('def f(a, b):\n    """The sum of `a` and ``b + 1``."""\n    return a + b', []),
    "shape": ('def f(a):\n    """The sum of the rows of a [rows, n]."""\n    return a', []),
    "several": ('def f(a, b):\n    """The sum.\n\n    Args:\n        a, b [n]: V.\n    """\n    return a + b', []),
    "word": ('def f(a, b):\n    """The sum of a and b."""\n    return a + b', []),
    "argument": ('def f(a, b, c):\n    """The sum of `a`, `b` and c."""\n    return a + b + c', ["argument c"]),
    "returns": ('def f(a):\n    """Read `a`."""\n    return a', ["Returns"]),
    "raises": ('def f(a):\n    """The `a`."""\n    raise ModelError("no")', ["Raises ModelError"]),
    "foreign": ('def f(a):\n    """The `a`."""\n    raise ValueError("no")', []),
}


@pytest.mark.parametrize("case", CASES)
def test_the_checker_finds_what_is_missing(case: str) -> None:
    text, expected = CASES[case]
    node = ast.parse(text).body[0]
    assert isinstance(node, ast.FunctionDef)
    assert list(of_function(node, ast.get_docstring(node) or "")) == expected


def test_the_checker_reads_classes() -> None:
    node = ast.parse('@dataclass\nclass A:\n    """Holds `a`."""\n    a: int\n    b: int\n    def __post_init__(self):\n        raise ModelError("no")').body[0]
    assert isinstance(node, ast.ClassDef)
    assert list(of_class(node, "Holds `a`.")) == ["argument b", "Raises ModelError"]


if __name__ == "__main__":
    for file in modules():
        if not sys.argv[1:] or room(file) in sys.argv[1:]:
            for name, line, what in missing_in(file):
                print(f"{file}:{line} {name}: {what}")
    print(dict(sorted(counts().items())))
