"""What is trained and under which constraint: free numbers for an optimiser, values for a rollout, and back to a network."""

from neuropil.learn.trainable.described import described
from neuropil.learn.trainable.free import FreeParameters, longest_delays
from neuropil.learn.trainable.trainable import Trainable

__all__ = ["FreeParameters", "Trainable", "described", "longest_delays"]
