"""A trained network from a file: the network, as `Network.save` writes it, and beside it settings, history and facts."""

from __future__ import annotations

import os

from neuropil.errors import NetworkError
from neuropil.learn.fit.history import History
from neuropil.learn.fit.result import Fit
from neuropil.learn.fit.settings import Settings
from neuropil.model.network.load import load_described
from neuropil.model.network.network import Network

_PARTS = ("network", "settings", "training")


def load_fit(path: str | os.PathLike[str], *, trust: bool | str = False) -> Fit:
    """A trained network from a file that `Fit.save` wrote.

    Args:
        path: of the file.
        trust: whether code in the file may be executed, as of `neuropil.load_network`.

    Raises:
        NetworkError: no such file; one that is damaged or holds no training; code that is not trusted.
    """
    found = load_described(path, _PARTS, trust=trust)
    network, settings, training = (found[name] for name in _PARTS)
    if not (isinstance(network, Network) and isinstance(settings, Settings) and isinstance(training, dict)):
        raise NetworkError(f"the training in {path} cannot be read", got=f"{type(network).__name__}, {type(settings).__name__}", fix="restore it from a copy")
    return Fit(network, History(training["rows"], training["warnings"]), settings, training["batch"], training["facts"])
