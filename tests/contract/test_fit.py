"""Training: a network learns, runs on the engine, is saved, resumed and looked at.

Why to believe it: spikes of the trained description on the engine are those of the rollout; what was interrupted after any epoch ends with the same bits;
two of the same seed are equal; warnings appear where a network is made to deserve them.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import optax
import pytest

import neuropil as npl
from neuropil import rng
from neuropil.connectivity.draw import edges
from neuropil.errors import CheckpointError, ModelError, SimulationError, TrainingWarning
from neuropil.learn.fit.health import gradient_warnings
from neuropil.model.modulation.effects import Shift
from neuropil.model.modulation.kinetics import FirstOrder
from neuropil.result.sealed import reading, writing
from neuropil.units import ms, mV, nM
from neuropil.zoo.neurons.lif import LIFDelta
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay

RANDOM = np.random.default_rng(1)
X = RANDOM.uniform(size=(30, 6))
Y = X[:, :3].argmax(axis=1)
ENCODER = npl.data.LatencyEncoder(12 * ms, least=0.05)


def network(weight: Any = None, hidden: int = 10, **neuron: Any) -> npl.Network:
    net = npl.Network("small")
    source, inner = net.population("input", Relay(), 6), net.population("hidden", LIFDelta(t_ref=1 * ms, **neuron), hidden)
    output = net.population("output", LeakyReadout(), 3)
    net.project(source, inner, npl.AllToAll(), weight=npl.Normal(3 * mV, 6 * mV) if weight is None else weight, delay=1 * ms, port="syn", name="in")
    net.project(inner, inner, npl.FixedProbability(0.4), weight=npl.Normal(0 * mV, 2 * mV), delay=npl.Uniform(1 * ms, 3 * ms), port="syn", name="again")
    net.project(inner, output, npl.AllToAll(), weight=npl.Normal(0.0, 0.5), delay=1 * ms, port="syn", name="out")
    return net


def trained(epochs: int = 3, net: npl.Network | None = None, **options: Any) -> npl.Fit:
    options = {"encoder": ENCODER, "batch": 8, "checks": False, "backend": "jax", **options}
    return npl.fit(net or network(), (X, Y), epochs=epochs, **options)


def weights(fitted: npl.Fit) -> list[np.ndarray]:
    return [np.asarray(p.weight) for p in fitted.network.projections]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> npl.Fit:
    return trained(4, validation=0.2, out=tmp_path_factory.mktemp("fit") / "run", precision="float64", regularisers=npl.losses.RateBounds(high=80))


def test_a_network_learns(fitted):
    history = fitted.history
    assert history.epochs == 4 and history["loss"][-1] < 0.9 * history["loss"][0] and {"accuracy", "validation_loss", "validation_accuracy", "rate hidden"} <= set(history)
    scores = fitted.evaluate((X, Y))
    assert scores.samples == 30 and scores.accuracy == scores["accuracy"] == np.mean(fitted.predict(X).argmax(axis=1) == Y)
    assert fitted.facts["trained"] == {"in.weight": 60, "again.weight": fitted.network.projections[1].rule.pre.size, "out.weight": 30}


def test_auto_takes_native_kernels_but_where_every_step_is_a_tick():
    """And the facts say so; a modulator that ticks at every second step is no reason."""
    found = {}
    for tick in (None, 0.5 * ms, 1 * ms):
        net = network()
        if tick is not None:
            hidden = net["hidden"]
            net.modulator("level", FirstOrder(tau=5 * ms, baseline=50 * nM), volume=hidden, tick=tick).receptor("R", ec50=80 * nM).modulates(hidden, "v_th", Shift(by=-2 * mV), receptor="R")
        facts = trained(0, net, backend="auto", dt=0.5 * ms).facts
        found[tick] = facts["backend"], facts["backend_why"]
    assert found[None] == found[1 * ms] == ("native", "supported")
    assert found[0.5 * ms][0] == "jax" and "every step is a tick" in found[0.5 * ms][1]


def test_the_network_runs_on_the_engine(fitted):
    """In float64 the same spikes; in float32 what agrees is counted."""
    agreed = fitted.agreement(X[:6])
    assert agreed.samples == agreed.same_spikes == agreed.same_answers == 6 and agreed.spikes > 50 and agreed.largest_difference < 1e-6
    assert fitted.with_precision("float32").agreement(X[:6]).same_answers >= 5
    (result,) = fitted.run(X[:1])
    assert result.spikes.size("hidden") == 10 and result.duration_ms == 12


def test_a_trained_network_is_a_file(fitted, tmp_path):
    again = npl.load_fit(fitted.save(tmp_path / "fit.h5"))
    assert dict(again.evaluate((X, Y))) == dict(fitted.evaluate((X, Y))) and again.history.rows == fitted.history.rows and again.settings == fitted.settings
    assert np.array_equal(npl.load_network(tmp_path / "fit.h5").projections[0].weight, fitted.network.projections[0].weight)
    fitted.network.save(tmp_path / "network.h5")
    with pytest.raises(npl.NetworkError, match="no 'settings'"):
        npl.load_fit(tmp_path / "network.h5")


def test_a_file_from_before_an_option_is_read_with_its_default(fitted, tmp_path):
    """What has no default is missing, and says so."""
    path = fitted.save(tmp_path / "fit.h5")
    _without(path, "dropout")
    again = npl.load_fit(path)
    assert again.settings == fitted.settings and dict(again.with_precision("float64").evaluate((X, Y))) == dict(fitted.evaluate((X, Y)))
    _without(path, "seed")
    with pytest.raises(npl.NetworkError, match="Settings without seed"):
        npl.load_fit(path)


def _without(path: Any, field: str) -> None:
    """Take a field of the settings out of a file."""
    with reading(path) as file:
        content = json.loads(file["network"][()])
        arrays = [(file[f"arrays/{j}"][()], file[f"arrays/{j}"].attrs["dtype"]) for j in range(len(file.get("arrays", ())))]
        version = file.attrs["neuropil_network"]
    del content["settings"]["state"][field]
    with writing(path) as file:
        file.attrs["neuropil_network"], file["network"] = version, json.dumps(content)
        for j, (array, dtype) in enumerate(arrays):
            file[f"arrays/{j}"] = array
            file[f"arrays/{j}"].attrs["dtype"] = dtype


def test_what_cannot_be_saved_is_refused_before_the_training(tmp_path):
    """And nothing is trained in vain."""
    rows: list[Any] = []
    with pytest.raises(npl.NetworkError, match="cannot be saved"):
        trained(1, augment=type("Made", (npl.data.Augmentation,), {"changed": lambda self, values, key, samples: values})(), out=tmp_path, progress=rows.append)
    assert not rows


def test_what_a_folder_holds(fitted):
    folder = next(p for p in _folders(fitted))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Learning curve" in page and "event-driven" in page and "in.weight" in page
    assert npl.load_fit(folder / "fit.h5").history.rows == fitted.history.rows
    cost = fitted.cost()
    rates = fitted.history.rows[-1]
    events = sum(rates[f"rate {p.source.name}"] * p.source.size * n / p.source.size for p, n in zip(fitted.network.projections, (60, fitted.facts["trained"]["again.weight"], 30), strict=True)) * 0.012
    assert np.isclose(cost.event_driven.synaptic_events, events) and cost.dense.synaptic_events == 12 * sum(fitted.facts["trained"].values())
    assert cost.event_driven.operations < cost.dense.operations and "joules" not in str(cost) and "event-driven" in str(cost)


def _folders(fitted: npl.Fit) -> list[Any]:
    return [fitted.folder] if fitted.folder is not None else []


class Killed(Exception):
    """In the place of a kill."""


@pytest.mark.parametrize("kill", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_training_resumes_bit_for_bit(tmp_path, kill):
    """Drawn encoders, a schedule, momentum: all goes on as if nothing had been."""
    options = {
        "encoder": npl.data.RateEncoder(10 * ms, rate=300), "optimizer": optax.adam(optax.exponential_decay(0.03, 5, 0.9)), "validation": 0.2, "keep": "best",
        "dropout": {"hidden": 0.2}, "average": 0.7, "augment": [npl.data.GaussianNoise(0.1), npl.data.InputDropout(0.1)],
    }  # fmt: skip

    def stop(row: Any) -> None:
        if row["epoch"] + 1 == kill:
            raise Killed

    whole = _whole(options)
    with pytest.raises(Killed):
        trained(4, out=tmp_path, progress=stop, **options)
    after = trained(4, out=tmp_path, **options)
    assert all(np.array_equal(a, b) for a, b in zip(weights(whole), weights(after), strict=True))
    assert [{**r, "seconds": 0} for r in whole.history.rows] == [{**r, "seconds": 0} for r in after.history.rows]
    if kill == 1:
        with pytest.raises(CheckpointError, match="differs in seed"):
            trained(4, out=tmp_path, seed=2, **options)
        with pytest.raises(CheckpointError, match="differs in data"):
            npl.fit(network(), (X[::-1], Y), out=tmp_path, batch=8, checks=False, backend="jax", epochs=4, **options)
        with pytest.raises(CheckpointError, match="differs in network"):
            trained(4, network(tau_m=11 * ms), out=tmp_path, **options)
        with pytest.raises(CheckpointError, match="differs in optimizer"):
            trained(4, out=tmp_path, **{**options, "optimizer": "adam"}, learning_rate=0.03)
        with pytest.raises(CheckpointError, match="differs in constraints"):
            trained(4, out=tmp_path, trainable=[npl.Trainable(p, "weight", bits=8) for p in network().projections], **options)


_KEPT: list[npl.Fit] = []


def _whole(options: Any) -> npl.Fit:
    if not _KEPT:
        _KEPT.append(trained(4, **options))
    return _KEPT[0]


SEEN: list[tuple[int, float]] = []


class Watched(npl.data.Augmentation):
    """Makes all samples equal, and keeps the number of samples and the key."""

    def changed(self, values: Any, key: Any, samples: Any) -> Any:
        """As of `Augmentation`."""
        SEEN.append((len(samples), key[0]))
        return values * 0.0 + 0.5


@pytest.mark.parametrize("backend", ["jax", "native"])
def test_one_step_with_dropout_by_hand(backend):
    """The loss of the step is that of a network with weights that were multiplied beforehand; weights of dropped neurons stay."""
    rows: list[Any] = []
    options = {"batch": 30, "optimizer": optax.sgd(0.1), "dropout": {"hidden": 0.4}, "precision": "float64", "backend": backend, "progress": rows.append}
    made = trained(1, **options)
    before, after = network(), made.network
    drop = rng.uniform(rng.stream_key(1, "fit", "dropout", "hidden", 0), np.arange(10), 0) < 0.4
    assert 1 < drop.sum() < 9
    values = [edges(p, 1, 1.0)[2] for p in before.projections]
    moved = [~np.isclose(np.asarray(p.weight).ravel(), np.asarray(v).ravel(), rtol=1e-9, atol=1e-12) for p, v in zip(after.projections, values, strict=True)]
    sources = [edges(p, 1, 1.0)[0] for p in before.projections]
    assert not moved[2][drop[sources[2]]].any() and moved[2][~drop[sources[2]]].mean() > 0.5 and not moved[1][drop[sources[1]]].any()
    cut, factor = network(), np.where(drop, 0.0, 1 / 0.6)
    for k, p in enumerate(cut.projections[1:], 1):
        pre, post, weight, delay, _ = edges(p, 1, 1.0)
        cut.projections[k] = dataclasses.replace(p, rule=npl.Edges(pre, post), weight=weight * factor[pre], delay=delay * 1.0)
    assert np.isclose(rows[0]["loss"], trained(0, cut, precision="float64").evaluate((X, Y)).loss, rtol=1e-12)


def test_dropout_of_weights_that_a_rule_changes_is_refused():
    """A rule would raise them from zero: the neuron would not be cut off."""
    net = network()
    net.project(net["hidden"], net["output"], npl.AllToAll(), weight=0.1, delay=1 * ms, port="syn", name="plastic", synapse=Potentiated())
    with pytest.raises(ModelError, match="hold their weights as a state"):
        trained(1, net, dropout={"hidden": 0.2})


def test_dropout_and_feedback_that_does_not_know_of_it():
    """Random feedback would teach neurons that have no effect; along the weights there is none."""
    for feedback in ("random", "learned"):
        with pytest.raises(ModelError, match=r"sends errors back to neurons that are dropped\n.*hidden"):
            trained(1, method=npl.methods.EProp(feedback), dropout={"hidden": 0.2})


class Potentiated(npl.Synapse):
    """Grows at every spike."""

    weight = npl.State(1.0)

    def arrive(self, s, w):
        return {"weight": s.weight + 0.1}

    def transmits(self, s, w):
        return s.weight


def test_the_average_of_values():
    """After two steps of size one batch each: (d (1 - d) w1 + (1 - d) w2) / (1 - d²)."""
    options = {"batch": 30, "optimizer": optax.sgd(0.1), "precision": "float64", "trainable": "out"}
    one, two = (weights(trained(n, **options))[2] for n in (1, 2))
    made = trained(2, average=0.6, validation=(X, Y), keep="best", **options)
    mean = weights(trained(2, average=0.6, **options))[2]
    assert np.allclose(mean, (0.6 * 0.4 * one + 0.4 * two) / (1 - 0.36), rtol=1e-12)
    assert np.isclose(min(made.history["validation_loss"]), made.evaluate((X, Y)).loss, rtol=1e-9)


def test_samples_are_changed_in_training_alone():
    SEEN.clear()
    made = trained(2, augment=Watched(), validation=0.2)
    assert sum(n for n, _ in SEEN if n > 1) == 2 * 24 and len({k for _, k in SEEN}) == 2  # one alone shows shapes
    seen = len(SEEN)
    made.evaluate((X, Y))
    assert len(SEEN) == seen and made.predict(X).std(axis=0).min() > 0


def test_training_goes_on_from_a_trained_network(fitted):
    """Parameters by name, early stopping, clipping; the description given stays as it was."""
    before = weights(fitted)[2].copy()
    more = trained(6, fitted.network, trainable=["out", "hidden.tau_m"], learning_rate=0.02, clip=1.0, patience=1, validation=(X[:4], (Y[:4] + 1) % 3), keep="best")
    assert more.facts["stopped"] and more.facts["epochs"] < 6 and more.facts["best_epoch"] == int(np.argmin(more.history["validation_loss"]))
    assert np.array_equal(weights(fitted)[2], before) and not np.array_equal(weights(more)[2], before)
    assert np.array_equal(weights(more)[0], weights(fitted)[0]) and more.network["hidden"].neuron.tau_m.value != fitted.network["hidden"].neuron.tau_m.value


def test_batches_as_they_come_and_spikes_as_samples():
    """The same samples as dense events, as spike events and in batches of their own give the same network."""
    events = ENCODER.encode(X, 1.0, (0, 0), np.arange(30))
    sample, step, neuron = np.nonzero(events)
    listed = npl.data.SpikeEvents([(step[sample == j] + 1.0) for j in range(30)], [neuron[sample == j] for j in range(30)], 6, 12)
    one = npl.fit(network(), [(events[:20], Y[:20]), (events[20:], Y[20:])], epochs=1, checks=False, backend="jax")
    other = npl.fit(network(), [(listed[:20], Y[:20]), (listed[20:], Y[20:])], epochs=1, checks=False, backend="jax")
    assert all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


def test_what_is_not_finite_is_named():
    """An exponential that overflows: sample, step, population and state."""

    class Bursting(npl.Neuron):
        v = npl.State(0.0)
        syn = npl.Port(1.0)

        def derivative(self, s, x):
            return {"v": s.v * s.v * s.v / ms}

        def receive(self, s, w):
            return {"v": w.syn}

    net = npl.Network("overflow")
    source, output = net.population("input", Relay(), 2), net.population("output", Bursting(), 2)
    net.project(source, output, npl.OneToOne(), weight=1.0, delay=1 * ms, port="syn", name="w")
    x = np.zeros((3, 8, 2))
    x[1, 2:5, 1] = 1
    with pytest.raises(SimulationError, match=r"epoch 1: output.v is not finite\n.*sample 1, step [4-7] .*neuron or site 1"):
        npl.fit(net, (x, np.zeros(3, int)), epochs=1, checks=False, backend="jax", batch=3)


def test_warnings_of_what_learns_little():
    """A dead population, and one whose surrogate touches nothing."""
    with pytest.warns(TrainingWarning) as seen:
        made = trained(1, network(weight=0.01 * mV), checks=True)
    texts = [str(w.message) for w in seen]
    assert any("'hidden' is dead: 100 %" in t for t in texts) and any("no gradient reaches population 'hidden'" in t for t in texts)
    assert any("touches 0 % of the neuron-steps of population 'hidden'" in t for t in texts) and set(texts) <= set(made.history.warnings)


def test_norms_that_vanish_or_explode_are_found():
    net, early = network(), np.r_[np.full(5, 1e-6), np.full(15, 1.0)]
    assert "vanish through population 'hidden'" in gradient_warnings({"hidden": early}, net)[0]
    assert "explode through population 'hidden'" in gradient_warnings({"hidden": early[::-1]}, net)[0]
    assert gradient_warnings({"hidden": np.ones(20), "input": np.zeros(20)}, net) == []


def test_a_potential_is_fitted_to_a_recording():
    """The time constant of a membrane from its response to a current."""

    def cell(tau: float) -> npl.Network:
        net = npl.Network("cell")
        net.population("cell", LIFDelta(tau_m=tau * ms, v_th=0 * mV), 1)
        return net

    x = np.zeros((1, 40, 1))
    x[:, 5:25] = 150.0
    probe = cell(20.0)
    probe.probe(probe["cell"], "v")
    probe.stimulate(probe["cell"], npl.TimeArray(x[0] * npl.units.pA, interval=1 * ms), input="current")
    recording = npl.run(probe, 40 * ms, dt=1 * ms, precision="float64").traces["cell.v"].values[None]
    made = npl.fit(
        cell(8.0), (x * npl.units.pA, recording), loss="trace_error", input="cell.current", trainable=["cell.tau_m"], epochs=120, learning_rate=0.1, checks=False, backend="jax"
    )  # fmt: skip
    assert np.isclose(made.network["cell"].neuron.tau_m.value, 20.0, rtol=1e-2)
    with pytest.raises(ModelError, match="need a unit"):
        npl.fit(cell(8.0), (x, recording), loss="trace_error", input="cell.current", trainable=["cell.tau_m"])
