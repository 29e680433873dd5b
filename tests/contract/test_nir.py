"""NIR files: every kind of node read as its definition says, every network that is written read back with the same spikes.

Why to believe it: a simulator of a dozen lines advances the nodes by forward Euler as NIR's equations stand; the exact scheme has closed forms.
Files of snnTorch itself are in `tests/golden/test_snntorch_nir.py`.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from scipy.signal import correlate

import neuropil as npl
from neuropil.errors import ModelError
from neuropil.nir import models
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.adex import AdEx
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

nir = pytest.importorskip("nir")
R = np.random.default_rng(5)
DT = 1e-4  # s
STEPS = 120


# --- NIR's equations, by forward Euler -----------------------------------------------------------------------------------


def simulate(node: Any, x: np.ndarray) -> np.ndarray:
    """What a node gives for an input [steps, ...]: spikes, v, or a linear function, as NIR defines it."""
    if isinstance(node, (nir.Linear, nir.Affine)):
        return x @ node.weight.T + getattr(node, "bias", 0.0)
    if isinstance(node, nir.Scale):
        return x * node.scale
    if isinstance(node, nir.Threshold):
        return (x > node.threshold).astype(float)
    if isinstance(node, nir.Flatten):
        return x.reshape(len(x), -1)
    if isinstance(node, nir.Delay):
        made = np.zeros_like(x)
        for i, lag in np.ndenumerate(np.rint(node.delay / DT).astype(int)):
            made[(slice(lag, None), *i)] = x[(slice(0, len(x) - lag), *i)]
        return made
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        axes = node.weight.ndim - 2
        pad = tuple((p, p) for p in np.broadcast_to(node.padding, (axes,)).tolist())
        options = {"window_strides": tuple(np.broadcast_to(node.stride, (axes,)).tolist()), "rhs_dilation": tuple(np.broadcast_to(node.dilation, (axes,)).tolist())}
        with jax.enable_x64(True):
            made = np.asarray(jax.lax.conv_general_dilated(x, node.weight, padding=pad, feature_group_count=int(node.groups), **options))
        return made + node.bias.reshape(-1, *[1] * axes)
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        (a, b), (s, t) = node.kernel_size, node.stride
        full = np.stack([[correlate(channel, np.ones((a, b)), "valid") for channel in frame] for frame in x])[:, :, ::s, ::t]
        return full / (a * b) if isinstance(node, nir.AvgPool2d) else full
    made, v, i = [], 0.0, 0.0
    for now in x:
        if isinstance(node, (nir.CubaLIF, nir.CubaLI)):
            i = i + DT / node.tau_syn * (node.w_in * now - i)
            v = v + DT / node.tau_mem * (node.v_leak - v + node.r * i)
        elif isinstance(node, (nir.LIF, nir.LI)):
            v = v + DT / node.tau * (node.v_leak - v + node.r * now)
        else:
            v = v + DT * node.r * now
        if not hasattr(node, "v_threshold"):
            made.append(v)
            continue
        made.append((v > node.v_threshold).astype(float))
        v = np.where(v > node.v_threshold, node.v_reset, v)
    return np.array(made)


def neurons(kind: str, *shape: int) -> Any:
    """A node with parameters that differ between its elements."""

    def around(value: float) -> np.ndarray:
        return value * R.uniform(0.8, 1.2, shape)

    fires = {"v_threshold": around(1.0), "v_reset": R.uniform(-0.2, 0.2, shape)}
    leak = {"r": around(20.0), "v_leak": np.zeros(shape)}
    cuba = {"tau_syn": around(5e-4), "tau_mem": around(2e-3), "w_in": around(2.0), **leak}
    made: dict[str, Callable[[], Any]] = {
        "LIF": lambda: nir.LIF(tau=around(2e-3), **leak, **fires), "LI": lambda: nir.LI(tau=around(2e-3), **leak),
        "CubaLIF": lambda: nir.CubaLIF(**cuba, **fires), "CubaLI": lambda: nir.CubaLI(**cuba),
        "IF": lambda: nir.IF(r=around(5e3), **fires), "I": lambda: nir.I(r=around(5e3)), "Threshold": lambda: nir.Threshold(threshold=around(0.7)),
    }  # fmt: skip
    return made[kind]()


def linear(out: int, n: int) -> Any:
    return nir.Affine(weight=R.normal(0.1, 0.5, (out, n)), bias=R.normal(0.1, 0.1, out))


def window(out: int, n: int, size: tuple[int, ...], shape: tuple[int, ...], **options: Any) -> Any:
    axes = len(size)
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options}
    kind = nir.Conv1d if axes == 1 else nir.Conv2d
    return kind(input_shape=shape[0] if axes == 1 else shape, weight=R.normal(0.1, 0.5, (out, n // given["groups"], *size)), bias=R.normal(0.1, 0.1, out), **given)


def pool(mean: bool) -> Any:
    return (nir.AvgPool2d if mean else nir.SumPool2d)(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.array([0, 0]))


CHAINS: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    # name: shape of the input, nodes one after the other; the last has a state
    "LIF": ((6,), lambda: [linear(9, 6), neurons("LIF", 9), linear(4, 9), neurons("LIF", 4)]),
    "CubaLIF": ((6,), lambda: [linear(9, 6), neurons("CubaLIF", 9), nir.Linear(weight=R.normal(0.1, 0.6, (4, 9))), neurons("CubaLIF", 4)]),
    "IF, Scale": ((6,), lambda: [nir.Scale(scale=R.uniform(0.5, 1.5, 6)), neurons("IF", 6), linear(4, 6), nir.Scale(scale=R.uniform(0.5, 1.5, 4)), neurons("IF", 4)]),
    "Threshold": ((6,), lambda: [linear(9, 6), neurons("Threshold", 9), linear(4, 9), neurons("LIF", 4)]),
    "Delay": ((6,), lambda: [nir.Delay(delay=np.array([0, 1, 2, 3, 4, 5]) * 2e-4), linear(9, 6), neurons("LIF", 9), linear(4, 9), nir.Delay(delay=np.full(4, 7e-4)), neurons("LIF", 4)]),
    "LI": ((6,), lambda: [linear(9, 6), neurons("LI", 9), linear(4, 9), neurons("LIF", 4)]),
    "CubaLI, I": ((6,), lambda: [linear(9, 6), neurons("CubaLI", 9), linear(4, 9), neurons("I", 4), nir.Scale(scale=np.full(4, 0.2)), neurons("LIF", 4)]),
    "Conv1d": ((2, 9), lambda: [window(3, 2, (3,), (9,), stride=2, padding=1), neurons("LIF", 3, 5), window(2, 3, (2,), (5,), dilation=2), neurons("LIF", 2, 3)]),
    "Conv2d with groups, pooling": ((2, 6, 6), lambda: [window(4, 2, (3, 3), (6, 6), padding=1, groups=2), neurons("LIF", 4, 6, 6), pool(False), neurons("IF", 4, 3, 3), nir.Flatten(input_type=np.array([4, 3, 3]), start_dim=0), linear(4, 36), neurons("LIF", 4)]),
    "linear nodes in a row": ((2, 6, 6), lambda: [pool(True), window(3, 2, (2, 2), (3, 3)), nir.Flatten(input_type=np.array([3, 2, 2]), start_dim=0), linear(5, 12), nir.Scale(scale=np.full(5, 2.0)), neurons("LIF", 5)]),
}  # fmt: skip


def graph_of(shape: tuple[int, ...], nodes: list[Any]) -> Any:
    names = [f"{type(n).__name__.lower()}{k}" for k, n in enumerate(nodes)]
    every = ["input", *names, "output"]
    last = nodes[-1].output_type["output"]
    return nir.NIRGraph(nodes={"input": nir.Input(input_type=np.array(shape)), **dict(zip(names, nodes, strict=True)), "output": nir.Output(output_type=last)}, edges=list(itertools.pairwise(every)), type_check=False)


def drive(net: npl.Network, x: np.ndarray) -> npl.Network:
    step, neuron = np.nonzero(x.reshape(len(x), -1))
    net.stimulate(net["input"], npl.SpikeList((step + 1) * 0.1 * ms, neuron), port="pulses", weight=1.0)
    return net


def run(net: npl.Network, x: np.ndarray, threads: int = 1) -> dict[str, np.ndarray]:
    """bool[steps, neurons] of each population that spikes, as stamped."""
    result = npl.run(drive(net, x), (len(x) + 20) * 0.1 * ms, dt=0.1 * ms, precision="float64", threads=threads)
    made = {}
    for name, population in net.populations.items():
        made[name] = np.zeros((len(x) + 21, population.size), bool)
        spikes = result.spikes.of(name)
        made[name][spikes.step, spikes.neuron] = True
    return made


@pytest.mark.parametrize("name", CHAINS)
def test_nodes_do_what_nir_defines_and_are_written_and_read_back(name, tmp_path):
    shape, build = CHAINS[name]
    nodes = build()
    nir.write(tmp_path / "chain.nir", graph_of(shape, nodes))
    x = (R.random((STEPS, *shape)) < 0.4).astype(float)
    found = run(npl.from_nir(tmp_path / "chain.nir"), x)
    depth, value, fired = 0, x, 0
    for k, node in enumerate(nodes):
        value = simulate(node, value)
        key = f"{type(node).__name__.lower()}{k}"
        if key not in found:
            continue
        depth += 1
        if key.rstrip("0123456789") not in ("li", "cubali", "i"):
            np.testing.assert_array_equal(found[key][1 + depth : 1 + depth + STEPS], value.reshape(STEPS, -1).astype(bool), err_msg=key)
            fired += int(value.sum())
    assert fired > 20
    again = npl.from_nir(npl.to_nir(npl.from_nir(tmp_path / "chain.nir"), tmp_path / "again.nir"))
    if "groups" not in name:  # the library's check of shapes takes the channels of a group for all
        nir.read(tmp_path / "again.nir")
    back = run(again, x, threads=2)
    assert back.keys() == found.keys()
    for key, spikes in found.items():
        np.testing.assert_array_equal(back[key], spikes, err_msg=key)


def test_branches_meet_and_cycles_and_subgraphs_are_followed(tmp_path):
    """Two ways of different length into one layer, which also reaches itself, inside a subgraph."""
    first, second, skip, loop = linear(7, 6), linear(5, 7), linear(5, 6), nir.Linear(weight=R.normal(0, 0.4, (5, 5)))
    a, b = neurons("LIF", 7), neurons("LIF", 5)
    inner = nir.NIRGraph(
        nodes={"input": nir.Input(input_type=np.array([5])), "lif": b, "w": loop, "output": nir.Output(output_type=np.array([5]))},
        edges=[("input", "lif"), ("lif", "w"), ("w", "lif"), ("lif", "output")],
    )  # fmt: skip
    nodes = {"input": nir.Input(input_type=np.array([6])), "first": first, "a": a, "second": second, "skip": skip, "rec.1": inner, "output": nir.Output(output_type=np.array([5]))}
    edges = [("input", "first"), ("first", "a"), ("a", "second"), ("second", "rec.1"), ("input", "skip"), ("skip", "rec.1"), ("rec.1", "output")]
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
    x = (R.random((STEPS, 6)) < 0.4).astype(float)
    arriving = simulate(second, simulate(a, simulate(first, x))) + simulate(skip, x)
    v, before, wanted = np.zeros(5), np.zeros(5), []
    for now in arriving:
        v = v + DT / b.tau * (b.v_leak - v + b.r * (now + loop.weight @ before))
        before = (v > b.v_threshold).astype(float)
        v = np.where(before > 0, b.v_reset, v)
        wanted.append(before)
    assert np.sum(wanted) > 30
    net = npl.from_nir(tmp_path / "net.nir")
    assert list(net.populations) == ["a", "input", "rec_1_lif"]
    np.testing.assert_array_equal(run(net, x)["rec_1_lif"][3 : 3 + STEPS], np.array(wanted, bool))
    again = run(npl.from_nir(npl.to_nir(npl.from_nir(tmp_path / "net.nir"), tmp_path / "again.nir")), x)
    np.testing.assert_array_equal(again["rec_1_lif"][3 : 3 + STEPS], np.array(wanted, bool))


def test_values_go_in_and_weighted_sums_come_out(tmp_path):
    """An input of numbers, and an output after a linear node."""
    node, out = neurons("LIF", 6), linear(3, 6)
    nir.write(tmp_path / "v.nir", graph_of((6,), [nir.Scale(scale=np.full(6, 0.5)), node, out]))
    net = npl.from_nir(tmp_path / "v.nir", inputs="values")
    x = R.normal(0.5, 1.0, (60, 6))
    net.stimulate(net["input"], npl.TimeArray(x, interval=0.1 * ms), input="drive")
    net.probe(net["output"], "v", name="y")
    y = npl.run(net, 7 * ms, precision="float64").traces["y"].values
    wanted = simulate(out, simulate(node, 0.5 * x))
    np.testing.assert_allclose(y[2:60], wanted[:58], rtol=0, atol=1e-9)


def test_the_exact_scheme_solves_the_equations(tmp_path):
    """A constant current into LIF: intervals by the closed form. And CubaLIF's potential after one pulse."""
    tau, current = 5e-3, 3.0
    lif = nir.LIF(tau=np.array([tau]), r=np.array([1.0]), v_leak=np.array([0.0]), v_threshold=np.array([1.0]), v_reset=np.array([0.0]))
    cuba = nir.CubaLIF(tau_syn=np.array([2e-3]), tau_mem=np.array([tau]), r=np.array([1.0]), v_leak=np.array([0.0]), v_threshold=np.array([9.0]))
    for name, node, bias in (("lif", lif, current), ("cuba", cuba, 0.0)):
        nir.write(tmp_path / f"{name}.nir", graph_of((1,), [nir.Affine(weight=np.array([[1.0]]), bias=np.array([bias])), node]))
    net = npl.from_nir(tmp_path / "lif.nir", scheme="exact", dt=0.01 * ms)
    step = npl.run(net, 40 * ms, dt=0.01 * ms, precision="float64").spikes.of("lif1").step.astype(int)
    assert step.size > 10
    np.testing.assert_allclose(np.diff(step) * 0.01, -1000 * tau * np.log(1 - 1 / current), atol=0.011)
    net = npl.from_nir(tmp_path / "cuba.nir", scheme="exact")
    net.probe(net["cubalif1"], "v", name="v")
    x = np.zeros((1, 1))
    x[0] = 1
    v = npl.run(drive(net, x), 10 * ms, precision="float64").traces["v"].values[:, 0]
    t = np.arange(1, 99) * 0.1  # the pulse is there at 0.2 ms; it brings w width / tau_syn to the current
    wanted = 0.1 / 2.0 * (np.exp(-t / 5.0) - np.exp(-t / 2.0)) * 2.0 / (5.0 - 2.0)
    np.testing.assert_allclose(v[2:], wanted, rtol=0, atol=1e-12)


