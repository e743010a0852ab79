"""Text for cells of a table that a spreadsheet will open, whatever its language and its separator."""

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
"""What makes a spreadsheet run a cell as a formula (OWASP, CSV Injection), full-width and small forms included."""

_FORMULA = re.compile(rf"(^|[;,|\t\r\n])([\s\"]*)(?=[{_SIGNS}])|^(?=[\t\r])")
"""Where one could begin: at the start, or behind a sign by which a spreadsheet may cut cells. Where the decimal sign is
a comma, that is the semicolon, and quotation marks do not protect what stands between them from being cut."""


def harmless(cell: str) -> str:
    """`cell` with an apostrophe before all that a spreadsheet could run; the rest stays as it is."""
    return _FORMULA.sub(lambda found: f"{found[1] or ''}{found[2] or ''}'", cell)
