"""Modulators in a running simulation: what is recorded, what is refused, and that a level which stays is a changed parameter."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from neuropil import explain
from neuropil.engine import Simulation, run
from neuropil.engine.record.fingerprint import fingerprint
from neuropil.errors import ModelError, NetworkError, NeuropilError, SimulationError
from neuropil.model import (
    AllToAll,
    Apart,
    Diffusion,
    FirstOrder,
    FixedProbability,
    Gain,
    Morphology,
    Network,
    SelfStimulationMonitor,
    Shift,
    Signal,
    Step,
    Toward,
)
from neuropil.model.cell.cell import Cell
from neuropil.plan.plan import make_plan
from neuropil.result import Result
from neuropil.units import Hz, Quantity, cm, mM, mS, ms, mV, nM, pA, um
from neuropil.view import render_report
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.modulators import acetylcholine, norepinephrine
from neuropil.zoo.modulators.dopamine import Dopamine, receptors
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.synapses.scaled import Scaled
from neuropil.zoo.synapses.short_term import TsodyksMarkram
from neuropil.zoo.synapses.td_stdp import TDSTDP

DURATION = 60 * ms


def circuit(model=None, synapse=None, positions=False):
    network = Network("circuit")
    source = network.population("source", PoissonSource(rate=100 * Hz), 8)
    at = np.random.default_rng(2).uniform(0, 40, (9, 2)) * um if positions else None
    cells = network.population("cells", model or LIFExp(), 9, positions=at)
    network.stimulate(cells, Step(390 * pA), input="current")
    how = {"weight": 300 * pA, "delay": 1 * ms, "port": "exc"}
    (into,) = network.project(source, cells, FixedProbability(0.5), synapse=synapse or TsodyksMarkram(), name="in", **how)
    network.project(cells, cells, FixedProbability(0.3), weight=-50 * pA, delay=1.5 * ms, port="inh")
    return network, cells, into


def digest(network, **options):
    return run(network, DURATION, **{"threads": 2, **options}).summary["digest"]


# --- a level that stays ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "positions"),
    [*((p, False) for p in LIFExp.spec.parameters if p != "e_l"), ("tau_m", True), ("t_ref", True), ("v_reset", True)],
)
def test_a_constant_level_is_another_parameter(parameter, positions) -> None:
    """Through the modulator or in the description: the same bits, whether one value is written or one per neuron.

    (`e_l` apart, at which the potential starts: starting states are the description's.)
    """
    value = getattr(LIFExp(), parameter)
    other = 1.25 * value if value.value else 30 * pA
    network, cells, _ = circuit(positions=positions)
    spread = Diffusion(0.1 * um**2 / ms, spacing=10 * um) if positions else None
    level = network.modulator("one", FirstOrder(baseline=1 * mM, tau=1e9 * ms), volume=cells, diffusion=spread).receptor("full", ec50=1e-300 * mM)
    level.modulates(cells, parameter, Toward(other), receptor="full")
    assert digest(network) == digest(circuit(LIFExp(**{parameter: other}), positions=positions)[0]) != digest(circuit(positions=positions)[0])


@pytest.mark.parametrize("parameter", ["tau_d", "tau_f"])
def test_a_constant_level_is_another_synapse(parameter) -> None:
    network, _, into = circuit()
    network.modulator("one", Signal(baseline=1.0), volume=into).modulates(into, parameter, Gain(by=-0.6))
    other = 0.4 * getattr(TsodyksMarkram(), parameter)
    assert digest(network, precision="float64") == digest(circuit(synapse=TsodyksMarkram(**{parameter: other}))[0], precision="float64")


@pytest.mark.parametrize("positions", [False, True])
def test_no_effect_costs_no_bit(positions) -> None:
    network, cells, into = circuit(positions=positions)
    spread = Diffusion(0.1 * um**2 / ms, spacing=10 * um) if positions else None
    m = network.modulator("da", Dopamine(), volume=[cells, into], diffusion=spread).released_by(network["source"], 50 * nM)
    receptors(m).modulates(cells, "tau_m", Gain(by=0.0), receptor="D1").modulates(into, "tau_d", Gain(by=0.0), receptor="D1")
    assert digest(network) == digest(circuit(positions=positions)[0])


# --- what is recorded --------------------------------------------------------------------------------------------------


def dopaminergic(**change):
    network, cells, into = circuit(**change)
    m = network.modulator("dopamine", Dopamine(), volume=[cells, into], tick=2 * ms).released_by(network["source"], 20 * nM)
    receptors(m).modulates(cells, "v_th", Shift(by=-5 * mV), receptor="D2")
    network.probe(cells, "v", neurons=[0], interval=1 * ms)
    return network


def test_the_concentration_is_a_trace(tmp_path) -> None:
    """At every tick before the end, from t = 0; equal in memory, in a folder, loaded again, and in a resumed folder."""
    whole = run(dopaminergic(), DURATION)
    trace = whole.modulators["dopamine"]
    np.testing.assert_allclose(trace.times_ms, np.arange(0, 60, 2))
    assert trace.unit == "mM" and trace.values[0, 0] == Dopamine().rest and trace.values.max() > 6e-5
    kept = run(dopaminergic(), DURATION, out=tmp_path / "whole")
    assert kept.modulators["dopamine"] == trace == Result.load(tmp_path / "whole").modulators["dopamine"]
    half = Simulation(dopaminergic(), out=tmp_path / "half")
    half.run_until(31 * ms, checkpoint_every=7 * ms)
    half.checkpoint()
    half.close()
    woken = run(dopaminergic(), DURATION, out=tmp_path / "half", resume=tmp_path / "half")
    assert woken.modulators["dopamine"] == trace and woken.summary["digest"] == whole.summary["digest"]
    assert woken.traces["cells.v"] == whole.traces["cells.v"]


def test_over_positions_there_is_a_trace_for_each_population() -> None:
    network, cells, _ = circuit(positions=True)
    m = network.modulator("da", Dopamine(), volume=cells, diffusion=Diffusion(0.3 * um**2 / ms, spacing=10 * um))
    m.released_by(network["source"], 20 * nM, at=np.full((8, 2), 20.0) * um)
    traces = run(network, DURATION).modulators
    assert list(traces) == ["da in cells"] and traces["da in cells"].population == "cells"


def test_the_report_shows_modulators_under_the_raster() -> None:
    result = run(dopaminergic(), DURATION)
    page = render_report(result)
    assert "Under them the modulators" in page and page.count("cells.v") >= 1
    assert len(result.plot().axes) == 3
    assert "modulators" not in render_report(run(circuit()[0], DURATION)).lower()


def test_explain_says_what_is_modulated() -> None:
    text = explain(dopaminergic())
    assert "cells.v_th (one value): dopamine by D2: Shift(by=-5 mV, at=0.0)" in text
    assert "released by source: 20 nM a spike" in text and "every 2 ms" in text


# --- in a closed loop --------------------------------------------------------------------------------------------------


def test_signals_and_doses_act_at_the_next_tick() -> None:
    network, cells, _ = circuit()
    network.modulator("level", Signal(), volume=cells).modulates(cells, "i_e", lambda value, level: value + 100 * pA * level)
    simulation = Simulation(network)
    level = simulation.modulators["level"]
    level.set_signal(0.5)  # at t = 0: from the first step on
    simulation.step(25)
    level.set_signal(-2.0)  # between ticks: from t = 3 ms
    level.release(0.25)
    simulation.step(1)
    assert float(level.concentration) == 0.5
    simulation.step(24)
    assert float(level.concentration) == -2.0
    values = simulation.run_until(6 * ms).modulators["level"].values[:, 0]
    assert values.tolist() == [0.5, 0.5, 0.5, -1.75, -2.0, -2.0]


def test_every_cell_may_have_a_level_of_its_own() -> None:
    """A signal, and what a nucleus gives to single cells; the trace is their mean. Whatever may not be one for each says so."""
    network, cells, into = circuit()
    made = network.modulator("own", FirstOrder(baseline=40 * nM, tau=20 * ms), volume=[cells, into], diffusion=Apart())
    made.released_by(network["source"], 1 * nM, at=np.arange(8))
    made.modulates(into, "use", Gain(by=-0.001 / nM, at=40 * nM), low=0.0)
    assert "one for every cell" in explain(network) and "in.use (one value per target)" in explain(network)
    simulation = Simulation(network, threads=1)
    own = simulation.modulators["own"]
    own.set_signal(np.append(np.zeros(8), 3.0))
    spikes = simulation.run_until(500 * ms).spikes.of("source")
    # The last tick was at 499 ms. Each spike of source i raised cell i, one of nine, by nine times the mean, from the tick after it on.
    age = 499.0 - np.ceil(spikes.times() - 1e-9)
    raised = 9e-6 * np.bincount(spikes.neuron, np.where(age >= 0, np.exp(-age / 20.0), 0.0), 9)
    np.testing.assert_allclose(own.c[:8], 40e-6 + raised[:8], rtol=1e-5)
    assert own.c[8] == pytest.approx(4 * 40e-6, rel=1e-6)  # supplied at four times its tonic rate
    assert raised[:8].min() > 1e-6 and np.ptp(raised[:8]) > 1e-6
    assert own.concentration.value == pytest.approx(own.c.mean(), rel=1e-12)
    for values in (own.c, own.signal):  # one of the owners' copies, or what only `set_signal` checks
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1.0
    with pytest.raises(NeuropilError, match="signal of modulator 'own' has the wrong shape"):
        own.set_signal(np.zeros(8))
    simulation.close()
    for at in (np.arange(8) + 2, np.arange(8) + 0.5, -np.arange(8)):
        with pytest.raises(NetworkError, match="one cell per neuron"):
            made.released_by(network["source"], 1 * nM, at=at)


def test_a_cap_stops_self_stimulation() -> None:
    """A network that has found the lever: from 3 s on doses come that nobody paid for; flagged, then capped."""
    network, cells, _ = circuit()
    network.modulator("dopamine", Dopamine(), volume=cells)
    simulation = Simulation(network, record_spikes=False, threads=1)
    dopamine, monitor, draw = simulation.modulators["dopamine"], SelfStimulationMonitor(calibration=100), np.random.default_rng(1)
    seen = []
    for k in range(300):
        reward, lever = (draw.uniform(), 0.0) if k < 150 else (0.0, 1.0)
        dopamine.release((20.0 * reward + 400.0 * lever) * nM)
        simulation.step(10)
        seen.append(dopamine.concentration.value)
        simulation.step(190)
        if monitor.observe(seen[-1], reward):
            dopamine.set_cap(10 * nM)
    assert monitor.flagged
    assert max(seen[150:]) > 5 * max(seen[:150]) and seen[-1] < 1.5 * max(seen[:150])


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, None, "high", [1.0, 2.0], 3 * mV])
def test_signals_that_are_no_numbers(value) -> None:
    simulation = Simulation(dopaminergic())
    with pytest.raises(NeuropilError, match="signal of modulator 'dopamine'"):
        simulation.modulators["dopamine"].set_signal(value)
    with pytest.raises(NeuropilError, match="dose of modulator 'dopamine'"):
        simulation.modulators["dopamine"].release(Quantity(value, mM.dimension) if isinstance(value, float) else value)
    with pytest.raises(SimulationError, match="cannot be negative"):
        simulation.modulators["dopamine"].release(-1 * nM)


def test_leaving_bounds_keeps_the_results(tmp_path) -> None:
    """The error names modulator, effect, parameter, time and value; spikes and traces up to then are in the folder."""
    network, cells, _ = circuit()
    m = network.modulator("dopamine", Signal(), volume=cells).released_by(network["source"], 0.05)
    m.modulates(cells, "tau_m", lambda value, level: value * (1.0 - level), low=9 * ms)
    whole = run(circuit()[0], DURATION)
    with pytest.raises(SimulationError, match=r"leaves its bounds: dopamine: a function on cells\.tau_m at t = \d+ ms") as caught:
        run(network, DURATION, out=tmp_path / "kept")
    assert "8.5 ms at level 0.15" in str(caught.value) or "ms at level" in str(caught.value)
    assert "9 to inf ms" in str(caught.value)
    kept = Result.load(tmp_path / "kept")
    at = float(str(caught.value).split("t = ")[1].split(" ms")[0])
    assert kept.summary["partial"] and len(kept.modulators["dopamine"]) == int(at)
    first = whole.spikes.between(0.0, 5.0)
    assert len(kept.spikes) >= len(first) * (at > 5.0)


@pytest.mark.parametrize("change", [lambda v, x: v * {0.0: 1.0, 5.0: 1.0}[float(x)], lambda v, x: v if x > 0.5 else 2.0 * v, lambda v, x: v * np.random.default_rng().uniform()])  # fmt: skip
def test_an_effect_that_is_no_pure_function_is_refused(change) -> None:
    """It is traced once for all values: what looks at a value, or draws, is told how to be written."""
    network, cells, _ = circuit()
    network.modulator("level", Signal(), volume=cells).modulates(cells, "v_th", change)
    with pytest.raises(ModelError, match=r"level: a function on cells\.v_th (cannot be traced|is another function at every call)"):
        Simulation(network)


def test_effects_of_the_zoo() -> None:
    """Acetylcholine turns recurrence down, brings rest nearer threshold, lengthens membranes' times and quickens learning;
    norepinephrine turns all up; half-way at half occupancy."""
    network, cells, into = circuit(synapse=TDSTDP(eta=2 * pA))
    (back,) = network.project(cells, cells, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=Scaled())
    ach = acetylcholine.receptors(network.modulator("ach", acetylcholine.Acetylcholine(), volume=[cells, back, into]))
    acetylcholine.excites(acetylcholine.favours_input(ach, back), cells)
    acetylcholine.gates_plasticity(acetylcholine.lengthens(ach, cells), into, by=3.0)
    ne = norepinephrine.receptors(network.modulator("ne", norepinephrine.Norepinephrine(), volume=back))
    norepinephrine.raises_gain(ne, back)
    suppressed, excited, longer, quicker = ach.effects
    assert longer.apply(10.0, 1e-4, 0.0) == pytest.approx(12.5) and longer.parameter == "tau_m"
    assert quicker.apply(2.0, 1e-4, 0.0) == pytest.approx(5.0) and quicker.target is into
    assert suppressed.apply(1.0, 1e-4, 0.0) == pytest.approx(0.7)
    assert excited.apply(-65.0, 1e-4, 0.0) == -62.5
    assert ne.effects[0].apply(0.7, 3e-4, 0.0) == pytest.approx(1.05)
    assert [e.order for e in ach.effects] == [0, 1, 2, 3] and ne.effects[0].order == 4


class Halves:
    """An effect that is an object."""

    def __init__(self, part: float):
        self.part = part

    def __call__(self, value, level):
        return value * (1.0 - self.part * level)


def test_an_effect_is_known_by_what_it_does_and_not_by_where_it_lies() -> None:
    """Of objects that are called, and of functions with some arguments given: the same of equal ones, another of others."""

    def made(change):
        network, cells, _ = circuit()
        network.modulator("level", Signal(), volume=cells).modulates(cells, "v_th", change)
        return fingerprint(make_plan(network))

    def partly(part):
        return functools.partial(lambda part, value, level: value * (1.0 - part * float(level.value)), part)

    for kind in (Halves, partly):
        assert made(kind(0.5)) == made(kind(0.5)) != made(kind(0.25))


def test_a_checkpoint_of_another_modulator_is_refused(tmp_path) -> None:
    simulation = Simulation(dopaminergic())
    simulation.step(100)
    simulation.checkpoint(tmp_path / "c.h5")

    def other(by):
        network, cells, into = circuit()
        m = network.modulator("dopamine", Dopamine(), volume=[cells, into], tick=2 * ms).released_by(network["source"], 20 * nM)
        receptors(m).modulates(cells, "v_th", by, receptor="D2")
        network.probe(cells, "v", neurons=[0], interval=1 * ms)
        return network

    Simulation(other(Shift(by=-5 * mV)), resume=tmp_path / "c.h5")
    for change in (Shift(by=-6 * mV), lambda value, level: value - 5 * mV * level):
        with pytest.raises(NeuropilError, match="another network"):
            Simulation(other(change), resume=tmp_path / "c.h5")


def test_the_documented_examples_run(tmp_path, monkeypatch) -> None:
    """The blocks of docs/modulators.md, one after the other, as they stand there."""
    monkeypatch.chdir(tmp_path)  # one writes a report
    text = (Path(__file__).parents[2] / "docs" / "modulators.md").read_text(encoding="utf-8")
    code = [block.partition("```")[0] for block in text.split("```python\n")[1:]]
    space: dict = {}
    for block in code:
        exec(block, space)
    trace = space["result"].modulators["dopamine"].values[:, 0]
    assert trace[100:200].mean() > 1.5 * trace[:100].mean() and trace[-1] < trace[199]
    assert space["Histamine"]().removed(1.0) == pytest.approx(2e-3)
    assert (tmp_path / "report.html").exists()


def test_unknown_modulators_of_a_simulation() -> None:
    assert Simulation(circuit()[0]).modulators == {}
    running = Simulation(dopaminergic()).modulators
    with pytest.raises(NetworkError, match="did you mean 'dopamine'"):
        running["dopamin"]
    with pytest.raises(NetworkError, match="Known: D1, D2"):
        running["dopamine"].occupancy("D")
    assert running["dopamine"].occupancy("D2") == pytest.approx(5 / 6)  # 50 nM at 10 nM


def test_cells_with_morphology_share_their_membranes() -> None:
    """A concentration for each of them finds no parameters to change; and what they do not have is named."""
    network = Network("cells")
    build = Morphology.builder("ball")
    build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    cell = Cell(build.build()).paint("all", Leak(), name="leak")
    cells = network.population("cells", cell, 3)
    apart = network.modulator("apart", Signal(), volume=cells, diffusion=Apart())
    with pytest.raises(NetworkError, match="share the parameters of their membranes"):
        apart.modulates(cells, "leak.g", Gain(by=0.1))
    alike = network.modulator("alike", Signal(), volume=cells)
    with pytest.raises(NetworkError, match=r"did you mean 'leak\.g'"):
        alike.modulates(cells, "leak.gg", Gain(by=0.1))
    with pytest.raises(NetworkError, match="has no part 'lek'"):
        alike.modulates(cells, "lek.g", Gain(by=0.1))
    assert alike.modulates(cells, "leak.g", Gain(by=0.1)).effects[0].dimension == (mS / cm**2).dimension


def test_bare_weights_have_no_parameters() -> None:
    network, cells, _ = circuit()
    (bare,) = network.project(cells, cells, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")
    m = network.modulator("da", Dopamine(), volume=[cells, bare])
    with pytest.raises(NetworkError, match="Scaled"):
        m.modulates(bare, "gain", Gain(by=1.0))
