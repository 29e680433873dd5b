"""Dopamine, acetylcholine, norepinephrine and serotonin."""
