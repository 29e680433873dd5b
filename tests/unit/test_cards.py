"""Cards: equations written down from what the model functions compute, and everything that is registered has a card.

What is written is checked by evaluation: the expression of an equation, computed for random numbers, must be what the model's own function gives
for the same numbers. So a notation that drops a parenthesis or a sign is found wherever it is used.
"""

from __future__ import annotations

import html
import inspect
import json
import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import neuropil as npl
from neuropil import maths
from neuropil.model.base.described import Values
from neuropil.model.neuron.composite import Composite
from neuropil.units import Quantity, ms, mV, nM, nS, pA
from neuropil.view.cards import card, entries, find
from neuropil.view.cards.declared import explained, tables
from neuropil.view.cards.equations import equations, methods
from neuropil.view.cards.symbols import Symbol, named
from neuropil.view.cards.typeset import Latex, MathML, Notation, split_name
from neuropil.zoo.channels.h_current import HCurrent
from neuropil.zoo.modulators.dopamine import Dopamine
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.registry import CHANNELS, NEURONS, POINT_PROCESSES, SYNAPSES


def _models() -> list[type]:
    """The classes with equations of the zoo; of neurons made of parts the classes of the parts."""
    found = [e.load() for e in entries() if e.kind in ("neuron", "channel", "point process", "synapse") and e.path.startswith("neuropil.zoo")]
    return list(dict.fromkeys(type(p.model) if isinstance(m, type) and issubclass(m, Composite) else m for m in found for p in (m().parts.values() if issubclass(m, Composite) else [None])))


MODELS = _models()
_TEXT = Notation()


# --- what is written is what is computed --------------------------------------------------------------------------------


def evaluated(line: str, names: dict[str, float]) -> float:
    """The value of an expression in plain notation."""
    text = re.sub(r"(?<=\d) · (?=\d)", " * ", line).replace(" · ", " * ").replace("^", " ** ")
    for sign, operator in (("≤", "<="), ("≥", ">="), ("≠", "!=")):
        text = text.replace(sign, operator)
    text = re.sub(r" if ([^,()]*(?:\([^()]*\)[^,()]*)*), else ", r" if \1 else ", text)
    functions = {n: _number(getattr(maths, n)) for n in maths.__all__}
    functions |= {"max": functions["maximum"], "min": functions["minimum"], "abs": functions["absolute"], "ln": functions["log"], "e": math.e, "π": math.pi}
    return float(eval(text, {"__builtins__": {}}, functions | names))


def _number(function: Callable[..., Any]) -> Callable[..., float]:
    return lambda *arguments: float(np.asarray(_bare(function(*arguments))))


def _bare(value: Any) -> Any:
    return value.value if isinstance(value, Quantity) else value


@pytest.mark.parametrize("kind", MODELS, ids=lambda m: m.__name__)
def test_equations_in_text_compute_what_the_model_computes(kind: type) -> None:
    g = np.random.default_rng(7)
    spec, written = kind.spec, 0
    names = {n: float(g.uniform(0.3, 1.7)) for n in (*spec.parameters, *spec.states, *spec.inputs, *(f"w_{p}" for p in spec.ports), "w", "C")}
    if "weight" in spec.states:
        names["w"] = names["weight"]
    model = object.__new__(kind)
    for n, d in spec.parameters.items():
        object.__setattr__(model, n, Quantity(names[n], d))
    given = {
        "s": Values("state", "", {n: Quantity(names[n], d) for n, d in spec.state_dimensions.items()}),
        "x": Values("input", "", {n: Quantity(names[n], d) for n, d in spec.inputs.items()}),
        "w": Values("port", "", {n: Quantity(names[f"w_{n}"], d) for n, d in spec.ports.items()}) if spec.ports else Quantity(names["w"], spec.state_dimensions.get("weight", (0, 0, 0, 0, 0))),
    }
    groups = {g.heading: g for g in equations(kind)}
    for method, group in zip(methods(kind), groups.values(), strict=False):
        if group.source:
            continue
        truth = getattr(model, method)(*(given[a] for a in list(inspect.signature(getattr(kind, method)).parameters)[1:]))
        local = dict(names)
        for definition in group.where:
            local[definition.name] = evaluated(_TEXT.expression(definition.right, whole=True), local)
        for line in group.lines:
            value = evaluated(_TEXT.expression(line.right), local)
            ours = truth[re.sub("^i_?", "", line.name) if method == "currents" else line.name] if isinstance(truth, dict) else truth
            assert value == pytest.approx(float(_bare(ours)), rel=1e-5, abs=1e-12), line.text(_TEXT)
            written += 1
    assert written or not groups


