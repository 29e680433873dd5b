"""A network from a file that `Network.save` wrote.

Nothing of a file is executed unless the caller says so: objects are made of classes that belong to the package, without calling them. Classes and
functions of the user are text; `network_sources` shows it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.errors import NetworkError, NeuropilError, ResultError
from neuropil.model.network.decode import VERSION, Decoder
from neuropil.model.network.network import Network
from neuropil.model.network.source_text import digest_of
from neuropil.result.sealed import reading


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
    network = load_described(path, ("network",), trust=trust)["network"]
    if not isinstance(network, Network):
        raise NetworkError(f"the network in {path} cannot be read", got=type(network).__name__, fix="restore it from a copy, or save the network anew")
    return network


def load_described(path: str | os.PathLike[str], wanted: tuple[str, ...], *, trust: bool | str = False) -> dict[str, Any]:
    """What `save_described` wrote, by name.

    Args:
        path: of the file.
        wanted: names of what is read.
        trust: as of `load_network`.

    Raises:
        NetworkError: as of `load_network`; something that is wanted is not in the file.
    """
    content, arrays = _content(path)
    for name in wanted:
        if name not in content:
            raise NetworkError(f"there is no {name!r} in {path}", got=", ".join(n for n in content if n not in ("version", "sources", "imports")))
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
        made = {name: decoder.value(content[name]) for name in wanted}
        decoder.finish()
        return made


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
    """Whatever an edited file leads to is an error of neuropil."""
    try:
        yield
    except NeuropilError:
        raise
    except Exception as error:
        raise NetworkError(
            f"the network in {path} cannot be read", got=f"{type(error).__name__}: {error}", expected="a file as Network.save wrote it",
            fix="restore it from a copy, or save the network anew with this version of neuropil",
        ) from error  # fmt: skip
