"""The text of a stimulus's kernel: one loop over the neurons of a population, from the graph of its equation.

It computes in float64 whatever the run's precision, since a time of many steps is no float32. What is the same for all
neurons stands before the loop.
"""

from __future__ import annotations

from collections.abc import Iterable

from neuropil.codegen.elementwise import module_head, statements
from neuropil.lower.stimulus import NUMBER, TIME, StimulusProgram

NAME = "stimulus"
"""The name under which sources of stimuli's kernels are kept."""

_DRAWN = {"uniform": "to_uniform64", "normal": "normal_quantile64"}


def source_of(program: StimulusProgram, varying: Iterable[int]) -> str:
    """The text of a kernel: a Python module with one function `add(k, start, lower, key0, key1, dt, numbers, weight, target, *arrays)`.

    Args:
        program: the equation.
        varying: places among its hoisted constants whose values differ between neurons: `arrays`; `numbers` has the others.
    """
    graph, apart = program.graph, list(varying)
    names: dict[int, str] = {}
    head: list[str] = []
    each: list[str] = []
    for j, node in enumerate(program.hoisted):
        names[node] = f"c{j}"
        (each if j in apart else head).append(f"c{j} = a{j}[s, i]" if j in apart else f"c{j} = numbers[{j - sum(a < j for a in apart)}]")
    different = program.apart({program.hoisted[j] for j in apart})
    once = [n for n in graph.reach([program.root], set(program.hoisted)) if n not in different and not graph.nodes[n].static]
    head += statements(graph, once, names, {TIME: "t"}.__getitem__)
    if program.random is not None:
        each.append(f"u = {_DRAWN[program.random]}(draw_word(key0, key1, np.uint32(lower[s] + i), k))")
    each += statements(graph, [program.root], names, {NUMBER: "u"}.__getitem__)
    value = names[program.root]
    if graph.nodes[program.root].kind == "b":
        value = f"(number(1.0) if {value} else number(0.0))"
    arguments = ", ".join(["k", "start", "lower", "key0", "key1", "dt", "numbers", "weight", "target", *(f"a{j}" for j in apart)])
    drawing = [f"from neuropil.codegen.draws import draw_word, {_DRAWN[program.random]}"] if program.random is not None else []
    lines = [
        *module_head("One step of a stimulus for every neuron.", "float64", [(graph, [program.root])], *drawing),
        "",
        "",
        "@cached_njit(**KERNEL_FLAGS)",
        f"def add({arguments}):",
        "    t = number(k) * dt",
        *(f"    {line}" for line in head),
        "    for s in range(start.size):",
        "        for i in range(weight.shape[1]):",
        *(f"            {line}" for line in each),
        f"            target[start[s] + i] += weight[s, i] * {value}",
        "",
    ]
    return "\n".join(lines)
