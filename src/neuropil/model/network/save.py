"""A network as a file: everything that it holds, as plain data, arrays beside; code of the user as text, and never executed unasked.

    /network     JSON, whose nodes are listed in docs/snapshots.md
    /arrays/0…   the arrays, to which nodes refer by number

An object is the name of its class, which belongs to the package, and its state; what appears twice is written once. What cannot be written so is
refused by name, before anything is written.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import json
import math
import os
import sys
from enum import Enum
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.described import Steady
from neuropil.model.network.decode import CACHED, PARTIAL, VERSION, Decoder
from neuropil.model.network.remade import difference
from neuropil.model.network.source_text import (
    closed_over,
    describing,
    factory_of,
    future,
    harmless,
    importable,
    name_in_text,
    names_read,
    of_package,
    text_of,
)
from neuropil.result.sealed import writing
from neuropil.units import Quantity, unit_name

_MOST_LISTED = 10
_PLAIN_KINDS = "biufcSU"
_CODE = (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType, np.ufunc, functools._lru_cache_wrapper, functools.partial)


class Encoder:
    """From objects to nodes.

    Attributes:
        arrays: to which nodes refer.
        sources: code of the user.
        imports: names of what installed libraries and Python define.
        refused: what cannot be saved, and why.
        code: classes and functions of which `sources` are.
    """

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.sources: list[dict[str, Any]] = []
        self.imports: set[str] = set()
        self.refused: list[str] = []
        self.code: list[Any] = []
        self._numbers: dict[int, int] = {}  # by id, of objects
        self._arrays: dict[int, int] = {}
        self._sources: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used again

    def node(self, value: Any, path: str) -> Any:
        """The node of a value.

        Args:
            value: anything that a network holds.
            path: where it is, for messages.
        """
        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, Quantity):
            return {"quantity": self.node(value.value, path), "dimension": list(value.dimension), "unit": unit_name(value.dimension)}
        if isinstance(value, np.ndarray):
            return self._array(value, path)
        if isinstance(value, np.generic):
            return {"number": self.node(value.item(), path), "dtype": value.dtype.str}
        if type(value) in (list, tuple, set, frozenset):
            listed = value if isinstance(value, (list, tuple)) else sorted(value, key=repr)
            nodes = [self.node(one, f"{path}[{j}]") for j, one in enumerate(listed)]
            return nodes if type(value) is list else {type(value).__name__: nodes}
        if type(value) is dict:
            return self._dict(value, path)
        if isinstance(value, _CODE):
            return self._code(value, path)
        return self._object(value, path)

    def _array(self, value: np.ndarray, path: str) -> Any:
        if value.dtype.kind not in _PLAIN_KINDS:
            return self._refuse(path, f"an array of {value.dtype}")
        if id(value) not in self._arrays:
            self._arrays[id(value)] = len(self.arrays)
            self._kept.append(value)
            self.arrays.append(value)
        return {"array": self._arrays[id(value)]}

    def _dict(self, value: dict[Any, Any], path: str) -> Any:
        if all(isinstance(key, str) for key in value):
            return {"dict": {key: self.node(one, f"{path}[{key!r}]") for key, one in value.items()}}
        return {"pairs": [[self.node(key, f"{path} (a key)"), self.node(one, f"{path}[{key!r}]")] for key, one in value.items()]}

    def _object(self, value: Any, path: str) -> Any:
        if id(value) in self._numbers:
            return {"ref": self._numbers[id(value)]}
        if isinstance(value, Steady):
            return {"steady": True}
        kind = type(value)
        if isinstance(value, Enum):
            return {"member": value.name, "class": self.node(kind, path)}
        if not describing(kind) or isinstance(value, (list, tuple, dict, set)) or not hasattr(value, "__dict__"):
            return self._refuse(path, f"{kind.__name__} {value!r:.80}")
        number = self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)
        state = {name: one for name, one in (value.__getstate__() or {}).items() if name not in _cached(kind)}
        return {"object": self.node(kind, path), "id": number, "state": {name: self.node(one, f"{path}.{name}") for name, one in state.items()}}

    def _code(self, value: Any, path: str) -> Any:
        if isinstance(value, MethodType):
            return {"method": value.__name__, "of": self.node(value.__self__, path)}
        if isinstance(value, functools.partial):
            self.imports.add(PARTIAL)
            parts = {"partial": value.func, "arguments": list(value.args), "keywords": value.keywords}
            return {name: self.node(part, f"{path}: the {name} of a partial function") for name, part in parts.items()}
        if isinstance(value, ModuleType):
            return self._named("module", value.__name__) if importable(value.__name__) else self._refuse(path, f"the module {value.__name__}")
        name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
        module = _module_of(value)
        if importable(module) and _found(module, name) is value:
            return self._named("name", f"{module}:{name}")
        if (made := factory_of(value)) is not None:
            return {"call": self.node(made[0], path), "arguments": self.node(made[1], path)}
        if isinstance(value, functools._lru_cache_wrapper):
            self.imports.add(CACHED)
            return {"cached": self.node(value.__wrapped__, path), **value.cache_parameters()}
        if not isinstance(value, (type, FunctionType)):
            return self._refuse(path, repr(value))
        return self._source(value, path)

    def _named(self, kind: str, name: str) -> Any:
        if not harmless(name):
            self.imports.add(name)
        return {kind: name}

    def _source(self, value: Any, path: str) -> Any:
        if id(value) not in self._sources:
            number = self._sources[id(value)] = len(self.sources)
            self.code.append(value)
            self.sources.append({})
            try:
                text = text_of(value)
            except NetworkError as error:
                return self._refuse(path, f"{value.__qualname__}: {error.what} ({error.got})")
            entry: dict[str, Any] = {"name": name_in_text(value), "qualname": value.__qualname__, "text": text, "future": future(value)}
            if of_package(_module_of(value)):
                entry["package"] = _module_of(value)
            self.sources[number] = entry
            read = names_read(value, text)
            if "package" in entry:
                entry["reads"] = sorted(read)
            else:
                entry["reads"] = {n: self._read(n, one, f"{path}: {value.__qualname__} reads {n!r}") for n, one in read.items()}
            if isinstance(value, FunctionType):
                entry["closure"] = {n: self.node(one, f"{path}: {n!r} of {value.__qualname__}") for n, one in closed_over(value).items()}
                entry["defaults"] = self.node(value.__defaults__, path)
                entry["keywords"] = self.node(value.__kwdefaults__, path)
        return {"source": self._sources[id(value)]}

    def _read(self, name: str, value: Any, path: str) -> Any:
        """What code reads by a name: under the same name in these modules, or a value."""
        for module in ("neuropil.units", "neuropil.maths", "typing"):
            if vars(sys.modules.get(module, builtins)).get(name) is value:
                return self._named("name", f"{module}:{name}")
        return self.node(value, path)

    def _refuse(self, path: str, what: str) -> None:
        self.refused.append(f"{path}: {what}")


def _cached(kind: type) -> set[str]:
    """What objects of a class keep only to be fast."""
    return {name for each in kind.__mro__ for name, member in vars(each).items() if isinstance(member, functools.cached_property)}


def _module_of(value: Any) -> str:
    if isinstance(value, np.ufunc):
        return "numpy"
    return getattr(value, "__module__", None) or "builtins"


def _found(module: str, qualname: str) -> Any:
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found


def save_network(network: Any, path: str | os.PathLike[str]) -> Path:
    """Write a network to a file; see `Network.save`.

    Args:
        network: the description.
        path: of the file.

    Returns:
        The path.

    Raises:
        NetworkError: something that cannot be written as data, named; nothing is written then.
    """
    return save_described(network.name, {"network": network}, path)


def save_described(name: str, values: dict[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write a network, and what belongs to it, to a file that `load_network` reads; what is in several of the values is written once.

    Args:
        name: of the network, for messages.
        values: "network", and others by names of their own.
        path: of the file.

    Returns:
        The path.

    Raises:
        NetworkError: as of `save_network`.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise NetworkError("save needs a path", got=path)
    target = Path(path)
    content, encoder = _described(name, values)
    if not target.parent.is_dir():
        raise NetworkError("there is no folder for the network", got=str(target.parent), fix="make it first")
    _check_remade(name, encoder, [content[what] for what in values])
    with writing(target) as file:
        file.attrs["neuropil_network"] = VERSION
        file["network"] = json.dumps(content, ensure_ascii=False, allow_nan=False)
        for j, array in enumerate(encoder.arrays):
            stored = np.char.encode(array, "utf-8") if array.dtype.kind == "U" else array
            file[f"arrays/{j}"] = stored
            file[f"arrays/{j}"].attrs["dtype"] = array.dtype.str
    return target


def digest_of_described(name: str, value: Any) -> str:
    """A digest of all that a file would hold of a value: equal for equal descriptions, in every process.

    Args:
        name: of the network, for messages.
        value: a network, or what belongs to one.

    Raises:
        NetworkError: something that cannot be written as data, named.
    """
    content, encoder = _described(name, {"value": value})
    _check_remade(name, encoder, [content["value"]])
    digest = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16)
    for array in encoder.arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _described(name: str, values: dict[str, Any]) -> tuple[dict[str, Any], Encoder]:
    """Nodes of values by name with the code that they need, and what holds their arrays.

    Raises:
        NetworkError: something that cannot be written as data, named.
    """
    encoder = Encoder()
    roots = {what: encoder.node(value, what) for what, value in values.items()}
    if encoder.refused:
        listed = "; ".join(encoder.refused[:_MOST_LISTED]) + ("; ..." if len(encoder.refused) > _MOST_LISTED else "")
        raise NetworkError(
            f"network {name!r} cannot be saved; nothing was written", got=listed,
            fix="values, and classes and functions that are defined in a file and read numbers, quantities, arrays, modules and each other",
        )  # fmt: skip
    return {"version": VERSION, **roots, "sources": encoder.sources, "imports": sorted(encoder.imports)}, encoder


def _check_remade(name: str, encoder: Encoder, root: Any) -> None:
    """Refuse code whose text gives something else than it: the network that is loaded would be another."""
    if not encoder.code:
        return
    decoder = Decoder(encoder.sources, encoder.arrays, encoder.imports, trusted=True)
    try:
        decoder.value(root)
        decoder.finish()
        other = [path for j, thing in enumerate(encoder.code) if (path := difference(thing, decoder.source(j)))]
    except Exception as error:
        raise NetworkError(
            f"network {name!r} cannot be saved: its code cannot be made again from its text; nothing was written", got=f"{type(error).__name__}: {error}",
            fix="define classes and functions in a file, so that each text stands by itself",
        ) from error  # fmt: skip
    if other:
        raise NetworkError(
            f"network {name!r} cannot be saved: what is made from the text of its code is not the same; nothing was written", got=", ".join(other),
            expected="code as it stands in its file, and class attributes that follow from present values",
            fix="run the file as it is now; give a class its attributes in its own text",
        )  # fmt: skip
