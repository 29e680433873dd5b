"""Compiler flags shared by all kernels."""

from __future__ import annotations

from typing import Any

# Only what cannot change a bit: `nsz` (zeros have no sign here) and `afn`, which concerns library calls. Without
# `contract` and `reassoc` every processor, every vector width and the scalar tail of a vector loop compute the same
# IEEE numbers, so a digest is the same on every machine; it costs about a tenth of the update's time.
# No `nnan`/`ninf`: kernels must notice a NaN.
FASTMATH = {"nsz", "afn"}

KERNEL_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FASTMATH}
"""Options of `numba.njit` for code that computes."""

PLAIN_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
"""Options for code in which nothing is gained by any freedom of floating-point operations."""

PROGRAM_FLAGS: dict[str, Any] = {**PLAIN_FLAGS, "_nrt": False}
"""Options of the generated program of a network: it allocates nothing; its caller holds the arrays.

Without the last, every call of a kernel would count references to each of its arrays up and down, by atomic operations: in a network of 4,000
neurons two fifths of the time, and more where threads share arrays.
"""
