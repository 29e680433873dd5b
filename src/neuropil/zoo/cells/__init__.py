"""Cells with morphology and their channels."""
