"""Formulas as MathML, which browsers show by themselves: no script and no font is fetched."""

import html
import re
from typing import Any

from latex2mathml.converter import convert
from mkdocs.exceptions import PluginError

# What pymdownx.arithmatex leaves of $…$ and $$…$$.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """The page's HTML with its formulas turned into MathML."""
    return _FORMULA.sub(_mathml, content)


def _mathml(found: "re.Match[str]") -> str:
    display = "block" if found[1] == "div" else "inline"
    formula = html.unescape(found[2]).strip()
    mathml = str(convert(formula, display=display))
    if "\\" in mathml:
        raise PluginError(f"latex2mathml does not know all of {formula!r}: write it in another way")
    return mathml
