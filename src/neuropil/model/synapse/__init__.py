"""Synapses with states of their own, learning rules among them."""