def test_few_equations_fall_back_to_their_source() -> None:
    fallen = {kind.__name__ for kind in MODELS if any(g.source for g in equations(kind))}
    assert fallen == {"ChannelNoise"}, "what cannot be written as equations is shown as it is programmed"


def test_all_equations_are_legal_latex_and_mathml() -> None:
    for entry in (e for e in entries() if e.kind not in ("agent", "circuit", "cell")):
        for group in card(entry.load()).groups:
            for line in (*group.lines, *group.where):
                latex, mathml = line.text(Latex()), line.text(MathML())
                assert latex.count("{") == latex.count("}") and len(re.findall(r"\\left\b", latex)) == len(re.findall(r"\\right\b", latex)), latex
                assert "_" not in re.sub(r"_\{|\\_", "", latex), latex
                ElementTree.fromstring(f"<math>{html.unescape(mathml).replace('&', '&amp;').replace('<mo><</mo>', '<mo>lt</mo>')}</math>")


# --- notation -------------------------------------------------------------------------------------------------------------


def test_parentheses_stand_where_they_are_needed() -> None:
    a, b, c = (named(n) for n in "abc")
    assert _TEXT.expression(a - (b - c)) == "a - (b - c)"
    assert _TEXT.expression((a + b) * c) == "(a + b) · c"
    assert _TEXT.expression(a / (b * c)) == "a / (b · c)"
    assert _TEXT.expression(-(a + b) / c) == "-(a + b) / c"
    assert _TEXT.expression((a / b) ** 2) == "(a / b)^2"
    assert _TEXT.expression(a + -3.0) == "a - 3"
    assert _TEXT.expression(2.0 ** (-a)) == "2^(-a)"
    assert Latex().expression((a + b) / c) == r"\frac{a + b}{c}"
    assert Latex().expression(Symbol("exp", -a)) == r"\mathrm{e}^{-a}"
    assert Latex().expression(Symbol("exp", a) ** 2) == r"\left(\mathrm{e}^{a}\right)^{2}", "two exponents at one base are no LaTeX"
    assert _TEXT.expression(Symbol("exp", a) ** 2) == "exp(a)^2" and Latex().expression(Symbol("sqrt", a) ** 3) == r"\sqrt{a}^{3}"


def test_names_are_typeset_as_letters_with_subscripts() -> None:
    assert split_name("tau_m") == ("tau", ["m"]) and split_name("a2_plus") == ("a", ["2", "plus"]) and split_name("v") == ("v", [])
    assert Latex().name("tau_m") == r"\tau_{m}" and Latex().name("a_plus") == "a_{+}" and Latex().name("g_na") == r"g_{\mathrm{na}}"
    assert Latex().number(3e-9) == r"3 \cdot 10^{-9}" and Notation().number(math.e) == "e"
    assert MathML().name("theta_d") == "<msub><mi>θ</mi><mrow><mi>d</mi></mrow></msub>"


class Branching(npl.Neuron):
    v = npl.State(0 * mV)

    def derivative(self, s, x):
        return {"v": -s.v / ms if s.v > 0 * mV else 0 * mV / ms}


class Helped(npl.Neuron):
    """A neuron of a notebook.

    Must show: nothing.
    """

    tau: npl.Time = 10 * ms  # of the membrane
    v = npl.State(-65 * mV)

    def _drive(self, s, gain):
        excess = gain * (s.v + 3 * mV)
        return excess / self.tau

    def derivative(self, s, x):
        return {"v": self._drive(s, 2.0)}


def test_what_cannot_be_written_shows_its_source() -> None:
    (group,) = equations(Branching)
    assert not group.lines and "if s.v > 0 * mV" in group.source


def test_latex_says_what_it_does_not_show() -> None:
    assert "as it is programmed" in card(Branching).latex() and "held for t\\_ref" in card(LIFExp).latex()


def test_helper_functions_are_followed_and_their_variables_named() -> None:
    (group,) = equations(Helped)
    assert group.lines[0].text(_TEXT) == "dv/dt = excess / tau" and group.where[0].text(_TEXT) == "excess = 2 · (v + 3)"


