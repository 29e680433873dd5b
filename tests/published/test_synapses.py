"""Synapses do what their papers' formulas say: short-term plasticity by recursion, the calcium window, homeostasis."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.engine import Simulation
from neuropil.model import Network, OneToOne, Regular, Step
from neuropil.units import Hz, ms, nS, pA, uM
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.neurons.relay import Relay
from neuropil.zoo.synapses.calcium_plasticity import ArticleWeight, CalciumWeight, Homeostatic
from neuropil.zoo.synapses.full_synapse import ArticleSynapse, FullSynapse
from neuropil.zoo.synapses.receptor_kinetics import ReceptorKinetics
from neuropil.zoo.synapses.short_term import TsodyksMarkram, TsodyksMarkram1998, Varela

INTERVAL = 50.0  # ms: 20 Hz
SPIKES = 8


def train(synapse, **how):
    """Amplitudes that a 20 Hz train leaves in the target's synaptic current, pA."""
    network = Network("train")
    source, target = network.population("source", Relay(), 1), network.population("target", LIFExp(), 1)
    network.stimulate(source, Regular(INTERVAL * ms), port="spikes", weight=1.0)
    network.project(source, target, OneToOne(), weight=100 * pA, delay=1 * ms, port="exc", synapse=synapse, **how)
    network.probe(target, "i_exc")
    simulation = Simulation(network, precision="float64", threads=1)
    current = simulation.run_until((SPIKES + 0.5) * INTERVAL * ms).traces["target.i_exc"].values[:, 0]
    simulation.close()
    jumps = np.diff(current, prepend=0.0)
    return current[jumps > 1e-6] - np.r_[0.0, current[:-1]][jumps > 1e-6] * np.exp(-0.1 / LIFExp().tau_exc.value)


def recursion(use, tau_d, tau_f, rest):
    """Efficacies by the closed form between spikes: first the utilisation, then the resources."""
    x, u, found = 1.0, rest, []
    for _ in range(SPIKES):
        u += use * (1.0 - u)
        found.append(u * x)
        x -= u * x
        x = 1.0 - (1.0 - x) * np.exp(-INTERVAL / tau_d)
        u = rest - (rest - u) * np.exp(-INTERVAL / tau_f)
    return np.array(found)


@pytest.mark.parametrize("clock_driven", [False, True])
@pytest.mark.parametrize(("use", "tau_d", "tau_f"), [(0.5, 800.0, 20.0), (0.05, 60.0, 700.0)])
def test_tsodyks_markram_at_20_hz(use, tau_d, tau_f, clock_driven):
    model = {"use": use, "tau_d": tau_d * ms, "tau_f": tau_f * ms}
    measured = train(TsodyksMarkram(**model), clock_driven=clock_driven)
    np.testing.assert_allclose(measured, 100.0 * recursion(use, tau_d, tau_f, use), rtol=1e-9)
    assert (measured[-1] < measured[0]) == (use == 0.5), "one depresses, the other facilitates"
    if not clock_driven:
        np.testing.assert_allclose(train(TsodyksMarkram1998(**model)), 100.0 * recursion(use, tau_d, tau_f, 0.0), rtol=1e-9)


def test_varela_factors_at_20_hz():
    f, d, found = 1.0, 1.0, []
    for _ in range(SPIKES):
        found.append(f * d)
        f, d = f + 0.2, 0.6 * d
        f, d = 1.0 + (f - 1.0) * np.exp(-INTERVAL / 100.0), 1.0 + (d - 1.0) * np.exp(-INTERVAL / 400.0)
    np.testing.assert_allclose(train(Varela()), 100.0 * np.array(found), rtol=1e-9)


def weights_after(synapses, seconds, key="efficacy"):
    """A state of one synapse of each model after a time without spikes."""
    network = Network("still")
    source, target = network.population("source", Relay(), 1), network.population("target", LIFExp(), 1)
    for j, synapse in enumerate(synapses):
        network.project(source, target, OneToOne(), weight=1 * pA, delay=1 * ms, port="exc", synapse=synapse, name=str(j))
    simulation = Simulation(network, dt=1 * ms, precision="float64", threads=1)
    simulation.run_until(1000 * seconds * ms)
    found = np.array([simulation.synapses(str(j))[key][0] for j in range(len(synapses))])
    simulation.close()
    return found


CALCIUM = (0.05, 0.5, 0.8, 2.0)  # µM: rest, little, moderate, high


