"""What a synapse has learnt: the states that `Simulation.plasticity = False` holds.

A model may name them (`Synapse.learned`). Otherwise they are the state `weight`, and every state that nothing brings back:
spikes or the world change it, and its own derivative does not read it. Traces and short-term plasticity decay, so they go on;
an efficacy that spikes change and that stays, or one that drifts with an eligibility, is held.
"""

from __future__ import annotations

from neuropil.lower.synapse_form import dependencies, strikes
from neuropil.lower.traced_synapse import TracedSynapse
from neuropil.model.synapse.synapse import Synapse

PLASTIC = "_plastic"
"""Name of the constant that says whether a rule acts: 1, or 0. (No parameter of a model begins with an underscore.)"""


def learned_states(traced: TracedSynapse) -> tuple[str, ...]:
    """The states that the rule of a traced synapse model changes permanently, in the model's order."""
    model = traced.model
    assert isinstance(model, Synapse)
    if type(model).learned is not None:
        return tuple(type(model).learned)  # type: ignore[arg-type]
    if not traced.spec.states:
        return ()
    graph, arrived, responded = strikes(traced)
    reads = dependencies(traced)
    found = []
    for n in traced.spec.states:
        still = graph.leaf(f"s.{n}")
        changes = arrived[n] != still or responded[n] != still or bool(reads[n])
        if changes and (n == "weight" or n not in reads[n]):
            found.append(n)
    return tuple(found)
