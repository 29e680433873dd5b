"""A synapse whose weight is multiplied by a parameter, which a modulator can change: w · scale.

Acetylcholine weakens recurrent synapses and not afferent ones (Hasselmo 2006, Curr Opin Neurobiol 16:710);
norepinephrine multiplies all input (Servan-Schreiber, Printz & Cohen 1990, Science 249:892).
"""

from __future__ import annotations

from neuropil.model import Synapse


class Scaled(Synapse):
    """A weight times `scale`, from 0 to 4: beyond that what is transmitted is cut."""

    scale: float = 1.0


    def transmits(self, s, w):
        return w * self.scale
