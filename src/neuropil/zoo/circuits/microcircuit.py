"""The cortical microcircuit: the cells under 1 mm² of early sensory cortex, with their full number of synapses.

Potjans & Diesmann (2014) "The cell-type specific cortical microcircuit", Cerebral Cortex 24:785.
Eight populations (excitatory and inhibitory in layers 2/3, 4, 5, 6) of 77,169 leaky integrate-and-fire neurons with
exponential currents (`LIFExp`) and 298.9 million synapses:

    synapses   K = log(1 - P) / log(1 - 1 / (N_pre N_post)) between uniformly drawn pairs, P the connection probability
    weights    normal, 87.8 pA ± 10 % (0.15 mV in the membrane), inhibitory -4 times as strong, L4E → L23E doubled
    delays     normal, 1.5 ± 0.75 ms excitatory, 0.75 ± 0.375 ms inhibitory, redrawn below half a time step
    drive      Poisson trains of 8 Hz through K_ext synapses on each neuron, or the constant current of equal mean
    start      membrane potentials normal per population, near their stationary values, so that the run does not begin with a synchronous volley

Below scale 1 the numbers of neurons, of synapses per neuron and of external inputs shrink together; weights grow by
1/√scale and a constant current restores the mean input, which keeps mean and variance of the input to each neuron
(van Albada, Helias & Diesmann 2015, PLoS Comput Biol 11:e1004490, and the reference implementation of the circuit).
Correlations are not kept: they grow as the circuit shrinks. With the constant drive, the compensation also makes a
second, silent state stable below about half scale (it stands in for recurrent input that is then missing).

It must show the published rates (`PUBLISHED_HZ`) and asynchronous irregular firing; at full scale with Poisson drive
NEST 3.10 gives 0.92 2.95 4.41 5.88 7.36 8.61 1.11 7.81 Hz.
"""

from __future__ import annotations

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model import FixedTotal, Network, Normal, Poisson, Population
from neuropil.units import Hz, Quantity, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])

# Probability that a pair is connected, [target, source]: table 5 of the paper.
PROBABILITY = np.array(
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
EXTERNAL_INDEGREE = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
BACKGROUND_HZ = 8.0

WEIGHT_PA = 87.8081
RELATIVE_INHIBITION = -4.0
WEIGHT_SPREAD = 0.1
DELAY_MS = (1.5, 0.75)  # excitatory, inhibitory; the standard deviation is half of it
TAU_SYN_MS = 0.5

# Initial membrane potential, mV ("optimized" in the reference implementation).
V0_MEAN = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])
V0_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])

# Mean rates of the full network, also what the downscaled one is compensated for.
PUBLISHED_HZ = np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829])


def microcircuit(scale: float = 1.0, drive: str = "poisson", shortest_delay: Quantity = 0.05 * ms) -> Network:
    """The cortical microcircuit of Potjans & Diesmann (2014): 77,169 neurons, 298.9 million synapses.

    Args:
        scale: of neurons and of synapses per neuron, above 0 and at most 1; compensated below 1 as published.
        drive: "poisson" trains or "dc" (the constant current of equal mean).
        shortest_delay: delays below it are redrawn. Half a time step, as in NEST, so that none rounds to zero.

    Returns:
        A network of the populations L23E L23I L4E L4I L5E L5I L6E L6I, with the published rates.
    """
    _check(scale, drive)
    net = Network(
        "microcircuit",
        published=dict(zip(POPULATIONS, PUBLISHED_HZ.tolist(), strict=True)),
        citation="Potjans & Diesmann (2014) Cerebral Cortex 24:785",
    )
    sizes = np.maximum(1, np.round(SIZES * scale).astype(int))
    current = _constant_current(scale, drive)
    populations = [
        net.population(
            name,
            LIFExp(i_e=float(current[i]) * pA),
            int(sizes[i]),
            initial={"v": Normal(V0_MEAN[i] * mV, V0_SD[i] * mV)},
        )
        for i, name in enumerate(POPULATIONS)
    ]
    _connect(net, populations, scale, shortest_delay)
    if drive == "poisson":
        weight = WEIGHT_PA / np.sqrt(scale)
        for i, pop in enumerate(populations):
            inputs = round(float(EXTERNAL_INDEGREE[i] * scale))
            net.stimulate(pop, Poisson(inputs * BACKGROUND_HZ * Hz), port="exc", weight=weight * pA)
    return net


def synapse_numbers() -> np.ndarray:
    """Numbers of synapses of the full-size circuit, [target, source] (not rounded)."""
    pairs = np.outer(SIZES, SIZES).astype(float)
    return np.log1p(-PROBABILITY) / np.log1p(-1.0 / pairs)


def mean_weights() -> np.ndarray:
    """Mean weights in pA, [target, source], at full scale."""
    weights = np.full((8, 8), WEIGHT_PA)
    weights[:, 1::2] *= RELATIVE_INHIBITION
    weights[0, 2] *= 2.0  # L4E → L23E, doubled in the paper to let the input layer drive the output layer
    return weights


def _constant_current(scale: float, drive: str) -> np.ndarray:
    """Constant current for each population, pA: the drive if it is "dc", and what downscaling took from the mean."""
    per_event = TAU_SYN_MS * 1e-3  # a PSC of weight w carries w·tau_syn of charge; rates are in 1/s
    external = per_event * WEIGHT_PA * EXTERNAL_INDEGREE * BACKGROUND_HZ
    recurrent = per_event * (mean_weights() * synapse_numbers() / SIZES[:, None]) @ PUBLISHED_HZ
    lost = 1.0 - np.sqrt(scale)  # in-degrees shrink by `scale`, weights grow by 1/√scale
    if drive == "dc":
        return external + lost * recurrent
    return lost * (external + recurrent)


def _connect(net: Network, populations: list[Population], scale: float, shortest_delay: Quantity) -> None:
    numbers = synapse_numbers() * scale * scale  # fewer neurons, and fewer synapses on each
    weights = mean_weights() / np.sqrt(scale)
    for i, target in enumerate(populations):
        for j, source in enumerate(populations):
            if PROBABILITY[i, j] == 0.0:
                continue
            weight, delay = float(weights[i, j]), DELAY_MS[j % 2]
            # Redrawn, never clipped, where a draw would change the synapse's sign.
            sign = {"low": 0 * pA} if weight > 0 else {"high": 0 * pA}
            net.project(
                source,
                target,
                FixedTotal(round(float(numbers[i, j]))),
                weight=Normal(weight * pA, abs(weight) * WEIGHT_SPREAD * pA, **sign),
                delay=Normal(delay * ms, 0.5 * delay * ms, low=shortest_delay),
                port="exc" if weight > 0 else "inh",
            )


def _check(scale: float, drive: str) -> None:
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale <= 1.0:
        raise NetworkError("microcircuit: scale is out of range", got=scale, expected="0 < scale <= 1")
    if drive not in ("poisson", "dc"):
        raise NetworkError("microcircuit: unknown drive", got=drive, fix=did_you_mean(drive, ("poisson", "dc")))
