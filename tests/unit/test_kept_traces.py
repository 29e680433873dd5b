"""Traces kept for the next start: what equations read decides whether a trace may be taken again.

The truth is the trace itself: each edit below changes the traced graph, which is made from scratch before and after it, so the digest
under which traces are kept must change too. Where it cannot be shown what code reads, there is no digest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import types

import numpy as np
import pytest

import neuropil as npl
from neuropil.lower import kept as keeping
from neuropil.lower.integrate import StepFunction
from neuropil.lower.kept import kept, read_by
from neuropil.lower.neuron_program import NeuronProgram, Variant
from neuropil.lower.reads import Unreadable, digest_of
from neuropil.lower.trace import TracedNeuron
from neuropil.lower.traced_synapse import TracedSynapse
from neuropil.units import ms, nS, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import PairSTDP

HELPERS = """
GAIN = 2.0
def inner(x):
    return x * GAIN
"""

MODEL = """
import functools, itertools, math, os, random, time
import numpy as np
import neuropil as npl
from neuropil import maths
from neuropil.units import mV, ms, Time
import {helpers} as helpers
from {helpers} import inner

SCALE = 3.0
SHAPE = [1.0, 2.0]
TABLE = np.array([1.0, 4.0])
CALLS = itertools.count()
PICK = getattr

class Settings:
    def __init__(self, factor):
        self.factor = factor

SETTINGS = Settings(5.0)

def helper(x, power=2):
    return inner(x) * SCALE * SHAPE[1] * TABLE[1] * SETTINGS.factor * helpers.GAIN * power + shifted(x)

def made(step):
    def stepped(x):
        return x * step
    return stepped

shifted = made(7.0)
halved = functools.partial(lambda a, x: x * a, 0.5)

class Base(npl.Neuron):
    rate = None
    def leak(self, s):
        return -s.v * 2.0

class Model(Base):
    tau: Time = 10 * ms
    v = npl.State(1 * mV)
    def derivative(self, s, x):
        terms = [self.leak(s), helper(s.v), halved(s.v), self.extra(s.v)]
        return {{"v": (terms[0] + terms[1] + terms[2] + terms[3] + {term}) / self.tau}}
    def fires(self, s):
        return s.v > 1e9 * mV
    def reset(self, s):
        return {{"v": 0 * mV}}
    @staticmethod
    def extra(x):
        return x * 11.0
"""


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """A cache directory of this test alone."""
    monkeypatch.setenv("NEUROPIL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def module(monkeypatch):
    """A function that makes the module of the model from a text."""

    def make(text=MODEL, helpers=HELPERS, term="s.v * 0.0"):
        for name, source in (("outside_helpers", helpers), ("outside_model", text.format(helpers="outside_helpers", term=term))):
            made = types.ModuleType(name)
            monkeypatch.setitem(sys.modules, name, made)
            exec(compile(source, f"{name}.py", "exec"), vars(made))
        return made

    return make


def digest(model):
    return digest_of(*read_by(TracedNeuron(model)))


def graph(model, monkeypatch):
    """The program's nodes, traced from scratch."""
    with monkeypatch.context() as patch:
        for module in ("classify", "neuron_program"):
            patch.setattr(f"neuropil.lower.{module}.kept", lambda what, reads, make: make())
        program = NeuronProgram.of(StepFunction.of(TracedNeuron(model)), Variant())
    return program.graph.nodes, program.step.scheme.system.graph.nodes


TEXTS = {
    "an equation": ("/ self.tau", "/ (2.0 * self.tau)"), "a helper": ("* SCALE *", "/ SCALE *"), "a global": ("SCALE = 3.0", "SCALE = 4.0"),
    "an item of a list": ("SHAPE = [1.0, 2.0]", "SHAPE = [1.0, 2.5]"), "an array": ("[1.0, 4.0]", "[1.0, 5.0]"), "an object": ("Settings(5.0)", "Settings(6.0)"),
    "a class behind an object": ("self.factor = factor", "self.factor = 2.0 * factor"), "a default": ("power=2", "power=3"), "a closure": ("made(7.0)", "made(8.0)"),
    "a function within one": ("return x * step", "return x / step"), "a partial": ("0.5)", "0.25)"), "a base class": ("-s.v * 2.0", "-s.v * 4.0"),
    "a static method": ("return x * 11.0", "return x * 12.0"), "the integrator": ("rate = None", 'integrator = "exponential_euler"'), "a declaration": ("def fires(self", "clamps = ('v',)\n    refractory = 'tau'\n    def fires(self"),
}  # fmt: skip


