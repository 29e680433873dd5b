"""The text of one step of cells with morphology: loops over membranes and point processes around the tree solver.

Everything is named by its kind and index, and no size stands in the text, so that cells of any shape with the same equations share
the compiled code.
"""

from __future__ import annotations

from collections.abc import Iterable

from neuropil.codegen.elementwise import module_head, statements
from neuropil.codegen.kernel import PREFIX
from neuropil.lower.cable import CablePlan
from neuropil.lower.gate_tables import SIDE_BY_SIDE
from neuropil.lower.neuron_program import RUNAWAY
from neuropil.plan.cable_signature import (
    OF_BLOCK,
    CableArgument,
    CableKind,
    CableLoop,
    CablePort,
    CableSignature,
    CableTable,
)
from neuropil.plan.cells import PlannedCells
from neuropil.plan.signature import Argument, Kind

SOURCE_NAME = "cell"
"""The name under which the source of a population's step is kept."""

_PREFIX = {
    CableKind.POTENTIAL: "v", CableKind.CONDUCTANCE: "g", CableKind.CURRENT: "out", CableKind.SHARED: "shared", CableKind.CARRIED: "carried",
    CableKind.AREA: "area", CableKind.DIAGONAL: "diagonal", CableKind.TABLE: "table", CableKind.INTERVAL: "interval", CableKind.WITHIN: "within",
    CableKind.SITES: "sites", CableKind.PER_AREA: "per_area", CableKind.RUNS: "runs", CableKind.NUMBERS: "numbers", CableKind.CONSTANT: "c", CableKind.STATE: "s",
    CableKind.NOISE: "noise", CableKind.DRAWN: "drawn",
}  # fmt: skip
_OF_ELEMENT = (CableKind.CONSTANT, CableKind.STATE, CableKind.NETWORK, CableKind.NOISE, CableKind.INTERVAL)
"""What lies in the order of a group's own elements (from `c`); the rest lies in that of the compartments, or sites (from `a`)."""


def emit_cable(cells: PlannedCells) -> str:
    """The text of the step of a population of cells: a Python module with one function `advance`.

    Its arguments are (shape, v, g, out, area, diagonal, tree, faces) and those of the signature.
    """
    return _Writer(cells.cable, cells.signature, cells.precision).write()


