"""What every description is made of: declared parameters and states, checks of values, distributions, tableaux of integrators, times on the grid."""
