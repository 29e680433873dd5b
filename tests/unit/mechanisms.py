"""Registered mechanisms, and their equations on bare values."""

from __future__ import annotations

from typing import Any

from neuropil.model import Mechanism
from neuropil.model.base.described import Values
from neuropil.units import Quantity
from neuropil.zoo.registry import CHANNELS, channel, point_process


def model(name: str, **parameters: Any) -> Mechanism:
    """An instance of the registered mechanism."""
    return (channel(name) if name in CHANNELS else point_process(name))(**parameters)


def call(mechanism: Mechanism, method: str, s: dict[str, Any], x: dict[str, Any]) -> Any:
    """A method of a mechanism on bare values in base units; what is not given is 0.3."""
    spec = mechanism.spec
    second = spec.ports if method == "receive" else spec.inputs
    states = {n: Quantity(s.get(n, 0.3), d) for n, d in spec.state_dimensions.items()}
    others = {n: Quantity(x.get(n, 0.3), d) for n, d in second.items()}
    return getattr(mechanism, method)(Values("state", "test", states), Values("input", "test", others))
