"""Stimuli at native speed."""
