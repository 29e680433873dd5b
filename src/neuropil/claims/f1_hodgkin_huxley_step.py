"""F1: Hodgkin-Huxley at a step of 1 ms by forward Euler, for 126 operations.

The article integrates

    C dV/dt = I - g_Na m³h (V - E_Na) - g_K n⁴ (V - E_K) - g_L (V - E_L),    dm/dt = alpha_m (1 - m) - beta_m m, …

by forward Euler in steps of 1 ms and counts its operations. Here the equations of the zoo run on the engine under a constant
current for steps from 0.01 to 1 ms, by forward Euler and by exponential Euler, and their spikes are counted against
Runge-Kutta at 0.005 ms. Nothing is random.

Hodgkin & Huxley (1952) J. Physiol. 117:500; constants as in the article: C 1 µF/cm², g 120, 36, 0.3 mS/cm²,
E 50, -77, -54.387 mV.
"""

from __future__ import annotations

import math
from typing import Any

from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.engine import Simulation
from neuropil.errors import SimulationError
from neuropil.model import Network, Step
from neuropil.plan.plan import make_plan
from neuropil.units import ms, mV, pA
from neuropil.zoo.neurons.hodgkin_huxley import HodgkinHuxley

STEPS_MS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
QUICK_STEPS_MS = (0.05, 1.0)
REFERENCE_MS = 0.005
DURATION_MS = 100.0
CURRENT = 1000 * pA  # 10 µA/cm² over the model's 10⁴ µm²
TOLERANCE = 0.05  # of the spike count
ARTICLE_STEP_MS, ARTICLE_FLOPS = 1.0, 126


class ForwardEuler(HodgkinHuxley):
    """As the article integrates it."""

    integrator = "euler"


class ExponentialEuler(HodgkinHuxley):
    """Each equation solved exactly over the step, with the others held."""

    integrator = "exponential_euler"


class RungeKutta(HodgkinHuxley):
    """The reference."""

    integrator = "rk4"


def network(model: type[HodgkinHuxley]) -> Network:
    """One neuron under the constant current.

    Args:
        model: of the neuron.
    """
    net = Network(model.__name__)
    cell = net.population("cell", model(e_l=-54.387 * mV), 1)
    net.stimulate(cell, Step(CURRENT), input="current")
    net.probe(cell, "v")
    return net


def spikes(model: type[HodgkinHuxley], dt: float) -> tuple[float, Any, str]:
    """The spike count (NaN if the state diverged), the voltage over time (None likewise), and what the engine said.

    Args:
        model: of the neuron.
        dt: time step, ms.
    """
    simulation = Simulation(network(model), dt=dt * ms, precision="float64", threads=1)
    try:
        result = simulation.run(DURATION_MS * ms)
    except SimulationError as error:
        return math.nan, None, error.what
    finally:
        simulation.close()
    return float(len(result.spikes)), result.traces["cell.v"], ""


