"""The text of two kernels for one kind of neuron: a step forward in time, which fills a tape, and its product backward, which reads it.

Everything is named by its role and place, so models with the same equations share kernels.
"""

from __future__ import annotations

from neuropil.codegen.elementwise import module_head, statements
from neuropil.plan.gradient_signature import FIRED, NEAR, RESTING, Argument, GradientSignature, Role

NAME = "gradient"
"""The name under which these sources are kept."""


def source_of(signature: GradientSignature, precision: str) -> str:
    """A module with `forward(k, row, n, *arguments)` and, where a product is wanted, `backward(k, row, n, *arguments)`: step k of a sample, row of its tape,
    elements.

    Args:
        signature: their arguments.
        precision: "float32" or "float64".
    """
    program = signature.program
    loops = [_Forward(signature).text("forward", signature.forward)]
    if program.use.product:
        loops.append(_Backward(signature).text("backward", signature.backward))
    lines = module_head(
        f"A step of every neuron and its vector-Jacobian product, {precision}.", precision, [(program.graph, [*program.forward, *program.backward])],
        "from neuropil.codegen.numerics import flush_subnormal", "from neuropil.codegen.vectors import wide_vectors", "one, zero = np.int32(1), np.int32(0)",
    )  # fmt: skip
    return "\n".join([*lines, *(line for loop in loops for line in loop), ""])


class _Writer:
    """What both loops share.

    Args:
        signature: arguments of the kernel.
        roots: nodes that it computes.
    """

    def __init__(self, signature: GradientSignature, roots: list[int]):
        self.signature, self.program, self.graph = signature, signature.program, signature.program.graph
        self.use, self.roots = signature.program.use, roots
        self.names: dict[int, str] = {}
        self.head: list[str] = []
        self.body: list[str] = []
        for j in signature.constants(roots):
            self.names[self.program.hoisted[j]] = f"k{j}"
            (self.body if j in signature.apart else self.head).append(f"k{j} = constant{j}[i]" if j in signature.apart else f"k{j} = numbers[{j}]")

    def name(self, role: Role, of: str = "") -> str:
        """An argument's name in the text, by its role and what it is of."""
        return self.named(Argument(role, of))

    def named(self, argument: Argument) -> str:
        """The name of an argument in the text."""
        role, of = argument.role, argument.name
        if role is Role.TAPE:
            return f"tape_{self.leaf(of)}"
        names, base = self.program.names, role.value and role.name.lower()
        if role is Role.CONSTANT:
            return f"constant{of}"
        if not of:
            return base
        places = {
            Role.STATE: names.states, Role.STATE_BAR: names.states, Role.RECORD: names.states, Role.RECORD_BAR: names.states, Role.PARAMETER_BAR: names.parameters,
            Role.CURRENT: names.inputs, Role.CURRENT_BAR: names.inputs, Role.FLOW: names.inputs, Role.FLOW_BAR: names.inputs,
        }.get(role, names.ports)  # fmt: skip
        return f"{base}{places.index(of)}"

    def leaf(self, leaf: str) -> str:
        """What holds the value of a leaf, by its name."""
        kind, _, of = leaf.partition(".")
        if not of:
            return {"r": "resting", "u": "drawn", "z": "z"}[kind]
        if kind == "n":
            return f"n{of}"
        places = {"s": self.program.names.states, "g": self.program.names.states, "x": self.program.names.inputs, "w": self.program.names.ports}[kind]
        return f"{kind}{places.index(of)}"

    def input(self, n: str) -> list[str]:
        """The statement that reads an input `n`, if it is in use."""
        terms = [f"{self.name(Role.CURRENT, n)}[k, i]"] if n in self.use.currents else []
        terms += [f"{self.name(Role.FLOW, n)}[i]"] if n in self.use.flows else []
        return [f"{self.leaf(f'x.{n}')} = {' + '.join(terms)}"] if terms else []

    def text(self, function: str, arguments: tuple[Argument, ...]) -> list[str]:
        """The lines of a function with these arguments."""
        return [
            "", "", "@cached_njit(**KERNEL_FLAGS)", f"def {function}({', '.join(['k', 'row', 'n', *map(self.named, arguments)])}):",
            "    noalias_arguments()", "    wide_vectors()", *(f"    {line}" for line in self.head),
            # Unsigned bounds spare Numba its test for negative indices, which would stop LLVM from vectorising.
            "    for i in range(np.uint64(n)):", *(f"        {line}" for line in self.body),
        ]  # fmt: skip


