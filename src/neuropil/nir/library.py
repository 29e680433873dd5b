"""The library `nir` (BSD-3-Clause), imported when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from neuropil.errors import ModelError


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
        listed = "".join(f"\n- {fault}" for fault in dict.fromkeys(faults))
        raise ModelError(f"{what}: {len(dict.fromkeys(faults))} things cannot be expressed, and nothing was made:{listed}")
