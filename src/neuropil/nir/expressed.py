"""Neurons as nodes of NIR: what of a model a node has, and how its ports and inputs count there. Further models are registered with `expressed.register`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from neuropil.model.base.distribution import Distribution
from neuropil.nir import models
from neuropil.nir.library import library
from neuropil.units import Quantity
from neuropil.zoo.neurons.lif import LIFDelta, LIFExp
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.relay import Relay


@dataclass(frozen=True)
class Expressed:
    """A population as a node.

    Attributes:
        kind: a class of `neuropil.nir.models`.
        given: parameters of NIR by name, times in ms.
        ports, inputs: by name, by how much a weight or a current is multiplied to be one of the node; a number or [neurons].
        euler: by which scheme it advances; None: either.
    """

    kind: type
    given: dict[str, Any] = field(default_factory=dict)
    ports: dict[str, Any] = field(default_factory=lambda: {"pulses": 1.0})
    inputs: dict[str, Any] = field(default_factory=lambda: {"drive": 1.0})
    euler: bool | None = None


@singledispatch
def expressed(neuron: Any, size: int, width: float) -> Expressed:
    """A neuron as a node.

    Args:
        neuron: the model.
        size: number of neurons.
        width: of a pulse, ms.

    Raises:
        ValueError: it cannot be expressed, and why.
    """
    raise ValueError(f"NIR has no counterpart of {type(neuron).__name__}")


def number(neuron: Any, name: str) -> Any:
    """A parameter in base units.

    Args:
        neuron: the model; name: of the parameter.

    Raises:
        ValueError: it is drawn.
    """
    value = getattr(neuron, name)
    if isinstance(value, Distribution):
        raise ValueError(f"{name} is a distribution; draw the values and give an array")
    return np.asarray(value.value if isinstance(value, Quantity) else value, float)


@expressed.register
def of_node(neuron: models.Node, size: int, width: float) -> Expressed:
    """One of the package's own.

    Args:
        neuron, size, width: as of `expressed`.

    Raises:
        ValueError: constants that are of no scheme, a reset by subtraction, another width.
    """
    kind = type(neuron)
    own = {n: number(neuron, n) for n in neuron.spec.parameters}
    if np.any(own["width"] != width):
        raise ValueError(f"pulses of {np.max(own['width']):g} ms, where others have {width:g} ms")
    if np.any(own.get("keep", 0.0)):
        raise ValueError("a reset by subtraction")
    derived = {"width", "keep", "drop", "gain", "feed", "ahead", *(n for n in own if n.startswith("decay"))}
    given = {n: v for n, v in own.items() if n not in derived}
    if not any(n.startswith("tau") for n in given):
        return Expressed(kind, given)
    for euler in (True, False):
        same = models.node(kind, size, width, euler=euler, **given)
        if all(np.allclose(number(same, n), v, rtol=1e-12, atol=0) for n, v in own.items() if n in derived):
            return Expressed(kind, given, euler=euler)
    raise ValueError("constants of no scheme; make it with neuropil.nir.models.node")


@expressed.register
def of_input(neuron: models.InputSpikes | models.InputValue | models.OutputValue, size: int, width: float) -> Expressed:
    """An input or an output.

    Args:
        neuron, size, width: as of `expressed`.
    """
    return Expressed(type(neuron), {"threshold": 0.5})


@expressed.register
def of_relay(neuron: Relay, size: int, width: float) -> Expressed:
    """What repeats spikes: an input of spikes.

    Args:
        neuron, size, width: as of `expressed`.
    """
    return Expressed(models.InputSpikes, {"threshold": 0.0}, {"spikes": 1.0}, {})


@expressed.register
def of_readout(neuron: LeakyReadout, size: int, width: float) -> Expressed:
    """A leaky integrator whose weights are its jumps.

    Args:
        neuron, size, width: as of `expressed`.
    """
    tau = number(neuron, "tau")
    return Expressed(models.LI, {"tau": tau, "r": 1.0, "v_leak": 0.0}, {"syn": tau / width}, {"drive": 1.0}, False)


@expressed.register
def of_delta(neuron: LIFDelta, size: int, width: float) -> Expressed:
    """A LIF whose weights are jumps in mV.

    Args:
        neuron, size, width: as of `expressed`.
    """
    tau, leak, fires = _membrane(neuron)
    return Expressed(models.LIF, {"tau": tau, "r": 1.0, "v_leak": leak, **fires}, {"syn": tau / width}, {"current": tau / number(neuron, "c_m")}, False)


@expressed.register
def of_exponential(neuron: LIFExp, size: int, width: float) -> Expressed:
    """A LIF with one time constant of its currents.

    Args:
        neuron, size, width: as of `expressed`.

    Raises:
        ValueError: excitatory and inhibitory currents of different time constants.
    """
    tau, leak, fires = _membrane(neuron)
    syn = number(neuron, "tau_exc")
    if np.any(syn != number(neuron, "tau_inh")):
        raise ValueError("tau_exc and tau_inh differ; CubaLIF has one tau_syn")
    given = {"tau_syn": syn, "tau_mem": tau, "r": tau / number(neuron, "c_m"), "v_leak": leak, "w_in": 1.0, **fires}
    return Expressed(models.CubaLIF, given, dict.fromkeys(("exc", "inh"), syn / width), {}, False)


def _membrane(neuron: Any) -> tuple[Any, Any, dict[str, Any]]:
    if np.any(number(neuron, "t_ref")):
        raise ValueError("a refractory period; t_ref=0 * ms has none")
    tau = number(neuron, "tau_m")
    # v >= v_th there, v > v_threshold in NIR.
    fires = {"v_threshold": np.nextafter(number(neuron, "v_th"), -np.inf), "v_reset": number(neuron, "v_reset")}
    return tau, number(neuron, "e_l") + number(neuron, "i_e") * tau / number(neuron, "c_m"), fires


def node_of(made: Expressed, shape: tuple[int, ...]) -> Any:
    """The node of NIR.

    Args:
        made: what it is; shape: of its elements.
    """
    nir = library()
    kinds: dict[type, Any] = {models.LI: nir.LI, models.LIF: nir.LIF, models.CubaLI: nir.CubaLI, models.CubaLIF: nir.CubaLIF, models.I: nir.I, models.IF: nir.IF}
    if made.kind is models.Threshold:
        return nir.Threshold(threshold=_shaped(made.given["threshold"], shape))
    return kinds[made.kind](**{n: _shaped(seconds(v) if n.startswith("tau") else v, shape) for n, v in made.given.items()})


def _shaped(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.ravel(np.asarray(value, float))
    return np.array(flat.reshape(shape) if flat.size > 1 else np.full(shape, flat[0]))


def seconds(value: Any) -> np.ndarray:
    """Times in s that are read as the same numbers of ms.

    Args:
        value: ms.
    """
    given = np.asarray(value, float)
    found = given / 1000.0
    for other in (np.nextafter(found, np.inf), np.nextafter(found, -np.inf)):
        found = np.where((found * 1000.0 != given) & (other * 1000.0 == given), other, found)
    return found