def run(trial: Trial) -> Findings:
    """Count the spikes of each method at each step.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    steps = QUICK_STEPS_MS if trial.quick else STEPS_MS
    truth, reference_trace, _ = spikes(RungeKutta, trial.size(1, 2) * REFERENCE_MS)
    measured = [Measured.exact(f"spikes, Runge-Kutta at {trial.size(1, 2) * REFERENCE_MS:g} ms", truth)]
    counts: dict[type[HodgkinHuxley], list[float]] = {ForwardEuler: [], ExponentialEuler: []}
    notes, traces = [], {"Runge-Kutta": reference_trace}
    for i, dt in enumerate(steps):
        trial.progress(i / len(steps))
        for model, found in counts.items():
            count, trace, said = spikes(model, dt)
            found.append(count)
            measured.append(Measured.exact(f"spikes, {_name(model)} at {dt:g} ms", count, control=model is ExponentialEuler))
            if said:
                notes.append(f"{_name(model)} at {dt:g} ms: the engine stopped the run: {said}")
            if dt == ARTICLE_STEP_MS and trace is not None:
                traces[f"{_name(model)}, {dt:g} ms"] = trace
    error = abs(counts[ForwardEuler][-1] / truth - 1)
    at_1_ms = Measured.exact("forward Euler at 1 ms: relative error of the spike count", error)
    stable = [dt for dt, n in zip(steps, counts[ForwardEuler], strict=True) if not math.isnan(n)]
    largest = Measured.exact("largest step at which forward Euler stays finite", max(stable, default=math.nan), "ms")
    exponential = Measured.exact(
        "exponential Euler at 1 ms: relative error of the spike count", abs(counts[ExponentialEuler][-1] / truth - 1), control=True
    )
    flops = Measured.exact("FLOPs of the engine's forward Euler step, synapses included", _flops())
    return Findings(
        [*measured, at_1_ms, largest, exponential, flops],
        [Condition.at_most(at_1_ms, TOLERANCE)],
        [
            Condition.fact("forward Euler at 1 ms does not stay finite", math.isnan(counts[ForwardEuler][-1])),
            Condition.fact("even exponential Euler misses the spike count at 1 ms by more than 5 %", exponential.value > TOLERANCE),
        ],
        [
            *notes,
            f"The article counts {ARTICLE_FLOPS} operations for a step that does not work; at the largest forward Euler step that "
            f"does, {largest.value:g} ms, a second of biology costs {1 / largest.value:.0f} times as many steps as the article's.",
            "The engine's FLOPs count an exponential as its polynomial, and include four synaptic states the article leaves out.",
        ],
        _figure(steps, counts, truth, traces),
    )


def _name(model: type[HodgkinHuxley]) -> str:
    return {ForwardEuler: "forward Euler", ExponentialEuler: "exponential Euler", RungeKutta: "Runge-Kutta"}[model]


def _flops() -> int:
    return make_plan(network(ForwardEuler), dt=0.05 * ms, precision="float64").groups[0].program.flops


def _figure(steps: tuple[float, ...], counts: dict[type[HodgkinHuxley], list[float]], truth: float, traces: dict[str, Any]) -> Any:
    figure, (left, right) = panels(2)
    left.axhline(truth, color="black", linewidth=0.8, linestyle="--", label="Runge-Kutta")
    for colour, (model, found) in zip(SERIES, counts.items(), strict=False):
        left.plot(steps, found, "o-", color=colour, markersize=4, label=_name(model))
        gone = [dt for dt, n in zip(steps, found, strict=True) if math.isnan(n)]
        left.plot(gone, [0.0] * len(gone), "x", color=colour, label=f"{_name(model)} diverged" if gone else None)
    left.set_xscale("log")
    left.set_ylim(-0.5, None)
    label(left, "time step (ms)", f"spikes in {DURATION_MS:g} ms", "Spike count")
    legend(left)
    for colour, (name, trace) in zip(("black", SERIES[1], SERIES[0]), traces.items(), strict=False):
        right.plot(trace.times_ms, trace.values[:, 0], color=colour, linewidth=1.0, label=name)
    label(right, "time (ms)", "V (mV)", "Membrane potential")
    legend(right)
    return figure


CLAIM = Claim(
    id="F1",
    title="Hodgkin-Huxley at 1 ms by forward Euler, for 126 operations",
    article="003, the Hodgkin-Huxley table",
    says="A single-compartment Hodgkin-Huxley model takes about 126 floating-point operations per time step, at 1,000 steps a second.",
    source="Hodgkin & Huxley (1952) J. Physiol. 117:500",
    traceable=True,
    tag="PART",
    criterion="At a step of 1 ms the spike count of forward Euler is within 5 % of the true one (I = 10 µA/cm², 100 ms).",
    scope="One compartment, constant current, engine in float64; the sum of 126 is the article's own count.",
    run=run,
    wrong="The V - E terms are counted twice and the leak is given a gate (the sum, 126, is right); the step of 1 ms diverges.",
    seeds=0,
)
