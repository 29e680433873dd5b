"""Work counted from a plan against what can be counted by hand, and a run's cost against its own counters."""

from __future__ import annotations

import numpy as np
import pytest

import neuropil as npl
from neuropil.cost.achieved import achieved
from neuropil.cost.circuit import cost_of, rates_for, seconds_here
from neuropil.cost.interval import Interval
from neuropil.cost.measure import neuron_seconds, this_machine
from neuropil.lower.cable import SOLVER_FLOPS
from neuropil.model import Input, Neuron, Port, State, Synapse, Uniform
from neuropil.model.cell.cell import Cell
from neuropil.plan.cost import KernelCost, kernel_costs
from neuropil.plan.plan import make_plan
from neuropil.units import Current, Hz, Ohm, Quantity, Time, Voltage, cm, ms, mV, nS, pA, um
from neuropil.zoo.channels.leak import Leak as PassiveMembrane
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP


class Leak(Neuron):
    """One linear state: v <- P v + w."""

    tau: Time = 10 * ms
    v = State(1.0)
    push = Port(1.0)

    def derivative(self, s, x):
        return {"v": -s.v / self.tau}

    def receive(self, s, w):
        return {"v": w.push}


class Square(Neuron):
    """One nonlinear state by forward Euler: v <- v + dt (c - v v) / ms, whose constants leave the loop."""

    c: float = 2.0
    v = State(0.5)
    drive = Input(1.0)
    integrator = "euler"

    def derivative(self, s, x):
        return {"v": (self.c - s.v * s.v) / ms}


def network(**options):
    net = npl.Network("small")
    pop = net.population("pop", Leak(), 7)
    net.project(pop, pop, npl.AllToAll(), weight=1.0, delay=1 * ms, port="push", **options)
    return net


@pytest.mark.parametrize(("precision", "real", "sum_"), [("float32", 4, 4), ("float64", 8, 8)])
def test_a_linear_neuron_and_its_synapses(precision, real, sum_):
    works = {w.kind: w for w in kernel_costs(make_plan(network(), precision=precision))}
    neuron, event = works["neuron"], works["synaptic event"]
    # P v and the sum with the weight, which itself is a stored weight times the weight scale
    assert (neuron.count, neuron.flops) == (7, 3)
    # v read and written; the accumulator read and cleared
    assert neuron.bytes == 2 * real + 2 * sum_
    # the word, a target alone, since all weigh the same; the accumulator read and written
    assert (event.count, event.flops, event.bytes, event.owner) == (49, 1, 2 + 2 * sum_, "pop")


def test_full_weights_widen_the_accumulator_only():
    works = {w.kind: w for w in kernel_costs(make_plan(network(), full_weights=True))}
    assert works["neuron"].bytes == 2 * 4 + 2 * 8
    assert works["synaptic event"].bytes == 24


def test_a_nonlinear_neuron():
    net = npl.Network("square")
    net.population("pop", Square(), 3)
    (work,) = [w for w in kernel_costs(make_plan(net)) if w.kind == "neuron"]
    assert work.flops == 4  # v v, c - v v, times dt, plus v
    assert work.bytes == 8


def test_a_second_of_biology():
    net = network()
    plan = make_plan(net, dt=0.5 * ms)
    cost = cost_of(plan, rates_for(net, 3.0))
    assert cost.times("neuron") == Interval.exact(7 * 2000)
    assert cost.times("synaptic event") == Interval.exact(49 * 3.0)
    assert cost.flops == Interval.exact(7 * 2000 * 3 + 49 * 3.0)


def test_rates_are_given_published_or_assumed():
    net = npl.Network("n", published={"a": 2.0})
    net.population("a", Leak(), 1)
    assert rates_for(net).by_population == {"a": Interval.exact(2.0)}
    net.population("b", Leak(), 1)
    assert "assumed" in rates_for(net).source
    assert rates_for(net).by_population["b"].low < rates_for(net).by_population["b"].high
    assert rates_for(net, 5.0).by_population["b"] == Interval.exact(5.0)


