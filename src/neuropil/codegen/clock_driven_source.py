"""The kernels of clock-driven synapses: what a spike does on arrival, what one of the target does, and what a step does.

Synapses are sorted by target. `advance` goes over the targets of a thread, each with the run of its synapses, in one
vector loop per target; their currents are summed in a fixed order. `respond` goes over the runs of the targets that
spiked. `arrive` walks the segments that are due, lists of the indices where the synapses of a source lie.

Args:
    program: of the synapse model.
    precision: "float32" or "float64".
    varying: indices among the hoisted constants of those that differ between synapses.
    by_target: these are the same for all synapses of a target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuropil.codegen.elementwise import function_text, indented, module_head, statements
from neuropil.codegen.synapse_names import input_names, name_of, state_names
from neuropil.lower.constants import hoisted
from neuropil.lower.graph import Graph
from neuropil.lower.neuron_program import RUNAWAY
from neuropil.lower.synapse import SynapseProgram
from neuropil.lower.synapse_form import age
from neuropil.model.synapse.context import (
    Activity,
    Potential,
    SignalValue,
    TargetState,
    WhiteNoise,
    context_input,
    reads,
)
from neuropil.plan.synapse_signature import DATE, LIST_INDEX, WEIGHT, SynapseArgument, SynapseKind, own_state
from neuropil.registry import builder_of, register

NAME = "clock_driven_synapses"
"""The name under which sources of their kernels are kept."""

FLUSHED = 64
"""Steps between looks for states that have decayed to subnormal numbers."""


@dataclass(frozen=True)
class SynapseKernel:
    """The text of a kernel and its arguments.

    Attributes:
        source: a Python module with one function, `arrive`, `respond`, `advance` or `bring_up`.
        arguments: arrays after the fixed ones.
        hoisted: static nodes whose values it is given, in the order of `numbers`; those in `varying` as arrays instead.
        varying: indices among the hoisted constants.
    """

    source: str
    arguments: tuple[SynapseArgument, ...]
    hoisted: tuple[int, ...]
    varying: frozenset[int]


def emit_arrival(program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False) -> SynapseKernel:
    """The kernel of a spike's arrival: (k, dt, numbers, words, buckets, due, slot, arrived, …)."""
    graph, roots = program.arrival, program.arrival_roots
    given, names, head, body, arguments = _strike(program, roots, program.struck, program.after, varying, "slot[i]" if by_target else "i")
    head += ["now, dt = np.uint32(k + 1), number(step)"]
    if program.sent is not None:
        body.append(f"arrived[slot[i]] += {names[program.sent]}")
    text = [
        *head, "events = 0", "for g in range(due_now(buckets, k, due)):",
        *indented(["segment = due[g]", "start, length = np.uint64(segment >> LENGTH_BITS), np.uint64(segment & (LENGTHS - 1))",
                  "for j in range(start, start + length):", *indented(["i = np.uint64(words[j])", *body]), "events += np.int64(length)"]),
        "return events",
    ]  # fmt: skip
    signature: list[str | SynapseArgument] = ["k", "step", "numbers", "words", "buckets", "due", "slot", "arrived", *arguments]
    extra = ["from neuropil.engine.stores.buckets import due_now", "from neuropil.engine.stores.deliver import LENGTH_BITS, LENGTHS"]
    return SynapseKernel(_module(program, precision, "arrive", signature, text, graph, roots, extra), tuple(arguments), given, varying)


def emit_response(program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False) -> SynapseKernel:
    """The kernel of the targets' spikes: (step, late, waiting, who, dt, numbers, run, …)."""
    graph, roots = program.arrival, program.response_roots
    given, _, head, body, arguments = _strike(program, roots, program.responding, program.responded, varying, "n" if by_target else "i")
    text = [
        *head, "now, dt = np.uint32(step + 1), number(ms)", "for spike in range(due_now(waiting, step - late, who)):",
        *indented(["n = who[spike]", "for i in range(np.uint64(run[n]), np.uint64(run[n + 1])):", *indented(body)]),
    ]  # fmt: skip
    signature: list[str | SynapseArgument] = ["step", "late", "waiting", "who", "ms", "numbers", "run", *arguments]
    return SynapseKernel(_module(program, precision, "respond", signature, text, graph, roots, ["from neuropil.engine.stores.buckets import due_now"]), tuple(arguments), given, varying)


