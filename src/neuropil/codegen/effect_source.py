"""The compiled effects of modulators on a part of a population, or on synapses: values of parameters, and what follows from them, where kernels read it.

One function, `act`, in this order: values after the effects, and whether they are within bounds; nothing further where no value has changed;
whether a state has become too slow; propagators; constants of the part's kernel, and its refractory period. What is one number is in
`numbers`, what differs between elements in a row of `rows`, with an entry for each element of an owner. Literals are numbers, too, so that
the text depends on the equations and not on their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from neuropil.codegen.elementwise import module_head
from neuropil.codegen.pointwise import statements_of
from neuropil.codegen.propagator_source import Pattern, exponential_text
from neuropil.lower.graph import Graph

OUTSIDE, SLOW, INFINITE, LONG = 1, 2, 4, 8
"""What `act` may return, added up: a value outside of its bounds (then nothing was written), a state that may be too slow, a constant that is
not finite, a refractory period of too many steps."""

CHANGED = ("changed", "")
"""The row that says which elements have another value than before."""

Key: TypeAlias = tuple[str, str]
"""What a number or row is: of parameters ("base", name) as described and ("now", name) after effects; ("known", leaf) any other value
that is needed; ("level", modulator); ("coefficient", numbers of the propagators and of the node), ("entry", leaf); ("literal", text)."""
Nodes: TypeAlias = tuple[Graph, Sequence[int]]


@dataclass(frozen=True)
class Propagated:
    """Propagators that depend on the parameters.

    Attributes:
        coefficients: nodes of the entries of the matrix; positions: where each stands among the positions that can differ from zero.
        entries: leaves, with the number of the exponential and the position there.
        pattern: of the matrix; held: of each exponential, rows that count as zero.
        spread: whether they differ between elements.
    """

    coefficients: Nodes
    positions: Sequence[int]
    entries: Sequence[tuple[str, int, int]]
    pattern: Pattern
    held: Sequence[Sequence[int]]
    spread: bool


@dataclass(frozen=True)
class EffectsOnPart:
    """What is to be computed. All leaves are static; "p.<name>" is a parameter, of effects the value in the description.

    Attributes:
        graph: of the effects; values, within: node, by parameter, of its value after effects, and of whether it is within bounds.
        many: parameters whose values differ between elements; rows: leaves that do.
        mixed, fields: modulators with one level, and with one for each place.
        enough: nodes that are true where no state is too slow.
        propagated: of each of the models whose propagators depend on them.
        constants: nodes; columns, arrays: of each the column of the kernel's table, or the number of the array; one of both is None.
        period: the parameter that is the refractory period, if it changes; period_array: each element has an entry of an array for it.
        real: type of the kernel's numbers.
        any_value: constants that are not finite are no fault.
        noted: an array says what operations that come after have to do: [0] whether something may have moved at this tick, in any owner; [1] whether something has
            moved here since `in_force` was last asked.
    """

    graph: Graph
    values: dict[str, int]
    within: dict[str, int]
    many: Sequence[str]
    rows: frozenset[str]
    mixed: Sequence[str]
    fields: Sequence[str]
    enough: Nodes
    propagated: Sequence[Propagated]
    constants: Nodes
    columns: Sequence[int | None]
    arrays: Sequence[int | None]
    period: str | None
    period_array: bool
    real: str
    any_value: bool = False
    noted: bool = False


@dataclass
class EffectText:
    """The text of a module with the function `act`, and what it is to be given.

    Attributes:
        source: the text; numbers, rows: what is in each; arguments: names of the arguments after (step, ticks).
    """

    source: str = ""
    numbers: list[Key] = field(default_factory=lambda: [("fault", "")])
    rows: list[Key] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)


_ACT = """

@cached_njit(**KERNEL_FLAGS)
def act(step, ticks, numbers, {arguments}):
    numbers[0] = 0.0
{still}    if not is_tick(step, ticks):
        return np.int64(0)
{due}{levels}
    bad, alone = alone_values(numbers)
    many = np.int64(0)
{values}
    if bad:
        numbers[0] = {outside}
        return np.int64({outside})
    if not (alone or many):
        return np.int64(0)
    fault = np.int64(0)
{moved}{rest}
    numbers[0] = fault
    return fault
