"""What is read and set of a simulation between its steps: states, weights, plasticity, trials."""
