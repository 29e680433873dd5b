"""Receptors, short-term plasticity, and synapses with biochemistry."""
