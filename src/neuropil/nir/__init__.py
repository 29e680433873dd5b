"""NIR: networks written to and read from files of the Neuromorphic Intermediate Representation, an extra (`pip install neuropil[nir]`)."""

from neuropil.nir.read import from_nir
from neuropil.nir.write import to_nir

__all__ = ["from_nir", "to_nir"]
