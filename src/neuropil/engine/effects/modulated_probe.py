"""What a probe computes of parameters that modulators change: an operation that writes the constants of its expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuropil.codegen.effect_source import EffectsOnPart
from neuropil.engine.effects.faults import Effects
from neuropil.engine.effects.level import Level
from neuropil.engine.effects.modulated_target import ModulatedTarget, Own, first_number
from neuropil.lower.classify import parameter_leaf
from neuropil.lower.equation import EquationProgram
from neuropil.lower.graph import Graph
from neuropil.lower.modulation import EffectProgram, graft
from neuropil.model.contents.contents import Population
from neuropil.plan.buffers import Buffer

Static = Mapping[str, Any]
"""Values of parameters as described, by leaf: numbers, or float64[elements]."""


class ModulatedProbe(ModulatedTarget):
    """The constants of an expression, element by element. What an effect does wrong, its target says.

    Args:
        label: of the probe; population: that it records.
        program: of the expression.
        effects: by parameter, as the expression has it.
        dt: ms; levels: of all modulators, by name.
        static: of each owner the parameters of its elements; neurons: likewise, int64[elements].
        constants: of each owner, of each hoisted constant of the program, float64[elements].
    """

    def __init__(
        self, label: str, population: Population, program: EquationProgram, effects: Effects, dt: float, levels: Mapping[str, Level],
        static: Sequence[Static], neurons: Sequence[np.ndarray], constants: Sequence[Sequence[np.ndarray]],
    ):  # fmt: skip
        super().__init__(label, dt, effects, levels)
        traced, graph, names = EffectProgram.of(effects), Graph(), list(effects)
        leaves = {parameter_leaf(n) for n in names}
        self.places = [k for k, node in enumerate(program.hoisted) if program.graph.leaves(node) & leaves]
        nodes = graft(graph, program.graph, [program.hoisted[k] for k in self.places])
        mixed, self.fields = self.mixed_and_fields(names)
        self.mixed, read = mixed, frozenset({*graph.leaves(*nodes), *leaves})
        self.compute(EffectsOnPart(
            traced.graph, traced.values, traced.within, names, read, mixed, self.fields, (Graph(), []), [], (graph, nodes),
            [None] * len(nodes), self.places, None, False, "float64", any_value=True,
        ))  # fmt: skip
        self.operate([self._held(t, population, neurons[t], constants[t]) for t in range(len(neurons))], Buffer(f"constants of {label}", np.float64, 0))
        self.take(static)

    def _held(self, t: int, population: Population, neurons: np.ndarray, constants: Sequence[np.ndarray]) -> Own:
        text = self.text
        own: Own = {"numbers": np.array([first_number(key, {}) for key in text.numbers]), "rows": np.zeros((len(text.rows), neurons.size)), "size": neurons.size}
        own |= {"table": np.zeros((1, 1)), "periods": np.zeros(1, np.int32), "first": 0, "last": 0, "sites": 1}
        own |= {f"c{k}": self.levels[name].c[t] for k, name in enumerate([*self.mixed, *self.fields])}
        own |= {f"j{k}": self.levels[name].modulator.grid.voxels[population.name][neurons] for k, name in enumerate(self.fields)}
        return own | {f"d{k}": constants[k] for k in self.places}

    def take(self, static: Sequence[Static]) -> None:
        """Begin from parameters as described.

        Args:
            static: of each owner.
        """
        for own, known in zip(self.own, static, strict=True):
            for r, (kind, name) in enumerate(self.text.rows):
                if kind in ("base", "now", "known"):
                    own["rows"][r] = known[name if kind == "known" else parameter_leaf(name)]

    def explain(self, step: int) -> None:
        """Nothing: its target says what an effect did wrong."""
