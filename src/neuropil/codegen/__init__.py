"""From graphs to kernels that Numba compiles: their text, elementary functions, random numbers in kernels, the cache on disk."""
