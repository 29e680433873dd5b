"""States of neurons, and settings of their stimuli, as a checkpoint holds them."""

from __future__ import annotations

import numpy as np

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.signature import Argument


class NeuronStates:
    """States of neurons, by population, part and array.

    Args:
        core: holds them.
    """

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """One value per site of every neuron."""
        saved: Arrays = {}
        for (population, part, array), values in self.core.states().items():
            group = saved.setdefault(population, {})
            assert isinstance(group, dict)
            group[full_name(part, array.label)] = values
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned; the `step` does not matter."""
        for population, group in arrays.items():
            assert isinstance(group, dict)
            for name, values in group.items():
                part, label = split(name)
                assert isinstance(values, np.ndarray)
                self.core.scatter(self.core.plan.network[population], part, Argument.labelled(label), values)


class Amplitudes:
    """Amplitudes of stimuli that can be set between steps.

    Args:
        core: holds them.
    """

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """[sites, neurons] of each, by its place in the network."""
        return {str(stimulus): self.core.amplitude(stimulus) for stimulus in self.core.machine.amplitudes}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned; the `step` does not matter."""
        for stimulus, values in arrays.items():
            assert isinstance(values, np.ndarray)
            self.core.set_amplitude(int(stimulus), values)
