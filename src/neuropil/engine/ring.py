"""Rings: arrays with an entry for each of the next steps, or of the last ones."""

from __future__ import annotations


def ring_length(longest: int) -> int:
    """Steps that buckets look ahead: a power of two above the longest delay, so that a remainder is a mask."""
    return 1 << int(longest).bit_length()
