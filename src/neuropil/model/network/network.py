"""A network: populations, the projections between them, what drives them and what is recorded.

A network is a value that a program builds up and hands to an executor. It holds no simulation state, touches nothing
global, and two networks are independent of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neuropil.errors import NetworkError
from neuropil.model.base.distribution import checked_values
from neuropil.model.connection.rule import Rule
from neuropil.model.connection.structure import Rewiring
from neuropil.model.contents.contents import Population, Probe, Projection, StimulusConnection, Stream
from neuropil.model.contents.graded import Graded, GradedProjection
from neuropil.model.contents.own_noise import own_noise, refuse_noise
from neuropil.model.contents.population import View, whole
from neuropil.model.contents.recordable import Asked, Recordable, checked_time
from neuropil.model.contents.windows import window_drives
from neuropil.model.modulation.diffusion import Apart, Diffusion
from neuropil.model.modulation.kinetics import Kinetics
from neuropil.model.modulation.modulator import Modulator
from neuropil.model.network.coupling import Coupling, coupled, end
from neuropil.model.network.describe import described_drive, described_population, described_projection, indices_within
from neuropil.model.network.graded import described_graded
from neuropil.model.network.junction import Junction
from neuropil.model.network.value import NetworkValue
from neuropil.model.neuron.composite import Composite, indexed
from neuropil.model.neuron.neuron import Neuron
from neuropil.model.probe.named import recordable
from neuropil.model.probe.upkeep import Normalisation, SynapseProbe, normalisation, one_projection, synapse_probe
from neuropil.model.stimulus.stimulus import Stimulus
from neuropil.model.synapse.synapse import Synapse
from neuropil.units import ms


class Network(NetworkValue):
    """A described network; see the methods for what it can hold.

    `copy.copy`, `copy.deepcopy` and `replace` give independent networks; a network can be pickled, if the functions that it holds
    (probabilities by distance, effects of modulators) stand at the top level of a module. A `Simulation` keeps a copy that refuses changes.

    Args:
        name: shown in results.

    Attributes:
        populations, projections, graded, drives, probes, synapse_probes, normalisations, couplings, modulators: what was added, in order.
        published: rates in Hz by population that the model's paper reports (shown beside the measured ones).
        citation: the paper.

    Raises:
        NetworkError: a name that is not text, or published rates that are not a dict.
    """

    def __init__(self, name: str = "network", *, published: dict[str, float] | None = None, citation: str = ""):
        if not isinstance(name, str):
            raise NetworkError("a network's name must be text", got=name)
        if published is not None and not isinstance(published, dict):
            raise NetworkError("published must be a dict of rates in Hz by population", got=published)
        self._frozen = False
        super().__init__(name)
        self.published = dict(published or {})
        self.citation = citation

    def __repr__(self) -> str:
        return f"Network({self.name!r}, {self.size} neurons, {len(self.projections) + len(self.graded)} projections)"

    # --- building ------------------------------------------------------------------------------------------------

    def population(
        self, name: str, neuron: Neuron | Composite, size: int, *, initial: dict[str, Any] | None = None, positions: Any = None
    ) -> Population:
        """Add `size` neurons of one model.

        Args:
            name: unique; used in results and on the command line.
            neuron: a model instance; of a cell, as it is now: what is painted on it later does not count. Array parameters must have
                one value per neuron; those of a part with several sites one per site, or one for every site of every neuron,
                neuron by neuron.
            initial: initial values by state: quantities, arrays or distributions. An array for a cell's "v" has a value for
                each cell, or one for each compartment of each (nodes without membrane may be left out).
            positions: quantity of shape [size, axes], for rules that depend on distance.

        Returns:
            The population, to be passed to `project`, `stimulate` and `probe`.

        Raises:
            NetworkError, UnitError: a name taken, an empty population, a shape or unit that does not fit.
        """
        self._check_open("population()")
        if isinstance(name, str) and name in self.populations:
            raise NetworkError(f"there is a population {name!r} already", fix="give this one another name")
        pop = described_population(name, neuron, size, initial, positions, self.size)
        self.populations[name] = pop
        self.drives.extend(own_noise(pop))
        return pop

    def project(
        self,
        source: Population | View | Sequence[Population | View],
        target: Population | View | Sequence[Population | View],
        rule: Rule,
        *,
        weight: Any,
        delay: Any,
        port: str | None = None,
        site: Any = None,
        synapse: Synapse | Graded | None = None,
        input: str | None = None,
        clock_driven: bool = False,
        response_delay: Any = 0.0 * ms,
        structure: Rewiring | None = None,
        initial: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> list[Projection]:
        """Connect each source population to each target population by a rule.

        Args:
            source, target: populations or views of them (`exc[:50]`), one or several (`exc[:50] + inh`). Arrays and the indices of
                `Edges` count within a view, and so does `OneToOne`; degrees are met within it (`neuropil.connectivity.draw.realise`).
            rule: one of the rules of `neuropil.model.connection.rules`.
            weight: in the port's unit: a number, a distribution, a matrix [sources, targets], from which each synapse takes the
                entry of the neurons that it joins, or an array (one value per edge for `Edges`, [n] for `OneToOne`). Of graded
                transmission in the unit of the input over that of what is transmitted; also a `WeightMatrix` such as `Circulant`.
            delay: a time: a number, a distribution or an array ([sources, targets] for `AllToAll`); at least one time step. Of graded
                transmission one number may be 0.
            port: the target model's port. One that exists at several sites of a neuron takes each synapse to a site
                drawn uniformly; "branch.exc[3]" takes all to one.
            site: for `Edges`, an array with the site of each.
            synapse: a synapse model, if the synapses have states of their own; or `Graded`, if what is transmitted is a function of the
                source's state in every step, and no spikes.
            input: the target's input that the synapses' current, or graded transmission, flows into.
            clock_driven: advance all states of the synapses in every step, also those that have a closed form.
            response_delay: time that a target's spike takes to reach the synapse. The delay is the axon's; if a part b of it
                is the dendrite's, a spike reaches the synapse b earlier and the target's b later: response_delay = 2 b.
            structure: a `Rewiring`, if synapses vanish and form while the network runs.
            initial: initial values of the synapses' states by name, in place of the model's: numbers, distributions, or arrays
                and matrices, as the model's parameters may be (`neuropil.model.contents.per_synapse`).
            name: of the projection; one that is taken gets a number ("a→b #2"). With the two populations it keys the
                projection's random draws; without a name the port stands in for it. Projections that are equal in all of
                these are distinguished by their order.

        Returns:
            The projections made, one for each pair.
        """
        self._check_open("project()")
        made: list[Projection] = []
        for pre in self._own(source, "source"):
            for post in self._own(target, "target"):
                taken = [p.name for p in (*self.projections, *self.graded, *made)]
                label = _unused(_name(name, f"{pre.name}→{post.name}"), taken)
                more: dict[str, Any] = {"synapse": synapse, "input": input, "clock_driven": clock_driven, "structure": structure}
                more["initial"] = {} if initial is None else initial
                more["response_delay"] = checked_values(response_delay, ms.dimension, f"projection {label}: response_delay", ())
                key = (name, pre.name, post.name) if name else ("", pre.name, post.name, str(port or input))
                stream = _stream(key, [*self.projections, *self.graded, *made])
                if isinstance(synapse, Graded):
                    made.append(described_graded(pre, post, rule, weight, delay, site, label, stream, synapse, {"port": port, **more}))
                else:
                    made.append(described_projection(pre, post, rule, weight, delay, port, site, label, stream, more))
        self.projections.extend(p for p in made if not isinstance(p, GradedProjection))
        self.graded.extend(p for p in made if isinstance(p, GradedProjection))
        return made

    def stimulate(
        self,
        target: Population | View | Sequence[Population | View],
        stimulus: Stimulus,
        *,
        port: str | None = None,
        input: str | None = None,
        weight: Any = None,
        name: str | None = None,
    ) -> list[StimulusConnection]:
        """Drive populations: an event stimulus into a `port` with a `weight`, or a current into an `input`.

        Where the port or input exists at several sites of a neuron, each site gets a stimulus of its own; an index
        ("branch.exc[3]") names one. Arrays have one value per neuron (of a view, for each of its neurons, in its order), drawn values
        one per site. What is drawn for a neuron does not depend on the view: it is drawn by the index within the population.

        The name, with the population, keys the random draws; without a name the kind of stimulus and the port or input do, and
        those that are equal in all of these are distinguished by their order.

        Args:
            target: a population or a view of one (`exc[:50]`), or several.
            stimulus: events (`Poisson`, `Regular`, `SpikeList`, ...) or a current (`Step`, `Sine`, `Noise`, ...).
            port: for events: the target model's port.
            input: for currents: the target model's input.
            weight: for events, in the port's unit: one number, a distribution, or [neurons].
            name: of the stimulus connection; one that is taken gets a number.

        Returns:
            The stimulus connections made, one for each target.

        Raises:
            NetworkError, UnitError: not a stimulus; a port, input, weight, unit or shape that does not fit.
        """
        self._check_open("stimulate()")
        if not isinstance(stimulus, Stimulus):
            raise NetworkError("not a stimulus", got=stimulus, expected="for example npl.Poisson(8 * Hz), or npl.Step(100 * pA) for a constant current")
        made: list[StimulusConnection] = []
        for pop in self._own(target, "target"):
            label = _unused(_name(name, f"{type(stimulus).__name__}→{pop.name}"), [d.name for d in (*self.drives, *made)])
            refuse_noise(indexed(input)[0] if input is not None else None, f"stimulus {label}")
            key = (name, pop.name) if name else ("", type(stimulus).__name__, pop.name, str(port or input))
            made.append(described_drive(pop, stimulus, port, input, weight, label, _stream(key, [*self.drives, *made])))
        self.drives.extend(d for drive in made for d in (drive, *window_drives(drive)))
        return made

    def couple(
        self, first: tuple[Population | View, str], second: tuple[Population | View, str], pairs: Any, *, g: Any = None, sites: Any = (0, 0),
        junction: Junction | None = None, name: str | None = None,
    ) -> Coupling:  # fmt: skip
        """Join neurons by gap junctions, or by others.

        Args:
            first, second: (population, name). Of cells with morphology the name is that of a point process that is half a junction, such as
                `GapJunction`; of other neurons it is that of an input in pA, such as "current", which may take any number of junctions.
            pairs: whole numbers [pairs, 2], the neuron of `first` and that of `second`; of a view, counted within it.
            g: conductance of a junction, one for all pairs or one each (halves on cells with morphology have their own).
            junction: what flows, in place of g (v_partner - v): a `Junction`, whose parameters are one for all pairs or one each.
            sites: of the two neurons, for all pairs, or one row per pair.
            name: of the coupling; one that is taken gets a number.

        Returns:
            The coupling made.

        Raises:
            NetworkError: what does not exist; a conductance that is missing or that nothing uses. (That each half has one
                partner is checked when all is known.)

        Example:
            `network.couple((inh, "current"), (inh, "current"), [(0, 1), (1, 2)], g=0.5 * nS)`
        """
        self._check_open("couple()")
        for side_of in (first, second):
            if not isinstance(side_of, (tuple, list)) or len(side_of) != 2 or not isinstance(side_of[0], (Population, View)):
                raise NetworkError("couple: each side must be a pair (population, name)", got=repr(side_of), fix='for example (inh, "current")')
        label = _unused(_name(name, f"{first[0].name}~{second[0].name}"), [c.name for c in self.couplings])
        try:
            array, chosen = np.atleast_2d(np.asarray(pairs)), np.asarray(sites)
        except ValueError:
            raise NetworkError(f"coupling {label}: pairs must be rows of two neurons", got=f"{pairs}, sites {sites}", expected="(pairs, 2)") from None
        if array.ndim != 2 or array.shape[1] != 2 or chosen.shape not in ((2,), array.shape):
            raise NetworkError(f"coupling {label}: pairs must be rows of two neurons", got=f"shape {array.shape}, sites {chosen.shape}", expected="(pairs, 2)")
        ends = []
        for side, (population, part) in enumerate((first, second)):
            (one,) = self._own(population, "coupled")
            neurons = one.indices[indices_within(array[:, side], one, f"coupling {label}")] if isinstance(one, View) else array[:, side]
            ends.append(end(whole(one), part, neurons, chosen[..., side], f"coupling {label}"))
        self.couplings.append(coupled(label, ends[0], ends[1], g, junction))
        return self.couplings[-1]

    def probe(
        self, target: Population | View | Projection | Sequence[Projection], variable: str | Recordable | Callable[..., Any], *, neurons: Any = None, sites: Any = None, at: Any = None,
        synapses: Any = None, interval: Any = None, start: Any = None, name: str | None = None,
    ) -> Probe | SynapseProbe:  # fmt: skip
        """Record a state, a current or an expression of chosen neurons (all, if None) at an interval (every step, if None). Spikes need no probe.

        The neurons are those of a view (`probe(exc[:50], "v")`), or `neurons`, which counts within the target.

        Of a state with several sites per neuron, all or the chosen `sites` are recorded: a column each, neuron by neuron.
        The sites of a cell's "v" and of its channels' states are its compartments; `at` names them by a location such as
        "soma(0.5)", or a list of these.

        Of a projection, "weight" or a state of its synapse model is recorded, of the chosen `synapses` (indices in the order of
        `Simulation.synapses`; all, if None), a column each; an interval is needed. A projection is what `project` returned, or one of them.

        Args:
            target: a population, a view of one, or a projection.
            variable: name of a state, an input or a port, or of a current of a cell with morphology, such as "i_membrane" or "i_na"
                (`neuropil.model.probe.named`); "weight"; an `Expression` of states, inputs and parameters, or its function alone:
                ``lambda s, p: p.g_l * (s.v - p.e_l)``; or another `Recordable`.
            neurons: whole numbers, a slice or booleans.
            sites: whole numbers.
            at: a location, or a list of them, in place of `sites`.
            synapses: whole numbers.
            interval: a time, a multiple of the time step.
            start: time of the first sample; ``0 * ms`` for one of the state at the start (of synapses before they are normalised). None: one interval after the start.
            name: of the probe, unique; None: "target.variable".

        Returns:
            The probe; `Result.traces` has its samples under its name.

        Raises:
            NetworkError: a state, neuron, site, location or synapse that does not exist, or a name that is taken.
        """
        self._check_open("probe()")
        if not isinstance(target, (Population, View)) and (projection := one_projection(self.projections, target, "probed")) is not None:
            if any(given is not None for given in (neurons, sites, at)):
                raise NetworkError("a probe of a projection takes synapses=..., interval=... and start=...", got="neurons, sites or at", fix="synapses=[...]")
            name = self._unused_probe(_name(name, f"{projection.name}.{variable}"))
            self.synapse_probes.append(synapse_probe(projection, variable, synapses, interval, name, checked_time(start, "start", -1e-300)))
            return self.synapse_probes[-1]
        if synapses is not None:
            raise NetworkError("a probe of a population takes neurons=..., not synapses", got="synapses", fix="neurons=[...]")
        (one,) = self._own(target, "target") if isinstance(target, (Population, View)) else self._own([target], "target")
        pop = whole(one)
        chosen = np.arange(one.size) if neurons is None else indices_within(neurons, one, "probe")
        chosen = one.indices[chosen] if isinstance(one, View) else chosen
        times = checked_time(interval, "interval", 0.0), checked_time(start, "start", -1e-300)
        asked = Asked(pop, chosen, sites, at, *times, lambda variable: self._unused_probe(_name(name, f"{pop.name}.{variable}")))
        probe = recordable(pop, variable).probe(asked)
        self.probes.append(probe)
        return probe

    def normalise(
        self, projection: Projection | Sequence[Projection], total: Any, *, interval: Any, variable: str = "weight", name: str | None = None
    ) -> Normalisation:
        """Scale what arrives at each target of a projection to a total, at t = 0 and every interval (`Normalisation`).

        Args:
            projection: what `project` returned, for one pair of populations.
            total: of the magnitudes of all synapses of a target, in the unit of what is scaled; one for all targets, or [targets].
            interval: a multiple of the time step. It acts before the step that begins then.
            variable: "weight", or a state of the synapse model such as "efficacy".
            name: for messages; "normalise <projection>", if None.

        Returns:
            The normalisation made.

        Raises:
            NetworkError: a state that does not exist, a total or an interval that is not positive, two of one state.
        """
        self._check_open("normalise()")
        chosen = one_projection(self.projections, projection, "normalised")
        if chosen is None:
            raise NetworkError("only a projection can be normalised", got=projection, fix="pass what network.project() returned")
        made = normalisation(chosen, total, interval, variable, _name(name, f"normalise {chosen.name}"))
        if any(n.projection is chosen and n.variable == variable for n in self.normalisations):
            raise NetworkError(f"{chosen.name!r}: {variable!r} is normalised already")
        self.normalisations.append(made)
        return made

    def modulator(
        self, name: str, kinetics: Kinetics, *, volume: Any, tick: Any = 1 * ms, diffusion: Diffusion | Apart | None = None, cap: Any = None
    ) -> Modulator:
        """Add a modulator; what releases it and what it changes is then declared on it (`neuropil.model.modulation.modulator`).

        Args:
            kinetics: how its concentration changes, such as `FirstOrder(tau=200 * ms)` or one of `neuropil.zoo.modulators`.
            volume: the populations and projections it reaches.
            tick: time between its actions, a multiple of the time step.
            diffusion: how it spreads between the positions of the cells; `Apart()`: each has its own; None: one concentration for all.
            cap: the most that is supplied and released in a tick (concentration, mean over the volume).
            name: unique in the network.

        Returns:
            The modulator, on which sources, receptors and effects are declared.

        Raises:
            NetworkError, ModelError: whatever does not fit.
        """
        self._check_open("modulator()")
        made = Modulator(self, name, kinetics, volume, tick, diffusion, cap)
        if name in self.modulators:
            raise NetworkError(f"there is a modulator {name!r} already", fix="give this one another name")
        self.modulators[name] = made
        return made

    # --- checks --------------------------------------------------------------------------------------------------

    def _unused_probe(self, name: str) -> str:
        if name in [p.name for p in self.probes] + [p.name for p in self.synapse_probes]:
            raise NetworkError(f"there is a probe {name!r} already", fix="name=...")
        return name

    def _own(self, populations: Any, role: str) -> list[Population | View]:
        listed = list(populations) if isinstance(populations, (tuple, list)) else [populations]
        if not listed:
            raise NetworkError(f"no {role} population given")
        for pop in listed:
            if not isinstance(pop, (Population, View)):
                known = isinstance(pop, str) and pop in self.populations
                raise NetworkError(f"the {role} is not a population", got=repr(pop), fix=f"network[{pop!r}]" if known else "pass what network.population() returned")
            if self.populations.get(pop.name) is not whole(pop):
                raise NetworkError(f"the {role} {pop.name!r} belongs to another network")
        return listed


def _name(name: Any, default: str) -> str:
    if name is not None and not isinstance(name, str):
        raise NetworkError("a name must be text", got=name)
    return name or default


def _unused(label: str, taken: list[str]) -> str:
    """The label, numbered if it is taken."""
    if label not in taken:
        return label
    return next(f"{label} #{n}" for n in range(2, len(taken) + 3) if f"{label} #{n}" not in taken)


def _stream(key: Stream, earlier: Sequence[Projection | StimulusConnection]) -> Stream:
    """The key, with the index among those that share it."""
    return (*key, sum(one.stream[:-1] == key for one in earlier))