def test_a_varying_parameter_is_read_for_every_neuron():
    net = npl.Network("varying")
    net.population("pop", Leak(tau=np.array([5.0, 10.0, 20.0]) * ms), 3)
    same = npl.Network("same")
    same.population("pop", Leak(), 3)
    varying, fixed = (kernel_costs(make_plan(n))[0].bytes for n in (net, same))
    assert varying == fixed + 4


class LIF(Neuron):
    """Fires regularly under its own current."""

    tau: Time = 10 * ms
    push: Current = 0 * pA
    v_th: Voltage = 1 * mV
    v = State(0 * mV)
    exc = Port(mV)

    def derivative(self, s, x):
        return {"v": (2 * mV - s.v) / self.tau}

    def receive(self, s, w):
        return {"v": w.exc}

    def fires(self, s):
        return s.v >= self.v_th

    def reset(self, s):
        return {"v": Quantity(0.0, mV.dimension)}


def test_a_run_does_the_work_of_its_plan_as_often_as_its_counters_say():
    net = npl.Network("run")
    pop = net.population("pop", LIF(), 20)
    net.project(pop, pop, npl.AllToAll(), weight=0 * mV, delay=1 * ms, port="exc")
    net.stimulate(pop, npl.Poisson(100 * Hz), port="exc", weight=0 * mV)
    result = npl.run(net, 50 * ms, threads=1)
    found = achieved(result.to_json())
    assert found is not None
    done = {d.kind: d for d in found.done}
    works = {w.kind: w for w in kernel_costs(make_plan(net))}
    assert result.summary["spikes"] > 0
    assert done["neuron"].times == result.summary["neuron_steps"] == 20 * 500
    assert done["stimulus"].times == 20 * 500
    assert done["spike"].times == result.summary["spikes"]
    assert done["synaptic event"].times == result.summary["synaptic_events"]
    assert done["synaptic event"].bytes == (2 + 2 * 4) * result.summary["synaptic_events"]
    assert found.flops == pytest.approx(works["neuron"].flops * 10_000 + result.summary["synaptic_events"])
    assert found.flops_per_second == pytest.approx(found.flops / result.summary["wall_seconds"])
    for joules in found.joules.values():
        assert joules.low <= joules.value <= joules.high


def test_a_summary_without_work_has_no_cost():
    assert achieved({}) is None
    assert achieved({"work": []}) is None


def test_a_record_survives_json():
    work = KernelCost("a", "neuron", 3, "step", 5, 7, "here")
    assert KernelCost(**work.to_json()) == work


def test_cells_are_counted_compartment_by_compartment():
    """The FLOPs of the lowered cell, shared out; bytes by its states and the solver's three numbers."""
    shape = npl.MorphologyBuilder()
    shape.section("cable", kind="soma", length=100 * um, diameter=2 * um)
    cell = Cell(shape.build(), discretisation=npl.FixedCount(10), resistivity=100 * Ohm * cm, initial=-65 * mV)
    cell.paint("all", PassiveMembrane())
    net = npl.Network("cells")
    net.population("cells", cell, 3)
    plan = make_plan(net, precision="float64")
    (work,) = [w for w in kernel_costs(plan) if w.kind == "compartment"]
    cable = plan.cells["cells"].cable
    assert work.count == 3 * cable.size
    assert work.flops * cable.size == pytest.approx(cable.flops)
    assert work.flops >= SOLVER_FLOPS
    seconds = seconds_here(plan, cost_of(plan, rates_for(net, 1.0)), this_machine(1))
    assert seconds["compartments of cells"].value > 0
    assert work.bytes == 2 * 8 * 3  # V, conductance and current, read and written; a leak has no state


class Twig(npl.Branch):
    """One linear state that flows into the soma."""

    tau: Time = 10 * ms
    v = State(0 * mV)
    v_soma = Input(mV)
    exc = Port(mV)

    def derivative(self, s, x):
        return {"v": -s.v / self.tau}

    def receive(self, s, w):
        return {"v": w.exc}

    def output(self, s, x):
        return (s.v - x.v_soma) * nS


