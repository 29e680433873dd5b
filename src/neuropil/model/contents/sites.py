"""Which site is meant, where a port, an input or a state exists several times in a neuron: checks of what a caller names."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import checked_values
from neuropil.model.cell.cell import Cell
from neuropil.model.cell.locations import location
from neuropil.model.connection.rule import Rule
from neuropil.model.contents.contents import Population
from neuropil.model.neuron.composite import Part
from neuropil.units import Quantity


def check_parameters(where: str, part: Part, size: int) -> None:
    """Refuse arrays of parameters that have neither one value per neuron nor, with several sites, one per site or one for each site of each neuron.

    Args:
        where: of which part; opens the error message.
        size: number of neurons.

    Raises:
        ModelError, UnitError: a shape or unit that does not fit.
    """
    for parameter, dimension in part.model.spec.parameters.items():
        value, name = getattr(part.model, parameter), f"{where}{parameter}"
        if part.sites > 1 and np.shape(getattr(value, "value", value)) == (part.sites,):
            checked_values(value, dimension, name, (part.sites,))
        else:
            checked_values(value, dimension, name, (size * part.sites,))


def started(value: Any, neuron: Any, state: str, size: int) -> Any:
    """Initial values of a cell's compartments, one for each of every cell, from an array that has fewer.

    One for each cell counts everywhere in it. Where only the nodes without membrane are left out, each starts as the compartment
    beside it does; it keeps no charge, so its potential after the first step does not depend on where it starts.

    Args:
        value: a quantity, a number, an array or a distribution.
        neuron: model of the population.
        state: its name.
        size: number of cells.

    Returns:
        The value, or for an array [cells · compartments].
    """
    if not isinstance(neuron, Cell) or neuron.spec.sites.get(state) != len(neuron):
        return value
    raw, own = value.value if isinstance(value, Quantity) else value, neuron.compartments
    count = len(own.numbers)
    if np.shape(raw) == (size,) and len(own) > 1:
        filled = np.repeat(np.asarray(raw), len(own))
    elif np.shape(raw) == (size * count,) and count < len(own):
        filled = np.asarray(raw).reshape(size, count)[:, own.beside].ravel()
    else:
        return value
    return Quantity(filled, value.dimension) if isinstance(value, Quantity) else filled


def named_site(index: int | None, pop: Population, name: str) -> int | None:
    """The site that an index names, None for all; a name with one site needs none.

    Args:
        index: of the site, or None.
        pop: the population.
        name: of the port, input or state.

    Raises:
        NetworkError: there is no such site.
    """
    sites = pop.sites(name)
    if index is not None and index >= sites:
        raise NetworkError(f"{pop.name} has no site {name}[{index}]", got=index, expected=f"0 … {sites - 1}")
    return None if sites == 1 else index


def edge_sites(given: Any, index: int | None, rule: Rule, n_source: int, pop: Population, port: str, label: str) -> np.ndarray | None:
    """The site of each edge: int64[edges], or None if the port exists once in each neuron.

    Args:
        given: whole numbers [edges].
        index: of a site in the port's name, or None.
        n_source: number of sources.
        pop: the target.
        port: its name.
        label: of the projection, for messages.

    Raises:
        NetworkError: a rule that lists no synapses, another number of sites, or one that does not exist.
    """
    what, sites = f"projection {label}: site", pop.sites(port)
    if index is not None:
        raise NetworkError(f"{what}s are given twice", got=f"{port}[{index}] and site=...", fix="leave one of them out")
    if not rule.listed:
        raise NetworkError(f"{what}s are given for a rule that does not list its synapses", got=type(rule).__name__, expected="Edges", fix=f'port="{port}[0]" names one site for all')
    array, shape = _whole_numbers(given, what), rule.array_shape(n_source, pop.size)
    if array.shape != shape:
        raise NetworkError(f"{what} needs one value per edge", got=array.shape, expected=shape)
    if array.size and (array.min() < 0 or array.max() >= sites):
        raise NetworkError(f"{what} points outside of {port}", got=int(array[(array < 0) | (array >= sites)][0]), expected=f"0 … {sites - 1}")
    return array if sites > 1 else None


def probed_sites(given: Any, pop: Population, variable: str, sites: int) -> np.ndarray | None:
    """The sites that a probe records: int64[n], None where there is only one.

    Args:
        given: whole numbers; None: all.
        pop: the population.
        variable: name of the state or expression.
        sites: how many of these each neuron has.

    Raises:
        NetworkError: a site that does not exist.
    """
    chosen = np.arange(sites) if given is None else _whole_numbers(given, "probe: sites")
    if chosen.size == 0 or chosen.min() < 0 or chosen.max() >= sites:
        raise NetworkError(f"probe: no such site of {pop.name}.{variable}", got=chosen.tolist(), expected=f"some of 0 … {sites - 1}")
    return chosen if sites > 1 or chosen.size > 1 else None


def located(target: Any, at: Any, sites: Any) -> np.ndarray:
    """The sites of a cell's potential at locations, which are its compartments there: int[n].

    Args:
        target: a population of cells with morphology.
        at: a location or text, or a list of these.
        sites: as of `Network.probe`; must be None.

    Raises:
        NetworkError: neurons without morphology, or sites as well.
        MorphologyError: a location that the cell does not have.
    """
    cell = getattr(target, "neuron", None)
    if not isinstance(cell, Cell):
        raise NetworkError("only cells with morphology have locations", got=target, fix="sites=[...] names sites by number")
    if sites is not None:
        raise NetworkError("sites are given twice", got="at=... and sites=...", fix="leave one of them out")
    listed = at if isinstance(at, (list, tuple)) else [at]
    return np.concatenate([np.atleast_1d(location(one).compartments(cell.compartments)) for one in listed])


def _whole_numbers(given: Any, what: str) -> np.ndarray:
    try:
        array = np.atleast_1d(np.asarray(given))
    except (ValueError, TypeError):
        raise NetworkError(f"{what}: not a list of whole numbers", got=given) from None
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise NetworkError(f"{what}: not a list of whole numbers", got=given)
    return array.astype(np.int64)
