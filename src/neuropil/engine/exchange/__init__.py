"""What threads tell each other: spikes, and potentials at gap junctions."""
