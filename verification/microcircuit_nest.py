"""The cortical microcircuit of Potjans & Diesmann (2014) in NEST: the reference neuropil is measured against.

Runs in an environment of its own that has ``nest-simulator``, ``numpy`` and ``h5py`` (no neuropil):

    python verification/microcircuit_nest.py --seed 1 --time 3500 --threads 2 --out nest_seed1.h5

and writes every spike, plus how long building and simulating took. ``verification/microcircuit.py`` reads
the files of several seeds and compares them with neuropil's. Full scale needs 15 GB and, on two cores, two
minutes to build and two minutes per simulated second.
"""

from __future__ import annotations

import argparse
import json
import time

import h5py
import nest
import numpy as np

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
# Connection probability, [target, source] (Potjans & Diesmann 2014, table 5).
PROBABILITY = np.array(
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
EXTERNAL_INDEGREE = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
V0_MEAN = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])
V0_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])
NEURON = dict(C_m=250.0, tau_m=10.0, E_L=-65.0, V_th=-50.0, V_reset=-65.0, t_ref=2.0, tau_syn_ex=0.5, tau_syn_in=0.5)
WEIGHT_E, RELATIVE_G, BACKGROUND_HZ, DT = 87.8081, -4.0, 8.0, 0.1


def build(seed: int, threads: int):
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=threads, rng_seed=seed, overwrite_files=True, print_time=False)
    nest.set_verbosity("M_WARNING")
    populations = []
    for size, mean, sd in zip(SIZES, V0_MEAN, V0_SD, strict=True):
        pop = nest.Create("iaf_psc_exp", int(size), params=NEURON)
        pop.V_m = nest.random.normal(mean=mean, std=sd)
        populations.append(pop)
    for i, target in enumerate(populations):
        # NEST's wheel holds 2**27 connections per synapse model and thread: one copy per target population.
        model = f"static_to_{POPULATIONS[i]}"
        nest.CopyModel("static_synapse", model)
        for j, source in enumerate(populations):
            if PROBABILITY[i, j] == 0.0:
                continue
            total = np.log(1 - PROBABILITY[i, j]) / np.log(1 - 1 / (SIZES[i] * SIZES[j]))
            weight = WEIGHT_E * (1.0 if j % 2 == 0 else RELATIVE_G) * (2.0 if (i, j) == (0, 2) else 1.0)
            delay = 1.5 if j % 2 == 0 else 0.75
            bounds = dict(min=0.0, max=np.inf) if weight > 0 else dict(min=-np.inf, max=0.0)
            nest.Connect(
                source,
                target,
                dict(rule="fixed_total_number", N=int(np.round(total)), allow_autapses=True, allow_multapses=True),
                dict(
                    synapse_model=model,
                    weight=nest.math.redraw(nest.random.normal(weight, abs(weight) * 0.1), **bounds),
                    delay=nest.math.redraw(nest.random.normal(delay, delay * 0.5), min=DT / 2, max=np.inf),
                ),
            )
    for pop, indegree in zip(populations, EXTERNAL_INDEGREE, strict=True):
        drive = nest.Create("poisson_generator", params=dict(rate=BACKGROUND_HZ * float(indegree)))
        nest.Connect(drive, pop, syn_spec=dict(weight=WEIGHT_E, delay=1.5))
    recorder = nest.Create("spike_recorder")
    for pop in populations:
        nest.Connect(pop, recorder)
    return populations, recorder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time", type=float, default=3500.0, help="biological time, ms")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", default=None, help="HDF5 file for the spikes")
    args = parser.parse_args()

    start = time.perf_counter()
    populations, recorder = build(args.seed, args.threads)
    nest.Prepare()
    built = time.perf_counter()
    nest.Run(args.time)
    done = time.perf_counter()
    nest.Cleanup()

    events = recorder.get("events")
    first = np.array([pop[0].global_id for pop in populations])
    senders, times = np.asarray(events["senders"]), np.asarray(events["times"])
    summary = dict(
        simulator=f"NEST {nest.__version__}",
        seed=args.seed,
        threads=args.threads,
        biological_seconds=args.time / 1000,
        build_seconds=built - start,
        wall_seconds=done - built,
        real_time_factor=(done - built) / (args.time / 1000),
        synapses=int(nest.num_connections),
        spikes=int(senders.size),
    )
    if args.out:
        with h5py.File(args.out, "w") as file:
            file.attrs["summary"] = json.dumps(summary)
            for name, low, size in zip(POPULATIONS, first, SIZES, strict=True):
                mine = (senders >= low) & (senders < low + size)
                order = np.argsort(times[mine], kind="stable")
                group = file.create_group(f"spikes/{name}")
                group["node_ids"] = (senders[mine] - low)[order].astype(np.uint32)
                group["timestamps"] = times[mine][order]
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
