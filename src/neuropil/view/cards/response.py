"""How a thing responds, as a picture: computed when the picture is asked for: neurons by the engine, all else from the equations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model import Network
from neuropil.model.base.described import DeclarativeModel, Steady, Values
from neuropil.model.modulation.kinetics import Kinetics
from neuropil.model.synapse.synapse import Synapse
from neuropil.units import DIMENSIONLESS, Quantity, magnitude, mM, ms
from neuropil.view.cards.declared import unit_text
from neuropil.view.cards.example import drive_of
from neuropil.view.cards.symbols import symbol_of
from neuropil.view.style import SERIES, label, new_figure, tidy
from neuropil.zoo.contract import SYNAPSE_USES
from neuropil.zoo.registry import SYNAPSES

_SUPPLIED = {"v": -65.0, "e": 120.0, "c": 1e-3, "i": 0.0}
"""What a compartment supplies, base units, by the first letter of its name."""


def response(kind: str, thing: Any) -> Any:
    """A figure: a neuron under its drive, the current of a channel or receptor at several potentials, the change of a synapse by the order of
    two spikes or what it transmits of a train, the concentration of a modulator after a burst. None: there is none for this kind.

    Args:
        kind: neuron, channel, …
        thing: the class or object.
    """
    draw = {"neuron": _neuron, "channel": _mechanism, "point process": _mechanism, "synapse": _synapse, "modulator": _modulator}.get(kind)
    if draw is None:
        return None
    try:
        model = thing() if isinstance(thing, type) else thing
    except (TypeError, ModelError):
        return None  # it has arguments without defaults
    figure = new_figure(5.2, 2.4)
    ax = figure.add_axes((0.16, 0.2, 0.8, 0.68))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn = draw(ax, model)
    tidy(ax, grid="y")
    return figure if drawn else None


def _neuron(ax: Any, model: Any) -> bool:
    from neuropil.engine import run  # takes longer to import than the rest of the module

    drive = drive_of(type(model))
    net = Network("response")
    cells = net.population("cells", model, 1)
    drive.apply(net, cells)
    states = list(model.spec.states) if isinstance(model, DeclarativeModel) else ["v"]
    if states:
        net.probe(cells, states[0], name="shown")
    dt = float(drive.dt.to(ms))
    steps = min(round(100 / dt), 2000)
    result = run(net, steps * drive.dt, dt=drive.dt, seed=2)
    times = result.spikes.of("cells").step * dt
    if states:
        trace = result.traces["shown"]
        ax.plot(trace.times_ms, trace.values.reshape(steps, -1)[:, 0], color=SERIES[0], linewidth=1)
        dimension = model.spec.state_dimensions[states[0]] if isinstance(model, DeclarativeModel) else None
        ax.vlines(times, *ax.get_ylim(), color=SERIES[1], linewidth=0.6, alpha=0.5)
        label(ax, x="time (ms)", y=f"{states[0]} ({unit_text(dimension)})" if dimension else f"{states[0]} (mV)", title="under its test drive; spikes in red" if times.size else "under its test drive")
    else:
        ax.eventplot(times, colors=SERIES[1])
        label(ax, x="time (ms)", title="spikes")
    return True


class _Stepped:
    """The states of a model, advanced by forward Euler in small steps, with arrays as values."""

    def __init__(self, model: Any, inputs: dict[str, Any], shape: int):
        self.model, self.spec, self.inputs = model, model.spec, inputs
        self.s = {n: np.full(shape, self._start(state.initial)) for n, state in self.spec.states.items()}

    def _start(self, initial: Any) -> float:
        if isinstance(initial, Steady):
            return 0.5
        value = getattr(self.model, initial) if isinstance(initial, str) else initial
        return float(value.value if isinstance(value, Quantity) else value)

    def states(self) -> Values:
        return Values("state", "", {n: Quantity(v, self.spec.state_dimensions[n]) for n, v in self.s.items()})

    def x(self) -> Values:
        return Values("input", "", {n: Quantity(self.inputs[n], d) for n, d in self.spec.inputs.items()})

    def advance(self, dt: float) -> None:
        for name, slope in self.model.derivative(self.states(), self.x()).items():
            per = (self.spec.state_dimensions[name][0] - 1, *self.spec.state_dimensions[name][1:])
            self.s[name] = self.s[name] + dt * magnitude(slope, per, name)  # type: ignore[arg-type]

    def current(self) -> Any:
        by_ion = self.model.by_ion(self.states(), self.x())
        return sum(c.value if isinstance(c, Quantity) else c for c in by_ion.values())


def _supply(spec: Any, v: np.ndarray) -> dict[str, Any]:
    given = {n: np.full(v.shape, _SUPPLIED.get(n[0], 0.0) if "_" in n else 1.0) for n in spec.inputs}
    return given | {"v": v} if "v" in spec.inputs else given


def _mechanism(ax: Any, model: Any) -> bool:
    held = np.array([-80.0, -60.0, -40.0, -20.0, 0.0, 20.0])
    ports = model.spec.ports
    unit = unit_text(model.current_dimension)
    if not model.spec.states:
        v = np.linspace(-90.0, 40.0, 50)
        ax.plot(v, np.broadcast_to(_Stepped(model, _supply(model.spec, v), v.size).current(), v.shape), color=SERIES[0], linewidth=1)
        label(ax, x="potential (mV)", y=f"current ({unit})", title="current by potential")
        return True
    cell = _Stepped(model, _supply(model.spec, np.full(held.size, -70.0)), held.size)
    dt, steps = 0.01, 6000
    for _ in range(3000):
        cell.advance(10 * dt if not model.spec.ports else dt)
    if "v" in cell.inputs:
        cell.inputs["v"] = held
    if ports:
        for name, value in model.receive(cell.states(), Values("port", "", {n: Quantity(1.0, d) for n, d in ports.items()})).items():
            cell.s[name] = cell.s[name] + (value.value if isinstance(value, Quantity) else value)
    shown = []
    for k in range(steps):
        if k % 20 == 0:
            shown.append(np.broadcast_to(cell.current(), held.shape).copy())
        cell.advance(dt)
    for colour, v, row in zip(SERIES, held, np.array(shown).T, strict=False):
        ax.plot(np.arange(row.size) * 20 * dt, row, color=colour, linewidth=1, label=f"{v:g} mV")
    label(ax, x="time (ms)", y=f"current ({unit})", title="after an event, at a held potential" if ports else "after a step from -70 mV to a held potential")
    ax.legend(frameon=False, fontsize=7, ncols=3)
    return bool(np.any(shown))


def _synapse(ax: Any, model: Synapse) -> bool:
    learned = [n for n in (model.learned or ()) if n in model.spec.states][:1] or [n for n in ("weight", "efficacy") if n in model.spec.states]
    if type(model).respond is not Synapse.respond and learned:
        name = next((n for n, path in SYNAPSES.items() if path == f"{type(model).__module__}:{type(model).__qualname__}"), "")
        given = SYNAPSE_USES[name].given if name in SYNAPSE_USES else {}
        # A rule that changes nothing by itself, such as without reward, is shown with the parameters of its test, which the title names.
        if _window(ax, model, learned[0], "") or (given and _window(ax, model.with_(**given), learned[0], "; " + ", ".join(f"{n} = {v}" for n, v in given.items()))):
            return True
    ax.clear()
    return _train(ax, model)


def _weight(model: Synapse, stepped: _Stepped) -> Quantity:
    dimension = model.spec.state_dimensions.get("weight")
    return Quantity(stepped.s["weight"], dimension) if dimension is not None else Quantity(1.0)


def _event(model: Synapse, stepped: _Stepped, method: str, mask: np.ndarray) -> None:
    for name, value in getattr(model, method)(stepped.states(), _weight(model, stepped)).items():
        stepped.s[name] = np.where(mask, value.value if isinstance(value, Quantity) else value, stepped.s[name])


def _surroundings(model: Synapse, size: int) -> dict[str, Any]:
    return {n: np.full(size, {"v": -65.0, "modulator": 1.0}.get(n, 0.0)) for n in model.spec.inputs}


def _window(ax: Any, model: Synapse, state: str, note: str) -> bool:
    """The change of a state by one pair of spikes, against their interval."""
    lags, dt = np.arange(-60, 61, 2), 0.5
    stepped = _Stepped(model, _surroundings(model, lags.size), lags.size)
    first = stepped.s[state].copy()
    pre, post = np.full(lags.size, 160), 160 + 2 * lags
    for k in range(800):
        stepped.advance(dt)
        if np.any(pre == k):
            _event(model, stepped, "arrive", pre == k)
        if np.any(post == k):
            _event(model, stepped, "respond", post == k)
    change = stepped.s[state] - first
    if not np.any(np.abs(change) > 1e-12):
        return False
    ax.plot(lags, change, ".-", color=SERIES[0], linewidth=1, markersize=3)
    label(ax, x="target's spike after the source's (ms)", y=f"change of {_with_unit(state, stepped.spec.state_dimensions[state])}", title=f"one pair of spikes{note}")
    return True


def _with_unit(name: str, dimension: Any) -> str:
    return name if dimension == DIMENSIONLESS else f"{name} ({unit_text(dimension)})"


def _train(ax: Any, model: Synapse) -> bool:
    """What each spike of a train transmits, or the current that it evokes."""
    stepped, dt = _Stepped(model, _surroundings(model, 1), 1), 0.05
    flows = model.has_current
    times: list[float] = []
    sent: list[float] = []
    unit = DIMENSIONLESS
    for k in range(12000):
        if k % 1000 == 500 and k < 10500:
            if not flows:
                value = model.transmits(stepped.states(), _weight(model, stepped) if "weight" in model.spec.states else Quantity(1.0))
                times.append(k * dt)
                unit = value.dimension if isinstance(value, Quantity) else unit
                sent.append(float(np.ravel(symbol_of(value))[0]))
            _event(model, stepped, "arrive", np.ones(1, bool))
        stepped.advance(dt)
        if flows and k % 20 == 0:
            current = model.current(stepped.states(), stepped.x())
            times.append(k * dt)
            unit = current.dimension if isinstance(current, Quantity) else unit
            sent.append(float(np.ravel(symbol_of(current))[0]))
    ax.plot(times, sent, *([] if flows else ["o-"]), color=SERIES[0], linewidth=1, markersize=3)
    label(ax, x="time (ms)", y=_with_unit("current" if flows else "transmitted", unit), title="a train of spikes at 20 Hz")
    if not flows:
        ax.set_ylim(bottom=min(0.0, *sent))
    return True


def _modulator(ax: Any, model: Kinetics) -> bool:
    tick, span = 2.0, 3000.0
    nano = 1e6 if model.dimension == mM.dimension else 1.0
    c, shown = np.array([model.rest]), []
    for k in range(int(span / tick)):
        shown.append(c[0] * nano)
        signal = 3.0 if 200 <= k * tick < 400 else 0.0
        c = model.advance(c, model.supplied(signal, tick), tick, steps=model.steps(tick))
    ax.plot(np.arange(len(shown)) * tick, np.ravel(shown), color=SERIES[0], linewidth=1)
    label(ax, x="time (ms)", y="concentration (nM)" if nano > 1 else "level", title="a burst of 200 ms at four times the tonic rate")
    return True
