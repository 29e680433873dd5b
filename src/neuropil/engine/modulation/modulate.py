"""Modulators while a network runs: what their operations cannot do, and what is asked of them between steps.

Levels and effects are operations of the network's program (`neuropil.engine.effects.level`, `modulated_target`). Effects on parameters that are
drawn for each synapse are carried out between chunks; where a network has some, its ticks end chunks, and all is done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from neuropil.engine.caller import CallerGuard
from neuropil.engine.core import Core
from neuropil.engine.effects.modulated_target import ModulatedTarget
from neuropil.engine.modulation.modulated import Modulated
from neuropil.engine.modulation.running import ByName, RunningModulator
from neuropil.engine.modulation.targets import changed_targets, drawn_synapses
from neuropil.engine.saved import Arrays, AsDescribed, group
from neuropil.errors import NeuropilError
from neuropil.model.contents.contents import Population
from neuropil.model.modulation.modulator import effects_on
from neuropil.plan.plan import Plan

FAR = 1 << 62


class Modulation(AsDescribed):
    """All modulators of a simulation.

    Args:
        plan: of the network; core, guard: of the simulation.

    Attributes:
        running: by name.
        due: the step of the next tick that ends a chunk; far away if none does.
    """

    named_by = "modulator"

    def __init__(self, plan: Plan, core: Core, guard: CallerGuard):
        self.plan, self.core, self.machine = plan, core, core.machine
        self.running = ByName({name: RunningModulator(level, guard) for name, level in core.machine.levels.items()})
        self.between: list[Modulated] = [*drawn_synapses(core)]
        self.due = self._next(0)
        # The first tick computes also what has not moved: another function may round otherwise, and what goes on from a checkpoint would have other bits.
        for part in self.machine.effects:
            part.forget()

    def _next(self, step: int) -> int:
        """The first step from `step` on whose tick ends a chunk."""
        return min((-(-step // r.level.every) * r.level.every for r in self.running.values()), default=FAR) if self.between else FAR

    @property
    def room(self) -> int:
        """Steps in which no more concentrations are recorded than there is room for."""
        return min((r.level.room for r in self.running.values()), default=FAR)

    def is_tick(self, step: int) -> bool:
        """Whether any modulator acts at a step."""
        return any(step % r.level.every == 0 for r in self.running.values())

    def tick(self, step: int) -> None:
        """What is due at this step, before it runs; its operations do not repeat it.

        Raises:
            SimulationError, ModelError: an effect that leaves its bounds, or another fault.
        """
        self.due = self._next(step + 1)  # first: a tick that fails is not repeated
        self.core.ticked[:] = [step] * len(self.core.ticked)
        for level in self.machine.levels.values():
            level.advance(step, level.ticks)
        for part in self.machine.effects:
            part.act(step, part.ticks)
        self._raise(step)
        ticking = {name for name, r in self.running.items() if step % r.level.every == 0}
        self._act_between(ticking, step)

    def _raise(self, step: int) -> None:
        for part in self.machine.effects:
            part.explain(step)

    def fault(self, step: int) -> NeuropilError | None:
        """What was wrong at the tick of a step, as the error to raise; None: nothing after all."""
        try:
            self._raise(step)
        except NeuropilError as error:
            return error
        return None

    def _act(self, step: int, parts: Iterable[ModulatedTarget]) -> None:
        """Let the present levels act on some parts."""
        for part in parts:
            part.act(step)
        self._raise(step)

    def _act_between(self, ticking: set[str], step: int) -> None:
        concentrations = {name: r.level.c[0] for name, r in self.running.items()}
        for target in self.between:
            if ticking & target.modulators:
                target.act(concentrations, step)

    def check(self, population: Population, values: Mapping[str, Any]) -> None:
        """Refuse values of parameters for which an effect would leave its bounds now.

        Args:
            population: whose.
            values: by full name: a number, or float64[sites · neurons].

        Raises:
            SimulationError: names the effect.
        """
        for name, effects in effects_on(self.plan.network.modulators, population).items():
            value: Any = values.get(name)
            for effect in effects if value is not None else ():
                local = effect.local(self.running[effect.modulator].c)
                each = np.tile(local, max(1, np.size(value) // population.size)) if np.ndim(local) else local
                value = effect.apply(value, each, self.core.step * self.plan.dt)

    def renew(self, act: bool = True) -> None:
        """Start from values of parameters of neurons that have been changed.

        Args:
            act: as what was due has acted; False: concentrations will be others.
        """
        acting = act and self._acted
        changed_targets(self.core)
        # What kernels read may be of other values, or of other concentrations. Parameters of synapses cannot be set, and nothing there follows from those of neurons: what
        # they hold is what effects have made of them.
        parts = [part for part in self.machine.effects if not acting or part not in self.machine.synaptic]
        for part in parts:
            part.forget()
        for target in self.between if not acting else ():
            target.forget()
        if acting:
            self._act(self.core.step, parts)
            self._act_between(set(self.running), self.core.step)

    @property
    def _acted(self) -> bool:
        """Whether the tick at t = 0 has been."""
        return self.core.step > 0 or 0 in self.core.ticked

    def flush(self, held: int | None = None) -> list[np.ndarray]:
        """Concentrations sampled at the ticks since the last flush: [ticks, 1] for every trace.

        Args:
            held: the step whose tick failed, whose samples stay here.
        """
        made = []
        for running in self.running.values():
            samples = running.level.flush(int(held is not None and held % running.level.every == 0))
            made += [samples[:, j : j + 1] for j in range(samples.shape[1])]
        return made

    def save(self) -> Arrays:
        """What a checkpoint needs, by name of modulator."""
        return {name: running.save() for name, running in self.running.items()}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore what `save` returned at a step: the parameters are again what they were.

        Args:
            arrays: by name of modulator.
            step: of the checkpoint.
        """
        for name in arrays:
            self.running[name].restore(group(arrays, name))
        self.resume(step)

    def free(self, name: str) -> frozenset[str]:
        """What may be set of the modulator `name`."""
        return frozenset(("signal", "cap"))

    def resume(self, step: int) -> None:
        """Go on from a step with the concentrations of the moment, which have acted on the parameters unless it is the first."""
        self.core.ticked[:] = [-1] * len(self.core.ticked)
        if self.running and step:
            self._act(step, self.machine.effects)
            self._act_between(set(self.running), step)
        for synapses in () if step else self.core.synaptic:
            synapses.begin()
        self.due = self._next(step)
