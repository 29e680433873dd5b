"""Behaviour: agents in closed loops with Gymnasium environments."""

from neuropil.agents.history import History, solved_after
from neuropil.agents.loop import Loop, Turn
from neuropil.agents.world import WORLDS, Happening, World, make_world

__all__ = ["WORLDS", "Happening", "History", "Loop", "Turn", "World", "make_world", "solved_after"]
