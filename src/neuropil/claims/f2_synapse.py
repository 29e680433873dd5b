"""F2: a synapse's step takes 85 operations, by the article's equations.

Three things are tested: the count, as it stands and with the Euler updates that the article leaves out of its lines; whether
short-term plasticity by its factors F and D facilitates and depresses at 20 Hz (the form is that of Varela et al. 1997, not of
Tsodyks & Markram, whose equations run beside it); and whether its rule for the weight gives what calcium gives: nothing,
then depression, then potentiation as calcium rises. The synapses are the zoo's, on the engine.

    the article:  dw/dt = η (c - θ_p)₊ - η (c - θ_d)₋         either sign of ( )₋ changes the weight at rest
    corrected:    dw/dt = η_p (c - θ_p)₊ - η_d [θ_d < c < θ_p]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.claims.article_cost import as_measured, named, printed
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.cost import article
from neuropil.engine import Simulation
from neuropil.model import Network, OneToOne, Regular, Synapse
from neuropil.units import ms, pA, uM
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.calcium_plasticity import ArticleWeight, CalciumWeight
from neuropil.zoo.synapses.short_term import TsodyksMarkram, Varela

INTERVAL_MS, SPIKES = 50.0, 8  # 20 Hz
RESTING, MODERATE, HIGH = 0.05, 0.8, 2.0  # µM of calcium
NOTHING = 0.01
"""A change of the efficacy below this is none; frozen before the first run."""

TRAINS: dict[str, Synapse] = {
    "F/D, depressing": Varela(),
    "F/D, facilitating": Varela(d=0.98),
    "Tsodyks-Markram, depressing": TsodyksMarkram(use=0.5, tau_d=800 * ms, tau_f=20 * ms),
    "Tsodyks-Markram, facilitating": TsodyksMarkram(use=0.05, tau_d=60 * ms, tau_f=700 * ms),
}


def amplitudes(synapses: dict[str, Synapse], spikes: int) -> dict[str, np.ndarray]:
    """What each spike of a 20 Hz train adds to its target's current, over the first.

    Args:
        synapses: models by name.
        spikes: length of the train.
    """
    net = Network("train")
    source = net.population("source", Relay(), 1)
    net.stimulate(source, Regular(INTERVAL_MS * ms), port="spikes", weight=1.0)
    quick = LIFExp(tau_exc=0.5 * ms)  # gone before the next spike
    for j, synapse in enumerate(synapses.values()):
        target = net.population(f"target{j}", quick, 1)
        net.project(source, target, OneToOne(), weight=1 * pA, delay=1 * ms, port="exc", synapse=synapse)
        net.probe(target, "i_exc")
    simulation = Simulation(net, dt=0.1 * ms, precision="float64", threads=1)
    try:
        traces = simulation.run_until((spikes + 0.5) * INTERVAL_MS * ms).traces
    finally:
        simulation.close()
    found = {}
    for j, name in enumerate(synapses):
        peaks = traces[f"target{j}.i_exc"].values[:, 0].reshape(-1)[: int((spikes + 0.5) * INTERVAL_MS / 0.1)]
        jumps = np.flatnonzero(np.diff(peaks, prepend=0.0) > 1e-3 * peaks.max())
        found[name] = peaks[jumps] / peaks[jumps[0]]
    return found


def changes(rules: dict[str, list[Synapse]], seconds: float) -> dict[str, np.ndarray]:
    """The change of the efficacy of synapses that only their calcium acts on.

    Args:
        rules: synapse models by name, one for each level of calcium.
        seconds: biological time.
    """
    net = Network("calcium")
    source, target = net.population("source", Relay(), 1), net.population("target", LIFDelta(), 1)
    port = next(iter(LIFDelta().spec.ports))
    unit = LIFDelta().v_th / LIFDelta().v_th.value
    for name, synapses in rules.items():
        for j, synapse in enumerate(synapses):
            net.project(source, target, OneToOne(), weight=1.0 * unit, delay=1 * ms, port=port, synapse=synapse, name=f"{name}/{j}")
    simulation = Simulation(net, dt=1 * ms, precision="float64", threads=1)
    try:
        simulation.run_until(1000 * seconds * ms)
        return {n: np.array([simulation.synapses(f"{n}/{j}")["efficacy"][0] for j in range(len(s))]) - 1.0 for n, s in rules.items()}
    finally:
        simulation.close()


def run(trial: Trial) -> Findings:
    """Count, send trains, hold calcium.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    counted = article.f2()
    trains = amplitudes(TRAINS, SPIKES)
    calcium = np.array([RESTING, MODERATE, HIGH])
    rules: dict[str, list[Synapse]] = {
        "article, ( )₋ = max(-y, 0)": [ArticleWeight(calcium=c * uM, minus=1.0) for c in calcium],
        "article, ( )₋ = min(y, 0)": [ArticleWeight(calcium=c * uM, minus=-1.0) for c in calcium],
        "corrected": [CalciumWeight(calcium=c * uM) for c in calcium],
    }
    found = changes(rules, trial.size(4, 2))

    def window(name: str) -> bool:
        rest, moderate, high = found[name]
        return bool(abs(rest) < NOTHING and moderate < -NOTHING and high > NOTHING)

    measured = [*as_measured(counted)]
    measured += [Measured.exact(f"last of {SPIKES} amplitudes over the first, {n}", a[-1]) for n, a in trains.items()]
    measured += [
        Measured.exact(f"change of efficacy at {c:g} µM, {n}", change, control=n == "corrected")
        for n in rules
        for c, change in zip(calcium, found[n], strict=True)
    ]
    return Findings(
        measured,
        [
            Condition.within(named(counted, "counted as written, without"), 0.9 * 85, 1.1 * 85),
            Condition.fact("the factors F and D depress and facilitate at 20 Hz",
                           trains["F/D, depressing"][-1] < 1 < trains["F/D, facilitating"][-1]),
            Condition.fact("the article's rule gives none, depression, potentiation as calcium rises",
                           window("article, ( )₋ = max(-y, 0)") or window("article, ( )₋ = min(y, 0)")),
        ],
        [
            Condition.fact("its rule changes weights at rest, whichever sign ( )₋ takes",
                           all(abs(found[n][0]) > NOTHING for n in rules if n != "corrected")),
            Condition.fact("with a window between two thresholds the three regimes appear", window("corrected")),
            Condition.fact("with the Euler updates the count leaves 85 ± 10 %", abs(named(counted, "counted as written, with them").value - 85) > 8.5),
        ],
        [*printed(counted), "The F/D form is Varela et al. (1997), not Tsodyks & Markram; both are shown.",
         "P_elim = 1 - P_form would make every synapse form or vanish in each step; rewiring here has rates (neuropil.Rewiring)."],
        _figure(trains, calcium, found),
    )  # fmt: skip


