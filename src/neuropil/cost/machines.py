"""Data sheets of processors, and the trends in them: how many are needed, and when a cluster will have grown enough."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from neuropil.cost.interval import Interval

TERA = 1e12


@dataclass(frozen=True)
class Machine:
    """A processor's data sheet.

    Attributes:
        fp64, fp32, fp64_tensor: peak FLOP/s.
        bandwidth: of its memory, bytes/s; memory: bytes; watts: of the board.
        year: of its introduction.
        name: of the processor.
        source: of the figures.
    """

    name: str
    year: int
    fp64: float
    fp32: float
    fp64_tensor: float
    bandwidth: float
    memory: float
    watts: float
    source: str

    def peak(self, precision: str, tensor: bool = False) -> float:
        """FLOP/s in "float32" or "float64"; tensor units do float64 matrix products only.

        Args:
            precision: of the numbers.
        """
        if precision == "float32":
            return self.fp32
        return self.fp64_tensor if tensor else self.fp64

    def ridge(self, precision: str) -> float:
        """FLOPs per byte in a precision above which arithmetic, below which memory is the limit."""
        return self.peak(precision) / self.bandwidth


P100 = Machine("P100", 2016, 5.3e12, 10.6e12, 5.3e12, 0.732e12, 16e9, 300, "NVIDIA data sheet, SXM2 (reported)")
V100 = Machine("V100", 2017, 7.8e12, 15.7e12, 7.8e12, 0.9e12, 32e9, 300, "NVIDIA data sheet, SXM2 (reported)")
A100 = Machine("A100", 2020, 9.7e12, 19.5e12, 19.5e12, 2.04e12, 80e9, 400, "NVIDIA data sheet, SXM4 80 GB (reported)")
H100 = Machine("H100", 2022, 34e12, 67e12, 67e12, 3.35e12, 80e9, 700, "NVIDIA data sheet, SXM5; CLAIMS F5")
H100_FP16_TENSOR = 989e12
"""Dense FP16 FLOP/s of its tensor units (data sheet; CLAIMS E13)."""
GENERATIONS = (P100, V100, A100, H100)

H100_ALL_IN_WATTS = 1275 * 1.15
"""A DGX H100 draws up to 10.2 kW for eight; times a data centre's overhead of 1.15 (both reported)."""

ARTICLE_YEAR = 2025
"""From which article 003 counts: 2025 + 15 = 2040, 2025 + 50 = 2075."""
CLUSTER = 1e5
"""GPUs in the largest training clusters of 2024 and 2025 (CLAIMS F5)."""

FP32_DOUBLING = 2.3
"""Years in which FP32 FLOP/s of processors double (article 003; Epoch, CLAIMS F6)."""
FP64_DOUBLING_ARTICLE = FP32_DOUBLING * math.log2(10)
"""The article's 7.6 years: its five times the area, doubled, read as ten doublings' worth of transistors in one."""


def doubling_time(generations: tuple[Machine, ...] = GENERATIONS, of: str = "fp64") -> float:
    """Years for a figure of the data sheets to double, by least squares of log2 against the year.

    Args:
        generations: in order of their years.
    """
    years = [m.year for m in generations]
    return float(1.0 / np.polyfit(years, [math.log2(getattr(m, of)) for m in generations], 1)[0])


def growth_between(first: Machine, last: Machine, of: str = "fp64") -> float:
    """Doubling time from two generations alone, years.

    Args:
        first, last: the generations.
        of: name of the figure.
    """
    return (last.year - first.year) / math.log2(getattr(last, of) / getattr(first, of))


def year_reached(factor: float, doubling: float, start: int = ARTICLE_YEAR) -> float:
    """When something that doubles every so many years has grown by a factor; `start` if it need not grow.

    Args:
        factor: of the growth.
        doubling: years.
        start: year.
    """
    return start + doubling * math.log2(max(factor, 1.0))


def year_interval(needed: Interval, doubling: float, available: float = CLUSTER, start: int = ARTICLE_YEAR) -> Interval:
    """The year in which `available` processors of the day do what `needed` H100s do.

    Args:
        doubling: years.
        start: year.
    """
    low, value, high = (year_reached(n / available, doubling, start) for n in (needed.low, needed.value, needed.high))
    return Interval(low, value, high)
