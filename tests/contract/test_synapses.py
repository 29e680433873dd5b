"""Every registered synapse: the engine does what the oracle does, in either form, whatever the threads and the precision.

Registering a synapse enrols it here; how it is used stands in `neuropil.zoo.contract`.
"""

from __future__ import annotations

from functools import cache

import jax
import numpy as np
import pytest

from neuropil.connectivity.draw import edges
from neuropil.engine import Simulation
from neuropil.learn import Rollout
from neuropil.model import AllToAll, FixedProbability, Network, Regular, Rewiring, Step, Uniform
from neuropil.oracle import simulate
from neuropil.plan.plan import make_plan
from neuropil.units import Hz, ms, pA
from neuropil.zoo.contract import synapse_use
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.poisson_source import PoissonSource
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.registry import SYNAPSES, synapse

STEPS = 1500
TOLERANCE = 1e-9
"""Of a float64 state, relative to its largest magnitude."""

# Whose states and events are those of a sibling that is tested by default: what compiles and runs theirs is `slow`.
SIBLINGS = (
    "stdp_van_rossum", "stdp_multiplicative", "stdp_power_law", "stdp_nearest_additive", "inhibitory_stdp",
    "oja", "covariance", "anti_hebbian", "reward_stdp", "tsodyks_markram_1998", "varela", "nmda_kinetics", "article_weight", "article_synapse",
)  # fmt: skip

# Of module scope, so that all tests of one synapse follow each other, on one worker, and share its runs.
everyone = pytest.mark.parametrize("name", list(SYNAPSES), scope="module")
each_kind = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SIBLINGS else n for n in SYNAPSES], scope="module"
)


def small_network(name, clock_driven=False, structure=None, drawn=True):
    """Sources onto neurons that excite each other; distributed delays, and a parameter drawn for every synapse."""
    use = synapse_use(name)
    model = synapse(name)(**use.given)
    first = next(p for p in model.spec.parameters if getattr(model, p).value != 0.0)
    if drawn:
        value = getattr(model, first)
        model = model.with_(**{first: Uniform(0.8 * value, 1.2 * value)})
    network = Network(name)
    source = network.population("source", PoissonSource(rate=60 * Hz), 12)
    target = network.population("target", LIFExp(), 17)
    network.stimulate(target, Step(380 * pA), input="current")
    how = {"synapse": model, "port": use.port, "input": use.input, "clock_driven": clock_driven, "structure": structure}
    network.project(source, target, FixedProbability(0.5), weight=use.weight, delay=Uniform(0.3 * ms, 2 * ms), name="in", **how)
    network.project(target, target, FixedProbability(0.3), weight=0.3 * use.weight, delay=1.5 * ms, name="back", **how)
    # A projection without states into the same port: their events meet in one accumulator.
    network.project(source, target, FixedProbability(0.2), weight=300 * pA, delay=1 * ms, port="exc", name="plain")
    network.probe(target, "v")
    return network


def oracle_run(network, name):
    drawn = {j: edges(p, 1, 0.1) for j, p in enumerate(network.projections)}
    return simulate(network, STEPS * 0.1 * ms, edges=drawn, modulators=dict.fromkeys((0, 1), synapse_use(name).modulator))


def engine_run(network, name, threads=1, precision="float64"):
    simulation = Simulation(network, threads=threads, precision=precision)
    for store in simulation.core.per_synapse.values():
        if "modulator" in store.program.traced.spec.inputs:
            simulation.set_modulator(store.projection, synapse_use(name).modulator)
    result = simulation.run(STEPS * 0.1 * ms)
    synapses = {p: simulation.synapses(p) for p in ("in", "back")}
    simulation.close()
    return result, synapses


@cache
def oracle_of(name):
    return oracle_run(small_network(name), name)


@cache
def engine_of(name, clock_driven=False, threads=1, precision="float64"):
    return engine_run(small_network(name, clock_driven), name, threads, precision)


def assert_close(values, truth, what):
    scale = max(np.abs(truth).max(initial=0.0), 1e-300)
    assert values.shape == truth.shape, what
    assert np.abs(values - truth).max(initial=0.0) <= TOLERANCE * scale, what


@everyone
def test_the_classification_is_as_expected(name):
    program = make_plan(small_network(name)).synapses[0]
    assert set(program.form.clocked) == set(synapse_use(name).clocked)
    assert program.event_driven == (not synapse_use(name).clocked)


LEARNED = {
    **dict.fromkeys(("tsodyks_markram", "tsodyks_markram_1998", "varela", "receptor_kinetics", "nmda_kinetics", "scaled"), ()),
    **dict.fromkeys(("full_synapse", "article_synapse", "td_stdp"), ("weight",)),
    "scaled_stdp": ("efficacy", "log_factor"),
    "fast_weights": ("efficacy", "fast"),
    "synaptic_caching": ("efficacy", "transient", "size", "energy"),
    "cascade": ("efficacy", *(f"u{k}" for k in range(1, 7))),
}
"""What is held while plasticity is off; of all others the efficacy."""


@everyone
def test_what_is_learnt_is_as_expected(name):
    """Weights and efficacies, but no trace, no eligibility, no resource of short-term plasticity."""
    assert make_plan(small_network(name)).synapses[0].learned == LEARNED.get(name, ("efficacy",))


@each_kind
def test_engine_equals_oracle(name):
    (result, synapses), truth = engine_of(name), oracle_of(name)
    assert len(truth.spikes.of("target")) > 20, "alive"
    np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
    np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
    assert_close(result.traces["target.v"].values, truth.traces["target.v"], "v")
    for projection, states in truth.synapses.items():
        for state, values in states.items():
            assert_close(synapses[projection][state], values, (projection, state))


