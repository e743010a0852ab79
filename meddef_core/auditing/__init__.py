"""Whether a robustness number can be trusted: checks of the model, of its gradients and of the attack itself.

`audit(Subject(network=..., x=..., y=..., classes=4, eps=4 / 255))` is the one entry; `meddef audit` the same on the
command line. References: Carlini et al. 2019, On evaluating adversarial robustness, arXiv:1902.06705; Athalye, Carlini
and Wagner 2018, Obfuscated gradients give a false sense of security, arXiv:1802.00420; Tramer et al. 2020, On adaptive
attacks to adversarial example defenses, arXiv:2002.08347; Pintor et al. 2022, Indicators of attack failure,
arXiv:2106.09947.
"""

from meddef_core.auditing.adapted import Adapted
from meddef_core.auditing.check import Check
from meddef_core.auditing.finding import CheckOutcome, Finding
from meddef_core.auditing.registry import CHECKS
from meddef_core.auditing.run import Audit, audit
from meddef_core.auditing.subject import FULL, QUICK, AuditPlan, AuditSubject

__all__ = [
    "CHECKS",
    "FULL",
    "QUICK",
    "Adapted",
    "Audit",
    "AuditPlan",
    "AuditSubject",
    "Check",
    "CheckOutcome",
    "Finding",
    "audit",
]
