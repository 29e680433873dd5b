"""Objects from the nodes of a saved network: made of classes that belong to the package, without calling them.

Code of the user is text that is made into functions and classes only where the caller has consented.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Callable, Collection
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.described import STEADY
from neuropil.model.network.source_text import describing, digest_of, factory_of, harmless, importable, made, of_package
from neuropil.units import Quantity

VERSION = 1
"""Of the form of the nodes."""

PARTIAL, CACHED = "functools:partial", "functools:lru_cache"
"""What a file says that it uses where it has functions with arguments that are given, or that keep their results."""


class Decoder:
    """From nodes to objects.

    Args:
        sources: code of the user.
        arrays: to which nodes refer.
        imports: names of what installed libraries define; all that the caller has consented to.
        trusted: the caller has consented to the use of code beyond the package.
    """

    def __init__(self, sources: list[dict[str, Any]], arrays: list[np.ndarray], imports: Collection[str], trusted: bool):
        self.sources, self.arrays, self.imports, self.trusted = sources, arrays, frozenset(imports), trusted
        self._objects: dict[int, Any] = {}
        self._made: dict[int, Any] = {}
        self._under_way: set[int] = set()
        self._late: list[tuple[dict[str, Any], str, Any]] = []
        self._kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
            "float": lambda n: float(n["float"]), "tuple": lambda n: tuple(map(self.value, n["tuple"])), "set": lambda n: set(map(self.value, n["set"])),
            "frozenset": lambda n: frozenset(map(self.value, n["frozenset"])), "dict": lambda n: {k: self.value(v) for k, v in n["dict"].items()},
            "pairs": lambda n: {self.value(k): self.value(v) for k, v in n["pairs"]}, "array": lambda n: self.arrays[n["array"]],
            "number": lambda n: np.dtype(n["dtype"]).type(self.value(n["number"])), "steady": lambda n: STEADY,
            "quantity": lambda n: Quantity(self.value(n["quantity"]), tuple(n["dimension"])), "ref": lambda n: self._objects[n["ref"]],
            "member": self._member, "object": self._object, "name": lambda n: self._named(n["name"]), "module": self._module,
            "method": self._method, "call": self._call, "source": lambda n: self.source(n["source"]),
            "partial": self._partial, "cached": self._cached,
        }  # fmt: skip

    def value(self, node: Any) -> Any:
        """What a node stands for."""
        if isinstance(node, list):
            return [self.value(one) for one in node]
        if not isinstance(node, dict):
            return node
        for kind, read in self._kinds.items():
            if kind in node:
                return read(node)
        raise ValueError(f"an unknown node {sorted(node)}")

    def finish(self) -> None:
        """Give code that was made before what it reads the rest."""
        for home, name, node in self._late:
            home[name] = self.value(node)

    def _object(self, node: dict[str, Any]) -> Any:
        kind = self.value(node["object"])
        if not isinstance(kind, type) or not describing(kind):
            raise ValueError(f"{kind!r} is no class of descriptions")
        made_now: Any = object.__new__(kind)
        self._objects[node["id"]] = made_now
        state = {name: self.value(one) for name, one in node["state"].items()}
        vars(made_now).update({**_defaults(kind, state), **state})
        return made_now

    def _member(self, node: dict[str, Any]) -> Any:
        kind = self.value(node["class"])
        if not issubclass(kind, Enum):
            raise ValueError(f"{kind!r} has no members")
        return kind[node["member"]]

    def _module(self, node: dict[str, Any]) -> Any:
        self._require_trust(node["module"])
        return import_module(node["module"])

    def _named(self, name: str) -> Any:
        self._require_trust(name)
        return named(name)

    def _require_trust(self, name: str) -> None:
        if not harmless(name) and not (self.trusted and name in self.imports):
            raise ValueError(f"{name} is not of the package, and the file does not say that it is used")

    def _call(self, node: dict[str, Any]) -> Any:
        function = self.value(node["call"])
        if not getattr(function, "makes_classes", False):
            raise ValueError(f"{function!r} makes no classes of descriptions")
        made_now: Any = function(*self.value(node["arguments"]))
        if factory_of(made_now) is None:
            raise ValueError(f"{function!r} made {made_now!r}")
        return made_now

    def _method(self, node: dict[str, Any]) -> Any:
        one = self.value(node["of"])
        if not describing(one if isinstance(one, type) else type(one)):
            raise ValueError(f"a method of {type(one).__name__}")
        return getattr(one, node["method"])

    def _partial(self, node: dict[str, Any]) -> Any:
        self._require_trust(PARTIAL)
        return functools.partial(self.value(node["partial"]), *self.value(node["arguments"]), **self.value(node["keywords"]))

    def _cached(self, node: dict[str, Any]) -> Any:
        self._require_trust(CACHED)
        return functools.lru_cache(node["maxsize"], node["typed"])(self.value(node["cached"]))

    def source(self, number: int) -> Any:
        """Entry `number` of the code, made."""
        if number in self._made:
            return self._made[number]
        entry = self.sources[number]
        self._under_way.add(number)
        late: list[tuple[str, Any]] = []
        if "package" in entry:
            _require_installed(entry)
            home = vars(import_module(entry["package"]))
            reads = {n: home[n] for n in entry["reads"]}
        elif not self.trusted:
            raise ValueError("code that the file does not declare")
        else:
            late = [(n, node) for n, node in entry["reads"].items() if _under_way(node, self._under_way)]
            reads = {n: self.value(node) for n, node in entry["reads"].items() if n not in dict(late)}
        closure = {n: self.value(node) for n, node in entry.get("closure", {}).items()}
        module = entry.get("package") or f"neuropil_saved_{digest_of({'': entry['text']})[:12]}_{number}"
        if "package" in entry:
            module = f"{module}__saved_{number}"

        def later(home: dict[str, Any]) -> None:
            self._late += [(home, name, node) for name, node in late]

        thing = made(entry["name"], entry["qualname"], entry["text"], module, reads, closure, entry["future"], later)
        if entry.get("defaults") is not None:
            thing.__defaults__ = self.value(entry["defaults"])
        if entry.get("keywords") is not None:
            thing.__kwdefaults__ = self.value(entry["keywords"])
        self._made[number] = thing
        self._under_way.discard(number)
        return thing


def _under_way(node: Any, numbers: set[int]) -> bool:
    while isinstance(node, dict) and "cached" in node:
        node = node["cached"]
    return isinstance(node, dict) and node.get("source") in numbers


def named(name: str) -> Any:
    """What stands under a name, such as "neuropil.zoo.neurons.lif:LIFExp", in the package, in Python or in an installed library."""
    module, _, qualname = name.partition(":")
    found: Any = import_module(module)
    if not importable(module):
        raise ValueError(f"{name} is neither of the package nor of an installed library")
    for part in qualname.split("."):
        found = getattr(found, part)
    if of_package(module) and getattr(found, "__module__", module) != module:
        raise ValueError(f"{name} is defined elsewhere")
    return found


def _defaults(kind: type, state: Collection[str]) -> dict[str, Any]:
    """Values of fields that a class has come to have since the file was written.

    Raises:
        ValueError: a field without a default.
    """
    missing = [f for f in (dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()) if f.init and f.name not in state]
    made = {f.name: f.default_factory() for f in missing if f.default_factory is not dataclasses.MISSING}
    if unknown := [f.name for f in missing if f.name not in made and f.default is dataclasses.MISSING]:
        raise ValueError(f"{kind.__name__} without {', '.join(unknown)}")
    return made


def _require_installed(entry: dict[str, Any]) -> None:
    """Refuse text that the installed package does not have: it would be foreign code under the package's name."""
    if not of_package(entry["package"]):
        raise ValueError(f"{entry['package']} is not of the package")
    tree = ast.parse(Path(str(import_module(entry["package"]).__file__)).read_text(encoding="utf-8"))
    wanted = ast.unparse(ast.parse(entry["text"]))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Lambda, ast.FunctionDef, ast.ClassDef)):
            if not isinstance(node, ast.ClassDef):
                node.args.defaults = [ast.Constant(None)] * len(node.args.defaults)
                node.args.kw_defaults = [d and ast.Constant(None) for d in node.args.kw_defaults]
            if ast.unparse(node) == wanted:
                return
    raise NetworkError(
        f"{entry['qualname']} of {entry['package']} is not what it was when the network was saved", fix="describe the network with this version of neuropil"
    )
