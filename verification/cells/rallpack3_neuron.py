"""The numerical reference of Rallpack 3: NEURON's variable step (CVODE) at a tight tolerance, written as a small archive.

    NEURONPATH/bin/python verification/cells/rallpack3_neuron.py tests/published/rallpack3.npz

1000 compartments as the suite says, hh without its table, absolute tolerance 1e-9 (of mV and of gates). The archive keeps v at both
ends every 0.25 ms, the times at which each end passes 0 mV upwards (``spikes_0``, ``spikes_1``) and the highest and lowest v of
each interval, the first from t = 0 (``heights_0``, ``heights_1``). It also says how sure these are, as the largest change of
a spike time (ms) and of v (mV) when the tolerance is 100 times looser (``time_*``), and when the compartments are 2000 instead
of 1000 (``space_*``: the distance from the cable itself is a third of it, errors falling by four).
"""

from __future__ import annotations

import sys

import numpy as np
from neuron import h
from rallpacks import crossings, description, extremes

FINE, KEPT = 0.005, 50  # ms; every 50th sample is stored


def solve(compartments: int, tolerance: float) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Times, v at the two ends on the fine grid, and the crossings of 0 mV."""
    cell = description(3, FINE, compartments)
    h.load_file("stdrun.hoc")
    h.usetable_hh, h.celsius = 0, cell["celsius"]
    part = cell["sections"][0]
    axon = h.Section(name="axon")
    for point in part["points"]:
        axon.pt3dadd(*point)
    axon.nseg, axon.Ra, axon.cm = compartments, part["ra"], part["cm"]
    axon.insert("hh")
    for name, value in part["mechanisms"]["hh"].items():
        setattr(axon, f"{name}_hh", value)
    axon.ena, axon.ek = part["ions"]["ena"], part["ions"]["ek"]
    clamp = h.IClamp(axon(cell["point_processes"][0]["x"]))
    clamp.delay, clamp.dur, clamp.amp = 0.0, 1e9, cell["point_processes"][0]["parameters"]["amp"]
    traces = [h.Vector().record(axon(place["x"])._ref_v, FINE) for place in cell["record"]]
    solver = h.CVode()
    solver.active(True)
    solver.atol(tolerance)
    h.finitialize(cell["v_init"])
    solver.solve(cell["stop"])
    v = np.array([np.array(trace) for trace in traces])
    t = FINE * np.arange(v.shape[1])
    return t, v, [crossings(t, one) for one in v]


def main() -> None:
    """Solve three times and write."""
    t, v, spikes = solve(1000, 1e-9)
    errors = {}
    for name, compartments, tolerance in (("time", 1000, 1e-7), ("space", 2000, 1e-9)):
        _, other, times = solve(compartments, tolerance)
        errors[f"{name}_spikes"] = np.max([np.abs(a - b).max() for a, b in zip(spikes, times, strict=True)])
        errors[f"{name}_v"] = np.abs(other - v).max()
    kept = {"t": t[::KEPT], "v": v[:, ::KEPT]}
    for k in (0, 1):
        kept |= {f"spikes_{k}": spikes[k], f"heights_{k}": extremes(t, v[k], np.append(0.0, spikes[k]))}
    np.savez_compressed(sys.argv[1], **kept, **errors)
    print({name: float(value) for name, value in errors.items()}, [len(s) for s in spikes])


if __name__ == "__main__":
    main()
