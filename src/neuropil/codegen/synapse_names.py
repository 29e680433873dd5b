"""Names in the text of synapses' kernels: by kind and index, so that models with the same equations share a kernel.

Args:
    program: of the synapse model.
    argument: an array of a kernel.
    hoisted: constants of a kernel.
    hoisted: constants of a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuropil.lower.constants import describe
from neuropil.lower.graph import Graph
from neuropil.lower.synapse import SynapseProgram
from neuropil.plan.synapse_signature import SynapseArgument, SynapseKind

_PREFIX = {
    SynapseKind.STATE: "s_", SynapseKind.WEIGHT: "weight", SynapseKind.DATE: "last", SynapseKind.LIST_INDEX: "list_index", SynapseKind.CONSTANT: "c",
    SynapseKind.RESPONDED: "done", SynapseKind.SOURCE_STATE: "source_", SynapseKind.SOURCE_DATE: "source_last", SynapseKind.TARGET_STATE: "target_",
    SynapseKind.TARGET_DATE: "target_last", SynapseKind.LATEST: "latest", SynapseKind.HISTORY_TIME: "history_time", SynapseKind.HISTORY_STATE: "history_",
    SynapseKind.SEEN: "of_",
}  # fmt: skip


def state_names(program: SynapseProgram) -> dict[str, str]:
    """What each state is called: "z0" the first."""
    return {n: f"z{j}" for j, n in enumerate(program.states)}


def input_names(program: SynapseProgram) -> dict[str, str]:
    """What each input is called: "x0" the first."""
    return {n: f"x{j}" for j, n in enumerate(program.traced.spec.inputs)}


def name_of(program: SynapseProgram, argument: SynapseArgument) -> str:
    """What an array is called."""
    called: Mapping[str, str] = input_names(program) if argument.kind is SynapseKind.SEEN else state_names(program)
    return _PREFIX[argument.kind] + (called[argument.name] if isinstance(argument.name, str) and argument.name else str(argument.name))


def legend(program: SynapseProgram, graph: Graph, hoisted: tuple[int, ...]) -> dict[str, str]:
    """What the names in the text of a kernel stand for: states, inputs and constants."""
    found = {z: f"state {n}" for n, z in state_names(program).items()} | {x: f"input {n}" for n, x in input_names(program).items()}
    return found | {f"k{k}": describe(graph, node) for k, node in enumerate(hoisted)}
