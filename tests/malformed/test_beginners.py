"""What people type in their first hours: each is answered by the name of the mistake and by what to write instead.

Collected from users of other simulators. The table says which words of the answer mend the mistake; every answer is an error of ours.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import neuropil as npl
from neuropil import units
from neuropil.cli.app import app
from neuropil.errors import NeuropilError
from neuropil.plan.plan import make_plan
from neuropil.result import Result, Spikes
from neuropil.units import Hz, Quantity, ms, mV, nS, pA
from neuropil.zoo.neurons.lif import LIFExp


def net() -> tuple[npl.Network, npl.Population, npl.Population]:
    made = npl.Network("n")
    return made, made.population("exc", LIFExp(), 20), made.population("inh", LIFExp(), 5)


def project(**changes: Any) -> Any:
    made, exc, inh = net()
    arguments = {"source": exc, "target": inh, "rule": npl.AllToAll(), "weight": 1 * pA, "delay": 1 * ms, "port": "exc", **changes}
    return made.project(arguments.pop("source"), arguments.pop("target"), arguments.pop("rule"), **arguments)


def result() -> Result:
    return Result(Spikes.empty({"exc": (0, 20), "inh": (20, 5)}, 0.1), duration_ms=10.0)


CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "a wrong unit": (lambda: LIFExp(tau_m=20 * mV), r"LIFExp.tau_m has the wrong unit.*mV.*ms"),
    "no unit": (lambda: LIFExp(tau_m=20), r"tau_m needs a unit.*20 \* ms"),
    "zero of another unit": (lambda: LIFExp(v_th=0 * ms), r"v_th has the wrong unit.*got: +ms.*mV"),
    "a misspelt parameter": (lambda: LIFExp(tau_mem=20 * ms), "did you mean 'tau_m'"),
    "parameters without names": (lambda: LIFExp(20 * ms), "parameters are given by name.*tau_m=..."),
    "equations as text": (lambda: npl.Neuron("dv/dt = -v/tau : volt"), "methods, not text.*def derivative"),
    "a parameter set afterwards": (lambda: setattr(LIFExp(), "tau_m", 5 * ms), r"with_\(tau_m=...\)"),
    "a size as text": (lambda: npl.Network().population("e", LIFExp(), "100"), r"got: +'100'.*int\('100'\)"),
    "a size with a point": (lambda: npl.Network().population("e", LIFExp(), 100.0), r"whole number.*int\(100.0\)"),
    "a class": (lambda: npl.Network().population("e", LIFExp, 10), r"fix: +LIFExp\(\)"),
    "a name twice": (lambda: net()[0].population("exc", LIFExp(), 3), "there is a population 'exc' already"),
    "a start of another case": (lambda: npl.Network().population("e", LIFExp(), 3, initial={"V": -65 * mV}), "did you mean 'v'"),
    "a start without unit": (lambda: npl.Network().population("e", LIFExp(), 3, initial={"v": -65}), r"e.v needs a unit.*-65 \* mV"),
    "an array of another length": (lambda: npl.Network().population("e", LIFExp(tau_m=np.ones(3) * ms), 100), r"tau_m has the wrong shape.*\(100,\)"),
    "a misspelt port": (lambda: project(port="excit"), "did you mean 'exc'"),
    "no port": (lambda: project(port=None), "events need a port.*port='exc'"),
    "a population by its name": (lambda: project(source="exc"), r"network\['exc'\]"),
    "a probe by a name": (lambda: net()[0].probe("exc", "v"), r"network\['exc'\]"),
    "a conductance for a current": (lambda: project(weight=1 * nS), "wrong unit.*nS.*pA"),
    "a weight without unit": (lambda: project(weight=1.0), r"1 \* pA"),
    "a delay without unit": (lambda: project(delay=1.5), r"1.5 \* ms"),
    "a coupling of populations alone": (lambda: (lambda n: n[0].couple(n[2], n[2], [(0, 1)], g=1 * nS))(net()), "each side must be a pair(.|\n)*current"),
    "pairs of unequal length": (lambda: (lambda n: n[0].couple((n[2], "current"), (n[2], "current"), [[0], [0, 1]], g=1 * nS))(net()), "pairs must be rows of two neurons"),
    "a name that is no text": (lambda: project(name=3 * ms), "a name must be text"),
    "a stimulus replaced by nothing": (lambda: (lambda n: (n[0].stimulate(n[1], npl.Step(1 * pA), input="current", name="dc"), n[0].replace(drives={"dc": {"stimulus": None}})))(net()), "must stay an event or a current stimulus"),
    "a morphology from no path": (lambda: npl.Morphology.from_swc(None), "not the path of a file"),
    "rows of unequal length for a cell": (lambda: npl.Cell(npl.Morphology.ball_and_stick(), capacitance=[[1], [1, 2]]), "capacitance needs a unit"),
    "a grid that is an array": (lambda: npl.SpikeList([1.0] * ms, grid=np.ones(2)), "grid"),
    "overwrite in words": (lambda: npl.Simulation(net()[0], overwrite="no"), "overwrite must be True or False"),
    "record_spikes in words": (lambda: npl.Simulation(net()[0], record_spikes="no"), "record_spikes must be True or False"),
    "a result kept nowhere": (lambda: result().save(None), "which its path names"),
    "a result replaced in words": (lambda: result().save("there", overwrite="no"), "overwrite must be True or False"),
    "rates from several times": (lambda: result().rates([1, 2]), "one time"),
    "a window from nowhere": (lambda: result().spikes.between(None, 5), "number in ms"),
    "counts of a list": (lambda: result().spikes.counts(["exc"]), "no such population"),
    "a seed set on a network": (lambda: setattr(npl.Network(), "seed", 3), "no attribute 'seed' to set(.|\n)*option of Simulation"),
    "a misspelt attribute of a network": (lambda: setattr(npl.Network(), "nmae", "x"), "did you mean 'name'"),
    "the mean of a distribution changed": (lambda: setattr(npl.Normal(1 * pA, 1 * pA), "mean", 2 * pA), "Normal is a value and cannot be changed"),
    "the bound of a distribution changed": (lambda: setattr(npl.Uniform(1 * pA, 2 * pA), "high", 3.0), "Uniform is a value and cannot be changed"),
    "weights in a list for a random rule": (lambda: project(rule=npl.FixedProbability(0.1), weight=np.ones(15) * pA), r"draws its synapses when(.|\n)*\(15,\)(.|\n)*a matrix"),
    "delays in a list for a random rule": (lambda: project(rule=npl.FixedProbability(0.1), delay=np.ones((20, 5)) * ms), r"delay: an array(.|\n)*a distribution"),
    "weights of another shape": (lambda: project(weight=np.ones((5, 20)) * pA), r"\(5, 20\).*\(20, 5\)"),
    "percent": (lambda: npl.FixedProbability(10), "0 <= p <= 1"),
    "a state of another case": (lambda: net()[0].probe(net()[1], "V"), "another network"),
    "a rate without unit": (lambda: npl.Poisson(100), r"Hz or kHz.*100 \* Hz"),
    "a time for a rate": (lambda: npl.Poisson(10 * ms), "got: +ms.*Hz"),
    "a current and no stimulus": (lambda: (lambda n: n[0].stimulate(n[1], 100 * pA, input="current"))(net()), r"Step\(100 \* pA\)"),
    "a misspelt input": (lambda: (lambda n: n[0].stimulate(n[1], npl.Step(100 * pA), input="I"))(net()), "use one of: current"),
    "a current into a port": (lambda: (lambda n: n[0].stimulate(n[1], npl.Step(100 * pA), port="exc"))(net()), "needs an input.*current"),
    "run of a network": (lambda: net()[0].run(100 * ms), r"neuropil.run\(network"),
    "connect of a network": (lambda: net()[0].connect(), r"network.project\("),
    "a misspelt method": (lambda: net()[0].populations_(), "did you mean 'populations'"),
    "a delay below the step": (lambda: make_plan((lambda n: (n[0].project(n[1], n[2], npl.AllToAll(), weight=1 * pA, delay=0.05 * ms, port="exc"), n[0])[1])(net())), "delay is below the time step"),
    "a seed as text": (lambda: make_plan(net()[0], seed="a"), "seed must be a whole number"),
    "rates of a name": (lambda: result().rates("exc"), r"rates\(\)\['exc'\]"),
    "trains of a misspelt name": (lambda: result().spikes.trains("ex"), "did you mean 'exc'"),
    "a unit of the package": (lambda: npl.mV, "from neuropil.units import mV"),
    "a misspelt name of the package": (lambda: npl.Netwrok, "did you mean 'Network'"),
    "a unit spelt out": (lambda: units.millivolt, "did you mean 'mV'"),
    "another unit spelt out": (lambda: units.nanoamps, "did you mean 'nA'"),
    "volts and seconds": (lambda: 5 * mV + 3 * ms, "cannot add quantities of different units.*mV and ms"),
    "zero of another unit, added": (lambda: 5 * mV + 0 * ms, "different units"),
    "a number of a quantity": (lambda: float(5 * mV), "must be dimensionless"),
    "linspace with units": (lambda: np.linspace(1 * mV, 5 * mV, 3), r"NumPy functions do not support quantities: linspace.*np.linspace\(...\) \* mV"),
    "concatenate with units": (lambda: np.concatenate([np.ones(2) * mV, np.ones(2) * mV]), "NumPy functions do not support quantities: concatenate"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CALLS)
def test_a_call_is_answered_by_what_mends_it(mistake: str) -> None:
    call, answer = CALLS[mistake]
    with pytest.raises(NeuropilError, match=f"(?s){answer}"):
        call()


_MODEL = '''
import math
from math import exp as exponential
import jax.numpy as jnp
import numpy as np
import neuropil as npl
from neuropil.units import Time, Voltage, mV, ms


class M(npl.Neuron):
    tau: Time = 10 * ms
    v_th: Voltage = -50 * mV
    v = npl.State(-65 * mV)
    current = npl.Input(mV / ms)

    def derivative(self, s, x):
        {body}

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {{"v": -65 * mV}}
'''

EQUATIONS = {
    "np.exp": ('return {"v": -s.v / self.tau * np.exp(s.v / (10 * mV))}', r"M.derivative\(\) calls np.exp.*from neuropil.maths import exp"),
    "np.exp of a voltage": ('return {"v": np.exp(s.v)}', "calls np.exp.*neuropil.maths"),
    "math.exp": ('return {"v": -s.v / self.tau * math.exp(s.v / (10 * mV))}', r"calls math.exp.*from neuropil.maths import exp"),
    "math.exp of a voltage": ('return {"v": math.exp(s.v) * mV / ms}', r"calls math.exp.*from neuropil.maths import exp"),
    "an imported exp": ('return {"v": -s.v / self.tau * exponential(s.v / (10 * mV))}', "another library.*neuropil.maths: absolute"),
    "jnp.exp": ('return {"v": -s.v / self.tau * jnp.exp(s.v / (10 * mV))}', "calls jnp.exp.*from neuropil.maths import exp"),
    "np.abs": ('return {"v": -np.abs(s.v) / self.tau}', "from neuropil.maths import absolute"),
    "an exp that was not imported": ('return {"v": -s.v / self.tau * exp(s.v / (10 * mV))}', "unknown name 'exp'.*from neuropil.maths import exp"),
    "a parameter without self": ('return {"v": -s.v / tau}', "unknown name 'tau'.*fix: +self.tau"),
    "a branch": ('return {"v": -s.v / self.tau if s.v < -60 * mV else 0 * mV / ms}', r"branches on a value.*where\(condition"),
    "max of two": ('return {"v": -max(s.v, -60 * mV) / self.tau}', "branches on a value.*maximum"),
    "a term without /tau": ('return {"v": -(s.v + 65 * mV)}', "equation for dv/dt has the wrong unit.*mV/ms"),
    "a number without unit": ('return {"v": -(s.v + 65) / self.tau}', "a quantity and a bare number.*both in mV"),
    "a state of another case": ('return {"v": -s.V / self.tau}', "no state 'V'.*did you mean 'v'"),
    "a misspelt parameter": ('return {"v": -s.v / self.tua}', "M has no parameter 'tua'.*did you mean 'tau'"),
    "a state of self": ('return {"v": -self.v_ / self.tau + self.current_}', "no parameter 'v_'.*states are s.name"),
    "an unknown state": ('return {"v": -s.v / self.tau, "u": 0 / ms}', "unknown state 'u'"),
    "no dict": ("return -s.v / self.tau", r'got: +Quantity.*return \{"v": ...\}'),
    "no return": ('d = {"v": -s.v / self.tau}', r'got: +nothing.*return \{"v": ...\}'),
    "a misspelt input": ('return {"v": -s.v / self.tau + x.I}', "no input 'I'.*current"),
}


def model(tmp_path: Path, source: str) -> Any:
    """The class M of a source that is a file, as users' are."""
    path = tmp_path / "mine.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("mine", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mine"] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["mine"]
    return module.M


