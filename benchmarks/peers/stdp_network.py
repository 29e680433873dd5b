"""The network of the plasticity benchmark in plain numbers (ms, mV, pA, pF, Hz), which every simulator's script reads.

A Brunel network of 8000 excitatory and 2000 inhibitory neurons; the 10⁷ synapses between excitatory neurons obey additive
pair STDP between hard bounds, all spikes pairing with all (Song, Miller & Abbott 2000, Nat. Neurosci. 3:919: changes by
0.005 of the largest weight, depression 1.05 times stronger, 20 ms). Weights start uniform between the bounds. Where the
distributions that the rule makes are compared, all weights start alike and the rule is `FASTER` times as strong, so that
within `LEARNT` ms it is the rule that makes them, and many weights reach the bounds.
"""

from __future__ import annotations

DT = 0.1
EXCITATORY, INHIBITORY = 8000, 2000
FROM_EXCITATORY, FROM_INHIBITORY = 1250, 250  # synapses per target
NEURON = dict(c_m=250.0, tau_m=20.0, e_l=-65.0, v_th=-55.0, v_reset=-65.0, t_ref=2.0, tau_exc=2.0, tau_inh=2.0)
V_START = (-65.0, -55.0)
WEIGHT, INHIBITION, DELAY = 20.0, -160.0, 1.5
DRIVE_RATE, DRIVE_WEIGHT = 9000.0, 45.0  # Poisson, to each neuron
W_MAX, A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 40.0, 0.2, 0.21, 20.0, 20.0
SETTLE = 200.0
"""Simulated before anything is timed."""
FASTER, LEARNT = 20.0, 500.0
VOLLEY_CURRENT = 1e6
"""After `LEARNT`, a current makes all excitatory neurons spike that can: NEST's synapses hold their weights as of their last
spike and cannot be asked for later ones. Weights of the sources that take part are read before anything further happens."""
SAMPLED = 400
"""Targets whose plastic weights are looked at: neurons are alike, and a peer needs minutes to hand over all."""


def described(weight, target) -> dict:  # type: ignore[no-untyped-def]
    """Figures of a distribution of weights, and of the mean weight onto each target."""
    import numpy as np

    weight, target = np.asarray(weight, float), np.asarray(target, np.int64)
    count = np.bincount(target - target.min())
    means = np.bincount(target - target.min(), weights=weight)[count > 0] / count[count > 0]
    edge = 1e-5 * W_MAX
    return {
        "synapses": int(weight.size),
        "mean": float(weight.mean()),
        "sd": float(weight.std()),
        "at_zero": float(np.mean(weight < edge)),
        "at_top": float(np.mean(weight > W_MAX - edge)),
        "sd_of_targets": float(means.std()),
        "histogram": np.histogram(weight, 20, (0, W_MAX + edge))[0].tolist(),
    }