"""


def effects_source(p: EffectsOnPart) -> EffectText:
    """Write the module.

    Args:
        p: what is to be computed.

    Returns:
        The text, and what its function is to be given.
    """
    return _Writer(p).written()


class _Writer:
    """Writes one module."""

    def __init__(self, p: EffectsOnPart):
        self.p, self.text = p, EffectText()
        self.functions: list[str] = []
        self.graphs: list[tuple[Graph, Sequence[int]]] = []
        self.masked = bool(p.many)

    def written(self) -> EffectText:
        p, text = self.p, self.text
        alone = [n for n in p.values if n not in p.many]
        self._alone("alone_values", p.graph, [p.values[n] for n in alone], [p.within[n] for n in alone], self._base, [self.number(("now", n)) for n in alone])
        values = self._many_values() if p.many else []
        rest = [*self._rates(), *self._propagators(), *self._constants(), *self._period()]
        levels = [f"numbers[{self.number(('level', m))}] = c{k}[0]" for k, m in enumerate(p.mixed)]
        given = [*(f"c{k}" for k in range(len(p.mixed) + len(p.fields))), *(f"j{k}" for k in range(len(p.fields)))]
        text.arguments += ["numbers", "rows", "size", *given, *(f"{name}{q}" for q in range(len(p.propagated)) for name in ("matrix", "powers", "spans"))]
        text.arguments += ["table", "periods", "first", "last", "sites", *(f"d{k}" for k in p.arrays if k is not None)]
        text.arguments += ["period_array"] if p.period is not None and p.period_array else []
        text.arguments += ["moved"] if p.noted else []
        more = ["from neuropil.engine.effects.kernels import is_tick", "from neuropil.engine.effects.propagator import halved" if p.propagated else ""]
        more += ["from neuropil.engine.effects.kernels import refractory_steps" if p.period is not None else "", f"real = np.{p.real}"]
        head = module_head("What modulators change.", "float64", self.graphs, *more)
        still, moved = ("    moved[0] = 0\n", "    moved[0] = 1\n    moved[1] = 1\n") if p.noted else ("", "")
        # Where values differ between elements, those of one owner may stay while another's move: what follows is done by all, or bits would depend on who owns what.
        due = "    moved[0] = 1\n" if p.noted and p.many else ""
        act = _ACT.format(still=still, due=due, moved=moved, arguments=", ".join(text.arguments[1:]), levels=_lines(levels), values=_lines(values), rest=_lines(rest), outside=OUTSIDE)
        text.source = "\n".join(head) + "\n" + "\n".join(self.functions) + act
        return text

    # --- places ------------------------------------------------------------------------------------------------------

    def number(self, key: Key) -> int:
        """The place of a number."""
        return _place(self.text.numbers, key)

    def row(self, key: Key) -> int:
        """The place of a row."""
        return _place(self.text.rows, key)

    def _base(self, leaf: str) -> str:
        """A leaf of the effects: a parameter as described, or a level."""
        kind, name = leaf.split(".", 1)
        if kind == "c":
            return f"g{list(self.p.fields).index(name)}" if name in self.p.fields else f"x{self.number(('level', name))}"
        return f"y{self.row(('base', name))}" if leaf in self.p.rows else f"x{self.number(('base', name))}"

    def _now(self, leaf: str) -> str:
        """A leaf of what follows: a parameter as it is now, or an entry of a propagator."""
        name, p = leaf.split(".", 1)[1], self.p
        for q, propagated in enumerate(p.propagated):
            for entry, kind, position in propagated.entries:
                if entry == leaf:
                    return f"w{q}_{kind}_{position}" if propagated.spread else f"x{self.number(('entry', leaf))}"
        key = ("now", name) if name in p.values else ("known", leaf)
        many = name in p.many if name in p.values else leaf in p.rows
        return f"y{self.row(key)}" if many else f"x{self.number(key)}"

    # --- functions -----------------------------------------------------------------------------------------------------

    def _body(self, graph: Graph, nodes: Sequence[int], place: Callable[[str], str]) -> tuple[list[str], list[str], list[str], list[str]]:
        """Of some nodes: statements that unpack numbers, the variables that are read element by element, statements, names of the nodes."""
        self.graphs.append((graph, nodes))
        leaves = {graph.nodes[n].value: place(graph.nodes[n].value) for n in graph.reach(nodes) if graph.nodes[n].op == "leaf"}
        lines, names, literals = statements_of(graph, nodes, leaves)
        fixed = [f"{v} = numbers[{v[1:]}]" for v in dict.fromkeys(leaves.values()) if v[0] == "x"]
        fixed += [f"k{j} = numbers[{len(self.text.numbers) + j}]" for j in range(len(literals))]
        self.text.numbers += [("literal", repr(value)) for value in literals]
        return fixed, [v for v in dict.fromkeys(leaves.values()) if v[0] != "x"], lines, names

    def _alone(self, name: str, graph: Graph, roots: Sequence[int], checks: Sequence[int], place: Callable[[str], str], into: Sequence[int]) -> None:
        """A function of numbers: whether checks fail, and whether any result differs from the number that it replaces."""
        fixed, _, lines, names = self._body(graph, [*roots, *checks], place)
        ends = [f"bad |= np.int64(0 if {n} else 1)" for n in names[len(roots) :]]
        ends += [line for n, at in zip(names, into, strict=False) for line in (f"other |= np.int64(0 if numbers[{at}] == {n} else 1)", f"numbers[{at}] = {n}")]
        body = [*fixed, "bad, other = np.int64(0), np.int64(0)", *lines, *ends, "return bad, other"]
        self.functions.append("\n".join(["", "@inner_njit(**KERNEL_FLAGS)", f"def {name}(numbers):", *(f"    {line}" for line in body), ""]))

    def _many(
        self, name: str, graph: Graph, nodes: Sequence[int], place: Callable[[str], str], extra: Sequence[str], ends: Callable[[list[str]], list[str]], given: Sequence[str] = ()
    ) -> str:
        """A loop over elements: the text of its call, which gives whether checks fail, and whether any result is another."""
        fixed, read, lines, names = self._body(graph, nodes, place)
        arguments, call, reads = [], [], []
        for v in read:
            arguments += [f"a{v}", f"at{v}"] if v[0] == "g" else [f"a{v}"]
            kind, *at = v[1:].split("_")
            call += [f"c{len(self.p.mixed) + int(kind)}", f"j{kind}"] if v[0] == "g" else [f"powers{kind}[{', '.join(at)}]"] if v[0] == "w" else [f"rows[{kind}]"]
            reads.append(f"{v} = a{v}[at{v}[i]]" if v[0] == "g" else f"{v} = a{v}[i]")
        body = [*(f"    {line}" for line in [*fixed, "bad, other = np.int64(0), np.int64(0)", "noalias_arguments()", "for i in range(size):"]),
                *(f"        {line}" for line in [*reads, *lines, *ends(names)]), "    return bad, other", ""]  # fmt: skip
        self.functions.append("\n".join(["", "@inner_njit(**KERNEL_FLAGS)", f"def {name}({', '.join(['numbers', 'size', *arguments, *extra])}):", *body]))
        return f"{name}({', '.join(['numbers', 'size', *call, *given])})"

    # --- parts of `act` ------------------------------------------------------------------------------------------------

    def _many_values(self) -> list[str]:
        p = self.p
        into, mask = [self.row(("now", n)) for n in p.many], self.row(CHANGED)

        def ends(names: list[str]) -> list[str]:
            made = [f"bad |= np.int64(0 if {n} else 1)" for n in names[len(into) :]]
            made += ["differs = alone", *(f"differs |= np.int64(0 if o{k}[i] == {n} else 1)" for k, n in enumerate(names[: len(into)]))]
            return [*made, *(f"o{k}[i] = {n}" for k, n in enumerate(names[: len(into)])), "changed[i] = 1.0 if differs != 0 else 0.0", "other |= differs"]

        nodes = [*(p.values[n] for n in p.many), *(p.within[n] for n in p.many)]
        outs = [f"o{k}" for k in range(len(into))]
        call = self._many("many_values", p.graph, nodes, self._base, ["alone", *outs, "changed"], ends, ["alone", *(f"rows[{r}]" for r in into), f"rows[{mask}]"])
        return [f"wrong, many = {call}", "bad |= wrong"]

    def _spread(self, graph: Graph, node: int) -> bool:
        """Whether a node of what follows from parameters differs between elements."""
        return any(self._now(leaf)[0] != "x" for leaf in graph.leaves(node))

    def _rates(self) -> list[str]:
        graph, nodes = self.p.enough
        made = []
        if alone := [n for n in nodes if not self._spread(graph, n)]:
            self._alone("alone_rates", graph, [], alone, self._now, [])
            made += ["bad, _ = alone_rates(numbers)", f"fault |= {SLOW} * bad"]
        if many := [n for n in nodes if self._spread(graph, n)]:
            call = self._many("many_rates", graph, many, self._now, [], lambda names: [f"bad |= np.int64(0 if {n} else 1)" for n in names])
            made += [f"bad, _ = {call}", f"fault |= {SLOW} * bad"]
        return made

    def _propagators(self) -> list[str]:
        return [line for q, propagated in enumerate(self.p.propagated) for line in self._propagated(q, propagated)]

    def _propagated(self, q: int, found: Propagated) -> list[str]:
        graph, nodes = found.coefficients
        self.functions += exponential_text(f"exponentials{q}", found.pattern, found.held, exact=not found.spread)
        if not found.spread:
            into = [self.number(("coefficient", f"{q} {k}")) for k in range(len(nodes))]
            self._alone(f"coefficients{q}", graph, nodes, [], self._now, into)
            filled = [f"coefficients{q}(numbers)", *(f"matrix{q}[{p}, 0] = numbers[{k}]" for p, k in zip(found.positions, into, strict=True))]
        else:
            outs = [f"o{k}" for k in range(len(nodes))]
            given = [f"matrix{q}[{p}]" for p in found.positions]
            filled = [self._many(f"coefficients{q}", graph, nodes, self._now, outs, lambda names: [f"o{k}[i] = {n}" for k, n in enumerate(names)], given)]
        made = [*filled, f"if exponentials{q}(matrix{q}, powers{q}, spans{q}):", f"    numbers[0] = fault | {INFINITE}", f"    return fault | np.int64({INFINITE})"]
        return made if found.spread else [*made, *(f"numbers[{self.number(('entry', leaf))}] = powers{q}[{kind}, {p}, 0]" for leaf, kind, p in found.entries)]

    def _constants(self) -> list[str]:
        p, (graph, nodes) = self.p, self.p.constants
        made = []
        single = {k: column for k, column in enumerate(p.columns) if column is not None}
        if by_site := {k: column for k, column in single.items() if self._spread(graph, nodes[k])}:
            made += self._by_site([nodes[k] for k in by_site], list(by_site.values()))
        if alone := [k for k in single if k not in by_site]:
            self._table([nodes[k] for k in alone], [single[k] for k in alone])
            made += ["if alone:", "    bad = table_constants(numbers, table, first, last)", f"    fault |= {INFINITE} * bad"]
        if many := [k for k, array in enumerate(p.arrays) if array is not None]:
            roots = [nodes[k] for k in many]

            def ends(names: list[str]) -> list[str]:
                made = [] if p.any_value else [f"bad |= np.int64(0 if isfinite({n}) else 1)" for n in names]
                kept = [f"real({n}) if changed[i] != 0.0 else o{k}[i]" if self.masked else f"real({n})" for k, n in enumerate(names)]
                return [*made, *(f"o{k}[i] = {value}" for k, value in enumerate(kept))]

            extra = [*(["changed"] if self.masked else []), *(f"o{k}" for k in range(len(many)))]
            given = [*([f"rows[{self.row(CHANGED)}]"] if self.masked else []), *(f"d{p.arrays[k]}" for k in many)]
            made += [f"bad, _ = {self._many('array_constants', graph, roots, self._now, extra, ends, given)}", f"fault |= {INFINITE} * bad"]
        return made

    def _by_site(self, nodes: Sequence[int], columns: Sequence[int]) -> list[str]:
        """Constants that differ between sites and not between neurons: those of the first neuron, into rows of the kernel's table."""
        into = [self.row(("column", str(column))) for column in columns]

        def ends(names: list[str]) -> list[str]:
            made = [f"bad |= np.int64(0 if isfinite({n}) else 1)" for n in names]
            return [*made, *(f"o{k}[i] = {n}" for k, n in enumerate(names))]

        outs = [f"o{k}" for k in range(len(into))]
        made = [f"bad, _ = {self._many('site_constants', self.p.constants[0], nodes, self._now, outs, ends, [f'rows[{r}]' for r in into])}", f"fault |= {INFINITE} * bad"]
        copies = [f"        table[first + site, {column}] = rows[{r}, site * (size // sites)]" for column, r in zip(columns, into, strict=True)]
        return [*made, "if size:", "    for site in range(last - first):", *copies]

    def _table(self, nodes: Sequence[int], columns: Sequence[int]) -> None:
        """Constants that are one number, into rows of the kernel's table."""
        fixed, _, lines, names = self._body(self.p.constants[0], nodes, self._now)
        ends = [f"bad |= np.int64(0 if isfinite({n}) else 1)" for n in names]
        into = [f"    table[row, {column}] = {n}" for n, column in zip(names, columns, strict=True)]
        body = [*fixed, "bad = np.int64(0)", *lines, *ends, "for row in range(first, last):", *into, "return bad"]
        self.functions.append("\n".join(["", "@inner_njit(**KERNEL_FLAGS)", "def table_constants(numbers, table, first, last):", *(f"    {line}" for line in body), ""]))

    def _period(self) -> list[str]:
        p = self.p
        if p.period is None:
            return []
        step, into = f"numbers[{self.number(('known', 'p.dt'))}]", "period_array" if p.period_array else "periods[first:last]"
        value = f"rows[{self.row(('now', p.period))}]" if p.period in p.many else f"numbers[{self.number(('now', p.period))} : {self.number(('now', p.period)) + 1}]"
        return [f"fault |= {LONG} * refractory_steps({value}, {step}, {into})"]


def _place(keys: list[Key], key: Key) -> int:
    if key not in keys:
        keys.append(key)
    return keys.index(key)


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)
