"""A stream of trials whose rules change without notice, and the modulated circuit that lives in it.

A trial: a stimulus, 100 ms, in which the action whose neurons spike most is chosen; 100 ms in which reward at once may come;
100 ms in which later reward may come. For every stimulus one action is *soon* and another *late*. Three things about the
world stay for a block and then change, one of them at a time, nobody being told:

    map      which action is which, for each stimulus
    noise    with what chance an outcome is turned over (what was to be rewarded is not, another action is)
    delay    whether patience pays: the soon action brings 0.7 and the late one nothing, or 0.2 at once and 1 later

The circuit is `neuropil.zoo.circuits.modulated_choice`. Here are its nuclei: what they signal, from what they see.

    dopamine        δ = r - Q, of the ventral loop for reward at once, of the dorsal loop for later reward; Q is the value that
                    the synapses just used hold (values of chosen actions: Morris et al. 2006, Nat Neurosci 9:1057)
    acetylcholine   α, the running mean of |δ| (`ExpectedUncertainty`)
    norepinephrine  how far a disappointment exceeds α, which is read from acetylcholine's concentration, so that who lacks
                    the one misjudges the other (`UnexpectedUncertainty`, Yu & Dayan 2005, Neuron 46:681)
    serotonin       h in 0..1: up where reward at once disappoints, down where later reward does

A modulator that is *clamped* fires so that its concentration rests at a given level; one that is *played* repeats what
another run signalled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.engine.simulation import Simulation
from neuropil.model.effects import Target, effects_on, model_of
from neuropil.result import Result
from neuropil.units import Hz, ms, nM, pA
from neuropil.zoo.circuits.modulated_choice import (
    ACTIONS,
    LOOPS,
    MODULATORS,
    PER_ACTION,
    PER_STIMULUS,
    STIMULI,
    TICK,
    modulated_choice,
)
from neuropil.zoo.modulators.acetylcholine import ExpectedUncertainty
from neuropil.zoo.modulators.norepinephrine import UnexpectedUncertainty

SHOWN, SILENT = 60.0, 1.0  # Hz, a neuron of the stimulus that is shown, and of the others
URGE = 25.0  # pA, standard deviation over trials of a current into each action's neurons: what makes it explore
NOISES, SOON, LATE = (0.0, 0.35), (0.7, 0.2), (0.0, 1.0)
CHANGES = ("map", "noise", "noise", "delay", "map", "noise", "noise", "delay")
KAPPA, ACH, NE, SEROTONIN, TRUST = 0.1, 20.0, 40.0, 10.0, 0.8  # of the nuclei: rates, and signals for one unit
STEPS = 100  # of a phase, at 1 ms

Array = NDArray[Any]


@dataclass(frozen=True)
class Stream:
    """The trials of a seed.

    Attributes:
        stimulus: int[trials].
        soon, late: int[trials], the actions that are so for the stimulus of the trial.
        turned: bool[trials], whether the outcome is turned over.
        patient: int[trials], 1 where patience pays.
        changes: trial and kind of every change.
        urge: float[trials, ACTIONS], pA.
    """

    stimulus: Array
    soon: Array
    late: Array
    turned: Array
    patient: Array
    changes: tuple[tuple[int, str], ...]
    urge: Array

    @classmethod
    def of(cls, seed: int, block: int, changes: Sequence[str] = CHANGES) -> Stream:
        """Blocks of `block` trials, give or take a fifth; the first before any change."""
        g = rng.generator(seed, "rule stream")
        lengths = g.integers(block - block // 5, block + block // 5 + 1, len(changes) + 1)
        mapping, noise, patient = cls._maps(g), 0, int(g.integers(2))
        rows: list[tuple[int, ...]] = []
        starts = []
        for j, length in enumerate(lengths):
            if j:
                kind = changes[j - 1]
                starts.append((len(rows), kind))
                if kind == "map":
                    before = mapping
                    while np.any(mapping == before):
                        mapping = cls._maps(g)
                noise, patient = noise ^ (kind == "noise"), patient ^ (kind == "delay")
            for _ in range(length):
                s = int(g.integers(STIMULI))
                rows.append((s, *mapping[:, s], g.random() < NOISES[noise], patient))
        columns = np.array(rows, int).T
        return cls(columns[0], columns[1], columns[2], columns[3] > 0, columns[4], tuple(starts), g.normal(0.0, URGE, (len(rows), ACTIONS)))

    @staticmethod
    def _maps(g: np.random.Generator) -> Array:
        """[2, stimuli]: the soon and the late action of each."""
        return np.array([g.permutation(ACTIONS)[:2] for _ in range(STIMULI)]).T

    def pays(self, trial: int, action: int) -> tuple[float, float]:
        """Reward at once and later. A turned outcome rewards, in the block's coin, the actions that are neither."""
        soon, late = SOON[self.patient[trial]], LATE[self.patient[trial]]
        is_soon, is_late = action == self.soon[trial], action == self.late[trial]
        if self.turned[trial]:
            neither = not (is_soon or is_late)
            return (soon, 0.0) if neither and not self.patient[trial] else (0.0, late if neither else 0.0)
        return (soon if is_soon else 0.0), (late if is_late else 0.0)

    @property
    def best(self) -> Array:
        """The action that pays most on average, int[trials]."""
        return np.where(self.patient == 1, self.late, self.soon)


@dataclass(frozen=True)
class History:
    """What a run leaves.

    Attributes:
        right: bool[trials], whether the best action was chosen; reward: float[trials].
        signal: by modulator, float[trials, 3], what its nucleus signalled in each phase.
        level: by modulator, float[3 trials], its concentration at every tick, base units.
        result: the whole run, if it was to be kept; digest: of its spikes.
    """

    right: Array
    reward: Array
    signal: dict[str, Array]
    level: dict[str, Array]
    result: Result | None
    digest: str


