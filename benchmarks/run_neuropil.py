"""One run of a circuit in neuropil, its figures as one JSON object: the neuropil side of every benchmark.

python benchmarks/run_neuropil.py microcircuit --time 10000 --scale 1 --threads 2
"""

from __future__ import annotations

import argparse
import json
import time

START = time.perf_counter()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("circuit", help="of the zoo, or `uncoupled` for LIF neurons without synapses")
    parser.add_argument("--time", type=float, default=1000.0, help="biological time, ms")
    parser.add_argument("--scale", type=float, default=1.0, help="of the circuit; number of neurons for `uncoupled`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=1, help="spans of `time` run one after another, each timed")
    arguments = parser.parse_args()
    print(json.dumps(figures(arguments)))


def figures(arguments: argparse.Namespace) -> dict:
    """Build and run."""
    from neuropil.engine import Simulation
    from neuropil.units import ms

    simulation = Simulation(
        network(arguments.circuit, arguments.scale),
        seed=arguments.seed, threads=arguments.threads, precision=arguments.precision,
    )  # fmt: skip
    walls = []
    for n in range(arguments.repeat):
        before = simulation.wall_seconds
        result = simulation.run_until((n + 1) * arguments.time * ms)
        walls.append(simulation.wall_seconds - before)
    groups = simulation.plan.groups
    work = sum(g.size * g.program.flops for g in groups) / simulation.network.size
    return {
        **result.to_json(),
        "walls": walls,
        "flops_per_neuron_step": work,
        "bytes_per_neuron_step": sum(g.size * traffic(g, simulation.plan) for g in groups) / simulation.network.size,
        "seconds_since_start": time.perf_counter() - START,
    }


def traffic(group, plan) -> int:  # type: ignore[no-untyped-def]
    """Bytes of a neuron that its update reads and writes: states, refractory count, accumulators, Poisson counts, flag."""
    number = 4 if plan.precision == "float32" else 8
    accumulator = 4 if plan.word().itemsize == 4 else 8
    variant = group.program.variant
    states = number * (len(group.program.states) + len(group.program.changing))
    return states + 2 * group.program.refractory + 2 * accumulator * len(variant.wired) + len(variant.counted) + 1


def network(circuit: str, scale: float):  # type: ignore[no-untyped-def]
    """A circuit of the zoo, or as many uncoupled neurons, kept just below threshold by a constant current."""
    if circuit != "uncoupled":
        from neuropil.zoo import registry

        return registry.circuit(circuit)(scale=scale)
    from neuropil.model import Network, Uniform
    from neuropil.units import mV, pA
    from neuropil.zoo.neurons.lif import LIFExp

    net = Network("uncoupled")
    net.population("cells", LIFExp(i_e=370 * pA), int(scale), initial={"v": Uniform(-65 * mV, -50 * mV)})
    return net


if __name__ == "__main__":
    main()
