"""What training minimises: readouts, losses and regularisers of activity, and scores beside them."""

from neuropil.learn.losses.coincidence import coincidence_factor
from neuropil.learn.losses.cross_entropy import CrossEntropy
from neuropil.learn.losses.loss import Loss, LossName, WithReadout
from neuropil.learn.losses.point_process import PointProcess
from neuropil.learn.losses.population_rates import PopulationRates
from neuropil.learn.losses.readouts import FirstSpike, Last, Maximum, MeanOverTime, Readout, SpikeCount
from neuropil.learn.losses.regularisers import RateBounds, Regulariser
from neuropil.learn.losses.response import Response
from neuropil.learn.losses.spike_rate import SpikeRate
from neuropil.learn.losses.trace_error import SquaredError, TraceError
from neuropil.learn.losses.van_rossum import VanRossum
from neuropil.learn.losses.victor_purpura import victor_purpura

__all__ = [
    "CrossEntropy",
    "FirstSpike",
    "Last",
    "Loss",
    "LossName",
    "Maximum",
    "MeanOverTime",
    "PointProcess",
    "PopulationRates",
    "RateBounds",
    "Readout",
    "Regulariser",
    "Response",
    "SpikeCount",
    "SpikeRate",
    "SquaredError",
    "TraceError",
    "VanRossum",
    "WithReadout",
    "coincidence_factor",
    "victor_purpura",
]