@pytest.mark.parametrize("name", ["tsodyks_markram", "homeostatic", "full_synapse", "graupner_brunel"])
def test_rollout_equals_oracle(name):
    network, truth = small_network(name), oracle_of(name)
    with jax.enable_x64(True):
        rollout = Rollout(network, precision="float64")
        inputs = rollout.inputs(STEPS)
        inputs["modulators"] = dict.fromkeys(("in", "back"), np.full(STEPS, synapse_use(name).modulator))
        rolled = rollout.run(STEPS, inputs=inputs)
        step, _ = np.nonzero(np.asarray(rolled.spikes["target"]))
        late = truth.spikes.of("target")
        np.testing.assert_array_equal(step + 1, late.step)
        assert_close(np.asarray(rolled.traces["target.v"]), truth.traces["target.v"], "v")
        for projection, states in truth.synapses.items():
            for state, values in rolled.state["synapses"][projection]["states"].items():
                assert_close(np.asarray(values), states[state], (projection, state))


def test_gradients_reach_the_parameters_of_short_term_plasticity():
    """d(summed potential)/dU by reverse differentiation against finite differences."""
    network = Network("gradient")
    source, target = network.population("source", Relay(), 2), network.population("target", LIFExp(), 3)
    network.stimulate(source, Regular(15 * ms), port="spikes", weight=1.0)
    network.project(source, target, AllToAll(), weight=50 * pA, delay=1 * ms, port="exc", synapse=synapse("tsodyks_markram")(), name="p")
    network.probe(target, "v")
    with jax.enable_x64(True):
        rollout = Rollout(network, precision="float64")
        state, inputs = rollout.initial(), rollout.inputs(600)

        def loss(use, weight):
            made = {**rollout.parameters["synapses"]["p"], "use": use}
            parameters = {**rollout.parameters, "synapses": {"p": made}, "weights": {"p": weight}}
            return rollout.apply(parameters, state, inputs).traces["target.v"].sum()

        weight = np.full(6, 50.0)
        slope, slopes = jax.jit(jax.grad(loss, (0, 1)))(0.4, weight)
        compiled = jax.jit(loss)

        def value(use, weight):
            return float(compiled(use, weight))

        assert float(slope) == pytest.approx((value(0.4 + 1e-5, weight) - value(0.4 - 1e-5, weight)) / 2e-5, rel=1e-5)
        step = np.eye(6)[2] * 1e-3
        assert float(slopes[2]) == pytest.approx((value(0.4, weight + step) - value(0.4, weight - step)) / 2e-3, rel=1e-5)


@each_kind
def test_both_forms_agree(name):
    """What waits for spikes and what advances in every step are the same synapse."""
    (waiting, a), (clocked, b) = engine_of(name), engine_of(name, clock_driven=True)
    assert waiting.spikes == clocked.spikes
    for projection, states in a.items():
        for state, values in states.items():
            assert_close(b[projection][state], values, (projection, state))


@each_kind
def test_threads_do_not_matter(name):
    equal_over_threads(name, "float64")


@pytest.mark.parametrize("name", ["tsodyks_markram", "full_synapse"])
def test_threads_do_not_matter_in_float32(name):
    equal_over_threads(name, "float32")


def equal_over_threads(name, precision):
    one, synapses = engine_of(name, precision=precision)
    for threads in (2, 3):
        other, others = engine_of(name, threads=threads, precision=precision)
        assert other.summary["digest"] == one.summary["digest"]
        np.testing.assert_array_equal(other.traces["target.v"].values, one.traces["target.v"].values)
        for projection, states in synapses.items():
            for state, values in states.items():
                np.testing.assert_array_equal(others[projection][state], values, err_msg=f"{state}, {threads} threads")


@pytest.mark.parametrize("name", ["tsodyks_markram", "full_synapse", "graupner_brunel", None])
def test_rewiring_equals_oracle(name):
    """Synapses vanish and form under way, also between a spike's emission and arrival; any threads, one digest."""
    structure = Rewiring(37.3 * ms, eliminate=5 * Hz)

    def network():
        made = small_network(name or "tsodyks_markram", structure=structure, drawn=False)
        if name is None:
            made = Network("bare")
            source = made.population("source", PoissonSource(rate=60 * Hz), 12)
            target = made.population("target", LIFExp(), 17)
            made.stimulate(target, Step(380 * pA), input="current")
            growing = Rewiring(5 * ms, eliminate=5 * Hz, form=30 * Hz)
            made.project(source, target, FixedProbability(0.5), weight=600 * pA, delay=Uniform(0.3 * ms, 3 * ms), port="exc", structure=growing, name="in")
            made.project(target, target, FixedProbability(0.3), weight=50 * pA, delay=1.5 * ms, port="exc", structure=structure, name="back")
            made.probe(target, "v")
        return made

    truth = oracle_run(network(), name or "tsodyks_markram")
    assert len(truth.spikes.of("target")) > 20
    for threads in (1, 2, 3):
        result, synapses = engine_run(network(), name or "tsodyks_markram", threads)
        np.testing.assert_array_equal(result.spikes.step, truth.spikes.step)
        np.testing.assert_array_equal(result.spikes.neuron, truth.spikes.neuron)
        for projection, states in truth.synapses.items():
            for state, values in states.items():
                assert_close(synapses[projection][state], values, (projection, state))
