"""Modulators: kinetics, diffusion, receptors, effects."""
