"""A6: the soma as a leaky integrator: an input of 50 ms ago still counts.

Two brief inputs reach a leaky integrate-and-fire neuron, tau dV/dt = -V + input; the first is half of what would make it
fire, the second comes a lag later. The first lowers the least second input that makes it fire; by how much, relative to the
first input itself, is what is left of it:

    shift(lag) = (least input alone - least input after the first) / first = exp(-lag / tau)

The least input is found by a population of neurons that differ in it alone, run by the engine. An input counts if at least
5 % of it is left: a proposal, made before the first run.

Lapicque (1907) J. Physiol. Pathol. Gén. 9:620 (the model); Koch, Rapp & Segev (1996) Cereb. Cortex 6:93 (time constants, from memory).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.engine import Simulation
from neuropil.model import Edges, Network, SpikeList
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.relay import Relay

TAUS_MS = (5.0, 10.0, 15.0, 20.0, 25.0, 30.0)  # the article's range
MODULATED_MS = (50.0, 100.0, 200.0)  # as if acetylcholine had lengthened it
LAGS_MS = (5.0, 10.0, 20.0, 30.0, 50.0, 70.0, 100.0)
LAG_MS, LONG_MS = 50.0, 20.0
COUNTS = 0.05
REST_MV, THRESHOLD_MV = -65.0, -50.0
FIRST = 0.5  # of the distance from rest to threshold
STEP = 0.001  # of that distance: how finely second inputs are tried


def least_input(tau_ms: NDArray[Any], lag_ms: NDArray[Any], first: float, step: float) -> NDArray[np.float64]:
    """The least second input that makes a neuron fire, as a fraction of the distance to threshold, for each case.

    Args:
        tau_ms, lag_ms: [cases]; lags are whole multiples of 0.1 ms.
        first: the first input, in the same fraction.
        step: of the inputs tried.
    """
    tried = np.arange(1 - first - 5 * step, 1 + 5 * step, step)  # from nothing lost to nothing left, and a little more
    cases, inputs = np.repeat(np.arange(tau_ms.size), tried.size), np.tile(tried, tau_ms.size)
    distance, n = THRESHOLD_MV - REST_MV, cases.size
    net = Network("two inputs")
    start = net.population("start", Relay(), 1)
    neuron = LIFDelta(tau_m=tau_ms[cases] * ms, e_l=REST_MV * mV, v_th=THRESHOLD_MV * mV, v_reset=REST_MV * mV)
    cells = net.population("cells", neuron, n)
    net.stimulate(start, SpikeList(np.array([1.0]) * ms), port="spikes", weight=1.0)
    every = Edges(np.zeros(n, int), np.arange(n))
    net.project(start, cells, every, weight=np.full(n, first * distance) * mV, delay=1.0 * ms, port="syn")
    net.project(start, cells, every, weight=inputs * distance * mV, delay=(1.0 + lag_ms[cases]) * ms, port="syn")
    simulation = Simulation(net, dt=0.1 * ms, precision="float64", threads=1)
    try:
        result = simulation.run((5.0 + float(lag_ms.max())) * ms)
    finally:
        simulation.close()
    fired = result.spikes.counts("cells").reshape(tau_ms.size, tried.size) > 0
    return np.where(fired.any(axis=1), tried[np.argmax(fired, axis=1)], np.nan)


def run(trial: Trial) -> Findings:
    """The shift of threshold over lag and time constant; nothing is random."""
    step = trial.size(1, 5) * STEP
    taus, lags = np.array([*TAUS_MS, *MODULATED_MS]), np.array(LAGS_MS)
    tau, lag = np.repeat(taus, lags.size), np.tile(lags, taus.size)
    after = least_input(tau, lag, FIRST, step)
    trial.progress(0.5)
    alone = least_input(taus, np.full(taus.size, LAG_MS), 0.0, step)
    shift = ((np.repeat(alone, lags.size) - after) / FIRST).reshape(taus.size, lags.size)
    law = np.exp(-lag / tau).reshape(shift.shape)
    at = int(np.flatnonzero(lags == LAG_MS)[0])
    left = [
        Measured.exact(f"what is left of an input after {LAG_MS:g} ms, τ = {t:g} ms", shift[i, at], control=t in MODULATED_MS)
        for i, t in enumerate(taus)
    ]
    article = [(t, m) for t, m in zip(taus, left, strict=True) if t in TAUS_MS]
    return Findings(
        [
            *left,
            Measured.exact("largest deviation from exp(-lag / τ)", np.abs(shift - law).max(), control=True),
            Measured.exact("resolution: step of the inputs tried over the first input", step / FIRST, control=True),
        ],
        [
            *(Condition.at_least(m, COUNTS) for t, m in article if t >= LONG_MS),
            *(Condition.fact(f"{m.name}: below {COUNTS:g}", m.value < COUNTS) for t, m in article if t < LONG_MS),
        ],
        [
            Condition.fact(
                f"over part of the article's own range of τ, below {LONG_MS:g} ms, an input of {LAG_MS:g} ms ago has a negligible influence",
                all(m.value < COUNTS for t, m in article if t < LONG_MS),
            ),
        ],
        [
            "That what is left is exp(-lag / τ) is the solution of the equation; what is measured is that threshold, reset and "
            "events of the engine follow it.",
            f"With τ lengthened to {MODULATED_MS[0]:g} to {MODULATED_MS[-1]:g} ms, as the article says acetylcholine does without a source, "
            f"{shift[len(TAUS_MS), at]:.0%} to {shift[-1, at]:.0%} is left after {LAG_MS:g} ms.",
            "The threshold of the criterion is a proposal: at 1 % in place of 5 % the shortest τ of those tried that counts would be "
            f"{min(t for t, m in article if m.value >= 0.01):g} ms. A neuron held near threshold by other inputs fires in response to less.",
        ],
        _figure(taus, lags, shift),
    )


def _figure(taus: NDArray[Any], lags: NDArray[Any], shift: NDArray[Any]) -> Any:
    figure, (left, right) = panels(2)
    fine = np.linspace(0, lags[-1], 200)
    for colour, tau in zip(SERIES, (5.0, 10.0, 20.0, 30.0, 100.0), strict=False):
        left.plot(lags, shift[np.flatnonzero(taus == tau)[0]], "o", color=colour, markersize=3, label=f"τ = {tau:g} ms")
        left.plot(fine, np.exp(-fine / tau), color=colour, linewidth=0.8)
    left.axvline(LAG_MS, color="black", linewidth=0.5, linestyle=":")
    label(left, "lag (ms)", "shift of threshold, of the first input", "What is left of an input")
    legend(left)
    at = int(np.flatnonzero(lags == LAG_MS)[0])
    dense = np.geomspace(taus[0], taus[-1], 200)
    right.semilogx(dense, np.exp(-LAG_MS / dense), color="black", linewidth=0.8, label="exp(-50 ms / τ)")
    right.semilogx(taus, shift[:, at], "o", color=SERIES[0], markersize=4, label="measured")
    right.axhline(COUNTS, color=SERIES[1], linewidth=0.8, linestyle="--", label=f"{COUNTS:.0%}")
    right.axvspan(TAUS_MS[0], TAUS_MS[-1], color="black", alpha=0.06)
    right.set_xticks((5, 10, 20, 50, 100, 200), ("5", "10", "20", "50", "100", "200"))
    right.minorticks_off()
    label(right, "time constant (ms); grey: the article's range", f"left after {LAG_MS:g} ms")
    legend(right)
    return figure


CLAIM = Claim(
    id="A6",
    title="The soma as a leaky integrator: an input of 50 ms ago still counts",
    article="000 §4",
    says="τ dV/dt = -V + Σ(synaptic inputs), with τ typically 5-30 ms: a weak input from 50 ms ago can still influence whether a current input fires; "
    "the time constant shifts with neuromodulatory state.",
    source="Lapicque (1907) J. Physiol. Pathol. Gén. 9:620",
    traceable=True,
    tag="PART",
    criterion="Of an input 50 ms ago at least 5 % is left where τ is 20 ms or longer, and less where it is shorter.",
    scope="One integrate-and-fire compartment, brief inputs, no other activity.",
    run=run,
    wrong="What is left after 50 ms is 0.005 % at τ = 5 ms and 19 % at 30 ms; that acetylcholine shifts τ from milliseconds to hundreds of milliseconds "
    "has no source.",
    seeds=0,
)
