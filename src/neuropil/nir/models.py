"""The nodes of NIR that have a state, and what stands for its inputs and outputs; all but time is dimensionless.

Pedersen et al. (2024) Nat. Commun. 15:8122. A node integrates its input I(t):

    LIF       tau v' = v_leak - v + r I                                        v > v_threshold: spike, v = v_reset
    CubaLIF   tau_syn i' = -i + w_in I,  tau_mem v' = v_leak - v + r i         likewise
    IF        v' = r I  (per second)                                           likewise
    LI, CubaLI, I: the same without spikes.

A spike is a pulse of height 1 and of a duration that NIR does not say: `width`, the time step of the simulator that the file is meant for. The pulse
acts at once, so a weight w moves v of a LIF by r w width / tau.

Solved exactly, a state decays by exp(-width / tau) in a width; snnTorch and most other readers of NIR advance by forward Euler, 1 - width / tau. Either
is a linear map of a step, and so the exact solution of linear equations with other constants: `node` computes these (`decay`, `gain`, `feed`,
`ahead`), so that in steps of a width the states are those of either scheme. In the Euler scheme of CubaLIF v sees i of the end of the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import ModelError
from neuropil.model import Input, Neuron, Port, State
from neuropil.units import Rate, Time, kHz, ms

SECOND = 1000 * ms
INSTANT = 1e-3
"""Time constant of what has no memory, in widths: after a step of a width nothing is left."""


class Node(Neuron):
    """What all have in common."""

    width: Time = 0.1 * ms

    pulses = Port(1.0)
    drive = Input(1.0)


class LI(Node):
    """Leaky integrator."""

    tau: Time = 20 * ms
    r: float = 1.0
    v_leak: float = 0.0
    decay: Time = 20 * ms

    v = State("v_leak")

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """The membrane."""
        return {"v": (self.v_leak - s.v + self.r * x.drive) / self.decay}

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """A pulse acts at once."""
        return {"v": self.r * self.width / self.tau * w.pulses}


class CubaLI(Node):
    """Leaky integrator with an exponential synaptic current."""

    tau_syn: Time = 5 * ms
    tau_mem: Time = 20 * ms
    r: float = 1.0
    v_leak: float = 0.0
    w_in: float = 1.0
    decay_syn: Time = 5 * ms
    decay_mem: Time = 20 * ms
    gain: Rate = 0.05 * kHz
    feed: Rate = 0 * kHz
    ahead: float = 0.0

    i = State(0.0)
    v = State("v_leak")

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Current and membrane."""
        flow = (self.v_leak - s.v) / self.decay_mem + self.gain * s.i + self.feed * self.w_in * x.drive
        return {"i": (-s.i + self.w_in * x.drive) / self.decay_syn, "v": flow}

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """A pulse moves the current, and (ahead = 1) through it v within the same step."""
        moved = self.w_in * self.width / self.tau_syn * w.pulses
        return {"i": moved, "v": self.ahead * self.r * self.width / self.tau_mem * moved}


class I(Node):  # noqa: E742
    """Integrator."""

    r: float = 1.0

    v = State(0.0)

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """Its input, per second."""
        return {"v": self.r * x.drive / SECOND}

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """A pulse acts at once."""
        return {"v": self.r * self.width / SECOND * w.pulses}


class Firing(Node):
    """A threshold and a reset, of nodes that spike: v becomes v_reset, or (keep = 1) v - drop."""

    v_threshold: float = 1.0
    v_reset: float = 0.0
    keep: float = 0.0
    drop: float = 0.0

    def fires(self, s: Any) -> Any:
        """Above the threshold."""
        return s.v > self.v_threshold

    def reset(self, s: Any) -> dict[str, Any]:
        """To a value, or by a difference."""
        return {"v": (1 - self.keep) * self.v_reset + self.keep * (s.v - self.drop)}


class LIF(Firing, LI):
    """Leaky integrate-and-fire."""


class CubaLIF(Firing, CubaLI):
    """Leaky integrate-and-fire with an exponential synaptic current."""


class IF(Firing, I):
    """Integrate-and-fire."""


RESETS = ("value", "subtract", "subtract late")


