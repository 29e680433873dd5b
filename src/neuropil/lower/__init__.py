"""From equations to graphs of scalar operations: tracing, exact propagators, integrators, the form of synapses, precision of states."""
