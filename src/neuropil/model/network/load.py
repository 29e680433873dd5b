"""A network from a file that `Network.save` wrote.

Nothing of a file is executed unless the caller says so: objects are made of classes that belong to the package, without calling them. Classes and
functions of the user are text; `network_sources` shows it.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, NeuropilError, ResultError
from neuropil.model.base.described import STEADY
from neuropil.model.network.network import Network
from neuropil.model.network.source_text import describing, digest_of, factory_of, harmless, importable, made, of_package
from neuropil.result.sealed import reading
from neuropil.units import Quantity

VERSION = 1


def load_network(path: str | os.PathLike[str], *, trust: bool | str = False) -> Network:
    """A network from a file.

    Args:
        path: of a file that `Network.save` wrote.
        trust: whether code in the file may be executed: classes and functions that are not of the package. True, or the SHA-256 of the code,
            as the message of the refusal gives it and `network_sources` shows what it is of.

    Returns:
        The network, with the same random draws as the one that was saved.

    Raises:
        NetworkError: no such file; one that is damaged, or of another version; code that is not trusted.

    Example:
        >>> load_network("net.h5")
    """
    content, arrays = _content(path)
    foreign = {**_foreign(content), **{name: name for name in content["imports"]}}
    if foreign and trust is not True:
        found = digest_of(foreign)
        if not isinstance(trust, str) or trust.lower() != found:
            raise NetworkError(
                f"{path} holds code, or uses that of other libraries, which is executed only if you trust it", got=f"{', '.join(foreign)}; SHA-256 {found}",
                expected="trust=True, or trust= this SHA-256", fix=f'look at it first: print(*npl.network_sources("{path}").values())',
            )  # fmt: skip
    with _ours(path):
        decoder = Decoder(content["sources"], arrays, content["imports"], trusted=bool(foreign))
        network = decoder.value(content["network"])
        decoder.finish()
        if not isinstance(network, Network):
            raise ValueError("not a network")
        return network


def network_sources(path: str | os.PathLike[str]) -> dict[str, str]:
    """The code of the user in a saved network, which nothing has executed.

    Args:
        path: of a file that `Network.save` wrote.

    Returns:
        By number and name, the texts.

    Raises:
        NetworkError: as of `load_network`.
    """
    return _foreign(_content(path)[0])


def _content(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[np.ndarray]]:
    if not isinstance(path, (str, os.PathLike)):
        raise NetworkError("load_network needs a path", got=path)
    if not Path(path).is_file():
        raise NetworkError("there is no network file", got=str(path), fix="Network.save(path) writes one")
    with _ours(path):
        try:
            with reading(Path(path)) as file:
                if file.attrs.get("neuropil_network") != VERSION:
                    raise NetworkError(f"{path} is not a network of this version of neuropil", fix="Network.save(path) writes one")
                content = json.loads(file["network"][()])
                arrays = [_array(file[f"arrays/{j}"]) for j in range(len(file.get("arrays", ())))]
        except ResultError as error:
            raise NetworkError(f"the network in {path} cannot be read", got=error.got or error.what, expected="a file as Network.save wrote it", fix="restore it from a copy") from error
        _foreign(content)
        return content, arrays


def _array(stored: Any) -> np.ndarray:
    values, dtype = stored[()], np.dtype(stored.attrs["dtype"])
    return np.asarray(np.char.decode(values, "utf-8") if dtype.kind == "U" else values, dtype)


def _foreign(content: dict[str, Any]) -> dict[str, str]:
    return {f"{j}: {s['qualname']}": s["text"] for j, s in enumerate(content["sources"]) if "package" not in s}


@contextmanager
def _ours(path: Any) -> Iterator[None]:
    """Whatever an edited file leads to is an error of ours."""
    try:
        yield
    except NeuropilError:
        raise
    except Exception as error:
        raise NetworkError(
            f"the network in {path} cannot be read", got=f"{type(error).__name__}: {error}", expected="a file as Network.save wrote it",
            fix="restore it from a copy, or save the network anew with this version of neuropil",
        ) from error  # fmt: skip


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
        self._late: list[tuple[dict[str, Any], str, int]] = []
        self._kinds: dict[str, Callable[[dict[str, Any]], Any]] = {
            "float": lambda n: float(n["float"]), "tuple": lambda n: tuple(map(self.value, n["tuple"])), "set": lambda n: set(map(self.value, n["set"])),
            "frozenset": lambda n: frozenset(map(self.value, n["frozenset"])), "dict": lambda n: {k: self.value(v) for k, v in n["dict"].items()},
            "pairs": lambda n: {self.value(k): self.value(v) for k, v in n["pairs"]}, "array": lambda n: self.arrays[n["array"]],
            "number": lambda n: np.dtype(n["dtype"]).type(self.value(n["number"])), "steady": lambda n: STEADY,
            "quantity": lambda n: Quantity(self.value(n["quantity"]), tuple(n["dimension"])), "ref": lambda n: self._objects[n["ref"]],
            "member": self._member, "object": self._object, "name": lambda n: self._named(n["name"]), "module": self._module,
            "method": self._method, "call": self._call, "source": lambda n: self.source(n["source"]),
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
        for home, name, number in self._late:
            home[name] = self._made[number]

    def _object(self, node: dict[str, Any]) -> Any:
        kind = self.value(node["object"])
        if not isinstance(kind, type) or not describing(kind):
            raise ValueError(f"{kind!r} is no class of descriptions")
        made_now: Any = object.__new__(kind)
        self._objects[node["id"]] = made_now
        state = {name: self.value(one) for name, one in node["state"].items()}
        vars(made_now).update(state)
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

    def source(self, number: int) -> Any:
        """Entry `number` of the code, made."""
        if number in self._made:
            return self._made[number]
        entry = self.sources[number]
        self._under_way.add(number)
        late: list[tuple[str, int]] = []
        if "package" in entry:
            _require_installed(entry)
            home = vars(import_module(entry["package"]))
            reads = {n: home[n] for n in entry["reads"]}
        elif not self.trusted:
            raise ValueError("code that the file does not declare")
        else:
            late = [(n, node["source"]) for n, node in entry["reads"].items() if _under_way(node, self._under_way)]
            reads = {n: self.value(node) for n, node in entry["reads"].items() if n not in dict(late)}
        closure = {n: self.value(node) for n, node in entry.get("closure", {}).items()}
        module = entry.get("package") or f"neuropil_saved_{digest_of({'': entry['text']})[:12]}_{number}"
        if "package" in entry:
            module = f"{module}__saved_{number}"

        def later(home: dict[str, Any]) -> None:
            self._late += [(home, name, other) for name, other in late]

        thing = made(entry["name"], entry["qualname"], entry["text"], module, reads, closure, entry["future"], later)
        if entry.get("defaults") is not None:
            thing.__defaults__ = self.value(entry["defaults"])
        if entry.get("keywords") is not None:
            thing.__kwdefaults__ = self.value(entry["keywords"])
        self._made[number] = thing
        self._under_way.discard(number)
        return thing


def _under_way(node: Any, numbers: set[int]) -> bool:
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
