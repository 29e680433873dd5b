"""Run: native kernels, threads, recording and checkpoints."""

from neuropil.engine.simulation import Simulation, run

__all__ = ["Simulation", "run"]