# --- cards ----------------------------------------------------------------------------------------------------------------


def test_everything_that_is_listed_has_a_card() -> None:
    for entry in entries():
        made = card(entry.load())
        assert made.kind == entry.kind and made.about and made.title, entry
        assert made.text().startswith(made.title) and "<h3" in made.html(picture=False)
        module, _, name = entry.path.partition(":")
        assert getattr(__import__(module, fromlist=[name]), name, None) is not None, entry


def test_the_zoo_is_listed_whole_and_names_are_unique_within_a_kind() -> None:
    known = entries()
    assert len({(e.kind, e.name) for e in known}) == len(known)
    for table, kind in ((NEURONS, "neuron"), (CHANNELS, "channel"), (POINT_PROCESSES, "point process"), (SYNAPSES, "synapse")):
        assert {e.name for e in known if e.kind == kind} >= set(table)


def test_the_card_of_a_neuron() -> None:
    text = str(card(LIFExp))
    for part in ("from neuropil.zoo.neurons.lif import LIFExp", "dv/dt = -(v - e_l) / tau_m + (i_syn + i_e + current) / c_m", "250 pF", "Rotter & Diesmann (1999)", "v ← v_reset", "npl.run(net"):
        assert part in text
    assert card("lif_exp").text() == card("LIFExp").text() == text
    assert r"\frac{\mathrm{d}v}{\mathrm{d}t}" in card(LIFExp)._repr_latex_()


def test_the_card_of_an_object_has_its_values() -> None:
    model = LIFExp(tau_m=20 * ms, e_l=np.array([-60.0, -65.0]) * mV)
    (parameters, *_) = tables(model)
    rows = {row[0]: row[1] for row in parameters.rows}
    assert rows["tau_m"] == "20 ms" and rows["c_m"] == "250 pF" and rows["e_l"] == "2 values, -65 to -60 mV"
    assert "20 ms" in model._repr_html_() and "<svg" not in model._repr_html_()


def test_defaults_are_shown_as_they_are_written_and_with_their_comments() -> None:
    (parameters, states, *_) = tables(HCurrent)
    assert parameters.rows[0][:2] == ("g", "0.2 mS/cm²") and states.rows[0][:2] == ("m", "steady state")
    assert tables(Helped)[0].rows == [("tau", "10 ms", "ms", "of the membrane")]
    assert {r[0]: r[1] for r in tables(Dopamine)[0].rows}["baseline"] == "50 nM"


def test_signature_and_text_of_a_model_show_its_parameters() -> None:
    signature = inspect.signature(LIFExp)
    assert signature.parameters["tau_m"].default == 10 * ms and all(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values())
    assert "tau_m=20 ms" in repr(LIFExp(tau_m=20 * ms)) and "c_m=250 pF" in repr(LIFExp()) and LIFExp().changed() == "LIFExp()"
    assert LIFExp.getdoc() == str(card(LIFExp))


def test_a_network_is_shown_with_what_it_holds() -> None:
    net = npl.Network("shown", citation="Author (1999)", published={"exc": 5.0})
    exc = net.population("exc", LIFExp(tau_m=20 * ms), 80)
    net.stimulate(exc, npl.Poisson(8 * npl.units.Hz), port="exc", weight=1 * pA)
    net.project(exc, exc, npl.FixedProbability(0.1), weight=npl.Normal(3 * pA, 1 * pA), delay=1.5 * ms, port="exc")
    found = {table.title: table.rows for table in tables(net)}
    assert found["populations"] == [("exc", "80", "LIFExp(tau_m=20 ms)", "published: 5 Hz")]
    (projection,) = found["projections"]
    assert projection[:2] == ("exc", "exc") and "0.1" in projection[2] and "1.5 ms" in projection and projection[3].count("pA") == 1
    own = npl.Network("own")
    cells = own.population("cells", LIFExp(), 2)
    own.project(cells, cells, npl.AllToAll(), weight=20 * nS, delay=1 * ms, input="current", synapse=find("receptor_kinetics").load()())
    assert tables(own)[1].rows[0][3] == "20 nS"
    assert found["stimuli"][0][0] == "exc" and "Poisson" in found["stimuli"][0][1]
    assert "Author (1999)" in net._repr_html_() and net._repr_latex_() is None
    rows = {table.title: table.rows for table in card("microcircuit").tables}
    assert len(rows["populations"]) == 8 and rows["projections"][-1][0] == "… 39 more"


