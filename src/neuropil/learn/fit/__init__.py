"""The training itself: epochs, checkpoints, diagnosis, and what comes of it."""

from neuropil.learn.fit.fit import fit
from neuropil.learn.fit.history import History
from neuropil.learn.fit.result import Fit, Scores
from neuropil.learn.fit.saved import load_fit

__all__ = ["Fit", "History", "Scores", "fit", "load_fit"]
