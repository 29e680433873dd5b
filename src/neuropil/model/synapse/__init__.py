"""Synapses with states of their own, what they read from outside (context inputs), and the form of learning rules."""
