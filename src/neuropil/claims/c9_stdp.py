"""C9: spike-timing-dependent plasticity, and why stacking it does not make a deep network.

Three experiments. Additive STDP makes the weights of one neuron bimodal (Song, Miller & Abbott 2000: 1000 Poisson sources of 15
Hz, A₊ = 0.005, A₋ = 1.05·A₊, 20 ms) after long enough. Pairs at ±10 ms and 40 Hz, by the
pair rule and the minimal triplet rule (Pfister & Gerstner 2006). And digits: layers that learn by STDP alone, one after the other,
each with a linear readout on its answers, against the same layers trained by backpropagation.

The layers of digits are those of Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018 (Neural Netw. 99:56) without convolution: a
pixel spikes once, the earlier the brighter; a neuron spikes when the weights of the inputs that have spiked reach its threshold; the
first one wins, and learns by w ← w + a·w·(1 - w) for inputs that came before it, w ← w - b·w·(1 - w) for the others. A winner's threshold
rises and all others' fall a little, so that every neuron wins at times. A layer passes on how early each neuron spiked.

Args:
    seed: of the random numbers; seconds: biological time of learning.
    rule: a learning rule; lag: of the target's spike after the source's, ms; pairings: their number.
    x: [inputs], a pattern, 0 to 1; patterns: several.
    train, test: [samples, features]; y, truth: int64[samples], their classes.
    steps: of gradient descent; passes: over the images.
    images: [images, inputs]; labels: int64[images].
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from neuropil import rng
from neuropil.claims.claim import Claim, Condition, Findings, Measured, Trial
from neuropil.claims.drawing import SERIES, label, legend, panels
from neuropil.engine import Simulation
from neuropil.errors import NeuropilError
from neuropil.model import AllToAll, Network, OneToOne, Poisson, SpikeList, Synapse
from neuropil.units import Hz, ms, mV, nS, pF
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.lif_cond import LIFCondExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP
from neuropil.zoo.plasticity.triplet_stdp import VISUAL, TripletSTDP

SOURCES, SECONDS = 1000, 2000
EDGE, LEAST_AT_BOUNDS, LEAST_EACH = 0.2, 0.7, 0.1
FREQUENCIES, LAG, PAIRINGS = (1.0, 10.0, 20.0, 40.0, 50.0), 10.0, 60
WIDTHS, BINS, HELD_OUT = (128, 128, 128), 16, 0.3
UP, DOWN, PASSES = 0.1, 0.05, 4  # of STDP in the layers
MOST_GAIN = 0.01
Floats = NDArray[np.float64]


# --- weights of one neuron -------------------------------------------------------------------------------------------


def competing(seed: int, seconds: float) -> Floats:
    """Efficacies of the synapses of one neuron after learning."""
    network = Network("competition")
    source = network.population("source", PoissonSource(rate=15 * Hz), SOURCES)
    membrane = LIFCondExp(
        c_m=200 * pF, g_l=10 * nS, e_l=-70 * mV, v_th=-54 * mV, v_reset=-60 * mV, t_ref=0.2 * ms, e_inh=-70 * mV,
        tau_exc=5 * ms, tau_inh=5 * ms,
    )  # fmt: skip
    target = network.population("target", membrane, 1)
    rule = AdditiveSTDP(a_plus=0.005, a_minus=1.05 * 0.005)
    network.project(source, target, AllToAll(), weight=0.15 * nS, delay=0.2 * ms, port="exc", synapse=rule, name="learning")
    network.stimulate(target, Poisson(200 * 10 * Hz), port="inh", weight=0.5 * nS)
    return _learned(network, seconds * 1000.0, 0.2, seed)


def _learned(network: Network, duration: float, dt: float, seed: int = 1) -> Floats:
    simulation = Simulation(network, dt=dt * ms, seed=seed, threads=1, record_spikes=False)
    try:
        simulation.run(duration * ms)
        return simulation.synapses("learning")["efficacy"]
    finally:
        simulation.close()


# --- pairs at a frequency --------------------------------------------------------------------------------------------


def paired(rule: Synapse, lag: float, pairings: int) -> Floats:
    """Change of the weight by so many pairings at each frequency, over the first weight; the rule starts at a half."""
    network, n = Network("pairing"), len(FREQUENCIES)
    source, target = network.population("source", Relay(), n), network.population("target", LIFDelta(), n)
    trains = np.round([100.0 + np.arange(pairings) * 1000.0 / f for f in FREQUENCIES])
    who = np.repeat(np.arange(n), pairings)
    network.stimulate(source, SpikeList((trains.ravel() - 1.0) * ms, who), port="spikes", weight=1.0)
    # 100 mV at once: the target spikes at the given time, and the effect of its synapses is negligible.
    network.stimulate(target, SpikeList((trains.ravel() + lag) * ms, who), port="syn", weight=100 * mV)
    network.project(source, target, OneToOne(), weight=0.001 * mV, delay=1 * ms, port="syn", synapse=rule, name="learning")
    return (_learned(network, float(trains.max()) + 200.0, 1.0) - 0.5) / 0.5


def both_orders(rule: Synapse, pairings: int) -> dict[float, Floats]:
    """For pre before post and post before pre."""
    return {lag: paired(rule, lag, pairings) for lag in (LAG, -LAG)}


# --- layers of digits ------------------------------------------------------------------------------------------------


def digits() -> tuple[Floats, NDArray[np.int64]]:
    """The 1797 digits of scikit-learn, 8 by 8, from 0 to 1, and what they are.

    Raises:
        NeuropilError: scikit-learn is not installed.
    """
    try:
        load = import_module("sklearn.datasets").load_digits
    except ImportError:
        raise NeuropilError("scikit-learn, which has the digits data set, is not installed", fix="pip install 'neuropil[claims]'") from None
    bunch = load()
    return np.asarray(bunch.data, float) / 16.0, np.asarray(bunch.target, np.int64)


class Layer:
    """Neurons that spike once each, by the order in which their inputs spike.

    Args:
        inputs: their number.
        neurons: their number.
        draw: generator of random numbers.

    Attributes:
        w: [inputs, neurons], from 0 to 1; threshold: [neurons], as a part of the inputs' mean drive.
    """

    def __init__(self, inputs: int, neurons: int, draw: np.random.Generator):
        self.w = draw.uniform(0.3, 0.7, (inputs, neurons))
        self.threshold = np.full(neurons, 0.5)

    def potentials(self, x: Floats) -> Floats:
        """Summed weights of the inputs that have spiked by each bin [bins, neurons]; those of zero never spike."""
        when = np.where(x > 0.0, np.floor((1.0 - x) * (BINS - 1)), BINS)
        spiked = when[None, :] <= np.arange(BINS)[:, None]
        return spiked @ self.w

    def earliness(self, x: Floats) -> Floats:
        """How early each neuron spikes: 1 in the first bin, 0 never [neurons]."""
        v = self.potentials(x)
        above = v >= self.threshold * max(v[-1].mean(), 1e-9)
        first = np.where(above.any(0), above.argmax(0), BINS)
        return 1.0 - first / BINS

    def learn(self, x: Floats) -> None:
        """One pattern: the first to spike wins, at a tie the one that is most above its threshold."""
        v = self.potentials(x)
        over = v - self.threshold * max(v[-1].mean(), 1e-9)
        bins = np.flatnonzero((over >= 0.0).any(1))
        if bins.size:
            winner = int(over[bins[0]].argmax())
            before = np.where(x > 0.0, np.floor((1.0 - x) * (BINS - 1)), BINS) <= bins[0]
            w = self.w[:, winner]
            self.w[:, winner] = w + np.where(before, UP, -DOWN) * w * (1.0 - w)
            self.threshold[winner] += 0.01
        self.threshold -= 0.01 / self.threshold.size

    def answers(self, patterns: Floats) -> Floats:
        """Earliness for every pattern."""
        return np.array([self.earliness(x) for x in patterns])


def probe(train: Floats, y: NDArray[np.int64], test: Floats, truth: NDArray[np.int64]) -> float:
    """Accuracy of a linear readout, by ridge regression on one-hot answers."""
    mean, scale = train.mean(0), train.std(0) + 1e-6
    a, b = ((np.c_[(x - mean) / scale, np.ones(len(x))]) for x in (train, test))
    w = np.linalg.solve(a.T @ a + 10.0 * np.eye(a.shape[1]), a.T @ np.eye(10)[y])
    return float(np.mean((b @ w).argmax(1) == truth))


def trained_by_gradient(train: Floats, y: NDArray[np.int64], test: Floats, truth: NDArray[np.int64], seed: int, steps: int) -> float:
    """Accuracy of as many layers of rectifiers, and the readout, trained together by Adam (Kingma & Ba 2015)."""
    sizes = (train.shape[1], *WIDTHS, 10)
    keys = jax.random.split(jax.random.key(seed), len(sizes) - 1)
    p = [(jax.random.normal(k, (a, b)) * np.sqrt(2.0 / a), jnp.zeros(b)) for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)]
    inputs, target = jnp.asarray(train), jnp.asarray(np.eye(10)[y])

    def answer(p: Any, x: Any) -> Any:
        for w, b in p[:-1]:
            x = jax.nn.relu(x @ w + b[None])
        return x @ p[-1][0] + p[-1][1][None]

    def loss(p: Any) -> Any:
        return -jnp.mean(jnp.sum(target * jax.nn.log_softmax(answer(p, inputs)), axis=1))

    optimiser = optax.adam(0.003)

    def step(carry: Any, _: Any) -> Any:
        p, state = carry
        moves, state = optimiser.update(jax.grad(loss)(p), state)
        return (optax.apply_updates(p, moves), state), None

    p, _ = jax.lax.scan(step, (p, optimiser.init(p)), None, steps)[0]
    return float(np.mean(np.asarray(answer(p, jnp.asarray(test))).argmax(1) == truth))


def accuracies(seed: int, images: Floats, labels: NDArray[np.int64], passes: int, steps: int) -> dict[str, float]:
    """Readouts of the pixels, of one to three local layers, of layers that never learned, and backpropagation."""
    draw = rng.generator(seed, "C9")
    order = draw.permutation(len(images))
    cut = int(HELD_OUT * len(images))
    test, train = images[order[:cut]], images[order[cut:]]
    truth, y = labels[order[:cut]], labels[order[cut:]]
    found = {"pixels": probe(train, y, test, truth)}
    for kind in ("local", "unlearned"):
        a, b = train, test
        for depth, width in enumerate(WIDTHS, 1):
            layer = Layer(a.shape[1], width, draw)
            for _ in range(passes if kind == "local" else 0):
                for i in draw.permutation(len(a)):
                    layer.learn(a[i])
            a, b = layer.answers(a), layer.answers(b)
            found[f"{kind} {depth}"] = probe(a, y, b, truth)
    return found | {"backprop": trained_by_gradient(train, y, test, truth, seed, steps)}


# --- the claim -------------------------------------------------------------------------------------------------------


def run(trial: Trial) -> Findings:
    """All three experiments."""
    try:
        images, labels = digits()
    except NeuropilError as error:
        return Findings(untestable=f"{error.what}: {error.fix}")
    if trial.quick:
        images, labels = images[:600], labels[:600]
    seconds, pairings = trial.size(SECONDS, 12), trial.size(PAIRINGS, 60)
    half = {n: 0.5 * v if n[0] == "a" else v for n, v in VISUAL["minimal"].items()}
    triplet = both_orders(TripletSTDP(**half), pairings)
    pair = both_orders(AdditiveSTDP(a_plus=0.0025, a_minus=0.002625), pairings)
    weights: list[Floats] = []

    def once(seed: int) -> dict[str, float]:
        weights.append(competing(seed, seconds))
        bounds = {"low": float(np.mean(weights[-1] < EDGE)), "high": float(np.mean(weights[-1] > 1.0 - EDGE))}
        return bounds | accuracies(seed, images, labels, trial.size(PASSES, 1), trial.size(600, 150))

    found = trial.each_seed(once)
    low, high = (Measured.over_seeds(f"weights {side}", found[key]) for side, key in ((f"below {EDGE}", "low"), (f"above {1 - EDGE}", "high")))
    both = Measured.over_seeds("weights near either bound", found["low"] + found["high"])
    names = {"pixels": "readout of the pixels", "backprop": "three layers by backpropagation"}
    names |= {f"local {d}": f"readout of local layer {d}" for d in (1, 2, 3)} | {f"unlearned {d}": f"readout of layer {d}, unlearned" for d in (1, 2, 3)}
    accuracy = {k: Measured.over_seeds(n, found[k], control=k == "pixels" or k.startswith("un")) for k, n in names.items()}
    gain = {d: Measured.over_seeds(f"gain of {d} local layers over one", found[f"local {d}"] - found["local 1"]) for d in (2, 3)}
    short = Measured.over_seeds("backpropagation over the best of 2 and 3 local layers", found["backprop"] - np.maximum(found["local 2"], found["local 3"]))
    at = FREQUENCIES.index(40.0)
    changes = {
        (name, lag): Measured.exact(f"{name} rule, {lag:+g} ms at 40 Hz, change of the weight", values[lag][at])
        for name, values in (("triplet", triplet), ("pair", pair)) for lag in (LAG, -LAG)
    }  # fmt: skip
    return Findings(
        [low, high, both, *changes.values(), *accuracy.values(), *gain.values(), short],
        [
            Condition.at_least(both, LEAST_AT_BOUNDS), Condition.at_least(low, LEAST_EACH), Condition.at_least(high, LEAST_EACH),
            Condition.fact("at 40 Hz the triplet rule potentiates for +10 ms and for -10 ms", min(changes["triplet", g].value for g in (LAG, -LAG)) > 0),
            Condition.fact("at 40 Hz the pair rule does not", min(changes["pair", g].value for g in (LAG, -LAG)) < 0),
            *(Condition.at_most(g, MOST_GAIN) for g in gain.values()), Condition.at_least(short, 0.0),
        ],
        notes=[
            "The readout sees labels, the layers never do: what STDP lacks is not a readout but a signal that changes a lower layer so that a higher one improves.",
            "One construction of local layers (order of spikes, winner takes all, no convolution, no pooling) does not represent all; Kheradpisheh "
            "& al. 2018 report 98.4 % on MNIST with convolutions, pooling and a support-vector readout of the last layer.",
            f"{SECONDS} s of Song's rule: on a seed of its own, 11, the share near the bounds grew to 0.89 by 1500 s and stayed there. A first run of this "
            "claim had four times the paper's amplitudes, for 150 s, to save time: the larger steps left 0.58 near the bounds.",
        ],
        figure=_figure(weights[0], triplet, pair, accuracy),
    )  # fmt: skip


def _figure(weights: Floats, triplet: dict[float, Floats], pair: dict[float, Floats], accuracy: dict[str, Measured]) -> Any:
    figure, (left, middle, right) = panels(3, width=3.2)
    left.hist(weights, bins=np.linspace(0.0, 1.0, 21), color=SERIES[0])
    label(left, "weight over the largest", "synapses", "Song 2000")
    for i, (name, values) in enumerate((("triplet", triplet), ("pair", pair))):
        for lag, style in ((LAG, "-"), (-LAG, "--")):
            middle.plot(FREQUENCIES, values[lag], style, marker="o", markersize=3, color=SERIES[i], label=f"{name}, {lag:+g} ms")
    middle.axhline(0.0, color="black", linewidth=0.6)
    label(middle, "frequency of pairings (Hz)", "change of the weight", "60 pairings")
    legend(middle)
    names = list(accuracy)
    right.errorbar([m.value for m in accuracy.values()], range(len(names)), fmt="o", color=SERIES[2], markersize=4)
    right.set_yticks(range(len(names)), names, fontsize=7)
    label(right, "accuracy on held-out digits", "", "Digits")
    return figure


CLAIM = Claim(
    id="C9",
    title="STDP, and why deep networks do not learn by it alone",
    article="000, Gap 5",
    says="STDP is biologically validated but purely local, without credit assignment for distant layers; deep networks trained with STDP alone fail.",
    source="Bi & Poo (1998) J. Neurosci. 18:10464; Song, Miller & Abbott (2000) Nat. Neurosci. 3:919; Pfister & Gerstner (2006) J. Neurosci. 26:9673; "
    "Kheradpisheh et al. (2018) Neural Netw. 99:56",
    traceable=True,
    tag="PART",
    criterion="Additive STDP leaves at least 70 % of the weights in the outer fifths, at least 10 % in each; at 40 Hz the triplet rule potentiates at "
    "+10 ms and -10 ms and the pair rule does not; a readout of 2 or 3 local layers is at most 1 point better than of one, and below backpropagation.",
    scope="One neuron of 1000 plastic synapses; scripted pairs of spikes; three layers of 128 neurons on the 8 by 8 digits, in five seeds.",
    run=run,
    wrong="'Fail' is too strong: convolutional layers learned by STDP alone, with pooling and a trained readout, are reported at 98.4 % on MNIST "
    "(Kheradpisheh 2018), a single layer at 95 % (Diehl & Cook 2015).",
)
