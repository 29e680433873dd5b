"""The command line, over a stand-in engine that records what it was asked: parsing, files, exit codes, output."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import neuropil.view
from neuropil.cli import app
from neuropil.cli.loading import add_probes, load, with_settings
from neuropil.cli.values import literal, quantity
from neuropil.errors import CommandError, MemoryLimitError, NeuropilError
from neuropil.units import ms, mV, nS, pA

RUN = ["run", "vogels_abbott", "--time", "10"]


class _Result:
    """As much of a Result as the command line touches."""

    def __init__(self, network: Any, interrupted: bool):
        self.network = network
        rates = {name: 1.5 for name in network.populations}
        self.summary = {
            "model": network.name, "neurons": network.size, "synapses": 10, "dt_ms": 0.1, "biological_seconds": 0.01,
            "wall_seconds": 0.02, "real_time_factor": 2.0, "compile_seconds": 0.0, "build_seconds": 0.0, "threads": 2,
            "peak_memory_bytes": 1000, "precision": "float32", "seed": 1, "spikes": 3, "synaptic_events": 30,
            "rates_hz": rates, "digest": "00", "interrupted": interrupted,
        }  # fmt: skip

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text(json.dumps(self.summary))
        return folder

    def to_json(self) -> dict[str, Any]:
        return dict(self.summary)


class _Engine:
    """Stands for `neuropil.engine` and `neuropil.view`; keeps the arguments of the last simulation."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.interrupted = False
        self.failure: BaseException | None = None

    def simulation(self, network: Any, **arguments: Any) -> _Engine:
        self.asked = {"network": network, **arguments}
        return self

    def run_until(self, duration: Any, checkpoint_every: Any = None) -> _Result:
        self.asked |= {"duration": duration, "checkpoint_every": checkpoint_every}
        if self.failure is not None:
            raise self.failure
        for phase in ("trace", "compile", "build", "run"):
            self.asked["progress"](phase, 0.5, {})
        result = _Result(self.asked["network"], self.interrupted)
        if self.asked["out"] is not None:
            result.save(self.asked["out"])
        return result


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Engine:
    stand_in = _Engine()
    module = types.ModuleType("neuropil.engine")
    module.Simulation = stand_in.simulation  # type: ignore[attr-defined]
    view = types.ModuleType("neuropil.view")
    view.raster_figure = lambda result: types.SimpleNamespace(savefig=lambda path, dpi: path.write_bytes(b"png"))  # type: ignore[attr-defined]
    view.write_report = lambda result, path, published=None: path.write_text("<html>")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "neuropil.engine", module)
    view.__path__ = list(neuropil.view.__path__)  # what is not replaced is the package's own
    monkeypatch.setitem(sys.modules, "neuropil.view", view)
    monkeypatch.chdir(tmp_path)
    return stand_in


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12ms", 12 * ms), ("-50 mV", -50 * mV), ("1.5e2pA", 150 * pA), ("2 s", 2000 * ms), (".5", 0.5),
        ("3 mV/ms", 3 * mV / ms), ("1 pA*ms/mV", 1 * nS * ms), ("1 nS·mV", 1 * pA), ("2 mV^2", 2 * mV**2), ("2 1/ms", 2 / ms),
    ],
)  # fmt: skip
def test_quantity(text: str, expected: Any) -> None:
    assert bool(quantity(text, "it") == expected)


@pytest.mark.parametrize("text", ["", "ms", "12 lightyears", "1,5 ms", "nan ms", "--3"])
def test_quantity_names_the_culprit(text: str) -> None:
    with pytest.raises(CommandError, match=r"--set a\.b"):
        quantity(text, "--set a.b")


def test_literal() -> None:
    values = [literal(t, "x") for t in ("3", "0.5", "True", "dc", "SI-fast")]
    assert values == [3, 0.5, True, "dc", "SI-fast"]


# --- networks --------------------------------------------------------------------------------------------------


def test_settings_make_a_copy() -> None:
    net = load("brunel", options=["regime=A", "order=100"])
    changed = with_settings(net, ["*.tau_m=25ms", "exc.t_ref=1ms"])
    assert float(changed["exc"].neuron.tau_m.value) == float(changed["inh"].neuron.tau_m.value) == 25.0
    assert float(changed["exc"].neuron.t_ref.value) == 1.0
    assert float(net["exc"].neuron.tau_m.value) == 20.0
    assert all(p.source is changed[p.source.name] and p.target is changed[p.target.name] for p in changed.projections)
    assert all(d.target is changed[d.target.name] for d in changed.drives)


