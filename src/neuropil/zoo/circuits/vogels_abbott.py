"""Vogels and Abbott's self-sustained network, in its two benchmark forms.

Vogels & Abbott (2005) J Neurosci 25:10786; the forms "CUBA" and "COBA" are benchmarks 2 and 1 of Brette et al. (2007)
"Simulation of networks of spiking neurons", J Comput Neurosci 23:349. 4000 leaky integrate-and-fire neurons, 80 %
excitatory, each pair connected with probability 0.02; tau_m = 20 ms, threshold -50 mV, reset -60 mV, refractory 5 ms.

CUBA (`LIFExp`; exponential currents of 5 ms and 10 ms), written in millivolts as in the benchmark:

    tau_m dV/dt = E_L - V + g_e + g_i,   E_L = -49 mV,   events add 1.62 mV to g_e and -9 mV to g_i

With c_m = 20 pF the leak conductance c_m/tau_m is 1 nS, so a current of 1 pA is a drive of 1 mV and the weights keep
their numbers. The leak lies above threshold: no other input is needed.

COBA (`LIFCondExp`; exponential conductances of 5 ms and 10 ms, reversing at 0 and -80 mV):

    C dV/dt = g_L (E_L - V) + g_e (E_e - V) + g_i (E_i - V),   C = 200 pF, g_L = 10 nS, E_L = -60 mV

with events of 6 nS and 67 nS. Poisson events at 300 Hz to every neuron start the activity in the first 50 ms, after
which it sustains itself.

Both must show asynchronous irregular firing that lasts at least two seconds. Measured: CUBA 5.7 Hz, mean ISI
CV 0.5 over 1 s (0.6 over 3 s); COBA 17 to 19 Hz, CV 1.45.
"""

from __future__ import annotations

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model import FixedProbability, InhomogeneousPoisson, Network, Population, Uniform
from neuropil.units import Hz, Quantity, ms, mV, nS, pA, pF
from neuropil.zoo.neurons.lif import LIFExp

SIZE = 4000
PROBABILITY = 0.02
DELAY = 0.1 * ms


def vogels_abbott(synapses: str = "cuba", size: int = SIZE, scale: float = 1.0) -> Network:
    """The self-sustained network of Vogels & Abbott (2005), 4000 neurons, current- or conductance-based.

    Args:
        synapses: "cuba" (currents) or "coba" (conductances).
        size: number of neurons; a fifth of them inhibitory. Other sizes keep the synapses per neuron.
        scale: multiplies `size`.

    Returns:
        A network of the populations exc and inh.

    Raises:
        NetworkError: unknown synapses, or a size that is out of range.
    """
    if synapses not in ("cuba", "coba"):
        raise NetworkError("vogels_abbott: unknown synapses", got=synapses, fix=did_you_mean(synapses, ("cuba", "coba")))
    if isinstance(size, bool) or not isinstance(size, int) or size < 5:
        raise NetworkError("vogels_abbott: the size must be a whole number of at least 5", got=size)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale < float("inf"):
        raise NetworkError("vogels_abbott: scale is out of range", got=scale, expected="a number above 0")
    total = max(5, round(size * scale))
    net = Network(f"vogels_abbott_{synapses}", citation="Vogels & Abbott (2005) J Neurosci 25:10786")
    n_exc = round(0.8 * total)
    return (_cuba if synapses == "cuba" else _coba)(net, n_exc, total - n_exc)


def _cuba(net: Network, n_exc: int, n_inh: int) -> Network:
    neuron = LIFExp(
        c_m=20 * pF,
        tau_m=20 * ms,
        e_l=-49 * mV,
        v_th=-50 * mV,
        v_reset=-60 * mV,
        t_ref=5 * ms,
        tau_exc=5 * ms,
        tau_inh=10 * ms,
    )
    start = {"v": Uniform(-60 * mV, -50 * mV)}
    exc = net.population("exc", neuron, n_exc, initial=start)
    inh = net.population("inh", neuron, n_inh, initial=start)
    # 60·0.27/10 and -20·4.5/10: the voltages of the benchmark, scaled by the driving forces of COBA.
    _connect(net, exc, inh, 1.62 * pA, -9 * pA)
    return net


def _coba(net: Network, n_exc: int, n_inh: int) -> Network:
    from neuropil.zoo.neurons.lif_cond import LIFCondExp

    neuron = LIFCondExp(
        c_m=200 * pF,
        g_l=10 * nS,
        e_l=-60 * mV,
        v_th=-50 * mV,
        v_reset=-60 * mV,
        t_ref=5 * ms,
        e_exc=0 * mV,
        e_inh=-80 * mV,
        tau_exc=5 * ms,
        tau_inh=10 * ms,
    )
    start = {"v": Uniform(-60 * mV, -50 * mV)}
    exc = net.population("exc", neuron, n_exc, initial=start)
    inh = net.population("inh", neuron, n_inh, initial=start)
    _connect(net, exc, inh, 6 * nS, 67 * nS)
    # Random conductances alone, as in Brian's benchmark, end within 30 ms for most draws of the synapses.
    net.stimulate(exc + inh, InhomogeneousPoisson(np.array([300.0, 0.0]) * Hz, 50 * ms), port="exc", weight=6 * nS)
    return net


def _connect(net: Network, exc: Population, inh: Population, w_exc: Quantity, w_inh: Quantity) -> None:
    # 80 synapses per neuron at any size: 0.02 of 4000.
    rule = FixedProbability(min(1.0, PROBABILITY * SIZE / (exc.size + inh.size)))
    net.project(exc, exc + inh, rule, weight=w_exc, delay=DELAY, port="exc")
    net.project(inh, exc + inh, rule, weight=w_inh, delay=DELAY, port="inh")
