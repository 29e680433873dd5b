"""One run of the plasticity benchmark in neuropil, its figures as one JSON object.

python benchmarks/run_plasticity.py --time 1000 --threads 1
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from neuropil.engine import Simulation
from neuropil.maths import maximum, minimum
from neuropil.model import FixedInDegree, Network, Poisson, State, Synapse, Uniform
from neuropil.units import Current, Hz, Time, mV, ms, pA, pF
from neuropil.zoo.neurons.lif import LIFExp

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import stdp_network as net  # noqa: E402


class PairSTDP(Synapse):
    """Additive, all spikes with all, between hard bounds."""

    tau_plus: Time = net.TAU_PLUS * ms
    tau_minus: Time = net.TAU_MINUS * ms
    a_plus: Current = net.A_PLUS * pA
    a_minus: Current = net.A_MINUS * pA
    w_max: Current = net.W_MAX * pA

    weight = State(0 * pA)
    pre = State(0.0)
    post = State(0.0)

    def derivative(self, s, x):
        return dict(pre=-s.pre / self.tau_plus, post=-s.post / self.tau_minus)

    def arrive(self, s, w):
        return dict(pre=s.pre + 1.0, weight=maximum(w - self.a_minus * s.post, 0.0))

    def respond(self, s, w):
        return dict(post=s.post + 1.0, weight=minimum(w + self.a_plus * s.pre, self.w_max))


def network(plastic: bool) -> Network:
    """The network of `peers/stdp_network.py`."""
    made = Network("brunel stdp")
    p = net.NEURON
    units = dict(c=pF, t=ms, v=mV, e=mV)
    model = LIFExp(**{name: value * units[name[0]] for name, value in p.items()})
    start = {"v": Uniform(*(v * mV for v in net.V_START))}
    e = made.population("e", model, net.EXCITATORY, initial=start)
    i = made.population("i", model, net.INHIBITORY, initial=start)
    for cells in (e, i):
        made.stimulate(cells, Poisson(net.DRIVE_RATE * Hz), port="exc", weight=net.DRIVE_WEIGHT * pA)
    how = {"synapse": PairSTDP()} if plastic else {}
    rule, delay = FixedInDegree(net.FROM_EXCITATORY), net.DELAY * ms
    made.project(e, e, rule, weight=Uniform(0 * pA, net.W_MAX * pA), delay=delay, port="exc", name="plastic", **how)
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
    parser.add_argument("--weights", action="store_true", help="describe the weights as well")
    print(json.dumps(run(parser.parse_args())))


def run(arguments: argparse.Namespace) -> dict:
    """Build and run."""
    simulation = Simulation(network(not arguments.static), threads=arguments.threads, seed=arguments.seed)
    simulation.run(net.SETTLE * ms)
    spans = []
    for n in range(1, arguments.repeat + 1):
        events, wall = simulation.core.events, simulation.wall_seconds
        result = simulation.run((net.SETTLE + n * arguments.time) * ms)
        spans.append({"seconds": simulation.wall_seconds - wall, "events": simulation.core.events - events})
    seconds = arguments.repeat * arguments.time / 1000
    late = result.spikes.step * net.DT > net.SETTLE
    excitatory = result.spikes.neuron[late] < net.EXCITATORY
    found = {}
    if arguments.weights:
        synapses = simulation.synapses("plastic")
        chosen = synapses["post"] < net.SAMPLED
        found["weights"] = net.described(synapses["weight"][chosen], synapses["post"][chosen])
    wall = sum(s["seconds"] for s in spans)
    return {
        "simulator": "neuropil, " + ("static" if arguments.static else "plastic"),
        "threads": arguments.threads,
        "biological_seconds": seconds,
        "build_seconds": simulation.build_seconds,
        "run_seconds": wall,
        "spans": spans,
        "events": sum(s["events"] for s in spans),
        "phases": result.summary["phases"],
        "spikes": {"e": int(excitatory.sum()), "i": int((~excitatory).sum())},
        "peak_memory_bytes": result.summary["peak_memory_bytes"],
        **found,
    }


if __name__ == "__main__":
    main()
