"""Back to the start between trials: states of neurons and synapses, spikes under way, concentrations; what was learnt is kept."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np

from neuropil.engine.access.synaptic_state import SynapticState
from neuropil.engine.compose import compose
from neuropil.engine.core import Core
from neuropil.engine.exchange.spikes import EVENTS
from neuropil.engine.modulation.modulate import Modulation
from neuropil.errors import NetworkError, SimulationError, did_you_mean
from neuropil.model.network.network import Network
from neuropil.model.neuron.composite import split
from neuropil.plan.signature import Argument
from neuropil.plan.signature import state as state_array

States = dict[tuple[str, str, Argument], np.ndarray]
"""(population, part, array) -> values, as `Core.states` gives them."""


def starting_states(core: Core) -> States:
    """What neurons start from, found as at the start: by filling a machine anew, on which nothing runs."""
    for name in core.restarting:
        core.change(cells={**core.now.cells, name: core.now.cells[name].begun(core.plan.seed)})
    core.restarting.clear()
    twin = copy.copy(core)
    twin.machine = compose(core.now, core.layout, 1, core.exchange)
    return twin.states()


def kept_states(network: Network, keep: Iterable[str]) -> set[tuple[str, str, Argument]]:
    """The arrays of states that stay as they are: (population, part, name of the array).

    Args:
        keep: names of states such as "exc.theta".

    Raises:
        NetworkError: a state that does not exist.
        SimulationError: not a list of names.
    """
    if isinstance(keep, str) or not all(isinstance(name, str) for name in keep):
        raise SimulationError("keep names states of neurons", got=keep, expected='a list such as ["exc.theta"]')
    found = set()
    for name in keep:
        population, _, state = name.partition(".")
        states = network[population].neuron.spec.states
        if state not in states:
            raise NetworkError(f"keep: {population} has no state {state!r}", fix=did_you_mean(state, states))
        part, inner = split(state)
        found.add((population, part, state_array(inner)))
    return found


def begin_anew(
    core: Core, synaptic: SynapticState, modulation: Modulation, start: States, kept: set[tuple[str, str, Argument]], *, weights: bool, restart: bool
) -> None:
    """See `Simulation.reset`; all spikes up to now have been taken in.

    Args:
        start: from `starting_states`; kept: from `kept_states`.
        synaptic: weights and states of synapses.
        weights, restart: as of `Simulation.reset`.
    """
    end = core.step
    if restart:
        core.step = 0
        for log in core.logs:
            log.counters[EVENTS] = 0
    for key, values in start.items():
        if key not in kept:
            population, part, name = key
            core.scatter(core.plan.network[population], part, name, values)
    for store in core.per_synapse.values():
        store.reset(weights, end, core.step)
    if not weights:
        synaptic.packed.forget()
        for weights_of in core.structured:
            weights_of.set(None)
    _reset_modulators(modulation, core.step)  # after the synapses, whose parameters they change
    core.drop_spikes()


def _reset_modulators(modulation: Modulation, step: int) -> None:
    """Concentrations as at the start, and parameters as they follow from them; signals and caps that were set stay."""
    for running in modulation.running.values():
        running.begin()
    modulation.resume(step)
