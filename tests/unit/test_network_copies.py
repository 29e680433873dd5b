"""Copies of networks carry all that a network holds, and share nothing that can change.

Why to believe them: the comparison walks over whatever attributes the objects have, so that a field added to a description is
compared without being named here; and a network that uses every kind of description gives the same results as its copies.
"""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neuropil as npl
from neuropil.cli.loading import with_settings
from neuropil.errors import ModelError, NetworkError, UnitError
from neuropil.model.contents import contents
from neuropil.model.modulation import modulator
from neuropil.model.network import coupling
from neuropil.units import Hz, Quantity, mS, ms, mV, nM, nS, pA, um
from neuropil.units import cm as centimetre
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


def falling(distance: np.ndarray) -> np.ndarray:
    return np.exp(-distance / 100.0)


def stronger(value: Any, level: Any) -> Any:
    return value * (1.0 + level)


def network() -> npl.Network:
    """One of each: populations, rules, synapses, stimuli, probes, a coupling, modulators with every declaration."""
    net = npl.Network("all", published={"exc": 3.0}, citation="nobody")
    where = np.arange(20.0)[:, None] * np.ones(2) * um
    src = net.population("src", PoissonSource(rate=200 * Hz), 5)
    exc = net.population("exc", LIFExp(tau_m=npl.Normal(10 * ms, 1 * ms)), 20, initial={"v": np.linspace(-65, -60, 20) * mV}, positions=where)
    shape = npl.Cell(npl.Morphology.ball_and_stick(), discretisation=npl.FixedCount(3)).paint("all", Leak(g=0.1 * mS / centimetre**2))
    net.population("cells", shape, 2)
    net.project(src, exc, npl.FixedProbability(0.5), weight=400 * pA, delay=1 * ms, port="exc", name="drive")
    net.project(exc, exc, npl.DistanceDependent(falling), weight=npl.Normal(20 * pA, 2 * pA), delay=2 * ms, port="exc", name="local")
    net.project(exc, exc, npl.AllToAll(), weight=np.ones((20, 20)) * pA, delay=2 * ms, port="exc", synapse=AdditiveSTDP(), name="learns")
    net.project(src, exc, npl.Edges([0, 1], [3, 4]), weight=[1, 2] * pA, delay=1 * ms, port="exc", name="list")
    net.stimulate(exc, npl.Step(360 * pA), input="current", name="dc")
    net.stimulate(exc, npl.SpikeList(np.array([5.0, 9.0]) * ms), port="exc", weight=60 * pA, name="volley")
    net.project(exc[2:9], exc[[11, 3]], npl.Edges([0, 6], [1, 0]), weight=[1, 2] * pA, delay=1 * ms, port="exc", name="of views")
    net.project(exc[4:6], exc[[11, 3]], npl.OneToOne(), weight=[1, 2] * pA, delay=1 * ms, port="exc", name="one to one")
    net.project(exc[:9], exc[9:], npl.FixedInDegree(2), weight=np.ones((9, 11)) * pA, delay=1 * ms, port="exc", name="matrix")
    net.stimulate(exc[5:8], npl.SpikeList(np.array([5.0, 9.0]) * ms, neurons=[2, 0]), port="exc", weight=[1, 2, 3] * pA, name="some")
    net.probe(exc, "v", neurons=[1, 3], interval=1 * ms)
    net.probe(exc, "i_exc", interval=1 * ms)
    net.probe(net.projections[2], "weight", interval=5 * ms)
    net.normalise(net.projections[2], 20 * pA, interval=10 * ms)
    net.couple((exc, "current"), (exc, "current"), [[0, 1]], g=1 * nS)
    da = net.modulator("da", npl.FirstOrder(baseline=50 * nM, tau=40 * ms), volume=[exc, *net.projections], tick=1 * ms, cap=500 * nM)
    da.released_by(src, 100 * nM).receptor("D1", ec50=600 * nM).modulates(exc, "v_th", npl.Shift(by=-6 * mV), receptor="D1")
    da.modulates(exc, "tau_syn_exc" if "tau_syn_exc" in exc.neuron.spec.parameters else "tau_exc", stronger, receptor="D1")
    return net


