"""Reading values from the command line: `12ms`, `-50 mV`, `1.5 mV/ms`, `L23E.tau_m=12ms`, `drive=dc`."""

from __future__ import annotations

import re
from typing import Any

import typer

from neuropil import units
from neuropil.errors import CommandError, NeuropilError, did_you_mean
from neuropil.units import Quantity

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*\Z")
_FACTOR = re.compile(r"([A-Za-zµμΩ]+)(?:(?:\^|\*\*)(-?\d+))?\Z")
# Spellings beside the names in neuropil.units.
_UNITS: dict[str, Quantity] = {
    **{name: value for name, value in vars(units).items() if isinstance(value, Quantity)},
    "s": units.second, "V": units.volt, "µs": units.us, "μs": units.us, "µm": units.um, "μm": units.um,
    "µV": units.uV, "μV": units.uV, "µA": units.uA, "μA": units.uA, "µF": units.uF, "μF": units.uF,
    "µS": units.uS, "μS": units.uS, "µM": units.uM, "μM": units.uM, "GΩ": units.GOhm, "MΩ": units.MOhm,
}  # fmt: skip


def quantity(text: str, what: str) -> Quantity | float:
    """The number, with its unit if there is one, of a text such as "12ms", "-0.5" or "1.5 mV/ms".

    Raises:
        CommandError: naming `what`.
    """
    match = _NUMBER.match(text)
    if match is None:
        raise CommandError(f"{what} is not a number with a unit", got=text, expected="for example 12ms or -50mV")
    number, unit = float(match[1]), match[2]
    return number * _unit(unit, what) if unit else number


def milliseconds(text: str | float) -> float:
    """The time of a text such as "100", "100ms" or "0.1 s", in ms.

    Raises:
        typer.BadParameter: not a time.
    """
    try:
        value = quantity(text, "a time") if isinstance(text, str) else text
        return float(value.to(units.ms)) if isinstance(value, Quantity) else float(value)
    except NeuropilError as error:
        raise typer.BadParameter(f"{text!r} is not a time; give a number of ms, or one with its unit: 100ms, 0.1s") from error


def _unit(text: str, what: str) -> Quantity:
    result, sign = Quantity(1.0), 1
    for part in re.split(r"([·/]|(?<!\*)\*(?!\*))", text.replace(" ", "")):
        if part in ("·", "*", "/"):
            sign = -1 if part == "/" else 1
            continue
        if part == "1":  # as in 1/ms
            continue
        match = _FACTOR.match(part)
        if match is None or match[1] not in _UNITS:
            raise CommandError(f"{what}: unknown unit", got=part or text, fix=did_you_mean(match[1] if match else part, _UNITS))
        result = result * _UNITS[match[1]] ** (sign * int(match[2] or 1))
    return result


def literal(text: str, what: str) -> Any:
    """The value of an option's text: true, false, a whole number, a number, a number with a unit, else the text itself.

    Args:
        what: it is for; opens the error message.
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return quantity(text, what)
    except NeuropilError:
        return text


def assignments(items: list[str], flag: str) -> dict[str, str]:
    """`["a=1", "b=2"]` as a dict; a key may come once.

    Args:
        items: texts key=value.
        flag: from which they come, for messages.

    Raises:
        CommandError: not key=value, or a key that comes twice.
    """
    found: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key or not value.strip():
            raise CommandError(f"{flag} takes key=value", got=item)
        if key in found:
            raise CommandError(f"{flag} sets {key!r} twice", got=item)
        found[key] = value.strip()
    return found
