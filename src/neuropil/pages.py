"""Pages from Jinja2 templates, which lie in the folder `templates` of a package; all that enters a page is escaped."""

from __future__ import annotations

from functools import cache
from typing import Any


def render(package: str, template: str, **values: Any) -> str:
    """Fill in a template.

    Args:
        package: the package that holds the template: ``__package__`` of the caller.
        template: its file name. Values are escaped in .html; in .md they stand as they are.
        values: by the names that the template has for them; one that it misses is an error.

    Returns:
        The text of the page.
    """
    text: str = _environment(package).get_template(template).render(values)
    return text


@cache
def _environment(package: str) -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(package), autoescape=select_autoescape(["html"]), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
