"""What an operation costs in joules, by published tables, always as an interval.

`status` says where the numbers come from: "published" (in the source named), "derived" (computed from published figures, as
written), or "reported" (from memory of the source: check before quoting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neuropil.cost.interval import Interval

pJ, fJ = 1e-12, 1e-15
ATP_JOULES = 8.3e-20
"""Free energy of one ATP molecule in a cell, J: about 50 kJ/mol over Avogadro's number (reported)."""


@dataclass(frozen=True)
class Energy:
    """Joules for one item of `per` ("FLOP", "byte", "synaptic event" or "neuron-step").

    Attributes:
        joules: for one item.
        source: of the figure.
        status: "measured", "computed" or the like.
    """

    per: str
    joules: Interval
    source: str
    status: str


def _e(per: str, low: float, value: float, high: float, unit: float, source: str, status: str) -> Energy:
    return Energy(per, Interval(low * unit, value * unit, high * unit), source, status)


ENERGIES: Mapping[str, tuple[Energy, ...]] = {
    "CPU": (
        _e("FLOP", 2.3, 40, 400, pJ, "low: mean of a 32-bit add (0.9) and multiply (3.7), arithmetic alone at 45 nm, Horowitz 2014; "
           "best: a 360 W server processor at its 9 TF peak; high: the same at a tenth of it", "low published, others derived"),
        _e("byte", 1.25, 160, 325, pJ, "Horowitz 2014: DRAM 1.3 to 2.6 nJ for 64 bits (163 to 325 pJ/byte), an 8 kB cache 10 pJ "
           "(1.25 pJ/byte): a circuit whose state stays in the cache is near the low end", "published"),
    ),
    "H100": (
        _e("FLOP", 0.71, 10.4, 63, pJ, "700 W over the data sheet's peak: FP16 tensor 989 TF, FP32 67 TF; "
           "high: FP32 with the host's share (1275 W) at 30 % of peak", "derived"),
        _e("byte", 31, 60, 209, pJ, "HBM2 at 3.9 pJ/bit (O'Connor 2017, reported); high: 700 W over 3.35 TB/s", "derived"),
    ),
    "Loihi": (
        _e("synaptic event", 23.6, 23.6, 120, pJ, "Davies et al. 2018: 23.6 pJ per synaptic operation; high: 120 with a "
           "learning update (reported)", "published"),
        _e("neuron-step", 52, 81, 81, pJ, "Davies et al. 2018: neuron update, inactive and active (reported)", "reported"),
    ),
    "TrueNorth": (
        _e("synaptic event", 2.5, 26, 26, pJ, "Merolla et al. 2014: 26 pJ, the whole chip; low: 400 GSOPS/W at the highest "
           "rates, as tabulated for Akopyan et al. 2015 in PMC10326429", "published"),
    ),
    "SpiNNaker": (
        _e("synaptic event", 8e3, 2e4, 4.3e4, pJ, "Stromatias et al. 2013, Furber et al. 2014: some 10 nJ (reported; a later survey, "
           "PMC10326429, prints 45 pJ)", "reported"),
    ),
    "biology": (
        _e("synaptic event", 14, 34, 133, fJ, "low: 1.64e5 ATP per vesicle, Attwell & Laughlin 2001; best: their 3.29e9 ATP/s "
           "of a neuron at 4 Hz with 8000 synapses, a quarter of which release; high: 20 W over 1.5e14 synapses at 1 Hz", "derived"),
    ),
}  # fmt: skip
"""By platform. A platform's energy for a workload is the sum over the kinds it has an entry for."""

BRAIN_WATTS = Interval(12.0, 20.0, 25.0)
"""Power of a human brain, W (reported: commonly 20; Sokoloff 1960)."""


def watts(platform: str, per_second: Mapping[str, Interval | float]) -> Interval:
    """Power of a workload on a platform, W (joules for each second of biology).

    Args:
        platform: a key of `ENERGIES`.
        per_second: items by kind ("FLOP", "byte", "synaptic event", "neuron-step") in a second of biology.
    """
    parts = [energy.joules * per_second[energy.per] for energy in ENERGIES[platform] if energy.per in per_second]
    return sum(parts, Interval.exact(0.0))


def flop_per_joule(flops: float, power: float) -> float:
    """FLOP/J, the unit in which processors are compared, from FLOP/s (`flops`) and W (`power`)."""
    return flops / power


def joules_per_item(power: float, items: float) -> float:
    """Joules for each item, from W (`power`) and items/s (`items`)."""
    return power / items


def efficiency_gap(operations: Interval, power: Interval, flops: float, watts: float) -> Interval:
    """How many times more operations per joule a brain does than a processor (CLAIMS E13).

    Args:
        operations: of the brain, 1/s; power: of the brain, W.
        flops, watts: the processor's FLOP/s and power.
    """
    return operations / power / flop_per_joule(flops, watts)


def break_even_activity(platform: str, joules_per_mac: float) -> Interval:
    """Synaptic events per synapse and inference below which a neuromorphic chip needs less energy than multiply-adds.

    CLAIMS C4: an H100 at its peak needs 1.4 pJ for one, a Loihi 23.6 pJ for an event.

    Args:
        platform: name of the neuromorphic chip.
        joules_per_mac: energy of one multiply-add, J.
    """
    event = next(e for e in ENERGIES[platform] if e.per == "synaptic event")
    return joules_per_mac / event.joules
