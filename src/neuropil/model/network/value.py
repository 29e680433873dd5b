"""A network as a value: copies that are independent, copies that refuse changes, files, and errors for names that it does not have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Self

from neuropil.errors import MissingNameError, NetworkError, did_you_mean
from neuropil.model.base.shown import Shown
from neuropil.model.network.contents import Contents
from neuropil.model.network.replace import Changes, duplicate, replaced

_ELSEWHERE = {
    **dict.fromkeys(("run", "simulate"), "neuropil.run(network, 1000 * ms), or Simulation(network).run(1000 * ms)"),
    **dict.fromkeys(("connect", "synapses", "synapse"), "network.project(source, target, rule, weight=..., delay=..., port=...)"),
    **dict.fromkeys(("record", "monitor"), 'network.probe(population, "v"); spikes need no probe'),
    **dict.fromkeys(("dt", "seed", "threads", "precision"), "an option of Simulation and run: run(network, 1000 * ms, dt=0.05 * ms, seed=3)"),
    "neurons": "network.populations, or network.size", "add": "network.population, project, stimulate or probe", "plot": "neuropil.run(network, 1000 * ms).plot()",
}  # fmt: skip
"""What people call methods of a network, and where it is done."""


class NetworkValue(Contents, Shown):
    """The part of a `Network` that is not about what it holds."""

    _frozen: bool

    def replace(
        self, *, name: str | None = None, populations: Changes | None = None, projections: Changes | None = None, drives: Changes | None = None
    ) -> Self:
        """An independent copy in which some things are described anew; everything else is carried over.

            net.replace(populations={"exc": {"tau_m": 12 * ms, "size": 400}}, projections={"exc→inh": {"weight": 2 * pA}})

        Args:
            populations: by name, parameters of the neurons (of a part or a channel "part.name"), or `neuron`, `size`,
                `initial`, `positions` as in `population`.
            projections: by name, parameters of the synapse model, or `rule`, `weight`, `delay`, `site`, `synapse`, `clock_driven`,
                `response_delay`, `structure` as in `project`.
            drives: by name, `stimulus` or `weight` as in `stimulate`.
            name: of the copy; None: the same.

        Raises:
            NetworkError, ModelError, UnitError: an unknown name; a value that does not fit; arrays, lists of neurons or
                concentrations of single neurons that do not fit a population's new size.
        """
        return replaced(self, name, populations, projections, drives)

    def __copy__(self) -> Self:
        return duplicate(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_frozen": False}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"Network has no attribute {name!r}")
        use = _ELSEWHERE.get(name)
        known = [n for n in (*vars(self), *dir(type(self))) if not n.startswith("_")]
        raise MissingNameError(f"a Network has no {name!r}", fix=use or did_you_mean(name, known))

    def __setattr__(self, name: str, value: Any) -> None:
        if "_frozen" in self.__dict__:
            self._check_open(name)
        if "citation" in self.__dict__ and name not in self.__dict__:  # the last that is set of one that is made
            fix = _ELSEWHERE.get(name) or did_you_mean(name, [n for n in self.__dict__ if not n.startswith("_")])
            raise NetworkError(f"a Network has no attribute {name!r} to set", got=f"{name} = {value!r}", fix=fix)
        super().__setattr__(name, value)

    def frozen(self) -> Self:
        """A copy that refuses changes."""
        twin = duplicate(self)
        twin._frozen = True
        return twin

    def _check_open(self, what: str) -> None:
        """Refuse a change of what a simulation runs."""
        if self._frozen:
            raise NetworkError(
                f"{what}: this is the network of a simulation and cannot be changed",
                fix="describe everything first, or change a copy (copy.copy(network)) and make a new Simulation of it",
            )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the description to a file, as plain data: `load_network` reads it. Nothing of a simulation is in it (`Simulation.snapshot`).

        Classes and functions that are not of the package are written as text, and executed by `load_network` only if its caller says so.

        Args:
            path: of the file; one that exists is replaced.

        Returns:
            The path.

        Raises:
            NetworkError: something that cannot be written as data, named; nothing is written then. StorageError: the system refused.
        """
        from neuropil.model.network.save import (
            save_network,  # files are read and written by few programs that describe networks
        )

        return save_network(self, path)
