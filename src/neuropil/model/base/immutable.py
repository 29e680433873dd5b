"""Descriptions that are values: nothing of them changes once they are made."""

from __future__ import annotations

import dataclasses
from typing import Any, NoReturn, TypeVar

from neuropil.errors import ModelError, did_you_mean

C = TypeVar("C", bound=type)


def unchanging(cls: C) -> C:
    """The frozen dataclass `cls`, whose instances now refuse assignment, also to misspelt names, with a `ModelError` that names the remedy."""

    def refuse(self: Any, name: str, given: Any = None) -> NoReturn:
        fields = [f.name for f in dataclasses.fields(cls)]
        fix = f"dataclasses.replace(..., {name}=...) makes a new one" if name in fields else did_you_mean(name, fields)
        raise ModelError(f"{cls.__name__} is a value and cannot be changed", got=f"{name} = {given!r}", fix=fix)

    cls.__setattr__ = refuse  # type: ignore[method-assign,assignment]
    cls.__delattr__ = refuse  # type: ignore[method-assign,assignment]
    return cls
