"""Cells with morphology: their shape, its division into compartments, what sits where."""
