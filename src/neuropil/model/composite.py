"""Neurons made of parts: what a network needs to know of one, whatever its parts are.

A population's neuron is either a `Neuron`, one set of equations, or a `Composite`: a cell with morphology, or a soma with
branches. A *part* is a model of which every neuron has one or several, its *sites*: the synapses of one kind along a
dendrite, the branches themselves. Outside, a part's ports, inputs and states carry its name: "tuft.exc", "branch.v".
"""

from __future__ import annotations

from dataclasses import dataclass

from neuropil.model.described import Described, Spec


@dataclass(frozen=True)
class Part:
    """A model and how many sites of it every neuron has.

    Attributes:
        model: its equations and parameters.
        sites: how many; with one site its ports need no index.
    """

    model: Described
    sites: int = 1


class Composite:
    """Base class of neurons made of parts."""

    @property
    def parts(self) -> dict[str, Part]:
        """The parts by name; the name "" is the neuron's own, whose ports carry no prefix."""
        raise NotImplementedError

    @property
    def spec(self) -> Spec:
        """What the whole declares to the outside: ports, inputs and states of the parts under their full names."""
        whole = Spec()
        for name, part in self.parts.items():
            inner, prefix = part.model.spec, f"{name}." if name else ""
            whole.ports.update({prefix + n: d for n, d in inner.ports.items()})
            whole.inputs.update({prefix + n: d for n, d in inner.inputs.items()})
            whole.states.update({prefix + n: s for n, s in inner.states.items()})
            whole.state_dimensions.update({prefix + n: d for n, d in inner.state_dimensions.items()})
            if part.sites > 1:
                whole.sites.update(dict.fromkeys((prefix + n for n in (*inner.ports, *inner.inputs, *inner.states)), part.sites))
        return whole
