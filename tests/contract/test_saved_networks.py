"""A network saved and loaded is the network: of every registered kind, and of every mechanism of the engine's tests.

Believed because the description of what was loaded is compared, node by node and array by array, with that of what was saved, and because runs of
both give the same bits. A kind that is registered in the zoo is tested here without being named.
"""

from __future__ import annotations

import functools
import importlib
import json
import linecache
import sys
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from engine.test_everything_on import network as everything
from neuropil.engine.record.fingerprint import parts
from neuropil.model.network.save import Encoder
from neuropil.plan.plan import make_plan
from neuropil.result import sealed
from neuropil.units import Hz, ms, mV, nM, pA, um
from neuropil.zoo import registry
from neuropil.zoo.contract import contract_drive
from neuropil.zoo.neurons.lif import LIFExp


def described(network: npl.Network) -> tuple[Any, ...]:
    encoder = Encoder()
    root = encoder.node(network, "network")
    assert not encoder.refused, encoder.refused
    return root, [s.get("text") for s in encoder.sources], encoder.arrays


def same(one: npl.Network, other: npl.Network) -> None:
    (a, texts, arrays), (b, others, found) = described(one), described(other)
    assert a == b and texts == others and len(arrays) == len(found)
    for x, y in zip(arrays, found, strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(x, y)


def round_trip(network: npl.Network, folder: Any, trust: Any = False) -> npl.Network:
    loaded = npl.load_network(network.save(folder / "n.h5"), trust=trust)
    same(network, loaded)
    return loaded


@pytest.mark.parametrize("name", registry.CIRCUITS)
def test_every_circuit(name, tmp_path):
    round_trip(registry.circuit(name)(), tmp_path)


@pytest.mark.parametrize("name", registry.AGENTS)
def test_the_network_of_every_agent(name, tmp_path):
    round_trip(registry.agent(name)().network, tmp_path)


def test_every_neuron_synapse_and_modulator(tmp_path):
    net = npl.Network("kinds")
    cells = net.population("cells", LIFExp(), 3)
    for name in registry.neuron_names():
        population = net.population(name, registry.neuron(name)(), 3)
        contract_drive(name).apply(net, population)
    for name in registry.SYNAPSES:
        kind = registry.synapse(name)
        port = {"input": "current"} if kind().has_current else {"port": "exc"}
        try:
            net.project(cells, cells, npl.AllToAll(), weight=1 * pA, delay=1 * ms, synapse=kind(), name=name, **port)
        except npl.NeuropilError:  # of a weight without unit, or that reads what LIFExp does not have: its object alone is saved
            assert described_object(kind()) == described_object(kind())
    for name in registry.MODULATORS:
        net.modulator(name, registry.modulator(name)(), volume=[cells])
    round_trip(net, tmp_path)


def described_object(value: Any) -> Any:
    return Encoder().node(value, "value")


def test_every_channel_and_point_process_on_a_cell(tmp_path):
    net = npl.Network("cell")
    cell = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(1))
    for name in registry.CHANNELS:
        cell.paint("all", registry.channel(name)())
    for name in registry.POINT_PROCESSES:
        cell.place(f"p_{name}", registry.point_process(name)(), at="soma(0.5)")
    net.population("cells", cell, 2)
    net.population("pyramids", registry.cell("layer5_pyramidal")(npl.Morphology.ball_and_stick()), 2)  # its gradients are functions of the package
    round_trip(net, tmp_path)


class Ramp(npl.CurrentStimulus):
    """Of the user: a current that grows."""

    slope: npl.Current = 3 * pA

    def value(self, t):
        return self.slope * t / (SCALE * ms)


SCALE = 2.5


def faster(value, level):
    return value / (1.0 + level / (4 * nM))


def by_distance(d):
    return np.exp(-d / 50.0)


