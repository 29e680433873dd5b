"""A voltage clamp lets go where its stimulus ends, as NEURON's `SEClamp` does after its last duration.

A ball (20 µm) and stick (500 by 2 µm), 11 compartments each, passive at -70 mV; clamp of 1 MΩ at -40 mV for the first 10 ms of
0.025 ms steps. Potentials of the soma (mV) by NEURON 9.0.2.
"""

from __future__ import annotations

import numpy as np

from neuropil.engine import run
from neuropil.model import FixedCount, Morphology, Network, Step, TimeArray
from neuropil.model.cell.cell import Cell
from neuropil.model.stimulus.stimulus import Stimulus
from neuropil.units import MOhm, cm, mS, ms, mV
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.electrodes.voltage_clamp import VoltageClamp

THEIRS = {1: -40.30025193399643, 9.975: -40.11926903520134, 10: -40.119255360745754, 10.025: -40.32603489162061, 12: -47.76743751487868, 29.9: -66.31941581389312}


def clamped(*commands: Stimulus, compartments: int = 11) -> np.ndarray:
    """Potential of the soma at the end of each of 1200 steps, mV."""
    return potential(network(*commands, compartments=compartments))


def network(*commands: Stimulus, compartments: int = 11) -> Network:
    cell = Cell(Morphology.ball_and_stick(), discretisation=FixedCount(compartments), initial=-70 * mV)
    cell.paint("all", Leak(g=0.1 * mS / cm**2, e=-70 * mV)).place("clamp", VoltageClamp(r_series=1 * MOhm), at="soma")
    net = Network("clamp")
    p = net.population("c", cell, 1)
    for command in commands:
        net.stimulate(p, command, input="clamp.command")
    net.probe(p, "v", at="soma")
    return net


def potential(net: Network) -> np.ndarray:
    return run(net, 30 * ms, dt=0.025 * ms, threads=1).traces["c.v"].values[:, 0]


def test_it_lets_go_as_neurons_does() -> None:
    v = clamped(Step(-40 * mV, stop=10 * ms))
    for t, theirs in THEIRS.items():
        assert abs(v[round(t / 0.025) - 1] - theirs) < 1e-9, t


def test_it_is_on_while_one_of_its_stimuli_is() -> None:
    """Nothing before the first and between two; commands add up where they overlap."""
    v = clamped(Step(-40 * mV, start=5 * ms, stop=10 * ms), Step(-50 * mV, start=8 * ms, stop=12 * ms), TimeArray([0.0, 20.0] * mV, 10 * ms), compartments=3)
    assert v[-1] < -5  # let go after 20 ms, from 20 mV
    (held,) = (clamped(TimeArray([0.0, 20.0] * mV, 10 * ms), compartments=3),)
    np.testing.assert_array_equal(held[: 5 * 40], v[: 5 * 40])
    assert abs(v[8 * 40 - 1] - -40) < 1 and abs(v[10 * 40 - 1] - -90) < 1 and abs(v[12 * 40 - 1] - -30) < 1 and abs(v[20 * 40 - 1] - 20) < 1
    quiet = clamped(Step(-40 * mV, start=10 * ms, stop=11 * ms), Step(-50 * mV, start=20 * ms), compartments=3)
    assert (quiet[: 10 * 40] == -70).all() and quiet[20 * 40 - 1] < quiet[11 * 40 - 1] - 5


def test_a_command_that_is_replaced_takes_its_window_along() -> None:
    step = Step(-40 * mV, stop=10 * ms)
    net = network(Step(-40 * mV, start=15 * ms), compartments=3).replace(drives={"Step→c": {"stimulus": step}})
    np.testing.assert_array_equal(potential(net), clamped(step, compartments=3))
    assert net.drives[0] is net.drives[1].follows is net.drives[2].follows


def test_cells_outside_the_view_of_a_command_are_free() -> None:
    """At rest they stay there for good; the cell that is named does as one alone."""
    net = Network("view")
    p = net.population("c", network(compartments=3)["c"].neuron, 2)
    net.stimulate(p[:1], Step(-40 * mV, stop=10 * ms), input="clamp.command")
    net.probe(p, "v", at="soma")
    v = run(net, 30 * ms, dt=0.025 * ms, threads=1).traces["c.v"].values
    np.testing.assert_array_equal(v[:, 0], clamped(Step(-40 * mV, stop=10 * ms), compartments=3))
    assert (v[:, 1] == -70).all()
