"""What a network is trained on: samples in batches, spike events, encoders from numbers to events."""

from neuropil.learn.data.augmentation import Augmentation, Deformation, GaussianNoise, InputDropout, TimeWarp
from neuropil.learn.data.dataset import Dataset
from neuropil.learn.data.encoders import (
    ConstantEncoder,
    DeltaEncoder,
    Encoder,
    LatencyEncoder,
    PopulationEncoder,
    RateEncoder,
    SignalEncoder,
)
from neuropil.learn.data.events import SpikeEvents
from neuropil.learn.data.orientation import OrientationEncoder

__all__ = [
    "Augmentation", "ConstantEncoder", "Dataset", "Deformation", "DeltaEncoder", "Encoder", "GaussianNoise", "InputDropout", "LatencyEncoder", "OrientationEncoder",
    "PopulationEncoder", "RateEncoder", "SignalEncoder", "SpikeEvents", "TimeWarp",
]  # fmt: skip
