"""The cortical microcircuit at full scale: neuropil against NEST, distribution by distribution.

NEST's side is run once, by ``verification/microcircuit_nest.py`` in an environment of its own, and summed up here:

    python verification/microcircuit.py summarise nest_seed1.h5 nest_seed2.h5 nest_seed3.h5
    python verification/microcircuit.py compare --nest nest_seed1.h5 nest_seed2.h5 nest_seed3.h5

``summarise`` keeps rates, tables of quantiles and the distances among NEST's own seeds in
``tests/published/microcircuit_nest.npz``. ``compare`` runs neuropil with three seeds, and once for ten seconds, and
writes ``docs/verification/microcircuit.md``. Without ``--nest`` it compares with the tables of quantiles, whose
distances are off by at most 1 / (2 · 1024).

Measures, of the 3 s after the first 0.5 s: the rate of each neuron; the coefficient of variation of its intervals (of
neurons with three spikes or more); the correlation of spike counts in bins of 2 ms of all pairs among 200 neurons per
population. Distances are Kolmogorov and Smirnov's: the largest gap between two cumulative distributions.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuropil.result import Spikes
from neuropil.view.statistics import correlations, isi_cv, ks_distance, neuron_rates
from neuropil.zoo.circuits.microcircuit import POPULATIONS, PUBLISHED_HZ, SIZES

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "tests" / "published" / "microcircuit_nest.npz"
PAGE = ROOT / "docs" / "verification" / "microcircuit.md"
MEASURES = ("rate", "ISI CV", "correlation")
QUANTILES = 1024
DT, FROM, TO = 0.1, 500.0, 3500.0


@dataclass(frozen=True)
class Activity:
    """What is compared of one run.

    Attributes:
        rates: (8,) mean rate of each population, Hz.
        samples: [population][measure] -> the values of its neurons or pairs.
    """

    rates: np.ndarray
    samples: list[list[np.ndarray]]

    @classmethod
    def of(cls, spikes: Spikes, start: float = FROM, stop: float = TO) -> Activity:
        """Of the window (start, stop] ms of a run."""
        window = spikes.between(start, stop)
        samples = [
            [neuron_rates(window, p, start, stop), isi_cv(window, p), correlations(window, p, start, stop)]
            for p in POPULATIONS
        ]
        return cls(np.array([s[0].mean() for s in samples]), samples)

    def distances(self, other: Activity) -> np.ndarray:
        """(8, 3) Kolmogorov-Smirnov distances."""
        pairs = zip(self.samples, other.samples, strict=True)
        return np.array([[ks_distance(a, b) for a, b in zip(x, y, strict=True)] for x, y in pairs])


def read_nest(path: str | Path) -> tuple[Spikes, dict]:
    """The spikes of a run of NEST, and its own summary."""
    import h5py

    with h5py.File(path, "r") as file:
        summary = json.loads(file.attrs["summary"])
        groups = [(file[f"spikes/{p}/timestamps"][:], file[f"spikes/{p}/node_ids"][:]) for p in POPULATIONS]
    first = np.concatenate([[0], np.cumsum(SIZES)])
    steps = np.concatenate([np.round(t / DT).astype(np.int64) for t, _ in groups])
    neurons = np.concatenate([n.astype(np.int64) + f for (_, n), f in zip(groups, first[:-1], strict=True)])
    places = {p: (int(f), int(n)) for p, f, n in zip(POPULATIONS, first[:-1], SIZES, strict=True)}
    return Spikes.from_unsorted(steps, neurons, places, DT), summary


def window_rates(spikes: Spikes, start: float = FROM, stop: float = TO, length: float = 1000.0) -> np.ndarray:
    """(windows, 8) mean rates in successive windows of `length` ms."""
    starts = np.arange(start, stop - length + 1e-6, length)
    seconds = length / 1000.0
    return np.array([[len(spikes.between(t, t + length).of(p)) for p in POPULATIONS] for t in starts]) / (
        SIZES * seconds
    )


def among(runs: list[Activity]) -> np.ndarray:
    """(pairs, 8, 3) distances among runs."""
    return np.array([a.distances(b) for a, b in itertools.combinations(runs, 2)])


def between(runs: list[Activity], others: list[Activity]) -> np.ndarray:
    """(pairs, 8, 3) distances from each run to each other run."""
    return np.array([a.distances(b) for a in runs for b in others])


def simulate(seed: int, time_ms: float) -> tuple[Spikes, dict]:
    """The circuit in neuropil: spikes and summary."""
    from neuropil.engine import run
    from neuropil.units import ms
    from neuropil.zoo.circuits.microcircuit import microcircuit

    result = run(microcircuit(), time_ms * ms, dt=DT * ms, seed=seed, threads=2)
    return result.spikes, result.summary


# --- the reference kept with the tests --------------------------------------------------------------------------------


def summarise(files: list[str], out: Path) -> None:
    """Rates, quantiles and distances of NEST's runs, in less than a megabyte."""
    pairs = [read_nest(f) for f in files]
    runs = [Activity.of(spikes) for spikes, _ in pairs]
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    tables = [[[np.quantile(v, at, method="inverted_cdf") for v in row] for row in r.samples] for r in runs]
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        populations=np.array(POPULATIONS),
        measures=np.array(MEASURES),
        rates_hz=np.array([r.rates for r in runs]),
        quantiles=np.array(tables),
        counts=np.array([[[v.size for v in row] for row in r.samples] for r in runs]),
        distances=among(runs),
        windows_hz=np.array([window_rates(spikes) for spikes, _ in pairs]).reshape(-1, len(POPULATIONS)),
        summaries=np.array([json.dumps(s) for _, s in pairs]),
    )
    print(f"{out}: {out.stat().st_size:,} bytes")