def test_record() -> None:
    net = load("brunel")
    assert add_probes(net, ["exc.v:1", "inh.v[2:5]:0.5ms"])
    first, second = net.probes
    assert first.interval == 1.0 and first.neurons.size == net["exc"].size
    assert second.interval == 0.5 and np.array_equal(second.neurons, [2, 3, 4])
    assert not add_probes(load("brunel"), ["none"])


def test_network_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import neuropil as npl\n"
        "from neuropil.units import *\n"
        "class Leak(npl.Neuron):\n"
        "    tau: npl.Time = 10 * ms\n"
        "    v = npl.State(0 * mV)\n"
        "    def derivative(self, s, x): return {'v': -s.v / self.tau}\n"
        "def network(n=3):\n"
        "    net = npl.Network('mine')\n"
        "    net.population('p', Leak(), n)\n"
        "    return net\n"
    )
    assert load(f"{tmp_path / 'mine.py'}:network", options=["n=7"]).size == 7
    with pytest.raises(CommandError, match="cannot be scaled"):
        load(f"{tmp_path / 'mine.py'}:network", scale=0.5)
    with pytest.raises(CommandError, match="did you mean 'network'"):
        load(f"{tmp_path / 'mine.py'}:netwrok")


# --- commands --------------------------------------------------------------------------------------------------


