"""Generate: from graphs and operations to kernels that Numba compiles, and the cache that keeps them."""