def reference(path: Path = REFERENCE) -> tuple[list[Activity], np.ndarray]:
    """NEST's runs as tables of quantiles, and the (3, 8, 3) distances among them, taken from all spikes."""
    with np.load(path) as data:
        runs = [Activity(r, [list(row) for row in q]) for r, q in zip(data["rates_hz"], data["quantiles"], strict=True)]
        return runs, data["distances"]


# --- comparing ----------------------------------------------------------------------------------------------------------


def exchange_rank(cross: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """How far the simulators can be told apart: the rank of the true division of the six runs into two threes.

    Of a division: the mean distance between the threes minus that within them. If the simulators' runs are
    exchangeable, the true division is equally likely to have any rank; rank 1 is the largest.

    Args:
        cross: (9,) distances between the runs of two simulators; first, second: (3,) among those of each.

    Returns:
        (rank, number of divisions).
    """
    d = np.zeros((6, 6))
    d[:3, 3:] = cross.reshape(3, 3)
    for group, low in ((first, 0), (second, 3)):
        for value, (a, b) in zip(group, itertools.combinations(range(3), 2), strict=True):
            d[low + a, low + b] = value
    d += d.T
    gaps = []
    for rest in itertools.combinations(range(1, 6), 2):
        side = np.isin(np.arange(6), (0, *rest))
        apart = side[:, None] != side[None, :]
        within = ~apart & ~np.eye(6, dtype=bool)
        gaps.append((d[apart].mean() - d[within].mean(), rest == (1, 2)))
    gaps.sort(reverse=True)
    return 1 + [true for _, true in gaps].index(True), len(gaps)


def compare(nest_files: list[str], page: Path) -> None:
    """Run neuropil's side and write the page."""
    nest, nest_nest = reference()
    if nest_files:
        nest = [Activity.of(read_nest(f)[0]) for f in nest_files]
        nest_nest = among(nest)
    ours = []
    for seed in (1, 2, 3):
        spikes, summary = simulate(seed, TO)
        ours.append(Activity.of(spikes))
        print(f"seed {seed}: real-time factor {summary['real_time_factor']:.2f}", flush=True)
    spikes, _ = simulate(1, 10_000.0)
    long = np.array([len(spikes.between(FROM, 10_000.0).of(p)) for p in POPULATIONS]) / (SIZES * (10.0 - FROM / 1000))
    text = _page(nest, ours, long, between(ours, nest), nest_nest, among(ours), bool(nest_files))
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)
    print(text)


_HEAD = """# The cortical microcircuit against NEST

Potjans & Diesmann (2014) at full scale: 77,169 neurons, 298.9 million synapses, Poisson drive, dt 0.1 ms, two threads.
NEST 3.10 and neuropil draw their networks from the same distributions but not the same numbers, so what can agree is
statistics: of 3 s after 0.5 s, three seeds of each. Made by

    python verification/microcircuit_nest.py --seed 1 --time 3500 --threads 2 --out nest_seed1.h5   # and seeds 2, 3
    python verification/microcircuit.py summarise nest_seed1.h5 nest_seed2.h5 nest_seed3.h5
    python verification/microcircuit.py compare{arguments}

"""


