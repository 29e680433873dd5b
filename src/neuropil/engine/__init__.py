"""Run: the simulation, its loop of steps, threads, the memory it needs."""

from neuropil.engine.simulation import Simulation, run

__all__ = ["Simulation", "run"]
