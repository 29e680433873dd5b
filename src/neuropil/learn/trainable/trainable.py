"""What is trained, said of a network's objects by name, and under which constraint.

    npl.Trainable(recurrent, "weight", sign="dale", bits=4)
    npl.Trainable(hidden, "tau_m", bounds=(2 * ms, 50 * ms), each=True)
    npl.Trainable(hidden, "v")                       # the initial value
    npl.Trainable(recurrent, "delay", bounds=(1 * ms, 10 * ms))
    npl.Trainable(plastic, "eta_fast")               # of the rule
    npl.Trainable(dopamine, "D1.ec50")
    npl.Trainable(dopamine.effects[0], "by")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neuropil.errors import ModelError

DALE, FACTOR = "dale", "factor"


@dataclass(frozen=True, eq=False)
class Trainable:
    """Numbers of a network that training may change.

    Args:
        owner: a population, a projection (also a graded one, or the list with one that `Network.project` returns), a modulator, or an effect of a modulator (`modulator.effects[k]`); of the
            network that is trained, or of one from which it comes: it is found by its kind and name.
        what: of a population a parameter ("tau_m", "branch.tau", "leak.g") or a state, whose initial value is meant ("v"); of a cell also "capacitance" and
            "axial", factors on those of its compartments; of a projection "weight", "delay", or a parameter or a state of its synapse
            model; of a graded projection "weight" or a parameter of its matrix; of a modulator a parameter of its kinetics or
            "<receptor>.ec50"; of an effect one of its constants.
        sign: "dale": every source keeps the sign that all of its weights have at the start.
        bounds: (least, most), quantities, numbers or None. Time constants, capacitances, conductances, resistances, lengths and rates
            stay positive in any case.
        bits: values lie on 2^bits levels between the bounds; gradients pass the rounding (straight-through). Without bounds: on 2^bits - 1 levels
            that are symmetric about zero, as far as the largest.
        each: True: one value for each neuron, site or synapse; False: one for all; "factor": one factor for all, from 1 on, which keeps their proportions (a density
            along a dendrite); bounds and scale are then of the factor, and it stays positive. None: as described; weights, delays and initial values one each.
        scale: the change that counts as 1 to the optimiser, a quantity or a number; None: the root mean square of the values at the start (1 if they are
            all zero, in base units).

    Raises:
        ModelError: an option that does not exist, or options that do not fit together.
    """

    owner: Any
    what: str
    sign: str | None = None
    bounds: tuple[Any, Any] | None = None
    bits: int | None = None
    each: bool | str | None = None
    scale: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.owner, (list, tuple)):  # as `Network.project` returns
            if len(self.owner) != 1:
                raise ModelError("Trainable: one owner is needed", got=f"{len(self.owner)} objects", fix="[npl.Trainable(p, ...) for p in projections]")
            object.__setattr__(self, "owner", self.owner[0])
        if not isinstance(self.what, str):
            raise ModelError("Trainable: what is trained must be given by its name", got=self.what, expected="for example 'weight' or 'tau_m'")
        if self.sign not in (None, DALE):
            raise ModelError("Trainable: unknown sign", got=self.sign, expected="'dale' or None")
        if self.bounds is not None and not (isinstance(self.bounds, (tuple, list)) and len(self.bounds) == 2):
            raise ModelError("Trainable: bounds must be a pair", got=self.bounds, expected="(least, most), of which one may be None")
        if self.each not in (None, True, False, FACTOR):
            raise ModelError("Trainable: each must be True, False, 'factor' or None", got=self.each)
        if self.bits is not None:
            least = 2 if self.bounds is None or None in self.bounds else 1
            if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not least <= self.bits <= 16:
                raise ModelError("Trainable: bits must be a whole number", got=self.bits, expected=f"{least} to 16")

    @property
    def label(self) -> str:
        """Owner and name, by which its free numbers go."""
        return f"{getattr(self.owner, 'label', None) or getattr(self.owner, 'name', self.owner)}.{self.what}"

    @property
    def constraint(self) -> str:
        """All that is asked for, as text."""
        return f"{self.label}: sign={self.sign!r}, bounds={self.bounds!r}, bits={self.bits!r}, each={self.each!r}, scale={self.scale!r}"
