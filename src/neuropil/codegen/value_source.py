"""The text of two kernels for what elements send: forward in time their values, and the product backward, which adds to cotangents."""

from __future__ import annotations

from neuropil.codegen.elementwise import module_head, statements
from neuropil.codegen.gradient_source import Writer
from neuropil.plan.gradient_signature import Role, ValueSignature


def source_of(signature: ValueSignature, precision: str) -> str:
    """A module with `forward(k, row, n, *arguments)` and, where a product is wanted, `backward(k, row, n, *arguments)`.

    Args:
        signature: their arguments.
        precision: "float32" or "float64".
    """
    program = signature.program
    loops = [_Forward(signature).text("forward", signature.forward)]
    if program.use.product:
        loops.append(_Backward(signature).text("backward", signature.backward))
    lines = module_head(
        f"What elements send and its vector-Jacobian product, {precision}.", precision, [(program.graph, [*program.forward, *program.backward])],
        "from neuropil.codegen.vectors import wide_vectors",
    )  # fmt: skip
    return "\n".join([*lines, *(line for loop in loops for line in loop), ""])


class _Forward(Writer):
    """The loop of the values."""

    def __init__(self, signature: ValueSignature):
        super().__init__(signature, signature.program.forward)
        program = signature.program
        for leaf in program.read:
            kind, _, n = leaf.partition(".")
            self.body += [f"{self.leaf(leaf)} = {self.name(Role.STATE, n)}[i]"] if kind == "s" else self.input(n)
        self.body += statements(self.graph, self.roots, self.names, self.leaf)
        self.body += [f"{self.name(Role.TAPE, leaf)}[row, i] = {self.leaf(leaf)}" for leaf in program.tape]
        self.head.append("at_value = k % value.shape[0]")
        self.body.append(f"value[at_value, i] = {self.names[program.value]}")


class _Backward(Writer):
    """The loop of the product. A cotangent that was taken is zero afterwards: its place is that of another step."""

    def __init__(self, signature: ValueSignature):
        super().__init__(signature, signature.program.backward)
        program, use, name = signature.program, self.use, self.name
        self.head.append("at_value_bar = k % value_bar.shape[0]")
        self.body.append("z = value_bar[at_value_bar, i]")
        self.body += [f"{self.leaf(leaf)} = {name(Role.TAPE, leaf)}[row, i]" for leaf in program.tape]
        self.body += statements(self.graph, self.roots, self.names, self.leaf)
        self.body += [f"{name(Role.STATE_BAR, n)}[i] += {self.names[node]}" for n, node in program.state_bar.items()]
        for n, node in program.input_bar.items():
            self.body += [f"{name(Role.CURRENT_BAR, n)}[k, i] += {self.names[node]}"] if n in use.current_bars else []
            self.body += [f"{name(Role.FLOW_BAR, n)}[i] += {self.names[node]}"] if n in use.flows else []
        self.body += [f"{name(Role.PARAMETER_BAR, n)}[i] += {self.names[node]}" for n, node in program.parameter_bar.items()]
        self.body.append("value_bar[at_value_bar, i] = number(0.0)")
