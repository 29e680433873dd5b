"""What threads tell each other: spikes in each step, potentials at gap junctions."""
