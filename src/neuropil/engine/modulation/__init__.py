"""Modulators while a network runs."""
