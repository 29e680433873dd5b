"""What was measured in each epoch of a training, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class History(Mapping[str, list[Any]]):
    """Columns of numbers, one for each epoch: "loss", "accuracy" (where there are labels), "gradient_norm", "seconds", "rate" (Hz, mean of all populations that
    spike and receive projections) and "rate population"; with validation data "validation_loss" and "validation_accuracy".

    Args:
        rows: one for each epoch.
        warnings: what was found, in words.
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None, warnings: list[str] | None = None):
        self.rows = rows or []
        self.warnings = warnings or []

    @property
    def epochs(self) -> int:
        """How many epochs there were."""
        return len(self.rows)

    def __getitem__(self, name: str) -> list[Any]:
        if not any(name in row for row in self.rows):
            raise KeyError(name)
        return [row.get(name) for row in self.rows]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for row in self.rows for name in row))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        if not self.rows:
            return "History(no epoch)"
        last = ", ".join(f"{name} {self.rows[-1][name]:.4g}" for name in ("loss", "accuracy", "validation_loss", "validation_accuracy") if name in self.rows[-1])
        return f"History({self.epochs} epoch{'s' if self.epochs > 1 else ''}, last: {last})"