class _Forward(_Writer):
    """The loop of a step."""

    def __init__(self, signature: GradientSignature):
        super().__init__(signature, signature.program.forward)
        self._reads()
        self.body += statements(self.graph, self.roots, self.names, self.leaf)
        self.body += [f"n{j} = {self.names[node]}" for j, node in enumerate(signature.program.cut)]
        self._writes()

    def _reads(self) -> None:
        program, use = self.program, self.use
        self.body += [f"{self.leaf(f's.{n}')} = {self.name(Role.STATE, n)}[i]" for n in program.names.states]
        self.body += [line for n in program.names.inputs for line in self.input(n)]
        for n in program.names.ports:
            terms = [f"{self.name(Role.EVENTS, n)}[k, i]"] if n in use.events else []
            if n in use.rings:
                ring = self.name(Role.RING, n)
                self.head.append(f"at_{ring} = k % {ring}.shape[0]")
                terms.append(f"{ring}[at_{ring}, i]")
            if terms:
                self.body.append(f"{self.leaf(f'w.{n}')} = {' + '.join(terms)}")
        if program.names.rests:
            self.body += ["waiting = left[i]", "resting = waiting > zero"]
        if program.draws(self.roots):
            self.body.append("drawn = uniform[k, i]")

    def _writes(self) -> None:
        program, use, name = self.program, self.use, self.name
        self.body += [f"{name(Role.TAPE, leaf)}[row, i] = {self.leaf(leaf)}" for leaf in program.tape]
        self.body += [f"{name(Role.STATE, n)}[i] = {self.names[node]}" for n, node in program.new.items()]
        self.body += [f"{name(Role.RECORD, n)}[k, i] = {self.names[program.new[n]]}" for n in use.recorded]
        self.body += [f"{name(Role.RING, n)}[at_{name(Role.RING, n)}, i] = number(0.0)" for n in use.rings]
        self.body += [f"{name(Role.FLOW, n)}[i] = number(0.0)" for n in use.flows]
        bits = []
        if program.can_fire:
            self.body.append(f"spike = {self.names[program.fired]}")
            bits.append(_bit("fired", "spike", FIRED))
            if program.spike_matters:
                bits.append(_bit("near", f"{self.names[program.slope]} != number(0.0)", NEAR))
        if program.names.rests:
            bits.append(_bit("rest", "resting", RESTING))
            period = "period[i]" if self.signature.periods else "pause"
            self.head += [] if self.signature.periods else ["pause = period[0]"]
            self.body += ["further = waiting - one if resting else zero", f"left[i] = {period} if spike else further" if program.can_fire else "left[i] = further"]
        if bits:
            self.body += [line for line, _ in bits] + [f"code[k, i] = {' | '.join(n for _, n in bits)}"]


class _Backward(_Writer):
    """The loop of the product."""

    def __init__(self, signature: GradientSignature):
        super().__init__(signature, signature.program.backward)
        self.names |= {node: f"n{j}" for j, node in enumerate(signature.program.cut)}
        self.names |= {signature.program.fired: "emitted"} if signature.program.reads_fired else {}
        self._reads()
        self.body += statements(self.graph, self.roots, self.names, self.leaf)
        self._writes()

    def _reads(self) -> None:
        program, use, name = self.program, self.use, self.name
        for n in program.names.states:
            more = f" + {name(Role.RECORD_BAR, n)}[k, i]" if n in use.recorded else ""
            self.body.append(f"{self.leaf(f'g.{n}')} = {name(Role.STATE_BAR, n)}[i]{more}")
        if program.spike_matters:
            self.head.append("at_spike_bar = k % spike_bar.shape[0]")
            self.body.append("z = spike_bar[at_spike_bar, i]")
        self.body += [f"{self.leaf(leaf)} = {name(Role.TAPE, leaf)}[row, i]" for leaf in program.tape]
        self.body += [f"resting = (code[k, i] & np.uint8({RESTING})) != np.uint8(0)"] if program.names.rests else []
        self.body += [f"emitted = (code[k, i] & np.uint8({FIRED})) != np.uint8(0)"] if program.reads_fired else []
        self.body += ["drawn = uniform[k, i]"] if program.draws(self.roots) else []

    def _writes(self) -> None:
        program, use, name = self.program, self.use, self.name
        for n, node in program.state_bar.items():
            self.body.append(f"{name(Role.STATE_BAR, n)}[i] = flush_subnormal({self.names[node]})")
        for n in use.rings:
            ring = name(Role.RING_BAR, n)
            self.head.append(f"at_{ring} = k % {ring}.shape[0]")
            self.body.append(f"{ring}[at_{ring}, i] = {self.names[program.port_bar[n]]}")
        self.body += [f"{name(Role.EVENTS_BAR, n)}[k, i] = {self.names[program.port_bar[n]]}" for n in use.event_bars]
        self.body += [f"{name(Role.CURRENT_BAR, n)}[k, i] = {self.names[program.input_bar[n]]}" for n in use.current_bars]
        self.body += [f"{name(Role.FLOW_BAR, n)}[i] = {self.names[program.input_bar[n]]}" for n in use.flows]
        self.body += [f"{name(Role.PARAMETER_BAR, n)}[i] += {self.names[program.parameter_bar[n]]}" for n in self.signature.parameters]


def _bit(name: str, condition: str, value: int) -> tuple[str, str]:
    """The statement that makes a bit of a condition, and its name: 8 bits wide, so that it does not widen the loop."""
    return f"{name} = np.uint8({value}) if {condition} else np.uint8(0)", name
