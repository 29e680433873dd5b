"""Synapses in memory: packed words and the rounding of weights, event-driven (STDP brought up to date when a spike arrives), clock-driven; buckets of delays; rewiring."""
