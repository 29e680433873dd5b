"""Exact propagators of modulated parameters as straight-line text: an effect may change them at every tick.

The operations of `neuropil.lower.propagator` in the same order (a Taylor polynomial by Horner's rule, and squaring); sums with what is always zero and products with
what is always one, which change nothing, are left out. Each element's matrix is halved as often as it needs, so that its bits do not depend on others. One
number is divided as it is there, hence has the same bits; of many, products take the place of quotients, whose last bits may differ.

A block of elements goes through loops over vectors: sizes of matrices, halvings, the polynomial, squares. All entries of an element are in registers; of large
systems, whose polynomial would be a long text, one term of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BLOCK = 256
"""Matrices that are worked on together: their entries stay in the nearest cache."""

TERMS = 14
"""As in `neuropil.lower.propagator`."""

LONGEST = 600
"""Assignments of a polynomial that is written as a whole."""


@dataclass(frozen=True)
class Pattern:
    """Which entries of matrices, and of their exponentials, can differ from zero.

    Attributes:
        rows: of the matrix.
        given: (row, column) of the entries of the matrix; positions: those of the exponential, sorted.
    """

    rows: int
    given: frozenset[tuple[int, int]]
    positions: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, rows: int, entries: Iterable[tuple[int, int]]) -> Pattern:
        """Of matrices with so many rows and these entries."""
        direct, reached = set(entries), {(k, k) for k in range(rows)}
        while grown := {(i, j) for i, a in direct for b, j in reached if a == b} - reached:
            reached |= grown
        return cls(rows, frozenset(direct), tuple(sorted(reached)))

    def live(self, held: Iterable[int]) -> Pattern:
        """Of the matrices with rows of zeros.

        Args:
            held: those rows.
        """
        zero = set(held)
        return Pattern.of(self.rows, [p for p in self.given if p[0] not in zero])


def exponential_text(name: str, pattern: Pattern, held: Sequence[Iterable[int]], exact: bool) -> list[str]:
    """The function `name(matrix, exponentials, spans)`, and those that it calls.

    It takes float64[positions, n] of matrices, float64[kinds, positions, n] of the result, and float64[kinds], ms, by which the matrices are multiplied, and
    returns whether any matrix is not finite; then nothing is to be read.

    Args:
        name: of the function.
        pattern: of the matrices.
        held: of each kind of exponential the rows that count as zero.
        exact: divide as `neuropil.lower.propagator` does.
    """
    functions, calls = list[str](), list[str]()
    for kind, rows in enumerate(held):
        more, call = _kind(f"{name}_{kind}", kind, pattern, pattern.live(rows), exact)
        functions += more
        calls += call
    body = ["largest, scale, halvings = " + ", ".join([f"np.empty({BLOCK})"] * 3),
            f"for start in range(0, matrix.shape[1], {BLOCK}):", f"    stop = min(start + {BLOCK}, matrix.shape[1])", *(f"    {line}" for line in calls), "return False"]  # fmt: skip
    return [*functions, _function(name, ["matrix", "made", "spans"], body)]


def _kind(name: str, kind: int, pattern: Pattern, live: Pattern, exact: bool) -> tuple[list[str], list[str]]:
    """Functions of a kind of exponential, and the lines of a block that call them."""
    at = {p: k for k, p in enumerate(pattern.positions)}
    given = sorted(live.given)
    polynomial, last = _polynomial(live, exact)
    moving = [p for p in live.positions if last[p] not in ("0.0", "1.0")]
    still = [f"made[{kind}, {k}, start:stop] = {last.get(p, '0.0')}" for p, k in at.items() if p not in moving]
    if not moving:
        return [], still
    outs, now = [f"o{at[p]}" for p in moving], {p: f"r{at[p]}" if p in moving else last[p] for p in live.positions}
    matrix = "".join(f", matrix[{at[p]}, start:stop]" for p in given)
    made = "".join(f", made[{kind}, {at[p]}, start:stop]" for p in moving)
    scaled = [f"x{i}_{j} = (a{at[i, j]}[m] * span) * scale[m]" for i, j in given]
    call = f"{name}_series(spans[{kind}], scale[: stop - start]{matrix}{made}"
    if len(polynomial) <= LONGEST:
        series, more, calls = [*scaled, *polynomial, *(f"o{at[p]}[m] = {last[p]}" for p in moving)], [], [f"{call})"]
    else:
        still += [f"made[{kind}, {at[i, j]}, start:stop] = {float(i == j)}" for i, j in moving]
        divided = "({}) / term" if exact else "({}) * part"
        series = [*scaled, *(f"r{at[p]} = o{at[p]}[m]" for p in moving)]
        series += [f"o{at[p]}[m] = {'1.0 + ' if p[0] == p[1] else ''}{divided.format(_sum(p, live.rows, {g: f'x{g[0]}_{g[1]}' for g in given}, now))}" for p in moving]
        more, calls = ["term", "part"], [f"for term in range({TERMS}, 0, -1):", f"    {call}, np.float64(term), 1.0 / np.float64(term))"]
    squares = [f"r{at[p]} = o{at[p]}[m]" for p in moving]
    squares += [f"o{at[p]}[m] = {_sum(p, live.rows, now, now)} if squaring < halvings[m] else r{at[p]}" for p in moving]
    functions = [
        _function(f"{name}_sizes", ["span", "largest", *(f"a{at[p]}" for p in given)], _vector(_sizes(given, at), "largest", "return bad", "bad = np.int64(0)")),
        _function(f"{name}_series", ["span", "scale", *(f"a{at[p]}" for p in given), *outs, *more], _vector(series, "scale")),
        _function(f"{name}_squares", ["squaring", "halvings", *outs], _vector(squares, "halvings")),
    ]
    calls = [
        f"if {name}_sizes(spans[{kind}], largest[: stop - start]{matrix}):", "    return True",
        "most = halved(largest[: stop - start], scale, halvings)", *calls,
        "for squaring in range(most):", f"    {name}_squares(np.float64(squaring), halvings[: stop - start]{made})",
    ]  # fmt: skip
    return functions, [*still, *calls]


def _sizes(given: Sequence[tuple[int, int]], at: dict[tuple[int, int], int]) -> list[str]:
    """The largest sum of magnitudes of a row."""
    lines, most = list[str](), "0.0"
    for i in sorted({i for i, _ in given}):
        lines.append(f"s{i} = " + " + ".join(f"abs(a{at[p]}[m] * span)" for p in given if p[0] == i))
        lines.append(f"l{i} = {most} if s{i} <= {most} else s{i}")
        most = f"l{i}"
    return [*lines, f"bad |= np.int64(0 if {most} < np.inf else 1)", f"largest[m] = {most}"]


def _polynomial(live: Pattern, exact: bool) -> tuple[list[str], dict[tuple[int, int], str]]:
    """Assignments, and the text of each entry."""
    scaled = {p: f"x{p[0]}_{p[1]}" for p in live.given}
    now = {(i, j): "1.0" if i == j else "0.0" for i, j in live.positions}
    lines = list[str]()
    for term in range(TERMS, 0, -1):
        new = {}
        for i, j in live.positions:
            total = _sum((i, j), live.rows, scaled, now)
            if total == "0.0":
                new[i, j] = "1.0" if i == j else "0.0"
                continue
            total = total if term == 1 else f"({total}) / {term}.0" if exact else f"({total}) * {1.0 / term!r}"
            new[i, j] = f"t{term}_{i}_{j}"
            lines.append(f"t{term}_{i}_{j} = " + (f"1.0 + {total}" if i == j else total))
        now = new
    return lines, now


def _sum(position: tuple[int, int], rows: int, first: dict[tuple[int, int], str], second: dict[tuple[int, int], str]) -> str:
    """An entry of a product of matrices."""
    i, j = position
    pairs = [(first.get((i, a), "0.0"), second.get((a, j), "0.0")) for a in range(rows)]
    terms = [b if a == "1.0" else a if b == "1.0" else f"{a} * {b}" for a, b in pairs if "0.0" not in (a, b)]
    return " + ".join(terms) or "0.0"


def _vector(body: Sequence[str], like: str, end: str = "", before: str = "") -> list[str]:
    """A loop over the elements of a block."""
    return ["noalias_arguments()", *([before] if before else []), f"for m in range({like}.size):", *(f"    {line}" for line in body), *([end] if end else [])]


def _function(name: str, arguments: Sequence[str], body: Sequence[str]) -> str:
    return "\n".join(["", "@inner_njit(**KERNEL_FLAGS)", f"def {name}({', '.join(arguments)}):", *(f"    {line}" for line in body), ""])
