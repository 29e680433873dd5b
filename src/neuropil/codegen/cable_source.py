"""The source of one step of cells with morphology: loops over membranes and point processes around the tree solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from neuropil.codegen.elementwise import module_head, statements
from neuropil.lower.cable import CablePlan, MembraneGroup
from neuropil.lower.constants import describe
from neuropil.lower.neuron_program import RUNAWAY, Variant
from neuropil.plan.cells import PlannedCells
from neuropil.plan.signature import Argument, Kind


@dataclass(frozen=True)
class CableSource:
    """The text of a cell's step and its arguments.

    Attributes:
        source: a Python module with one function `advance`.
        arguments: its arguments after (shape, v, g, out, tree, faces), in order. Beside those of the tables below:
            `runs_<patch>`, `sites_<point>` (see `neuropil.engine.cells.kernels.add_sites`), `area_<point>`, `g_<point>`, `out_<point>`,
            `v_<point>`, `<port or input array>__<point>` (the arrays of a part: arrived_, real_, x_).
        numbers: argument -> values of a loop's scalar constants.
        expanded: argument -> (patch, constants that differ between its compartments or cells, float64[compartments, 1 or cells]).
        states: argument -> (patch, "mechanism.state").
        wholes: argument -> what of a block's compartments it holds: "c_ca", "i_ca".
        around: argument -> point process, at whose sites it holds such a thing.
        quanta: "part.port" -> (argument, place in it) of the weight of its quantum.
        given: argument -> (point process, which of the arrays that the network fills and reads).
    """

    source: str
    arguments: tuple[str, ...]
    numbers: dict[str, np.ndarray]
    expanded: dict[str, tuple[MembraneGroup, np.ndarray]]
    states: dict[str, tuple[MembraneGroup, str]]
    wholes: dict[str, str]
    around: dict[str, str]
    quanta: dict[str, tuple[str, int]]
    given: dict[str, tuple[str, Argument]]


SOURCE_NAME = "cell"
"""The name under which the source of a population's step is kept."""


def emit_cable(cells: PlannedCells) -> CableSource:
    """Write the step of a population of cells."""
    plan, variants, precision, quanta = cells.cable, cells.variants, cells.precision, cells.quanta
    loops = _Loops()
    before = [loops.currents(p, points=False) for p in plan.patches]
    after = [call for p in plan.patches if (call := loops.states(p, None, {}))]
    offers = [call for p in plan.patches if (call := loops.offers(p))]
    first = [loops.currents(p, points=True) for p in plan.points]
    last = [call for p in plan.points if (call := loops.states(p, variants[p.name], quanta.get(p.name, {})))]
    sites = [f"sites_{p.name}" for p in plan.points]
    loops.use(*sites)
    text = _module(precision, loops, first, before, sites, after, last, offers, _Exchange.of(plan, loops))
    return CableSource(text, tuple(loops.arguments), loops.numbers, loops.expanded, loops.states_of, loops.wholes, loops.around, loops.quanta, loops.given)


@dataclass(frozen=True)
class _Exchange:
    """Lines that bring values between compartments and the sites of point processes, in block b.

    Attributes:
        early: what currents of point processes read; late: what their states read; ions: what they add to ion currents.
    """

    early: list[str]
    late: list[str]
    ions: list[str]

    @classmethod
    def of(cls, plan: CablePlan, loops: _Loops) -> _Exchange:
        made = cls([], [], [])
        for point in plan.points:
            program, sites = point.program, f"sites_{point.name}"
            for name in program.membrane.around:
                for lines, needed in zip((made.early, made.late), program.read(name), strict=True):
                    if needed:
                        lines.append(f"read_at(b, lanes, own, {loops.whole(name)}, {loops.at(point, name)}, {sites})")
            for ion in program.membrane.counted:
                loops.use(f"area_{point.name}")
                made.ions.append(f"add_at(b, lanes, own, {loops.whole(ion)}, {loops.at(point, f'own_{ion}')}, {sites}, area_{point.name})")
        return made


def state_argument(patch: str, state: str) -> str:
    """The name of the array of a patch's state."""
    return f"s_{state.replace('.', '__')}__{patch}"


