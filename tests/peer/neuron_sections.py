"""NEURON's side of the comparison of sections with their own numbers; runs where NEURON is, without neuropil.

Prints, as the last line, a JSON object: "v" [locations][samples] (mV, every 20th step of 0.025 ms, 100 ms) and "spikes" (ms).
"""

from __future__ import annotations

import json

SECTIONS = (  # name, L, diameter, nseg, cm, Ra, mechanism, parent, at
    ("soma", 20, 20, 1, 1.0, 100, "hh", None, 0),
    ("axon", 400, 1, 7, 0.8, 80, "hh", "soma", 0),
    ("trunk", 300, 3, 5, 1.5, 150, "pas", "soma", 1),
    ("left", 200, 1, 3, 2.0, 200, "pas", "trunk", 1),
    ("right", 150, 1.5, 4, 1.0, 120, "hh", "trunk", 1),
    ("twig", 60, 0.8, 2, 1.0, 100, "pas", "trunk", 0.5),
)
LOCATIONS = (
    ("soma", 0.5), ("soma", 0), ("soma", 1), ("axon", 0), ("axon", 1), ("trunk", 1), ("left", 0), ("left", 0.5), ("left", 1), ("right", 1), ("twig", 0),
    ("twig", 1),
)  # fmt: skip
CURRENTS = (("axon", 1, 5, 60, 0.1), ("right", 1, 20, 30, 0.05), ("soma", 0.5, 50, 45, 0.5))  # section, x, delay, dur, nA
CLAMP = ("left", 1, 40, -75, 50)  # section, x, dur, mV, MΩ
DETECT = ("axon", 1, -20)


def main() -> None:
    """Build, run for 100 ms, print."""
    from neuron import h

    h.load_file("stdrun.hoc")
    made = {}
    for name, length, diameter, nseg, cm, ra, mechanism, parent, at in SECTIONS:
        made[name] = s = h.Section(name=name)
        s.L, s.diam, s.nseg, s.cm, s.Ra = length, diameter, nseg, cm, ra
        s.insert(mechanism)
        if mechanism == "pas":
            s.g_pas, s.e_pas = 1e-4, -65
        if parent:
            s.connect(made[parent](at))
    h.usetable_hh = 0
    h.celsius, h.dt = 6.3, 0.025
    clamps = []
    for name, x, delay, duration, amplitude in CURRENTS:
        clamp = h.IClamp(made[name](x))
        clamp.delay, clamp.dur, clamp.amp = delay, duration, amplitude
        clamps.append(clamp)
    name, x, duration, command, resistance = CLAMP
    hold = h.SEClamp(made[name](x))
    hold.dur1, hold.amp1, hold.rs = duration, command, resistance
    times = h.Vector()
    detector = h.NetCon(made[DETECT[0]](DETECT[1])._ref_v, None, sec=made[DETECT[0]])
    detector.threshold = DETECT[2]
    detector.record(times)
    h.finitialize(-65)
    rows = []
    for step in range(1, 4001):
        h.fadvance()
        if step % 20 == 0:
            rows.append([made[n](x).v for n, x in LOCATIONS])
    print("\n" + json.dumps({"v": [list(column) for column in zip(*rows, strict=True)], "spikes": list(times)}))


if __name__ == "__main__":
    main()
