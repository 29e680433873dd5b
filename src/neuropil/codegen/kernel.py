"""The text of a neuron's kernel: one loop over the elements of a batch, from its program and its signature.

Everything in the text is named by its kind and its index in the model ("s0" is the first state), so that models with the same
equations share a kernel, whatever they and their parameters are called; `legend` says what each name stands for.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuropil.codegen.elementwise import module_head, statements
from neuropil.lower.constants import describe
from neuropil.lower.neuron_program import RUNAWAY, NeuronProgram
from neuropil.plan.parts import KernelBatch
from neuropil.plan.signature import Argument, Kind, Signature

NAME = "neuron"
"""The name under which sources of neurons' kernels are kept."""

PREFIX = {
    Kind.STATE: "s", Kind.REFRACTORY: "refractory_left", Kind.EXACT: "exact", Kind.REAL: "real", Kind.COUNT: "count", Kind.WEIGHT_SCALE: "weight_scale",
    Kind.EVENT_WEIGHT: "weight", Kind.INPUT: "x", Kind.CONSTANT: "c", Kind.PERIOD: "period_of", Kind.UNIFORM: "uniform", Kind.FIRED: "fired",
    Kind.SOMA_STATE: "soma", Kind.SOMA_INPUT: "into", Kind.SOMA_SHIFT: "shifts",
}  # fmt: skip


def source_of(batch: KernelBatch) -> str:
    """The text of a batch's kernel: a Python module with one function `advance(bounds, numbers, periods, *arguments)`."""
    return write(batch.program, batch.signature, batch.precision)


def write(program: NeuronProgram, signature: Signature, precision: str) -> str:
    """The text of a program's kernel in a precision, "float32" or "float64"."""
    return _Writer(program, signature, precision).write()


def argument_names(program: NeuronProgram, signature: Signature) -> dict[Argument, str]:
    """The name in the text of every array and column: its kind, and the index of its state, port, input or constant in the model.

    Args:
        program: of the model.
    """
    spec = program.step.traced.spec
    read = tuple(dict.fromkeys(state for _, state in program.variant.read))
    names: dict[Kind, tuple[str, ...]] = {Kind.STATE: program.states, Kind.INPUT: tuple(spec.inputs), Kind.SOMA_STATE: read}
    ports, found = tuple(spec.ports), {}
    for argument in (*signature.arguments, *signature.columns):
        name = argument.name
        index = str(name) if argument.kind is Kind.CONSTANT or name == "" else str(names.get(argument.kind, ports).index(str(name)))
        found[argument] = PREFIX[argument.kind] + index
    return found


def legend(batch: KernelBatch) -> Mapping[str, str]:
    """What the names in the text of a batch's kernel stand for."""
    program, found = batch.program, {}
    for argument, name in argument_names(program, batch.signature).items():
        if argument.kind is Kind.CONSTANT:
            found[name] = describe(program.graph, program.hoisted[int(argument.name)])
        elif argument.name:
            found[name] = argument.label
    return found


