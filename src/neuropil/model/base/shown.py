"""What a notebook shows of a description: its card, which lies above descriptions and is asked for by a service."""

from __future__ import annotations

from neuropil.registry import provided


class Shown:
    """Base of descriptions that notebooks show with equations and tables."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """The card, without a picture."""
        html: str = provided("cards").card(self).html(picture=False)
        return html

    def _repr_latex_(self) -> str | None:
        """Its equations; None without any."""
        latex: str = provided("cards").card(self).latex()
        return latex or None
