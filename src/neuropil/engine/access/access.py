"""What may be read and set of a simulation between its steps: states, drives, synapses, modulators."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.engine.access.arguments import numbers
from neuropil.engine.access.synaptic_access import SynapticAccess
from neuropil.engine.caller import between_steps
from neuropil.engine.modulation.modulate import Modulation
from neuropil.engine.modulation.running import RunningModulator
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.base.distribution import axes
from neuropil.model.contents.contents import Population, Projection
from neuropil.model.contents.population import View
from neuropil.model.neuron.composite import split
from neuropil.model.synapse.context import SignalValue, reads
from neuropil.plan.signature import state
from neuropil.units import DIMENSIONLESS, Quantity

OWN = ("plasticity", "interrupted", "recorder", "wall_seconds")
"""What of a simulation that is made changes: by the caller the first, by itself the rest."""


class Access(SynapticAccess):
    """The part of a `Simulation` that looks into its network, and touches it."""

    _modulation: Modulation
    _made = False
    """Whether it has been made: from then on nothing but what changes can be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would have no effect: a misspelt name, or what was decided when the simulation was made."""
        if self._made and not name.startswith("_") and name not in OWN:
            got = f"{name} = {value!r}"
            if not hasattr(self, name):
                raise SimulationError(f"a Simulation has no attribute {name!r} to set", got=got, fix=did_you_mean(name, OWN[:1]))
            raise SimulationError(f"Simulation.{name} cannot be set", got=got, fix="make a new Simulation; set_state, set_drive, set_weights and set_synapses change this one")
        super().__setattr__(name, value)

    def state(self, population: str | Population | View, variable: str) -> Quantity:
        """A state of every neuron of a population or view, in order; of one with several sites, all sites neuron by neuron.

        A state of a cell's compartments ("v", or "Ih.m" of a channel) has a site in every compartment, in the order of
        `Cell.compartments`; NaN where the channel is not.

        Args:
            variable: full name of the state ("v", "branch.v", "Ih.m").

        Returns:
            float64[neurons · sites], with its unit.

        Raises:
            NetworkError: a population or a state that does not exist.
        """
        pop = self._population(population)
        part, name = self._variable(pop, variable)
        values = self.core.gather(pop, part, state(name))
        if isinstance(population, View):
            values = values.reshape(pop.size, -1)[population.indices].ravel()
        return Quantity(values, pop.neuron.spec.state_dimensions[variable])

    @between_steps
    def set_state(self, population: str | Population | View, variable: str, value: Any) -> None:
        """Set a state of the neurons of a population or view.

        Args:
            population: or its name, or a view of it.
            variable: full name of the state.
            value: in the state's unit: one for all, or [neurons · sites] as `state` gives it (NaN where a channel is not).

        Raises:
            NetworkError: a population or a state that does not exist.
            ModelError, UnitError, SimulationError: a value that does not fit.
        """
        pop = self._population(population)
        among = population.indices if isinstance(population, View) else np.arange(pop.size)
        part, name = self._variable(pop, variable)
        dimension, shape = pop.neuron.spec.state_dimensions[variable], (among.size * pop.sites(variable),)
        raw = value.value if isinstance(value, Quantity) else value
        if axes(value) and np.shape(raw) == shape and self.core.of_compartments(pop, part):
            raw = np.where(self.core.present(pop, variable).reshape(pop.size, -1)[among].ravel(), raw, 0.0)
            value = Quantity(raw, value.dimension) if isinstance(value, Quantity) else raw
        checked = numbers(value, dimension, f"{pop.name}.{variable}", shape)
        values = self.core.gather(pop, part, state(name)).reshape(pop.size, -1)
        values[among] = np.broadcast_to(checked, shape).reshape(among.size, -1)
        self.core.scatter(pop, part, state(name), values.ravel())

    @between_steps
    def set_drive(self, name: str, value: Any) -> None:
        """Set the amplitude of a stimulus that is a current, or the weight of a `Regular` one.

        Args:
            name: of the stimulus connection.
            value: in the unit of the input or port: one, or one per driven neuron.

        Raises:
            NetworkError: no such stimulus.
            ModelError, UnitError, SimulationError: a value that does not fit.
        """
        found = [j for j, d in enumerate(self.network.drives) if isinstance(name, str) and d.name == name]
        settable = {self.network.drives[j].name for j in self.core.machine.amplitudes}
        if not found or found[0] not in self.core.machine.amplitudes:
            raise NetworkError(f"no drive {name!r} whose amplitude can be set", fix=did_you_mean(name, settable))
        drive = self.network.drives[found[0]]
        spec = drive.target.neuron.spec
        dimension = spec.inputs[drive.input] if drive.input else spec.ports[str(drive.port)]
        checked = numbers(value, dimension, f"drive {name!r}", (drive.size,))
        self.core.set_amplitude(found[0], np.broadcast_to(drive.everywhere(checked), (drive.target.size,)))

    @between_steps
    def set_modulator(self, projection: str | Projection, value: float) -> None:
        """Set the signal that the synapses of a projection read as `modulator`.

        Args:
            projection: or its name.
            value: dimensionless number.

        Raises:
            NetworkError: no such projection, or its synapses do not read a modulator.
        """
        self._require_own(projection, "set_modulator")
        name = projection.name if isinstance(projection, Projection) else projection
        knowing = {s.projection.name: s for s in self.core.per_synapse.values() if reads(s.program.traced.spec.inputs, SignalValue)}
        if not isinstance(name, str) or name not in knowing:
            raise NetworkError(f"no projection {name!r} whose synapses read a modulator", fix=did_you_mean(name, knowing))
        knowing[name].signal[0] = float(numbers(value, DIMENSIONLESS, "the modulator", ()))

    @property
    def modulators(self) -> dict[str, RunningModulator]:
        """The network's modulators as they run, by name: give them signals and doses, read concentrations, set caps."""
        return self._modulation.running

    def _population(self, population: str | Population | View) -> Population:
        self._require_own(population)
        name = population.name if isinstance(population, (Population, View, Projection)) else population
        if isinstance(name, str) and name not in self.network.populations and any(p.name == name for p in self.network.projections):
            raise NetworkError(f"{name!r} is a projection, not a population", fix="synapses() reads the states of its synapses, set_synapses() sets them")
        return self.network[name]

    def _variable(self, pop: Population, variable: str) -> tuple[str, str]:
        spec = pop.neuron.spec
        if not isinstance(variable, str) or variable not in spec.states:
            raise NetworkError(f"{pop.name} has no state {variable!r}", fix=did_you_mean(variable, spec.states))
        return split(variable)
