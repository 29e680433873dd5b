"""Synapses in memory: packed words, event-driven (STDP brought up to date when a spike arrives), clock-driven; buckets of delays."""
