"""Run: the simulation, its chunks of steps, threads, the forecast of the memory it needs."""

from neuropil.engine.simulation import Simulation, run

__all__ = ["Simulation", "run"]
