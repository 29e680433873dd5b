"""Whether a population, view, projection or stimulus is of a network: things of two networks may have the same name."""

from __future__ import annotations

from typing import Any

from neuropil.errors import NetworkError
from neuropil.model.contents.contents import Population, Projection, StimulusConnection
from neuropil.model.contents.population import View
from neuropil.model.network.network import Network


def require_member(networks: tuple[Network, ...], given: Any, what: str) -> None:
    """Refuse what is of another network; names, and what is none of these things, are for the caller to look up.

    Args:
        networks: a description and copies of it: what is of any of them is accepted.
        given: whatever the caller passed.
        what: the call, for messages.

    Raises:
        NetworkError: says of what name, and how to name what was meant.
    """
    thing = given.population if isinstance(given, View) else given
    if not isinstance(thing, (Population, Projection, StimulusConnection)):
        return
    for network in networks:
        held = network.populations.values() if isinstance(thing, Population) else (*network.projections, *network.graded, *network.drives)
        if any(thing is one for one in held):
            return
    of_view = isinstance(given, View)
    raise NetworkError(
        f"{what}: {thing.name!r} belongs to another network", got=repr(given), expected=f"of {networks[0].name!r}, which the simulation was made of, or its name",
        fix=f"simulation.network[{thing.name!r}][indices]" if of_view else f"simulation.network[{thing.name!r}]" if isinstance(thing, Population) else repr(thing.name),
    )  # fmt: skip
