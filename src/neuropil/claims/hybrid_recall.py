"""The task and the network of D6: values bound to cues within a trial, by fast weights whose rule is trained.

A trial shows `PAIRS` pairs of a cue and a value, waits, and shows one of the cues again; the answer is its value. Cues are overlapping patterns
of input spikes; which value goes with which is drawn anew for every trial, so that it cannot be learnt in training. Trials follow each
other without a reset, so that earlier bindings must decay.

    cue ──→ hidden ──(fast weights)──→ value ←── given         given ──→ hidden, hidden ──→ hidden

Spikes of `given` make the value's neuron fire while a pair is shown. A spike of a target adds to the fast weights of the sources that were
active shortly before (`FastWeights`).

Args:
    rng: numbers of NumPy.
    patterns: bool[CUES, INPUTS], the input spikes of each cue.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from neuropil.engine.simulation import Simulation
from neuropil.learn import FreeParameters, Rollout, Surrogate, Trainable
from neuropil.model import AllToAll, Network, Normal, OneToOne, SpikeList
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.fast_weights import FastWeights

INPUTS, ACTIVE, CUES, VALUES, PAIRS, HIDDEN = 12, 5, 6, 3, 3, 24
SHOWN, SILENT, WAIT, EVERY = 12, 8, 20, 3
"""Steps of 1 ms: a pair, the pause after it, the wait before the question, and between spikes of one input."""
STEPS = PAIRS * (SHOWN + SILENT) + WAIT + SHOWN + SILENT
ASKED = STEPS - SHOWN - SILENT
BATCH, RATE = 32, 0.02
Tree = dict[str, Any]


def network(learns: bool) -> Network:
    """The network, with its rule at work or not (`learns`)."""
    net = Network("recall")
    cue, given = net.population("cue", Relay(), INPUTS), net.population("given", Relay(), VALUES)
    hidden = net.population("hidden", LIFDelta(t_ref=1 * ms, tau_m=10 * ms), HIDDEN)
    value = net.population("value", LIFDelta(t_ref=1 * ms, tau_m=10 * ms), VALUES)
    drawn = {"cue→hidden": (cue, 1 * mV, 4 * mV), "given→hidden": (given, 0 * mV, 0.5 * mV), "hidden→hidden": (hidden, -0.3 * mV, 0.3 * mV)}
    for name, (source, mean, spread) in drawn.items():
        net.project(source, hidden, AllToAll(), weight=Normal(mean, spread), delay=1 * ms, port="syn", name=name)
    net.project(given, value, OneToOne(), weight=20 * mV, delay=2 * ms, port="syn", name="given→value")
    rule = FastWeights(start=0.1, eta_fast=0.05 if learns else 0.0, eta_slow=0.0, tau_fast=100 * ms)
    net.project(hidden, value, AllToAll(), weight=Normal(2 * mV, 0.4 * mV), delay=1 * ms, port="syn", synapse=rule, name="fast")
    net.probe(value, "v", name="v")
    return net


def trained(net: Network, learns: bool) -> list[Trainable]:
    """What gradients change: slow weights, and of a rule at work its rate and windows.

    Args:
        net: from `network`.
        learns: the rule is at work.
    """
    by_name = {p.name: p for p in net.projections}
    slow = [Trainable(by_name[n], "weight") for n in ("cue→hidden", "given→hidden", "hidden→hidden", "fast")]
    rule = [Trainable(by_name["fast"], "eta_fast", bounds=(0.0, 1.0)), Trainable(by_name["fast"], "tau_fast"), Trainable(by_name["fast"], "tau")]
    return slow + rule if learns else slow


def cues(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Patterns of the cues, bool[CUES, INPUTS], all different."""
    while True:
        made = np.array([rng.permutation(INPUTS) < ACTIVE for _ in range(CUES)])
        if len(np.unique(made, axis=0)) == CUES:
            return made


