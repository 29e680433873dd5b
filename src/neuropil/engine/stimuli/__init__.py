"""Stimuli at native speed: Poisson counts, spike lists, waveforms, noise."""