def node(kind: type[Node], size: int, width: float, *, euler: bool = True, reset: str = "value", **given: Any) -> Node:
    """A node with the constants of a scheme.

    Args:
        kind: a class of this file.
        size: number of neurons.
        width: of a pulse, ms; the time step.
        euler: the scheme.
        reset: "value": v becomes v_reset; "subtract": v_threshold is subtracted; "subtract late": likewise, in the next step.
        given: parameters of NIR by name, numbers or [size]; times in ms.

    Raises:
        ModelError: a time constant that is not positive, or below the width, which forward Euler cannot advance.
    """
    made = {n: np.array(np.broadcast_to(np.asarray(v, float), (size,))) for n, v in given.items()}
    decay = {n: _decay(n, tau, width, euler) for n, tau in made.items() if n.startswith("tau")}
    made |= {n.replace("tau", "decay"): tau for n, (tau, _) in decay.items()}
    if issubclass(kind, CubaLI):
        made |= _coupling(made, decay["tau_syn"][1], decay["tau_mem"][1], width, euler)
    if issubclass(kind, Firing) and reset != "value":
        left = decay.get("tau", decay.get("tau_mem", (None, 1.0)))[1] if reset == "subtract late" else 1.0
        made |= {"keep": np.ones(size), "drop": made["v_threshold"] / left}
    values = {n: float(v[0]) if np.all(v == v[0]) else v for n, v in made.items()}
    units = {n: v * ms if n.startswith(("tau", "decay")) else v * kHz if n in ("gain", "feed") else v for n, v in values.items()}
    return kind(**units, width=width * ms)


def _decay(name: str, tau: np.ndarray, width: float, euler: bool) -> tuple[np.ndarray, np.ndarray]:
    """The time constant of the linear equation, and what is left of a state after a width."""
    if not np.all(tau > 0.0):
        raise ModelError(f"{name} must be positive", got=f"{tau.min():g} ms")
    if not euler:
        return tau, np.exp(-width / tau)
    left = 1.0 - width / tau
    if np.any(left < -1e-6):
        raise ModelError(f"{name} is below the time step, so forward Euler overshoots", got=f"{tau.min():g} ms", expected=f"at least {width:g} ms", fix='a smaller dt, or scheme="exact"')
    left = np.where(left < 1e-6, 0.0, left)
    return np.where(left > 0.0, -width / np.log(np.where(left > 0.0, left, 0.5)), INSTANT * width), left


def _coupling(made: dict[str, np.ndarray], syn: np.ndarray, mem: np.ndarray, width: float, euler: bool) -> dict[str, np.ndarray]:
    """How current and input drive v so that after a width v has r width / tau_mem of the current of the end of the step (Euler)."""
    if not euler:
        return {"gain": made["r"] / made["tau_mem"], "feed": np.zeros_like(syn), "ahead": np.zeros_like(syn)}
    share = made["r"] * width / made["tau_mem"]
    wide, apart = (syn > 0.0) & (mem > 0.0), syn - mem
    close = np.abs(apart) < 1e-12
    safe = np.where(close | ~wide, 1.0, apart)
    rate = 1.0 / made["decay_mem"] - 1.0 / made["decay_syn"]
    ratio = np.where(close, 1.0 / (width * np.where(syn > 0.0, syn, 1.0)), np.where(wide, np.log1p(safe / np.where(mem > 0.0, mem, 1.0)) / (width * safe), rate / np.where(close, 1.0, apart)))
    gain = np.where(syn > 0.0, share * syn * ratio, 0.0)  # over a width the current of the begin brings share · syn
    whole = made["decay_mem"] * (1.0 - mem)
    brought = np.where(syn > 0.0, share * syn, 0.0)
    return {"gain": gain, "feed": (share * (1.0 - syn) - (gain * whole - brought)) / whole, "ahead": np.ones_like(syn)}


def spikes(neuron: Any) -> bool:
    """Whether a `neuron` has a threshold."""
    return type(neuron).fires is not Neuron.fires


# --- without memory ------------------------------------------------------------------------------------------------------


class Value(Node):
    """v is the input of the step and the weights of spikes that arrive at its end: an `Input` of numbers, an `Output` of weighted sums."""

    v = State(0.0)

    def derivative(self, s: Any, x: Any) -> dict[str, Any]:
        """v follows at once."""
        return {"v": (x.drive - s.v) / (INSTANT * self.width)}

    def receive(self, s: Any, w: Any) -> dict[str, Any]:
        """A spike counts as its weight."""
        return {"v": w.pulses}


class InputValue(Value):
    """An `Input` of numbers: stimulate its input `drive`, for example with a `TimeArray`."""


class OutputValue(Value):
    """An `Output` of a weighted sum: probe its state v."""


class Threshold(Value):
    """A spike in every step in which the input is above the threshold."""

    threshold: float = 1.0

    def fires(self, s: Any) -> Any:
        """Above the threshold."""
        return s.v > self.threshold

    def reset(self, s: Any) -> dict[str, Any]:
        """v is the input of the step, whatever it was."""
        return {}


class InputSpikes(Value):
    """An `Input` of spikes: stimulate its port `pulses` with weight 1, for example with a `SpikeList`."""

    def fires(self, s: Any) -> Any:
        """An event is a spike."""
        return s.v > 0.5

    def reset(self, s: Any) -> dict[str, Any]:
        """v is the input of the step, whatever it was."""
        return {}