def _strike(
    program: SynapseProgram, roots: list[int], written: tuple[str, ...], after: dict[str, int], varying: frozenset[int], at: str
) -> tuple[tuple[int, ...], dict[int, str], list[str], list[str], list[SynapseArgument]]:
    """What a spike, of either side, does to synapse i at step `now`: (hoisted constants, names of nodes, lines before and within the
    loop, arguments); `written` are the states that it changes, `after` the nodes of their new values, `at` is where constants that differ lie."""
    graph, reads, z = program.arrival, program.arrival.leaves(*roots), state_names(program)
    given = hoisted(graph, roots)
    names, head, body, arguments = _given(given, varying, at)
    for state in program.states:
        if f"s.{state}" in reads or state in written:
            arguments.append(own_state(state))
        if f"s.{state}" in reads:
            body.append(f"{z[state]}_0 = s_{z[state]}[i]")
            names[graph.leaf(f"s.{state}")] = f"{z[state]}_0"
    if program.dated:
        arguments.append(DATE)
        body.append("h = number(np.uint32(now - last[i])) * dt")
        names[graph.leaf(age(""))] = "h"
    if "w" in reads:
        arguments.append(WEIGHT)
        body.append("w = weight[i]")
        names[graph.leaf("w")] = "w"
    body += statements(graph, roots, names)
    body += [f"s_{z[n]}[i] = {names[after[n]]}" for n in written]
    body += ["last[i] = now"] if program.dated else []
    return given, names, head, body, arguments


def emit_step(program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False) -> SynapseKernel:
    """The kernel of a step: (k, numbers, run, signal, noise, post, decay, part, flow, …), noise being (key, key, its deviation)."""
    graph, roots, z, inputs = program.step, program.step_roots, state_names(program), input_names(program)
    read = graph.leaves(*roots)
    given = hoisted(graph, roots)
    names, head, body, arguments = _given(given, varying, "n" if by_target else "i")
    for state in program.states:
        if f"s.{state}" in read or state in program.moving:
            arguments.append(own_state(state))
        if f"s.{state}" in read:
            body.append(f"{z[state]}_0 = s_{z[state]}[i]")
            names[graph.leaf(f"s.{state}")] = f"{z[state]}_0"
    target = ["low, high = np.uint64(run[n]), np.uint64(run[n + 1])"]
    if by_target:
        target, body = [*target, *body[: len(varying)]], body[len(varying) :]
    bits = precision.removeprefix("float")
    outside = [(name, *builder_of(context_input(name), "engine")(program, name, bits)) for name in program.outside]
    for name, own, needed, value in sorted(outside, key=lambda one: not one[1]):
        arguments += [] if needed is None else [needed]
        (body if own else target).append(f"{inputs[name]} = {value}")
        names[graph.leaf(f"x.{name}")] = inputs[name]
    if by_target or not varying:
        target += statements(graph, program.shared, names)
    body += statements(graph, roots, names)
    body += [f"s_{z[n]}[i] = {names[program.stepped[n]]}" for n in program.moving]
    watched = [n for n in program.moving if n in program.scheme.stepped]
    if watched:
        total = " + ".join(names[program.stepped[n]] for n in watched)
        body.append(f"diverged += zero if abs({total}) < number({RUNAWAY!r}) else one")
    after = []
    if program.flow is not None:
        body.append(f"part[i - low] = {names[program.flow]}")
        after.append("flow[n] -= number(total(part, high - low))")
    if reads(program.traced.spec.inputs, Activity):
        after.append("post[n] *= decay")
    text = [
        *head, "diverged = zero", "for n in range(np.uint64(run.size - 1)):",
        *indented([*target, "for i in range(low, high):", *indented(body), *after]),
        f"if k % {FLUSHED} == 0:", *indented([f"flush(s_{z[n]})" for n in program.moving] + ["flush(post)"]), "return diverged",
    ]  # fmt: skip
    signature: list[str | SynapseArgument] = ["k", "numbers", "run", "signal", "noise", "post", "decay", "part", "flow", *arguments]
    extra = [
        "from neuropil.engine.stores.synapse_kernels import flush, total", f"from neuropil.codegen.draws import draw_word, normal_quantile{bits}",
        "one, zero = np.int32(1), np.int32(0)",
    ]  # fmt: skip
    return SynapseKernel(_module(program, precision, "advance", signature, text, graph, roots, extra), tuple(arguments), given, varying)


