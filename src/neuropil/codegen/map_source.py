"""The text of two kernels for a function of elements: forward in time, and its product backward, which sets or adds to cotangents.

Arrays are named by their places among the arguments, so functions with the same equations share kernels.
"""

from __future__ import annotations

from collections.abc import Iterable

from neuropil.codegen.elementwise import module_head, statements
from neuropil.plan.map_signature import Access, MapSignature, Place, arrays


def source_of(signature: MapSignature, precision: str) -> str:
    """A module with `forward(k, row, n, numbers, *constants, *arrays, *tapes)` and, where a product is wanted, `backward(k, row, n, numbers, *constants,
    *tapes, *arrays, *parameters)`; an array that is picked from comes with its index behind it.

    Args:
        signature: their arguments.
        precision: "float32" or "float64".
    """
    program = signature.program
    lines = module_head(
        f"A function of elements and its vector-Jacobian product, {precision}.", precision, [(program.graph, [*program.forward, *program.backward])],
        "from neuropil.codegen.numerics import flush_subnormal", "from neuropil.codegen.vectors import wide_vectors",
    )  # fmt: skip
    functions = [_forward(signature), *([_backward(signature)] if program.backward else [])]
    return "\n".join([*lines, *(line for function in functions for line in function), ""])


class _Writer:
    """One function.

    Args:
        signature: its arguments.
        roots: nodes that it computes.
        places: of its arrays.
    """

    def __init__(self, signature: MapSignature, roots: list[int], places: Iterable[Place]):
        self.program, self.head, self.body = signature.program, [], []  # type: ignore[var-annotated]
        self.roots = roots
        self.names: dict[int, str] = {}
        self.tapes = [f"tape{j}" for j in range(len(self.program.tape))]
        constants = signature.constants(roots)
        for j in constants:
            self.names[self.program.hoisted[j]] = f"c{j}"
            (self.body if j in signature.apart else self.head).append(f"c{j} = constant{j}[i]" if j in signature.apart else f"c{j} = numbers[{j}]")
        self.constants = ["numbers", *(f"constant{j}" for j in constants if j in signature.apart)]
        self.arrays: dict[object, str] = {}
        self.arguments: list[str] = []
        for j, place in enumerate(arrays(places)):
            name = self.arrays[place.key, id(place.index)] = f"a{j}"
            self.arguments += [name, *([f"index{j}"] if place.index is not None else [])]
            if place.access in (Access.ROUND, Access.PICKED_ROUND):
                self.head.append(f"row_{name} = k % {name}.shape[0]")

    def at(self, place: Place) -> str:
        """The entry of a place."""
        name = self.arrays[place.key, id(place.index)]
        index = f"index{name[1:]}[i]"
        return name + {
            Access.OWN: "[i]", Access.STEP: "[k, i]", Access.ROUND: f"[row_{name}, i]", Access.PICKED: f"[np.uint64({index})]",
            Access.PICKED_ROUND: f"[row_{name}, np.uint64({index})]", Access.SHARED: "[k]",
        }[place.access]  # fmt: skip

    def leaf(self, leaf: str) -> str:
        """What holds the value of a leaf."""
        if leaf.startswith("g."):
            return f"g{list(self.program.given).index(leaf.removeprefix('g.'))}"
        return f"v{self.program.names.index(leaf)}"

    def compute(self) -> None:
        """The statements of the roots."""
        self.body += statements(self.program.graph, self.roots, self.names, self.leaf)

    def put(self, place: Place, node: int) -> None:
        """Set, or add to, the entry of a place."""
        self.body.append(f"{self.at(place)} = flush_subnormal({self.names[node]})" if place.set else f"{self.at(place)} += {self.names[node]}")

    def text(self, function: str, arguments: list[str]) -> list[str]:
        """The lines of the function."""
        return [
            "", "", "@cached_njit(**KERNEL_FLAGS)", f"def {function}({', '.join(['k', 'row', 'n', *arguments])}):", "    noalias_arguments()", "    wide_vectors()",
            *(f"    {line}" for line in self.head), "    for i in range(np.uint64(n)):", *(f"        {line}" for line in self.body),
        ]  # fmt: skip


def _forward(signature: MapSignature) -> list[str]:
    writer = _Writer(signature, signature.program.forward, signature.forward_places)
    for n in signature.read:
        writer.body.append(f"{writer.leaf(n)} = {' + '.join(writer.at(place) for place in signature.reads[n])}")
        writer.body += [f"{writer.at(place)} = number(0.0)" for place in signature.reads[n] if place.cleared]
    writer.compute()
    writer.body += [f"{tape}[row, i] = {writer.leaf(n)}" for tape, n in zip(writer.tapes, signature.program.tape, strict=True)]
    for n, node in signature.program.given.items():
        writer.put(signature.writes[n], node)
    return writer.text("forward", [*writer.constants, *writer.arguments, *writer.tapes])


def _backward(signature: MapSignature) -> list[str]:
    program = signature.program
    writer = _Writer(signature, program.backward, signature.backward_places)
    for n in signature.pulled:
        place = signature.cotangents[n]
        writer.body.append(f"{writer.leaf(f'g.{n}')} = {writer.at(place)}")
        writer.body += [f"{writer.at(place)} = number(0.0)"] if place.cleared else []
    writer.body += [f"{writer.leaf(n)} = {tape}[row, i]" for tape, n in zip(writer.tapes, program.tape, strict=True)]
    writer.compute()
    for n in signature.barred:
        for place in signature.bars[n]:
            writer.put(place, program.leaf_bar[n])
    writer.body += [f"parameter{j}[i] += {writer.names[node]}" for j, node in enumerate(program.parameter_bar.values())]
    return writer.text("backward", [*writer.constants, *writer.tapes, *writer.arguments, *(f"parameter{j}" for j in range(len(program.parameter_bar)))])
