"""Cells with morphology at native speed: their arrays and the tree solver."""
