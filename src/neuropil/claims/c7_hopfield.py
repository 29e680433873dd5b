"""C7: Hopfield networks store patterns as minima of an energy.

N = 1000 neurons of ±1 store P = alpha N random patterns by Hebb's rule; starting on a pattern, neurons are visited one by one
in a random order and flip where they disagree with their field, until none does. Each flip lowers the energy:

    W_ij = (1/N) sum_mu xi_i xi_j,  W_ii = 0;     h = W s;     E = -s·W s / 2;     m = xi·s / N at rest

The mean-field theory at zero temperature gives the overlap of the retrieval state, for alpha below 0.138:

    y (sqrt(2 alpha) + (2 / sqrt(pi)) exp(-y²)) = erf(y),    m = erf(y)

Hopfield (1982) PNAS 79:2554 (about 0.15 N); Amit, Gutfreund & Sompolinsky (1985) Phys. Rev. Lett. 55:1530 (0.138 N). A network
of a thousand neurons smooths the transition, and even in theory no pattern is left at overlap zero above it.

Args:
    w: [neurons, neurons], couplings.
    load: patterns per neuron; loads: several.
    overlaps: one for each load; level: where they are crossed.
    seed: of the random numbers.
    neurons: size of the network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import erf

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels

NEURONS, RECALLED = 1000, 20  # patterns recalled of each network
SIZES, SIZE_LOADS = (250, 500, 2000), (0.14, 0.16, 0.18, 0.22, 0.30)  # of the control
LOADS = (0.05, 0.08, 0.10, 0.12, 0.13, 0.135, 0.14, 0.145, 0.15, 0.16, 0.18, 0.20)
QUICK_LOADS = (0.05, 0.12, 0.14, 0.20)
LEAST_OVERLAP, SAFE_LOAD, HALF, TRANSITION = 0.95, 0.12, 0.5, (0.135, 0.16)
CUE_NOISE = 0.1  # of the neurons flipped, where a damaged pattern is the cue


def hebb(patterns: NDArray[Any]) -> NDArray[np.float64]:
    """The couplings [neurons, neurons] that store patterns [patterns, neurons] of ±1."""
    w = patterns.T @ patterns / patterns.shape[1]
    np.fill_diagonal(w, 0.0)
    return w


def energy(w: NDArray[Any], s: NDArray[Any]) -> NDArray[np.float64]:
    """-s·W s / 2 of each state [states, neurons]."""
    return np.asarray(-0.5 * np.einsum("bi,bi->b", s @ w, s))


@njit
def _settle(w: NDArray[Any], s: NDArray[Any], field: NDArray[Any], order: NDArray[Any]) -> None:
    for b in range(s.shape[0]):
        moved = True
        while moved:
            moved = False
            for i in order[b]:
                if field[b, i] * s[b, i] < -1e-9:  # less is rounding of a tie
                    s[b, i] = -s[b, i]
                    for j in range(s.shape[1]):
                        field[b, j] += 2 * s[b, i] * w[i, j]
                    moved = True


def settled(w: NDArray[Any], start: NDArray[Any], g: np.random.Generator) -> NDArray[np.float64]:
    """Visit the neurons one by one and flip those that disagree with their field, until none does.

    Args:
        w: symmetric couplings without diagonal, so that each flip lowers the energy and there is an end.
        start: [states, neurons] of ±1.
        g: draws the order in which the neurons of each state are visited.

    Returns:
        [states, neurons], where no neuron disagrees.
    """
    s = start.astype(float).copy()
    _settle(w, s, s @ w, g.permuted(np.tile(np.arange(s.shape[1]), (len(s), 1)), axis=1))
    return s


def mean_field(load: float) -> float:
    """The overlap of the retrieval state by theory, 0 where there is none: the largest root, by bisection from above."""
    y = np.linspace(1e-3, 6.0, 60_000)
    above = y * (np.sqrt(2 * load) + 2 / np.sqrt(np.pi) * np.exp(-(y**2))) < erf(y)
    return float(erf(y[above][-1])) if above.any() else 0.0


def crossing(loads: NDArray[Any], overlaps: NDArray[Any], level: float) -> float:
    """The load at which the overlap first falls below a level, linear between the points; NaN if it never does."""
    below = np.flatnonzero(overlaps < level)
    if not below.size or below[0] == 0:
        return float("nan")
    i, j = below[0] - 1, below[0]
    return float(loads[i] + (loads[j] - loads[i]) * (overlaps[i] - level) / (overlaps[i] - overlaps[j]))


def recalled(seed: int, neurons: int, load: float) -> dict[str, float]:
    """Overlaps at rest after storing `load` patterns a neuron, the mean over the patterns recalled, and the energy lost.

    From the pattern and from a damaged one; the energy is that per neuron from pattern to rest.
    """
    g = rng.generator(seed, "C7", neurons, round(1000 * load))
    patterns = np.where(g.random((round(load * neurons), neurons)) < 0.5, -1.0, 1.0)
    w, chosen = hebb(patterns), patterns[:RECALLED]
    rest = settled(w, chosen, g)
    damaged = np.where(g.random(chosen.shape) < CUE_NOISE, -chosen, chosen)
    return {
        "overlap": float(np.mean(rest * chosen)), "damaged": float(np.mean(settled(w, damaged, g) * chosen)),
        "energy": float(np.mean(energy(w, rest) - energy(w, chosen))) / neurons,
    }  # fmt: skip


def shuffled(seed: int, neurons: int, load: float) -> float:
    """The overlap where the same couplings are assigned to other pairs of neurons."""
    g = rng.generator(seed, "C7", "shuffled")
    patterns = np.where(g.random((round(load * neurons), neurons)) < 0.5, -1.0, 1.0)
    upper, other = np.triu_indices(neurons, 1), np.zeros((neurons, neurons))
    other[upper] = g.permuted(hebb(patterns)[upper])
    return float(np.mean(settled(other + other.T, patterns[:RECALLED], g) * patterns[:RECALLED]))


def run(trial: Trial) -> Findings:
    """Store and recall at each load; the transition in smaller and larger networks as a control.

    Returns:
        The measurements, the conditions of the verdict and the figure.
    """
    loads = np.array(QUICK_LOADS if trial.quick else LOADS)
    n, sizes = trial.size(NEURONS, 400), SIZES[: trial.size(len(SIZES), 1)]

    def measure(seed: int) -> dict[str, Any]:
        rows = [recalled(seed, n, float(load)) for load in loads]
        row: dict[str, Any] = {name: np.array([r[name] for r in rows]) for name in rows[0]}
        row["shuffled"] = shuffled(seed, n, float(loads[0]))
        for size in sizes:
            curve = np.array([recalled(seed, size, a)["overlap"] for a in SIZE_LOADS])
            row[f"half {size}"] = crossing(np.array(SIZE_LOADS), curve, HALF)
        return row

    found = trial.each_seed(measure)
    overlap = [Measured.over_seeds(f"overlap at load {a:g}", found["overlap"][:, i]) for i, a in enumerate(loads)]
    damaged = [
        Measured.over_seeds(f"overlap at load {a:g}, {CUE_NOISE:.0%} of the cue wrong", found["damaged"][:, i], control=True)
        for i, a in enumerate(loads)
    ]
    half = Measured.over_seeds("load at which the overlap falls through 0.5", [crossing(loads, row, HALF) for row in found["overlap"]])
    by_size = [Measured.over_seeds(f"the same with {size} neurons", found[f"half {size}"], control=True) for size in sizes]
    theory = [Measured.exact(f"overlap by mean-field theory, load {a:g}", mean_field(a), control=True) for a in loads]
    safe = [m for m, a in zip(overlap, loads, strict=True) if a <= SAFE_LOAD]
    return Findings(
        [
            *overlap, half, *by_size,
            Measured.over_seeds("change of energy from pattern to rest, per neuron, highest load", found["energy"][:, -1]),
            *damaged,
            Measured.over_seeds("overlap, couplings between other neurons, lowest load", found["shuffled"], control=True),
            *theory,
        ],
        [
            *(Condition.at_least(m, LEAST_OVERLAP) for m in safe),
            Condition.within(half, *TRANSITION),
        ],
        [],
        [
            "In mean-field theory, for infinite networks, the pattern is lost abruptly at 0.138. In a finite network the fall is "
            "gradual and comes later: through 0.5 at "
            + f"{half.value:.3f} with {n} neurons, "
            + ", ".join(f"{m.value:.3f} with {size} neurons" for m, size in zip(by_size, sizes, strict=True)) + ".",
            f"At load {loads[-1]:g} an overlap of {overlap[-1].value:.2f} is left: states near a pattern remain stable above the critical load.",
            "That energy falls is by construction: symmetric couplings, one neuron at a time. Flipping all at once could cycle.",
        ],
        _figure(loads, overlap, damaged, half),
    )  # fmt: skip


def _figure(loads: NDArray[Any], overlap: list[Measured], damaged: list[Measured], half: Measured) -> Any:
    figure, (ax,) = panels(1, width=5.0, height=3.2)
    fine = np.linspace(loads[0], loads[-1], 300)
    ax.plot(fine, [mean_field(a) for a in fine], color="black", linewidth=0.8, linestyle="--", label="mean-field theory")
    for colour, name, m in ((SERIES[0], "from the pattern", overlap), (SERIES[1], f"{CUE_NOISE:.0%} of the cue wrong", damaged)):
        values, lows, highs = (np.array([getattr(x, k) for x in m]) for k in ("value", "low", "high"))
        errors = np.nan_to_num(np.array([values - lows, highs - values]), posinf=0.0)
        ax.errorbar(loads, values, yerr=errors, fmt="o-", color=colour, markersize=3, linewidth=1, capsize=2, label=name)
    ax.axvspan(*TRANSITION, color="black", alpha=0.06)
    ax.axhline(HALF, color="black", linewidth=0.5, linestyle=":")
    if np.isfinite(half.value):
        ax.plot(half.value, HALF, "x", color="black", label=f"through 0.5 at {half.value:.3f}")
    ax.set_ylim(0, 1.03)
    label(ax, "patterns per neuron", "overlap at rest", "Recall breaks down")
    legend(ax, loc="lower left")
    return figure


CLAIM = Claim(
    id="C7",
    title="Hopfield networks store patterns as minima of an energy",
    article="000 §6",
    says="Hopfield networks (1982) model associative memory as energy minimization: the weights encode memories as energy minima, and "
    "retrieval is an active dynamical process.",
    source="Hopfield (1982) PNAS 79:2554; Amit, Gutfreund & Sompolinsky (1985) Phys. Rev. Lett. 55:1530",
    traceable=True,
    tag="OK",
    criterion="With 1000 neurons the overlap with the pattern stays above 0.95 up to 0.12 patterns per neuron and falls through 0.5 between 0.135 "
    "and 0.16; 20 seeds.",
    scope="Random patterns, Hebb's rule, zero temperature, one neuron at a time.",
    run=run,
    seeds=20,
)