def _figure(trains: dict[str, np.ndarray], calcium: np.ndarray, found: dict[str, np.ndarray]) -> Any:
    figure, (left, right) = panels(2)
    for colour, (name, a) in zip(SERIES, trains.items(), strict=False):
        left.plot(np.arange(1, a.size + 1), a, "o-", color=colour, markersize=3, linewidth=0.8, label=name)
    label(left, "spike of a 20 Hz train", "amplitude over the first", "Short-term plasticity")
    legend(left)
    for colour, (name, change) in zip(SERIES, found.items(), strict=False):
        right.plot(calcium, change, "o-", color=colour, markersize=3, linewidth=0.8, label=name)
    right.axhline(0.0, color="black", linewidth=0.6)
    label(right, "calcium (µM)", "change of efficacy", "Weight rules")
    legend(right)
    return figure


CLAIM = Claim(
    id="F2",
    title="85 operations per synapse and step",
    article="003, synapses",
    says="Transmission, short-term and long-term plasticity, homeostasis, structure and modulation: 85 floating-point operations per step.",
    source="Varela et al. (1997) J. Neurosci. 17:7926; Tsodyks & Markram (1997) PNAS 94:719; Lisman (1989) PNAS 86:9574; "
    "Shouval, Bear & Cooper (2002) PNAS 99:10831",
    traceable=True,
    tag="PART",
    criterion="Counted operations within 10 % of 85; depression and facilitation at 20 Hz; none, depression, potentiation as calcium rises.",
    scope="The article's equations traced and counted; the zoo's synapses on the engine, calcium held.",
    run=run,
    wrong="Its items add up to 80; Euler updates are left out of transmission; the F/D form is not Tsodyks-Markram's; the weight rule "
    "has no calcium window and changes weights at rest; P_elim = 1 - P_form is no rate.",
    seeds=0,
)