@pytest.mark.parametrize("edit", TEXTS, ids=str)
def test_an_edit_of_what_equations_read_is_traced_again(module, monkeypatch, edit):
    before, after = TEXTS[edit]
    assert MODEL.count(before) == 1
    term = "s.v * s.v / mV" if "integrator" in edit else "s.v"
    first, same = module(term=term).Model(), module(term=term).Model()
    assert digest(first) == digest(same) and graph(first, monkeypatch) == graph(same, monkeypatch)
    other = module(MODEL.replace(before, after), term=term).Model()
    assert graph(other, monkeypatch) != graph(first, monkeypatch)
    assert digest(other) != digest(first)


@pytest.mark.parametrize("edit", [("GAIN = 2.0", "GAIN = 3.0"), ("x * GAIN", "x / GAIN")], ids=str)
def test_so_is_one_in_a_module_that_is_imported(module, monkeypatch, edit):
    first, other = module().Model(), module(helpers=HELPERS.replace(*edit)).Model()
    assert graph(other, monkeypatch) != graph(first, monkeypatch)
    assert digest(other) != digest(first)


def _new(space):
    def derivative(self, s, x):
        return {"v": -3.0 * s.v / self.tau}

    return derivative


CHANGES = {
    "a method replaced": lambda space: setattr(space.Model, "derivative", _new(space)),
    "a method of a base replaced": lambda space: setattr(space.Base, "leak", lambda self, s: s.v * 9.0),
    "a global set": lambda space: setattr(space, "SCALE", 9.0),
    "a list changed": lambda space: space.SHAPE.append(3.0) or space.SHAPE.__setitem__(1, 9.0),
    "an array changed": lambda space: space.TABLE.__setitem__(1, 9.0),
    "an object changed": lambda space: setattr(space.SETTINGS, "factor", 9.0),
    "a closure changed": lambda space: setattr(space.shifted.__closure__[0], "cell_contents", 9.0),
    "a default changed": lambda space: setattr(space.helper, "__defaults__", (9,)),
    "code replaced": lambda space: setattr(space.inner, "__code__", (lambda x: x * 9.0).__code__),
    "a module's global set": lambda space: setattr(space.helpers, "GAIN", 9.0),
    "a function imported by name": lambda space: setattr(space, "inner", lambda x: x * 9.0),
    "an integrator set": lambda space: setattr(space.Model, "integrator", "exponential_euler"),
}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_so_is_a_change_while_python_runs(module, monkeypatch, change):
    space = module(term="s.v * s.v / mV" if "integrator" in change else "s.v")
    first, before = digest(space.Model()), graph(space.Model(), monkeypatch)
    CHANGES[change](space)
    assert graph(space.Model(), monkeypatch) != before
    assert digest(space.Model()) != first


def test_so_is_a_published_model_that_was_changed(monkeypatch):
    """Also where the package's own code took the place of other code."""
    first = digest(LIFExp())
    monkeypatch.setattr(LIFExp, "derivative", _new(None))
    second = digest(LIFExp())
    monkeypatch.setattr(LIFExp, "derivative", npl.Neuron.derivative)
    assert len({first, second, digest(LIFExp())}) == 3
    monkeypatch.undo()
    assert digest(LIFExp()) == first
    monkeypatch.setattr(npl.Neuron, "bound", lambda self, values: self)
    assert digest(LIFExp()) != first


def test_the_package_and_the_tableaux_count(monkeypatch):
    made = []

    def ask():
        return kept("test", read_by(TracedNeuron(LIFExp())), lambda: made.append(1) or len(made))

    assert [ask(), ask()] == [1, 1]
    monkeypatch.setattr(keeping, "package", lambda: "other text")
    assert [ask(), ask()] == [2, 2]
    monkeypatch.setattr(keeping, "names", lambda family: ("rk4",))
    assert [ask(), ask()] == [3, 3]


def test_values_of_parameters_do_not(module):
    """A sweep over them takes one trace; so does a copy."""
    space = module()
    assert digest(space.Model()) == digest(space.Model(tau=30 * space.ms)) == digest(space.Model(tau=np.array([1.0, 2.0]) * space.ms))


def test_how_a_synapse_is_used_does(module):
    """Its units, and which of its parameters differ between synapses, are in its trace."""

    def of(weight=pA, port=pA, flow=None, apart=(), **parameters):
        units = (None if u is None else u.dimension for u in (weight, port, flow))
        return digest_of(*read_by(TracedSynapse(PairSTDP(**parameters), *units, frozenset(apart))))

    others = [of(weight=nS), of(port=nS), of(port=None), of(flow=pA), of(apart=("tau_plus",)), of(tau_plus=npl.Uniform(10 * ms, 20 * ms))]
    assert len({of(), *others}) == 7
    assert of(tau_plus=30 * ms) == of()


