"""Expressions and equations as text, as LaTeX and as MathML: one walk over an expression, three notations."""

from __future__ import annotations

import math
from html import escape
from typing import Any, ClassVar

from neuropil.view.cards.symbols import COMPARISONS, Symbol

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η", "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "xi": "ξ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
SIGNS = {"plus": "+", "minus": "−", "inf": "∞"}
_SUM, _PRODUCT, _POWER, _ATOM = 4, 5, 6, 7
_LOGIC = {"logical_or": (1, "or"), "logical_and": (2, "and")}
_SHORT = {"maximum": "max", "minimum": "min", "absolute": "abs", "log": "ln", "logical_not": "not"}


def split_name(name: str) -> tuple[str, list[str]]:
    """A name of Python as a letter or word and its subscripts: "tau_m" is "tau" with "m"; "a2_plus" is "a" with "2" and "plus"."""
    head, *rest = name.strip("_").split("_")
    letters = head.rstrip("0123456789")
    digits = head[len(letters) :]
    return (letters, [digits, *rest] if digits else rest) if letters else (head, rest)


class Notation:
    """Plain text, which names everything as Python does; the base of the other notations."""

    times, minus, comma = " · ", "-", ", "
    around: ClassVar[dict[str, tuple[str, str]]] = {}
    """Functions that are written by what stands before and after their argument."""

    def name(self, name: str) -> str:
        """A name of the model."""
        return name

    def number(self, value: float) -> str:
        """A number, the `value`, with at most six digits."""
        if isinstance(value, float) and value in (math.e, math.pi):
            return self.constant("e" if value == math.e else "π")
        return f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e")

    def constant(self, sign: str) -> str:
        """A constant of mathematics by its sign."""
        return sign

    def joined(self, *pieces: str) -> str:
        """The `pieces` side by side."""
        return "".join(pieces)

    def sign(self, sign: str) -> str:
        """An operator or relation, `sign`, between two expressions."""
        return f" {sign} "

    def bracketed(self, inner: str) -> str:
        """The expression `inner` in parentheses."""
        return f"({inner})"

    def fraction(self, above: str, below: str) -> str:
        """A quotient, `above` / `below`, which have the parentheses that a line of text needs."""
        return f"{above} / {below}"

    def power(self, base: str, exponent: str) -> str:
        """A power: `base` to the `exponent`."""
        return f"{base}^{exponent}"

    def call(self, function: str, arguments: list[str]) -> str:
        """A `function` of expressions, the `arguments`."""
        inner = self.comma.join(arguments)
        if function in self.around:
            before, after = self.around[function]
            return f"{before}{inner}{after}"
        return self.joined(self.function(_SHORT.get(function, function)), self.bracketed(inner))

    def function(self, name: str) -> str:
        """The `name` of a function."""
        return name

    def cases(self, condition: str, first: str, second: str) -> str:
        """The value `first` where the `condition` holds, else the `second`."""
        return f"({first} if {condition}, else {second})"

    def rate(self, state: str) -> str:
        """The left side of a differential equation of a `state`."""
        return f"d({state})/dt" if state.startswith("d") else f"d{state}/dt"

    def words(self, text: str) -> str:
        """Words, `text`, within a formula."""
        return text

    @property
    def flat(self) -> bool:
        """Whether a formula is a line of text, so that quotients and exponents need parentheses."""
        return True

    # --- expressions -----------------------------------------------------------------------------------------------

    def expression(self, value: Any, whole: bool = False) -> str:
        """An expression in this notation.

        Args:
            value: a symbol or a number.
            whole: write it out even if a local variable holds it, as on the right side of that variable's definition.
        """
        return self._written(value, whole)[0]

    def _written(self, value: Any, whole: bool = False) -> tuple[str, int]:
        """The text of an expression and how tightly it binds."""
        if not isinstance(value, Symbol):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return self.words(str(value)), _ATOM
            return self.number(float(value)), _SUM if value < 0 else _ATOM
        if value.local and not whole:
            return self.name(value.local), _ATOM
        method = getattr(self, f"_{value.op}", None)
        if method is not None:
            return method(*value.args)  # type: ignore[no-any-return]
        if value.op in COMPARISONS:
            return self.joined(self._at(value.args[0], 4), self.sign(COMPARISONS[value.op]), self._at(value.args[1], 4)), 3
        if value.op in _LOGIC:
            binds, word = _LOGIC[value.op]
            return self.joined(self._at(value.args[0], binds), self.sign(word), self._at(value.args[1], binds)), binds
        return self.call(value.op, [self.expression(a) for a in value.args]), _POWER if value.op == "exp" and "exp" in self.around else _ATOM

    def _at(self, value: Any, least: int) -> str:
        """An expression, in parentheses if it binds less tightly than `least`."""
        text, binds = self._written(value)
        return text if binds >= least else self.bracketed(text)

    def _name(self, name: str) -> tuple[str, int]:
        return self.name(name), _ATOM

    def _add(self, a: Any, b: Any) -> tuple[str, int]:
        return self.joined(self._at(a, _SUM), self.sign("+"), self._at(b, _PRODUCT)), _SUM

    def _sub(self, a: Any, b: Any) -> tuple[str, int]:
        return self.joined(self._at(a, _SUM), self.sign(self.minus), self._at(b, _PRODUCT)), _SUM

    def _neg(self, a: Any) -> tuple[str, int]:
        return self.joined(self.minus, self._at(a, _PRODUCT)), _SUM

    def _mul(self, a: Any, b: Any) -> tuple[str, int]:
        return self.joined(self._at(a, _PRODUCT), self.times, self._at(b, _PRODUCT)), _PRODUCT

    def _div(self, a: Any, b: Any) -> tuple[str, int]:
        if self.flat:
            return self.fraction(self._at(a, _PRODUCT), self._at(b, _POWER)), _PRODUCT
        return self.fraction(self.expression(a), self.expression(b)), _PRODUCT

    def _pow(self, a: Any, b: Any) -> tuple[str, int]:
        return self.power(self._at(a, _ATOM), self._at(b, _ATOM) if self.flat else self.expression(b)), _POWER

    def _where(self, condition: Any, a: Any, b: Any) -> tuple[str, int]:
        return self.cases(self.expression(condition), self.expression(a), self.expression(b)), _ATOM


