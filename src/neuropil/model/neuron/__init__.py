"""Neurons: equations of a point neuron, and neurons made of parts."""
