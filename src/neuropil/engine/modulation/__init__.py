"""Modulators while a network runs: what a program asks of them, and effects on synapses, between chunks."""
