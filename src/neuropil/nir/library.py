"""The library `nir` (BSD-3-Clause), imported when it is needed."""

from __future__ import annotations

import importlib
import os
from typing import Any

from neuropil.errors import ModelError
from neuropil.model.base.distribution import checked_values
from neuropil.units import ms


def library() -> Any:
    """The module `nir`.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module("nir")
    except ImportError:
        raise ModelError("NIR files need the library nir, which is not installed", fix="pip install neuropil[nir]") from None


def all_faults(what: str, faults: list[str]) -> None:
    """Refuse everything that was found at once.

    Args:
        what: was tried.
        faults: one line each.

    Raises:
        ModelError: there are any.
    """
    if faults:
        each = list(dict.fromkeys(faults))
        count = "one thing" if len(each) == 1 else f"{len(each)} things"
        raise ModelError(f"{what}: {count} cannot be expressed, and nothing was made:" + "".join(f"\n- {fault}" for fault in each))


def time_step(dt: Any, what: str) -> float:
    """A time step in ms.

    Args:
        dt: a time.
        what: is called with it.

    Raises:
        UnitError, ModelError: not one positive time.
    """
    step = checked_values(dt, ms.dimension, f"{what}: dt", ())
    if not isinstance(step, float) or not step > 0:
        raise ModelError(f"{what}: dt must be one positive time", got=dt, expected="for example 0.1 * ms")
    return step


def file_name(path: Any, what: str) -> str:
    """The name of a file.

    Args:
        path: as given.
        what: is called with it.

    Raises:
        ModelError: not a path.
    """
    try:
        return os.fsdecode(path)
    except TypeError:
        raise ModelError(f"{what}: not the path of a file", got=path, expected="text or a Path") from None
