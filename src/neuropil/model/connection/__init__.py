"""Which neuron projects to which: connection rules, and rewiring."""
