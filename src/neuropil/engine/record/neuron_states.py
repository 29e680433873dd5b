"""States of neurons, and settings of their stimuli, as a checkpoint holds them."""

from __future__ import annotations

from neuropil.engine.core import Core
from neuropil.engine.saved import Arrays, AsDescribed, array, group
from neuropil.model.neuron.composite import full_name, split
from neuropil.plan.signature import Argument


class NeuronStates(AsDescribed):
    """States of neurons, by population, part and array.

    Args:
        core: holds them.
    """

    named_by = "population"

    def __init__(self, core: Core):
        self.core = core

    def save(self) -> Arrays:
        """One value per site of every neuron."""
        saved: Arrays = {}
        for (population, part, argument), values in self.core.states().items():
            saved.setdefault(population, {})
            group(saved, population)[full_name(part, argument.label)] = values
        return saved

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned; the `step` does not matter."""
        for population in arrays:
            own = group(arrays, population)
            for name in own:
                part, label = split(name)
                self.core.scatter(self.core.plan.network[population], part, Argument.labelled(label), array(own, name))


class Amplitudes(AsDescribed):
    """Amplitudes of stimuli that can be set between steps.

    Args:
        core: holds them.
    """

    named_by, overrides = "stimulus", True

    def __init__(self, core: Core):
        self.core = core
        self.index_of = {core.plan.network.drives[j].name: j for j in core.machine.amplitudes}

    def save(self) -> Arrays:
        """[sites, neurons] of each, by its name."""
        return {name: {"amplitude": self.core.amplitude(j)} for name, j in self.index_of.items()}

    def restore(self, arrays: Arrays, step: int) -> None:
        """Restore the `arrays` that `save` returned; the `step` does not matter."""
        for name in arrays:
            self.core.set_amplitude(self.index_of[name], array(group(arrays, name), "amplitude"))