UNREADABLE = {
    "a clock": "s.v * time.time()", "a file": "s.v * float(open('/dev/null').read() or 1)", "the environment": "s.v * len(os.environ)",
    "a generator": "s.v * next(CALLS)", "random numbers": "s.v * random.random()", "those of NumPy": "s.v * np.random.normal()",
    "an attribute by a computed name": "s.v * getattr(helpers, 'GA' + chr(73) + 'N')", "the same by another name": "s.v * PICK(helpers, 'GA' + chr(73) + 'N')",
    "the globals": "s.v * globals()['SCALE']", "text": "s.v * eval('SCALE')", "an import": "(lambda: [__import__('math'), s.v][1])()",
    "the address of something": "s.v * id(helpers)", "a dict of a module": "s.v * helpers.__dict__['GAIN']",
}  # fmt: skip


@pytest.mark.parametrize("term", UNREADABLE, ids=str)
def test_what_cannot_be_followed_has_no_digest(module, term):
    with pytest.raises(Unreadable):
        digest(module(term=UNREADABLE[term]).Model())


def test_without_a_digest_it_is_traced_every_time():
    made = []
    for _ in range(2):
        kept("test", (iter([1.0]),), lambda: made.append(1))
    assert len(made) == 2


def test_what_numpy_makes_of_a_function_is_not_taken_for_numpys(module):
    """`np.vectorize` and `np.frompyfunc` give objects of NumPy that hold code of others."""

    def of(made):
        return digest(module(MODEL.replace("PICK = getattr", f"PICK = {made}"), term="s.v * PICK(1.0)").Model())

    assert of("np.exp") != of("np.expm1")
    for made in ("np.vectorize(lambda v: v)", "np.frompyfunc(lambda v: v, 1, 1)"):
        with pytest.raises(Unreadable):
            of(made)


@pytest.mark.parametrize("holder", ["class Held(dict): pass\nHELD = Held(a=2.0)", "HELD = type('Held', (itertools.count,), dict())()", "HELD = memoryview(b'a')"])
def test_nor_is_what_holds_more_than_its_attributes(module, holder):
    """A class with a base in C has contents that are in no `__dict__`."""
    with pytest.raises(Unreadable):
        digest(module(MODEL.replace("PICK = getattr", holder), term="s.v * HELD['a']").Model())


def test_a_trace_whose_file_was_touched_is_made_again(tmp_path):
    reads, made = read_by(TracedNeuron(LIFExp())), []

    def ask():
        return kept("test", reads, lambda: made.append(1) or "traced")

    assert ask() == ask() == "traced" and len(made) == 1
    (file,) = (tmp_path / "cache" / "traces").iterdir()
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    assert ask() == "traced" and len(made) == 2
    file.chmod(0o666)
    assert ask() == "traced" and len(made) == 3


SCRIPT = """
import sys
import neuropil as npl
from neuropil.units import Time, mV, ms
from gain import gain

class Leaky(npl.Neuron):
    tau: Time = 10 * ms
    v = npl.State(0 * mV)
    def derivative(self, s, x):
        return {"v": (gain(50 * mV) - s.v) / self.tau}
    def fires(self, s):
        return s.v >= 20 * mV
    def reset(self, s):
        return {"v": 0 * mV}

net = npl.Network()
net.population("p", Leaky(), int(sys.argv[1]))
simulation = npl.Simulation(net, threads=1)
stamps, _ = simulation.step(200)
print("jax" in sys.modules, "numba" in sys.modules, stamps[0])
"""


def test_a_start_that_finds_its_traces_needs_no_jax_and_an_edit_is_seen(tmp_path, monkeypatch):
    """v = 50 g (1 - e^(-t/10 ms)) reaches 20 mV at 10 ln(50 g / (50 g - 20)) ms: 5.11 ms for g = 1, 2.23 ms for g = 2."""
    monkeypatch.delenv("NEUROPIL_CACHE")  # kernels may be those of other tests; the traces of this text are new in each run
    (tmp_path / "script.py").write_text(SCRIPT.replace("gain(50", f"gain({50 + os.getpid() * 1e-9}"))

    def start(size, gain):
        (tmp_path / "gain.py").write_text(f"def gain(x):\n    return x * {gain}\n")
        # Without bytecode: two edits within one second have the same time.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run([sys.executable, tmp_path / "script.py", str(size)], env=environment, text=True, capture_output=True, check=True)
        return done.stdout.split()

    assert start(10, 1.0) == ["True", "True", "52"]
    assert start(11, 1.0) == ["False", "True", "52"]
    assert start(10, 2.0) == ["True", "True", "23"]
    assert start(10, 1.0) == ["False", "True", "52"]
