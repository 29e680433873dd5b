"""Lower: from equations to graphs of scalar operations, and how each state is advanced."""