class Brain:
    """The circuit with its nuclei.

    Args:
        clamped: see `modulated_choice`; played: by modulator the signals [trials, 3] of another run.
    """

    def __init__(self, seed: int, clamped: dict[str, Any] | None = None, played: dict[str, Array] | None = None, *, threads: int = 1):
        self.clamped, self.played = clamped or {}, played or {}
        self.simulation = Simulation(modulated_choice(self.clamped), dt=1 * ms, seed=seed, threads=threads)
        self.expected, self.unexpected, self.h = ExpectedUncertainty(KAPPA), UnexpectedUncertainty(1.0), 0.5
        self.now = dict.fromkeys(MODULATORS, 0.0) | {"serotonin": SEROTONIN * self.h}
        self.sent: dict[str, list[list[float]]] = {name: [] for name in MODULATORS}

    def value(self, loop: str, stimulus: int, action: int) -> float:
        """Q: the mean value of the synapses from a stimulus to an action."""
        values = self.simulation.synapses(loop)["value"].reshape(STIMULI, PER_STIMULUS, ACTIONS, PER_ACTION)
        return float(values[stimulus, :, action].mean())

    def choose(self, stimulus: int, urge: Array) -> int:
        """Show a stimulus; the action that spikes most (the first of equals)."""
        rate = np.full(STIMULI * PER_STIMULUS, SILENT)
        rate[stimulus * PER_STIMULUS : (stimulus + 1) * PER_STIMULUS] = SHOWN
        self.simulation.set_state("stimulus", "rate", rate * Hz)
        self.simulation.set_drive("urge", np.repeat(urge, PER_ACTION) * pA)
        neurons = self._phase(0)
        self.simulation.set_state("stimulus", "rate", SILENT * Hz)
        self.simulation.set_drive("urge", 0 * pA)
        first = STIMULI * PER_STIMULUS
        counts = np.bincount((neurons[neurons >= first] - first) // PER_ACTION, minlength=ACTIONS)
        return int(np.argmax(counts))

    def learn(self, stimulus: int, action: int, soon: float, late: float) -> None:
        """What follows a choice: dopamine in either loop, then what the other nuclei make of it."""
        errors = []
        for phase, (loop, reward) in enumerate(zip(LOOPS, (soon, late), strict=True), start=1):
            delta = reward - self.value(loop, stimulus, action)
            errors.append(delta)
            self.now |= {f"dopamine {name}": delta if name == loop else 0.0 for name in LOOPS}
            self._phase(phase)
        self.now |= {f"dopamine {name}": 0.0 for name in LOOPS}
        total, alpha = sum(errors), self.alpha
        self.unexpected.update(min(total, 0.0), alpha)
        self.now["norepinephrine"] = NE * self.unexpected.level
        self.now["acetylcholine"] = ACH * self.expected.update(total)
        beyond = [np.sign(e) * max(0.0, abs(e) - alpha) for e in errors]
        self.h = float(np.clip(self.h + TRUST * (beyond[1] - beyond[0]), 0.0, 1.0))
        self.now["serotonin"] = SEROTONIN * self.h

    @property
    def alpha(self) -> float:
        """Expected uncertainty as acetylcholine's concentration tells it."""
        c = self.simulation.modulators["acetylcholine"].concentration.to(nM)
        return max(0.0, (c / 10.0 - 1.0) / ACH)

    def _phase(self, phase: int) -> Array:
        trial = len(self.sent[MODULATORS[0]]) - (phase > 0)
        for name in MODULATORS:
            signal = 0.0 if name in self.clamped else float(self.played[name][trial, phase]) if name in self.played else self.now[name]
            self.simulation.modulators[name].set_signal(signal)
            if phase == 0:
                self.sent[name].append([])
            self.sent[name][-1].append(signal)
        return self.simulation.step(STEPS)[1]


def live(
    stream: Stream, seed: int, clamped: dict[str, Any] | None = None, played: dict[str, Array] | None = None, *,
    threads: int = 1, keep: bool = False,
) -> History:  # fmt: skip
    """A whole life in a stream; see `Brain` for the arguments."""
    brain = Brain(seed, clamped, played, threads=threads)
    trials = stream.stimulus.size
    action, reward = np.zeros(trials, int), np.zeros(trials)
    for t, stimulus in enumerate(stream.stimulus.tolist()):
        action[t] = brain.choose(stimulus, stream.urge[t])
        soon, late = stream.pays(t, int(action[t]))
        reward[t] = soon + late
        brain.learn(stimulus, int(action[t]), soon, late)
    result = brain.simulation.run(3 * trials * TICK)
    level = {name: result.modulators[name].values[:, 0] for name in MODULATORS}
    sent = {name: np.array(signals) for name, signals in brain.sent.items()}
    return History(action == stream.best, reward, sent, level, result if keep else None, result.summary["digest"])


def parameters(level: dict[str, Array]) -> dict[str, Array]:
    """What the modulators made of parameters at every tick: "ventral.rate", "action.gain", …, base units."""
    net, made = modulated_choice(), {}
    targets: list[Target] = [net["action"], *net.projections]
    for target in targets:
        for name, effects in effects_on(net, target).items():
            value: Any = getattr(model_of(target, name), name)
            value = np.full(next(iter(level.values())).size, getattr(value, "value", value))
            for effect in effects:
                value = effect.apply(value, level[effect.modulator.name], 0.0)
            made[f"{target.name}.{name}"] = value
    return made
