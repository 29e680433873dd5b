"""Which neurons a subscript of a population means, and where neurons stand among those chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.errors import NetworkError

Indices = NDArray[np.int64]


def chosen(which: Any, size: int, of: str) -> tuple[Indices, str]:
    """The indices that a subscript means, int64[n], and how it reads; see `view`.

    Args:
        which: a slice, whole numbers or booleans.
        size: of the population.
        of: its name, for messages.

    Raises:
        NetworkError: no neuron is chosen, or one that does not exist.
    """
    if isinstance(which, slice):
        label = f"{of}[{_part(which.start)}:{_part(which.stop)}{'' if which.step is None else f':{which.step}'}]"
        found = _sliced(which, size, label)
    else:
        found = _listed(which, size, of)
        label = f"{of}[{which}]" if np.ndim(which) == 0 else f"{of}[{'mask' if np.asarray(which).dtype == bool else '…'}]"
    if found.size == 0:
        raise NetworkError(f"{label} is empty", got=which, expected="at least one neuron")
    return found, label


def _part(bound: Any) -> str:
    return "" if bound is None else str(bound)


def _sliced(which: slice, size: int, label: str) -> Indices:
    try:
        found = np.arange(size)[which]
    except (TypeError, ValueError):
        raise NetworkError(f"{label}: the bounds of a slice must be whole numbers", got=which) from None
    for bound in (which.start, which.stop):
        if bound is not None and not -size <= bound <= size:
            raise NetworkError(f"{label} reaches beyond its {size} neurons", got=bound, expected=f"{-size} … {size}")
    return found


def _listed(which: Any, size: int, of: str) -> Indices:
    try:
        array = np.atleast_1d(np.asarray(which))
    except (ValueError, TypeError):
        raise NetworkError(f"{of}[…]: neurons are chosen by whole numbers, a slice, or a mask", got=which) from None
    if isinstance(which, (tuple, bool, np.bool_)) or array.ndim != 1 or not (array.size == 0 or array.dtype.kind in "iub"):
        fix = f"{of}[{list(which)}]" if isinstance(which, tuple) else None
        raise NetworkError(f"{of}[…]: neurons are chosen by whole numbers, a slice, or a mask", got=which, fix=fix)
    if array.dtype.kind == "b":
        if array.size != size:
            raise NetworkError(f"{of}[mask] needs one bool per neuron", got=f"{array.size} bools", expected=f"{size}")
        return np.flatnonzero(array)
    array = array.astype(np.int64)
    if array.size and (array.min() < -size or array.max() >= size):
        raise NetworkError(f"{of} has no such neuron", got=int(array[(array < -size) | (array >= size)][0]), expected=f"0 … {size - 1}")
    array = np.where(array < 0, array + size, array)
    values, counts = np.unique(array, return_counts=True)
    if values.size < array.size:
        raise NetworkError(f"{of}[…] names a neuron twice", got=int(values[np.argmax(counts)]), expected="each neuron once")
    return array


def inverse_index(chosen: Indices | None, size: int) -> Indices:
    """int64[size]: where each neuron of a population of this size stands among the chosen (None: all), -1 outside."""
    found = np.full(size, -1)
    chosen = np.arange(size) if chosen is None else chosen
    found[chosen] = np.arange(chosen.size)
    return found


def shared(sources: Indices | None, targets: Indices | None, size: int) -> int:
    """How many neurons of a population are among both the sources and the targets.

    Args:
        sources, targets: int64[n], indices; None: all.
        size: of the population.
    """
    if sources is None or targets is None:
        return min(size if chosen is None else chosen.size for chosen in (sources, targets))
    return int(np.intersect1d(sources, targets).size)
