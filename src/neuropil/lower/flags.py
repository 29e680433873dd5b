"""Compiler flags shared by all kernels."""

from __future__ import annotations

from typing import Any

# No `nnan`/`ninf`: kernels must notice a NaN. No `arcp`/`reassoc`: a vectorised loop and its scalar tail must give the
# same bits, or results would depend on where the threads cut.
FASTMATH = {"contract", "nsz", "afn"}

KERNEL_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH}
"""Options of `numba.njit` for code that computes. Not cached by itself: it lives in the cached program that calls it."""

PROGRAM_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": True}
"""Options of the generated program of a network, whose file name covers all code it is compiled from."""
