"""The plasticity benchmark in Brian2, compiled as C++ standalone.

    python benchmarks/peers/brian_plasticity.py --time 1000 --threads 1

The form of Brian2's own STDP example: traces of each synapse, event-driven. To keep the target's trace with the target, once
for all its synapses, gives the same spikes and was no faster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import stdp_network as net

NEURON = """
dv/dt = (e_l - v) / tau_m + (i_exc + i_inh) / c_m : volt (unless refractory)
di_exc/dt = -i_exc / tau_exc : amp
di_inh/dt = -i_inh / tau_inh : amp
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=float, default=1000.0, help="biological time that is measured, ms")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--static", action="store_true", help="without plasticity")
    parser.add_argument("--float32", action="store_true", help="single precision; Brian2's default is double")
    parser.add_argument("--weights", action="store_true", help="instead describe the weights that a faster rule makes")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
        figures = run(arguments, folder)
    print(json.dumps(figures))


def run(arguments: argparse.Namespace, folder: str) -> dict:
    """Compile and run."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin hold up each other where cores are shared
    import brian2 as b2
    import numpy as np

    start = time.perf_counter()
    if arguments.float32:
        b2.prefs.core.default_float_dtype = np.float32
    if arguments.threads > 1:
        b2.prefs.devices.cpp_standalone.openmp_threads = arguments.threads
    b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b2.defaultclock.dt = net.DT * b2.ms
    b2.seed(arguments.seed)
    random = np.random.default_rng(arguments.seed)
    strength = net.FASTER if arguments.weights else 1
    units = dict(c=b2.pF, t=b2.ms, v=b2.mV, e=b2.mV)
    names = {name: value * units[name[0]] for name, value in net.NEURON.items()}
    names |= dict(tau_plus=net.TAU_PLUS * b2.ms, tau_minus=net.TAU_MINUS * b2.ms)
    names |= dict(a_plus=strength * net.A_PLUS * b2.pA, a_minus=strength * net.A_MINUS * b2.pA, w_max=net.W_MAX * b2.pA)
    cells = b2.NeuronGroup(
        net.EXCITATORY + net.INHIBITORY, NEURON, threshold="v >= v_th", reset="v = v_reset",
        refractory=net.NEURON["t_ref"] * b2.ms, method="exact", namespace=names,
    )  # fmt: skip
    low, high = net.V_START
    cells.v = f"({low} + rand() * {high - low}) * mV"
    parts = cells[: net.EXCITATORY], cells[net.EXCITATORY :]
    # As many sources as make a binomial number a Poisson number to one part in 10⁴.
    drive = b2.PoissonInput(cells, "i_exc", 9000, net.DRIVE_RATE / 9000 * b2.Hz, net.DRIVE_WEIGHT * b2.pA)
    made = [
        connected(b2.Synapses(parts[0], parts[0], delay=net.DELAY * b2.ms, namespace=names, **rule(arguments)), net.FROM_EXCITATORY, random),
        connected(static(b2, parts[0], parts[1], "i_exc", net.WEIGHT), net.FROM_EXCITATORY, random),
        connected(static(b2, parts[1], cells, "i_inh", net.INHIBITION), net.FROM_INHIBITORY, random),
    ]
    made[0].w = net.WEIGHT * b2.pA if arguments.weights else "rand() * w_max"
    if not arguments.static:  # at one time, arrivals come before the target's own spike
        made[0].pre.order, made[0].post.order = -1, 1
    spikes = b2.SpikeMonitor(cells)
    network = b2.Network(cells, spikes, drive, *made)
    device = b2.get_device()
    if arguments.weights:
        network.run(net.LEARNT * b2.ms)
        device.build(directory=folder, run=True)
        target = np.asarray(made[0].j)
        chosen = target < net.SAMPLED
        rate = 1000 * spikes.num_spikes / net.LEARNT / len(cells)
        return {"rate_hz": float(rate), **net.described(np.asarray(made[0].w / b2.pA)[chosen], target[chosen])}
    network.run(net.SETTLE * b2.ms)
    device.insert_code("main", "const std::clock_t begun = std::clock();")
    network.run(arguments.time * b2.ms)
    device.insert_code("main", 'std::ofstream("processor_seconds.txt") << double(std::clock() - begun) / CLOCKS_PER_SEC;')
    device.build(directory=folder, run=True)
    whole = time.perf_counter() - start
    late = np.asarray(spikes.t / b2.ms) >= net.SETTLE
    index = np.asarray(spikes.i)[late]
    form = "static" if arguments.static else "plastic"
    return {
        "simulator": f"Brian2 {b2.__version__} cpp_standalone, {form}",
        "precision": "float32" if arguments.float32 else "float64",
        "threads": arguments.threads,
        "biological_seconds": arguments.time / 1000,
        # Without OpenMP, what Brian2 calls the time of the run is that of the processor too.
        "run_seconds": float(device._last_run_time) if arguments.threads > 1 else None,
        "processor_seconds": float((Path(folder) / "processor_seconds.txt").read_text()),
        "build_seconds": whole - float(device._last_run_time),
        "spikes": {"e": int(np.sum(index < net.EXCITATORY)), "i": int(np.sum(index >= net.EXCITATORY))},
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
    }


def rule(arguments: argparse.Namespace) -> dict:
    """The plastic synapses: what they hold and do."""
    if arguments.static:
        return dict(model="w : amp", on_pre="i_exc_post += w")
    return dict(
        model="w : amp\ndx/dt = -x / tau_plus : 1 (event-driven)\ndy/dt = -y / tau_minus : 1 (event-driven)",
        on_pre="i_exc_post += w; x += 1; w = clip(w - a_minus * y, 0 * amp, w_max)",
        on_post="y += 1; w = clip(w + a_plus * x, 0 * amp, w_max)",
    )


def static(b2, source, target, current: str, weight: float):  # type: ignore[no-untyped-def]
    """Synapses that share one weight."""
    return b2.Synapses(source, target, on_pre=f"{current}_post += {weight} * pA", delay=net.DELAY * b2.ms)


def connected(synapses, in_degree: int, random):  # type: ignore[no-untyped-def]
    """Every target gets as many synapses from sources drawn with replacement."""
    import numpy as np

    sources, targets = len(synapses.source), len(synapses.target)
    synapses.connect(i=random.integers(0, sources, in_degree * targets), j=np.repeat(np.arange(targets), in_degree))
    return synapses


if __name__ == "__main__":
    main()
