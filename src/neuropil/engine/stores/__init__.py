"""Stores of synapses: packed, event-driven, clock-driven."""