def of_the_user():
    net = npl.Network("user")
    positions = np.arange(20.0)[:, None] * um
    cells = net.population("cells", LIFExp(tau_m=npl.Normal(10 * ms, 1 * ms), v_th=np.linspace(-52, -48, 20) * mV), 20, positions=positions)
    net.stimulate(cells[3:9], Ramp(), input="current")
    net.stimulate(cells, npl.Poisson(9000 * Hz), port="exc", weight=60 * pA)
    net.project(cells[:10], cells[[4, 2, 7]], npl.DistanceDependent(by_distance), weight=np.arange(30.0).reshape(10, 3) * pA, delay=npl.Uniform(1 * ms, 2 * ms), port="exc")
    modulator = net.modulator("m", npl.FirstOrder(tau=20 * ms), volume=[cells])
    modulator.released_by(cells, 0.2 * nM)
    share = 0.5
    modulator.modulates(cells, "tau_m", faster)
    modulator.modulates(cells, "v_th", lambda value, c: value - share * mV * (c / (1 * nM)))
    net.probe(cells[:2], npl.Expression(lambda s, p: p.c_m * (s.v - p.e_l) / p.tau_syn_ex if False else s.v - p.e_l, name="above"))
    return net


def test_code_of_the_user_is_text_until_it_is_trusted(tmp_path):
    network = of_the_user()
    path = network.save(tmp_path / "n.h5")
    with pytest.raises(npl.NetworkError, match="only if you trust it") as refused:
        npl.load_network(path)
    texts = npl.network_sources(path)
    assert any("class Ramp" in text for text in texts.values()) and "SHA-256" in str(refused.value)
    digest = str(refused.value).split("SHA-256 ")[1][:64]
    with pytest.raises(npl.NetworkError, match="only if you trust it"):
        npl.load_network(path, trust="0" + digest[1:] if digest[0] != "0" else "1" + digest[1:])
    loaded = npl.load_network(path, trust=digest)
    same(network, loaded)
    assert parts(make_plan(network)) == parts(make_plan(loaded))
    again = npl.load_network(loaded.save(tmp_path / "again.h5"), trust=True)  # what was loaded can be saved
    assert npl.run(again, 60 * ms).summary["digest"] == npl.run(network, 60 * ms).summary["digest"]


def doubled(function):
    @functools.wraps(function)
    def twice(*given):
        return 2 * function(*given)

    return twice


x, amplitude, stays = open, open, open  # what a text calls by names of its own is not read from here


@doubled
def factorial(n):
    return 1 if n <= 1 else n * factorial(n - 1)


def operations(a):
    return [lambda x: x * a, lambda x: x + a, lambda x: (lambda y: x - y)(a)]


TIMES, PLUS, MINUS = operations(5.0)


class Composed(npl.CurrentStimulus):
    """Functions of one line, in one another, decorated, and recursive."""

    amplitude: npl.Current = 1 * pA

    def value(self, t):
        x = t / ms
        stays = [amplitude for amplitude in (x,)]  # noqa: F841
        return self.amplitude * (factorial(3) + TIMES(x) + 100 * PLUS(x) + 10000 * MINUS(x))


def test_functions_are_found_in_their_file_wherever_they_stand(tmp_path):
    net = npl.Network("composed")
    net.stimulate(net.population("cells", LIFExp(), 2), Composed(), input="current")
    once = npl.load_network(net.save(tmp_path / "n.h5"), trust=True)
    for loaded in (once, npl.load_network(once.save(tmp_path / "again.h5"), trust=True)):
        for t in (1.0, 7.0):
            exact = (2 * 3 * 2 * 2 * 2 + 5 * t + 100 * (t + 5) + 10000 * (t - 5)) * pA
            assert loaded.drives[0].stimulus.value(t * ms) == net.drives[0].stimulus.value(t * ms) == exact


@functools.cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def leaking(factor, s, p):
    return factor * fibonacci(90) / fibonacci(89) * (s.v - p.e_l)


def test_functions_with_given_arguments_and_with_kept_results_are_saved_by_their_parts(tmp_path):
    net = npl.Network("parts")
    cells = net.population("cells", LIFExp(i_e=300 * pA), 2)
    net.probe(cells, npl.Expression(functools.partial(leaking, 2.0), name="leak"))
    net.probe(cells, "current", name="what flows in")
    path = net.save(tmp_path / "n.h5")
    with pytest.raises(npl.NetworkError, match="only if you trust it"):
        npl.load_network(path)
    loaded = npl.load_network(path, trust=True)
    again = npl.load_network(loaded.save(tmp_path / "again.h5"), trust=True)
    runs = [npl.run(one, 5 * ms) for one in (net, loaded, again)]
    assert abs(runs[0].traces["cells.leak"].values[-1]).max() > 1
    for run in runs[1:]:
        for name, trace in runs[0].traces.items():
            np.testing.assert_array_equal(run.traces[name].values, trace.values)
    plain = npl.Network("names alone")
    plain.probe(plain.population("cells", LIFExp(), 2), "current")
    assert npl.load_network(plain.save(tmp_path / "plain.h5")).probes[0].name == "cells.current"  # nothing to trust


