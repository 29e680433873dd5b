"""Malformed data sets, losses and options of a training: each ends in an error of neuropil that says what it was about, before anything is compiled.

Why to believe it: more than 300 cases, each with a word that the message must contain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import optax
import pytest

import neuropil as npl
from neuropil.errors import NeuropilError
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

NAN, INF = float("nan"), float("inf")
X, Y = np.random.default_rng(0).uniform(size=(6, 3)), np.array([0, 1, 0, 1, 0, 1])
EVENTS = np.zeros((6, 5, 3))
data, losses = npl.data, npl.losses


def network() -> npl.Network:
    net = npl.Network("malformed")
    source, inner, output = net.population("input", Relay(), 3), net.population("hidden", LIFDelta(), 4), net.population("output", LeakyReadout(), 2)
    net.project(source, inner, npl.AllToAll(), weight=5 * mV, delay=1 * ms, port="syn", name="in")
    net.project(inner, output, npl.AllToAll(), weight=1.0, delay=1 * ms, port="syn", name="out")
    return net


NET = network()


def fitted(samples: Any = (X, Y), net: Any = NET, **options: Any) -> Any:
    options = {"encoder": data.LatencyEncoder(5 * ms), "epochs": 1, "checks": False, "backend": "jax", **options}
    return npl.fit(net, samples, **options)


OPTIONS: dict[str, tuple[str, list[Any]]] = {
    "epochs": ("epochs", [-1, 1.5, "3", None, True, NAN, [1]]),
    "batch": ("batch", [0, -2, 2.5, "all", True, NAN, (3,)]),
    "seed": ("seed", [-1, 1.5, "one", None, True, 2**63, NAN]),
    "clip": ("clip", [0, -1.0, NAN, INF, "1", True, [1.0]]),
    "patience": ("patience", [0, -1, 1.5, "2", True]),
    "keep": ("keep", ["first", None, 1, "Best"]),
    "precision": ("precision", ["float16", "double", 32, None]),
    "backend": ("backend", ["torch", "numpy", 1, None, "JAX"]),
    "dt": ("dt", [0.1, None, "1 ms", 0 * ms, -1 * ms, INF * ms, 1 * mV]),
    "chunk": ("chunk", [0, -1, 2.5, "10", True]),
    "checks": ("checks", [None, 1, "yes"]),
    "resume": ("resume", [None, 0, "no"]),
    "reset_gradient": ("reset_gradient", [None, 1, "yes"]),
    "progress": ("progress", ["bar", 3]),
    "out": ("out", [3, ["folder"]]),
    "loss": ("loss", ["hinge", "cross entropie", "", None, 3, losses.CrossEntropy, abs, ["cross_entropy"]]),
    "optimizer": ("optimi", ["adm", "", None, 3, optax.adam, optax.adam(1e-2)._replace, type("Empty", (), {}), [1]]),
    "learning_rate": ("learning_rate", [0, -1.0, NAN, INF, "fast", True, [0.1]]),
    "input": ("input", ["inptu", "hidden.x", "hidden.", 3, ["input"], {"a": "input"}, {}, "nowhere.spikes", "output.nothing"]),
    "encoder": ("encoder|Encoder", ["latency", 3, data.LatencyEncoder, {"a": data.LatencyEncoder()}, [data.LatencyEncoder()], {"": 3}]),
    "trainable": ("[tT]rain|which parameter", ["inn", "hidden", "hidden.tau", "in.wieght", 3, [], [3], ["in", "in"], "hidden.t_ref", "out.tau", [None], {"in": 1}["in"]]),
    "regularisers": ("regulariser|RateBounds", ["rate", 3, [3], None, [losses.RateBounds()] * 1 + ["x"], losses.RateBounds, losses.RateBounds(populations="hiden"), losses.RateBounds(populations="output"), losses.RateBounds(populations=[3])]),
    "validation": ("validation", [0.0, 1.0, 1.5, -0.1, NAN, "some", 3, {"a": 1}, (x for x in ()), (X, Y[:3]), (X[:0], Y[:0])]),
    "surrogate": ("surrogate", ["box", "", 3, ["triangle"], {"shape": "triangle"}]),
    "scale": ("scale|hiden", [3, "large", {"hiden": 1.0}, [1.0]]),
    "method": ("method", ["bttp", None, 3, ""]),
    "augment": ("augment|TimeWarp|Deformation", ["noise", 3, data.GaussianNoise, [data.GaussianNoise(), 3], {"a": data.GaussianNoise()}, data.TimeWarp(), data.Deformation((2, 2))]),
    "dropout": ("dropout", [0.2, "hidden", {"hiden": 0.2}, {"hidden": 1.0}, {"hidden": -0.1}, {"hidden": "half"}, {"output": 0.2}, {3: 0.1}]),
    "average": ("average", [0, 1.0, -0.5, NAN, "0.9", True, [0.9]]),
}  # fmt: skip

ENCODERS: dict[str, tuple[Callable[..., Any], str, list[dict[str, Any]]]] = {
    "latency": (data.LatencyEncoder, "LatencyEncoder", [
        {"duration": 0 * ms}, {"duration": -1 * ms}, {"duration": NAN * ms}, {"duration": 5}, {"duration": 5 * mV}, {"duration": "long"}, {"duration": None},
        {"duration": npl.Uniform(1 * ms, 2 * ms)}, {"duration": [1, 2] * ms}, {"low": 1.0, "high": 0.0}, {"low": NAN}, {"high": INF}, {"low": "a"}, {"low": [[0.0]]}, {"low": [0.0, 1.0]},
        {"least": 1.0}, {"least": -0.1}, {"least": "0"}, {"least": True}, {"first": 0 * ms}, {"first": 3}, {"tau": 5 * ms}, {"tau": -5 * ms, "least": 0.1}, {"tau": 5, "least": 0.1},
    ]),
    "rate": (data.RateEncoder, "RateEncoder", [{"rate": 0}, {"rate": -3}, {"rate": NAN}, {"rate": INF}, {"rate": "high"}, {"rate": True}, {"rate": 50 * Hz}, {"regular": 1}, {"steady": None}]),
    "delta": (data.DeltaEncoder, "DeltaEncoder", [{"threshold": 0}, {"threshold": 1.0}, {"threshold": -0.1}, {"threshold": "x"}, {"threshold": NAN}]),
    "signal": (data.SignalEncoder, "SignalEncoder", [{"rate": 0}, {"rate": "fast"}, {"size": 1}, {"duration": 5}]),
    "orientation": (data.OrientationEncoder, "OrientationEncoder", [{"shape": 3}, {"shape": (3, 1)}, {"directions": 1}, {"spacing": 0}, {"scale": 0}, {"sharpness": "x"}, {"shape": (28, 28)}]),
    "population": (data.PopulationEncoder, "PopulationEncoder", [{"size": 1}, {"size": 2.5}, {"size": "8"}, {"size": True}, {"width": 0}, {"width": NAN}, {"width": "w"}, {"least": 1.0}, {"least": -1}]),
}  # fmt: skip

AUGMENTATIONS: dict[str, tuple[Callable[..., Any], str, list[dict[str, Any]]]] = {
    "noise": (data.GaussianNoise, "GaussianNoise", [{"std": -1}, {"std": NAN}, {"std": "x"}, {"std": True}]),
    "dropped inputs": (data.InputDropout, "InputDropout", [{"chance": 1.0}, {"chance": -0.1}, {"chance": None}]),
    "warp": (data.TimeWarp, "TimeWarp", [{"stretch": 1.0}, {"stretch": -0.1}, {"shift": "x"}]),
    "deformation": (data.Deformation, "Deformation", [{"shape": 28}, {"shape": (28,)}, {"shape": (28, 0)}, {"shape": (2, 2), "zoom": 1.0}, {"shape": (2, 2), "shift": -1}, {"shape": (2, 2), "elastic": "x"}]),
}  # fmt: skip

LOSSES: dict[str, tuple[Callable[..., Any], str, list[dict[str, Any]]]] = {
    "cross-entropy": (losses.CrossEntropy, "CrossEntropy", [{"readout": "max"}, {"readout": None}, {"readout": losses.Maximum}, {"smoothing": 1.0}, {"smoothing": -0.1}, {"smoothing": NAN}, {"smoothing": True}]),
    "maximum": (losses.Maximum, "Maximum", [{"gain": 0}, {"gain": -1}, {"gain": NAN}, {"gain": "1"}]),
    "counts": (losses.SpikeCount, "SpikeCount", [{"gain": 0}, {"gain": INF}]),
    "first spike": (losses.FirstSpike, "FirstSpike", [{"tau": 0}, {"tau": -2.0}, {"tau": NAN}, {"tau": "5 ms"}]),
    "rates": (losses.SpikeRate, "SpikeRate", [{"right": 0}, {"right": -5}, {"wrong": 200}, {"scale": 0}, {"right": NAN}, {"wrong": "low"}, {"scale": True}]),
    "van Rossum": (losses.VanRossum, "VanRossum", [{"tau": 0}, {"tau": -1}, {"tau": NAN}, {"tau": 5 * ms}, {"tau": "x"}]),
    "point process": (losses.PointProcess, "PointProcess", [{}, {"intensity": "hazard"}, {"intensity": abs}, {"intensity": npl.Expression(lambda s: s.v, name="v"), "least": 0}]),
    "traces": (losses.TraceError, "TraceError", [{"scale": 0}, {"scale": NAN}, {"skip": -1}, {"skip": 1.5}, {"skip": "no"}, {"columns": ()}, {"columns": (-1,)}, {"columns": (0, 0)}, {"columns": 1}, {"columns": (True,)}]),
    "squares": (losses.SquaredError, "SquaredError", [{}, {"readout": 3}]),
    "bounds": (losses.RateBounds, "RateBounds", [{"low": -1}, {"high": NAN}, {"low": 5, "high": 4}, {"strength": 0}, {"scale": 0}, {"over": "time"}, {"low": "x"}, {"strength": True}]),
    "Victor-Purpura": (losses.victor_purpura, "victor_purpura", [
        {"one": "ab", "other": [], "q": 1.0}, {"one": [[1.0]], "other": [], "q": 1.0}, {"one": [NAN], "other": [], "q": 1.0}, {"one": [], "other": [], "q": -1}, {"one": [], "other": [], "q": NAN},
    ]),
    "events": (data.SpikeEvents, "SpikeEvents", [
        {"times": [[1.0]], "neurons": [[0]], "size": 0}, {"times": [[1.0]], "neurons": [[0]], "size": 1.5}, {"times": [[1.0]], "neurons": [[1]], "size": 1},
        {"times": [[1.0]], "neurons": [[-1]], "size": 1}, {"times": [[1.0]], "neurons": [[0, 0]], "size": 1}, {"times": [[1.0], []], "neurons": [[0]], "size": 1},
        {"times": [[-1.0]], "neurons": [[0]], "size": 1}, {"times": [[NAN]], "neurons": [[0]], "size": 1}, {"times": [["a"]], "neurons": [[0]], "size": 1},
        {"times": [[1.0]], "neurons": [[0.5]], "size": 1}, {"times": [[5.0]], "neurons": [[0]], "size": 1, "duration": 4}, {"times": [[5.0]], "neurons": [[0]], "size": 1, "duration": 0},
        {"times": [[5.0]], "neurons": [[0]], "size": 1, "duration": "x"}, {"times": np.ones(3), "neurons": [[0]], "size": 1}, {"times": None, "neurons": None, "size": 1},
        {"times": [[5.0] * mV], "neurons": [[0]], "size": 1},
    ]),
}  # fmt: skip

DATA: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "None": ("NoneType", lambda: None, {}), "number": ("int", lambda: 3, {}), "text": ("str", lambda: "data.csv", {}), "dict": ("dict", lambda: {"x": X, "y": Y}, {}),
    "one array": ("pair", lambda: X, {}), "three": ("pair", lambda: (X, Y, Y), {}), "generator": ("generator", lambda: ((X, Y) for _ in range(3)), {}), "iterator": ("generator", lambda: iter([(X, Y)]), {}),
    "zip": ("generator", lambda: zip(X, Y, strict=True), {}), "map": ("generator", lambda: map(abs, [1]), {}), "empty list": ("no batch", list, {}), "list of numbers": ("batch 0", lambda: [1, 2, 3], {}),
    "x None": ("data: x", lambda: (None, Y), {}), "y None": ("data: y", lambda: (X, None), {}), "x text": ("data: x", lambda: ("abc", Y), {}), "x ragged": ("data: x", lambda: ([[1, 2], [3]], Y[:2]), {}),
    "x objects": ("data: x", lambda: (np.array([[object()] * 3] * 6), Y), {}), "x complex": ("data: x", lambda: (X + 1j, Y), {}), "x one axis": ("data: x", lambda: (X[:, 0], Y), {}),
    "x NaN": ("sample 2", lambda: (np.where(np.arange(6)[:, None] == 2, NAN, X), Y), {}), "x infinite": ("sample 4", lambda: (np.where(np.arange(6)[:, None] == 4, INF, X), Y), {}),
    "fewer labels": ("differ in samples", lambda: (X, Y[:5]), {}), "more labels": ("differ in samples", lambda: (X[:5], Y), {}), "no sample": ("no sample", lambda: (X[:0], Y[:0]), {}),
    "labels as text": ("data: y", lambda: (X, np.array(list("abcabc"))), {}), "one label": ("data: y", lambda: (X, 3), {}), "empty dict": ("no input", lambda: ({}, Y), {}),
    "two inputs": ("population", lambda: ({"a": X, "b": X}, Y), {}), "two inputs, one place": ("several inputs", lambda: ({"a": X, "b": X}, Y), {"input": "input"}),
    "inputs differ": ("differ in samples", lambda: ({"input": X, "hidden": X[:3]}, Y), {}), "unknown input": ("places", lambda: ({"input": X}, Y), {"input": {"inptu": "input"}}),
    "features": ("another number of neurons", lambda: (X[:, :2], Y), {}), "no encoder": ("encoder", lambda: (X, Y), {"encoder": None}), "width": ("wrong shape", lambda: (EVENTS[:, :, :2], Y), {"encoder": None}),
    "four axes": ("wrong shape", lambda: (EVENTS[..., None], Y), {"encoder": None}), "no step": ("wrong shape", lambda: (EVENTS[:, :0], Y), {"encoder": None}),
    "negative events": ("negative", lambda: (EVENTS - 1, Y), {"encoder": None}), "bare numbers into mV": ("unit", lambda: (np.zeros((6, 5, 4)), Y), {"encoder": None, "input": "hidden.syn"}),
    "wrong unit": ("unit|dimension", lambda: (np.zeros((6, 5, 4)) * pA, Y), {"encoder": None, "input": "hidden.syn"}), "encoded quantity": ("only numbers", lambda: (X * mV, Y), {}),
    "encoded events": ("only numbers", lambda: (data.SpikeEvents([[1.0]] * 6, [[0]] * 6, 3, 5), Y), {}), "signals of one axis": ("times and features", lambda: (X, Y), {"encoder": data.DeltaEncoder()}),
    "too fast": ("more than one spike", lambda: (X, Y), {"encoder": data.RateEncoder(5 * ms, rate=2000.0)}), "off the grid": ("duration", lambda: (X, Y), {"encoder": data.LatencyEncoder(5.5 * ms)}),
    "two ranges for three": ("one value for each feature", lambda: (X, Y), {"encoder": data.LatencyEncoder(5 * ms, low=[0.0, 0.0])}), "amplitude": ("amplitude", lambda: (X, Y), {"encoder": data.LatencyEncoder(5 * ms, amplitude=3 * mV)}),
    "label too large": ("sample 3", lambda: (X, np.array([0, 1, 0, 2, 0, 1])), {}), "label negative": ("sample 0", lambda: (X, Y - 1), {}), "labels that are real": ("whole numbers", lambda: (X, Y * 1.0), {}),
    "one-hot": ("argmax", lambda: (X, np.eye(2)[Y]), {}), "rates of another width": ("SpikeRate", lambda: (X, np.zeros((6, 3))), {"loss": losses.SpikeRate("hidden")}),
    "rate of what is silent": ("never spikes", lambda: (X, Y), {"loss": "spike_rate"}), "trains too long": ("VanRossum", lambda: (X, np.zeros((6, 7, 4))), {"loss": losses.VanRossum("hidden")}),
    "negative trains": ("negative", lambda: (X, np.zeros((6, 5, 4)) - 1), {"loss": losses.VanRossum("hidden")}), "trace of another width": ("TraceError", lambda: (X, np.zeros((6, 5, 3))), {"loss": "trace_error"}),
    "trace NaN": ("not finite", lambda: (X, np.full((6, 5, 2), NAN)), {"loss": "trace_error"}), "no such column": ("no such column", lambda: (X, np.zeros((6, 5, 1))), {"loss": losses.TraceError(columns=(7,))}), "skips all": ("no step", lambda: (X, np.zeros((6, 5, 2))), {"loss": losses.TraceError(skip=5)}),
    "unknown output": ("hiden", lambda: (X, Y), {"loss": losses.CrossEntropy(losses.Maximum("hiden"))}), "unknown state": ("state 'u'", lambda: (X, Y), {"loss": losses.CrossEntropy(losses.Last("output.u"))}),
    "batch that is no pair": ("batch 0", lambda: [X, (X, Y), (X, Y)], {}), "batch of another kind": ("batch 0", lambda: [(X, None), (X, Y), (X, Y)], {}), "part of batches": ("cannot be divided", lambda: [(X, Y)], {"validation": 0.5}),
    "a rate for an optimiser": ("learning_rate", lambda: (X, Y), {"optimizer": optax.adam(0.1), "learning_rate": 0.1}), "no network": ("Network", lambda: (X, Y), {"net": 3}), "a text for a network": ("Network", lambda: (X, Y), {"net": "net"}),
}  # fmt: skip


def cases() -> Iterator[Any]:
    """(call, what the message must contain)."""
    for option, (said, values) in OPTIONS.items():
        for j, value in enumerate(values):
            yield pytest.param(lambda o=option, v=value: fitted(**{o: v}), said, id=f"{option} {j}")
    for group in (ENCODERS, AUGMENTATIONS, LOSSES):
        for name, (make, said, many) in group.items():
            for j, arguments in enumerate(many):
                yield pytest.param(lambda m=make, a=arguments, encodes=group is ENCODERS: _made(m, a, encodes), said, id=f"{name} {j}")
    for name, (said, make, options) in DATA.items():
        yield pytest.param(lambda m=make, o=options: fitted(m(), **o), said, id=f"data: {name}")


def _made(make: Callable[..., Any], arguments: dict[str, Any], encodes: bool) -> Any:
    made = make(**arguments)
    return fitted(encoder=made) if encodes else made


CASES = list(cases())


@pytest.mark.parametrize(("call", "said"), CASES)
def test_an_error_says_what_was_wrong(call, said):
    with pytest.raises(NeuropilError, match=f"(?s){said}"):
        call()


def test_enough_of_them():
    assert len(CASES) >= 300 and len({c.id for c in CASES}) == len(CASES)


def test_networks_that_cannot_be_trained():
    bare = npl.Network("bare")
    bare.population("input", Relay(), 3)
    with pytest.raises(NeuropilError, match="no projection"):
        fitted(net=bare, loss=losses.SpikeRate("input"))
    two = npl.Network("two")
    two.population("a", Relay(), 3), two.population("b", LIFExp(), 2)
    with pytest.raises(NeuropilError, match="which population is the output"):
        fitted(net=two)
    driven = network()
    driven.stimulate(driven["hidden"], npl.Poisson(10 * Hz), port="syn", weight=npl.Normal(1 * mV, 1 * mV))
    with pytest.raises(NeuropilError, match="drawn"):
        fitted(net=driven)