@dataclass
class _Loops:
    """Writes functions and collects their arguments."""

    functions: list[str] = field(default_factory=list)
    graphs: list = field(default_factory=list)  # type: ignore[type-arg]
    arguments: list[str] = field(default_factory=list)
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    expanded: dict[str, tuple[MembraneGroup, np.ndarray]] = field(default_factory=dict)
    states_of: dict[str, tuple[MembraneGroup, str]] = field(default_factory=dict)
    wholes: dict[str, str] = field(default_factory=dict)
    around: dict[str, str] = field(default_factory=dict)
    quanta: dict[str, tuple[str, int]] = field(default_factory=dict)
    given: dict[str, tuple[str, Argument]] = field(default_factory=dict)

    def use(self, *names: str) -> None:
        self.arguments.extend(n for n in names if n not in self.arguments)

    def whole(self, name: str) -> str:
        """The array of something in all compartments of a block: "c_ca", "i_ca"."""
        self.wholes[f"whole_{name}"] = name
        self.use(f"whole_{name}")
        return f"whole_{name}"

    def at(self, point: MembraneGroup, name: str) -> str:
        """The array of the same at the sites of a point process."""
        self.around[f"{name}__{point.name}"] = point.name
        self.use(f"{name}__{point.name}")
        return f"{name}__{point.name}"

    def network(self, point: MembraneGroup, name: str, argument: Argument) -> str:
        """The array of a point process that the network fills and reads."""
        self.given[f"{name}__{point.name}"] = (point.name, argument)
        return f"{name}__{point.name}"

    def offers(self, patch: MembraneGroup) -> str:
        """The call that computes what point processes read of a patch; "" if nothing."""
        if not patch.program.offers:
            return ""
        reads, blocked, near = self._reads(patch, points=False)
        writes = {n: f"{self.whole(n)}[a + q]" for n in patch.program.offers}
        near |= {self.whole(n): self.whole(n) for n in patch.program.offers}
        return self._loop("offers", patch, patch.program.offers, reads, writes, {"v": "v_", **near}, blocked, False)

    def currents(self, patch: MembraneGroup, *, points: bool) -> str:
        """The call that computes a patch's g, outward and ion currents."""
        reads, blocked, near = self._reads(patch, points=points)
        writes = {"g": "g[a + q]", "out": "out[a + q]"}
        for ion in patch.program.membrane.counted:
            name = self.at(patch, f"own_{ion}") if points else self.whole(ion)
            writes[ion], near[name] = f"{name}[a + q]", name
        fixed = [f"v_{patch.name}", f"g_{patch.name}", f"out_{patch.name}"] if points else ["v_", "g", "out"]
        if points:
            self.use(*fixed)
        signals = self._signals(patch, reads)
        return self._loop("currents", patch, patch.program.currents, reads, writes,
                          {**dict(zip(("v", "g", "out"), fixed, strict=True)), **near}, {**blocked, **signals}, points)  # fmt: skip

    def states(self, patch: MembraneGroup, variant: Variant | None, quanta: Mapping[str, float]) -> str:
        """The call that advances a patch's states; "" if nothing changes."""
        if not patch.program.changing:
            return ""
        reads, blocked, near = self._reads(patch, points=variant is not None)
        writes = {s: reads[f"s.{s}"] for s in patch.program.changing}
        extra = self._signals(patch, reads)
        scalars: list[tuple[str, float]] = []
        clear: list[str] = []
        for port in patch.program.membrane.traced[patch.name].spec.ports if variant else ():
            terms = []
            if variant and port in variant.wired:
                self.quanta[f"{patch.name}.{port}"] = (f"numbers_states_{patch.name}", len(patch.loops["states"].nodes) + len(scalars))
                scalars.append((f"q_{port}", quanta[port]))
                extra[f"arrived_{port}"] = self.network(patch, f"arrived_{port}", Argument(Kind.EXACT, port))
                terms.append(f"number(arrived_{port}[c + q]) * q_{port}")
                clear.append(f"arrived_{port}[c + q] = 0")
            if variant and port in variant.real:
                extra[f"real_{port}"] = self.network(patch, f"real_{port}", Argument(Kind.REAL, port))
                terms.append(f"number(real_{port}[c + q])")
                clear.append(f"real_{port}[c + q] = 0.0")
            reads[f"w.{patch.name}.{port}"] = " + ".join(terms)
        self.use(*extra.values())
        return self._loop("states", patch, patch.program.changing, reads, writes,
                          {"v": f"v_{patch.name}" if variant else "v_", **near}, {**blocked, **extra}, variant is not None, scalars, clear)  # fmt: skip

    def _reads(self, patch: MembraneGroup, *, points: bool) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
        """Leaf -> text, and parameter of the loop -> argument, of a patch's states and of what is around it."""
        reads, blocked, near = {"x.v": "v[a + q]"}, {}, {}
        for state in patch.program.membrane.states:
            name = state_argument(patch.name, state)
            self.states_of[name] = (patch, state)
            reads[f"s.{state}"], blocked[name] = f"{name}[c + q]", name
        for around in patch.program.membrane.around:
            if any(patch.program.read(around)):
                name = self.at(patch, around) if points else self.whole(around)
                reads[f"x.{around}"], near[name] = f"{name}[a + q]", name
        self.use(*blocked)
        return reads, blocked, near

    def _signals(self, patch: MembraneGroup, reads: dict[str, str]) -> dict[str, str]:
        """Likewise of the signals in use."""
        found = {}
        roots = [*patch.program.currents.values(), *patch.program.changing.values()]
        used = patch.program.graph.leaves(*roots)
        for signal in patch.program.membrane.signals:
            if f"x.{signal}" in used:
                inner = signal.partition(".")[2]
                name = f"x_{inner}_"
                reads[f"x.{signal}"], found[name] = f"{name}[c + q]", self.network(patch, name, Argument(Kind.INPUT, inner))
        self.use(*found.values())
        return found

    def _loop(
        self, loop: str, patch: MembraneGroup, outputs: Mapping[str, int], reads: Mapping[str, str], writes: Mapping[str, str],
        fixed: dict[str, str], arrays: dict[str, str], points: bool, scalars: list[tuple[str, float]] | None = None, clear: list[str] | None = None,
    ) -> str:  # fmt: skip
        """Write a loop's function; returns the line that calls it."""
        graph, names, head, body = patch.program.graph, {}, [], []  # type: ignore[var-annotated]
        function, constants = f"{loop}_{patch.name}", patch.loops[loop]
        for k, node in enumerate(constants.nodes):
            names[node] = f"k{node}"
            head.append(f"k{node} = numbers[{k}]  # {describe(graph, node)}")
        scalars = scalars or []
        head += [f"{name} = numbers[{len(constants.nodes) + k}]" for k, (name, _) in enumerate(scalars)]
        self.numbers[f"numbers_{function}"] = np.append(constants.numbers, [value for _, value in scalars])
        for node, values in constants.arrays.items():
            name = f"k{node}_{function}"
            names[node], self.expanded[name], arrays[name] = f"k{node}", (patch, values), name
            body.append(f"k{node} = {name}[c + q]  # {describe(graph, node)}")
        used = sorted(graph.leaves(*outputs.values()) & set(reads))
        leaves = {leaf: f"r{k}" for k, leaf in enumerate(used)}
        body += [f"{leaves[leaf]} = {reads[leaf]}" for leaf in used]
        body += statements(graph, list(outputs.values()), names, leaves.__getitem__)
        body += [f"{writes[name]} = {names[node]}" for name, node in outputs.items()]
        body += clear or []
        touched = " ".join(body)
        arrays, fixed = ({n: a for n, a in of.items() if f"{n}[" in touched or n in ("v", "g", "out")} for of in (arrays, fixed))
        self.use(f"runs_{patch.name}", f"numbers_{function}", *(a for a in arrays.values() if a in self.expanded))
        self.functions.append("\n".join([
            "@inner_njit(**KERNEL_FLAGS)",
            f"def {function}({', '.join(['runs', 'lanes', 'numbers', *fixed, *arrays])}):",
            "    noalias_arguments()",
            *(f"    {line}" for line in head),
            "    for r in range(runs.shape[0]):",
            "        a, c = np.uint64(runs[r, 0] * lanes), np.uint64(runs[r, 1] * lanes)",
            "        for q in range(np.uint64(runs[r, 2] * lanes)):",
            *(f"            {line}" for line in body),
        ]))  # fmt: skip
        self.graphs.append((graph, list(outputs.values())))
        given = [a if points or (a in self.expanded and self.expanded[a][1].shape[1] == 1) else f"{a}[b]" for a in arrays.values()]
        return f"{function}({', '.join([f'runs_{patch.name}', 'own' if points else 'lanes', f'numbers_{function}', *fixed.values(), *given])})"


