"""Results in memory and on disk: spikes, traces, the summary, journals, SONATA files."""

from neuropil.result.assemble import finalise
from neuropil.result.journal import SpikeJournal, TraceJournal
from neuropil.result.run import Result
from neuropil.result.spikes import Spikes
from neuropil.result.trace import Trace

load = Result.load
"""Read a result from the folder of a run."""

__all__ = ["Result", "SpikeJournal", "Spikes", "Trace", "TraceJournal", "finalise", "load"]
