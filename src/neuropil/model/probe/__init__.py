"""What is recorded of synapses, and normalised, at intervals."""
