"""One run of the plasticity benchmark in neuropil, its figures as one JSON object.

python benchmarks/run_plasticity.py --time 1000 --threads 1
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from neuropil.engine import Simulation
from neuropil.maths import maximum, minimum
from neuropil.model import FixedInDegree, Network, Poisson, State, Step, Synapse, Uniform
from neuropil.units import Current, Hz, Time, ms, mV, pA, pF
from neuropil.zoo.neurons.lif import LIFExp

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import stdp_network as net


class PairSTDP(Synapse):
    """Additive, all spikes with all, between hard bounds."""

    tau_plus: Time = net.TAU_PLUS * ms
    tau_minus: Time = net.TAU_MINUS * ms
    a_plus: Current = net.A_PLUS * pA
    a_minus: Current = net.A_MINUS * pA
    w_max: Current = net.W_MAX * pA

    weight = State(0 * pA)
    x = State(0.0)
    y = State(0.0)

    def derivative(self, s, _):
        return dict(x=-s.x / self.tau_plus, y=-s.y / self.tau_minus)

    def arrive(self, s, w):
        return dict(x=s.x + 1.0, weight=maximum(w - self.a_minus * s.y, 0.0))

    def respond(self, s, w):
        return dict(y=s.y + 1.0, weight=minimum(w + self.a_plus * s.x, self.w_max))


class AfterDepression(PairSTDP):
    """A spike hands over the weight that it leaves behind, as in NEST."""

    def transmits(self, s, w):
        return maximum(w - self.a_minus * s.y, 0.0)


def network(synapse: Synapse | None, *, start_weight: Any = None, response_delay: float = 0.0, volley: bool = False) -> Network:
    """The network of `peers/stdp_network.py`; without a synapse model its weights are static."""
    made = Network("brunel stdp")
    p = net.NEURON
    units = dict(c=pF, t=ms, v=mV, e=mV)
    model = LIFExp(**{name: value * units[name[0]] for name, value in p.items()})
    start = {"v": Uniform(*(v * mV for v in net.V_START))}
    e = made.population("e", model, net.EXCITATORY, initial=start)
    i = made.population("i", model, net.INHIBITORY, initial=start)
    for cells in (e, i):
        made.stimulate(cells, Poisson(net.DRIVE_RATE * Hz), port="exc", weight=net.DRIVE_WEIGHT * pA)
    if volley:
        made.stimulate(e, Step(net.VOLLEY_CURRENT * pA, start=net.LEARNT * ms, stop=(net.LEARNT + net.DT) * ms), input="current")
    how = {"synapse": synapse, "response_delay": response_delay * ms} if synapse is not None else {}
    weight = Uniform(0 * pA, net.W_MAX * pA) if start_weight is None else start_weight
    rule, delay = FixedInDegree(net.FROM_EXCITATORY), net.DELAY * ms
    made.project(e, e, rule, weight=weight, delay=delay, port="exc", name="plastic", **how)
    made.project(e, i, rule, weight=net.WEIGHT * pA, delay=delay, port="exc")
    made.project(i, (e, i), FixedInDegree(net.FROM_INHIBITORY), weight=net.INHIBITION * pA, delay=delay, port="inh")
    return made


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=float, default=1000.0, help="biological time that is measured, ms")
    parser.add_argument("--repeat", type=int, default=1, help="spans of `time` run one after another, each timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--static", action="store_true", help="without plasticity")
    parser.add_argument("--weights", choices=CONVENTIONS, help="instead describe the weights that a faster rule makes, for a peer")
    arguments = parser.parse_args()
    print(json.dumps(weights(arguments) if arguments.weights else run(arguments)))


CONVENTIONS = ("brian", "nest", "nest, axonal delay")
"""Whose delays and order of events to take; with the last, NEST's but for the delay, the comparison must fail."""


def weights(arguments: argparse.Namespace) -> dict:
    """Learn fast and describe the weights."""
    nest = arguments.weights.startswith("nest")
    rule = (AfterDepression if nest else PairSTDP)(a_plus=net.FASTER * net.A_PLUS * pA, a_minus=net.FASTER * net.A_MINUS * pA)
    late = 2 * net.DELAY if arguments.weights == "nest" else 0.0
    made = network(rule, start_weight=net.WEIGHT * pA, response_delay=late, volley=nest)
    simulation = Simulation(made, threads=arguments.threads, seed=arguments.seed)
    result = simulation.run_until((net.LEARNT + (net.DT + net.DELAY if nest else 0.0)) * ms)
    spikes, found = result.spikes, simulation.synapses("plastic")
    at = spikes.step * net.DT
    chosen = found["target"] < net.SAMPLED
    if nest:
        chosen &= np.isin(found["source"], spikes.neuron[np.abs(at - net.LEARNT - net.DT) < net.DT / 2])
    rate = 1000 * np.sum(at <= net.LEARNT) / net.LEARNT / (net.EXCITATORY + net.INHIBITORY)
    return {"rate_hz": float(rate), **net.described(found["weight"][chosen], found["target"][chosen])}


def run(arguments: argparse.Namespace) -> dict:
    """Build and run."""
    simulation = Simulation(network(None if arguments.static else PairSTDP()), threads=arguments.threads, seed=arguments.seed)
    simulation.run_until(net.SETTLE * ms)
    spans = []
    for n in range(1, arguments.repeat + 1):
        events, wall, worked = simulation.core.events, simulation.wall_seconds, time.process_time()
        result = simulation.run_until((net.SETTLE + n * arguments.time) * ms)
        worked = time.process_time() - worked
        spans.append({"seconds": simulation.wall_seconds - wall, "processor_seconds": worked, "events": simulation.core.events - events})
    seconds = arguments.repeat * arguments.time / 1000
    late = result.spikes.step * net.DT > net.SETTLE
    excitatory = result.spikes.neuron[late] < net.EXCITATORY
    wall = sum(s["seconds"] for s in spans)
    return {
        "simulator": "neuropil, " + ("static" if arguments.static else "plastic"),
        "threads": arguments.threads,
        "biological_seconds": seconds,
        "build_seconds": simulation.build_seconds,
        "run_seconds": wall,
        "processor_seconds": sum(s["processor_seconds"] for s in spans),
        "spans": spans,
        "events": sum(s["events"] for s in spans),
        "phases": result.summary["phases"],
        "spikes": {"e": int(excitatory.sum()), "i": int((~excitatory).sum())},
        "peak_memory_bytes": result.summary["peak_memory_bytes"],
    }


if __name__ == "__main__":
    main()