@pytest.mark.parametrize("mistake", EQUATIONS)
def test_an_equation_is_answered_by_what_mends_it(mistake: str, tmp_path: Path) -> None:
    body, answer = EQUATIONS[mistake]
    made = npl.Network()
    made.population("p", model(tmp_path, _MODEL.format(body=body))(), 3)
    with pytest.raises(NeuropilError, match=f"(?s){answer}"):
        make_plan(made)


CLASSES = {
    "an argument too few": ("def derivative(self, s, x):", "def derivative(self, s):", r"does not take the arguments.*def derivative\(self, s\).*def derivative\(self, s, x\)"),
    "no annotation": ("tau: Time = 10 * ms", "tau = 10 * ms", r"M.tau has a value but no annotation.*tau: Time"),
    "no annotation of a number": ("tau: Time = 10 * ms", "tau: Time = 10 * ms\n    p = 0.5", r"M.p has a value but no annotation.*p: float"),
    "a default without unit": ("tau: Time = 10 * ms", "tau: Time = 10", r"M.tau: the default does not fit.*tau = 10 \* ms"),
    "a state without start": ("npl.State(-65 * mV)", "npl.State()", r"M.v: a State needs an initial value.*State\(-65 \* mV\)"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", CLASSES)
def test_a_class_is_answered_by_what_mends_it(mistake: str, tmp_path: Path) -> None:
    right, wrong, answer = CLASSES[mistake]
    assert right in _MODEL
    made = npl.Network()
    with pytest.raises(NeuropilError, match=f"(?s){answer}"):
        made.population("p", model(tmp_path, _MODEL.replace(right, wrong).format(body='return {"v": -s.v / self.tau}'))(), 3)
        make_plan(made)


def test_a_forgotten_reset_is_told(tmp_path: Path) -> None:
    right = 'def reset(self, s):\n        return {{"v": -65 * mV}}'
    source = _MODEL.replace(right, "").format(body='return {"v": -s.v / self.tau}')
    with pytest.warns(UserWarning, match=r"M fires on a level and has no reset(.|\n)*def reset\(self, s\)(.|\n)*spikes_on"):
        model(tmp_path, source)


def test_a_misspelled_equation_is_answered_and_not_ignored() -> None:
    """A method that nothing calls would leave its states as they are."""
    with pytest.raises(NeuropilError, match=r"(?s)no equation 'derivatives'.*did you mean 'derivative'"):
        type("Still", (npl.Neuron,), {"v": npl.State(0.0), "derivatives": lambda self, s, x: {"v": -s.v / ms}})
    with pytest.raises(NeuropilError, match=r"(?s)no equation 'arrives'.*did you mean 'arrive'"):
        type("Deaf", (npl.Synapse,), {"arrives": lambda self, s, w: {}})
    with pytest.warns(UserWarning, match=r"Silent has a reset\(\) and neither fires\(\) nor hazard\(\)"):
        type("Silent", (npl.Neuron,), {"v": npl.State(0.0), "threshold": lambda self, s: s.v > 1.0, "reset": lambda self, s: {"v": 0.0}})
    mine = type("Mine", (npl.Neuron,), {"v": npl.State(0.0), "derivative": lambda self, s, x: {"v": -s.v / ms}})
    with pytest.raises(NeuropilError, match=r"(?s)Heir has no equation 'derivatives'.*did you mean 'derivative'"):  # or the inherited one would act
        type("Heir", (mine,), {"derivatives": lambda self, s, x: {"v": -s.v / (2 * ms)}})
    both = {"v": npl.State(0.0), "derivative": lambda self, s, x: self.derivatives(s), "derivatives": lambda self, s: {"v": -s.v / ms}}
    helped = type("Helped", (npl.Neuron,), both)
    assert helped.spec.states  # type: ignore[attr-defined]
    type("HelpedOtherwise", (helped,), {"derivatives": lambda self, s: {"v": -s.v / (3 * ms)}})  # takes the place of what is called


def test_the_model_without_mistakes_is_right(tmp_path: Path) -> None:
    made = npl.Network()
    made.population("p", model(tmp_path, _MODEL.format(body='return {"v": -(s.v + 65 * mV) / self.tau + x.current}'))(), 3)
    make_plan(made)


def test_comparisons_that_python_makes_by_itself_are_no_errors() -> None:
    """`in`, `==` with None and unittest's comparisons ask whether two things are equal; no is an answer."""
    assert (1 * mV == None) is False and (1 * mV != None) is True  # noqa: E711
    assert (1 * mV == 1 * ms) is False and 1 * mV in [1 * ms, "1 mV", None, 1 * mV] and 2 * mV not in [1 * ms, 1 * mV]
    assert (1 * mV == 1) is False and (0 * mV == 0) is True and 1 * mV == 1 * mV
    with pytest.raises(NeuropilError, match="different units"):
        _ = np.ones(2) * mV == 1 * ms
    assert Quantity(0.0) + 3 * mV == 3 * mV, "a bare zero has every unit"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["explain", "lif_ex"], "did you mean 'lif_exp'"),
        (["run", "brunel", "--time", "100 lightyears"], "100ms, 0.1s"),
        (["run", "brunel", "--time", "0.1mV"], "100ms, 0.1s"),
    ],
)
def test_a_command_is_answered_by_what_mends_it(words: list[str], answer: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and answer in done.output + done.stderr


def test_times_of_the_command_line_may_have_units(monkeypatch: pytest.MonkeyPatch) -> None:
    from neuropil.cli import running

    asked: list[running.Job] = []
    monkeypatch.setattr(running, "execute", lambda job, as_json: asked.append(job))
    for words in (["100ms", "0.1ms", "50ms"], ["100", "0.1", "50"], ["0.1s", "100us", "0.05 s"]):
        done = CliRunner().invoke(app, ["run", "brunel", "--time", words[0], "--dt", words[1], "--checkpoint-every", words[2]])
        assert done.exit_code == 0, done.output
        assert (asked[-1].time_ms, asked[-1].dt_ms, asked[-1].checkpoint_every_ms) == pytest.approx((100.0, 0.1, 50.0))
    assert CliRunner().invoke(app, ["run", "brunel"]).exit_code == 0
    assert asked[-1].time_ms == 1000.0 and asked[-1].checkpoint_every_ms is None


def test_a_network_without_rate_unit_is_named_as_a_rate() -> None:
    made, exc, _ = net()
    with pytest.raises(NeuropilError, match="Hz"):
        made.stimulate(exc, npl.Poisson(5 * mV), port="exc", weight=1 * pA)
    made.stimulate(exc, npl.Poisson(5 * Hz), port="exc", weight=1 * pA)
