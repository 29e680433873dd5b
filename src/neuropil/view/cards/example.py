"""Programs that use a thing, written from its declarations: each runs as it stands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from neuropil.model.base.described import DeclarativeModel
from neuropil.model.base.noise import is_white
from neuropil.model.cell.mechanism import supplied
from neuropil.units import DIMENSIONLESS, Quantity, kHz, mV, nS, pA
from neuropil.zoo.channels.calcium_pool import CalciumPool
from neuropil.zoo.channels.leak import Leak
from neuropil.zoo.contract import DRIVES, SYNAPSE_USES, ContractDrive
from neuropil.zoo.registry import NEURONS, SYNAPSES

_TYPICAL = {pA.dimension: "100 * pA", mV.dimension: "-40 * mV", nS.dimension: "1 * nS", DIMENSIONLESS: "1.0"}
"""A value to try, by dimension."""


def example(kind: str, thing: Any, imports: str) -> str:
    """A program that uses a thing: the one in its docstring, or one for its kind; "" where there is none.

    Args:
        kind: neuron, channel, …
        thing: the class, object or function.
        imports: the statement that imports it; "" if none can.
    """
    named = thing if isinstance(thing, type) or inspect.isfunction(thing) else type(thing)
    if found := re.search(r"^Examples?:\n((?:[ \t]+.*\n?|\n)+)", inspect.getdoc(named) or "", re.MULTILINE):
        return "\n".join(re.sub(r"^\s*(>>>|\.\.\.) ?", "", line) for line in inspect.cleandoc(found[1]).splitlines())
    writers: dict[str, Callable[[str, Any], str]] = {"neuron": _neuron, "channel": _channel, "point process": _point_process, "synapse": _synapse, "modulator": _modulator, "circuit": _circuit, "agent": _agent}
    write = writers.get(kind)
    return "" if write is None or not imports else write(imports, named)


def drive_of(kind: type) -> ContractDrive:
    """What makes a neuron respond: what its contract test drives it with, or for others a current into each input in pA.

    Args:
        kind: class of the neuron.
    """
    name = next((n for n, path in NEURONS.items() if path == f"{kind.__module__}:{kind.__qualname__}"), "")
    if name in DRIVES:
        return DRIVES[name]
    inputs = kind.spec.inputs if issubclass(kind, DeclarativeModel) else {}
    return ContractDrive({n: 300 * pA for n, d in inputs.items() if d == pA.dimension})


def code(value: Any) -> str:
    """A number or quantity, the `value`, as one writes it in Python: "300 * pA"."""
    if not isinstance(value, Quantity):
        return repr(value)
    if value.dimension == kHz.dimension:
        return f"{value.value * 1000:g} * Hz"
    number, _, unit = repr(value).partition(" ")
    unit = re.sub(r"\^(-?\d+)", r"**\1", unit).replace("·", " * ").replace("/", " / ")
    return f"{number} * {unit}" if unit and not unit.startswith("1 /") else number + unit[1:]


def _program(lines: list[str], *imports: str) -> str:
    """The lines after the imports that they need; units are found in them."""
    text = "\n".join(lines)
    units = sorted(set(re.findall(r"\b(Hz|mM|mV|ms|nA|nM|nS|pA|pF|second|uM)\b", text)))
    return "\n".join(["import neuropil as npl", f"from neuropil.units import {', '.join(units)}", *imports, "", text])


def _neuron(imports: str, kind: type) -> str:
    if any(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in inspect.signature(kind).parameters.values()):
        return ""  # it is made of others, such as a morphology or a branch
    drive = drive_of(kind)
    lines = ['net = npl.Network("example")', f'cells = net.population("cells", {kind.__name__}(), 10)']
    lines += [f'net.stimulate(cells, npl.Step({code(a)}), input="{n}")' for n, a in drive.currents.items()]
    lines += [f'net.stimulate(cells, npl.Poisson({code(rate)}), port="{n}", weight={code(w)})' for n, (w, rate) in drive.events.items()]
    states = list(kind.spec.states) if issubclass(kind, DeclarativeModel) else ["v"]
    lines += [f'net.probe(cells, "{states[0]}")'] if states else []
    lines += [f"result = npl.run(net, 50 * ms, dt={code(drive.dt)})", "print(result.rates())"]
    return _program(lines, imports)


def _cell(kind: type[DeclarativeModel], place: str) -> list[str]:
    """A ball and stick with a leak, and whatever else a mechanism needs."""
    pool = any(n.endswith("_ca") for n in kind.spec.inputs) and kind is not CalciumPool
    paint = '.paint("all", CalciumPool())' if pool else ""
    return ["shape = npl.Morphology.ball_and_stick()", f'cell = npl.Cell(shape).paint("all", Leak()){paint}{place}', 'net = npl.Network("example")', 'cells = net.population("cells", cell, 1)']


def _finish(kind: type, imports: str, lines: list[str]) -> str:
    others = ["from neuropil.zoo.channels.leak import Leak"] if kind is not Leak else []
    others += ["from neuropil.zoo.channels.calcium_pool import CalciumPool"] if "CalciumPool()" in "\n".join(lines) and kind is not CalciumPool else []
    lines += ['net.probe(cells, "v", at="soma(0.5)")', "result = npl.run(net, 20 * ms, dt=0.01 * ms)", 'print(result.traces["cells.v"].values[-1])']
    return _program(lines, *others, imports)


def _channel(imports: str, kind: type[DeclarativeModel]) -> str:
    return _finish(kind, imports, _cell(kind, f'.paint("soma", {kind.__name__}())' if kind is not Leak else ""))


def _point_process(imports: str, kind: type[DeclarativeModel]) -> str:
    lines = _cell(kind, f'.place("point", {kind.__name__}(), "soma(0.5)")')
    lines += [f'net.stimulate(cells, npl.Regular(5 * ms), port="point.{n}", weight={_TYPICAL.get(d, "1.0")})' for n, d in kind.spec.ports.items()]
    signals = {n: d for n, d in kind.spec.inputs.items() if not (supplied(n) or is_white(n) or n in kind.spec.windows.values())}
    lines += [f'net.stimulate(cells, npl.Step({_TYPICAL[d]}), input="point.{n}")' for n, d in signals.items() if d in _TYPICAL and n != "v_partner"]
    if "v_partner" in kind.spec.inputs:  # half of a junction, whose other half is in another cell
        lines[-1] = 'cells = net.population("cells", cell, 2)'
        lines.append('net.couple((cells, "point"), (cells, "point"), [(0, 1)])')
    return _finish(kind, imports, lines)


def _synapse(imports: str, kind: type) -> str:
    name = next((n for n, path in SYNAPSES.items() if path == f"{kind.__module__}:{kind.__qualname__}"), "")
    if name not in SYNAPSE_USES:
        return ""
    use = SYNAPSE_USES[name]
    where = f'port="{use.port}"' if use.port else f'input="{use.input}"'
    lines = [
        'net = npl.Network("example")', 'source = net.population("source", PoissonSource(rate=40 * Hz), 20)', 'target = net.population("target", LIFExp(), 2)',
        f"net.project(source, target, npl.AllToAll(), weight={code(use.weight)}, delay=1 * ms, {where}, synapse={kind.__name__}(), name=\"synapses\")",
        "with npl.Simulation(net) as simulation:", "    simulation.run(50 * ms)", '    print(simulation.synapses("synapses").keys())',
    ]  # fmt: skip
    return _program(lines, "from neuropil.zoo.neurons.lif import LIFExp", "from neuropil.zoo.neurons.poisson_source import PoissonSource", imports)


def _modulator(imports: str, kind: type[DeclarativeModel]) -> str:
    if set(kind.spec.parameters) - set(kind.spec.defaults) or kind.instant:  # type: ignore[attr-defined]
        return ""
    lines = [
        'net = npl.Network("example")', 'cells = net.population("cells", LIFExp(), 10)', 'net.stimulate(cells, npl.Step(400 * pA), input="current")',
        f'substance = net.modulator("substance", {kind.__name__}(), volume=[cells], tick=1 * ms)', 'substance.receptor("R", ec50=100 * nM)',
        'substance.modulates(cells, "tau_m", npl.Gain(by=0.5), receptor="R")', "with npl.Simulation(net) as simulation:",
        '    simulation.modulators["substance"].set_signal(3.0)', "    result = simulation.run(50 * ms)", 'print(result.modulators["substance"].values[-1])',
    ]  # fmt: skip
    return _program(lines, "from neuropil.zoo.neurons.lif import LIFExp", imports)


def _circuit(imports: str, function: Any) -> str:
    scaled = "scale=0.02" if "scale" in inspect.signature(function).parameters else ""
    return _program([f"net = {function.__name__}({scaled})", "result = npl.run(net, 50 * ms)", "print(result.rates())"], imports)


def _agent(imports: str, function: Any) -> str:
    return "\n".join(["import neuropil as npl", imports, "", f"loop = npl.Loop({function.__name__}(), seed=1)", "history = loop.run(1)", "print(history.returns)"])
