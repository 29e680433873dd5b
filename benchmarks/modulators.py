"""What a tick of a modulator costs in networks of 10,000 neurons, by what is modulated and how often it ticks.

    python benchmarks/modulators.py [--before CHECKOUT]

Writes docs/benchmarks/modulators.md and .json. The cost of a tick is what a span takes longer than the same span of the same network without
the modulator, over its ticks, whatever it consists of: concentrations, effects, what follows from them, and the end of a chunk where there is
one. The concentration decays from a dose given at the beginning of every span, so every tick changes what it reaches. Processor time of the
only thread, the least of many spans, so that what else the machine does counts little. `--before` measures another checkout as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

from common import ROOT, footing, machine, measure, table, write

import neuropil as npl
from neuropil.units import Hz, ms, mV, nM, pA, um

NEURONS, SPAN, SPANS = 10_000, 200, 30


def cells(net: npl.Network, positions: bool = False, **parameters: Any) -> npl.Population:
    """10,000 leaky integrate-and-fire neurons, under a current that lets them fire."""
    import numpy as np

    from neuropil.zoo.neurons.lif import LIFExp

    place = np.random.default_rng(1).uniform(0, 400, (NEURONS, 3)) * um if positions else None
    made = net.population("cells", LIFExp(**parameters), NEURONS, positions=place)
    net.stimulate(made, npl.Step(380 * pA), input="current")
    return made


def plain(net: npl.Network, tick: Any, parameter: str | None, change: Any, diffusion: Any = None, **parameters: Any) -> None:
    """One parameter of the neurons."""
    made = cells(net, isinstance(diffusion, npl.Diffusion), **parameters)
    if tick is not None:
        m = modulator(net, made, tick, diffusion)
        if parameter is not None:
            m.modulates(made, parameter, change, receptor="D1")


def modulator(net: npl.Network, volume: Any, tick: Any, diffusion: Any = None) -> npl.Modulator:
    """A substance that decays to its baseline within seconds."""
    return net.modulator("da", npl.FirstOrder(baseline=50 * nM, tau=500 * ms), volume=volume, tick=tick, diffusion=diffusion).receptor("D1", ec50=600 * nM)


def synapses(net: npl.Network, tick: Any, rule: Any, parameter: str, change: Any, diffusion: Any = None) -> None:
    """100,000 synapses, from silent sources, with one parameter of their rule modulated."""
    made = cells(net)
    source = net.population("source", _source(), 1000)
    (into,) = net.project(source, made, npl.FixedProbability(0.01), weight=20 * pA, delay=1.5 * ms, port="exc", synapse=rule())
    if tick is not None:
        modulator(net, into, tick, diffusion).modulates(into, parameter, change, receptor="D1")


def _source() -> Any:
    from neuropil.zoo.neurons.poisson_source import PoissonSource

    return PoissonSource(rate=1 * Hz)


def scaled() -> Any:
    """A factor."""
    from neuropil.zoo.synapses.scaled import Scaled

    return Scaled()


def three_factor() -> Any:
    """Spike-timing plasticity gated by dopamine."""
    from neuropil.zoo.plasticity.three_factor import DopamineSTDP

    return DopamineSTDP()


def morphologies(net: npl.Network, tick: Any) -> None:
    """100 cells of about 100 compartments, whose conductances are modulated."""
    from neuropil.model.cell.cell import Cell
    from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane

    cell = Cell(npl.Morphology.cable(1000 * um, 2 * um), discretisation=npl.FixedCount(100), initial=-65 * mV)
    cell.paint("all", HodgkinHuxleyMembrane(), name="spiking")
    made = net.population("cells", cell, NEURONS // 100)
    if tick is not None:
        modulator(net, made, tick).modulates(made, "spiking.g_na", npl.Gain(by=-0.2), receptor="D1")


SHIFT, GAIN = npl.Shift(by=-2 * mV), npl.Gain(by=0.2)
FIELD = npl.Diffusion(0.3 * um**2 / ms, spacing=20 * um)
CASES: dict[str, tuple[str, Callable[[npl.Network, Any], None]]] = {
    "level": ("the concentration alone", lambda net, tick: plain(net, tick, None, None)),
    "threshold": ("a threshold, one for all", lambda net, tick: plain(net, tick, "v_th", SHIFT)),
    "tau": ("a time constant, one for all (its propagator)", lambda net, tick: plain(net, tick, "tau_m", GAIN)),
    "drawn": ("10,000 drawn thresholds", lambda net, tick: plain(net, tick, "v_th", SHIFT, v_th=npl.Normal(-50 * mV, 1 * mV))),
    "own": ("10,000 drawn thresholds, each with a level of its own", lambda net, tick: plain(net, tick, "v_th", SHIFT, npl.Apart(), v_th=npl.Normal(-50 * mV, 1 * mV))),
    "refractory": ("10,000 refractory periods, each with a level of its own", lambda net, tick: plain(net, tick, "t_ref", GAIN, npl.Apart())),
    "taus": ("10,000 time constants, each with a level of its own (as many propagators)", lambda net, tick: plain(net, tick, "tau_m", GAIN, npl.Apart())),
    "field": ("10,000 thresholds, a field of 8,000 cubes", lambda net, tick: plain(net, tick, "v_th", SHIFT, FIELD)),
    "scale": ("the factor of 100,000 synapses, one for all", lambda net, tick: synapses(net, tick, scaled, "scale", GAIN)),
    "scales": ("the factors of 100,000 synapses, by target", lambda net, tick: synapses(net, tick, scaled, "scale", GAIN, npl.Apart())),
    "rule": ("the third factor of 100,000 synapses, one for all", lambda net, tick: synapses(net, tick, three_factor, "dopamine", npl.Becomes(0.8))),
    "channels": ("a conductance of 100 cells of 100 compartments", morphologies),
}


def spent(simulation: npl.Simulation) -> float:
    """Seconds of a span."""
    if simulation.network.modulators:
        simulation.modulators["da"].release(100 * nM)
    begun = thread_time()
    simulation.step(SPAN)
    return thread_time() - begun


def figures(case: str) -> dict[str, Any]:
    """µs of a tick of every step and of every millisecond, and µs of a step without."""
    simulations = []
    for tick in (None, 0.1 * ms, 1 * ms):
        net = npl.Network("modulated")
        CASES[case][1](net, tick)
        simulations.append(npl.Simulation(net, threads=1, record_spikes=False))
    spans = [[spent(s) for s in simulations] for _ in range(SPANS)]
    without, every, ms_apart = (1e6 * min(column) for column in zip(*spans[3:], strict=True))
    return {"step_us": without / SPAN, "every_step_us": (every - without) / SPAN, "every_ms_us": (ms_apart - without) / (SPAN // 10)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", choices=CASES, default=None, help="one measurement, as JSON")
    parser.add_argument("--before", type=Path, default=None, help="another checkout to measure")
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES), help="of these alone")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(figures(arguments.one)))
        return
    trees = {"now": ROOT} | ({"before": arguments.before} if arguments.before else {})
    raw: dict[str, Any] = {"machine": machine(), "runs": {}}
    for case in arguments.only:
        raw["runs"][case] = {name: measure(sys.executable, Path(__file__), "--one", case, tree=tree) for name, tree in trees.items()}
        print(case, raw["runs"][case], flush=True)
    write("modulators", page(raw), raw)


def page(raw: dict[str, Any]) -> str:
    """The page."""
    older = any("before" in run for run in raw["runs"].values())
    header = ["modulated", "µs per tick, at every step", "µs per tick, every ms", *(["before, at every step", "before, every ms"] if older else []), "µs of a step without"]
    rows = []
    for case, run in raw["runs"].items():
        now = run["now"]
        before = [f"{run['before'][key]:.0f}" if "before" in run else "" for key in ("every_step_us", "every_ms_us")] if older else []
        rows.append([CASES[case][0], f"**{now['every_step_us']:.1f}**", f"{now['every_ms_us']:.1f}", *before, f"{now['step_us']:.1f}"])
    text = f"""# Ticks of modulators

Networks of 10,000 neurons (or as many compartments), dt 0.1 ms, float32, one thread; the modulator's concentration changes at every tick.

    python benchmarks/modulators.py

{table(header, rows)}
A tick costs what a span of {SPAN} steps takes longer than without the modulator, over its ticks: processor time of the thread, the least of {SPANS - 3}
spans. It holds everything: the concentration, the effect, what follows from the parameter, and the end of a chunk of native code where the tick ends one
(parameters that are drawn for each synapse; none here).{" The columns before: the same script on the checkout in which every tick ended a chunk." if older else ""}

"""
    return text + footing(raw["machine"])


if __name__ == "__main__":
    main()