class _Writer:
    """Names every array and writes the loops and the step."""

    def __init__(self, plan: CablePlan, signature: CableSignature, precision: str):
        self.plan, self.signature, self.precision = plan, signature, precision
        used = (*OF_BLOCK, *signature.arguments)
        self.shared = tuple(dict.fromkeys(str(a.name) for a in used if a.kind in (CableKind.SHARED, CableKind.CARRIED)))
        self.names = {a: self._name(a) for a in used}

    def _name(self, argument: CableArgument) -> str:
        group = "" if argument.group is None else argument.group
        match argument.kind:
            case CableKind.NETWORK:
                assert isinstance(argument.name, Argument) and argument.group is not None
                (traced,) = self.plan.groups[argument.group].program.membrane.traced.values()
                among = traced.spec.inputs if argument.name.kind is Kind.INPUT else traced.spec.ports
                return f"{PREFIX[argument.name.kind]}{list(among).index(str(argument.name.name))}_{group}"
            case CableKind.STATE | CableKind.NOISE | CableKind.DRAWN:
                assert argument.group is not None
                membrane = self.plan.groups[argument.group].program.membrane
                declared = membrane.states if argument.kind is CableKind.STATE else membrane.signals
                return f"{_PREFIX[argument.kind]}{declared.index(str(argument.name))}_{group}"
            case CableKind.SHARED | CableKind.CARRIED:
                return f"{_PREFIX[argument.kind]}{self.shared.index(str(argument.name))}" + (f"_{group}" if group != "" else "")
            case CableKind.CONSTANT:
                return f"c{argument.name}_{argument.loop}{group}"
            case CableKind.NUMBERS:
                return f"numbers_{argument.loop}{group}"
        return f"{_PREFIX[argument.kind]}{group}"

    def write(self) -> str:
        loops, exchange = self.signature.loops.values(), self.signature.exchange
        graphs = [(self.plan.groups[one.group].program.graph, list(one.outputs.values())) for one in loops]
        library = [
            "from neuropil.codegen.vector_values import prefer_widest",
            "from neuropil.engine.cells.gates import locate, look_up",
            "from neuropil.engine.cells.kernels import add_at, add_sites, assemble_bare, bring, detect, look, read_at, read_sites, runaway",
            "from neuropil.engine.cells.tree import solve",
        ]
        sites = [self.names[CableArgument(CableKind.SITES, g)] for g in self.plan.point_groups]
        offers = self._calls("offers", False)
        early, late = ([f"read_at(b, lanes, own, {self._pair(*pair)})" for pair in pairs] for pairs in (exchange.early, exchange.late))
        added = [f"add_at(b, lanes, own, {self._pair(*pair)}, {self.names[CableArgument(CableKind.PER_AREA, pair[1].group)]})" for pair in exchange.added]
        return "\n".join([
            *module_head(f"One step of cells, {self.precision}.", self.precision, graphs, *library),
            "",
            "",
            "\n\n\n".join(self._function(one) for one in loops),
            "",
            "",
            "@cached_njit(**KERNEL_FLAGS)",
            f"def advance({', '.join(['shape', 'v', 'g', 'out', 'area', 'diagonal', 'tree', 'faces', *(self.names[a] for a in self.signature.arguments)])}):",
            "    prefer_widest()",
            "    blocks, lanes, own = shape",
            "    seen, fired = faces",
            "    diverged = 0",
            "    for b in range(blocks):",
            "        v_ = v[b]",
            "        look(b, lanes, own, v_, seen, tree)",
            *(f"        read_sites(b, lanes, own, v_, {s})" for s in sites),
            *(f"        {line}" for line in (*(offers if early else []), *early)),
            *(f"    {line}" for line in self._calls("currents", True)),
            "    for b in range(blocks):",
            "        v_ = v[b]",
            *(f"        {line}" for line in (*self._calls("currents", False), *added)),
            "        assemble_bare(lanes, g, out, diagonal, tree)",
            *(f"        add_sites(b, lanes, own, g, out, {s})" for s in sites),
            "        solve(lanes, v_, g, out, tree)",
            *(f"        bring(b, lanes, own, {self.names[drawn]}, {self.names[into]})" for drawn, into in self.signature.noises),
            *(f"        {line}" for line in (*self._calls("states", False), *(line for table in self.signature.tables for line in self._looked_up(table)))),
            *(f"        read_sites(b, lanes, own, v_, {s})" for s in sites),
            *(f"        {line}" for line in (*(offers if late else []), *late)),
            "        detect(b, lanes, own, v_, seen, fired, tree)",
            f"        diverged += runaway(b, lanes, own, v_, number({RUNAWAY!r}))",
            *(f"    {line}" for line in self._calls("states", True)),
            "    return diverged",
            "",
        ])  # fmt: skip

    def _pair(self, compartments: CableArgument, own: CableArgument) -> str:
        """What `read_at` and `add_at` are given: the array in compartments, that at sites, and the sites."""
        return f"{self.names[compartments]}, {self.names[own]}, {self.names[CableArgument(CableKind.SITES, own.group)]}"

    def _calls(self, kind: str, points: bool) -> list[str]:
        """The lines that call the loops of a kind over membranes, within a block, or over point processes."""
        return [self._call(one) for one in self.signature.loops.values() if one.kind == kind and one.point == points]

    def _looked_up(self, table: CableTable) -> list[str]:
        """The lines that advance the gates of a membrane by its table, within a block."""
        runs, values = self.names[CableArgument(CableKind.RUNS, table.group)], self.names[table.values]
        interval, within = (self.names[a] for a in table.located)
        lines = [
            f"values, low, per_width, intervals = {values}",
            f"if locate({runs}, lanes, low, per_width, intervals, v_, {interval}, {within}):",
            f"    {self._call(self.signature.loops['gates', table.group])}",
        ]
        for tile in range(0, len(table.states), SIDE_BY_SIDE):
            states = table.states[tile : tile + SIDE_BY_SIDE]
            padded = [f"{self.names[a]}[b]" for a in (*states, *([states[-1]] * (SIDE_BY_SIDE - len(states))))]
            lines.append(f"look_up(values[{tile // SIDE_BY_SIDE}], {interval}, {within}, {len(states)}, {', '.join(padded)})")
        return lines

    def _call(self, loop: CableLoop) -> str:
        group = self.plan.groups[loop.group]

        def given(argument: CableArgument) -> str:
            if argument == OF_BLOCK[0]:
                return "v_"
            apart = argument.kind is CableKind.STATE or (argument.kind is CableKind.CONSTANT and group.loops[loop.kind].arrays[int(str(argument.name))].shape[1] != 1)
            return self.names[argument] + ("[b]" if apart and not loop.point else "")

        fixed = [self.names[CableArgument(CableKind.RUNS, loop.group)], "own" if loop.point else "lanes", self.names[loop.numbers]]
        return f"{loop.kind}{loop.group}({', '.join([*fixed, *map(given, loop.arrays)])})"

    def _function(self, loop: CableLoop) -> str:
        """A loop's function."""
        graph, constants = self.plan.groups[loop.group].program.graph, self.plan.groups[loop.group].loops[loop.kind]
        names = {node: f"k{node}" for node in (*constants.nodes, *loop.constants)}
        head = [f"k{node} = numbers[{k}]" for k, node in enumerate(constants.nodes)]
        head += [f"q{port.weight_index} = numbers[{port.weight_index}]" for port in loop.ports.values() if port.exact]
        body = [f"k{node} = {self._element(array)}" for node, array in loop.constants.items()]
        leaves: dict[str, str] = {}
        used = graph.leaves(*loop.outputs.values())
        texts = {**{leaf: self._element(a) for leaf, a in loop.reads.items()}, **{leaf: self._arrived(p) for leaf, p in loop.ports.items() if leaf in used}}
        for k, (leaf, text) in enumerate(texts.items()):
            leaves[leaf] = f"r{k}"
            body.append(f"r{k} = {text}")
        body += statements(graph, list(loop.outputs.values()), names, leaves.__getitem__)
        body += [f"{self._element(loop.writes[name])} = {self._result(loop, name, names[node])}" for name, node in loop.outputs.items()]
        body += self._cleared(loop.ports.values())
        if loop.guard is not None:
            body = [f"if {self._element(loop.guard)} == 0:", *(f"    {line}" for line in body)]
        return "\n".join([
            "@inner_njit(**KERNEL_FLAGS)",
            f"def {loop.kind}{loop.group}({', '.join(['runs', 'lanes', 'numbers', *(self.names[a] for a in loop.arrays)])}):",
            "    noalias_arguments()",
            "    prefer_widest()",
            *(f"    {line}" for line in head),
            "    for r in range(runs.shape[0]):",
            "        a, c = np.uint64(runs[r, 0] * lanes), np.uint64(runs[r, 1] * lanes)",
            "        for q in range(np.uint64(runs[r, 2] * lanes)):",
            *(f"            {line}" for line in body),
        ])  # fmt: skip

    def _result(self, loop: CableLoop, name: str, value: str) -> str:
        """What a loop stores: of currents of membranes, what they add to the system: the diagonal (nS), and the current that flows in (pA)."""
        if not loop.system or name not in ("g", "out"):
            return value
        area, diagonal = (self._element(a) for a in loop.system)
        return f"{diagonal} + {area} * {value}" if name == "g" else f"-{area} * {value}"

    def _element(self, argument: CableArgument) -> str:
        """The present element of an array."""
        return f"{self.names[argument]}[{'c' if argument.kind in _OF_ELEMENT else 'a'} + q]"

    def _arrived(self, port: CablePort) -> str:
        terms = [f"number({self._element(port.exact)}) * q{port.weight_index}"] if port.exact else []
        return " + ".join([*terms, *([f"number({self._element(port.real)})"] if port.real else [])])

    def _cleared(self, ports: Iterable[CablePort]) -> list[str]:
        lines = []
        for port in ports:
            lines += [f"{self._element(port.exact)} = 0"] if port.exact else []
            lines += [f"{self._element(port.real)} = 0.0"] if port.real else []
        return lines
