"""Optional libraries, each named by the extra that installs it."""

from __future__ import annotations

import importlib
from typing import Any

from neuropil.errors import NeuropilError


def library(name: str, extra: str) -> Any:
    """An optional library.

    Args:
        name: of the module, and of its distribution.
        extra: of neuropil, that installs it.

    Raises:
        NeuropilError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NeuropilError(f"{name} is not installed", fix=f"pip install {name} (or neuropil[{extra}])") from error
