"""Train: the same description as a differentiable rollout through time, with surrogate gradients."""

from neuropil.learn.cable import CellNeurons, roll
from neuropil.learn.native.calls import Native
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.learn.surrogate import SHAPES, Surrogate, surrogate

__all__ = ["SHAPES", "CellNeurons", "Native", "Rolled", "Rollout", "Surrogate", "roll", "surrogate"]
