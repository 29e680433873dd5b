"""Behaviour: agents in closed loops with Gymnasium environments."""

from neuropil.agents.history import History, solved_after
from neuropil.agents.loop import Loop, Turn
from neuropil.agents.world import WORLDS, StepResult, World, make_world

__all__ = ["WORLDS", "History", "Loop", "StepResult", "Turn", "World", "make_world", "solved_after"]
