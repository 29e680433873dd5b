"""Cells with morphology at native speed."""
