"""From a described network to native kernels: trace, classify, integrate, emit."""
