"""Basal ganglia that select: of several channels the most salient is selected, the others are suppressed.

The circuit of Gurney, Prescott & Redgrave (2001, Biol Cybern 84:401 and 411), in integrate-and-fire neurons as Humphries, Stewart &
Gurney (2006, J Neurosci 26:12921) and Stewart, Choo & Eliasmith (2010, Int Conf Cognitive Modeling 10:235) have it. A channel
stands for an action and has a group of cells in every nucleus:

    cortex → D1, D2, STN   salience; λ, tonic dopamine, makes the weight onto D1 (1 + λ), onto D2 (1 - λ) times as strong
    D1  → GPi              direct: focused inhibition
    D2  → GPe              indirect: focused inhibition
    STN → GPe, GPi         hyperdirect: excitation of all channels, so that all are suppressed more strongly
    GPe → STN, GPi         focused inhibition, which limits the diffuse output of the STN
    GPi → thalamus         focused tonic inhibition: thalamus fires where GPi falls silent (disinhibition)

STN and GPe have the paper's weights 0.9, 0.9, 1, 0.3 times one factor; with a factor 1.6 times ours, near the paper's unit of gain,
STN and GPe oscillate together at 34 Hz. The striatum's weights are ours. Strengths are currents per rate, biases follow from the
rates at rest: STN 20, GPe and GPi 60 Hz as in monkeys (DeLong, Crutcher & Georgopoulos 1985, J Neurophysiol 53:530, from memory).
The paper has no thalamus. Left out: interneurons and lateral inhibition of the striatum, conductances, the loop back to cortex.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model import Edges, Network, Noise, Population, Uniform
from neuropil.units import Hz, ms, mV, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.sensor import Sensor

CELLS = 20  # of a channel in a nucleus
TAU_MS, DELAY_MS = 5.0, 2.0  # of all synapses
NOISE = 100 * pA
SALIENT_HZ = 50.0  # cortical cells at salience 1

HOLDING = {"D1": 280.0, "D2": 280.0, "STN": 360.0, "GPe": 500.0, "GPi": 500.0, "thalamus": 305.0}
"""Mean current (pA) of each nucleus at rest: under the noise `LIFExp` then fires at the rates of `RESTING`."""
RESTING = {"D1": 0.5, "D2": 0.5, "STN": 20.0, "GPe": 60.0, "GPi": 60.0, "thalamus": 3.0}


class Pathway(NamedTuple):
    """A projection from a nucleus to another.

    Attributes:
        source, target: names of the nuclei.
        strength: mean current in a target's cell per rate of the source, pA/Hz (of each channel if diffuse).
        diffuse: from all channels to all; else each to its own.
    """

    source: str
    target: str
    strength: float
    diffuse: bool = False


CORTICAL = (Pathway("cortex", "D1", 5.0), Pathway("cortex", "D2", 5.0), Pathway("cortex", "STN", 4.0))
PATHWAYS = (
    Pathway("D1", "GPi", -4.0), Pathway("D2", "GPe", -2.0), Pathway("STN", "GPe", 1.8, True), Pathway("STN", "GPi", 1.8, True),
    Pathway("GPe", "STN", -2.0), Pathway("GPe", "GPi", -0.6), Pathway("GPi", "thalamus", -3.3),
)  # fmt: skip


def weight(strength: float, cells: int = CELLS) -> Any:
    """The weight (pA) of each of the synapses from this many cells that together give this strength (pA/Hz)."""
    return strength / (cells * TAU_MS * 1e-3) * pA


def connect(net: Network, pathway: Pathway, source: Population, target: Population, channels: int) -> None:
    """Make a pathway between populations of `CELLS` for every channel, copy by copy.

    Args:
        net: the network.
        source, target: the populations of the two nuclei.
        channels: their number.
    """
    one = CELLS * channels if pathway.diffuse else CELLS
    port = "exc" if pathway.strength > 0 else "inh"
    net.project(source, target, Edges.blocks(range(source.size // one), one, one), weight=weight(pathway.strength), delay=DELAY_MS * ms, port=port)


def nuclei(net: Network, channels: int, copies: int = 1, without: Collection[str] = ()) -> dict[str, Population]:
    """Add D1, D2, STN, GPe, GPi and thalamus to a network, cells numbered copy by copy, channel by channel.

    Args:
        without: nuclei that send nothing (lesions).
        net: the network.
        channels: number of channels.
        copies: circuits side by side.

    Returns:
        The populations by name.

    Raises:
        NetworkError: a nucleus that does not exist.
    """
    for name in without:
        if name not in HOLDING:
            raise NetworkError(f"basal ganglia have no nucleus {name!r}", fix=did_you_mean(name, HOLDING))
    made = {}
    for name, holding in HOLDING.items():
        tonic = sum(p.strength * RESTING[p.source] * (channels if p.diffuse else 1) for p in PATHWAYS if p.target == name)
        cell = LIFExp(tau_exc=TAU_MS * ms, tau_inh=TAU_MS * ms, i_e=(holding - tonic) * pA)
        made[name] = net.population(name, cell, copies * channels * CELLS, initial={"v": Uniform(-65 * mV, -50 * mV)})
        net.stimulate(made[name], Noise(0 * pA, NOISE, 2 * ms), input="current")
    for pathway in PATHWAYS:
        if pathway.source not in without:
            connect(net, pathway, made[pathway.source], made[pathway.target], channels)
    return made


def basal_ganglia(salience: Any = (0.2, 0.8, 0.4), dopamine: float = 0.2, without: Collection[str] = ()) -> Network:
    """Basal ganglia of some channels at given saliences (Gurney, Prescott & Redgrave 2001).

    Args:
        salience: from 0 to 1, [channels], or [copies, channels] for circuits side by side.
        dopamine: λ, its tonic level, from 0 to 1; 0.2 is the paper's.
        without: nuclei whose output is cut.

    Returns:
        A network of the populations cortex, D1, D2, STN, GPe, GPi and thalamus.

    Raises:
        NetworkError: a salience, a level or a nucleus out of range.
    """
    shown = np.atleast_2d(np.asarray(salience, float))
    if shown.ndim != 2 or not shown.size or not np.all((shown >= 0) & (shown <= 1)):
        raise NetworkError("basal ganglia: saliences must lie between 0 and 1", got=salience)
    if not 0 <= dopamine <= 1:
        raise NetworkError("basal ganglia: tonic dopamine must lie between 0 and 1", got=dopamine)
    net = Network("basal_ganglia", citation="Gurney, Prescott & Redgrave (2001) Biol Cybern 84:401")
    copies, channels = shown.shape
    cortex = net.population("cortex", Sensor(), shown.size * CELLS, initial={"rate": np.repeat(shown, CELLS) * SALIENT_HZ * Hz})
    made = nuclei(net, channels, copies, without)
    for pathway, factor in zip(CORTICAL, (1 + dopamine, 1 - dopamine, 1.0), strict=True):
        connect(net, pathway._replace(strength=factor * pathway.strength), cortex, made[pathway.target], channels)
    return net
