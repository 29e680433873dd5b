"""Cells with morphology at native speed: their arrays, the tree solver, gates from tables."""