def test_branches_are_counted_beside_their_somas():
    neuron = npl.Branched(soma=LIFExp(), branch=Twig(), branches=5, into="current", reads={"v_soma": "v"})
    net = npl.Network("branched")
    pop = net.population("pop", neuron, 4)
    net.project(pop, pop, npl.AllToAll(), weight=1 * mV, delay=1 * ms, port="branch.exc")
    works = {w.kind: w for w in kernel_costs(make_plan(net))}
    assert works["neuron"].count == 4
    assert works["branch"].count == 20
    # v read and written, the accumulator read and cleared, the soma's v read, its input read and written
    assert works["branch"].bytes == 8 + 8 + 4 + 8
    result = npl.run(net, 10 * ms, threads=1)
    done = {d.kind: d.times for d in achieved(result.to_json()).done}
    assert done["branch"] == 5 * done["neuron"] == 20 * 100


def test_a_kernel_is_measured_once_and_remembered():
    plan = make_plan(network())
    (group,) = plan.groups
    first = neuron_seconds(group, plan, 1)
    assert 0 < first < 1e-6
    assert neuron_seconds(group, plan, 1) == first
    machine = this_machine(1)
    assert machine == this_machine(1)
    assert machine.flops32 > machine.flops64 > 1e8
    assert machine.bandwidth > 1e8
    assert machine.events > 1e6


# --- synapses with states -----------------------------------------------------------------------------------------


class Fading(Synapse):
    """One resource that a spike spends and that comes back, in closed form."""

    tau: Time = 50 * ms
    left = State(1.0)

    def derivative(self, s, x):
        return {"left": (1.0 - s.left) / self.tau}

    def arrive(self, s, w):
        return {"left": 0.5 * s.left}

    def transmits(self, s, w):
        return w * s.left


class Flowing(Synapse):
    """One conductance that decays and carries a current at a fixed driving force."""

    tau: Time = 5 * ms
    e: Voltage = -70 * mV
    g = State(0 * nS)

    def derivative(self, s, x):
        return {"g": -s.g / self.tau}

    def arrive(self, s, w):
        return {"g": s.g + w * nS}

    def current(self, s, x):
        return s.g * self.e


def with_synapses(synapse, **how):
    net = npl.Network("living")
    pre, post = net.population("pre", LIFExp(), 6), net.population("post", LIFExp(), 4)
    net.project(pre, post, npl.AllToAll(), weight=how.pop("weight"), delay=1 * ms, synapse=synapse, **how)
    return [w for w in kernel_costs(make_plan(net, precision="float32")) if "syn" in w.kind]


def test_event_driven_synapses_cost_at_events_only():
    (event,) = with_synapses(Fading(), weight=10 * pA, port="exc")
    assert (event.kind, event.per, event.owner, event.count) == ("synaptic event", "event", "pre", 24)
    # What is left is the same for all synapses of a spike: theirs is the product with the weight, and a sum.
    assert event.flops == 1 + 1
    # Its target; an accumulator and what is added.
    assert event.bytes == 4 + 2 * 8 + 4
    drawn = with_synapses(Fading(tau=Uniform(10 * ms, 20 * ms)), weight=10 * pA, port="exc")[0]
    # exp(-h/tau): product and exponential; 1 + (left - 1)·that: a difference, a product, a sum; sent and halved: two products;
    # and the addition to the accumulator.
    assert drawn.flops == (1 + 18) + 3 + 2 + 1
    # Its target; the resource read and written; when it was last up to date, likewise; an accumulator and what is added.
    assert drawn.bytes == 4 + 2 * 4 + 2 * 4 + 2 * 8 + 4


def test_synapses_on_target_records_fetch_the_record_of_their_target():
    event = with_synapses(AdditiveSTDP(), weight=10 * pA, port="exc")[0]
    # Its target; the weight read and written; seven spikes and a trace of the target; an accumulator and what is added.
    assert event.bytes == 4 + 2 * 4 + 8 * 4 + 2 * 8 + 4


def test_clock_driven_synapses_cost_at_every_step():
    event, step = with_synapses(Flowing(), weight=1.0, input="current")
    assert (step.kind, step.per, step.count, event.count) == ("synapse", "step", 24, 24)
    assert step.flops == 3  # decay, current, and its sum
    assert step.bytes == 2 * 4
    assert event.flops == 1  # g += w
    assert event.bytes == 4 + 2 * 4
