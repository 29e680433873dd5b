"""Feature binding by dendritic branches: which features belong together, where the sum of inputs does not tell.

    python verification/feature_binding.py                  # 10,000 neurons, five seeds, and the page

Two objects are shown, one left and one right, each of a colour and a shape. Bound stimuli hold a red square and a blue
circle, either way round; unbound ones a red circle and a blue square. A group of 50 fibres stands for each feature at
each place: 20 Hz while shown, for 50 ms, 1 Hz otherwise. All four stimuli activate four of the eight groups, and each
group in one bound and in one unbound stimulus: neither the sum of inputs nor any weighted sum tells the two kinds apart.

Every neuron has 20 branches; eight bear 24 synapses each. In the clustered condition a branch receives one colour and one
shape at one place: in half of the neurons the pairs of bound stimuli, in the other half those of unbound ones, two
branches for each. So the fitting stimulus drives four branches with 24 synapses each, the other kind eight with 12.

    clustered       as said
    scattered       the same synapses, dealt to the same eight branches of their neuron at random
    point neuron    branches switched off: the same synapses and the same membrane in one compartment at the soma
    AMPA only       clustered, without NMDA receptors (2,000 neurons)
    no magnesium    clustered, without the block (2,000 neurons)

Weights of 0.5 nS; those of the other conditions are multiplied by a factor at which their neurons spike as often, found
once with a seed that is not among the five. Readouts, fitted on the first trials and tested on the others:

    population      a threshold on the difference of the spike counts of the two halves of the neurons
    single neuron   a threshold on one neuron's count; the mean over neurons
    all neurons     a threshold on the counts weighted by the difference of the class means, 10,000 weights

Every threshold lies midway between the class means of its training trials, which also give its sign.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import neuropil as npl
from neuropil import rng
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.claims.statistics import mean_interval, wilson
from neuropil.units import ms, nS
from neuropil.zoo.neurons.branch_neuron import BranchNeuron
from neuropil.zoo.neurons.relay import Relay

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "verification" / "feature_binding.md"
FIGURE = ROOT / "docs" / "images" / "feature_binding.png"

RED, BLUE, SQUARE, CIRCLE = range(4)
PLACES, FIBRES = 2, 50
KINDS = (((RED, SQUARE), (BLUE, CIRCLE)), ((RED, CIRCLE), (BLUE, SQUARE)))  # bound, unbound
STIMULI = [(kind, (pairs[i], pairs[1 - i])) for kind, pairs in enumerate(KINDS) for i in range(PLACES)]
BRANCHES, WIRED, PER_FEATURE = 20, 8, 12
WEIGHT_NS, SHOWN_HZ, IDLE_HZ, SHOWN_MS, TRIAL_MS = 0.5, 20.0, 1.0, 50.0, 150.0
TRAINED, TESTED, SEEDS, DT_MS = 16, 24, (1, 2, 3, 4, 5), 0.25
CONDITIONS = {"clustered": 10_000, "scattered": 10_000, "point neuron": 10_000, "AMPA only": 2_000, "no magnesium": 2_000}
PILOT = 0
READOUTS = ("population", "single neuron", "all neurons")
Ints = NDArray[np.int64]


# --- stimuli and wiring -----------------------------------------------------------------------------------------------


def group(feature: int, place: int) -> int:
    """The number of a group of fibres."""
    return feature * PLACES + place


def trials(count: int, g: np.random.Generator) -> Ints:
    """Stimuli, numbers in `STIMULI`: each as often, in random order within every four."""
    return np.concatenate([g.permutation(len(STIMULI)) for _ in range(count // len(STIMULI))])


def fibre_spikes(shown: Ints, dt: float, g: np.random.Generator) -> npl.SpikeList:
    """Poisson spikes of all fibres in successive trials, on the grid of `dt`."""
    rate = np.full((shown.size, len(KINDS) * 2 * PLACES, round(TRIAL_MS / dt)), IDLE_HZ)
    for row, stimulus in zip(rate, shown, strict=True):
        for place, pair in enumerate(STIMULI[stimulus][1]):
            for feature in pair:
                row[group(feature, place), : round(SHOWN_MS / dt)] = SHOWN_HZ
    p = np.repeat(rate, FIBRES, axis=1) * dt / 1000.0
    trial, fibre, step = np.nonzero(g.random(p.shape, dtype=np.float32) < p)
    return npl.SpikeList((trial * p.shape[2] + step + 1) * dt * ms, fibre)


def synapses(neurons: int, scattered: bool, g: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Fibre, neuron and branch of every synapse; the first half of the neurons is wired for bound stimuli."""
    conjunction = np.arange(WIRED) % (2 * PLACES)
    pair, place = conjunction // PLACES, conjunction % PLACES
    kind = (np.arange(neurons) >= neurons // 2).astype(int)
    feature = np.array(KINDS)[kind[:, None], pair]  # [neurons, branches, colour and shape]
    first = np.repeat(group(feature, place[:, None]) * FIBRES, PER_FEATURE, axis=2)  # [neurons, branches, synapses]
    pre = first + g.integers(FIBRES, size=first.shape)
    post, branch, _ = np.indices(first.shape)
    if scattered:
        branch = g.permuted(branch.reshape(neurons, -1), axis=1)
    return pre.ravel(), post.ravel(), branch.ravel()


def neuron(condition: str) -> BranchNeuron:
    """The neuron of a condition."""
    if condition == "point neuron":
        branch = BranchNeuron().branch
        # 200 nS tie the membrane of all branches to the soma: within a millisecond they are one.
        return BranchNeuron(1).with_(branch__c_m=BRANCHES * branch.c_m, branch__g_l=BRANCHES * branch.g_l, branch__g_c=200 * nS)
    changed = {"AMPA only": {"branch__nmda_ratio": 0.0}, "no magnesium": {"branch__mg": 0 * npl.units.mM}}
    return BranchNeuron(BRANCHES).with_(**changed.get(condition, {}))


# --- one run ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a network did.

    Attributes:
        kind: [trials], 0 bound, 1 unbound.
        counts: [trials, neurons], spikes.
        real_time_factor: wall time by biological time.
        events: [trials], spikes of fibres: each reaches as many synapses on average.
    """

    kind: Ints
    counts: Ints
    real_time_factor: float
    events: Ints


def simulate(condition: str, seed: int, *, neurons: int, count: int = TRAINED + TESTED, gain: float = 1.0, dt: float = DT_MS) -> Run:
    """Show stimuli to a network; fibres' spikes and synapses are those of all conditions with this seed."""
    shown = trials(count, rng.generator(seed, "binding", "trials"))
    pre, post, branch = synapses(neurons, condition == "scattered", rng.generator(seed, "binding", "synapses"))
    net = npl.Network("feature binding")
    fibres = net.population("fibres", Relay(), len(KINDS) * 2 * PLACES * FIBRES)
    target = net.population("neurons", neuron(condition), neurons)
    train = fibre_spikes(shown, dt, rng.generator(seed, "binding", "fibres"))
    net.stimulate(fibres, train, port="spikes", weight=1.0)
    site = None if condition == "point neuron" else branch
    net.project(fibres, target, npl.Edges(pre, post), weight=gain * WEIGHT_NS * nS, delay=1 * ms, port="branch.exc", site=site)
    result = npl.run(net, count * TRIAL_MS * ms, dt=dt * ms, seed=seed, threads=2)
    first = result.spikes.populations["neurons"][0]
    per_trial = round(TRIAL_MS / dt)

    def tally(mine: NDArray[np.bool_], columns: Ints, width: int) -> Ints:
        trial = (result.spikes.step[mine] - 1) // per_trial
        return np.bincount(trial * width + columns, minlength=count * width).reshape(count, width)

    of_neurons = result.spikes.neuron >= first
    counts = tally(of_neurons, result.spikes.neuron[of_neurons].astype(np.int64) - first, neurons)
    events = tally(~of_neurons, np.zeros(int((~of_neurons).sum()), np.int64), 1)[:, 0]
    kind = np.array([STIMULI[s][0] for s in shown])
    return Run(kind, counts, float(result.summary["real_time_factor"]), events)


def midway(values: NDArray[np.float64], kind: Ints, trained: int) -> NDArray[np.bool_]:
    """[tested, ...]: which tested trials a threshold midway between the means of the trained ones puts right."""
    a, b = (values[:trained][kind[:trained] == k].mean(axis=0) for k in (0, 1))
    tested = values[trained:]
    says = np.where(b > a, tested > (a + b) / 2, tested < (a + b) / 2)
    return says == (kind[trained:] == 1).reshape(-1, *[1] * (values.ndim - 1))


def readouts(run: Run, trained: int = TRAINED) -> dict[str, NDArray[np.bool_]]:
    """For each readout, which tested trials it puts right: [tested], of single neurons [tested, neurons]."""
    counts, half = run.counts.astype(float), run.counts.shape[1] // 2
    a, b = (counts[:trained][run.kind[:trained] == k].mean(axis=0) for k in (0, 1))
    return {
        "population": midway(counts[:, :half].sum(axis=1) - counts[:, half:].sum(axis=1), run.kind, trained),
        "single neuron": midway(counts, run.kind, trained),
        "all neurons": midway(counts @ (b - a), run.kind, trained),
    }


def matching_gain(condition: str, aim: float, *, neurons: int = 200, dt: float = DT_MS, rounds: int = 8) -> float:
    """The factor of weights at which the neurons of a condition spike `aim` times a trial, by bisection with the pilot seed."""
    low, high = np.log(0.02), np.log(32.0)
    for _ in range(rounds):
        middle = (low + high) / 2
        spikes = simulate(condition, PILOT, neurons=neurons, count=8, gain=float(np.exp(middle)), dt=dt).counts.mean()
        low, high = (middle, high) if spikes < aim else (low, middle)
    return float(np.exp((low + high) / 2))


# --- the experiment and its page --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A condition over all seeds.

    Attributes:
        gain: factor of the weights.
        neurons: in the network.
        runs: by seed.
    """

    gain: float
    neurons: int
    runs: list[Run]

    def accuracy(self, readout: str) -> NDArray[np.float64]:
        """[seeds], the share of tested trials that are right."""
        return np.array([readouts(run)[readout].mean() for run in self.runs])

    def preference(self) -> NDArray[np.float64]:
        """[seeds], spikes per neuron and trial: to the kind a neuron is wired for, less those to the other kind."""
        return np.array([np.mean([_by_kind(run)[k, k] - _by_kind(run)[1 - k, k] for k in (0, 1)]) for run in self.runs])


def _by_kind(run: Run) -> NDArray[np.float64]:
    """[kind shown, kind wired for], spikes per neuron and trial."""
    halves = np.stack(np.array_split(run.counts, 2, axis=1)).mean(axis=2)
    return np.array([[half[run.kind == shown].mean() for half in halves] for shown in (0, 1)])


def experiment() -> dict[str, Outcome]:
    """All conditions."""
    aim = float(simulate("clustered", PILOT, neurons=200, count=8).counts.mean())
    found = {}
    for condition, neurons in CONDITIONS.items():
        gain = 1.0 if condition in ("clustered", "scattered") else matching_gain(condition, aim)
        found[condition] = Outcome(gain, neurons, [simulate(condition, seed, neurons=neurons, gain=gain) for seed in SEEDS])
        print(condition, f"gain {gain:.2f}", *(f"{name} {found[condition].accuracy(name)}" for name in READOUTS), flush=True)
    return found

READING = """
## Reading

Real-time factors were measured beside other work on two shared cores, and are upper bounds by about that much.

Branches switched off, the kinds cannot be told apart, however the counts are weighted; the same synapses scattered over
the same branches do no better. With branches the population's count is right. One neuron's own count says little: its
preference is a fraction of a spike, and the fibres' Poisson noise is large.

NMDA spikes are not the only nonlinearity that binds. Without NMDA receptors, or without the block, branches saturate, and
neurons prefer the kind they are not wired for (the preference is negative), more strongly than NMDA spikes prefer the
other: the readout learns the sign and is right as often, and single neurons tell more. That passive branches suffice for a function no weighted sum computes is known (Cazé, Humphries &
Gutkin 2013, PLoS Comput. Biol. 9:e1002867, from memory). What the NMDA spike adds is the sign; AMPA alone
also needs synapses several times as strong to fire the neuron. So the control for the branches is the point neuron.

Fibres are drawn and weights equal, so that point neurons respond to all stimuli by the same law. With unequal weights a
trained readout of many point neurons could use their mixed selectivity; a threshold on one of them still could not.
"""


def page(found: dict[str, Outcome], timing: dict[float, list[float]]) -> str:
    """The text."""
    paragraphs = (__doc__ or "").strip().split("\n\n")
    text = "# Feature binding by dendritic branches\n\n    python verification/feature_binding.py\n\n" + "\n\n".join(paragraphs[2:])
    text += (
        f"\n\n{TRAINED} trials of {TRIAL_MS:g} ms for fitting and {TESTED} for testing in each of {len(SEEDS)} seeds, dt {DT_MS:g} ms. Shares of tested "
        "trials that are right: mean over seeds and its 95 % bootstrap interval; of the population also Wilson's interval of all tested trials together.\n\n"
        "![accuracy](../images/feature_binding.png)\n\n## Accuracy\n\n"
        "| condition | population | Wilson | single neuron | all neurons |\n|---|---|---|---|---|\n"
    )
    for condition, o in found.items():
        right = sum(int(readouts(run)["population"].sum()) for run in o.runs)
        w = wilson(right, TESTED * len(o.runs))
        cells = [f"{100 * i.value:.1f} % ({100 * i.low:.1f}–{100 * i.high:.1f})" for i in (mean_interval(o.accuracy(name)) for name in READOUTS)]
        text += f"| {condition} | {cells[0]} | {100 * w.low:.1f}–{100 * w.high:.1f} | {cells[1]} | {cells[2]} |\n"
    text += "\n## Spikes\n\nPreference: spikes to the kind of stimulus a neuron is wired for less those to the other kind.\n\n"
    text += "| condition | neurons | factor of weights | spikes per neuron and trial | preference | real-time factor of these runs |\n|---|---|---|---|---|---|\n"
    for condition, o in found.items():
        spikes, preference = np.mean([run.counts.mean() for run in o.runs]), mean_interval(o.preference())
        factor = np.median([run.real_time_factor for run in o.runs])
        text += f"| {condition} | {o.neurons:,} | {o.gain:.2f} | {spikes:.2f} | {preference.value:+.3f} ({preference.low:+.3f} to {preference.high:+.3f}) | {factor:.2f} |\n"
    shown = found["clustered"].runs
    a, b = (np.array([run.events[run.kind == k].mean() for run in shown]) for k in (0, 1))
    text += f"\nFibres' spikes in a trial: bound {a.mean():.1f}, unbound {b.mean():.1f}; each reaches as many synapses of a neuron, whatever is shown.\n"
    text += "\n## Cost\n\n10,000 neurons, 200,000 branches, 1.92 million synapses, clustered, two threads; wall time by biological time, median and range of three runs of 16 trials:\n\n"
    text += "| dt (ms) | real-time factor |\n|---|---|\n"
    for dt, factors in timing.items():
        text += f"| {dt:g} | {np.median(factors):.2f} ({min(factors):.2f}–{max(factors):.2f}) |\n"
    return text + READING


def figure(found: dict[str, Outcome]):
    """Accuracy by readout and condition."""
    made, axes = panels(len(READOUTS), width=3.0)
    for ax, name in zip(axes, READOUTS, strict=True):
        for k, o in enumerate(found.values()):
            i = mean_interval(o.accuracy(name))
            ax.bar(k, 100 * i.value, color=SERIES[k], width=0.65)
            ax.errorbar(k, 100 * i.value, yerr=[[100 * (i.value - i.low)], [100 * (i.high - i.value)]], ecolor="black", capsize=2)
        ax.axhline(50, color="black", linewidth=0.7, linestyle="--", label="chance")
        ax.set_xticks(range(len(found)), [c.replace(" ", "\n") for c in found], fontsize=7)
        ax.set_ylim(0, 105)
        label(ax, "", "held-out trials right (%)", name)
        legend(ax, loc="lower right")
    return made


def main() -> None:
    """The command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    found = experiment()
    timing = {dt: [simulate("clustered", PILOT, neurons=10_000, count=16, dt=dt).real_time_factor for _ in range(3)] for dt in (0.1, 0.25, 0.5)}
    text = page(found, timing)
    PAGE.write_text(text)
    figure(found).savefig(FIGURE)
    print(text)


if __name__ == "__main__":
    main()
