"""Modulators: release and uptake, diffusion, receptors, effects on parameters, with the equations that executors follow."""
