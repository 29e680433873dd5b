"""Parameters of neurons and stimuli, changed while a network runs: the buffers that kernels read, and who writes them."""