def test_networks_of_the_zoo_are_written(tmp_path):
    """LIFDelta and LIFExp have counterparts in the exact scheme; events that drive them become inputs, a step earlier."""
    x = (R.random((300, 8)) < 0.2).astype(float)
    step, neuron = np.nonzero(x)

    def described() -> npl.Network:
        net = npl.Network("zoo")
        a, b = net.population("a", LIFDelta(t_ref=0 * ms, i_e=50 * pA), 8), net.population("b", LIFExp(t_ref=0 * ms), 6)
        net.project(a, b, npl.FixedProbability(0.5), weight=npl.Normal(900 * pA, 90 * pA), delay=0.1 * ms, port="exc")
        net.project(b, a, npl.AllToAll(), weight=-1 * mV, delay=0.4 * ms, port="syn")
        return net

    net = described()
    net.stimulate(net["a"], npl.SpikeList((step + 1) * 0.1 * ms, neuron), port="syn", weight=9 * mV, name="drive")
    net.probe(net["a"], "v", name="v")
    first = npl.run(net, 32 * ms, precision="float64")
    read = npl.from_nir(npl.to_nir(net, tmp_path / "zoo.nir"))
    read.stimulate(read["drive"], npl.SpikeList((step + 1) * 0.1 * ms, neuron), port="pulses", weight=1.0)
    second = npl.run(read, 32 * ms, precision="float64")
    for name in "ab":
        one, other = first.spikes.of(name), second.spikes.of(name)
        within = one.step < 315
        assert within.sum() > 20
        np.testing.assert_array_equal(one.step[within] + 1, other.step[: within.sum()])
        np.testing.assert_array_equal(one.neuron[within], other.neuron[: within.sum()])