def trials(rng: np.random.Generator, patterns: NDArray[np.bool_], count: int, length: int = 2, block: int = 1) -> tuple[Tree, NDArray[np.int64]]:
    """Samples of some trials one after the other, without a pause.

    Args:
        rng, patterns: see the module.
        count: samples.
        length: trials of each.
        block: trials after which cues and values are drawn anew.

    Returns:
        Spikes of `cue` and `given`, each [count, length · STEPS, neurons], and the answers, [count, length].
    """
    blocks = -(-length // block)
    draw = [(np.stack([rng.permutation(CUES)[:PAIRS] for _ in range(count)]), np.stack([rng.permutation(VALUES)[:PAIRS] for _ in range(count)])) for _ in range(blocks)]
    asked = rng.integers(PAIRS, size=(count, length))
    spikes = {"cue": np.zeros((count, length * STEPS, INPUTS), np.float32), "given": np.zeros((count, length * STEPS, VALUES), np.float32)}
    rows, answers = np.arange(count), np.empty((count, length), np.int64)
    for trial in range(length):
        which, value = draw[trial // block]
        for t in trial * STEPS + np.arange(0, SHOWN, EVERY):
            for pair in range(PAIRS):
                shift = pair * (SHOWN + SILENT)
                spikes["cue"][:, t + shift] = patterns[which[:, pair]]
                spikes["given"][rows, t + shift + 1, value[:, pair]] = 1.0
            spikes["cue"][:, t + ASKED] = patterns[which[rows, asked[:, trial]]]
        answers[:, trial] = value[rows, asked[:, trial]]
    return spikes, answers


def score(fired: Any, potential: Any) -> Any:
    """Spikes and mean potentials of the values' neurons after each question, [trials, VALUES].

    Args:
        fired: spikes of every step, [trials · STEPS, VALUES].
        potential: mV, likewise.
    """
    each = fired + 0.2 * (potential + 65.0) / (STEPS - ASKED)
    return each.reshape(-1, STEPS, VALUES)[:, ASKED:].sum(axis=1)


class Arm:
    """One way of learning, compiled once for all seeds.

    Args:
        learns: fast weights change within a trial.
    """

    def __init__(self, learns: bool):
        net = network(learns)
        self.rollout = Rollout(net, dt=1 * ms, surrogate=Surrogate("triangle", 0.5, 0.5))
        self.free = FreeParameters(self.rollout, trained(net, learns))
        self.optimiser = optax.adam(RATE)
        self.step, self.error = jax.jit(self._step), jax.jit(self._error)

    def start(self, seed: int) -> Tree:
        """Free numbers drawn for a seed: weights anew, all else as described."""
        rng = np.random.default_rng([seed, 6])
        drawn = {}
        for label, values in self.free.start.items():
            mean, spread = values.mean(), values.std()
            drawn[label] = rng.normal(mean, spread, values.shape).astype(np.float32) if values.ndim else values
        return drawn

    def logits(self, parameters: Tree, state: Tree, spikes: Tree) -> Any:
        """`score` of samples, [samples, trials, VALUES].

        Args:
            parameters, state: as of `Rollout.apply`.
            spikes: from `trials`.
        """
        empty = self.rollout.inputs(spikes["cue"].shape[1])

        def one(cue: Any, given: Any) -> Any:
            rolled = self.rollout.apply(parameters, state, {**empty, "events": {"cue": {"spikes": cue}, "given": {"spikes": given}}})
            return score(rolled.spikes["value"], rolled.traces["v"])

        return jax.vmap(one)(spikes["cue"], spikes["given"])

    def loss(self, free: Tree, spikes: Tree, answer: Any) -> Any:
        """Mean cross-entropy.

        Args:
            free: free numbers.
            spikes, answer: from `trials`.
        """
        logits = self.logits(*self.free.values(free), spikes)
        return optax.softmax_cross_entropy_with_integer_labels(logits, answer).mean()

    def _step(self, free: Tree, memory: Any, spikes: Tree, answer: Any) -> tuple[Tree, Any]:
        moves, memory = self.optimiser.update(jax.grad(self.loss)(free, spikes, answer), memory)
        return jax.tree.map(lambda x, d: x + d, free, moves), memory

    def _error(self, parameters: Tree, state: Tree, spikes: Tree, answer: Any) -> Any:
        logits = self.logits(parameters, state, spikes)
        return jnp.mean(jnp.argmax(logits, axis=-1) != answer)

    def train(self, seed: int, patterns: NDArray[np.bool_], iterations: int, only: frozenset[str] | None = None) -> Tree:
        """Free numbers after training on new trials in every iteration.

        Args:
            seed: of weights and trials.
            patterns: see the module.
            iterations: of the optimiser.
            only: labels of what changes; None: everything.
        """
        free = self.start(seed)
        memory, rng = self.optimiser.init(free), np.random.default_rng([seed, 7])
        for _ in range(iterations):
            after, memory = self.step(free, memory, *trials(rng, patterns, BATCH))
            free = after if only is None else {n: after[n] if n in only else v for n, v in free.items()}
        return free

    def mistakes(self, free: Tree, spikes: Tree, answer: Any, fixed: Tree | None = None) -> float:
        """The share of wrong answers.

        Args:
            free: free numbers.
            spikes, answer: of `trials`.
            fixed: constants of the rule, in place of the trained ones.
        """
        parameters, state = self.free.values(free)
        synapses = {**parameters["synapses"], "fast": {**parameters["synapses"]["fast"], **(fixed or {})}}
        return float(self.error({**parameters, "synapses": synapses}, state, spikes, answer))


def stream(made: Network, rng: np.random.Generator, patterns: NDArray[np.bool_], blocks: int, length: int, frozen: bool) -> NDArray[np.bool_]:
    """Mistakes of the trained network in the engine, in one run; cues and values change after every block of trials.

    Args:
        made: the network with the trained values; plasticity is at work.
        rng, patterns: see the module.
        blocks, length: how many, and trials of each.
        frozen: switch plasticity off after the first block.

    Returns:
        bool[blocks, length].
    """
    spikes, answers = trials(rng, patterns, 1, blocks * length, length)
    for name, of in spikes.items():
        step, neuron = np.argwhere(of[0]).T
        made.stimulate(made[name], SpikeList((step + 1) * ms, neuron), port="spikes", weight=1.0)
    with Simulation(made, dt=1 * ms, precision="float64") as sim:
        sim.run(length * STEPS * ms)
        if frozen:
            sim.plasticity = {"fast": False}
        result = sim.run((blocks - 1) * length * STEPS * ms)
    fired = result.spikes.of("value")
    counts = np.zeros((blocks * length * STEPS, VALUES))
    np.add.at(counts, (fired.step - 1, fired.neuron), 1.0)
    said = score(counts, result.traces["v"].values).argmax(axis=-1)
    return (said != answers[0]).reshape(blocks, length)
