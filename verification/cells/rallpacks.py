"""Rallpacks 1, 2 and 3: descriptions, exact solutions, measures of error, and the numerical reference of the third.

    python verification/cells/rallpacks.py check --neuron-python PATH       # NEURON against the exact solutions
    python verification/cells/rallpacks.py reference --neuron-python PATH   # writes tests/published/rallpack3.npz

Bhalla US, Bilitch DH, Bower JM (1992). Rallpacks: a set of benchmarks for neuronal simulators. Trends in Neurosciences
15(11): 453-458; constants from the suite's own README files (distributed with GENESIS 2).

All three: R_M 4 Ω m², R_A 1 Ω m, C_M 0.01 F/m² (τ = 40 ms), E = -65 mV, 0.1 nA into the first compartment from t = 0, 250 ms.

1. A uniform cable, 1 mm long, 1 µm thick (one length constant), 1000 compartments; v at both ends.
2. A binary tree of ten levels, one compartment per branch (1023): the root is 32 µm by 16 µm; from level to level the
   diameter falls by 2^(2/3) and the length by 2^(1/3), so that each branch is 0.008 length constants; v at root and tip.
3. The first cable with Hodgkin and Huxley's squid channels at 6.3 °C: 120 and 36 mS/cm², E_Na 50, E_K -77 mV; leak as above.

The exact solution of the first
-------------------------------
With X = x/λ, T = t/τ, the voltage V above rest of a cable sealed at 0 and L obeys V_T = V_XX - V, with
V_X(0) = -I r, V_X(L) = 0, V = 0 at T = 0, and r = r_a λ, the input resistance of the half-infinite cable
(r_a = 4 R_A / (π d²) per length, λ = sqrt(d R_M / (4 R_A))).

The steady state satisfies V'' = V with these ends: V_s = I r cosh(L - X) / sinh(L).
V - V_s obeys the same equation with sealed ends and starts at -V_s. Sealed ends have the modes cos(nπX/L), which decay as
exp(-(1 + k_n²) T), k_n = nπ/L. The cosine series of cosh(L - X)/sinh(L) on [0, L] has the coefficients 1/L and
(2/L) / (1 + k_n²), by parts twice. Hence

    V(X, T) = I r { cosh(L - X)/sinh(L) - (e^-T / L) [1 + 2 Σ_n cos(k_n X) e^(-k_n² T) / (1 + k_n²)] }.

The sum is cut where k_n² T > 45; at T = 0 the voltage is 0 by the initial condition.

The second is the first
-----------------------
Where d^(3/2) of the mother equals the sum over the daughters, all tips lie at one electrotonic distance and the current enters
at the root, the tree is a cylinder of the root's diameter (Rall 1962): 16 µm thick, λ = 4 mm, 320 µm = 0.08 λ long. A point
of the tree has the voltage of the cylinder at its electrotonic distance.

Errors
------
``normalised_rms`` is the suite's own measure for smooth curves: the root of the mean square difference over the range
of both. For spikes the suite compares intervals, heights and shapes, each spike scaled in time onto the other, and adds the
three up. The program that does it (``srms.c``) was not at hand; ``spike_errors`` follows that description with definitions
of its own.

What the suite's authors published for NEURON 2.43 (Crank-Nicolson) against the same references, in per cent, at a step of 50 µs
and at the smallest step: Rallpack 1: 0.03 and 0.02; Rallpack 2: 0.027 and 0.017; Rallpack 3: 3.5 and 1.1 (NEURON.report in
rallpack 1.1). The suite sets no threshold of its own, and those of other simulators' validations were not found. So the tolerances
proposed here, in ``TOLERANCES``, are those published errors at 50 µs: of the normalised rms for the first two, of the sum of
``spike_errors`` for the third.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "tests" / "published" / "rallpack3.npz"
R_M, R_A, C_M = 4.0, 1.0, 0.01  # SI
REST, CURRENT, STOP = -65.0, 0.1, 250.0  # mV, nA, ms
LEVELS = 10
TOLERANCES = {1: 3e-4, 2: 2.7e-4, 3: 3.5e-2}


# --- exact ---------------------------------------------------------------------------------------------------------------


def cable_voltage(x: float, t: np.ndarray, length: float, diameter: float) -> np.ndarray:
    """Membrane potential (mV) at x (m) of a sealed passive cable into whose end at 0 flows CURRENT from t = 0 (ms)."""
    constant = math.sqrt(diameter * R_M / (4 * R_A))
    big_l, big_x = length / constant, x / constant
    resistance = 4 * R_A / (math.pi * diameter**2) * constant
    steady = math.cosh(big_l - big_x) / math.sinh(big_l)
    big_t = np.asarray(t, float) / (1e3 * R_M * C_M)
    late = big_t > 0
    modes = math.ceil(big_l / math.pi * math.sqrt(45 / big_t[late].min())) if late.any() else 0
    k2 = (np.arange(1, modes + 1) * math.pi / big_l) ** 2
    weights = 2 * np.cos(np.sqrt(k2) * big_x) / (1 + k2)
    fading = np.array([weights @ np.exp(-k2 * one) for one in big_t[late]])
    v = np.zeros(len(big_t))
    v[late] = CURRENT * 1e-9 * resistance * 1e3 * (steady - np.exp(-big_t[late]) / big_l * (1 + fading))
    return REST + v


def rallpack1(t: np.ndarray, compartments: int = 1000) -> np.ndarray:
    """(2, len(t)) v (mV) in the middles of the first and last of so many compartments."""
    half = 0.5e-3 / compartments
    return np.array([cable_voltage(x, t, 1e-3, 1e-6) for x in (half, 1e-3 - half)])


def rallpack2(t: np.ndarray) -> np.ndarray:
    """(2, len(t)) v (mV) in the middles of the root and of a tip."""
    branch = 320e-6 / LEVELS
    return np.array([cable_voltage(x, t, 320e-6, 16e-6) for x in (branch / 2, 320e-6 - branch / 2)])


# --- descriptions for neuron_reference.py -----------------------------------------------------------------------------------


def description(pack: int, dt: float, compartments: int = 1000, stop: float = STOP) -> dict:
    """A rallpack as ``neuron_reference.py`` reads it; v is recorded at the two ends."""
    leak = 1e-4 / R_M  # S/cm2
    common = {"ra": R_A * 100, "cm": C_M * 100}
    if pack == 2:
        sections = [{**common, **branch, "mechanisms": {"pas": {"g": leak, "e": REST}}} for branch in tree()]
        ends = [(0, 0.5), (len(sections) - 1, 0.5)]
    else:
        cable = {**common, "points": [[0, 0, 0, 1], [1000, 0, 0, 1]], "parent": None, "nseg": compartments}
        if pack == 1:
            cable["mechanisms"] = {"pas": {"g": leak, "e": REST}}
        else:
            cable["mechanisms"] = {"hh": {"gnabar": 0.12, "gkbar": 0.036, "gl": leak, "el": REST}}
            cable["ions"] = {"ena": 50.0, "ek": -77.0}
        sections = [cable]
        ends = [(0, 0.5 / compartments), (0, 1 - 0.5 / compartments)]
    clamp = {"delay": 0.0, "dur": 1e9, "amp": CURRENT}
    first = {"section": ends[0][0], "x": ends[0][1]}
    return {
        "celsius": 6.3, "dt": dt, "stop": stop, "v_init": REST, "sections": sections,
        "point_processes": [{"kind": "IClamp", **first, "parameters": clamp}],
        "record": [{"section": s, "x": x} for s, x in ends],
    }  # fmt: skip


def tree() -> list[dict]:
    """The branches of Rallpack 2, level by level, each a straight piece of its own."""
    branches: list[dict] = []
    for level in range(LEVELS):
        length, diameter = 32 / 2 ** (level / 3), 16 / 2 ** (2 * level / 3)
        for n in range(2**level):
            points = [[0, 0, 0, diameter], [length, 0, 0, diameter]]
            parent = None if level == 0 else 2 ** (level - 1) - 1 + n // 2
            branches.append({"points": points, "parent": parent, "nseg": 1})
    return branches


# --- errors --------------------------------------------------------------------------------------------------------------


def normalised_rms(v: np.ndarray, reference: np.ndarray) -> float:
    """Root of the mean square difference over the range of both."""
    span = max(v.max(), reference.max()) - min(v.min(), reference.min())
    return float(np.sqrt(np.mean((v - reference) ** 2)) / span)


def crossings(t: np.ndarray, v: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """Times (ms) at which v passes the threshold upwards, on the straight line between two samples."""
    k = np.flatnonzero((v[:-1] < threshold) & (v[1:] >= threshold))
    return t[k] + (threshold - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])


def extremes(t: np.ndarray, v: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """(2, intervals) highest and lowest v between one mark and the next."""
    pieces = [v[(t >= a) & (t < b)] for a, b in itertools.pairwise(marks)]
    return np.array([[piece.max() for piece in pieces], [piece.min() for piece in pieces]])


def spike_errors(t: np.ndarray, v: np.ndarray, reference: dict[str, np.ndarray]) -> dict[str, float]:
    """A train of spikes against a reference (``t``, ``v``, ``spikes``, ``heights`` of one end), relative unless said.

    ``missing`` spikes (negative: too many); ``lag``, the largest, ms; ``interval``, rms over the mean; ``height``, rms
    difference of highest and lowest v of each interval, and ``shape``, rms difference with each interval stretched onto the
    reference's, both over the range of v; ``sum`` of these three. The first interval starts at t = 0; spikes are counted where
    v passes 0 mV upwards, as many as both have.
    """
    own = crossings(t, v)
    n = min(len(own), len(reference["spikes"]))
    marks, theirs = np.append(0.0, own[:n]), np.append(0.0, reference["spikes"][:n])
    intervals = np.diff(theirs)
    interval = np.sqrt(np.mean((np.diff(marks) - intervals) ** 2)) / intervals.mean()
    span = np.ptp(reference["heights"])
    height = np.sqrt(np.mean((extremes(t, v, marks) - reference["heights"][:, :n]) ** 2)) / span
    within = reference["t"] < theirs[-1]
    stretched = np.interp(np.interp(reference["t"][within], theirs, marks), t, v)
    shape = np.sqrt(np.mean((stretched - reference["v"][within]) ** 2)) / span
    return {
        "missing": len(reference["spikes"]) - len(own),
        "lag": float(np.abs(marks - theirs).max()),
        "interval": float(interval),
        "height": float(height),
        "shape": float(shape),
        "sum": float(interval + height + shape),
    }


def rallpack3() -> list[dict[str, np.ndarray]]:
    """The stored reference, at the first and the last compartment, as ``spike_errors`` takes it."""
    with np.load(REFERENCE) as stored:
        return [
            {"t": stored["t"], "v": stored["v"][k], "spikes": stored[f"spikes_{k}"], "heights": stored[f"heights_{k}"]}
            for k in (0, 1)
        ]


# --- the command line -----------------------------------------------------------------------------------------------------


def in_neuron(python: str, cell: dict) -> dict[str, np.ndarray]:
    """Run a description by ``neuron_reference.py`` in another interpreter."""
    script = Path(__file__).with_name("neuron_reference.py")
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "cell.json", Path(folder) / "out.npz"
        given.write_text(json.dumps(cell))
        subprocess.run([python, str(script), str(given), str(made)], check=True, capture_output=True)
        with np.load(made) as arrays:
            return {name: arrays[name] for name in arrays.files}


def check(python: str) -> None:
    """NEURON's error in each rallpack, at several steps."""
    print("| rallpack | compartments | dt (ms) | normalised rms, first | last | largest error (mV), first | last |")
    print("|---|---|---|---|---|---|---|")
    for pack, dt, compartments in [
        *((1, dt, 1000) for dt in (0.1, 0.05, 0.025, 0.01)), (1, 0.025, 100), (2, 0.05, 1023), (2, 0.025, 1023), (2, 0.01, 1023),
    ]:  # fmt: skip
        made = in_neuron(python, description(pack, dt, compartments))
        exact = rallpack1(made["t"], compartments) if pack == 1 else rallpack2(made["t"])
        rms = [normalised_rms(v, e) for v, e in zip(made["v"], exact, strict=True)]
        worst = np.abs(made["v"] - exact).max(axis=1)
        print(f"| {pack} | {compartments} | {dt} | {rms[0]:.2e} | {rms[1]:.2e} | {worst[0]:.4f} | {worst[1]:.4f} |")
    names = ["missing", "lag", "interval", "height", "shape", "sum"]
    print("\n| rallpack 3, scheme | dt (ms) | end | " + " | ".join(names) + " |\n|" + "---|" * 9)
    for order, scheme in ((0, "backward Euler"), (2, "Crank-Nicolson")):
        for dt in (0.05, 0.025, 0.01, 0.005):
            made = in_neuron(python, {**description(3, dt), "second_order": order})
            for end, v, reference in zip(("first", "last"), made["v"], rallpack3(), strict=True):
                e = spike_errors(made["t"], v, reference)
                print(f"| {scheme} | {dt} | {end} | " + " | ".join(f"{e[name]:.3g}" for name in names) + " |")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "reference"])
    parser.add_argument("--neuron-python", required=True, help="interpreter of an environment with NEURON")
    arguments = parser.parse_args()
    if arguments.what == "check":
        check(arguments.neuron_python)
    else:
        script = Path(__file__).with_name("rallpack3_neuron.py")
        subprocess.run([arguments.neuron_python, str(script), str(REFERENCE)], check=True)


if __name__ == "__main__":
    main()