def scaled(stays):
    class Scaled(npl.CurrentStimulus):
        amplitude: npl.Current = 1 * pA

        def value(self, t):
            return self.amplitude * stays * t / ms

    return Scaled


def test_a_class_within_a_function_has_the_values_of_that_function(tmp_path):
    net = npl.Network("scaled")
    cells = net.population("cells", LIFExp(), 2)
    for factor in (2.0, 3.0):
        net.stimulate(cells, scaled(factor)(), input="current")
    loaded = npl.load_network(net.save(tmp_path / "n.h5"), trust=True)
    assert [d.stimulus.value(2 * ms) for d in loaded.drives] == [4 * pA, 6 * pA]


def test_two_files_with_one_text_do_not_mix(tmp_path):
    loaded = []
    for factor in (2.0, 3.0):
        net = npl.Network("scaled")
        net.stimulate(net.population("cells", LIFExp(), 2), scaled(factor)(), input="current")
        loaded.append(npl.load_network(net.save(tmp_path / f"{factor}.h5"), trust=True))
    again = [npl.load_network(net.save(tmp_path / "again.h5"), trust=True) for net in loaded]
    assert [net.drives[0].stimulus.value(1 * ms) for net in again] == [2 * pA, 3 * pA]


WIDTH = 2.0


class Computed(npl.CurrentStimulus):
    amplitude: npl.Current = 1 * pA
    width = 3 * WIDTH
    offset = (0.0, {"a": np.arange(3.0)})

    def value(self, t):
        return self.amplitude * (t / ms * self.width + self.offset[0])


@pytest.mark.parametrize("changed, name", [
    ((Computed, "width", 7.0), "Computed.width"), ((Computed, "value", lambda self, t: self.amplitude * 2), "Computed.value"),
    ((Computed, "offset", (0.0, {"a": np.arange(4.0)})), "Computed.offset"), ((Computed, "added", 1.0), "Computed.added"),
    ((sys.modules[__name__], "WIDTH", 9.0), "Computed.width"),
])  # fmt: skip
def test_code_that_is_no_longer_what_its_text_gives_is_refused(changed, name, tmp_path, monkeypatch):
    net = npl.Network("changed")
    net.stimulate(net.population("cells", LIFExp(), 2), Computed(), input="current")
    net.save(tmp_path / "n.h5")
    monkeypatch.setattr(*changed, raising=False)
    with pytest.raises(npl.NetworkError, match="not the same") as error:
        net.save(tmp_path / "other.h5")
    assert name in str(error.value) and not (tmp_path / "other.h5").exists()


def test_a_file_that_was_edited_after_it_was_run_is_refused(tmp_path, monkeypatch):
    text = "def slower(value, level):\n    return value * {}\n"
    (tmp_path / "edited_effects.py").write_text(text.format(1.5))
    monkeypatch.syspath_prepend(tmp_path)
    slower = importlib.import_module("edited_effects").slower
    net = npl.Network("edited")
    cells = net.population("cells", LIFExp(), 2)
    net.modulator("m", npl.FirstOrder(tau=20 * ms), volume=[cells]).modulates(cells, "tau_m", slower)
    net.save(tmp_path / "n.h5")
    (tmp_path / "edited_effects.py").write_text(text.format(1.25))
    linecache.checkcache()
    with pytest.raises(npl.NetworkError, match="not the same"):
        net.save(tmp_path / "other.h5")


def test_the_same_bits_with_every_mechanism(tmp_path):
    network = everything()
    loaded = round_trip(network, tmp_path, trust=True)
    assert npl.run(loaded, 50 * ms).summary["digest"] == npl.run(network, 50 * ms).summary["digest"]


def test_what_cannot_be_saved_is_named_and_nothing_is_written(tmp_path):
    net = npl.Network("refused")
    cells = net.population("cells", LIFExp(), 3)
    file = (tmp_path / "log").open("w")

    def logged(value, level):
        file.write("x") if file.closed else None
        return value

    net.modulator("m", npl.FirstOrder(tau=20 * ms), volume=[cells]).modulates(cells, "tau_m", logged)
    with file, pytest.raises(npl.NetworkError, match="nothing was written") as error:
        net.save(tmp_path / "n.h5")
    assert "'file' of" in str(error.value) and not (tmp_path / "n.h5").exists()


