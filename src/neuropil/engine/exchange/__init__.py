"""What threads exchange: spikes in each step, potentials at gap junctions."""
