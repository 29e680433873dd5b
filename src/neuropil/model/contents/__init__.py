"""What a network holds: populations and views of them, projections, stimuli, probes."""
