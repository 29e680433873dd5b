"""`neuropil cost` on the command line: the printed sum redone from the print alone, flags, pictures, errors."""

from __future__ import annotations

import json
import re
import time

import pytest
from typer.testing import CliRunner

from neuropil.cli import app

NUMBER = re.compile(r"\d[\d.]*(?:e[+-]?\d+)?")


def ask(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["cost", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def answer(*arguments: str) -> dict:
    return json.loads(ask(*arguments, "--json"))


def printed_sum(text: str, label: str) -> dict[str, list[float]]:
    """Rows "label: what  numbers…" of the printed table."""
    rows = {}
    for line in text.splitlines():
        match = re.match(rf"\s*{label}: (\w+)\s+(.*)", line)
        if match:
            rows[match[1]] = [float(x) for x in NUMBER.findall(match[2])]
    return rows


@pytest.fixture(scope="module")
def human():
    return answer("human")


@pytest.mark.parametrize("brain", ["human", "mouse", "fly", "worm"])
def test_the_totals_are_a_sum_a_reader_can_redo(brain):
    text = ask(brain)
    for label, factors in (("FLOPs", 3), ("bytes moved", 3), ("memory", 2)):
        rows = printed_sum(text, label)
        together = 0.0
        for what in ("compartments", "synapses"):
            *given, total = rows[what]
            assert len(given) == factors
            product = 1.0
            for factor in given:
                product *= factor
            assert product == pytest.approx(total, rel=2e-5)  # six digits are printed
            together += total
        assert together == pytest.approx(rows["together"][0], rel=2e-5)


def test_the_answer_repeats_the_sum(human):
    text, found = ask("human"), human
    assert printed_sum(text, "FLOPs")["together"][0] == pytest.approx(found["totals"]["flops"]["value"], rel=1e-5)
    h100 = found["totals"]
    assert h100["h100"]["value"] == max(h100[f"h100_by_{by}"]["value"] for by in ("flops", "bandwidth", "memory"))
    assert h100["h100"]["value"] == h100[f"h100_by_{found['limit']}"]["value"]


def test_it_answers_in_under_ten_seconds_warm():
    ask("human")
    start = time.perf_counter()
    ask("human")
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("flags", "quantity", "sign"),
    [
        (["--dt", "0.05"], "flops", 1),
        (["--dt", "1"], "flops", -1),
        (["--rate", "50"], "flops", 1),
        (["--compartments", "100"], "memory", 1),
        (["--neurons", "1e11"], "flops", 1),
        (["--synapses", "6e14"], "memory", 1),
        (["--synapses-per-neuron", "7000"], "memory", 1),
        (["--clock-driven"], "flops", 1),
        (["--precision", "float64"], "memory", 1),
        (["--active-fraction", "0.1"], "bandwidth", -1),
        (["--flops-per-compartment", "126"], "flops", -1),
        (["--flops-per-synapse", "85"], "flops", 1),
        (["--bytes-per-compartment", "1000"], "bandwidth", 1),
        (["--bytes-per-synapse", "64"], "bandwidth", 1),
        (["--state-bytes", "200"], "memory", 1),
        (["--memory-per-synapse", "1"], "memory", -1),
        (["--utilisation", "0.5"], "h100", 1),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else str(x),
)
def test_every_flag_moves_its_total_the_right_way(flags, quantity, sign, human):
    here, there = (found["totals"][quantity]["value"] for found in (human, answer("human", *flags)))
    assert sign * (there - here) > 0


def test_the_articles_flags_give_its_figures():
    found = answer(
        "human", "--neurons", "1e11", "--synapses", "6e14", "--compartments", "1", "--dt", "1", "--clock-driven",
        "--flops-per-compartment", "20000", "--flops-per-synapse", "85", "--active-fraction", "1", "--precision", "float64",
    )  # fmt: skip
    assert found["totals"]["flops"]["value"] == pytest.approx(5.3e19)
    assert found["totals"]["h100_by_flops"]["value"] == pytest.approx(1.559e6, rel=1e-3)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_tornado_plot(tmp_path, suffix):
    picture = tmp_path / f"tornado{suffix}"
    ask("fly", "--plot", str(picture))
    assert picture.stat().st_size > 2000


def test_a_circuit(tmp_path):
    found = answer("brunel", "--scale", "0.1")
    assert found["synaptic_events"]["value"] > 0
    assert found["flops"]["value"] == pytest.approx(sum(w["flops_per_second"]["value"] for w in found["work"]))
    assert found["real_time_factor"]["value"] == pytest.approx(sum(s["value"] for s in found["seconds"].values()))
    faster = answer("brunel", "--scale", "0.1", "--rate", "1000")
    assert faster["flops"]["value"] > found["flops"]["value"]
    file = tmp_path / "mine.py"
    file.write_text(
        "import neuropil as npl\nfrom neuropil.zoo.neurons.lif import LIFExp\n"
        "def network():\n    net = npl.Network('mine')\n    net.population('p', LIFExp(), 10)\n    return net\n"
    )
    mine = answer(f"{file}:network")
    assert mine["synaptic_events"]["value"] == 0
    assert mine["rates_from"] == "assumed"


def test_the_article_is_printed_line_by_line():
    text = ask("article")
    for words in ("NMDA receptor", "its items make 17", "diverges", "53 exaFLOPS", "memory-bound"):
        assert words in text
    for claim in range(1, 8):
        assert f"F{claim}" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hooman"], "hooman"),
        (["human", "--dt", "0"], "positive"),
        (["human", "--active-fraction", "2"], "at most 1"),
        (["human", "--precision", "float16"], "precision"),
        (["human", "--synapses", "1e14", "--synapses-per-neuron", "7000"], "exclude"),
        (["human", "--plot", "x.gif"], "--plot"),
        (["brunel", "--compartments", "3"], "brains"),
        (["article", "--plot", "x.png"], "brain"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, words):
    result = CliRunner().invoke(app, ["cost", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