class _Writer:
    """Names every node and writes the loop."""

    def __init__(self, program: NeuronProgram, signature: Signature, precision: str):
        self.program, self.graph, self.variant = program, program.graph, program.variant
        self.signature, self.precision = signature, precision
        self.argument = argument_names(program, signature)
        self.names: dict[int, str] = {}
        self.head = [f"{self.argument[a]} = numbers[segment, {j}]" for j, a in enumerate(signature.columns)]
        self.body: list[str] = []

    def name(self, kind: Kind, of: str | int = "") -> str:
        return self.argument[Argument(kind, of)]

    def write(self) -> str:
        self._constants()
        self._reads()
        self.body += statements(self.graph, self.program.roots, self.names, self._leaf)
        self._writes()
        return self._module()

    def _constants(self) -> None:
        for k, node in enumerate(self.program.hoisted):
            constant = Argument(Kind.CONSTANT, k)
            self.names[node] = self.argument[constant]
            if constant in self.signature.arguments:
                self.names[node] = f"k{k}"
                self.body.append(f"k{k} = {self.argument[constant]}[i]")

    def _reads(self) -> None:
        used = self.graph.leaves(*self.program.roots)
        for state in self.program.states:
            if f"s.{state}" in used:
                name = self.name(Kind.STATE, state)
                self.body.append(f"{name}_0 = {name}[i]")
        if self.program.refractory:
            self.body += [f"waiting = {self.name(Kind.REFRACTORY)}[i]", "refractory = waiting > 0"]
        if self.variant.read or self.variant.gives:
            self.head.append(f"shift = {self.name(Kind.SOMA_SHIFT)}[segment]")
            self.body.append("j = i + shift")
        for name, state in self.variant.read:
            self.body.append(f"{self._input(name)} = number({self.name(Kind.SOMA_STATE, state)}[j])")
        for name in self.variant.driven:
            self.body.append(f"{self._input(name)} = {self.name(Kind.INPUT, name)}[i]")
        for port in self.program.step.traced.spec.ports:
            if self.variant.weight_in_use(port):
                self._port(port)
        if self.program.draws_uniform:
            self.body.append(f"u = {self.name(Kind.UNIFORM)}[i]")

    def _input(self, name: str) -> str:
        """What holds an input's value."""
        return f"x{list(self.program.step.traced.spec.inputs).index(name)}_0"

    def _weight(self, port: str) -> str:
        """What holds all that arrives at a port."""
        return f"w{list(self.program.step.traced.spec.ports).index(port)}"

    def _port(self, port: str) -> None:
        terms, cleared = [], []
        if port in self.variant.wired:
            exact = self.name(Kind.EXACT, port)
            terms.append(f"number({exact}[i]) * {self.name(Kind.WEIGHT_SCALE, port)}")
            cleared.append(f"{exact}[i] = 0")
        if port in self.variant.counted:
            weight = Argument(Kind.EVENT_WEIGHT, port)
            each = "[i]" if weight in self.signature.arguments else ""
            terms.append(f"number({self.name(Kind.COUNT, port)}[i]) * {self.argument[weight]}{each}")
        if port in self.variant.real:
            real = self.name(Kind.REAL, port)
            terms.append(f"number({real}[i])")
            cleared.append(f"{real}[i] = 0.0")
        self.body += [f"{self._weight(port)} = {' + '.join(terms)}", *cleared]

    def _leaf(self, leaf: str) -> str:
        kind, _, rest = leaf.partition(".")
        if kind == "s":
            return f"{self.name(Kind.STATE, rest)}_0"
        return {"x": self._input, "w": self._weight}[kind](rest) if rest else {"r": "refractory", "u": "u"}[kind]

    def _writes(self) -> None:
        program = self.program
        if program.given is not None:
            self.body.append(f"{self.name(Kind.SOMA_INPUT)}[j] += {self.names[program.given]}")
        for state in program.changing:
            self.body.append(f"{self.name(Kind.STATE, state)}[i] = {self.names[program.new_states[state]]}")
        stepped = [s for s in program.step.scheme.stepped if s in program.changing]
        if stepped:
            total = " + ".join(f"abs({self.names[program.new_states[s]]})" for s in stepped)
            # In 32 bits throughout: one wider number would halve the lanes of the whole loop.
            self.body.append(f"diverged = np.int32(diverged + (zero if {total} < number({RUNAWAY!r}) else one))")
        if program.can_fire:
            self.body += [f"spike = {self.names[program.fired]}", f"{self.name(Kind.FIRED)}[i] = 1 if spike else 0"]
            if program.refractory:
                each = self.argument.get(Argument(Kind.PERIOD))
                self.body += [
                    "rest = waiting - one if refractory else zero",
                    f"pause = {f'{each}[i]' if each else 'period'}",
                    f"{self.name(Kind.REFRACTORY)}[i] = pause if spike else rest",
                ]

    def _module(self) -> str:
        graphs = [(self.graph, self.program.roots)]
        arguments = [self.argument[a] for a in self.signature.arguments]
        lines = [
            *module_head(f"One step of every neuron, {self.precision}.", self.precision, graphs, "from neuropil.codegen.vectors import wide_vectors", "one, zero = np.int32(1), np.int32(0)"),
            "",
            "",
            "@cached_njit(**KERNEL_FLAGS)",
            f"def advance({', '.join(['bounds', 'numbers', 'periods', *arguments])}):",
            "    noalias_arguments()",
            "    wide_vectors()",
            "    diverged = zero",
            "    for segment in range(bounds.shape[0]):",
            *(f"        {line}" for line in self.head),
            "        period = periods[segment]",
            # Unsigned bounds spare Numba its test for negative indices, which would stop LLVM from vectorising.
            "        for i in range(np.uint64(bounds[segment, 0]), np.uint64(bounds[segment, 1])):",
            *(f"            {line}" for line in self.body),
            "    return diverged",
            "",
        ]
        return "\n".join(lines)
