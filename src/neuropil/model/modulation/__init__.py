"""Modulators: release and uptake, diffusion, receptors, effects on parameters."""
