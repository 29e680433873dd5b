"""What drives a network from outside: Poisson spikes, spike lists, currents over time."""
