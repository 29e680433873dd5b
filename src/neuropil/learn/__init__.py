"""Train: the same description as a differentiable rollout through time, with surrogate gradients."""

from neuropil.learn import data, losses, methods
from neuropil.learn.cable import CellNeurons, roll
from neuropil.learn.native.calls import Native
from neuropil.learn.rollout import Rolled, Rollout
from neuropil.learn.surrogate import SHAPES, Surrogate, surrogate
from neuropil.learn.trainable import FreeParameters, Trainable, longest_delays

__all__ = ["SHAPES", "CellNeurons", "FreeParameters", "Native", "Rolled", "Rollout", "Surrogate", "Trainable", "data", "longest_delays", "losses", "methods", "roll", "surrogate"]
