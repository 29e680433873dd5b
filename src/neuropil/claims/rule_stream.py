"""A stream of trials whose rules change at unannounced times, and the modulated circuit that runs on it.

A trial: a cue says which of four stimuli is to come, and the stimulus is presented with noise, 100 ms, in which the stimulus whose
cortical neurons spike most is perceived and the action whose neurons spike most is chosen; 100 ms in which reward at once may
come, and the stimulus is presented without noise; 100 ms in which later reward may come. For every stimulus one action is *soon*
and another *late*. Three properties of the world are constant within a block and then change, one of them at a time, at unannounced times:

    map      which action is which, for each stimulus
    cue      whether the cue is always right, or wrong nine times in ten
    delay whether waiting brings more reward: the soon action brings 0.7 and the late one nothing, or 0.2 at once and 1 later

The circuit is `neuropil.zoo.circuits.modulated_choice`. Here are its nuclei: what they signal, from what they see.

    dopamine        δ = r - Q, of the ventral loop for reward at once, of the dorsal loop for later reward; Q is the value that
                    the synapses just used hold (values of chosen actions: Morris et al. 2006, Nat Neurosci 9:1057). Nothing
                    where the stimulus had been mistaken for another: that explains the outcome (dopamine's errors go by what
                    was believed: Lak, Nomoto, Keramati, Sakagami & Kepecs 2017, Curr Biol 27:821)
    acetylcholine   how often the cue has been wrong recently: its expected uncertainty (`ExpectedUncertainty`, as in the task of
                    Yu & Dayan 2005, Neuron 46:681)
    norepinephrine  how far a disappointment exceeds the usual error (`UnexpectedUncertainty`)
    serotonin       h in 0..1: up where reward at once disappoints, down where later reward does

A modulator that is *clamped* fires so that its concentration rests at a given level; one that is *played* repeats what
another run signalled.

Whether following the cue's validity increases the reward can be tested without spikes: `observer` weighs what is seen against the cue.

Args:
    seed: of the random numbers; changes: kinds of change, in order.
    trial: number of the trial; action, stimulus: numbers.
    threads: of the simulation.
    loop: "ventral" or "dorsal".
    clamped: see `modulated_choice`; played: by modulator the signals of another run; keep: whether levels are kept.
    level: by modulator, levels at every tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuropil import rng
from neuropil.engine.simulation import Simulation
from neuropil.model.modulation.bound_effect import Target, model_of
from neuropil.model.modulation.modulator import effects_on
from neuropil.result import Result
from neuropil.units import Hz, ms, pA
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

SILENT, BLANK, SHOWN, CUED = 1.0, 50.0, 60.0, 100.0  # Hz of a neuron: at rest; of any stimulus; more if shown; of the cued one
BLUR = 0.67  # standard deviation of what is seen of a stimulus, of what is shown
URGE = 25.0  # pA, standard deviation over trials of a current into each action's neurons: the source of exploration
VALID, SOON, LATE = (1.0, 0.1), (0.7, 0.2), (0.0, 1.0)
CHANGES = ("map", "cue", "map", "delay", "map", "map", "cue", "map", "delay", "map")
ACH, NE, SEROTONIN, TRUST = 30.0, 50.0, 10.0, 0.8  # of the nuclei: signals for one unit; how fast patience follows
STEPS = 100  # of a phase, at 1 ms

Array = NDArray[Any]


@dataclass(frozen=True)
class Stream:
    """The trials of a seed.

    Attributes:
        stimulus: int[trials].
        cue: int[trials], the stimulus that is cued.
        seen: float[trials, STIMULI], what is to be seen of every stimulus: 1 for the one that is there, and blur.
        soon, late: int[trials], the actions that are so for the stimulus of the trial.
        patient: int[trials], 1 where patience pays.
        changes: trial and kind of every change.
        urge: float[trials, ACTIONS], pA.
    """

    stimulus: Array
    cue: Array
    seen: Array
    soon: Array
    late: Array
    patient: Array
    changes: tuple[tuple[int, str], ...]
    urge: Array

    @classmethod
    def of(cls, seed: int, block: int, changes: Sequence[str] = CHANGES) -> Stream:
        """Blocks of `block` trials, give or take a fifth; the first before any change."""
        g = rng.generator(seed, "rule stream")
        lengths = g.integers(block - block // 5, block + block // 5 + 1, len(changes) + 1)
        mapping, wrong, patient = cls._maps(g), int(g.integers(2)), int(g.integers(2))
        rows: list[tuple[int, ...]] = []
        starts = []
        for kind, length in zip(("", *changes), lengths.tolist(), strict=True):
            if kind:
                starts.append((len(rows), kind))
            if kind == "map":
                before = mapping
                while np.any(mapping == before):
                    mapping = cls._maps(g)
            wrong, patient = wrong ^ (kind == "cue"), patient ^ (kind == "delay")
            for _ in range(length):
                s = int(g.integers(STIMULI))
                cue = s if g.random() < VALID[wrong] else (s + int(g.integers(1, STIMULI))) % STIMULI
                rows.append((s, cue, *mapping[:, s], patient))
        stimulus, cue, soon, late, patience = np.array(rows, int).T
        seen = np.eye(STIMULI)[stimulus] + g.normal(0.0, BLUR, (len(rows), STIMULI))
        return cls(stimulus, cue, seen, soon, late, patience, tuple(starts), g.normal(0.0, URGE, (len(rows), ACTIONS)))

    @staticmethod
    def _maps(g: np.random.Generator) -> Array:
        """[2, stimuli]: the soon and the late action of each."""
        return np.array([g.permutation(ACTIONS)[:2] for _ in range(STIMULI)]).T

    def pays(self, trial: int, action: int) -> tuple[float, float]:
        """Reward at once and later."""
        patient = self.patient[trial]
        return (SOON[patient] if action == self.soon[trial] else 0.0), (LATE[patient] if action == self.late[trial] else 0.0)

    @property
    def best(self) -> Array:
        """The action that pays most, int[trials]."""
        return np.where(self.patient == 1, self.late, self.soon)


def observer(weight: float, trials: int = 50_000) -> tuple[float, float]:
    """How often the largest of "what is seen, and `weight` more for the cued stimulus" is the true one, for a cue that is always
    right, and for one that mostly is not. Log-likelihoods are what is seen over BLUR², so that for a cue of validity v the best
    weight is BLUR² ln(3 v / (1 - v)); of none below 0 is made use here.

    Args:
        trials: on which it is tried.
    """
    g = rng.generator(1, "observer")
    stimulus, turn = g.integers(STIMULI, size=trials), g.integers(1, STIMULI, size=trials)
    seen, chance = np.eye(STIMULI)[stimulus] + g.normal(0.0, BLUR, (trials, STIMULI)), g.random(trials)
    cues = (np.where(chance < valid, stimulus, (stimulus + turn) % STIMULI) for valid in VALID)
    right, wrong = (float(np.mean(np.argmax(seen + weight * np.eye(STIMULI)[cue], axis=1) == stimulus)) for cue in cues)
    return right, wrong


@dataclass(frozen=True)
class History:
    """What a run leaves.

    Attributes:
        right: bool[trials], whether the best action was chosen; reward: float[trials].
        perceived: bool[trials], whether the stimulus was perceived correctly.
        signal: by modulator, float[trials, 3], what its nucleus signalled in each phase.
        level: by modulator, float[3 trials], its concentration at every tick, base units.
        result: the whole run, if `keep`; digest: of its spikes.
    """

    right: Array
    reward: Array
    perceived: Array
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
        self.misled, self.used_to = ExpectedUncertainty(0.2), ExpectedUncertainty(0.1)
        self.unexpected, self.h = UnexpectedUncertainty(1.0), 0.5
        self.now = dict.fromkeys(MODULATORS, 0.0) | {"serotonin": SEROTONIN * self.h}
        self.sent: dict[str, list[list[float]]] = {name: [] for name in MODULATORS}

    def value(self, loop: str, stimulus: int, action: int) -> float:
        """Q: the mean value of the synapses from a stimulus to an action."""
        values = self.simulation.synapses(loop)["value"].reshape(STIMULI, PER_STIMULUS, ACTIONS, PER_ACTION)
        return float(values[stimulus, :, action].mean())

    def choose(self, seen: Array, cue: int, urge: Array) -> tuple[int, int]:
        """Show what is to be seen, with a cue; the stimulus and the action whose neurons spike most (the first of equals).

        Args:
            seen: [stimuli], what is seen.
            cue: the stimulus that is announced.
            urge: [actions], drive of the actions.

        Returns:
            The stimulus and the action.
        """
        expected = np.where(np.arange(STIMULI) == cue, CUED, SILENT)
        self._excite(np.maximum(BLANK + SHOWN * seen, 0.0), expected, urge)
        neurons = self._phase(0)
        self._excite(np.full(STIMULI, SILENT), np.full(STIMULI, SILENT), np.zeros(ACTIONS))
        spikes = np.bincount(neurons, minlength=3 * STIMULI * PER_STIMULUS + ACTIONS * PER_ACTION)
        cortex, actions = np.split(spikes[2 * STIMULI * PER_STIMULUS :], [STIMULI * PER_STIMULUS])
        return int(np.argmax(cortex.reshape(STIMULI, -1).sum(axis=1))), int(np.argmax(actions.reshape(ACTIONS, -1).sum(axis=1)))

    def learn(self, perceived: int, action: int, soon: float, late: float, *, stimulus: int, cue: int) -> None:
        """What follows a choice: dopamine in either loop, then what the other nuclei make of it.

        Args:
            perceived, action: what `choose` gave; soon, late: reward.
            stimulus: what it had been, which is now to be seen; cue: what was cued.
        """
        errors = []
        for phase, (loop, reward) in enumerate(zip(LOOPS, (soon, late), strict=True), start=1):
            delta = reward - self.value(loop, stimulus, action) if perceived == stimulus else 0.0
            errors.append(delta)
            self.now |= {f"dopamine {name}": delta if name == loop else 0.0 for name in LOOPS}
            self._phase(phase)
        self.now |= {f"dopamine {name}": 0.0 for name in LOOPS}
        self.now["acetylcholine"] = ACH * self.misled.update(float(cue != stimulus))
        total, usual = sum(errors), self.used_to.level
        self.unexpected.update(min(total, 0.0), usual)
        self.used_to.update(total)
        self.now["norepinephrine"] = NE * self.unexpected.level
        beyond = [np.sign(e) * max(0.0, abs(e) - usual) for e in errors]
        self.h = float(np.clip(self.h + TRUST * (beyond[1] - beyond[0]), 0.0, 1.0))
        self.now["serotonin"] = SEROTONIN * self.h

    def _excite(self, thalamus: Array, expecting: Array, urge: Array) -> None:
        for name, rate in (("thalamus", thalamus), ("expecting", expecting)):
            self.simulation.set_state(name, "rate", np.repeat(rate, PER_STIMULUS) * Hz)
        self.simulation.set_drive("urge", np.repeat(urge, PER_ACTION) * pA)

    def _phase(self, phase: int) -> Array:
        trial = len(self.sent[MODULATORS[0]]) - (phase > 0)
        for name in MODULATORS:
            signal = 0.0 if name in self.clamped else float(self.played[name][trial, phase]) if name in self.played else self.now[name]
            self.simulation.modulators[name].set_signal(signal)
            if phase == 0:
                self.sent[name].append([])
            self.sent[name][-1].append(signal)
        return self.simulation.step(STEPS)[1]


def run_stream(
    stream: Stream, seed: int, clamped: dict[str, Any] | None = None, played: dict[str, Array] | None = None, *,
    threads: int = 1, keep: bool = False,
) -> History:  # fmt: skip
    """A whole run on a stream; see `Brain` for the arguments."""
    brain = Brain(seed, clamped, played, threads=threads)
    trials = stream.stimulus.size
    perceived, action, reward = np.zeros(trials, int), np.zeros(trials, int), np.zeros(trials)
    for t, (stimulus, cue) in enumerate(zip(stream.stimulus.tolist(), stream.cue.tolist(), strict=True)):
        saw, did = brain.choose(stream.seen[t], cue, stream.urge[t])
        soon, late = stream.pays(t, did)
        perceived[t], action[t], reward[t] = saw, did, soon + late
        brain.learn(saw, did, soon, late, stimulus=stimulus, cue=cue)
    result = brain.simulation.run(3 * trials * TICK)
    level = {name: result.modulators[name].values[:, 0] for name in MODULATORS}
    sent = {name: np.array(signals) for name, signals in brain.sent.items()}
    return History(action == stream.best, reward, perceived == stream.stimulus, sent, level, result if keep else None, result.summary["digest"])


def parameters(level: dict[str, Array]) -> dict[str, Array]:
    """What the modulators made of parameters at every tick: "ventral.rate", "action.gain", …, base units."""
    net, made = modulated_choice(), {}
    targets: list[Target] = [net["action"], *net.projections]
    for target in targets:
        for name, effects in effects_on(net.modulators, target).items():
            value: Any = getattr(model_of(target, name), name)
            value = np.full(next(iter(level.values())).size, getattr(value, "value", value))
            for effect in effects:
                value = effect.apply(value, level[effect.modulator], 0.0)
            made[f"{target.name}.{name}"] = value
    return made
