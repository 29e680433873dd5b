"""Classes and functions of a user as text: what a saved network holds of them, and how they are made again.

An entry is one class or function: its text, the names that it reads from its module with their values, and what a function has closed over.
Functions within functions of the package itself are found again in the installed package, and only there.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import hashlib
import inspect
import keyword
import linecache
import symtable
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

from neuropil.errors import NetworkError

OWN = "neuropil"
_LIBRARIES = ("site-packages", "dist-packages")


def of_package(module: str) -> bool:
    """Whether a `module` belongs to this package."""
    return module.partition(".")[0] == OWN


def importable(module: str) -> bool:
    """Whether what a `module` defines is found by importing it: it belongs to the package, to Python, or to an installed library."""
    if of_package(module) or module.partition(".")[0] in sys.stdlib_module_names:
        return module != "__main__"
    file = getattr(sys.modules.get(module), "__file__", None)
    return module in sys.modules and file is not None and any(part in file for part in _LIBRARIES)


_TRAINING = tuple(f"{OWN}.learn.{room}" for room in ("losses", "data", "methods", "surrogate", "fit.settings"))
_DESCRIBING = (f"{OWN}.model", f"{OWN}.zoo", f"{OWN}.units", f"{OWN}.maths", *_TRAINING, "numpy", "math")


def harmless(name: str) -> bool:
    """Whether what stands under a `name`, such as "neuropil.zoo.neurons.lif:LIFExp", may be used without the caller's trust."""
    module = name.partition(":")[0]
    types = name in ("builtins:float", "builtins:int", "builtins:bool", "builtins:str")
    return types or any(module == each or module.startswith(f"{each}.") for each in _DESCRIBING)


def describing(kind: type) -> bool:
    """Whether a class, `kind`, is one of descriptions, or derives from one: its objects are data."""
    return any(each.__module__.startswith((f"{OWN}.model.", f"{OWN}.zoo.", *_TRAINING)) for each in kind.__mro__)


def factory_of(thing: Any) -> tuple[Callable[..., type], tuple[Any, ...]] | None:
    """The function of the package, and its arguments, that made a class, `thing`, which stands nowhere in a text."""
    return vars(thing).get("made_by") if isinstance(thing, type) else None


def text_of(thing: Any) -> str:
    """The text of a class or function, `thing`.

    Raises:
        NetworkError: there is none, as of what was typed at a prompt.
    """
    kept = getattr(sys.modules.get(thing.__module__), "_neuropil_text", None)
    if kept is not None:
        return str(kept)
    try:
        if not isinstance(thing, FunctionType):
            return textwrap.dedent(inspect.getsource(thing)).rstrip() + "\n"
        text = textwrap.dedent(inspect.getsource(thing.__code__)).rstrip() + "\n"  # of itself, whatever it wraps
        if _nameless(thing) or thing.__defaults__ or thing.__kwdefaults__ or text.startswith("@"):
            return ast.unparse(_node(thing))
        return text
    except (OSError, TypeError, SyntaxError, LookupError, IndexError) as error:
        raise NetworkError("its source text cannot be found", got=str(error), fix="define it in a file") from None


def name_in_text(thing: Any) -> str:
    """The name that a class or function, `thing`, has in its text: of a lambda "_lambda"."""
    name = thing.__code__.co_name if isinstance(thing, FunctionType) else thing.__name__
    return str(name) if name.isidentifier() else "_lambda"


def _nameless(function: FunctionType) -> bool:
    return not function.__code__.co_name.isidentifier()