class Latex(Notation):
    """LaTeX, for notebooks."""

    times = r"\,"
    around: ClassVar[dict[str, tuple[str, str]]] = {"exp": (r"\mathrm{e}^{", "}"), "sqrt": (r"\sqrt{", "}"), "absolute": (r"\left|", r"\right|")}

    @property
    def flat(self) -> bool:
        return False

    def name(self, name: str) -> str:
        head, below = split_name(name)
        base = self._letter(head)
        return f"{base}_{{{','.join(self._letter(b) for b in below)}}}" if below else base

    def _letter(self, text: str) -> str:
        if text in GREEK:
            return f"\\{text}"
        if text in SIGNS:
            return {"plus": "+", "minus": "-", "inf": r"\infty"}[text]
        return text if len(text) == 1 or text.isdigit() else rf"\mathrm{{{text}}}"

    def number(self, value: float) -> str:
        text = super().number(value)
        head, e, exponent = text.partition("e")
        return rf"{head} \cdot 10^{{{exponent}}}" if e and exponent.lstrip("-").isdigit() else text

    def constant(self, sign: str) -> str:
        return {"π": r"\pi"}.get(sign, r"\mathrm{e}")

    def sign(self, sign: str) -> str:
        return " " + {"≤": r"\le", "≥": r"\ge", "≠": r"\ne", "←": r"\leftarrow", "or": r"\lor", "and": r"\land"}.get(sign, sign) + " "

    def bracketed(self, inner: str) -> str:
        return rf"\left({inner}\right)"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def function(self, name: str) -> str:
        return rf"\{name}" if name in ("max", "min", "ln", "sin", "cos", "tanh") else rf"\operatorname{{{name.replace('_', ' ')}}}"

    def cases(self, condition: str, first: str, second: str) -> str:
        return rf"\begin{{cases}} {first} & {condition} \\ {second} & \text{{otherwise}} \end{{cases}}"

    def rate(self, state: str) -> str:
        return rf"\frac{{\mathrm{{d}}{state}}}{{\mathrm{{d}}t}}"

    def words(self, text: str) -> str:
        escaped = text.replace("_", r"\_")
        return rf"\text{{{escaped}}}"


class MathML(Notation):
    """MathML, which browsers show without a script."""

    times, minus, comma = "<mo>&#x2009;</mo>", "<mo>−</mo>", "<mo>,</mo>"
    around: ClassVar[dict[str, tuple[str, str]]] = {
        "exp": ("<msup><mi>e</mi><mrow>", "</mrow></msup>"), "sqrt": ("<msqrt>", "</msqrt>"), "absolute": ("<mrow><mo>|</mo>", "<mo>|</mo></mrow>"),
    }  # fmt: skip

    @property
    def flat(self) -> bool:
        return False

    def name(self, name: str) -> str:
        head, below = split_name(name)
        base = self._letter(head)
        return f"<msub>{base}<mrow>{'<mo>,</mo>'.join(self._letter(b) for b in below)}</mrow></msub>" if below else base

    def _letter(self, text: str) -> str:
        if text in SIGNS:
            return f"<mo>{SIGNS[text]}</mo>"
        shown = escape(GREEK.get(text, text))
        return f"<mn>{shown}</mn>" if text.isdigit() else f"<mi>{shown}</mi>"

    def number(self, value: float) -> str:
        text = super().number(value)
        if text.startswith("<"):
            return text
        head, e, exponent = text.partition("e")
        shown = f"<mn>{head.lstrip('-')}</mn>" + (f"<mo>·</mo><msup><mn>10</mn><mn>{exponent.replace('-', '−')}</mn></msup>" if e else "")
        return f"<mrow>{self.minus}{shown}</mrow>" if head.startswith("-") else shown

    def constant(self, sign: str) -> str:
        return f"<mi>{sign}</mi>"

    def joined(self, *pieces: str) -> str:
        return f"<mrow>{''.join(pieces)}</mrow>"

    def sign(self, sign: str) -> str:
        return sign if sign.startswith("<mo>") else f"<mo>{escape({'or': '∨', 'and': '∧'}.get(sign, sign))}</mo>"

    def bracketed(self, inner: str) -> str:
        return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac><mrow>{above}</mrow><mrow>{below}</mrow></mfrac>"

    def power(self, base: str, exponent: str) -> str:
        return f"<msup><mrow>{base}</mrow><mrow>{exponent}</mrow></msup>"

    def function(self, name: str) -> str:
        return f"<mi>{escape(name)}</mi>"

    def cases(self, condition: str, first: str, second: str) -> str:
        rows = f"<mtr><mtd>{first}</mtd><mtd>{condition}</mtd></mtr><mtr><mtd>{second}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        return f"<mrow><mo>{{</mo><mtable columnalign='left'>{rows}</mtable></mrow>"

    def rate(self, state: str) -> str:
        return f"<mfrac><mrow><mi>d</mi>{state}</mrow><mrow><mi>d</mi><mi>t</mi></mrow></mfrac>"

    def words(self, text: str) -> str:
        return f"<mtext>{escape(text)}</mtext>"
