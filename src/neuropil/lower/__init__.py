"""From equations to graphs of scalar operations: tracing, exact propagators, how each state is advanced, the form of synapses, precision of states."""
