"""Brunel's sparsely connected network: one circuit, four regimes of firing.

Brunel (2000) "Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons",
J Comput Neurosci 8:183. 10,000 excitatory and 2,500 inhibitory leaky integrate-and-fire neurons (`LIFDelta`):

    tau dV/dt = -V + R I,   tau = 20 ms, threshold 20 mV, reset 10 mV, refractory 2 ms
    synapses    C_E = 1000 excitatory and C_I = 250 inhibitory per neuron, drawn at random; each event moves the
                membrane by J = 0.1 mV or by -g J, after D = 1.5 ms
    drive       Poisson events of J at eta · theta / (J tau): eta = 1 would just reach threshold on average

The ratio g of inhibition and the drive eta choose the regime (figure 8 of the paper):

    A "SR"        g = 3,   eta = 2     almost synchronous, neurons fire regularly at high rates
    B "SI-fast"   g = 6,   eta = 4     fast global oscillation (180 Hz), neurons irregular at 60.7 Hz
    C "AI"        g = 5,   eta = 2     stationary global activity, neurons irregular at 37.7 Hz
    D "SI-slow"   g = 4.5, eta = 0.9   slow global oscillation (22 Hz), neurons irregular at 5.5 Hz

(rates and frequencies of B-D: simulations in table 2 of the paper). Regime C shows the rate, but here is not fully
asynchronous: in 1 ms bins the population's Fano factor is near 100 and the mean ISI CV 0.40, where theory gives 0.675
for stationary activity. An independent NumPy simulation of this description shows the same (80 and 0.40), dt = 0.02 ms
changes nothing, and delays spread over 0.1-2.9 ms only halve the Fano factor. How this compares with figure 8C is not known. A smaller `order` shrinks the populations and keeps
the synapses per neuron, and with them mean and variance of the input; what neurons share, and so synchrony, grows.
"""

from __future__ import annotations

from typing import NamedTuple

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model import FixedInDegree, Network, Poisson, Uniform
from neuropil.units import kHz, ms, mV
from neuropil.zoo.neurons.lif import LIFDelta


class Regime(NamedTuple):
    """One panel of figure 8.

    Attributes:
        g: relative strength of inhibition.
        eta: external rate relative to the rate at threshold.
        published_hz: mean rate of the paper's simulation, Hz, or None.
    """

    g: float
    eta: float
    published_hz: float | None


REGIMES = {
    "SR": Regime(3.0, 2.0, None),
    "SI-fast": Regime(6.0, 4.0, 60.7),
    "AI": Regime(5.0, 2.0, 37.7),
    "SI-slow": Regime(4.5, 0.9, 5.5),
}
PANELS = {"A": "SR", "B": "SI-fast", "C": "AI", "D": "SI-slow"}

ORDER = 2500
C_E, C_I = 1000, 250
J_MV, TAU_MS, THETA_MV = 0.1, 20.0, 20.0


def brunel(regime: str = "AI", order: int = ORDER, scale: float = 1.0) -> Network:
    """Brunel's (2000) network of 12,500 neurons in one of its four regimes.

    Args:
        regime: "SR", "SI-fast", "AI" or "SI-slow", or the panel of figure 8, "A" to "D".
        order: number of inhibitory neurons; there are four times as many excitatory ones.
        scale: multiplies `order`.

    Returns:
        A network of the populations exc and inh.

    Raises:
        NetworkError: an unknown regime, or a size that is out of range.
    """
    chosen = REGIMES.get(PANELS.get(regime, regime)) if isinstance(regime, str) else None
    if chosen is None:
        raise NetworkError("brunel: unknown regime", got=regime, fix=did_you_mean(regime, [*REGIMES, *PANELS]))
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise NetworkError("brunel: the order must be a whole number of at least 1", got=order)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale < float("inf"):
        raise NetworkError("brunel: scale is out of range", got=scale, expected="a number above 0")
    n_inh = max(1, round(order * scale))
    rate = chosen.published_hz
    net = Network(
        "brunel",
        published={} if rate is None else {"exc": rate, "inh": rate},
        citation="Brunel (2000) J Comput Neurosci 8:183",
    )
    neuron = LIFDelta(tau_m=TAU_MS * ms, e_l=0 * mV, v_th=THETA_MV * mV, v_reset=10 * mV, t_ref=2 * ms)
    # Spread below threshold: all neurons starting at rest would fire their first spikes together.
    start = {"v": Uniform(0 * mV, THETA_MV * mV)}
    exc = net.population("exc", neuron, 4 * n_inh, initial=start)
    inh = net.population("inh", neuron, n_inh, initial=start)
    everyone = exc + inh
    net.project(exc, everyone, FixedInDegree(C_E), weight=J_MV * mV, delay=1.5 * ms, port="syn")
    net.project(inh, everyone, FixedInDegree(C_I), weight=-chosen.g * J_MV * mV, delay=1.5 * ms, port="syn")
    threshold_rate = THETA_MV / (J_MV * TAU_MS)  # 1/ms, over all external synapses of a neuron
    net.stimulate(everyone, Poisson(chosen.eta * threshold_rate * kHz), port="syn", weight=J_MV * mV)
    return net
