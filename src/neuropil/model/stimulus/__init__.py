"""What drives a network from outside."""
