"""From the arguments of a command to a network: find the circuit, call it, change parameters, add probes."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuropil.cli.values import assignments, literal, quantity
from neuropil.errors import CommandError, did_you_mean
from neuropil.model import Agent, Network
from neuropil.model.neuron.composite import full_name
from neuropil.units import Quantity, ms

_PROBE = re.compile(r"(?P<pop>[^.:\[\]]+)\.(?P<var>\w+(?:\.\w+)?)(?:\[(?P<part>[\d:]*)\])?(?::(?P<every>.+))?\Z")


def load(name: str, scale: float | None = None, options: list[str] | None = None) -> Network:
    """The network that a circuit's name, or path.py:function, describes; see `described`.

    Args:
        name: of a circuit, or path.py:function.
        scale, options: as of `described`.

    Raises:
        CommandError: there is no such circuit, or it is an agent.
    """
    network = described(name, scale, options)
    if isinstance(network, Agent):
        raise CommandError(f"{name} is an agent", expected="a circuit", fix="neuropil run takes agents")
    return network


def described(name: str, scale: float | None = None, options: list[str] | None = None) -> Network | Agent:
    """The network or agent that a name of the zoo, or path.py:function, describes.

    Args:
        scale: handed to the circuit as `scale`, if given.
        options: key=value texts for its other arguments.
        name: of a circuit or an agent, or path.py:function.

    Raises:
        CommandError: there is none, or it does not take these options.
    """
    function = _find(name)
    arguments = {key: literal(value, f"--option {key}") for key, value in assignments(options or [], "--option").items()}
    known = list(inspect.signature(function).parameters)
    for key in arguments:
        if key not in known:
            raise CommandError(f"{name} has no option {key!r}", fix=did_you_mean(key, known))
    if scale is not None:
        if "scale" not in known:
            raise CommandError(f"{name} cannot be scaled", fix="its function has no argument `scale`; leave --scale out")
        arguments["scale"] = scale
    _require_callable_with(function, arguments, name)
    made = function(**arguments)
    if not isinstance(made, (Network, Agent)):
        raise CommandError(f"{name} did not return a network", got=made, expected="a neuropil.Network, or a neuropil.Agent")
    return made


def _find(name: str) -> Callable[..., Any]:
    from neuropil.zoo.registry import AGENTS, CIRCUITS, agent, circuit

    path, colon, function = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(Path(path), function)
    if name.endswith(".py"):
        raise CommandError("name the function of the file that makes the network", got=name, fix=f"{name}:function")
    if name not in CIRCUITS and name not in AGENTS:
        raise CommandError(f"there is no circuit or agent {name!r}", fix=f"{did_you_mean(name, [*CIRCUITS, *AGENTS])}; or give path.py:function")
    found: Callable[..., Any] = circuit(name) if name in CIRCUITS else agent(name)
    return found


def _from_file(path: Path, function: str) -> Callable[..., Any]:
    if not path.is_file():
        raise CommandError("no such file", got=str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise CommandError("not a Python file", got=str(path))
    module = importlib.util.module_from_spec(spec)
    # Registered as an import would be, so that the models it defines can find their annotations, and with its own
    # folder on the path, as when Python runs the file.
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise CommandError(f"{path} is not valid Python", got=f"line {error.lineno}: {error.msg}") from None
    found = getattr(module, function, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if inspect.isfunction(v) and v.__module__ == path.stem]
        raise CommandError(f"{path} has no function {function!r}", fix=did_you_mean(function, names))
    return found


def _require_callable_with(function: Callable[..., Any], arguments: dict[str, Any], name: str) -> None:
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise CommandError(f"{name} cannot be called", got=str(error), fix="give its arguments by --option key=value") from None


# --- --set -----------------------------------------------------------------------------------------------------


def with_settings(network: Network, settings: list[str]) -> Network:
    """The network with parameters changed.

    Args:
        settings: texts `pop.param=value`; `*` stands for every population that has the parameter.

    Raises:
        CommandError: no such population or parameter, or not a value.
    """
    changes: dict[str, dict[str, Quantity | float]] = {}
    for target, text in assignments(settings, "--set").items():
        pop, dot, parameter = target.partition(".")
        if not dot or not parameter:
            raise CommandError("--set takes pop.param=value", got=target, expected="for example L23E.tau_m=12ms")
        value = quantity(text, f"--set {target}")
        for name in _populations(network, pop, parameter):
            changes.setdefault(name, {})[parameter] = value
    return network.replace(populations=changes)


def _populations(network: Network, pop: str, parameter: str) -> list[str]:
    parameters = {
        name: {full_name(part, n) for part, model in p.models.items() for n in model.spec.parameters} for name, p in network.populations.items()
    }
    if pop != "*":
        if pop not in parameters:
            raise CommandError(f"--set: there is no population {pop!r}", fix=did_you_mean(pop, parameters))
        if parameter not in parameters[pop]:
            raise CommandError(f"--set: {pop} has no parameter {parameter!r}", fix=did_you_mean(parameter, parameters[pop]))
        return [pop]
    owners = [name for name, known in parameters.items() if parameter in known]
    if not owners:
        raise CommandError(f"--set: no population has a parameter {parameter!r}", fix=did_you_mean(parameter, set().union(*parameters.values())))
    return owners


# --- --record --------------------------------------------------------------------------------------------------


def add_probes(network: Network, record: list[str]) -> bool:
    """Add the probes that `--record` asks for to the network. Returns whether spikes are recorded.

    Raises:
        CommandError: text that cannot be parsed, or no such population or state.
    """
    for item in record:
        if item in ("spikes", "none"):
            continue
        match = _PROBE.match(item)
        if match is None:
            expected = "spikes, none, or pop.var:interval, for example L23E.v:1ms or L23E.v[0:10]:1"
            raise CommandError("--record: this cannot be parsed", got=item, expected=expected)
        if match["pop"] not in network.populations:
            raise CommandError(
                f"--record: there is no population {match['pop']!r}", fix=did_you_mean(match["pop"], network.populations)
            )
        every = None
        if match["every"]:
            value = quantity(match["every"], f"--record {item}")
            every = value if isinstance(value, Quantity) else value * ms
        network.probe(network[match["pop"]], match["var"], neurons=_part(match["part"], item), interval=every)
    if "none" in record and "spikes" in record:
        raise CommandError("--record: spikes and none exclude each other")
    return "none" not in record


def _part(text: str | None, item: str) -> Any:
    if not text:
        return None
    numbers = text.split(":")
    if len(numbers) == 1:
        return [int(numbers[0])]
    if len(numbers) > 2:
        raise CommandError("--record: neurons are given as [first:last]", got=item)
    return slice(int(numbers[0]) if numbers[0] else None, int(numbers[1]) if numbers[1] else None)
