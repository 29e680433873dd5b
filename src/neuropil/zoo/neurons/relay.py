"""A relay: repeats what it receives, one spike in each step in which at least one event arrives.

    n <- n + w per event;    spike where n > 0, then n <- 0.

No membrane: it passes a stimulus on, so that one train reaches many targets (NEST's parrot_neuron repeats each of several
simultaneous events; this one spikes once). It stamps its spike with the time at which the event arrived.
"""

from __future__ import annotations

from neuropil.model import Neuron, Port, State


class Relay(Neuron):
    """Any positive weight works; 1 is usual."""

    n = State(0.0)
    spikes = Port(1.0)

    def receive(self, s, w):
        return {"n": w.spikes}

    def fires(self, s):
        return s.n > 0

    def reset(self, s):
        return {"n": 0.0}
