"""Run: the simulation, its chunks of steps, threads, the forecast of the memory it needs."""

from neuropil.engine.inference import Simulator, simulator
from neuropil.engine.record.snapshot import Snapshot, load_snapshot
from neuropil.engine.simulation import Simulation, run

__all__ = ["Simulation", "Simulator", "Snapshot", "load_snapshot", "run", "simulator"]
