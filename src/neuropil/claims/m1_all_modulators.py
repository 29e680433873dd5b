"""M1: dopamine, acetylcholine, norepinephrine and serotonin at once in one spiking network whose world changes its rules.

No article states this; it is the project's own claim for its simulator, tested by the same rules as the others. The circuit is
`zoo/circuits/modulated_choice.py`, the world and the nuclei are `rule_stream.py`. Every arm runs on the same streams:

    full                     all modulators follow events
    no …                     one modulator (of dopamine both nuclei) rests at its mean over the full run of the same seed, so
                             that the effect of its changes is measured, not that of its level
    fixed                    acetylcholine, norepinephrine and serotonin rest at the levels of a grid with the highest reward on the
                             *training* streams; dopamine still teaches, without it nothing is learnt
    fixed, dopamine too      and dopamine at its mean
    three shuffled           the signals of acetylcholine, norepinephrine and serotonin are those of another seed's full run,
                             half a stream later
    all shuffled             dopamine's too

The circuit, its rates and the stream were chosen on training streams, seeds 1001 to 1008, and the criterion stands since
before any test stream was seen. Test streams are those of seeds 11 to 20. Seeds 1 to 10 were used by an earlier design, in
which the noise of rewards changed instead of the cue, and acetylcholine slowed learning: seven of the eight conditions held,
acetylcholine's did not (0.008 more per trial, [-0.013, 0.031]; on training streams it had been 0.06). For this design an
observer without spikes was asked first whether following the validity of a cue can increase the reward (`rule_stream.observer`). On the eight
training streams the full system earned 0.036 more than without acetylcholine and 0.053 more than without norepinephrine.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.m1_figure import draw
from neuropil.claims.rule_stream import History, Stream, observer, run_stream
from neuropil.claims.statistics import paired_difference
from neuropil.units import mM, nM
from neuropil.zoo.circuits.modulated_choice import MODULATORS

DOPAMINE, OTHERS = MODULATORS[:2], MODULATORS[2:]
TRAINING = (1001, 1002)
GRID = tuple(itertools.product((90.0, 140.0), (10.0, 40.0), (40.0, 60.0)))  # nM, in the order of OTHERS
MORE = 0.0  # the criterion: what the full system earns more, per trial, exceeds this over the whole interval

Levels = dict[str, Any]


def resting(history: History, names: tuple[str, ...]) -> Levels:
    """The mean levels of modulators over a run, to clamp them at.

    Args:
        names: of the modulators.
    """
    means = {name: float(history.level[name].mean()) for name in names}
    return {name: mean if name in DOPAMINE else mean * mM for name, mean in means.items()}


def fixed(point: tuple[float, ...]) -> Levels:
    """Levels of a point of the grid."""
    return {name: c * nM for name, c in zip(OTHERS, point, strict=True)}


def shuffled(other: History, names: tuple[str, ...], trials: int) -> dict[str, Any]:
    """Another run's signals, half of it later, for so many trials.

    Args:
        other: the run whose signals are taken.
        names: of the modulators.
        trials: length of the signals.
    """
    return {name: np.resize(np.roll(other.signal[name], -(len(other.signal[name]) // 2), axis=0), (trials, 3)) for name in names}


def run(trial: Trial) -> Findings:
    """The circuit with all modulators, with one of them at a time, and with none, on streams of new seeds."""
    block = trial.size(32, 3)
    grid, training = (GRID, TRAINING) if not trial.quick else (GRID[:2], TRAINING[:1])
    streams = {seed: Stream.of(seed, block) for seed in (*trial.seeds, *training)}
    total, done = len(grid) * len(training) + 9 * len(trial.seeds), 0

    def ran(seed: int, clamped: Levels | None = None, played: dict[str, Any] | None = None) -> History:
        nonlocal done
        trial.progress(done / total)
        done += 1
        return run_stream(streams[seed], seed, clamped, played, keep=clamped is None and played is None and seed == trial.seeds[0])

    earned = {point: np.mean([ran(seed, fixed(point)).reward.mean() for seed in training]) for point in grid}
    best = max(earned, key=lambda point: earned[point])
    full = {seed: ran(seed) for seed in trial.seeds}
    other = dict(zip(trial.seeds, np.roll(trial.seeds, -1).tolist(), strict=True))
    arms: dict[str, list[History]] = {"full": list(full.values())}
    removed: dict[str, tuple[str, ...]] = {"no dopamine": DOPAMINE, **{f"no {name}": (name,) for name in OTHERS}}
    for name, which in removed.items():
        arms[name] = [ran(s, resting(full[s], which)) for s in trial.seeds]
    arms["fixed"] = [ran(s, fixed(best)) for s in trial.seeds]
    arms["fixed, dopamine too"] = [ran(s, fixed(best) | resting(full[s], DOPAMINE)) for s in trial.seeds]
    for name, which in {"three shuffled": OTHERS, "all shuffled": MODULATORS}.items():
        arms[name] = [ran(s, None, shuffled(full[other[s]], which, streams[s].stimulus.size)) for s in trial.seeds]

    reward = {name: np.array([h.reward.mean() for h in histories]) for name, histories in arms.items()}
    right = {name: np.array([h.right.mean() for h in histories]) for name, histories in arms.items()}
    measured = [Measured.over_seeds(f"{name}: reward per trial", r, control=name != "full") for name, r in reward.items()]
    measured += [Measured.over_seeds(f"{name}: best choices", r, control=name != "full") for name, r in right.items()]
    perceived = {name: np.array([h.perceived.mean() for h in arms[name]]) for name in ("full", "no acetylcholine", "fixed")}
    measured += [Measured.over_seeds(f"{name}: stimuli perceived", p, control=name != "full") for name, p in perceived.items()]
    more = [
        Measured.estimate(f"full - {name}: reward per trial", paired_difference(reward["full"], r), by_seed=(reward["full"] - r).tolist())
        for name, r in reward.items() if name != "full"
    ]  # fmt: skip
    weighed = np.array([observer(weight) for weight in np.linspace(0.0, 3.0, 31)])
    adapting, unmoved = weighed.max(axis=0).mean(), weighed.mean(axis=1).max()
    notes = [
        f"Best of {len(grid)} fixed points on {len(training)} training streams: {', '.join(f'{n} {c:g} nM' for n, c in zip(OTHERS, best, strict=True))} "
        f"({earned[best]:.3f} per trial there; the worst of the grid {min(earned.values()):.3f}).",
        f"{min(s.stimulus.size for s in streams.values())} to {max(s.stimulus.size for s in streams.values())} trials of 300 ms a stream, eleven blocks.",
        f"An observer without spikes perceives {adapting:.3f} of the stimuli if it weighs the cue by its present validity, {unmoved:.3f} with the best fixed weight.",
        "Without dopamine nothing can be learnt, by construction: that arm shows chance. The sharper tests are fixed, three shuffled, and the other three.",
        "The nuclei compute their signals outside of the network, from its synapses' values and the rewards; release, receptors and effects are in it.",
        "The circuit was designed for this stream: that its modulators help says that they can, in one network at once, not that brains use them so.",
    ]
    figure = draw(streams, trial.seeds, arms, more)
    return Findings([*measured, *more], [Condition.at_least(m, MORE) for m in more], notes=notes, figure=figure)


CLAIM = Claim(
    id="M1", title="All modulators at once in one spiking network, in a world that changes its rules", article="001 (the project's own claim, suggested by it)",
    says="Four neuromodulators reconfigure one network while it works, and each of them is needed.",
    source="none: the project's own; roles after Doya (2002) Neural Networks 15:495 and Yu & Dayan (2005) Neuron 46:681", traceable=False, tag="UNS",
    criterion="Reward per trial of the full system exceeds, over the whole 95 % interval of paired differences over ten seeds, that of each modulator removed "
    "(clamped at its mean), of the best fixed levels (chosen on other seeds), and of shuffled modulators.",
    scope="228 spiking neurons, 4,608 plastic synapses; thalamus, expectation, cortex, actions, two loops; changes of map, cue and delay, one at a time.",
    run=run, wrong="It is no claim of an article; article 001 names the modulators and does not say how they would work together.", seeds=10, first=11,
)
