"""Modulators while a network runs: ticks, concentrations, and the parameters that follow them."""
