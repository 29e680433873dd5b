"""What modulators cost: the wall time of a tick in a network of 10,000 neurons, by what is modulated.

    python benchmarks/modulators.py

Each network runs for a second with and without its modulator, in turns, in one process; the cost of a tick is the
difference of the medians, over the number of ticks.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from neuropil.engine import Simulation
from neuropil.model import Diffusion, FixedProbability, Gain, Network, Poisson, Shift
from neuropil.units import Hz, ms, mV, nM, pA, second, um
from neuropil.zoo.modulators.dopamine import Dopamine, receptors
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.scaled import Scaled

NEURONS, REPEATS = 10_000, 3
DURATION = 1 * second


def network(change: Callable | None, positions: bool = False) -> Network:
    """Cells under Poisson input, a projection with a synapse model, and dopamine from a tenth of them every millisecond."""
    net = Network("modulated")
    place = np.random.default_rng(1).uniform(0, 400, (NEURONS, 3)) * um if positions else None
    cells = net.population("cells", LIFExp(), NEURONS, positions=place)
    nucleus = net.population("nucleus", LIFExp(), NEURONS // 10)
    net.stimulate((cells, nucleus), Poisson(8000 * Hz), port="exc", weight=85 * pA)
    (into,) = net.project(nucleus, cells, FixedProbability(0.01), weight=20 * pA, delay=1.5 * ms, port="exc", synapse=Scaled())
    if change is not None:
        spread = Diffusion(0.3 * um**2 / ms, spacing=20 * um) if positions else None
        m = net.modulator("dopamine", Dopamine(), volume=[cells, into], diffusion=spread).released_by(nucleus, 0.05 * nM)
        change(receptors(m), cells, into)
    return net


CASES: dict[str, tuple[Callable, bool]] = {
    "the concentration alone": (lambda m, cells, into: None, False),
    "one threshold": (lambda m, cells, into: m.modulates(cells, "v_th", Shift(by=-2 * mV), receptor="D2"), False),
    "one time constant (its propagator)": (lambda m, cells, into: m.modulates(cells, "tau_m", Gain(by=0.2), receptor="D2"), False),
    "100,000 synapses": (lambda m, cells, into: m.modulates(into, "scale", Gain(by=0.2), receptor="D2"), False),
    "100,000 synapses by target, 8,000 cubes": (lambda m, cells, into: m.modulates(into, "scale", Gain(by=0.2), receptor="D2"), True),
    "10,000 thresholds, 8,000 cubes": (lambda m, cells, into: m.modulates(cells, "v_th", Shift(by=-2 * mV), receptor="D2"), True),
    "10,000 time constants, 8,000 cubes": (lambda m, cells, into: m.modulates(cells, "tau_m", Gain(by=0.2), receptor="D2"), True),
}


def main() -> None:
    """Print the table."""
    print(f"{'modulated':36s} {'ms per tick':>12s} {'of a run':>9s}")
    for name, (change, positions) in CASES.items():
        with_it = Simulation(network(change, positions), threads=1, record_spikes=False)
        without = Simulation(network(None, positions), threads=1, record_spikes=False)
        times: dict[int, list[float]] = {0: [], 1: []}
        for k in range(1, REPEATS + 1):
            for which, simulation in enumerate((without, with_it)):
                begun = time.perf_counter()
                simulation.run_until(k * DURATION)
                times[which].append(time.perf_counter() - begun)
        plain, modulated = (statistics.median(t) for t in times.values())
        ticks = float(DURATION.to(ms))
        print(f"{name:36s} {1e3 * (modulated - plain) / ticks:12.3f} {100 * (modulated - plain) / modulated:8.0f} %")


if __name__ == "__main__":
    main()
