"""A modulator: a substance that a nucleus releases, that fills a volume, and that changes parameters of what lies there.

    da = network.modulator("dopamine", Dopamine(), volume=[striatum, cortex_to_striatum], tick=1 * ms)
    da.released_by(vta, 2 * nM)
    da.receptor("D1", ec50=1 * uM)
    da.modulates(striatum, "v_th", Shift(by=-2 * mV), receptor="D1", low=-60 * mV)

A modulator acts at ticks, t = 0, tick, 2 · tick, …: at the beginning of the step from t, in this order,

1. its concentration advances over the tick that ended (at t = 0 none has), by its kinetics (`neuropil.model.modulation.kinetics`)
   and, over positions, by diffusion;
2. what was released since the last tick is added: by the nuclei's spikes stamped up to t, and by doses;
3. every parameter that it changes is computed anew: its value in the description goes through its effects, of all
   modulators in the order in which they were stated.

Until the next tick the parameters stay. A signal, or a dose, that a program gives at time t acts at the first tick from
t on, t itself included.
The concentration acts on neurons where they are, on synapses where their target neurons are. Without positions it is the same for
all (a well-mixed volume), or, with `diffusion=Apart()`, every cell's own.
Starting states are those of the description's own values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neuropil.errors import ModelError, NetworkError, NeuropilError, did_you_mean
from neuropil.model.base.distribution import Distribution, checked_values
from neuropil.model.base.grid import fault
from neuropil.model.cell.cell import Cell
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.modulation.bound_effect import BoundEffect, Target, model_of, must_be_positive
from neuropil.model.modulation.diffusion import Apart, Diffusion, Grid
from neuropil.model.modulation.effects import Change
from neuropil.model.modulation.kinetics import Kinetics
from neuropil.model.modulation.receptor import Receptor
from neuropil.model.neuron.composite import full_name, split
from neuropil.model.synapse.context import POST_TIME
from neuropil.units import DIMENSIONLESS, Dimension, Quantity, ms, um


class Surroundings(Protocol):
    """What a modulator asks of the network that it belongs to."""

    populations: dict[str, Population]
    projections: list[Projection]
    modulators: dict[str, Modulator]

    def _check_open(self, what: str) -> None: ...


@dataclass(frozen=True, eq=False)
class Release:
    """A nucleus: each of its spikes raises the mean concentration of the volume by `amount` (base units).

    Attributes:
        sites: int64[neurons], the cube (or the cell) into which each releases; None: everywhere alike.
        nucleus: the population whose spikes release.
    """

    nucleus: Population
    amount: float
    sites: np.ndarray | None = None

    def released(self, spikes: np.ndarray, grid: Grid) -> np.ndarray:
        """float64[grid.size], the rise that this many spikes (int64[neurons]) of each neuron make."""
        if self.sites is None:
            return np.full(grid.size, self.amount * float(spikes.sum()))
        return self.amount * grid.size * np.bincount(self.sites, spikes, grid.size)


class Modulator:
    """A modulator of a network, made by `Network.modulator`; see the module's text.

    Args:
        network: to which it belongs.
        name: unique in the network.
        kinetics, volume, tick, diffusion, cap: as of `Network.modulator`.

    Attributes:
        name, kinetics, diffusion: as given.
        tick: ms.
        populations, projections: its volume.
        cap: the most that may be supplied and released in a tick (base units, mean over the volume).
        releases, receptors, effects: what was declared, in order.
        grid: where its concentrations are.

    Raises:
        NetworkError, ModelError: a name, kinetics, volume, tick, diffusion or cap that does not fit.
    """

    def __init__(
        self, network: Surroundings, name: str, kinetics: Kinetics, volume: Any, tick: Any, diffusion: Diffusion | Apart | None, cap: Any
    ):
        if not isinstance(name, str) or not name or "/" in name:
            raise NetworkError("a modulator needs a name (text without '/')", got=name)
        where = f"modulator {name!r}"
        if isinstance(kinetics, type) and issubclass(kinetics, Kinetics):
            raise NetworkError(f"{where}: pass its kinetics, not their class", got=kinetics.__name__, fix=f"{kinetics.__name__}()")
        if not isinstance(kinetics, Kinetics):
            raise NetworkError(f"{where}: not kinetics", got=kinetics, expected="for example Dopamine() or FirstOrder(tau=200 * ms)")
        varied = [n for n in kinetics.spec.parameters if not isinstance(getattr(kinetics, n).value if isinstance(getattr(kinetics, n), Quantity) else None, (int, float))]
        if varied:
            raise NetworkError(f"{where}: parameters of its kinetics must be single numbers", got=f"{varied[0]} = {getattr(kinetics, varied[0])!r}", expected="one number")
        if diffusion is not None and not isinstance(diffusion, (Diffusion, Apart)):
            raise NetworkError(f"{where}: not a diffusion", got=diffusion, expected="for example Diffusion(0.3 * um**2 / ms, spacing=20 * um), or Apart()")
        self.network, self.name, self.kinetics, self.diffusion = network, name, kinetics, diffusion
        self.tick = self._number(tick, ms.dimension, "tick")
        if not self.tick > 0:
            raise NetworkError(f"{where}: the tick must be a positive time", got=tick)
        self.cap = np.inf if cap is None else self._number(cap, kinetics.dimension, "cap")
        if self.cap < 0:
            raise NetworkError(f"{where}: a cap cannot be negative", got=cap)
        if kinetics.rest < 0 and not kinetics.instant:
            raise NetworkError(f"{where}: a concentration at rest cannot be negative", got=kinetics.baseline)
        self.populations, self.projections = self._reached(volume)
        self.releases: list[Release] = []
        self.receptors: dict[str, Receptor] = {}
        self.effects: list[BoundEffect] = []
        reached = dict.fromkeys([*self.populations, *(p.target for p in self.projections)])
        self.grid = Grid.over(diffusion, list(reached), name)
        try:
            self.steps = kinetics.steps(self.tick, self.grid.fastest)
        except NeuropilError:
            raise
        except Exception as error:
            raise ModelError(f"{where}: {type(kinetics).__name__}.removal fails", got=f"{type(error).__name__}: {error}") from error

    def __repr__(self) -> str:
        return f"Modulator({self.name!r}, {self.kinetics.changed()}, {len(self.effects)} effects)"

    # --- declaring -----------------------------------------------------------------------------------------------

    def released_by(self, nucleus: Population, amount: Any, *, at: Any = None) -> Modulator:
        """Each spike of a population raises the mean concentration of the volume by `amount`.

        Args:
            at: lengths [neurons, axes], where each neuron releases (the whole `amount` into the cube there); of cells
                that are `Apart`, the number of the cell that each neuron reaches, in the order of the volume. Else everywhere alike.
            nucleus: a population of the network.
            amount: a concentration, not negative.

        Returns:
            This modulator, so that calls can be chained.

        Raises:
            NetworkError: not a population of this network, a negative amount, or positions outside of the volume.
        """
        self.network._check_open("released_by()")
        if not isinstance(nucleus, Population) or self.network.populations.get(nucleus.name) is not nucleus:
            raise NetworkError(f"modulator {self.name!r}: the nucleus is not a population of this network", got=nucleus)
        number = self._number(amount, self.kinetics.dimension, f"release by {nucleus.name}")
        if number < 0:
            raise NetworkError(f"modulator {self.name!r}: the amount that a spike releases must not be negative", got=amount)
        self.releases.append(Release(nucleus, number, None if at is None else self._sites(nucleus, at)))
        return self

    def receptor(self, name: str, *, ec50: Any, hill: float = 1.0) -> Modulator:
        """Declare a receptor, whose occupancy effects can depend on.

        Args:
            name: unique in the modulator.
            ec50: concentration at which half is bound.
            hill: Hill exponent.

        Returns:
            This modulator, so that calls can be chained.

        Raises:
            NetworkError: a name that is taken, or numbers that are not positive.
        """
        self.network._check_open("receptor()")
        where = f"receptor {name!r} of {self.name!r}"
        if not isinstance(name, str) or not name or name in self.receptors:
            raise NetworkError(f"modulator {self.name!r}: a receptor needs a unique name", got=name, fix=f"taken: {', '.join(self.receptors) or 'none'}")
        half, exponent = self._number(ec50, self.kinetics.dimension, where), self._number(hill, DIMENSIONLESS, f"{where}: hill")
        if not (half > 0 and exponent > 0):
            raise NetworkError(f"{where}: ec50 and hill must be positive", got=f"{half:g}, {exponent:g}")
        self.receptors[name] = Receptor(name, half, exponent)
        return self

    def modulates(
        self, target: Target | Iterable[Target], parameter: str, change: Change, *, receptor: str | None = None, low: Any = None, high: Any = None
    ) -> Modulator:
        """Let the modulator change a parameter of a population's neurons, or of a projection's synapse model.

        Args:
            target: of the volume; or several (`Network.project` returns a list).
            parameter: its name; of a part of a neuron "part.name".
            change: a function (value, level) -> value of quantities, or one of `neuropil.model.modulation.effects`. It must depend
                on nothing else: a checkpoint identifies it by its code and constants.
            receptor: whose occupancy the level is; the concentration itself, if None.
            low, high: bounds of the outcome, checked at every tick. (Time constants and capacitances must stay positive
                in any case.)

        Raises:
            NetworkError, UnitError: a target outside the volume, an unknown parameter, a change in the wrong unit.
        """
        self.network._check_open("modulates()")
        listed = list(target) if isinstance(target, (list, tuple)) else [target]
        if not listed:
            raise NetworkError(f"modulator {self.name!r}: no target to modulate", got=target, expected=f"some of {', '.join(p.name for p in self.volume)}")
        for one in listed:
            self.effects.append(self._effect(one, parameter, change, receptor, low, high))
        return self

    @property
    def volume(self) -> tuple[Target, ...]:
        """The populations and projections it reaches."""
        return (*self.populations, *self.projections)

    # --- dynamics ---------------------------------------------------------------------------------------------------

    def start(self) -> np.ndarray:
        """Concentrations at t = 0: the baseline."""
        return np.full(self.grid.size, self.kinetics.rest)

    def after(self, c: np.ndarray, signal: Any, released: np.ndarray, cap: float, *, first: bool = False) -> np.ndarray:
        """Concentrations a tick later: float64[grid.size].

        Args:
            signal: held over the tick, one number or float64[grid.size]; released: float64[grid.size], added at its end; cap: see the class.
            first: this is t = 0: no time has gone by.
            c: float64[grid.size], concentrations now, base units.
            cap: the most that may be supplied and released in this tick, base units.
        """
        given = 0.0 if first and not self.kinetics.instant else np.minimum(self.kinetics.supplied(signal, self.tick), cap)
        total, room = float(released.mean()), cap - float(np.mean(given))
        if total > room:
            released = released * (room / total)
        if first and not self.kinetics.instant:
            return c + released
        spread = self.grid.spread if self.grid.rate else None
        return self.kinetics.advance(c, given, self.tick, spread, self.steps) + released

    @property
    def signals(self) -> tuple[int, ...]:
        """The shape of a signal that is not one number: of cells that are `Apart` one each, in the order of the volume."""
        return self.grid.shape if isinstance(self.diffusion, Apart) else ()

    @property
    def watched(self) -> tuple[str, ...]:
        """Populations whose mean concentration is recorded; of a well-mixed volume the name of its one trace is ""."""
        return ("",) if self.grid.mixed else tuple(self.grid.voxels)

    def described(self) -> tuple[Any, ...]:
        """Everything that decides what it does, for fingerprints."""
        kinetics = self.kinetics
        values = {n: getattr(kinetics, n) for n in kinetics.spec.parameters}
        functions = [getattr(type(kinetics), n) for n in ("removal", "supplied", "advance")]
        diffusion = None if self.diffusion is None else (vars(self.diffusion), self.grid.origin, self.grid.voxels)
        volume = [p.name for p in self.volume]
        releases = [(r.nucleus.name, r.amount, r.sites) for r in self.releases]
        effects = [(type(e.target).__name__, e.target.name, e.parameter, e.change, e.receptor, e.low, e.high, e.order) for e in self.effects]
        return self.name, type(kinetics).__name__, values, functions, self.tick, diffusion, volume, releases, effects

    # --- checks ------------------------------------------------------------------------------------------------------

    def _number(self, value: Any, dimension: Dimension, what: str) -> float:
        number = checked_values(value, dimension, f"modulator {self.name!r}: {what}", ())
        if not isinstance(number, float):
            raise NetworkError(f"modulator {self.name!r}: {what} must be one number", got=value)
        return number

    def _reached(self, volume: Any) -> tuple[tuple[Population, ...], tuple[Projection, ...]]:
        populations: list[Population] = []
        projections: list[Projection] = []
        waiting = list(volume) if isinstance(volume, (list, tuple)) else [volume]
        while waiting:
            one = waiting.pop(0)
            if isinstance(one, (list, tuple)):
                waiting = [*one, *waiting]
            elif isinstance(one, Population) and self.network.populations.get(one.name) is one:
                populations.append(one)
            elif isinstance(one, Projection) and any(p is one for p in self.network.projections):
                projections.append(one)
            else:
                what = "a graded projection, which has no parameters" if isinstance(one, GradedProjection) else "objects of another network"
                raise NetworkError(f"modulator {self.name!r}: volume contains {what}", got=one, expected="populations and projections that spikes go through")
        if not populations and not projections:
            raise NetworkError(f"modulator {self.name!r}: its volume is empty", expected="populations and projections it reaches")
        return tuple(populations), tuple(projections)

    def _sites(self, nucleus: Population, at: Any) -> np.ndarray:
        where = f"modulator {self.name!r}: release sites of {nucleus.name}"
        if self.grid.mixed:
            raise NetworkError(f"{where}: a well-mixed volume cannot have release sites", fix="give the modulator a diffusion, or leave at= out")
        if isinstance(self.diffusion, Apart):
            cells = checked_values(at, DIMENSIONLESS, where, (nucleus.size,))
            if not isinstance(cells, np.ndarray) or not np.array_equal(cells, cells.round()) or cells.min() < 0 or cells.max() >= self.grid.size:
                raise NetworkError(f"{where}: one cell per neuron is needed", got=at, expected=f"{nucleus.size} whole numbers from 0 to {self.grid.size - 1}")
            return cells.astype(np.int64)
        positions = checked_values(at, um.dimension, where, (nucleus.size, len(self.grid.shape)))
        if not isinstance(positions, np.ndarray):
            raise NetworkError(f"{where}: one position per neuron is needed", got=at, expected=f"({nucleus.size}, {len(self.grid.shape)}) lengths")
        cubes = self.grid.cubes(positions)
        if np.any(cubes < 0):
            raise NetworkError(f"{where} lie outside of the volume", got=f"neuron {int(np.argmin(cubes))} at {positions[np.argmin(cubes)]} µm")
        return cubes

    def _effect(self, target: Any, parameter: Any, change: Any, receptor: Any, low: Any, high: Any) -> BoundEffect:
        where = f"modulator {self.name!r}"
        if not any(target is one for one in self.volume):
            reached = ", ".join(p.name for p in self.volume)
            raise NetworkError(f"{where}: the target is outside of the volume", got=target, expected=f"one of {reached}", fix="add it to volume=[...]")
        model = model_of(target, parameter)
        part, name = split(parameter)
        if name not in model.spec.parameters:
            known = [full_name(part, n) for n in model.spec.parameters]
            raise NetworkError(f"{where}: {target.name} ({type(model).__name__}) has no parameter {parameter!r}", fix=did_you_mean(parameter, known))
        if isinstance(target, Population) and isinstance(target.neuron, Cell) and not self.grid.mixed:
            raise NetworkError(
                f"{where}: cells with morphology share the parameters of their membranes", got=f"{self.diffusion!r} over {target.name}",
                fix="a modulator without diffusion for them",
            )  # fmt: skip
        if not callable(change):
            raise NetworkError(f"{where}: a change is a function of (value, level)", got=change, expected="for example Gain(by=0.5)")
        if receptor is not None and (not isinstance(receptor, str) or receptor not in self.receptors):
            raise NetworkError(f"{where} has no receptor {receptor!r}", fix=did_you_mean(receptor, self.receptors))
        base = getattr(model, name)
        if isinstance(target, Projection) and name == POST_TIME and not self.grid.mixed:
            raise NetworkError(f"{where}: the time over which activity is measured is one for all of {target.name}", got=parameter, fix="a modulator without diffusion")
        dimension, what = model.spec.parameters[name], f"bound of {target.name}.{parameter}"
        least = -np.inf if low is None else self._number(low, dimension, what)
        most = np.inf if high is None else self._number(high, dimension, what)
        if must_be_positive(name, dimension):
            least = max(least, float(np.nextafter(0.0, 1.0)))
        elif dimension == ms.dimension:
            least = max(least, 0.0)
        if least > most:
            raise NetworkError(f"{where}: low must be below high for {target.name}.{parameter}", got=f"low = {least:g}, high = {most:g}")
        order = sum(len(m.effects) for m in self.network.modulators.values())
        made = BoundEffect(self.name, self.kinetics.dimension, self.grid, target, parameter, change, None if receptor is None else self.receptors[receptor], least, most, order)
        self._try(made, base)
        return made

    def _try(self, effect: BoundEffect, base: Any) -> None:
        """What the change makes of one value in the middle: its unit, its shape; with whatever foreign error, said in ours."""
        value = float(base.quantile(0.5)) if isinstance(base, Distribution) else float(np.ravel(base.value)[0])
        c = effect.receptor.ec50 if effect.receptor is not None else self.kinetics.rest
        try:
            made = effect.outcome(value, c)
        except NeuropilError as error:
            raise type(error)(f"{effect.label}: {error.what}", got=error.got, expected=error.expected, fix=error.fix) from error
        except Exception as error:
            raise ModelError(f"{effect.label}: the change fails", got=f"{type(error).__name__}: {error}", fix="a function of (value, level), both quantities") from error
        if np.shape(made) != () or not isinstance(made, (int, float, np.number)):
            raise ModelError(f"{effect.label}: the change must return one number for one number", got=made)
        if not np.isfinite(made):
            raise ModelError(f"{effect.label}: the change returns a number that is not finite", got=f"{made} of {value:g}")


def check_modulators(modulators: Iterable[Modulator], probes: Iterable[str], step: float) -> list[NeuropilError]:
    """Faults: ticks that are not a multiple of the step (ms), and names of traces that probes have.

    Args:
        modulators: of the network.
        probes: of the network.
        step: time step, ms.
    """
    found: list[NeuropilError] = []
    for m in modulators:
        found += fault(m.tick, step, f"modulator {m.name!r}: its tick")
        found += [
            NetworkError(f"probe {trace!r} has the name of a modulator's trace", fix="probe(..., name=...)")
            for trace in (trace_name(m, p) for p in m.watched) if trace in probes
        ]  # fmt: skip
    return found


def trace_name(modulator: Modulator, population: str) -> str:
    """The name of the trace of a modulator's concentration (its mean over a population, over positions)."""
    return f"{modulator.name} in {population}" if population else modulator.name


def effects_on(modulators: Mapping[str, Modulator], target: Target) -> dict[str, tuple[BoundEffect, ...]]:
    """By parameter, the effects of a network's modulators on a target, in the order in which they were stated."""
    mine = [e for m in modulators.values() for e in m.effects if e.target is target]
    ordered = sorted(mine, key=lambda e: e.order)
    return {name: tuple(e for e in ordered if e.parameter == name) for name in dict.fromkeys(e.parameter for e in ordered)}
