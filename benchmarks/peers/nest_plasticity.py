"""The plasticity benchmark in NEST (`stdp_synapse_hom`, the variant whose synapses share the rule's constants).

    python benchmarks/peers/nest_plasticity.py --time 1000 --threads 1

NEST counts a delay as dendritic: an arriving spike meets those of the target that are older than the delay. A spike
hands over the weight after its own depression.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import time

import stdp_network as net


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=float, default=1000.0, help="biological time that is measured, ms")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="stdp_synapse_hom", help="of the plastic synapses; `static_synapse` without plasticity")
    parser.add_argument("--weights", action="store_true", help="instead describe the weights that a faster rule makes")
    arguments = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        figures = run(arguments)
    print(json.dumps(figures))


def run(arguments: argparse.Namespace) -> dict:
    """Build and run."""
    import nest
    import numpy as np

    nest.ResetKernel()
    nest.set(resolution=net.DT, local_num_threads=arguments.threads, rng_seed=arguments.seed, print_time=False)
    nest.verbosity = nest.VerbosityLevel.ERROR
    start = time.perf_counter()
    p = net.NEURON
    neuron = dict(
        C_m=p["c_m"], tau_m=p["tau_m"], E_L=p["e_l"], V_th=p["v_th"], V_reset=p["v_reset"], t_ref=p["t_ref"],
        tau_syn_ex=p["tau_exc"], tau_syn_in=p["tau_inh"], tau_minus=net.TAU_MINUS,
    )  # fmt: skip
    exc = nest.Create("iaf_psc_exp", net.EXCITATORY, params=neuron)
    inh = nest.Create("iaf_psc_exp", net.INHIBITORY, params=neuron)
    drive = nest.Create("poisson_generator", params={"rate": net.DRIVE_RATE})
    recorder = nest.Create("spike_recorder")
    for cells in (exc, inh):
        cells.V_m = nest.random.uniform(*net.V_START)
        nest.Connect(drive, cells, syn_spec={"weight": net.DRIVE_WEIGHT, "delay": net.DT})
        nest.Connect(cells, recorder)
    rule = {"rule": "fixed_indegree", "indegree": net.FROM_EXCITATORY}
    nest.Connect(exc, exc, rule, plastic(nest, arguments))
    nest.Connect(exc, inh, rule, {"weight": net.WEIGHT, "delay": net.DELAY})
    nest.Connect(inh, exc + inh, {"rule": "fixed_indegree", "indegree": net.FROM_INHIBITORY}, {"weight": net.INHIBITION, "delay": net.DELAY})
    if arguments.weights:
        return weights(nest, exc, recorder)
    nest.Prepare()
    built = time.perf_counter() - start
    nest.Run(net.SETTLE)
    begun, worked = time.perf_counter(), time.process_time()
    nest.Run(arguments.time)
    wall, worked = time.perf_counter() - begun, time.process_time() - worked
    events = recorder.get("events")
    sender = np.asarray(events["senders"])[np.asarray(events["times"]) > net.SETTLE]
    return {
        "simulator": f"NEST {nest.__version__}, {arguments.model}",
        "threads": arguments.threads,
        "biological_seconds": arguments.time / 1000,
        "build_seconds": built,
        "run_seconds": wall,
        "processor_seconds": worked,
        "spikes": {"e": int(np.sum(sender <= net.EXCITATORY)), "i": int(np.sum(sender > net.EXCITATORY))},
        "peak_memory_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def weights(nest, exc, recorder) -> dict:  # type: ignore[no-untyped-def]
    """Learn, let a volley bring the weights up to date, and describe those of the sources that took part in it."""
    import numpy as np

    shock = nest.Create("dc_generator", params={"amplitude": net.VOLLEY_CURRENT, "start": net.LEARNT - net.DT, "stop": net.LEARNT})
    nest.Connect(shock, exc, syn_spec={"delay": net.DT})
    nest.Simulate(net.LEARNT + 3 * net.DT)
    events = recorder.get("events")
    took_part = np.asarray(events["senders"])[np.abs(np.asarray(events["times"]) - net.LEARNT - net.DT) < net.DT / 2]
    found = nest.GetConnections(target=exc[: net.SAMPLED], synapse_model="plastic").get(["weight", "target", "source"])
    chosen = np.isin(found["source"], took_part)
    rate = 1000 * np.sum(np.asarray(events["times"]) <= net.LEARNT) / net.LEARNT / (net.EXCITATORY + net.INHIBITORY)
    return {"rate_hz": float(rate), **net.described(np.asarray(found["weight"])[chosen], np.asarray(found["target"])[chosen])}


def plastic(nest, arguments: argparse.Namespace) -> dict:  # type: ignore[no-untyped-def]
    """How the plastic synapses are made."""
    if arguments.model == "static_synapse":
        nest.CopyModel(arguments.model, "plastic")
    else:
        # A change is λ·Wmax, or α·λ·Wmax, times the trace; exponents of 0 make it independent of the weight.
        constants = dict(
            tau_plus=net.TAU_PLUS, Wmax=net.W_MAX, mu_plus=0.0, mu_minus=0.0, alpha=net.A_MINUS / net.A_PLUS,
        )  # fmt: skip
        constants["lambda"] = net.A_PLUS / net.W_MAX * (net.FASTER if arguments.weights else 1)
        nest.CopyModel(arguments.model, "plastic", constants)
    start = net.WEIGHT if arguments.weights else nest.random.uniform(0.0, net.W_MAX)
    return {"synapse_model": "plastic", "weight": start, "delay": net.DELAY}


if __name__ == "__main__":
    main()
