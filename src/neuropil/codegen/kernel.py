"""From the program of one kind of neuron to its kernel: which values it reads and writes, and its source."""

from __future__ import annotations

from dataclasses import dataclass, field

from neuropil.codegen.elementwise import module_head, statements
from neuropil.lower.neuron_program import RUNAWAY, NeuronProgram


@dataclass(frozen=True)
class KernelSource:
    """The text of a kernel and the order of its array arguments.

    Attributes:
        source: a Python module with one function `advance`.
        arguments: names of its arguments after (bounds, numbers, periods). Those of the soma are `soma_*` (its states),
            `into_` (its input) and `shifts` (uint64[segments]: from an element's place to its soma's, modulo 2**64).
        scalars: number of columns of `numbers`.
        quanta: port -> the column that holds the weight of its quantum.
    """

    source: str
    arguments: tuple[str, ...]
    scalars: int
    quanta: dict[str, int] = field(default_factory=dict)

    @property
    def own_arguments(self) -> tuple[str, ...]:
        """The arrays with an entry per element."""
        return tuple(n for n in self.arguments if n.split("_")[0] not in ("soma", "into", "shifts"))


@dataclass(frozen=True)
class Varying:
    """What differs between the neurons of one population, and is therefore read from arrays.

    Attributes:
        nodes: positions in the frontier.
        weights: counted ports whose drive weight differs.
        period: the refractory period differs.
    """

    nodes: tuple[int, ...] = ()
    weights: tuple[str, ...] = ()
    period: bool = False


def emit(program: NeuronProgram, varying: Varying, precision: str) -> KernelSource:
    """Write the kernel of a program in "float32" or "float64"."""
    return _Writer(program, varying, precision).write()


class _Writer:
    """Names every node and writes the loop."""

    def __init__(self, program: NeuronProgram, varying: Varying, precision: str):
        self.program, self.graph = program, program.graph
        self.varying, self.precision = varying, precision
        self.names: dict[int, str] = {}
        self.head: list[str] = []
        self.body: list[str] = []
        self.arguments: list[str] = []
        self.scalars = 0
        self.quanta: dict[str, int] = {}

    def scalar(self, name: str, comment: str) -> None:
        self.head.append(f"{name} = numbers[segment, {self.scalars}]  # {comment}")
        self.scalars += 1

    def array(self, name: str) -> str:
        self.arguments.append(name)
        return name

    def write(self) -> KernelSource:
        self._constants()
        self._reads()
        self._operations()
        self._writes()
        return KernelSource(self._module(), tuple(self.arguments), self.scalars, self.quanta)

    def _constants(self) -> None:
        for k, node in enumerate(self.program.frontier):
            label = self._describe(node)
            if k in self.varying.nodes:
                self.body.append(f"k{k} = {self.array(f'c{k}')}[i]  # {label}")
            else:
                self.scalar(f"k{k}", label)
            self.names[node] = f"k{k}"

    def _describe(self, node: int) -> str:
        n = self.graph.nodes[node]
        return n.value[2:] if n.op == "leaf" else f"from {', '.join(sorted(x[2:] for x in self.graph.leaves(node)))}"

    def _reads(self) -> None:
        variant, used = self.program.variant, self.graph.leaves(*self.program.roots)
        for state in self.program.states:
            name = self.array(f"s_{state}")
            if f"s.{state}" in used:
                self.body.append(f"{state}_0 = {name}[i]")
        if self.program.refractory:
            self.body.append(f"waiting = {self.array('left')}[i]")
            self.body.append("r = waiting > 0")
        if variant.read or variant.gives:
            self.head.append(f"shift = {self.array('shifts')}[segment]")
            self.body.append("j = i + shift")
        for state in dict.fromkeys(state for _, state in variant.read):
            self.array(f"soma_{state}")
        for name, state in variant.read:
            self.body.append(f"x_{name} = number(soma_{state}[j])")
        for name in variant.driven:
            self.body.append(f"x_{name} = {self.array(f'x_{name}_')}[i]")
        for port in self.program.step.traced.spec.ports:
            if variant.weight_in_use(port):
                self._port(port)
        if self.program.draws_uniform:
            self.body.append(f"u = {self.array('u_')}[i]")

    def _port(self, port: str) -> None:
        variant, terms = self.program.variant, []
        if port in variant.wired:
            self.quanta[port] = self.scalars
            self.scalar(f"q_{port}", f"weight of one unit at {port}")
            name = self.array(f"arrived_{port}")
            terms.append(f"number({name}[i]) * q_{port}")
        if port in variant.counted:
            count = self.array(f"count_{port}")
            if port in self.varying.weights:
                weight = self.array(f"drive_{port}") + "[i]"
            else:
                weight = f"d_{port}"
                self.scalar(weight, f"weight of a Poisson event at {port}")
            terms.append(f"number({count}[i]) * {weight}")
        if port in variant.real:
            terms.append(f"number({self.array(f'real_{port}')}[i])")
        self.body.append(f"w_{port} = {' + '.join(terms)}")
        self.body += [f"arrived_{port}[i] = 0"] if port in variant.wired else []
        self.body += [f"real_{port}[i] = 0.0"] if port in variant.real else []

    def _operations(self) -> None:
        def leaf(name: str) -> str:
            kind, _, rest = name.partition(".")
            return {"s": f"{rest}_0", "x": f"x_{rest}", "w": f"w_{rest}", "r": "r", "u": "u"}[kind]

        self.body += statements(self.graph, self.program.roots, self.names, leaf)

    def _writes(self) -> None:
        program = self.program
        if program.given is not None:
            self.body.append(f"{self.array('into_')}[j] += {self.names[program.given]}")
        for state in program.changing:
            self.body.append(f"s_{state}[i] = {self.names[program.new_states[state]]}")
        stepped = [s for s in program.step.scheme.stepped if s in program.changing]
        if stepped:
            total = " + ".join(f"abs({self.names[program.new_states[s]]})" for s in stepped)
            # In 32 bits throughout: one wider number would halve the lanes of the whole loop.
            self.body.append(f"bad = np.int32(bad + (zero if {total} < number({RUNAWAY!r}) else one))")
        if program.can_fire:
            self.array("fired")
            self.body.append(f"spike = {self.names[program.fired]}")
            self.body.append("fired[i] = 1 if spike else 0")
            if program.refractory:
                self.body.append("rest = waiting - one if r else zero")
                period = f"{self.array('period_')}[i]" if self.varying.period else "period"
                self.body.append(f"pause = {period}")
                self.body.append("left[i] = pause if spike else rest")

    def _module(self) -> str:
        name = self.program.step.traced.name
        about, graphs = f"Kernel of {name}, {self.precision}: one step of every neuron.", [(self.graph, self.program.roots)]
        lines = [
            *module_head(about, self.precision, graphs, "one, zero = np.int32(1), np.int32(0)"),
            "",
            "",
            "@cached_njit(**KERNEL_FLAGS)",
            f"def advance({', '.join(['bounds', 'numbers', 'periods', *self.arguments])}):",
            "    noalias_arguments()",
            "    bad = zero",
            "    for segment in range(bounds.shape[0] - 1):",
            *(f"        {line}" for line in self.head),
            "        period = periods[segment]",
            # Unsigned bounds spare Numba its test for negative indices, which would stop LLVM from vectorising.
            "        for i in range(np.uint64(bounds[segment]), np.uint64(bounds[segment + 1])):",
            *(f"            {line}" for line in self.body),
            "    return bad",
            "",
        ]
        return "\n".join(lines)
