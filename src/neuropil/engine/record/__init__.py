"""What a run leaves: spikes and samples recorded, checkpoints written and resumed."""