def test_no_changed_bit_is_believed(tmp_path):
    path = registry.circuit("brunel")().save(tmp_path / "n.h5")
    good, random = path.read_bytes(), np.random.default_rng(1)
    for _ in range(40):
        bad = bytearray(good)
        bad[random.integers(len(good))] ^= 1 << random.integers(8)
        path.write_bytes(bad)
        with pytest.raises(npl.NetworkError):
            npl.load_network(path)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(npl.NetworkError):
        npl.load_network(path)


@pytest.mark.parametrize("edit", [
    {"name": "os:system"}, {"name": "neuropil.model.cell.swc:Path"}, {"name": "builtins:eval"}, {"module": "os"}, {"source": 0}, {"array": 99}, {"ref": 12345},
    {"object": {"name": "builtins:float"}, "id": 77, "state": {}}, {"nothing": 1}, {"member": "A", "class": {"name": "neuropil.zoo.neurons.lif:LIFExp"}},
    {"name": "neuropil.engine.simulation:Simulation"}, {"object": {"name": "neuropil.zoo.neurons.lif:Missing"}, "id": 77, "state": {}},
])  # fmt: skip
def test_an_edited_file_ends_in_an_error_and_executes_nothing(edit, tmp_path):
    """Also one with a seal that fits."""
    path = registry.circuit("brunel")().save(tmp_path / "n.h5")

    def edited(content):
        content["network"]["state"]["citation"] = edit

    rewrite(path, edited)
    with pytest.raises(npl.NetworkError, match="cannot be read"):
        npl.load_network(path)


def rewrite(path, edited):
    """Another content, under a seal that fits."""
    with sealed.reading(path) as file:
        content = json.loads(file["network"][()])
        arrays = {name: (array[()], array.attrs["dtype"]) for name, array in file["arrays"].items()} if "arrays" in file else {}
    edited(content)
    with sealed.writing(path) as file:
        file.attrs["neuropil_network"] = 1
        file["network"] = json.dumps(content)
        for name, (values, dtype) in arrays.items():
            file[f"arrays/{name}"] = values
            file[f"arrays/{name}"].attrs["dtype"] = dtype


def test_code_in_the_place_of_a_name_is_not_executed(tmp_path):
    """Beside text of the package, which needs no trust: here the gradient of a current along a dendrite."""
    path, mark = registry.circuit("brunel")().save(tmp_path / "n.h5"), tmp_path / "executed"
    attack = f"open({str(mark)!r}, 'w')"

    def source(name, closure):
        def edited(content):
            text = "lambda x: g * (-0.8696 + 2.087 * np.exp(3.6161 * x / farthest))"
            content["sources"] = [{
                "name": name, "qualname": "gradient", "text": text, "future": True, "package": "neuropil.zoo.cells.layer5_pyramidal", "reads": ["np"],
                "closure": {"g": 1.0, "farthest": 2.0, **closure}, "defaults": None, "keywords": None,
            }]  # fmt: skip
            content["network"]["state"]["citation"] = {"source": 0}

        return edited

    rewrite(path, source("_lambda", {}))
    assert npl.load_network(path).citation(0.0) == 2.087 - 0.8696
    for name, closure in ((attack, {}), ("_lambda", {f"a={attack}": 1.0})):
        rewrite(path, source(name, closure))
        with pytest.raises(npl.NetworkError, match="cannot be read"):
            npl.load_network(path)
        assert not mark.exists()


def test_trust_in_a_text_is_not_trust_in_what_another_file_lets_it_read(tmp_path):
    path = of_the_user().save(tmp_path / "n.h5")
    with pytest.raises(npl.NetworkError, match="only if you trust it") as refused:
        npl.load_network(path)
    digest = str(refused.value).split("SHA-256 ")[1][:64]

    def edited(content):
        next(s for s in content["sources"] if s["name"] == "Ramp")["reads"]["SCALE"] = {"name": "os:system"}

    rewrite(path, edited)
    with pytest.raises(npl.NetworkError, match="does not say"):
        npl.load_network(path, trust=digest)
