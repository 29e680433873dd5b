"""Arrays that begin on a cache line: the vectors of a loop over one that does not would lie across two lines each."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.codegen.vectors import LINE


def aligned_zeros(shape: int | tuple[int, ...], dtype: Any) -> np.ndarray:
    """`numpy.zeros` that begins on a cache line; pages that nothing is written to take no memory.

    Args:
        shape: of the array.
        dtype: of its elements.
    """
    wanted = int(np.prod(shape))
    room = np.zeros(wanted + LINE, dtype)
    start = -room.ctypes.data % LINE // room.itemsize
    return room[start : start + wanted].reshape(shape)
