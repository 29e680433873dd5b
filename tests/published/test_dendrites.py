"""Neurons with dendrites do what their papers show: bursts on coincidence, NMDA spikes, products of inputs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import neuropil as npl
from neuropil.model import Network, SpikeList, TimeArray
from neuropil.units import mM, ms, nS, pA, pF
from neuropil.zoo.neurons.branch_neuron import BranchNeuron, StiffNMDADendrite, input_output
from neuropil.zoo.neurons.rate import LeakyReadout
from neuropil.zoo.neurons.sigma_pi import SigmaPi
from neuropil.zoo.neurons.three_compartment import ThreeCompartment
from neuropil.zoo.neurons.two_compartment import TwoCompartment


def spikes_of(model, lag=3.0, pulse=2200.0, dendrite=900.0, into="apical_current"):
    """Spikes for a 5 ms pulse into the soma, for a current like an EPSP into the dendrite `lag` ms later, and for both."""
    t = np.arange(0, 200, 0.1)
    late = np.maximum(t - 40 - lag, 0.0)
    epsp = np.exp(-late / 12) - np.exp(-late / 2)
    somatic, dendritic = ((t >= 40) & (t < 45)) * pulse, epsp / epsp.max() * dendrite
    net = Network("coincidence")
    pop = net.population("p", model, 3)
    net.stimulate(pop, TimeArray(np.stack([somatic, 0 * t, somatic], 1) * pA, 0.1 * ms), input="current")
    net.stimulate(pop, TimeArray(np.stack([0 * t, dendritic, dendritic], 1) * pA, 0.1 * ms), input=into)
    result = npl.run(net, 200 * ms, precision="float64", threads=1)
    return np.bincount(result.spikes.neuron, minlength=3).tolist()


@pytest.mark.parametrize("lag", [-5.0, 0.0, 3.0, 5.0])
def test_a_spike_that_meets_dendritic_input_makes_a_burst(lag):
    """Larkum, Zhu & Sakmann (1999): within some ms, either order; each alone makes one spike or none."""
    soma, dendrite, both = spikes_of(TwoCompartment(), lag)
    assert (soma, dendrite) == (1, 0) and both >= 2


def test_the_burst_needs_the_coincidence_the_coupling_and_the_calcium():
    assert spikes_of(TwoCompartment(), lag=20.0)[2] == 1
    assert spikes_of(TwoCompartment(g_c=0 * nS))[2] == 1
    assert spikes_of(TwoCompartment(g_ca=0 * pA))[2] == 1


def test_three_compartments_burst_as_well():
    soma, dendrite, both = spikes_of(ThreeCompartment(), pulse=2200.0)
    assert (soma, dendrite) == (1, 0) and both >= 2


@cache
def tuft(ratio):
    """Potential of the tuft after a volley of synapses of growing number."""
    counts = np.arange(1, 41, 3.0)
    net = Network("tuft")
    pop = net.population("p", ThreeCompartment(nmda_ratio=ratio), counts.size)
    net.stimulate(pop, SpikeList([10.0] * ms), port="apical", weight=counts * 0.5 * nS)
    net.probe(pop, "v_t")
    result = npl.run(net, 150 * ms, precision="float64", threads=1)
    assert not len(result.spikes), "an NMDA spike alone does not make the cell spike"
    return counts, result.traces["p.v_t"].values


def test_the_tuft_makes_nmda_spikes():
    """With NMDA, many synapses hold the tuft beyond -45 mV for tens of ms; without, none do."""
    _, v = tuft(2.0)
    lasting = (v > -45).sum(axis=0) * 0.1
    assert lasting[0] == 0 and lasting[-1] > 20
    assert (tuft(0.0)[1] > -45).sum(axis=0).max() * 0.1 < 10


# --- the branch neuron ------------------------------------------------------------------------------------------------

COUNTS = [1, 4, 8, 12, 16, 20, 40]


# A thin branch with twice as much NMDA as AMPA conductance; the defaults, fitted to the mean of thick and thin ones, saturate later.
THIN = {"c_m": 7.5 * pF, "g_l": 0.5 * nS, "g_c": 3 * nS, "tau_ampa": 2 * ms, "tau_nmda": 50 * ms, "nmda_ratio": 2.0}


@cache
def curve(mg=1.0):
    return input_output(BranchNeuron(mg=mg * mM, **THIN), COUNTS, npl.run)


def test_clustered_synapses_are_supralinear_then_saturate_and_spread_ones_go_on():
    """The numbers behind the two-layer neuron of Poirazi, Brannon & Mel (2003)."""
    io = curve()
    per_synapse = io["clustered"] / io["counts"]
    assert per_synapse[4] > 1.4 * per_synapse[0], "sixteen together beat sixteen times one"
    assert io["clustered"][4] > 1.4 * io["spread"][4]
    assert io["clustered"][-1] < 1.5 * io["clustered"][5], "saturation"
    # Spread over 20 branches, two synapses each: hardly more than the sum.
    assert io["spread"][-1] == pytest.approx(40 * io["spread"][0], rel=0.15)


def test_without_magnesium_there_is_no_supralinearity():
    io = curve(0.0)
    assert np.all(np.diff(io["clustered"] / io["counts"]) < 0)


def test_an_nmda_spike_is_a_plateau():
    """Twenty synapses hold their branch beyond -40 mV for tens of ms, five do not reach it."""
    net = Network("plateau")
    pop = net.population("p", BranchNeuron(**THIN), 2)
    net.stimulate(pop, SpikeList([5.0] * ms), port="branch.exc[0]", weight=np.array([5, 20]) * 0.5 * nS)
    net.probe(pop, "branch.v", sites=[0, 1])
    v = npl.run(net, 150 * ms, threads=1).traces["p.branch.v"]
    assert not np.any(v.of(0, 0) > -40)
    assert 20 < np.sum(v.of(1, 0) > -40) * 0.1 < 100
    assert not np.any(v.of(1, 1) > -60), "the other branches hardly notice"


def test_the_cheap_integrator_is_near_the_stiff_one():
    """Peaks of 1 to 40 synapses at once within 3 %."""
    stiff = input_output(BranchNeuron(dendrite=StiffNMDADendrite(**THIN)), COUNTS, npl.run)
    for name in ("clustered", "spread", "branch"):
        np.testing.assert_allclose(curve()[name], stiff[name], rtol=0.03)


# --- sigma-pi ---------------------------------------------------------------------------------------------------------


def test_a_sigma_pi_unit_adds_up_products():
    """A leaky readout far slower than the traces integrates net: tau dy/dt = -y + Σ w Π x, x decaying with 10 ms."""
    weight = np.array([1.0, -2.0, 3.0])
    model = SigmaPi(3, order=3, soma=LeakyReadout(tau=1e6 * ms), into="drive", weight=weight)
    net = Network("sigma_pi")
    pop = net.population("p", model, 1)
    x = np.array([[1.0, 2.0, 0.5], [2.0, 1.0, 1.0], [4.0, 0.0, 2.0]])  # the third conjunct lacks a factor
    for b in range(3):
        for i in range(3):
            net.stimulate(pop, SpikeList([0.1] * ms), port=f"branch.x{i + 1}[{b}]", weight=x[b, i])
    net.probe(pop, "y")
    y = npl.run(net, 200 * ms, precision="float64", threads=1).traces["p.y"].values[-1, 0]
    # Each product decays with tau / 3; a left Riemann sum, since net is held over a step.
    total = (weight * x.prod(axis=1)).sum() * 0.1 / (1 - np.exp(-3 * 0.1 / 10)) / 1e6
    assert y == pytest.approx(total, rel=1e-3)
