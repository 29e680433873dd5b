"""Neurons: the equations of a point neuron, and neurons made of a soma and branches."""
