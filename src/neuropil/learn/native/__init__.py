"""Gradients at native speed: the traced step and its vector-Jacobian product as kernels, run forward and backward in time."""