def test_calcium_window_none_then_depression_then_potentiation():
    change = weights_after([CalciumWeight(calcium=c * uM) for c in CALCIUM], 4.0) - 1.0
    assert change[0] == 0.0 and change[1] == 0.0
    assert change[2] < -0.1
    assert change[3] > 0.1


@pytest.mark.parametrize("minus", [1.0, -1.0])
def test_the_articles_rule_has_no_window(minus):
    """CLAIMS F2: whichever sign (·)₋ takes, weights change at rest, and moderate calcium is not what depresses."""
    change = weights_after([ArticleWeight(calcium=c * uM, minus=minus) for c in CALCIUM], 4.0) - 1.0
    assert abs(change[0]) > 0.1, "changes at rest"
    assert np.sign(change[0]) == -minus
    assert not (abs(change[0]) < 1e-6 and change[2] < 0 < change[3])


def paired(model, modulator, current):
    """Weight after a second of 20 Hz onto a target that is held at a potential by a current below its threshold."""
    network = Network("paired")
    source = network.population("source", Relay(), 1)
    target = network.population("target", LIFExp(v_th=30.0 * LIFExp().v_th / LIFExp().v_th.value), 1)  # 30 mV: it never fires
    network.stimulate(source, Regular(50 * ms), port="spikes", weight=1.0)
    network.stimulate(target, Step(current * pA), input="current")
    network.project(source, target, OneToOne(), weight=1.0, delay=1 * ms, synapse=model(eta_h=0.0), input="current", name="one")
    simulation = Simulation(network, threads=1)
    simulation.set_modulator("one", modulator)
    simulation.run_until(1000 * ms)
    found = simulation.synapses("one")
    simulation.close()
    return found


def test_the_full_synapse_learns_by_pairing_and_the_modulator_scales_it():
    """20 Hz on a target at rest leaves the weight, at -21 mV it potentiates; a modulator of 1 doubles what is learned."""
    rest, held, more = (paired(FullSynapse, m, c)["weight"][0] - 1.0 for m, c in ((0.0, 0.0), (0.0, 1100.0), (1.0, 1100.0)))
    assert abs(rest) < 1e-6
    assert held > 0.02
    assert more == pytest.approx(2.0 * held, rel=0.02)
    assert abs(paired(ArticleSynapse, 0.0, 0.0)["weight"][0] - 1.0) > 0.02, "the article's rule changes weights at rest"


def test_homeostasis_brings_the_rate_to_its_target():
    """One neuron of ten times the wanted rate ends within 20 % of it."""
    network = Network("homeostasis")
    source, target = network.population("source", Relay(), 1), network.population("target", LIFExp(), 1)
    network.stimulate(source, Regular(5 * ms), port="spikes", weight=1.0)
    network.project(source, target, OneToOne(), weight=6000 * pA, delay=1 * ms, port="exc", synapse=Homeostatic(eta_h=0.1, target_rate=20 * Hz))
    simulation = Simulation(network, threads=1)
    result = simulation.run_until(6000 * ms)
    simulation.close()
    late = result.spikes.of("target").step * 0.1
    assert np.sum(late > 4000.0) / 2.0 == pytest.approx(20.0, rel=0.2)


def test_receptor_kinetics_settle_where_binding_balances_unbinding():
    """Fast spikes hold transmitter near T; then s = αT/(αT + β), and an unbound receptor closes with rate β."""
    network = Network("kinetics")
    source, target = network.population("source", Relay(), 1), network.population("target", LIFExp(), 1)
    network.stimulate(source, Regular(0.1 * ms, stop=50 * ms), port="spikes", weight=1.0)
    model = ReceptorKinetics(pulse=(1.0 - np.exp(-0.1)) * 1000 * uM)
    network.project(source, target, OneToOne(), weight=0.001 * nS, delay=0.1 * ms, synapse=model, input="current", name="one")
    simulation = Simulation(network, precision="float64", threads=1)
    simulation.run_until(50 * ms)
    found = simulation.synapses("one")
    mean = found["transmitter"][0]  # at the end of a step, just after the pulse
    assert found["open"][0] == pytest.approx(1.1 * mean / (1.1 * mean + 0.19), rel=1e-2)
    simulation.run_until(70 * ms)
    before = simulation.synapses("one")["open"][0]
    simulation.run_until(75 * ms)
    assert simulation.synapses("one")["open"][0] == pytest.approx(before * np.exp(-0.19 * 5), rel=1e-6)
    simulation.close()
