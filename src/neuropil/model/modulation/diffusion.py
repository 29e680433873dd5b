"""Diffusion of a modulator between the cells of a volume: concentrations on a grid of cubes over their positions.

    dC/dt = D ∇²C,   no flux through the walls

Finite volumes: what flows from a cube into its neighbour is D / spacing² times their difference, so that what one
loses the other gains and the total changes by rounding alone. A cell is exposed to the concentration of its voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import checked_values
from neuropil.model.contents.contents import Population
from neuropil.units import ms, um

LARGEST_GRID = 1_000_000


class Diffusion:
    """How a modulator spreads.

    Args:
        coefficient: D, area per time: in tissue that in water over the square of the tortuosity, about 1.6 in brain
            (Nicholson & Syková 1998, Trends Neurosci 21:207). Dopamine: 0.763 µm²/ms in water (from memory), so 0.3.
        spacing: edge of a cube.
    """

    def __init__(self, coefficient: Any, spacing: Any):
        self.coefficient = _positive(coefficient, (um**2 / ms).dimension, "coefficient")
        self.spacing = _positive(spacing, um.dimension, "spacing")

    def __repr__(self) -> str:
        return f"Diffusion({self.coefficient:g} µm²/ms, cubes of {self.spacing:g} µm)"


class Apart:
    """In place of a diffusion: every cell has a concentration of its own, and nothing of it reaches others.

    A learning signal for each neuron, or a substance that acts on the cell that released it.
    """

    def __repr__(self) -> str:
        return "Apart()"


@dataclass(frozen=True, eq=False)
class Grid:
    """Where the modulator is: one well-mixed volume, cubic voxels over the positions of cells, or a voxel for every cell.

    Attributes:
        shape: voxels along each axis, () for a well-mixed volume; (cells,) where they are apart.
        rate: D / spacing², 1/ms.
        origin: float64[axes], corner, µm.
        spacing: side of a voxel, µm.
        voxels: population -> int64[neurons], the voxel of each.
    """

    shape: tuple[int, ...] = ()
    rate: float = 0.0
    origin: np.ndarray = field(default_factory=lambda: np.zeros(0))
    spacing: float = 1.0
    voxels: dict[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def over(cls, diffusion: Diffusion | Apart | None, populations: Sequence[Population], name: str) -> Grid:
        """The grid of a modulator; none without diffusion.

        Args:
            diffusion: as of `Network.modulator`.
            populations: that the modulator reaches.
            name: of the modulator, for messages.

        Raises:
            NetworkError: populations without positions or of different dimension, or too many cubes.
        """
        if diffusion is None:
            return cls()
        if isinstance(diffusion, Apart):
            first = np.cumsum([0, *(pop.size for pop in populations)])
            return cls((int(first[-1]),), voxels={pop.name: np.arange(a, a + pop.size) for a, pop in zip(first, populations, strict=False)})
        for pop in populations:
            if pop.positions is None:
                fix = f"network.population({pop.name!r}, ..., positions=xyz * um), or leave diffusion out"
                raise NetworkError(f"modulator {name!r} diffuses, but {pop.name} has no positions", fix=fix)
        axes = {pop.positions.shape[1] for pop in populations if pop.positions is not None}
        if len(axes) != 1:
            raise NetworkError(f"modulator {name!r}: positions of its populations differ in dimension", got=sorted(axes))
        everywhere = np.concatenate([pop.positions for pop in populations if pop.positions is not None])
        origin = everywhere.min(axis=0)
        shape = tuple(int(n) for n in np.floor((everywhere.max(axis=0) - origin) / diffusion.spacing) + 1)
        if np.prod([float(n) for n in shape]) > LARGEST_GRID:
            got = f"{' × '.join(map(str, shape))} cubes of {diffusion.spacing:g} µm"
            raise NetworkError(f"modulator {name!r}: the grid is too fine", got=got, expected=f"at most {LARGEST_GRID:,}", fix="a larger spacing")
        made = cls(shape, diffusion.coefficient / diffusion.spacing**2, origin, diffusion.spacing)
        made.voxels.update({pop.name: made.cubes(pop.positions) for pop in populations if pop.positions is not None})
        return made

    @property
    def size(self) -> int:
        """Number of concentrations."""
        return int(np.prod(self.shape, dtype=int))

    @property
    def mixed(self) -> bool:
        """There is one concentration for all."""
        return not self.shape

    @property
    def fastest(self) -> float:
        """The fastest rate of the spread, 1/ms: that of a checkerboard."""
        return 4.0 * len(self.shape) * self.rate

    def cubes(self, positions: Any) -> np.ndarray:
        """int64[n]: the voxel of each of some `positions` (µm, [n, axes]); -1 outside."""
        at = np.floor((np.asarray(positions, float) - self.origin) / self.spacing).astype(np.int64)
        inside = np.all((at >= 0) & (at < self.shape), axis=1)
        return np.where(inside, np.ravel_multi_index(tuple(np.where(inside[:, None], at, 0).T), self.shape), -1)

    def spread(self, c: np.ndarray) -> np.ndarray:
        """d/dt by diffusion of the concentrations `c` (base units, float64[size]): float64[size], 1/ms."""
        field = c.reshape(self.shape)
        change = np.zeros_like(field)
        for axis in range(field.ndim):
            flow = self.rate * np.diff(field, axis=axis)
            low, high = _but_last(axis, field.ndim), _but_first(axis, field.ndim)
            change[low] += flow
            change[high] -= flow
        return change.ravel()

    def at(self, c: np.ndarray, population: str) -> np.ndarray:
        """float64[neurons]: the concentration at each cell of a population, of the concentrations `c` (float64[size])."""
        here: np.ndarray = c[self.voxels[population]]
        return here

    def mean(self, c: np.ndarray, population: str) -> float:
        """The mean over the cells of a population of the concentrations `c` (float64[size])."""
        return float(c[0] if self.mixed else self.at(c, population).mean())


def _but_last(axis: int, axes: int) -> tuple[slice, ...]:
    return tuple(slice(0, -1) if a == axis else slice(None) for a in range(axes))


def _but_first(axis: int, axes: int) -> tuple[slice, ...]:
    return tuple(slice(1, None) if a == axis else slice(None) for a in range(axes))


def _positive(value: Any, dimension: Any, name: str) -> float:
    number = checked_values(value, dimension, f"Diffusion: {name}", ())
    if not isinstance(number, float) or not number > 0:
        raise NetworkError(f"Diffusion: {name} must be a positive number", got=value)
    return number
