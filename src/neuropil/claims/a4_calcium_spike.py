"""A4: distal calcium spikes respond to the coincidence of two pathways.

A pulse at the soma makes one spike, an excitatory current into the distal dendrite none; together, within a few
milliseconds, the spike that propagates back into the depolarised dendrite starts a calcium spike, and the cell fires a burst.
The cell is `zoo/neurons/bac.py`: a spiking soma and a calcium dendrite. Both stimuli are set by the cell itself, as fixed
parts of what would be enough alone, and every conductance of every cell is drawn with a spread of 5 %.

Larkum, Zhu & Sakmann (1999) Nature 398:338.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.engine import Simulation
from neuropil.model import Network, SpikeList, Step
from neuropil.units import Quantity, ms, pA
from neuropil.zoo.neurons.bac import BACNeuron

CELLS, SPREAD = 40, 0.05
CONDUCTANCES = ("g_c", "g_na", "g_k", "g_l", "g_ca", "g_m")
SOMATIC, DENDRITIC = 1.5, 0.8  # parts of the pulse and of the input that would each make a spike alone
PULSE_MS, ONSET_MS, DURATION_MS, STEP_MS = 5.0, 60.0, 200.0, 0.025
LAGS_MS = np.arange(-30.0, 30.1, 2.5)  # onset of the dendritic input after that of the pulse
COINCIDENT_MS, APART_MS = 10.0, 30.0
ALONE, TOGETHER = 0.05, 2.0  # how far a mean count may be from 1 and 0; the burst


def spike_counts(
    pulse: NDArray[Any], dendritic: NDArray[Any], lag: NDArray[Any], conductances: dict[str, Quantity], traced: bool = False
) -> tuple[NDArray[np.int64], Any]:
    """Spikes of cells, each with its own stimuli.

    Args:
        pulse, dendritic: [cells], pA; lag: [cells], ms.
        conductances: by name, [cells].
        traced: also return both potentials over time, (times, v, v_d).
    """
    n = pulse.size
    net = Network("BAC")
    cells = net.population("cells", BACNeuron(**conductances), n)
    net.stimulate(cells, Step(pulse * pA, start=ONSET_MS * ms, stop=(ONSET_MS + PULSE_MS) * ms), input="current")
    arrivals = SpikeList((ONSET_MS + lag) * ms, np.arange(n))
    net.stimulate(cells, arrivals, port="dend", weight=dendritic * pA)
    if traced:
        net.probe(cells, "v")
        net.probe(cells, "v_d")
    simulation = Simulation(net, dt=STEP_MS * ms, precision="float64", threads=1, record_spikes=False)
    try:
        result = simulation.run(DURATION_MS * ms)
        v = result.traces.get("cells.v")
        traces = (v.times_ms - ONSET_MS, v.values, result.traces["cells.v_d"].values) if v is not None else None
        return simulation.counts.copy(), traces
    finally:
        simulation.close()


def thresholds() -> tuple[float, float]:
    """The smallest somatic pulse and the smallest dendritic input (pA) that make the undisturbed cell spike alone."""
    strengths = np.arange(10.0, 2000.0, 10.0)
    none = np.zeros_like(strengths)
    pulse, _ = spike_counts(strengths, none, none, {})
    dendritic, _ = spike_counts(none, strengths, none, {})
    return float(strengths[np.argmax(pulse > 0)]), float(strengths[np.argmax(dendritic > 0)])


def run(trial: Trial) -> Findings:
    """The stimuli alone, together over the lags, and together with the compartments cut apart."""
    cells = trial.size(CELLS, 8)
    pulse_pa, dendritic_pa = thresholds()
    lags = LAGS_MS if not trial.quick else LAGS_MS[::4]
    lags = np.unique(np.concatenate([lags, [0.0, APART_MS]]))
    arms = [(1, 0, 0.0, 1), (0, 1, 0.0, 1), *((1, 1, lag, 1) for lag in lags), *((1, 1, lag, 0) for lag in lags)]
    soma, dendrite, lag, coupled = (np.repeat(column, cells) for column in np.array(arms).T)

    def measure(seed: int) -> dict[str, Any]:
        g, model, drawn = rng.generator(seed, "A4"), BACNeuron(), {}
        for name in CONDUCTANCES:
            factor = np.tile(np.exp(SPREAD * g.normal(size=cells)), len(arms))  # the same cells in every arm
            default = getattr(model, name)
            drawn[name] = Quantity(default.value * factor * (coupled if name == "g_c" else 1.0), default.dimension)
        counts, _ = spike_counts(SOMATIC * pulse_pa * soma, DENDRITIC * dendritic_pa * dendrite, lag, drawn)
        mean = counts.reshape(len(arms), cells).mean(axis=1)
        together, cut = mean[2 : 2 + lags.size], mean[2 + lags.size :]
        return {
            "soma": mean[0], "dendrite": mean[1], "together": together, "cut": cut,
            "best": together[np.abs(lags) <= COINCIDENT_MS].max(), "most, cut": cut.max(), "apart": together[lags == APART_MS][0],
        }  # fmt: skip

    found = trial.each_seed(measure)
    soma_only = Measured.over_seeds("spikes, somatic pulse alone", found["soma"])
    dendrite_only = Measured.over_seeds("spikes, dendritic input alone", found["dendrite"])
    best = Measured.over_seeds(f"spikes, both at the best lag within {COINCIDENT_MS:g} ms", found["best"])
    apart = Measured.over_seeds(f"spikes, both {APART_MS:g} ms apart", found["apart"], control=True)
    cut = Measured.over_seeds("spikes, both at the best lag, compartments cut apart", found["most, cut"], control=True)
    burst = lags[found["together"].mean(axis=0) >= TOGETHER]
    return Findings(
        [soma_only, dendrite_only, best, apart, cut, Measured.exact("threshold of the pulse", pulse_pa, "pA"),
         Measured.exact("threshold of the dendritic input", dendritic_pa, "pA")],
        [
            Condition.within(soma_only, 1 - ALONE, 1 + ALONE),
            Condition.within(dendrite_only, 0.0, ALONE),
            Condition.at_least(best, TOGETHER),
            Condition.at_most(cut, 1 + ALONE),
        ],
        [],
        [
            "Bursts of two or more at lags from "
            + (f"{burst.min():g} to {burst.max():g} ms" if burst.size else "none")
            + " (dendritic input after the pulse counts as positive).",
            "The densities of the dendrite were chosen so that the cell can do this: the experiment shows that the mechanism suffices "
            "and that it needs the coupling, not that layer-5 cells have it, which Larkum et al. showed.",
        ],
        _figure(lags, found, pulse_pa, dendritic_pa),
    )  # fmt: skip


def _figure(lags: NDArray[Any], found: dict[str, NDArray[Any]], pulse_pa: float, dendritic_pa: float) -> Any:
    arms = {"pulse alone": (1, 0), "dendritic input alone": (0, 1), "both": (1, 1)}
    on = np.array(list(arms.values()), float)
    _, (times, v, v_d) = spike_counts(SOMATIC * pulse_pa * on[:, 0], DENDRITIC * dendritic_pa * on[:, 1], np.full(3, 5.0), {}, traced=True)
    figure, (left, middle, right) = panels(3, width=3.2)
    for ax, values, title in ((left, v, "Soma"), (middle, v_d, "Dendrite, 5 ms apart")):
        for colour, name, trace in zip(SERIES, arms, values.T, strict=False):
            ax.plot(times, trace, color=colour, linewidth=0.9, label=name)
        ax.set_xlim(-10, 80)
        label(ax, "time after the pulse began (ms)", "V (mV)", title)
    legend(left)
    right.plot(lags, found["together"].mean(axis=0), "o-", color=SERIES[2], markersize=3, label="coupled")
    right.plot(lags, found["cut"].mean(axis=0), "o-", color=SERIES[6], markersize=3, label="cut apart")
    right.axhline(TOGETHER, color="black", linewidth=0.6, linestyle="--")
    label(right, "dendritic input after the pulse (ms)", "spikes", "Window of coincidence")
    legend(right)
    return figure


CLAIM = Claim(
    id="A4",
    title="Distal calcium spikes respond to coincidence of two pathways",
    article="000 §3",
    says="In distal dendrites, voltage-gated calcium channels produce slower, broader spikes that are sensitive to coincident input from "
    "different pathways.",
    source="Larkum, Zhu & Sakmann (1999) Nature 398:338",
    traceable=True,
    tag="OK",
    criterion="A somatic pulse alone makes one spike, a dendritic input alone none, both within 10 ms two or more; with the compartments "
    "cut apart no more than one.",
    scope="Two compartments with 5 % spread of every conductance; current-driven; densities chosen to make the dendrite excitable.",
    run=run,
)
