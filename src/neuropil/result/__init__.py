"""What a run leaves behind: spikes, traces and a summary, in memory and on disk."""

from neuropil.result.assemble import finalise
from neuropil.result.journal import SpikeJournal, TraceJournal
from neuropil.result.run import Result
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace

__all__ = ["Result", "SpikeJournal", "Spikes", "Trace", "TraceJournal", "finalise"]
