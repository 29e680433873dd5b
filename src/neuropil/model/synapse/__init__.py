"""Synapses with states of their own, and the form of learning rules."""
