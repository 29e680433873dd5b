"""What a network holds, by kind and in the order in which it was added."""

from __future__ import annotations

from neuropil.errors import NetworkError, did_you_mean
from neuropil.model.contents.contents import Population, Probe, Projection, StimulusConnection
from neuropil.model.contents.graded import GradedProjection
from neuropil.model.modulation.modulator import Modulator
from neuropil.model.network.coupling import Coupling
from neuropil.model.probe.upkeep import Normalisation, SynapseProbe


class Contents:
    """The part of a `Network` that is read where one is copied, changed or checked.

    Args:
        name: of the network.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.populations: dict[str, Population] = {}
        self.projections: list[Projection] = []
        self.graded: list[GradedProjection] = []
        self.drives: list[StimulusConnection] = []
        self.probes: list[Probe] = []
        self.synapse_probes: list[SynapseProbe] = []
        self.normalisations: list[Normalisation] = []
        self.couplings: list[Coupling] = []
        self.modulators: dict[str, Modulator] = {}

    @property
    def size(self) -> int:
        """Number of neurons."""
        return sum(p.size for p in self.populations.values())

    def __getitem__(self, name: str) -> Population:
        try:
            return self.populations[name]
        except (KeyError, TypeError):
            raise NetworkError(f"the network has no population {name!r}", fix=did_you_mean(name, self.populations)) from None