def bring_up_roots(program: SynapseProgram) -> list[int]:
    """Nodes of waiting states at a step, of those that change by themselves.

    Args:
        program: of the synapses.
    """
    return [program.ready[n] for n in _drifting(program)]


def _drifting(program: SynapseProgram) -> tuple[str, ...]:
    return tuple(n for n in program.form.waiting if program.arrival.nodes[program.ready[n]].value != f"s.{n}")


def emit_bring_up(program: SynapseProgram, precision: str, varying: frozenset[int], by_target: bool = False) -> SynapseKernel:
    """The kernel that brings waiting states to a step before parameters change, if they have `moved`: (k, moved, dt, numbers, slot, …)."""
    graph, roots = program.arrival, bring_up_roots(program)
    given, _, head, body, arguments = _strike(program, roots, _drifting(program), program.ready, varying, "slot[i]" if by_target else "i")
    text = ["if moved[0] and k > 0:", *indented([*head, "now, dt = np.uint32(k), number(step)", "for i in range(np.uint64(slot.size)):", *indented(body)]), "return np.int64(0)"]
    signature: list[str | SynapseArgument] = ["k", "moved", "step", "numbers", "slot", *arguments]
    return SynapseKernel(_module(program, precision, "bring_up", signature, text, graph, roots, []), tuple(arguments), given, varying)


# --- context inputs: (whether it differs between the synapses of a target, the array that it needs, its value within the loop) ---------


@register(WhiteNoise, "engine")
def _noise(program: SynapseProgram, name: str, bits: str) -> tuple[bool, SynapseArgument | None, str]:
    return True, LIST_INDEX, f"noise[2] * normal_quantile{bits}(draw_word(noise[0], noise[1], list_index[i], k))"


@register(SignalValue, "engine")
def _signal(program: SynapseProgram, name: str, bits: str) -> tuple[bool, SynapseArgument | None, str]:
    return False, None, "number(signal[0])"


@register(Activity, "engine")
def _activity(program: SynapseProgram, name: str, bits: str) -> tuple[bool, SynapseArgument | None, str]:
    return False, None, "number(post[n])"


@register(TargetState, "engine")
@register(Potential, "engine")
def _state(program: SynapseProgram, name: str, bits: str) -> tuple[bool, SynapseArgument | None, str]:
    seen = SynapseArgument(SynapseKind.SEEN, name)
    return False, seen, f"number({name_of(program, seen)}[n])"


def _given(nodes: tuple[int, ...], varying: frozenset[int], at: str) -> tuple[dict[int, str], list[str], list[str], list[SynapseArgument]]:
    """Names of the constants, the lines that read them before and (index `at`) within the loop, and the arrays they come in."""
    names: dict[int, str] = {}
    head, body = [], []
    arguments: list[SynapseArgument] = []
    for k, node in enumerate(nodes):
        names[node] = f"k{k}"
        if k in varying:
            arguments.append(SynapseArgument(SynapseKind.CONSTANT, k))
            body.append(f"k{k} = c{k}[{at}]")
        else:
            head.append(f"k{k} = numbers[{k}]")
    return names, head, body, arguments


def _module(
    program: SynapseProgram, precision: str, function: str, signature: list[str | SynapseArgument], text: list[str], graph: Graph, roots: Any, extra: list[str]
) -> str:
    what = {"arrive": "a spike arrives", "respond": "a target spikes", "advance": "one step of every synapse", "bring_up": "parameters change"}[function]
    head = module_head(f"Kernel of clock-driven synapses, {precision}: {what}.", precision, [(graph, roots)], *extra)
    return "\n".join([*head, *function_text(function, [a if isinstance(a, str) else name_of(program, a) for a in signature], text), ""])