def _page(
    nest: list[Activity], ours: list[Activity], long: np.ndarray, cross: np.ndarray, nest_nest: np.ndarray,
    ours_ours: np.ndarray, exact: bool,
) -> str:  # fmt: skip
    files = " --nest nest_seed1.h5 nest_seed2.h5 nest_seed3.h5" if exact else ""
    return (
        _HEAD.format(arguments=files)
        + _rates(nest, ours, long)
        + _distances(cross, nest_nest, ours_ours)
        + "\nWhat it costs is measured in [benchmarks](../benchmarks/microcircuit.md).\n"
    )


def _rates(nest: list[Activity], ours: list[Activity], long: np.ndarray) -> str:
    theirs, mine = np.array([r.rates for r in nest]), np.array([r.rates for r in ours])
    text = (
        "## Rates\n\nHz; mean of three seeds and, in brackets, their range. `10 s`: neuropil, seed 1, after 0.5 s.\n\n"
    )
    text += "| population | neuropil | NEST | deviation | 10 s | published | NEST from published |\n"
    text += "|---|---|---|---|---|---|---|\n"
    for i, p in enumerate(POPULATIONS):
        a, b = mine[:, i], theirs[:, i]
        text += f"| {p} | {a.mean():.3f} ({a.min():.3f}–{a.max():.3f}) | {b.mean():.3f} ({b.min():.3f}–{b.max():.3f}) "
        text += f"| {100 * (a.mean() / b.mean() - 1):+.1f} % | {long[i]:.3f} | {PUBLISHED_HZ[i]:.3f} "
        text += f"| {100 * (b.mean() / PUBLISHED_HZ[i] - 1):+.1f} % |\n"
    worst = np.abs(mine.mean(0) / theirs.mean(0) - 1).max()
    spread = (np.ptp(theirs, axis=0) / theirs.mean(0)).max()
    return text + (
        f"\nLargest deviation from NEST: {100 * worst:.1f} %; NEST's own seeds differ by up to {100 * spread:.1f} %.\n\n"
    )


def _distances(cross: np.ndarray, nest_nest: np.ndarray, ours_ours: np.ndarray) -> str:
    text = "## Distributions\n\nKolmogorov-Smirnov distances: neuropil–NEST (mean of 9 pairs of runs), "
    text += "NEST–NEST (3 pairs), neuropil–neuropil (3 pairs).\n\n| population |"
    for m in MEASURES:
        text += f" {m}: neuropil–NEST | NEST–NEST | neuropil–neuropil |"
    text += "\n|---|" + "---|" * 9 + "\n"
    for i, p in enumerate(POPULATIONS):
        cells = [f"{d[:, i, m].mean():.4f}" for m in range(3) for d in (cross, nest_nest, ours_ours)]
        text += f"| {p} | " + " | ".join(cells) + " |\n"
    means = [f"{d[:, :, m].mean():.4f}" for m in range(3) for d in (cross, nest_nest, ours_ours)]
    text += "| **mean** | " + " | ".join(f"**{m}**" for m in means) + " |\n"
    inside = int(np.sum(cross.mean(0) <= nest_nest.max(0)))
    text += f"\nIn {inside} of 24 cells the mean distance neuropil–NEST does not exceed the largest NEST–NEST. "
    ranks = [
        exchange_rank(cross[:, :, m].mean(1), ours_ours[:, :, m].mean(1), nest_nest[:, :, m].mean(1)) for m in range(3)
    ]
    told = ", ".join(f"{r} ({m})" for (r, _), m in zip(ranks, MEASURES, strict=True))
    return text + (
        f"Six runs can be divided into two threes in {ranks[0][1]} ways; by distance between minus distance within, the "
        f"division into simulators takes rank {told}; rank 1 would hint at a difference (by luck once in {ranks[0][1]}).\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("summarise", help="sum up NEST's runs")
    first.add_argument("files", nargs="+")
    first.add_argument("--out", type=Path, default=REFERENCE)
    second = commands.add_parser("compare", help="run neuropil and compare")
    second.add_argument("--nest", nargs="*", default=[], help="spike files of NEST, for exact distances")
    second.add_argument("--out", type=Path, default=PAGE)
    arguments = parser.parse_args()
    if arguments.command == "summarise":
        summarise(arguments.files, arguments.out)
    else:
        compare(arguments.nest, arguments.out)


if __name__ == "__main__":
    main()