def test_a_trained_network_is_written_as_it_is(tmp_path):
    """What `npl.fit` leaves, with its time step; read back, a latency code fires the same and the readout ends the same."""
    x = R.uniform(size=(20, 6))
    net = npl.Network("trained")
    seen, hidden, out = net.population("seen", Relay(), 6), net.population("hidden", LIFDelta(t_ref=0 * ms), 9), net.population("out", LeakyReadout(), 2)
    net.project(seen, hidden, npl.AllToAll(), weight=npl.Normal(9 * mV, 9 * mV), delay=1 * ms, port="syn")
    net.project(hidden, hidden, npl.FixedProbability(0.4), weight=npl.Normal(0 * mV, 2 * mV), delay=2 * ms, port="syn", name="again")
    net.project(hidden, out, npl.AllToAll(), weight=npl.Normal(0.0, 0.5), delay=1 * ms, port="syn")
    fit = npl.fit(net, (x, (x[:, 0] > 0.5).astype(int)), epochs=1, batch=10, encoder=npl.data.LatencyEncoder(12 * ms, least=0.05), backend="jax", checks=False, input="seen")
    read = npl.from_nir(npl.to_nir(fit, tmp_path / "fit.nir"))
    ran = []
    for one, port, state in ((fit.network, "spikes", "y"), (read, "pulses", "v")):
        one = one.replace()
        one.stimulate(one["seen"], npl.SpikeList(np.arange(1, 13) * ms, np.arange(12) % 6), port=port, weight=1.0)
        one.probe(one["out"], state, name="y")
        ran.append(npl.run(one, 20 * ms, dt=1 * ms, precision="float64"))
    for name in ("seen", "hidden"):
        np.testing.assert_array_equal(ran[0].spikes.of(name).step, ran[1].spikes.of(name).step)
        np.testing.assert_array_equal(ran[0].spikes.of(name).neuron, ran[1].spikes.of(name).neuron)
    assert len(ran[0].spikes.of("hidden")) > 8
    np.testing.assert_allclose(ran[1].traces["y"].values, ran[0].traces["y"].values, rtol=1e-9, atol=1e-12)


