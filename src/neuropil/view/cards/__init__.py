"""Cards of models: equations typeset, parameters, states, sources, an example and a response; and the list of all there is."""

from neuropil.view.cards.catalogue import Entry, entries, family, find, matching, unknown
from neuropil.view.cards.facts import Card, card

__all__ = ["Card", "Entry", "card", "entries", "family", "find", "matching", "unknown"]