def test_list_names_everything_with_its_kind_and_where_it_is() -> None:
    from neuropil.view.cards import entries

    result = call("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(entry.name in line and entry.kind in line and entry.path in line for entry, line in zip(entries(), lines, strict=True))
    assert all(len(line.split()) > 4 for line in lines), "each says what it is"
    assert [line.split()[0] for line in call("list", "cells").stdout.splitlines()] == ["layer5_pyramidal"]
    assert call("list", "nuron").exit_code == 2 and "did you mean 'neuron'" in call("list", "nuron").output


def test_list_as_json() -> None:
    listed = json.loads(call("list", "--json").stdout)
    assert {"kind": "neuron", "name": "lif_exp", "path": "neuropil.zoo.neurons.lif:LIFExp"} in listed
    assert {"stimulus", "connection rule", "integrator", "circuit", "agent", "effect"} <= {e["kind"] for e in listed}


def test_explain_shows_the_card_of_whatever_is_listed() -> None:
    for name, part in (("leak", "i = g · (v - e)"), ("stdp_additive", "efficacy ← clip(efficacy + a_plus · pre, 0, 1)"), ("dopamine", "vmax · C / (km + C)"), ("cartpole", "copies")):
        result = call("explain", name)
        assert result.exit_code == 0 and part in result.stdout, name


def test_explain_chooses_among_kinds_and_finds_families_and_misspellings() -> None:
    both = call("explain", "noise").stdout
    assert "(stimulus)" in both and "(context input)" in both
    assert "(context input)" not in call("explain", "stimulus/noise").stdout
    family = call("explain", "lif").stdout
    assert "lif_exp" in family and "escape_lif" in family and "gif" not in family.split()
    wrong = call("explain", "hodgkin_huxly")
    assert wrong.exit_code == 2 and "did you mean 'hodgkin_huxley'" in wrong.output


def test_run_hands_everything_to_the_engine(engine: _Engine, tmp_path: Path) -> None:
    result = call(
        *RUN, "--dt", "0.05", "--seed", "7", "--threads", "1", "--precision", "float64", "--out", str(tmp_path / "o"),
        "--set", "exc.tau_m=12ms", "--option", "synapses=cuba", "--scale", "0.5", "--record", "exc.v:1", "--checkpoint-every", "5",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    asked = engine.asked
    assert asked["dt"].to(ms) == 0.05 and asked["duration"].to(ms) == 10 and asked["checkpoint_every"].to(ms) == 5
    assert (asked["seed"], asked["threads"], asked["precision"], asked["record_spikes"]) == (7, 1, "float64", True)
    assert asked["out"] == tmp_path / "o" and asked["resume"] is None
    assert asked["network"].size == 2000 and float(asked["network"]["exc"].neuron.tau_m.value) == 12.0
    assert {p.name for p in (tmp_path / "o").iterdir()} == {"summary.json", "raster.png", "report.html", "network.h5"}
    assert "1.500" in result.stdout and "real-time factor 2.00" in result.stdout


def test_json_is_one_object_on_stdout(engine: _Engine) -> None:
    result = call(*RUN, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rates_hz"] == {"exc": 1.5, "inh": 1.5}
    assert len(result.stdout.strip().splitlines()) == 1
    assert "simulating" in result.stderr and "population" in result.stderr


def test_default_folder(engine: _Engine, tmp_path: Path) -> None:
    assert call(*RUN).exit_code == 0
    assert (tmp_path / "neuropil-out" / "vogels_abbott_cuba" / "report.html").exists()


def test_published_rates_stand_beside(engine: _Engine) -> None:
    result = call("run", "microcircuit", "--scale", "0.01", "--time", "10")
    assert result.exit_code == 0
    assert "published" in result.stdout and "0.903" in result.stdout
    assert "not comparable: the circuit is scaled by 0.01" in result.stdout and "few neurons in L5E, L5I" in result.stdout


def test_interrupted_run_is_saved_and_says_so(engine: _Engine, tmp_path: Path) -> None:
    engine.interrupted = True
    result = call(*RUN)
    assert result.exit_code == 130
    assert (tmp_path / "neuropil-out" / "vogels_abbott_cuba" / "summary.json").exists()


def test_interrupt_before_anything(engine: _Engine) -> None:
    engine.failure = KeyboardInterrupt()
    assert call(*RUN).exit_code == 130


def test_resume(engine: _Engine, tmp_path: Path) -> None:
    assert call(*RUN, "--resume").exit_code == 2
    assert call(*RUN).exit_code == 0
    assert call(*RUN, "--resume").exit_code == 0
    assert engine.asked["resume"] == Path("neuropil-out/vogels_abbott_cuba")


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["run", "microcircit"], "did you mean 'microcircuit'"),
        (["run", "nowhere.py:f"], "nowhere.py"),
        (["run", "nowhere.py"], "nowhere.py:function"),
        (["run", "microcircuit", "--scale", "2"], "scale"),
        (["run", "brunel", "--set", "exc.tau=3ms"], "tau"),
        (["run", "brunel", "--set", "ex.tau_m=3ms"], "'ex'"),
        (["run", "brunel", "--set", "exc.tau_m=3mV"], "tau_m"),
        (["run", "brunel", "--set", "exc.tau_m"], "--set"),
        (["run", "brunel", "--set", "tau_m=3ms"], "--set"),
        (["run", "brunel", "--set", "exc.tau_m=3ms", "--set", "exc.tau_m=4ms"], "twice"),
        (["run", "brunel", "--option", "regine=A"], "did you mean 'regime'"),
        (["run", "brunel", "--option", "regime=E"], "regime"),
        (["run", "brunel", "--record", "exc.u:1"], "'u'"),
        (["run", "brunel", "--record", "v"], "--record"),
        (["run", "brunel", "--record", "none", "--record", "spikes"], "--record"),
        (["run", "brunel", "--time", "0"], "--time"),
        (["run", "brunel", "--dt", "nan"], "--dt"),
        (["run", "brunel", "--seed", "-1"], "--seed"),
        (["run", "brunel", "--threads", "0"], "--threads"),
        (["run", "brunel", "--precision", "float16"], "--precision"),
        (["run", "brunel", "--checkpoint-every", "-5"], "--checkpoint-every"),
        (["bench", "--scale", "0"], "--scale"),
    ],
)
def test_mistakes_end_in_a_message(engine: _Engine, arguments: list[str], culprit: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert culprit in result.stderr
    assert "Traceback" not in result.output and result.stdout == ""


def test_engine_refusal_is_a_message(engine: _Engine) -> None:
    engine.failure = MemoryLimitError("too large", got="3 TB")
    result = call(*RUN, "--json")
    assert result.exit_code == 2 and "3 TB" in result.stderr and result.stdout == ""
    assert issubclass(CommandError, NeuropilError)


def test_bench(engine: _Engine) -> None:
    result = call("bench", "brunel", "--time", "10", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["brunel"]["real_time_factor"] == 2.0
    assert engine.asked["out"] is None
