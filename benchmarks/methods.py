"""Gradients of e-prop, EventProp and truncation beside backpropagation through time: cosines and norms over five draws of weights, and memory.

    python benchmarks/methods.py

Writes the tables of docs/training_methods.md (between the marks there) and docs/benchmarks/methods.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from common import PAGES, ROOT, machine, table

import neuropil as npl
from neuropil.learn.methods import Comparison, EProp, Method, Truncated
from neuropil.units import Hz, ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

GUIDE = ROOT / "docs" / "training_methods.md"
BEGIN, END = "<!-- written by benchmarks/methods.py -->\n", "<!-- end -->\n"
DRAWS, STEPS, DT = 5, 400, 0.1 * ms
METHODS: tuple[str | Method, ...] = ("bptt", EProp(), EProp("random"), "eventprop", Truncated(50))
KINDS = {"one hidden layer": (1, False), "one hidden layer, recurrent": (1, True), "two hidden layers": (2, False)}


def network(layers: int, recurrent: bool) -> npl.FreeParameters:
    """Relays that spike at random, one or two hidden layers of ten neurons with current synapses, a readout; all weights are trained."""
    net = npl.Network("methods")
    before = net.population("source", Relay(), 8)
    net.stimulate(before, npl.Poisson(150 * Hz), port="spikes", weight=1.0)
    wires = []
    for k in range(layers):
        hidden = net.population(f"hidden {k + 1}", LIFExp(tau_exc=2 * ms, t_ref=1 * ms), 10)
        mean = 400 if k == 0 else 300
        wires += net.project(before, hidden, npl.AllToAll(), weight=npl.Normal(mean * pA, 200 * pA), delay=0.5 * ms, port="exc", name=f"to {hidden.name}")
        if recurrent:
            wires += net.project(hidden, hidden, npl.AllToAll(allow_self=False), weight=npl.Normal(0 * pA, 150 * pA), delay=1 * ms, port="exc", name=f"within {hidden.name}")
        before = hidden
    out = net.population("out", LeakyReadout(tau=10 * ms), 2)
    wires += net.project(before, out, npl.AllToAll(), weight=npl.Normal(0.0, 1.0), delay=0.5 * ms, port="syn", name="to out")
    net.probe(out, "y", name="y")
    rollout = npl.Rollout(net, dt=DT, precision="float64", surrogate=npl.surrogate("triangle", width=0.5))
    return npl.FreeParameters(rollout, [npl.Trainable(w, "weight") for w in wires])


def loss(rolled: Any) -> Any:
    """The squared difference of the readout to a slow sine."""
    return jnp.mean((rolled.traces["y"] - jnp.sin(jnp.arange(STEPS) / 40.0)[:, None]) ** 2)


def label_of(method: str | Method) -> str:
    """As tables name it."""
    return {"EProp": f"e-prop, {getattr(method, 'feedback', '')} feedback", "Truncated": f"windows of {getattr(method, 'window', 0)} steps"}.get(type(method).__name__, str(method))


def drawn(free: npl.FreeParameters, seed: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Weights in another order within each projection, and other input spikes."""
    random = np.random.default_rng(seed)
    inputs = free.rollout.inputs(STEPS)
    spikes = inputs["events"]["source"]["spikes"]
    inputs["events"] = {"source": {"spikes": (random.uniform(size=spikes.shape) < spikes.mean()).astype(spikes.dtype)}}
    return {label: random.permutation(values) for label, values in free.start.items()}, inputs


def compared() -> dict[str, dict[str, list[dict[str, float]]]]:
    """Kind of network -> method -> for each draw the cosine to BPTT over everything and by projection ("to hidden 1"), and the ratio of norms."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for kind, (layers, recurrent) in KINDS.items():
        free = network(layers, recurrent)
        draws = [drawn(free, seed) for seed in range(1, DRAWS + 1)]
        slopes = {}
        with jax.enable_x64(True):
            for method in METHODS:
                gradient = jax.jit(npl.methods.method_of(method).gradient(free.rollout, free.values, lambda rolled: (loss(rolled), None)))
                slopes[label_of(method)] = [jax.device_get(gradient(weights, inputs)[1]) for weights, inputs in draws]
        found[kind] = {label_of(m): [] for m in METHODS[1:]}
        for name, rows in found[kind].items():
            for mine, truth in zip(slopes[name], slopes["bptt"], strict=True):
                made = Comparison("bptt", {"bptt": truth, name: mine}, {})
                row = {"all": made.cosine(name), "norm": made.norm(name) / made.norm("bptt")}
                rows.append(row | {label.removesuffix(".weight"): made.cosine(name, label) for label in free.start})
    return found


def memory() -> dict[str, list[float]]:
    """Temporary memory of the compiled gradient for 500 and 2,000 steps, kB."""
    free, found = network(1, True), {}
    for method in ("bptt", EProp()):
        sizes = []
        with jax.enable_x64(True):
            for steps in (500, 2000):
                gradient: Callable[..., Any] = npl.methods.method_of(method).gradient(free.rollout, free.values, lambda rolled: (jnp.mean(rolled.traces["y"] ** 2), None))
                compiled = jax.jit(gradient).lower(free.start, free.rollout.inputs(steps)).compile()
                sizes.append(compiled.memory_analysis().temp_size_in_bytes / 1000)
        found["BPTT" if method == "bptt" else "e-prop"] = sizes
    return found


def page(raw: dict[str, Any]) -> str:
    """The tables."""
    text = ""
    for kind, methods in raw["cosines"].items():
        columns = [c for c in next(iter(methods.values()))[0] if c != "norm"]
        rows = []
        for name, draws in methods.items():
            cells = [spread([d[c] for d in draws]) for c in columns]
            rows.append([name, *cells, spread([d["norm"] for d in draws])])
        text += f"\n{kind}:\n\n" + table(["cosine to BPTT", *("all weights" if c == "all" else c for c in columns), "norm / BPTT's"], rows)
    sizes = "; ".join(f"{name} {of[0]:.0f} and {of[1]:.0f} kB" for name, of in raw["memory"].items())
    return text + f"\nMemory of a gradient for 500 and 2,000 steps of the recurrent network: {sizes}.\n"


def spread(values: list[float]) -> str:
    """Median and range; in words where a method gives zero."""
    if np.isnan(values).any():
        return "zero"
    return f"{np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """The command line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    raw = {"machine": machine(), "draws": DRAWS, "steps": STEPS, "cosines": compared(), "memory": memory()}
    (PAGES / "methods.json").write_text(json.dumps(raw, indent=1) + "\n")
    guide = GUIDE.read_text(encoding="utf-8")
    before, rest = guide.split(BEGIN)
    GUIDE.write_text(before + BEGIN + page(raw) + "\n" + END + rest.split(END)[1], encoding="utf-8")
    print(page(raw))


if __name__ == "__main__":
    main()
