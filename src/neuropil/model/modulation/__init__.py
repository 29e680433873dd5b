"""Modulators: release and uptake, diffusion, receptors, effects on parameters, with the laws that executors follow."""
