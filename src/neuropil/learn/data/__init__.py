"""What a network is trained on: samples in batches, spike events, encoders from numbers to events."""

from neuropil.learn.data.dataset import Dataset
from neuropil.learn.data.encoders import (
    ConstantEncoder,
    DeltaEncoder,
    Encoder,
    LatencyEncoder,
    PopulationEncoder,
    RateEncoder,
)
from neuropil.learn.data.events import SpikeEvents

__all__ = ["ConstantEncoder", "Dataset", "DeltaEncoder", "Encoder", "LatencyEncoder", "PopulationEncoder", "RateEncoder", "SpikeEvents"]
