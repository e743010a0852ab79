"""Every check there is, in the order it runs. A family is one module of `checks` with a tuple `CHECKS`."""

from meddef_core.auditing.check import Check
from meddef_core.registry import collected

CHECKS: dict[str, Check] = collected("meddef_core.auditing.checks", "CHECKS", key=lambda check: str(check.name))
