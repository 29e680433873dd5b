"""Malformed modulators and rules of plasticity, each with the culprit that the error must name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from malformed.malformed_cases import pair, project, validated
from neuropil.model import (
    AllToAll,
    Diffusion,
    FirstOrder,
    Gain,
    Kinetics,
    Shift,
    Uniform,
)
from neuropil.model.network.validate import validate
from neuropil.plan.plan import make_plan
from neuropil.units import mM, ms, mV, pA, um
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP
from neuropil.zoo.synapses.td_stdp import TDSTDP


def modulator(**change: Any) -> Any:
    net, a, b = pair(np.zeros((4, 2)) * um)
    change = {"name": "da", "kinetics": FirstOrder(), "volume": [a], **change}
    return net.modulator(**change), a, b


def modulates(parameter: Any = "v_th", by: Any = None, **change: Any) -> Any:
    da, a, _ = modulator()
    return da.receptor("D1", ec50=1 * mM).modulates(change.pop("target", a), parameter, by or Gain(by=1.0), **{"receptor": "D1", **change})


def _planned(synapse: Any) -> Any:
    net, a, _ = pair()
    net.project(a, a, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc", synapse=synapse)
    return make_plan(net)


def _clash() -> Any:
    net, a, _ = pair()
    net.modulator("da", FirstOrder(), volume=a)
    net.probe(a, "v", name="da")
    validate(net, 0.1 * ms)


def _off_grid() -> Any:
    net, a, _ = pair()
    net.modulator("da", FirstOrder(), volume=a, tick=0.25 * ms)
    validate(net, 0.1 * ms)


def _bare_projection() -> Any:
    net, a, b = pair()
    (bare,) = net.project(a, b, AllToAll(), weight=1 * pA, delay=1 * ms, port="exc")
    net.modulator("da", FirstOrder(), volume=bare).modulates(bare, "gain", Gain(by=1.0))


LEARNING: dict[str, tuple[Callable[[], Any], str]] = {
    # Modulators
    "modulator without a name": (lambda: modulator(name=""), "name"),
    "modulator twice": (lambda: [m := modulator()[0], m.network.modulator("da", FirstOrder(), volume=m.populations)], "'da'"),
    "modulator of a class": (lambda: modulator(kinetics=FirstOrder), "FirstOrder()"),
    "modulator of nothing": (lambda: modulator(kinetics=None), "kinetics"),
    "kinetics that vary": (lambda: modulator(kinetics=FirstOrder(tau=Uniform(1 * ms, 2 * ms))), "tau"),
    "kinetics that do nothing": (lambda: modulator(kinetics=Kinetics()), "removal"),
    "kinetics of no time": (lambda: modulator(kinetics=FirstOrder(tau=0 * ms)), "not finite"),
    "kinetics beyond the tick": (lambda: modulator(kinetics=FirstOrder(tau=1e-3 * ms)), "tick"),
    "kinetics that fail": (lambda: modulator(kinetics=type("Odd", (FirstOrder,), {"removal": lambda self, c: c / self.tua})()), "Odd.removal"),
    "kinetics in the wrong unit": (lambda: modulator(kinetics=type("Odd", (FirstOrder,), {"removal": lambda self, c: c})()), "Odd.removal"),
    "volume empty": (lambda: modulator(volume=[]), "volume is empty"),
    "volume of lists of nothing": (lambda: modulator(volume=[[], []]), "volume is empty"),
    "volume of another network": (lambda: modulator(volume=[pair()[1]]), "volume"),
    "volume of names": (lambda: modulator(volume=["a"]), "volume"),
    "tick of zero": (lambda: modulator(tick=0 * ms), "tick"),
    "tick of no time": (lambda: modulator(tick=1 * mV), "tick"),
    "tick off the grid": (_off_grid, "tick is not a multiple"),
    "cap of no concentration": (lambda: modulator(cap=1 * mV), "cap"),
    "diffusion of a number": (lambda: modulator(diffusion=0.3), "diffusion"),
    "diffusion of nothing": (lambda: Diffusion(0 * um**2 / ms, spacing=1 * um), "coefficient"),
    "diffusion in the wrong unit": (lambda: Diffusion(1 * ms, spacing=1 * um), "coefficient"),
    "diffusion without positions": (lambda: [net := pair()[0], net.modulator("da", FirstOrder(), volume=net["b"], diffusion=Diffusion(1 * um**2 / ms, 1 * um))], "positions"),
    "nucleus of another network": (lambda: modulator()[0].released_by(pair()[1], 1 * mM), "nucleus"),
    "release of a bare number": (lambda: [m := modulator(), m[0].released_by(m[1], 1.0)], "release by a"),
    "release below nothing": (lambda: [m := modulator(), m[0].released_by(m[1], -1 * mM)], "must not be negative"),
    "release at a position in a mixed volume": (lambda: [m := modulator(), m[0].released_by(m[1], 1 * mM, at=np.zeros((4, 2)) * um)], "well-mixed"),
    "receptor twice": (lambda: modulator()[0].receptor("x", ec50=1 * mM).receptor("x", ec50=1 * mM), "taken: x"),
    "receptor without affinity": (lambda: modulator()[0].receptor("x", ec50=0 * mM), "ec50"),
    "receptor in the wrong unit": (lambda: modulator()[0].receptor("x", ec50=1 * mV), "'x'"),
    "modulated parameter unknown": (lambda: modulates("v_thr"), "did you mean 'v_th'"),
    "modulated part unknown": (lambda: modulates("dendrite.v_th"), "dendrite"),
    "modulated parameter of no text": (lambda: modulates(3), "name"),
    "modulated outside of the volume": (lambda: [m := modulator(), m[0].modulates(m[2], "v_th", Gain(by=1.0))], "outside of the volume"),
    "modulated nothing": (lambda: modulates(target=None), "outside of the volume"),
    "modulated bare weights": (_bare_projection, "synapse model"),
    "effect of no function": (lambda: modulates(by=0.5), "function"),
    "effect in the wrong unit": (lambda: modulates(by=Shift(by=1.0)), "v_th"),
    "effect of the wrong arity": (lambda: modulates(by=lambda v: v), "change fails"),
    "effect that makes many of one": (lambda: modulates(by=lambda v, x: v * np.ones(3)), "one number"),
    "effect by an unknown receptor": (lambda: modulates(receptor="D3"), "D3"),
    "bounds in the wrong unit": (lambda: modulates(low=1 * ms), "bound of a.v_th"),
    "modulator's trace clashes": (_clash, "'da'"),
    "kinetics that run backwards": (lambda: modulator(kinetics=FirstOrder(tau=-5 * ms)), "must not decrease"),
    "rest below nothing": (lambda: modulator(kinetics=FirstOrder(baseline=-1 * mM)), "cannot be negative"),
    "cap below nothing": (lambda: modulator(cap=-1 * mM), "cap"),
    "bounds the wrong way round": (lambda: modulates(low=-40 * mV, high=-50 * mV), "low must be below high"),
    "modulated targets none": (lambda: modulates(target=[]), "no target"),
    "effect that gives nan": (lambda: modulates(by=lambda v, x: v * np.nan), "not finite"),
    "effect by a list of receptors": (lambda: modulates(receptor=["D1"]), "no receptor"),
    # Rules of plasticity
    "time constant of a trace below zero": (lambda: validated(synapse=AdditiveSTDP(tau_plus=-5 * ms)), "tau_plus"),
    "time constant of a trace drawn through zero": (lambda: validated(synapse=AdditiveSTDP(tau_plus=Uniform(-5 * ms, 5 * ms))), "tau_plus"),
    "time of activity drawn": (lambda: project(synapse=TDSTDP(tau_post=Uniform(1 * ms, 2 * ms))), "tau_post"),
    "rule that responds in words": (lambda: _planned(type("Odd", (AdditiveSTDP,), {"respond": lambda self, s, w: {"post": "much"}})()), "Odd.respond"),
    "rule that makes many of one": (lambda: _planned(type("Odd", (AdditiveSTDP,), {"arrive": lambda self, s, w: {"pre": s.pre + np.ones(3)}})()), "an array for one neuron"),
}
