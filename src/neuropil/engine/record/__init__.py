"""What a run leaves: samples, journals, checkpoints."""