COPIES: dict[str, Callable[[npl.Network], npl.Network]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda net: pickle.loads(pickle.dumps(net)),
    "replace": lambda net: net.replace(),
    "frozen": lambda net: net.frozen(),
    "replace a value by itself": lambda net: net.replace(populations={"exc": {"t_ref": net["exc"].neuron.t_ref}}, projections={"drive": {"weight": 400 * pA}}),
    "replace all by itself": lambda net: net.replace(
        projections={p.name: {"delay": p.delay * ms} for p in net.projections}, drives={"dc": {"stimulus": net.drives[0].stimulus}, "some": {}}
    ),
    "--set": lambda net: with_settings(net, ["exc.t_ref=2ms", "cells.Leak.g=1 nS/um^2"]).replace(
        populations={"cells": {"Leak.g": net["cells"].neuron.painted[0].channel.g}}
    ),
}


def differences(a: Any, b: Any, path: str, seen: dict[int, int]) -> list[str]:
    """Where two graphs of objects differ, whatever their classes declare; the same object on one side must be the same on the other."""
    if id(a) in seen:
        return [] if seen[id(a)] == id(b) else [f"{path}: not the object it was before"]
    if type(a) is not type(b):
        return [f"{path}: {type(a).__name__} is {type(b).__name__}"]
    if isinstance(a, np.ndarray):
        return [] if a.dtype == b.dtype and np.array_equal(a, b) else [f"{path}: {a} is {b}"]
    if isinstance(a, (list, tuple)):
        parts = [(f"[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=False))] if len(a) == len(b) else []
        return [f"{path}: another length"] * (len(a) != len(b)) + [d for n, x, y in parts for d in differences(x, y, path + n, seen)]
    if isinstance(a, dict):
        return [f"{path}: {set(a) ^ set(b)}"] * (a.keys() != b.keys()) + [d for k in a.keys() & b.keys() for d in differences(a[k], b[k], f"{path}.{k}", seen)]
    if isinstance(a, Quantity):
        return differences((a.value, a.dimension), (b.value, b.dimension), path, seen)
    if not hasattr(a, "__dict__") or isinstance(a, type) or callable(a):
        return [] if a is b or a == b else [f"{path}: {a!r} is {b!r}"]
    seen[id(a)] = id(b)
    own, other = ({k: v for k, v in vars(x).items() if k != "_frozen"} for x in (a, b))
    return differences(own, other, path, seen)


def reachable(one: Any, found: dict[int, Any] | None = None) -> dict[int, Any]:
    """Every description of a graph that refers to others by identity."""
    found = {} if found is None else found
    elements = (npl.Network, contents.Population, contents.Projection, contents.StimulusConnection, contents.Probe, coupling.Coupling, coupling.End, npl.Modulator)
    elements += (modulator.Release, modulator.BoundEffect)
    if isinstance(one, (list, tuple)):
        for item in one:
            reachable(item, found)
    elif isinstance(one, dict):
        reachable(list(one.values()), found)
    elif isinstance(one, elements) and id(one) not in found:
        found[id(one)] = one
        reachable(vars(one), found)
    return found


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_carries_everything(how: str) -> None:
    net = network()
    assert differences(net, COPIES[how](net), "network", {}) == []


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_shares_nothing_that_refers_to_its_network(how: str) -> None:
    net = network()
    twin = COPIES[how](net)
    assert not reachable(net).keys() & reachable(twin).keys()
    assert len(reachable(net)) == len(reachable(twin)) > 15


@pytest.mark.parametrize("how", [h for h in COPIES if h != "frozen"])
def test_a_copy_is_built_on_by_itself(how: str) -> None:
    net = network()
    twin = COPIES[how](net)
    twin.population("more", LIFExp(), 3)
    twin.modulators["da"].receptor("D2", ec50=1 * nM)
    with pytest.raises(NetworkError, match="another network"):
        twin.probe(net["exc"], "v")
    assert "more" not in net.populations and "D2" not in net.modulators["da"].receptors


@pytest.mark.parametrize("kind", [npl.Network, contents.Population, contents.Projection, contents.StimulusConnection, contents.Probe, coupling.Coupling, npl.Modulator])
@pytest.mark.parametrize("how", COPIES)
def test_a_field_that_a_description_gains_is_carried(how: str, kind: type) -> None:
    """One is put into an object of each class, as a new version might; no copy needs to know of it."""
    net = network()
    for one in reachable(net).values():
        if isinstance(one, kind):
            object.__setattr__(one, "gained", net["src"])
    twin = COPIES[how](net)
    kept = [one for one in reachable(twin).values() if isinstance(one, kind)]
    carried = [one for one in kept if getattr(one, "gained", None) is twin["src"]]
    anew = {"replace a value by itself", "replace all by itself", "--set"}  # describe some things anew: below
    assert len(carried) == len(kept) or how in anew, [one for one in kept if one not in carried]


@pytest.mark.parametrize("kind", [contents.Population, contents.Projection, contents.StimulusConnection])
def test_what_is_described_anew_is_described_in_full(kind: type) -> None:
    """`replace` goes through the building methods: each field of these classes is one that it hands over or that they set."""
    from neuropil.model.network import replace

    handed = {
        contents.Population: {*replace.OF_POPULATION, "name", "first"},
        contents.Projection: {*replace.OF_PROJECTION, "name", "source", "target", "port", "input", "sources", "targets", "stream"},
        contents.StimulusConnection: {*replace.OF_DRIVE, "name", "target", "port", "input", "site", "neurons", "stream", "follows"},  # those that follow go with their drive
    }
    assert {f.name for f in dataclasses.fields(kind)} == handed[kind]


def test_descriptions_share_arrays_because_nobody_can_write_to_them() -> None:
    net = network()
    weight = net.projections[2].weight
    assert net.frozen().projections[2].weight is weight
    with pytest.raises(ValueError, match="read-only"):
        weight[0, 0] = 3.0
    given = np.ones(20) * ms
    model = LIFExp(tau_m=given)
    given.value[:] = 7.0
    assert model.tau_m.value[0] == 1.0, "what the caller keeps is another array"


def test_parameters_sizes_and_stimuli_are_replaced() -> None:
    net = network()
    new = net.replace(
        name="other", populations={"exc": {"tau_m": 12 * ms, "v_th": -51 * mV}, "cells": {"Leak.g": 0.2 * mS / centimetre**2}},
        projections={"local": {"weight": 5 * pA, "rule": npl.FixedInDegree(3)}, "learns": {"tau_plus": 11 * ms}},
        drives={"dc": {"stimulus": npl.Step(1 * pA)}, "volley": {"weight": 7 * pA}},
    )  # fmt: skip
    assert new.name == "other" and new["exc"].neuron.tau_m.value == 12.0 and new["exc"].neuron.v_th.value == -51.0
    assert new["cells"].neuron.painted[0].channel.g == 0.2 * mS / centimetre**2
    local, learns = new.projections[1:3]
    assert local.weight == 5.0 and isinstance(local.rule, npl.FixedInDegree) and learns.synapse.tau_plus.value == 11.0
    assert new.drives[0].stimulus.amplitude.value == 1.0 and new.drives[1].weight == 7.0
    assert new.modulators["da"].projections[1] is local, "what refers to it refers to the new one"
    assert net["exc"].neuron.v_th.value == -50.0 and net.projections[1].weight != 5.0


def test_a_size_is_replaced_where_nothing_names_single_neurons() -> None:
    net = npl.Network()
    a, b = net.population("a", LIFExp(), 4), net.population("b", LIFExp(), 6)
    net.project(a, b, npl.FixedInDegree(2), weight=1 * pA, delay=1 * ms, port="exc", name="ab")
    net.probe(a, "v", name="all")
    net.probe(a, "v", neurons=[0, 3], name="some")
    new = net.replace(populations={"a": {"size": 9}})
    assert new.size == 15 and new["b"].first == 9 and net["b"].first == 4
    assert new.probes[0].neurons.size == 9 and new.probes[1].neurons.tolist() == [0, 3]
    with pytest.raises(NetworkError, match="no longer exists"):
        net.replace(populations={"a": {"size": 2}})
    viewed = npl.Network()
    c = viewed.population("c", LIFExp(), 9)
    viewed.project(c[6:], c, npl.Edges([0, 2], [8, 1]), weight=1 * pA, delay=1 * ms, port="exc", name="cc")
    assert viewed.replace(populations={"c": {"size": 12}}).projections[0].rule.pre.tolist() == [6, 8]
    with pytest.raises(NetworkError, match="'cc' refers to a neuron that no longer exists"):
        viewed.replace(populations={"c": {"size": 8}})
    with pytest.raises(NetworkError, match="FixedInDegree"):
        net.replace(populations={"a": {"size": 1}}, projections={"ab": {"rule": npl.FixedInDegree(2, allow_multiple=False)}})
    with pytest.raises((NetworkError, ModelError), match=r"wrong shape|couplings?|voxel"):
        network().replace(populations={"exc": {"size": 30}})


def test_what_is_done_to_synapses_fits_the_copy() -> None:
    """Totals for each target and indices of synapses are those of the projection as it is described anew."""
    net = npl.Network()
    a, b = net.population("a", LIFExp(), 4), net.population("b", LIFExp(), 6)
    (q,) = net.project(a, b, npl.FixedInDegree(2), weight=1 * pA, delay=1 * ms, port="exc", synapse=AdditiveSTDP(), name="ab")
    net.normalise(q, np.full(6, 1.0), interval=1 * ms, variable="efficacy")
    with pytest.raises(ModelError, match=r"total has the wrong shape(.|\n)*\(6,\)(.|\n)*\(3,\)"):
        net.replace(populations={"b": {"size": 3}})
    with pytest.raises(NetworkError, match="have no 'efficacy'"):
        net.replace(projections={"ab": {"synapse": None}})
    assert net.replace(populations={"a": {"size": 3}}).normalisations[0].total.shape == (6,)
    watched = npl.Network()
    c = watched.population("c", LIFExp(), 4)
    (q,) = watched.project(c, c, npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", name="cc")
    watched.probe(q, "weight", interval=1 * ms)
    with pytest.raises(NetworkError, match="rewire, so"):
        watched.replace(projections={"cc": {"structure": npl.Rewiring(1 * ms, eliminate=10 * Hz)}})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"populations": {"ecx": {"tau_m": 1 * ms}}}, NetworkError, "did you mean 'exc'"),
        ({"populations": {"exc": {"tau": 1 * ms}}}, ModelError, "no parameter 'tau'"),
        ({"populations": {"exc": {"tau_m": 1 * mV}}}, UnitError, "wrong unit"),
        ({"populations": {"cells": {"Leek.g": 1}}}, ModelError, "Leak.g"),
        ({"populations": {"exc": 3}}, NetworkError, "dict of dicts"),
        ({"projections": {"drive": {"weigth": 1 * pA}}}, NetworkError, "did you mean 'weight'"),
        ({"projections": {"drive": {"weight": 1 * mV}}}, UnitError, "wrong unit"),
        ({"drives": {"dc": {"weight": 1 * pA}}}, NetworkError, "no weight"),
        ({"drives": {"dc": {"stimulus": npl.Poisson(1 * Hz)}}}, NetworkError, "an event or a current stimulus"),
    ],
)
def test_what_cannot_be_replaced_is_named(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        network().replace(**changes)


def test_the_network_of_a_simulation_refuses_changes() -> None:
    frozen = network().frozen()
    changes: list[Callable[[], Any]] = [
        lambda: frozen.population("z", LIFExp(), 3), lambda: frozen.probe(frozen["exc"], "v", name="z"), lambda: setattr(frozen, "name", "z"),
        lambda: frozen.modulators["da"].receptor("z", ec50=1 * nM), lambda: frozen.modulators["da"].released_by(frozen["src"], 1 * nM),
        lambda: frozen.stimulate(frozen["exc"], npl.Step(1 * pA), input="current"), lambda: frozen.modulator("z", npl.Signal(), volume=[frozen["exc"]]),
        lambda: frozen.project(frozen["exc"], frozen["exc"], npl.AllToAll(), weight=1 * pA, delay=1 * ms, port="exc"),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(NetworkError, match="cannot be changed"):
            change()
    copy.copy(frozen).population("z", LIFExp(), 3)


def test_another_process_takes_a_network() -> None:
    """What `multiprocessing` with "spawn" does: the other process knows nothing but the bytes."""
    code = "import pickle, sys; net = pickle.load(sys.stdin.buffer); print(net.size, list(net.modulators), len(net.couplings))"
    net = network().replace(projections={"local": {"rule": npl.FixedProbability(0.1)}})
    net.modulators["da"].effects[:] = net.modulators["da"].effects[:1]  # functions of this file are not to be found there
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(net), capture_output=True, timeout=60)
    assert done.stdout.split() == [b"27", b"['da']", b"1"], done.stderr
