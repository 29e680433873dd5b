"""Modulators while a network runs: what a program asks of them, and their effects between chunks."""