def _module(
    precision: str, loops: _Loops, first: list[str], before: list[str], sites: list[str], after: list[str], last: list[str], offers: list[str],
    exchange: _Exchange,
) -> str:  # fmt: skip
    return "\n".join([
        # No sizes in the text: cells of any shape with the same mechanisms share the compiled code.
        *module_head(
            f"One step of cells, {precision}.", precision, loops.graphs,
            "from neuropil.engine.cells.kernels import add_at, add_sites, assemble, detect, look, read_at, read_sites, runaway, solve",
        ),
        "",
        "",
        "\n\n\n".join(loops.functions),
        "",
        "",
        "@cached_njit(**KERNEL_FLAGS)",
        f"def advance({', '.join(['shape', 'v', 'g', 'out', 'tree', 'faces', *loops.arguments])}):",
        "    blocks, lanes, own = shape",
        "    seen, fired = faces",
        "    bad = 0",
        "    for b in range(blocks):",
        "        v_ = v[b]",
        "        look(b, lanes, own, v_, seen, tree)",
        *(f"        read_sites(b, lanes, own, v_, {s})" for s in sites),
        *(f"        {line}" for line in (*(offers if exchange.early else []), *exchange.early)),
        *(f"    {line}" for line in first),
        "    for b in range(blocks):",
        "        v_ = v[b]",
        *(f"        {line}" for line in (*before, *exchange.ions)),
        "        assemble(lanes, g, out, tree)",
        *(f"        add_sites(b, lanes, own, g, out, {s})" for s in sites),
        "        solve(lanes, v_, g, out, tree)",
        *(f"        {line}" for line in after),
        *(f"        read_sites(b, lanes, own, v_, {s})" for s in sites),
        *(f"        {line}" for line in (*(offers if exchange.late else []), *exchange.late)),
        "        detect(b, lanes, own, v_, seen, fired, tree)",
        f"        bad += runaway(b, lanes, own, v_, number({RUNAWAY!r}))",
        *(f"    {line}" for line in last),
        "    return bad",
        "",
    ])  # fmt: skip