# --- what cannot be expressed -------------------------------------------------------------------------------------------


def test_everything_that_cannot_be_written_is_listed_and_nothing_is_written(tmp_path):
    net = npl.Network("impossible")
    a, b = net.population("a", AdEx(), 3), net.population("b", LIFExp(tau_inh=3 * ms, t_ref=0 * ms), 3)
    net.population("c", LIFDelta(), 3)
    net.population("d", PoissonSource(rate=5 * Hz), 3)
    net.project(a, b, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", name="fine")
    net.couple((b, "current"), (b, "current"), [(0, 1)], g=1 * npl.units.nS, name="gap")
    with pytest.raises(ModelError) as caught:
        npl.to_nir(net, tmp_path / "no.nir")
    for expected in ("counterpart of AdEx", "tau_exc and tau_inh differ", "c: a refractory period", "counterpart of PoissonSource", "gap junctions", "5 things"):
        assert expected in str(caught.value)
    assert not (tmp_path / "no.nir").exists()


def test_a_delay_shorter_than_the_way_of_others_a_current_and_a_start_are_refused(tmp_path):
    net = npl.Network("late")
    lif = models.node(models.LIF, 2, 0.1, tau=2.0)
    a, b, c = net.population("a", models.InputSpikes(), 2), net.population("b", lif, 2), net.population("c", lif, 2, initial={"v": 0.5})
    for pre, post in ((a, b), (b, c), (a, c)):
        net.project(pre, post, npl.AllToAll(), weight=1.0, delay=0.1 * ms, port="pulses")
    net.stimulate(b, npl.Sine(0.5, frequency=10 * Hz), input="drive")
    with pytest.raises(ModelError, match="initial values of v"):
        npl.to_nir(net, tmp_path / "no.nir")
    net = net.replace(populations={"c": {"initial": {}}})
    with pytest.raises(ModelError, match="1 steps shorter") as caught:
        npl.to_nir(net, tmp_path / "no.nir")
    assert "a current that changes (Sine)" in str(caught.value) and not (tmp_path / "no.nir").exists()


@pytest.mark.parametrize(("nodes", "message"), [
    (lambda: [linear(4, 5), neurons("LIF", 4)], "weights for 5 inputs, of which there are 6"),
    (lambda: [nir.Scale(scale=np.ones(6)), nir.LIF(tau=np.full(6, 5e-5), r=np.ones(6), v_leak=np.ones(6), v_threshold=np.ones(6))], "below the time step"),
    (lambda: [linear(4, 6), nir.Delay(delay=np.arange(4) * 1e-3), linear(2, 4), neurons("LIF", 2)], "between two linear nodes"),
    (lambda: [nir.Delay(delay=np.full(6, 1.5e-4)), neurons("LIF", 6)], "delay"),
    (lambda: [pool(True), neurons("LIF", 6)], "pooling needs a shape of 3 axes"),
    (lambda: [nir.Delay(delay=np.full(6, -1e-4)), neurons("LIF", 6)], "a delay of -0.1 ms"),
    (lambda: [nir.Linear(weight=np.full((4, 6), np.nan)), neurons("LIF", 4)], "not finite"),
    (lambda: [nir.LI(tau=np.zeros(6), r=np.ones(6), v_leak=np.ones(6))], "tau must be positive"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused(nodes, message, tmp_path):
    nir.write(tmp_path / "bad.nir", graph_of((6,), nodes()))
    with pytest.raises(npl.NeuropilError, match=message):
        npl.run(npl.from_nir(tmp_path / "bad.nir"), 1 * ms)


def test_options_files_and_the_library_are_checked(tmp_path, monkeypatch):
    (tmp_path / "text.nir").write_text("not HDF5")
    with pytest.raises(ModelError, match="not a NIR file"):
        npl.from_nir(tmp_path / "text.nir")
    nodes = {"input": nir.Input(input_type=np.array([6])), "lif": neurons("LIF", 6)}
    for edges, message in (([("input", "nowhere")], "'nowhere', which is no node"), ([("input", "lif")] * 2, "from input to lif twice")):
        nir.write(tmp_path / "edges.nir", nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))
        with pytest.raises(ModelError, match=message):
            npl.from_nir(tmp_path / "edges.nir")
    for bad, message in ((0.1, "needs a unit"), (0 * ms, "one positive time")):
        with pytest.raises(npl.NeuropilError, match=message):
            npl.from_nir(tmp_path / "edges.nir", dt=bad)
    for path, message in ((tmp_path / "nothing.nir", "no such file"), (3, "not the path of a file")):
        with pytest.raises(ModelError, match=message):
            npl.from_nir(path)
    with pytest.raises(ModelError, match="unknown scheme"):
        npl.from_nir(tmp_path / "text.nir", scheme="rk4")
    with pytest.raises(ModelError, match="not a network"):
        npl.to_nir(3, tmp_path / "no.nir")
    fit = SimpleNamespace(network=npl.Network("fitted"))
    fit.network.population("a", models.node(models.LIF, 2, 0.1, tau=2.0), 2)
    assert npl.from_nir(npl.to_nir(fit, tmp_path / "fit.nir"))["a"].size == 2

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    from neuropil.nir.library import library

    with pytest.raises(ModelError, match="pip install neuropil\\[nir\\]"):
        library()
