"""What was traced of a model, kept for the next start under a digest of all that its equations read.

A start that finds everything here needs no JAX. What cannot be shown to be the same (`neuropil.lower.reads`) is traced again.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeVar

from neuropil.kept_files import directory, read_sealed, write_sealed
from neuropil.lower.reads import Unreadable, digest_of, package
from neuropil.lower.trace import Traced
from neuropil.model.base.integrators import Tableau
from neuropil.registry import named, names

Made = TypeVar("Made")


def kept(what: str, reads: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """What `make` traces: from the last start if all that it reads is as it was then, else made now, and kept.

    Args:
        what: is made; begins the name of the file.
        reads: all that it is made of, besides the package's own code: classes, functions, options.
        make: traces it; what it returns is data, without code.
    """
    try:
        key = digest_of(what, package(), [named(Tableau, n) for n in names(Tableau)], reads)
    except Unreadable:
        return make()
    path = directory() / "traces" / f"{what}-{key[:32]}.pickle"
    found = read_sealed(path)
    if found is not None and found[0] == key:
        made: Made = found[1]
        return made
    value = make()
    write_sealed(path, pickle.dumps((key, value), pickle.HIGHEST_PROTOCOL))
    return value


def read_by(traced: Traced) -> tuple[Any, ...]:
    """What the equations of a traced model read: its class and declarations, and what its object holds but the values of parameters."""
    model, spec = traced.model, traced.spec
    held = {n: v for n, v in vars(model).items() if n not in spec.parameters}
    return type(traced), type(model), spec, held, {n: v for n, v in vars(traced).items() if v is not model}
