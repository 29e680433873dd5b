"""What every description is made of: declared parameters and states, distributions, times on the grid."""