def test_arguments_are_explained_by_the_docstring() -> None:
    def circuit(scale: float = 1.0, drive: str = "dc") -> npl.Network:
        """A circuit.

        Args:
            scale: of neurons,
                and of synapses; drive: how it is driven.
        """
        return npl.Network("c")

    assert explained(circuit) == {"scale": "of neurons, and of synapses", "drive": "how it is driven."}
    assert card(circuit).kind == "circuit"


def test_a_registered_model_is_found_and_one_of_two_kinds_is_chosen() -> None:
    npl.register(Helped, name="helped_for_test")
    assert find("helped_for_test").load() is Helped and find("neuron/helped_for_test").kind == "neuron"
    with pytest.raises(npl.ModelError, match="several things") as error:
        find("noise")
    assert "stimulus/noise" in str(error.value)
    with pytest.raises(npl.ModelError, match="family"):
        find("lif")
    with pytest.raises(npl.ModelError, match="did you mean 'dopamine'"):
        find("dopamin")
    with pytest.raises(npl.ModelError, match="no card"):
        card(3)


@pytest.mark.parametrize("name", ["lif_exp", "h_current", "nmda", "stdp_additive", "tsodyks_markram", "dopamine", "current_clamp"])
def test_responses_are_drawn(name: str) -> None:
    svg = card(name).svg
    assert svg.startswith("<svg") and "NaN" not in svg


def test_the_response_of_stdp_has_its_amplitudes() -> None:
    """Of one pair at a lag of 2 ms, additive STDP changes the efficacy by A₊ exp(-2 ms / τ₊)."""
    (line, *_) = card("stdp_additive").figure().axes[0].lines
    x, y = line.get_data()
    rule = find("stdp_additive").load()()
    up, down = (float(p.value) for p in (rule.a_plus, rule.a_minus))
    assert y[x == 2][0] == pytest.approx(up * math.exp(-2 / 20), rel=0.06) and y[x == -2][0] == pytest.approx(-down * math.exp(-2 / 20), rel=0.06)


def test_the_response_of_an_object_is_that_of_its_own_parameters() -> None:
    (line, *_) = card(find("stdp_additive").load()(a_plus=0.02)).figure().axes[0].lines
    x, y = line.get_data()
    assert y[x == 2][0] == pytest.approx(0.02 * math.exp(-2 / 20), rel=0.06)
    ax = card("dopamine_stdp").figure().axes[0]
    assert "dopamine = 50" in ax.get_title(loc="left") + ax.get_title(), "it changes nothing without dopamine"
    assert card("receptor_kinetics").figure().axes[0].get_ylabel() == "current (pA)"


def test_the_response_of_dopamine_rises_and_returns_to_rest() -> None:
    (line, *_) = card("dopamine").figure().axes[0].lines
    y = line.get_ydata()
    assert y[0] == pytest.approx(float(Dopamine().baseline.to(nM))) and y.max() > 2 * y[0] and y[-1] == pytest.approx(y[0], rel=0.02)


EXAMPLES = [e for e in entries() if e.kind in ("neuron", "channel", "point process", "synapse", "modulator")]


@pytest.mark.parametrize("name", ["lif_exp", "leak", "sk_potassium", "ampa", "voltage_clamp", "stdp_additive", "acetylcholine"])
def test_examples_run_as_they_stand(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(card(name).example, {"__name__": "example"})
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("entry", EXAMPLES, ids=lambda e: f"{e.kind}/{e.name}")
def test_all_examples_run_and_all_responses_are_drawn(entry) -> None:
    made = card(entry.load())
    if made.example:
        exec(made.example, {"__name__": "example"})
    made.figure()


def test_neither_the_package_nor_help_loads_the_cards() -> None:
    code = "import sys, json, neuropil, neuropil.cli.app; print(json.dumps([m for m in sys.modules if 'cards' in m or m in ('jax', 'numba', 'matplotlib')]))"
    assert json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout) == []


def test_units_of_currents_are_shown() -> None:
    assert "current (pA)" in card("nmda").svg and pA.unit == "pA"