def _node(function: FunctionType) -> ast.Lambda | ast.FunctionDef:
    """The definition of a function in its file, its default values and decorators left out."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    kind = ast.Lambda if _nameless(function) else ast.FunctionDef
    found = [n for n in ast.walk(ast.parse("".join(lines))) if isinstance(n, kind) and _begins(n, code)]
    if kind is ast.Lambda:  # several may stand in a line, or one in another
        standing = [n for n in found if isinstance(n, ast.Lambda) and _stands_in(code, n.body)]
        found = [*sorted(standing, key=lambda n: (*_end(n.body), *(-x for x in _start(n.body))))[:1]]
    for node in found:
        node.args.defaults = [ast.Constant(None)] * len(node.args.defaults)
        node.args.kw_defaults = [d and ast.Constant(None) for d in node.args.kw_defaults]
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = []
        if any(_same(code, other) for other in _codes(compile(ast.unparse(node), "<text>", "exec", flags=code.co_flags & __future__.annotations.compiler_flag))):
            return node
    if len(found) == 1:  # closed-over names are global in the text by itself, so that its code is another
        return found[0]
    raise LookupError(f"{len(found)} definitions at line {code.co_firstlineno}")


def _begins(node: ast.Lambda | ast.FunctionDef, code: CodeType) -> bool:
    """Whether a definition may be that of the code: it begins there, decorators included."""
    if isinstance(node, ast.Lambda):
        return abs(node.lineno - code.co_firstlineno) <= 1
    return node.name == code.co_name and code.co_firstlineno in (node.lineno, *(d.lineno for d in node.decorator_list))


def _stands_in(code: CodeType, body: ast.expr) -> bool:
    """Whether all instructions of a lambda come from within this expression of its file; columns are bytes of UTF-8."""
    positions = [p for p in code.co_positions() if None not in p and p[2:] != (0, 0)]
    return all(_start(body) <= (p[0], p[2]) and (p[1], p[3]) <= _end(body) for p in positions)  # type: ignore[operator]


def _start(body: ast.expr) -> tuple[int, int]:
    return body.lineno, body.col_offset


def _end(body: ast.expr) -> tuple[int, int]:
    return body.end_lineno or body.lineno, body.end_col_offset or 0


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant


def _same(one: CodeType, other: CodeType) -> bool:
    names = {*one.co_names, *one.co_freevars} == {*other.co_names, *other.co_freevars}
    plain = [[c for c in code.co_consts if not isinstance(c, CodeType)] for code in (one, other)]
    return names and plain[0] == plain[1] and one.co_varnames == other.co_varnames


def names_read(thing: Any, text: str) -> dict[str, Any]:
    """What a class or function reads by name: of its module and, of a class, of the function around it.

    Args:
        thing: the class or function.
        text: its text.
    """
    home = {**_home(thing), **_closed_over_by_class(thing)}
    enclosed = thing.__code__.co_freevars if isinstance(thing, FunctionType) else ()
    read = set(_global_names(symtable.symtable(_standing(name_in_text(thing), text, enclosed), "<text>", "exec")))
    read |= {word for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str) for word in _annotation(n.value)}
    return {name: home[name] for name in sorted(read) if name in home and home[name] is not thing and getattr(builtins, name, None) is not home[name]}


def _home(thing: Any) -> Mapping[str, Any]:
    """The names of the module in which a class or function was made; another may have its name by now."""
    if isinstance(thing, FunctionType):
        return thing.__globals__
    homes = (f.__globals__ for f in vars(thing).values() if isinstance(f, FunctionType))  # of a decorated method it is that of the decorator
    return next((home for home in homes if home.get("__name__") == thing.__module__), vars(sys.modules[thing.__module__]))


def _global_names(scope: symtable.SymbolTable) -> Iterator[str]:
    """Names that code takes from its module; the body of a class, where it has not set them itself."""
    local = scope.get_type() == "function"
    for symbol in scope.get_symbols():
        if symbol.is_referenced() and (symbol.is_global() or not local):
            yield symbol.get_name()
    for inner in scope.get_children():
        yield from _global_names(inner)


def _standing(name: str, text: str, enclosed: Collection[str]) -> str:
    """A text that defines a name by itself: within a function of the names that it has closed over."""
    body = f"{name} = {text}" if name == "_lambda" else text
    if enclosed:
        body = f"def _around({', '.join(enclosed)}):\n{textwrap.indent(body, '    ')}\n    return {name}\n"
    return body


def _annotation(text: str) -> set[str]:
    """Names in an annotation that is a string."""
    try:
        return {n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)} if text.isidentifier() else set()
    except SyntaxError:
        return set()


def _closed_over_by_class(thing: Any) -> dict[str, Any]:
    if isinstance(thing, FunctionType):
        return {}
    found: dict[str, Any] = {}
    for member in vars(thing).values():
        function = getattr(member, "__func__", member)
        if isinstance(function, FunctionType):
            found |= closed_over(function)
    return {name: value for name, value in found.items() if name != "__class__"}


def closed_over(function: FunctionType) -> dict[str, Any]:
    """What a `function` has closed over, by name."""
    cells = function.__closure__ or ()
    return {name: cell.cell_contents for name, cell in zip(function.__code__.co_freevars, cells, strict=True)}


def future(thing: Any) -> bool:
    """Whether annotations are text where a class or function, `thing`, is defined."""
    return _home(thing).get("annotations") is __future__.annotations


def digest_of(texts: Mapping[str, str]) -> str:
    """SHA-256 of texts by name."""
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()


def made(
    name: str, qualname: str, text: str, module: str, reads: Mapping[str, Any], closure: Mapping[str, Any], with_future: bool,
    late: Callable[[dict[str, Any]], None],
) -> Any:  # fmt: skip
    """A class or function from its text, which is executed.

    Args:
        name, qualname: of it.
        text: its text.
        module: name of the module in which it then is.
        reads: what it reads by name; closure: what it had closed over.
        with_future: annotations are text.
        late: is given the names of the module, to add what can only be made later.
    """
    if not all(word.isidentifier() and not keyword.iskeyword(word) for word in (name, *closure)):
        raise ValueError(f"invalid names: {[name, *closure]}")  # they would be executed
    home = ModuleType(module)
    sys.modules[module] = home
    vars(home).update(reads)
    late(vars(home))
    vars(home)["_neuropil_text"] = text
    if with_future:
        vars(home)["annotations"] = __future__.annotations
    body = _standing(name, text, closure)
    # Python compiles what is called of an imported name otherwise than of another, and fingerprints see it.
    imported = [n for n, v in reads.items() if isinstance(v, ModuleType) or importable(getattr(v, "__module__", "__main__") or "__main__")]
    if imported:
        body += f"\nif False:\n    import {', '.join(imported)}\n"
    file = f"<neuropil {module}>"
    linecache.cache[file] = (len(body), None, body.splitlines(keepends=True), file)
    exec(compile(body, file, "exec", flags=__future__.annotations.compiler_flag if with_future else 0, dont_inherit=True), vars(home))
    thing = vars(home)["_around"](**closure) if closure else vars(home)[name]
    if not isinstance(thing, FunctionType) or name != "_lambda":
        thing.__qualname__ = qualname
    vars(home)[thing.__name__] = thing
    return thing
