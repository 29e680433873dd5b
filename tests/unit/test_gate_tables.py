"""Gates read from tables: which ones, how well, and what happens outside of their range. The equations evaluated in NumPy are the truth."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.engine import Simulation
from neuropil.errors import PlanError
from neuropil.lower.cable import CablePlan
from neuropil.lower.gate_tables import ACCURACY, DEGREE, HIGH, LOW, SIDE_BY_SIDE, GateTable, affine
from neuropil.lower.graph import Graph
from neuropil.maths import exp, where
from neuropil.model.cell.cell import Cell
from neuropil.units import cm, mS, ms, mV, nA, um
from neuropil.zoo.cells.layer5_pyramidal import layer5_pyramidal
from neuropil.zoo.channels.squid_axon import HodgkinHuxleyMembrane
from neuropil.zoo.electrodes.current_clamp import CurrentClamp

DT = 0.025


def cable(*channels: npl.Channel, count: int = 12, **varying: object) -> Cell:
    """A cable of 20 µm compartments, stimulated at one end and listened to at the other."""
    cell = Cell(npl.Morphology.cable(20 * count * um, 1 * um), discretisation=npl.FixedCount(count))
    for channel in channels or (HodgkinHuxleyMembrane(),):
        cell.paint("all", channel, **varying)
    return cell.place("clamp", CurrentClamp(), "cable(0.0)").detect("cable(1.0)", threshold=0 * mV)


def planned(cell: Cell, **options: object) -> CablePlan:
    return CablePlan.of(cell, DT, gate_tables=True, **options)  # type: ignore[arg-type]


def network(size: int, cell: Cell | None = None, initial: object = -65 * mV) -> npl.Network:
    net = npl.Network("tabulated")
    cells = net.population("cells", cell or cable(), size, initial={"v": initial})
    net.stimulate(cells, npl.Step((0.1 + 0.01 * np.arange(size)) * nA), input="clamp.amplitude")
    net.probe(cells, "v", at="cable(1.0)", name="v")
    return net


class Jump(npl.Channel):
    """A gate whose rate jumps at a potential, and one that is not a straight line in itself."""

    g: npl.ConductanceDensity = 1 * mS / cm**2
    at: npl.Voltage = -40 * mV
    tau: npl.Time = 5 * ms
    v = npl.Input(mV)
    m = npl.State(0.0)
    w = npl.State(0.1)

    def derivative(self, s, x):  # type: ignore[no-untyped-def]
        rate = where(x.v < self.at, 0.2, 1.0) / self.tau
        target = 1 / (1 + exp(-(x.v + 30 * mV) / (6 * mV)))
        return {"m": (target - s.m) * rate, "w": (target - s.w * s.w * exp(x.v / (50 * mV))) / self.tau}

    def current(self, s, x):  # type: ignore[no-untyped-def]
        return self.g * s.m * s.w * x.v


# --- which gates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "straight"),
    [
        ("x * f(v) + g(v)", True), ("x + v * (v - x) * 3", True), ("(x - v) / v", True), ("v / x", False), ("x * x", False), ("f(x)", False),
        ("where(v > 1, x, 2 * x)", True), ("where(x > 1, x, 2 * x)", False), ("-x - (v - x)", True), ("v * v", True),
    ],
)  # fmt: skip
def test_straight_lines_are_known_by_their_graph(text: str, straight: bool):
    import jax
    import jax.numpy as jnp

    from neuropil.lower.graph import absorb
    from neuropil.lower.trace import scalar_jaxpr

    graph = Graph()
    names = {"f": jnp.exp, "g": jnp.tanh, "where": jnp.where}
    with jax.enable_x64(True):
        made = scalar_jaxpr(lambda x, v: [eval(text, {**names, "x": x, "v": v})], "s.x", "x.v")
    (node,) = absorb(graph, made, [graph.leaf("s.x"), graph.leaf("x.v")], "test")
    assert affine(graph, node, "s.x") == straight


def test_the_gates_of_the_squid_axon_and_of_the_layer_5_soma_are_tabulated():
    (membrane,) = planned(cable()).membranes
    assert membrane.tabulated == tuple(f"HodgkinHuxleyMembrane.{n}" for n in "mhn") and not membrane.direct
    build = npl.Morphology.builder("toy")
    soma = build.section("soma", kind="soma", length=20 * um, diameter=20 * um)
    build.section("apical", kind="apical", length=900 * um, diameter=3 * um, parent=soma)
    soma_group, apical = sorted(planned(layer5_pyramidal(build.build())).membranes, key=lambda g: g.size)
    assert len(soma_group.tabulated) == 14 and len(soma_group.program.changing) == 16
    # Conductances differ along the apical dendrite; gates do not depend on them.
    assert "HCurrent.m" in apical.tabulated and not any(n.startswith(("SKPotassium", "CalciumPool")) for n in (*soma_group.tabulated, *apical.tabulated))
    assert all(group.table is not None and max(group.table.errors.values()) <= ACCURACY for group in (soma_group, apical))


def test_gates_stay_direct_for_reasons_that_are_told():
    (inside,) = planned(cable(Jump(at=-40.3 * mV))).membranes
    assert not inside.tabulated and "miss" in inside.direct["Jump.m"] and "straight line" in inside.direct["Jump.w"]
    (border,) = planned(cable(Jump(at=-40 * mV))).membranes
    assert border.tabulated == ("Jump.m",)
    (half,) = planned(cable(Jump(at=-40.25 * mV))).membranes
    assert half.tabulated == ("Jump.m",) and half.table is not None and half.table.width == 0.25
    (varying,) = planned(cable(Jump(), tau=lambda x: (5 + 0.01 * x) * ms)).membranes
    assert "differ" in varying.direct["Jump.m"]
    (modulated,) = planned(cable(), modulated=frozenset({"HodgkinHuxleyMembrane.celsius"})).membranes
    assert not modulated.tabulated and all("may change" in why for why in modulated.direct.values())
    (conductance,) = planned(cable(), modulated=frozenset({"HodgkinHuxleyMembrane.g_na"})).membranes
    assert len(conductance.tabulated) == 3
    (single,) = planned(cable(), precision="float32").membranes
    assert single.table is None


def test_a_table_refuses_other_parameters():
    (membrane,) = planned(cable()).membranes
    with pytest.raises(PlanError, match="table"):
        membrane.changed({"HodgkinHuxleyMembrane.celsius": 10.0}, DT)
    membrane.changed({"HodgkinHuxleyMembrane.g_k": 0.3}, DT)  # no gate depends on it


def test_the_plan_tells_what_is_tabulated():
    text = npl.explain(network(1), dt=DT * ms)
    assert "read from a table" in text and "HodgkinHuxleyMembrane.h" in text
    assert "read from a table" not in npl.explain(network(1), dt=DT * ms, gate_tables=False)


# --- how well -------------------------------------------------------------------------------------------------------------


def test_the_stated_error_holds_between_the_points_at_which_it_was_found():
    (membrane,) = planned(cable(Jump(), HodgkinHuxleyMembrane())).membranes
    table = membrane.table
    assert isinstance(table, GateTable)
    rng = np.random.default_rng(1)
    v = rng.uniform(LOW, HIGH, 20_000)
    interval = np.floor((v - LOW) / table.width).astype(int)
    powers = np.vander((v - LOW) / table.width - interval - 0.5, DEGREE + 1)
    leaves = {f"p.{n}": np.ravel(p)[0] for n, p in membrane.parameters.items()} | {"x.v": v}
    for k, gate in enumerate(table.gates):
        rows = table.values[k // SIDE_BY_SIDE, 1 + interval, :, :, k % SIDE_BY_SIDE]
        slope, shift = ((powers * rows[..., j]).sum(axis=1) for j in (0, 1))
        node = membrane.program.states[gate]
        zero, one = (membrane.program.graph.evaluate([node], {**leaves, f"s.{gate}": x})[0] for x in (0.0, 1.0))
        off = (np.abs(slope - (one - zero - 1)) + np.abs(shift - zero)) / np.abs(slope)
        assert off.max() <= 1.5 * table.errors[gate] + 1e-12, gate


# --- in the engine --------------------------------------------------------------------------------------------------------


def test_a_run_with_tables_is_one_without_to_a_hundred_millionth_of_a_millivolt():
    with_tables, without = (npl.run(network(9), 100 * ms, dt=DT * ms, threads=1, gate_tables=on) for on in (True, False))
    assert len(without.spikes) > 9 * 3 and np.array_equal(with_tables.spikes.times(), without.spikes.times())
    apart = np.abs(np.asarray(with_tables.traces["v"].values) - np.asarray(without.traces["v"].values)).max()
    assert 0.0 < apart <= 1e-8
    assert 0.0 < with_tables.summary["gate_error_max"] <= ACCURACY and without.summary["gate_error_max"] == 0.0


def test_bits_do_not_depend_on_cells_side_by_side_nor_on_threads():
    whole = npl.run(network(9), 20 * ms, dt=DT * ms, threads=1).traces["v"].values
    np.testing.assert_array_equal(npl.run(network(9), 20 * ms, dt=DT * ms, threads=2).traces["v"].values, whole)
    for size in (1, 2, 5):
        np.testing.assert_array_equal(npl.run(network(size), 20 * ms, dt=DT * ms, threads=1).traces["v"].values, np.asarray(whole)[:, :size])


def test_outside_of_the_range_gates_are_computed_by_their_equations():
    """Cells that begin far outside: after a step their gates have the bits of a run without tables, those of the cell inside nearly so."""
    initial = np.array([-300.0, -65.0, 250.0, 400.0]) * mV
    runs = [Simulation(network(4, initial=initial), dt=DT * ms, threads=1, gate_tables=on) for on in (True, False)]
    for simulation in runs:
        simulation.step(1)
    v = np.asarray(runs[0].state("cells", "v") / mV).reshape(4, -1)
    outside = (v < LOW) | (v >= HIGH)
    assert outside[[0, 2, 3]].all() and not outside[1].any()
    for name in "mhn":
        one, other = (np.asarray(simulation.state("cells", f"HodgkinHuxleyMembrane.{name}") / 1.0, float).reshape(4, -1) for simulation in runs)
        np.testing.assert_array_equal(one[outside], other[outside])
        assert 0.0 < np.nanmax(np.abs(one[1] - other[1])) < 1e-12
    for simulation in runs:
        simulation.close()
