"""Point neurons, neurons of two or three compartments, rate units."""
