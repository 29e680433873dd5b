"""Whether spikes still change synapses enough for float32 under modulated parameters: the compiled question has the answer of the one that plans ask."""

from __future__ import annotations

import numpy as np
import pytest

from neuropil.lower.graph import Graph
from neuropil.lower.synapse import plan_synapses
from neuropil.lower.synapse_resolution import resolved_sums, slow_synapses
from neuropil.maths import minimum
from neuropil.model import AllToAll, Network, State, Synapse
from neuropil.units import ms, pA
from neuropil.zoo.neurons.lif import LIFExp
from neuropil.zoo.plasticity.pair_stdp import AdditiveSTDP, MultiplicativeSTDP


class Counter(Synapse):
    """Spikes are summed up, up to a bound."""

    by: float = 0.1
    most: float = 10.0

    total = State(1.0)

    def arrive(self, s, w):
        return dict(total=minimum(s.total + self.by, self.most))


@pytest.mark.parametrize(("model", "names"), [(AdditiveSTDP(), ("a_plus", "a_minus")), (MultiplicativeSTDP(), ("a_plus", "a_minus")), (Counter(), ("by",))])
def test_the_compiled_question_has_the_same_answer(model, names) -> None:
    net = Network("resolution")
    cells = net.population("cells", LIFExp(), 3)
    (into,) = net.project(cells, cells, AllToAll(), weight=20 * pA, delay=1 * ms, port="exc", synapse=model)
    program, graph = plan_synapses(net)[0], Graph()
    nodes, answers = resolved_sums(graph, program, into.weight, names), []
    for size in np.logspace(-8, 8, 17):
        values = {n: size * getattr(model, n).value for n in names}
        found = graph.evaluate(nodes, {f"p.{n}": v for n, v in values.items()})
        answers.append(all(map(bool, found)))
        assert answers[-1] == (not slow_synapses(program, into.weight, 0.1, changed=values)), (size, values)
    assert True in answers and False in answers
