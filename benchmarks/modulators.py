"""What modulators cost: the wall time of a tick in a network of 10,000 neurons, by what is modulated; and of a call of step.

    python benchmarks/modulators.py

Each simulation takes one step at a time under a signal that changes at every tick. The cost of a tick is that of the modulator's part
of a step, measured by itself; the cost of a call is that of `Simulation.step(1)` in a network of ten neurons, less that of the native work.
Lower quartiles, so that what else the machine does counts little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from neuropil.engine import Simulation
from neuropil.model import Apart, Diffusion, FixedProbability, Gain, Network, Normal, Poisson, Shift, Signal
from neuropil.units import Hz, ms, mV, nM, pA, um
from neuropil.zoo.modulators.dopamine import Dopamine, receptors
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.synapses.scaled import Scaled

NEURONS, TICKS, STEPS = 10_000, 60, 3000


def network(change: Callable | None, positions: bool = False) -> Network:
    """Cells under Poisson input, a projection with a synapse model, and dopamine from a tenth of them every millisecond."""
    net = Network("modulated")
    at = np.random.default_rng(1).uniform(0, 400, (NEURONS, 3)) * um if positions else None
    cells = net.population("cells", LIFExp(), NEURONS, positions=at)
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


def apart(change: Callable) -> Network:
    """Cells each of which has a level of its own."""
    net = Network("apart")
    cells = net.population("cells", LIFExp(v_th=Normal(-50 * mV, 1 * mV)), NEURONS)
    change(net.modulator("own", Signal(), volume=cells, diffusion=Apart()), cells, None)
    return net


NETWORKS = {name: partial(network, change, positions) for name, (change, positions) in CASES.items()} | {
    "10,000 drawn thresholds, each with a level": partial(apart, lambda m, cells, into: m.modulates(cells, "v_th", Shift(by=-2 * mV))),
}


def quartile(times: list[float]) -> float:
    """The lower quartile, µs."""
    return 1e6 * float(np.quantile(times, 0.25))


def tick(net: Network) -> float:
    """µs of a tick."""
    draw, times = np.random.default_rng(1), []
    with Simulation(net, threads=1, record_spikes=False) as simulation:
        (name,) = net.modulators
        modulator, modulation = simulation.modulators[name], simulation._modulation
        for _ in range(TICKS):
            modulator.set_signal(draw.uniform(-1.0, 1.0, net.modulators[name].signals))
            begun = time.perf_counter()
            modulation.tick(simulation.core.step)
            times.append(time.perf_counter() - begun)
            simulation.step(10)
    return quartile(times[3:])


def call() -> tuple[float, float]:
    """µs of `Simulation.step(1)`, and of the native call in it, when it runs no step."""
    net = Network("ten neurons")
    net.population("cells", LIFExp(), 10)
    whole, native = [], []
    with Simulation(net, threads=1) as simulation:
        for _ in range(STEPS):
            begun = time.perf_counter()
            simulation.step(1)
            whole.append(time.perf_counter() - begun)
        core = simulation.core
        for _ in range(STEPS):
            tables = core._tables(1)
            begun = time.perf_counter()
            core._call(0, 0, *tables)
            native.append(time.perf_counter() - begun)
    return quartile(whole), quartile(native)


def main() -> None:
    """Print the table."""
    print(f"{'modulated':44s} {'µs per tick':>12s}")
    for name, make in NETWORKS.items():
        print(f"{name:44s} {tick(make()):12.1f}", flush=True)
    whole, native = call()
    print(f"Simulation.step(1) of ten neurons: {whole:.1f} µs, of which {native:.1f} µs are the native call without steps")


if __name__ == "__main__":
    main()
